"""Receptive fields beside measured ones, in the files and the conventions in which NSD has these."""

from __future__ import annotations

import numpy as np
import pytest
from nibabel.freesurfer.mghformat import MGHImage
from scipy.stats import pearsonr, spearmanr

from algocli.dataset.nsd.prf_files import find_prf_files, read_prf
from algocli.errors import DataError, UsageError
from algocli.pipeline.retinotopy import compare_prf
from algocli.results.map_files import write_nifti
from tests.results.by_hand import n_vertices, write_run
from tests.results.fields_by_hand import draw_fields, write_fields_run

SIDES = {"left": "lh", "right": "rh"}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return write_fields_run(tmp_path_factory.mktemp("cache"), subjects=(1, 6))


def measure(hemisphere, n, seed=5):
    """Return angle and eccentricity near the planted ones, with a vertex that nobody measured and one of 0."""
    x, y, *_ = draw_fields(n, 10 + (hemisphere == "right")).astype(float)
    rng = np.random.default_rng(seed)
    x, y = x + 0.4 * rng.standard_normal(n), y + 0.4 * rng.standard_normal(n)
    angle, eccentricity = np.degrees(np.arctan2(y, x)) % 360, np.hypot(x, y)
    angle[1] = eccentricity[1] = np.nan
    angle[2] = eccentricity[2] = 0
    return {"prfangle": angle, "prfeccentricity": eccentricity}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_challenge):
    home = tmp_path_factory.mktemp("label")
    for hemisphere, side in SIDES.items():
        mask = np.load(tiny_challenge / f"subj01/roi_masks/{side}.all-vertices_fsaverage_space.npy") != 0
        for holds, values in measure(hemisphere, n_vertices(1, hemisphere)).items():
            full = np.zeros(163_842, np.float32)
            full[mask] = values
            (home / f"{side}.{holds}.mgz").write_bytes(b"")
            MGHImage(full.reshape(-1, 1, 1), None).to_filename(home / f"{side}.{holds}.mgz")
    (home / "lh.prfsize.mgz").write_bytes(b"is not read")
    return home


def test_rows_correlate_what_both_have(challenge, seen, folder):
    comparison = compare_prf(seen, folder, data_dir=challenge, subjects=1, rois="All vertices")
    for hemisphere in SIDES:
        x, y, _, margin = draw_fields(n_vertices(1, hemisphere), 10 + (hemisphere == "right")).astype(float)
        angle, eccentricity = (v.astype(np.float32).astype(float) for v in measure(hemisphere, len(x)).values())
        both = (margin > 0) & (eccentricity > 0)
        row = comparison.of_roi("with-fields", hemisphere, "All vertices")
        assert (row.n_in_roi, row.n_vertices) == (len(x), both.sum())
        own, other = np.hypot(x, y)[both], eccentricity[both]
        assert row.eccentricity_r == pytest.approx(pearsonr(own, other).statistic)
        assert row.eccentricity_rho == pytest.approx(spearmanr(own, other).statistic)
        assert row.eccentricity_error == pytest.approx(np.median(np.abs(own - other)))
        turned = np.exp(1j * (np.arctan2(y, x)[both] - np.radians(angle[both])))
        assert row.angle_error == pytest.approx(np.median(np.abs(np.angle(turned, deg=True))))
        first, second = np.arctan2(y, x)[both], np.radians(angle[both])
        sines = [np.sin(a - np.angle(np.exp(1j * a).mean())) for a in (first, second)]
        assert row.angle_r == pytest.approx(np.sum(sines[0] * sines[1]) / np.sqrt(np.prod([s @ s for s in sines])))
        assert row.angle_r > 0.3
    assert comparison.records[0]["run"] == "with-fields"


def test_files_of_one_side_and_one_quantity_tell_what_they_can(challenge, seen, folder):
    comparison = compare_prf(
        seen, folder / "rh.prfangle.mgz", data_dir=challenge, subjects=1, rois=["all", "aTL-faces"]
    )
    absent, everything = comparison.rows
    assert (everything.hemisphere, everything.eccentricity_r) == ("right", None)
    assert everything.angle_r is not None
    assert (absent.n_in_roi, absent.angle_r) == (0, None)
    assert comparison.notes == ("no file is of the left side",)


