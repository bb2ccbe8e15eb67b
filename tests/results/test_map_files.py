"""Maps for other programs, read back by nibabel."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.io import read_annot
from nibabel.freesurfer.mghformat import MGHImage

from algocli.errors import StorageError
from algocli.results.map_files import Label, write_annotation, write_labels, write_metric, write_overlay

N_FSAVERAGE = 163_842
LABELS = [Label(1, "OFA", (204, 102, 119)), Label(2, "FFA-1", (51, 34, 136)), Label(5, "aTL-faces", (0, 0, 1))]


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    everywhere = np.full(N_FSAVERAGE, np.nan)
    everywhere[rng.choice(N_FSAVERAGE, 50, replace=False)] = rng.uniform(-1, 1, 50)
    return everywhere


@pytest.fixture
def codes():
    everywhere = np.zeros(N_FSAVERAGE, dtype=np.int64)
    everywhere[[0, 7, N_FSAVERAGE - 1]] = [2, 1, 2]
    return everywhere


def test_a_metric_is_a_map_of_float32_with_nothing_outside(tmp_path, values):
    write_metric(tmp_path / "lh.r.func.gii", values, "left", "r")
    image = nibabel.load(tmp_path / "lh.r.func.gii")
    [array] = image.darrays
    assert array.data.dtype == np.float32
    np.testing.assert_array_equal(array.data, values.astype(np.float32))
    assert nibabel.nifti1.intent_codes.niistring[array.intent] == "NIFTI_INTENT_NONE"
    assert array.meta["Name"] == "r"


@pytest.mark.parametrize(("hemisphere", "structure"), [("left", "CortexLeft"), ("right", "CortexRight")])
def test_gifti_says_which_cortex_it_is_of(tmp_path, values, codes, hemisphere, structure):
    write_metric(tmp_path / "r.func.gii", values, hemisphere, "r")
    write_labels(tmp_path / "faces.label.gii", codes, LABELS, hemisphere, "faces")
    for path in tmp_path.iterdir():
        assert nibabel.load(path).meta["AnatomicalStructurePrimary"] == structure


def test_labels_are_a_map_of_codes_and_their_table(tmp_path, codes):
    write_labels(tmp_path / "lh.faces.label.gii", codes, LABELS, "left", "faces")
    image = nibabel.load(tmp_path / "lh.faces.label.gii")
    [array] = image.darrays
    assert array.data.dtype == np.int32
    np.testing.assert_array_equal(array.data, codes)
    assert nibabel.nifti1.intent_codes.niistring[array.intent] == "NIFTI_INTENT_LABEL"
    assert image.labeltable.get_labels_as_dict() == {0: "???", 1: "OFA", 2: "FFA-1", 5: "aTL-faces"}
    nothing, *others = image.labeltable.labels
    assert nothing.rgba[3] == 0
    assert [label.rgba for label in others] == [
        pytest.approx([*(part / 255 for part in label.colour), 1]) for label in LABELS
    ]


def test_an_overlay_is_float32_in_freesurfers_shape_with_zeros_outside(tmp_path, values):
    write_overlay(tmp_path / "lh.r.mgh", values)
    # nibabel leaves the files of this kind that it opens to the garbage collector.
    image = MGHImage.from_bytes((tmp_path / "lh.r.mgh").read_bytes())
    assert image.shape == (N_FSAVERAGE, 1, 1)
    assert image.get_data_dtype() == np.dtype(">f4")
    expected = np.where(np.isnan(values), 0, values).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(image.dataobj).ravel(), expected)


def test_an_annotation_names_each_vertex_with_an_roi_and_no_other(tmp_path, codes):
    write_annotation(tmp_path / "lh.faces.annot", codes, LABELS)
    found, table, names = read_annot(tmp_path / "lh.faces.annot")
    assert names == [b"OFA", b"FFA-1", b"aTL-faces"]
    assert table[:, :4].tolist() == [[*label.colour, 0] for label in LABELS]
    assert {vertex: names[found[vertex]] for vertex in np.flatnonzero(found >= 0)} == {
        0: b"FFA-1",
        7: b"OFA",
        N_FSAVERAGE - 1: b"FFA-1",
    }


def test_an_annotation_has_the_bytes_of_nibabels_own(tmp_path, codes):
    write_annotation(tmp_path / "ours.annot", codes, LABELS)
    places = np.searchsorted([0, *(label.code for label in LABELS)], codes) - 1
    colours = np.array([[*label.colour, 0] for label in LABELS])
    nibabel.freesurfer.write_annot(tmp_path / "theirs.annot", places, colours, [label.name for label in LABELS])
    theirs = (tmp_path / "theirs.annot").read_bytes()
    # The name of a table is free; nibabel's, like ours, is as long as it says.
    assert (tmp_path / "ours.annot").read_bytes() == theirs.replace(b"\0\0\0\7NOFILE\0", b"\0\0\0\x08algocli\0")


@pytest.mark.parametrize(
    "write",
    [
        lambda path, values, codes: write_metric(path, values, "left", "r"),
        lambda path, values, codes: write_labels(path, codes, LABELS, "left", "faces"),
        lambda path, values, codes: write_overlay(path, values),
        lambda path, values, codes: write_annotation(path, codes, LABELS),
    ],
)
def test_the_same_map_has_the_same_bytes_and_a_file_is_no_folder(tmp_path, values, codes, write):
    for name in ("once", "again"):
        write(tmp_path / name, values, codes)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "again").read_bytes()
    with pytest.raises(StorageError):
        write(tmp_path / "once" / "map", values, codes)
