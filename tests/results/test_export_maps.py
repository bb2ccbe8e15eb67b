"""Every vertex of a run is at its own place on fsaverage, in the files of Workbench and of FreeSurfer."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.io import read_annot
from nibabel.freesurfer.mghformat import MGHImage

from algocli.dataset.challenge.subjects import Challenge
from algocli.results.export_maps import export_gifti, export_nifti, export_overlays
from algocli.runs.p_values import KeptP, keep, state
from tests.results.by_hand import n_vertices, write_run
from tests.results.official import official_percent
from tests.support.challenge import MAPPINGS

N_FSAVERAGE = 163_842
SIDES = {"left": "lh", "right": "rh"}
CLASSES = list(MAPPINGS)


@pytest.fixture(scope="module")
def assured(tmp_path_factory):
    """A run whose significance is known of subject 6 alone."""
    run = write_run(tmp_path_factory.mktemp("cache"))
    share = run.subject(6)
    p = {h: np.linspace(0.01, 1, n_vertices(6, h)) for h in SIDES}
    keep(share, KeptP(p, n_permutations=99, seed=0), state(share))
    return run


@pytest.fixture(scope="module")
def gifti(tiny_challenge, assured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gifti")
    export_gifti(Challenge(tiny_challenge).subject(6), assured.subject(6), folder)
    return lambda name: nibabel.load(folder / "subj06" / name)


@pytest.fixture(scope="module")
def overlays(tiny_challenge, assured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mgh")
    export_overlays(Challenge(tiny_challenge).subject(6), assured.subject(6), folder)
    return folder / "subj06"


def read_overlay(path):
    # nibabel leaves the files of this kind that it opens to the garbage collector.
    return np.asarray(MGHImage.from_bytes(path.read_bytes()).dataobj).ravel()


@pytest.fixture
def known(tiny_challenge, assured):
    """What there is to know of a hemisphere, (n_vertices,), and the vertices that it is about."""

    def read(hemisphere):
        side, home = SIDES[hemisphere], tiny_challenge / "subj06"
        r = np.load(assured.folder / f"subj06/{hemisphere}_correlation.npy")
        ceiling = np.load(home / f"test_split/noise_ceiling/{side}_noise_ceiling.npy")
        p = np.linspace(0.01, 1, len(r))
        values = {"correlation": r, "noise_ceiling": ceiling, "accuracy": official_percent(r, ceiling), "p": p}
        mask = np.load(home / f"roi_masks/{side}.all-vertices_fsaverage_space.npy")
        return values, np.flatnonzero(mask)

    return read


@pytest.mark.parametrize("hemisphere", SIDES)
def test_each_vertex_has_its_value_at_its_fsaverage_index_in_gifti(gifti, known, hemisphere):
    values, vertices = known(hemisphere)
    for name, expected in values.items():
        data = gifti(f"{SIDES[hemisphere]}.{name}.func.gii").darrays[0].data
        np.testing.assert_allclose(data[vertices], expected, rtol=1e-6)
        assert data.shape == (N_FSAVERAGE,)
        assert np.isnan(np.delete(data, vertices)).all()


@pytest.mark.parametrize("hemisphere", SIDES)
def test_each_vertex_has_its_value_at_its_fsaverage_index_in_an_overlay(overlays, known, hemisphere):
    values, vertices = known(hemisphere)
    values["sig"] = -np.log10(values.pop("p"))
    values["mask"] = np.ones(len(vertices))
    for name, expected in values.items():
        data = read_overlay(overlays / f"{SIDES[hemisphere]}.{name}.mgh")
        np.testing.assert_allclose(data[vertices], expected, rtol=1e-6)
        assert not np.delete(data, vertices).any()
    assert not (overlays / f"{SIDES[hemisphere]}.p.mgh").exists()


@pytest.mark.parametrize("hemisphere", SIDES)
@pytest.mark.parametrize("roi_class", CLASSES)
def test_labels_are_the_masks_on_fsaverage(gifti, tiny_challenge, hemisphere, roi_class):
    side = SIDES[hemisphere]
    image = gifti(f"{side}.{roi_class}.label.gii")
    mask = np.load(tiny_challenge / f"subj06/roi_masks/{side}.{roi_class}_fsaverage_space.npy")
    np.testing.assert_array_equal(image.darrays[0].data, mask)
    assert list(image.labeltable.get_labels_as_dict().values()) == ["???", *MAPPINGS[roi_class].split()[1:]]
    colours = [label.rgba for label in image.labeltable.labels]
    assert len(set(colours)) == len(colours)


@pytest.mark.parametrize("hemisphere", SIDES)
@pytest.mark.parametrize("roi_class", CLASSES)
def test_annotations_are_the_masks_on_fsaverage(overlays, tiny_challenge, hemisphere, roi_class):
    side = SIDES[hemisphere]
    found, _, names = read_annot(overlays / f"{side}.{roi_class}.annot")
    mask = np.load(tiny_challenge / f"subj06/roi_masks/{side}.{roi_class}_fsaverage_space.npy")
    assert [name.decode() for name in names] == MAPPINGS[roi_class].split()[1:]
    # Codes count from 1, places in the table from 0; -1 has no annotation.
    np.testing.assert_array_equal(found + 1, mask)


@pytest.mark.parametrize(("export", "missing"), [(export_gifti, "p.func.gii"), (export_overlays, "sig.mgh")])
def test_what_is_not_known_has_no_file(challenge, assured, tmp_path, export, missing):
    written = export(challenge.subject(1), assured.subject(1), tmp_path)
    assert sorted(written) == sorted((tmp_path / "subj01").iterdir())
    assert not [path for path in written if path.name.endswith(missing)]
    assert [path.name[:2] for path in written] == ["lh"] * (len(written) // 2) + ["rh"] * (len(written) // 2)


def test_nifti_has_the_same_vertex_by_vertex_as_freesurfer_keeps_surfaces(gifti, tiny_challenge, assured, tmp_path):
    subject = Challenge(tiny_challenge).subject(6)
    files = export_nifti(subject, assured.subject(6), tmp_path)
    assert len(files) == len(set(files)) == 2 * (4 + len(CLASSES))
    for path in files:
        read = nibabel.load(path)
        assert read.shape == (N_FSAVERAGE, 1, 1)
        # The header's own numbers, as mri_info has them of a surface of this size.
        assert read.header["dim"][1:4].tolist() == [27307, 1, 6]
        name = path.name.removesuffix(".nii.gz")
        twin = gifti(
            f"{name}.func.gii" if (path.parent / name).name.split(".")[1] not in CLASSES else f"{name}.label.gii"
        )
        np.testing.assert_array_equal(np.asarray(read.dataobj).ravel(), twin.agg_data())
    again = export_nifti(subject, assured.subject(6), tmp_path / "again")
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]