def test_an_array_in_the_challenges_own_order_is_read_as_the_map_is(challenge, folder, tmp_path):
    values = measure("left", 31)["prfangle"]
    np.save(tmp_path / "lh_prfangle.npy", values)
    subject = challenge.subject(1)
    of_array = read_prf(find_prf_files([tmp_path])["left"], subject, "left")["prfangle"]
    of_map = read_prf(find_prf_files([folder])["left"], subject, "left")["prfangle"]
    assert np.isnan(of_map).sum() == 2
    known = ~np.isnan(of_map)
    np.testing.assert_allclose(of_array[known], of_map[known], rtol=1e-6)


def test_a_nifti_file_as_export_writes_it_is_read_as_the_map_is(challenge, folder, tmp_path):
    of_map = find_prf_files([folder / "lh.prfangle.mgz"])["left"]
    full = np.asarray(MGHImage.from_filename(of_map["prfangle"]).dataobj)
    write_nifti(tmp_path / "lh.prfangle.nii.gz", full.reshape(-1))
    subject = challenge.subject(1)
    of_nifti = read_prf(find_prf_files([tmp_path])["left"], subject, "left")["prfangle"]
    np.testing.assert_array_equal(of_nifti, read_prf(of_map, subject, "left")["prfangle"])
    (tmp_path / "lh.prfangle.nii.gz").write_bytes(b"torn")
    with pytest.raises(DataError, match=r"prfangle\.nii\.gz is no whole map of FreeSurfer"):
        read_prf(find_prf_files([tmp_path])["left"], subject, "left")


@pytest.mark.parametrize("n", [227_021, 30, 10_242])
def test_a_map_on_another_surface_is_refused(challenge, seen, tmp_path, n):
    np.save(tmp_path / "lh.prfangle.npy", np.zeros(n, np.float32))
    with pytest.raises(DataError, match=f"has {n:,} values; the left side of subject 1 has 31 vertices") as caught:
        compare_prf(seen, tmp_path, data_dir=challenge, subjects=1)
    assert "on the subject's own surface" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lh.prfsize.npy", "does not say what it holds"),
        ("prfangle.npy", "does not say which hemisphere"),
        ("lh.prfangle.txt", "of no kind that is read here"),
        ("gone.npy", "is no file or folder"),
    ],
)
def test_a_file_whose_name_says_too_little_is_refused(tmp_path, name, told):
    if name != "gone.npy":
        np.save(tmp_path / "lh.npy", np.zeros(3))
        (tmp_path / "lh.npy").rename(tmp_path / name)
    with pytest.raises((DataError, UsageError), match=told):
        find_prf_files([tmp_path / name])


def test_radians_are_told_from_degrees(challenge, seen, tmp_path):
    np.save(tmp_path / "lh.prfangle.npy", np.radians(measure("left", 31)["prfangle"]))
    with pytest.raises(DataError, match="look like radians"):
        compare_prf(seen, tmp_path, data_dir=challenge, subjects=1)


def test_two_files_of_the_same_and_a_folder_of_none_are_refused(folder, tmp_path):
    with pytest.raises(UsageError, match="both hold prfangle of the left hemisphere"):
        find_prf_files([folder, folder / "lh.prfangle.mgz"])
    with pytest.raises(DataError, match="holds no receptive fields"):
        find_prf_files([tmp_path])


def test_files_are_of_one_subject_and_for_runs_that_have_fields(challenge, seen, folder):
    with pytest.raises(UsageError, match=r"files of prf=\.\.\. are one subject's, and there are 2"):
        compare_prf(seen, folder, data_dir=challenge)
    without = write_run(seen.cache_dir, "without", finished_at=1e9)
    with pytest.raises(UsageError, match="run without has no receptive fields"):
        compare_prf([without], folder, data_dir=challenge, subjects=1)
