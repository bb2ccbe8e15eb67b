"""Windows on the image: what several fits say together, what an ROI's have in common, and the files that hold them."""

from __future__ import annotations

import csv
import shutil

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.mghformat import MGHImage
from scipy.stats import circmean

import algocli
from algocli.encoding.settings import Settings
from algocli.errors import DataError, UsageError
from algocli.results.export import export_arrays, export_table
from algocli.results.export_group import export_group
from algocli.results.export_maps import export_gifti, export_overlays
from algocli.results.receptive_fields import VertexFields, combine, fields_of, read_fields
from algocli.results.report import summarise
from algocli.runs.opening import open_run
from tests.results.blends import write_recipe
from tests.results.by_hand import SETTINGS, n_vertices, write_run
from tests.results.fields_by_hand import draw_fields, write_apart_run, write_fields_run
from tests.results.plots.groups import write_group, write_group_run

WHOLE = (0, 0, np.inf, 0)
LEFT = draw_fields(31, 10)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    write_fields_run(folder, subjects=(1, 6))
    write_run(folder, "without", finished_at=1e9)
    return folder


@pytest.fixture(scope="module")
def seen(cache):
    return write_fields_run(cache.parent / "own", subjects=(1, 6))


def test_the_refit_stands_for_all_and_the_whole_image_is_no_window(seen):
    fields = read_fields(seen, 1, "left", 31)
    assert fields.has_window.tolist() == [v % 3 != 0 for v in range(31)]
    np.testing.assert_array_equal(fields.x[fields.has_window], LEFT[0, fields.has_window])
    assert np.isnan(fields.size[::3]).all()
    assert (fields.margin[::3] == 0).all()


def with_peaks(folder, peaks):
    """Write a run of which it is known where between windows errors are least, by hemisphere."""
    run = write_fields_run(folder)
    share = run.subject(1)
    for side, array in peaks.items():
        share.save(f"{side}_field_peak", array.astype(np.float32))
    share.finish(share.record)
    return run


def test_what_is_told_lies_between_windows_where_the_run_knows_it_and_the_rim_is_that_of_windows(tmp_path, seen):
    moved = np.array([0.25, -0.5, 0.125])[:, None] + LEFT[:3]
    told = read_fields(with_peaks(tmp_path, {"left": np.stack([np.zeros_like(moved), moved])}), 1, "left", 31)
    tried = read_fields(seen, 1, "left", 31)
    for values, before, by in ((told.x, tried.x, 0.25), (told.y, tried.y, -0.5), (told.size, tried.size, 0.125)):
        np.testing.assert_allclose(values, before + by, rtol=1e-6)
    np.testing.assert_array_equal(told.margin, tried.margin)
    np.testing.assert_array_equal(told.has_window, tried.has_window)


@pytest.mark.parametrize("shape", [(1, 3, 31), (2, 4, 31), (2, 3, 30)])
def test_places_between_windows_that_fit_no_window_are_refused(tmp_path, shape):
    run = with_peaks(tmp_path, {"left": np.zeros(shape)})
    with pytest.raises(DataError, match="3 numbers x 31 vertices were expected"):
        read_fields(run, 1, "left", 31)


def test_without_a_refit_more_than_half_of_the_folds_decide():
    fits = np.array(
        [
            # One vertex a column: seen by all, by two of three, by one of three, by none, and by nobody asked.
            [(1, -0.1, 1, 0.3), (2, 2, 1, 0.2), (3, 3, 1, 0.9), WHOLE, (0, 0, np.inf, np.nan)],
            [(1, 0.1, 2, 0.1), (4, 0, 3, 0.4), WHOLE, WHOLE, (0, 0, np.inf, np.nan)],
            [(1, 0.2, 3, 0.2), WHOLE, WHOLE, WHOLE, (0, 0, np.inf, np.nan)],
        ]
    ).transpose(0, 2, 1)
    x, y, size, margin = combine(fits, refit=False)
    np.testing.assert_allclose(x, [1, 3, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(y, [0.1, 1, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(size, [2, 2, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(margin, [0.2, 0.3, 0, 0, np.nan])


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        # Of size 1 nothing was tried beyond 3 to a side and 2 up or down, of size 2 nothing but the middle.
        ([(3, 0, 1), (-3, 2, 1), (1, -2, 1), (0, 0, 2)], [True, True, True, False, False, False]),
        ("fine", [False] * 6),
    ],
)
def test_the_rim_is_where_nothing_further_out_was_tried_of_that_size(tmp_path, windows, expected):
    name, settings = "tried", Settings(SETTINGS.features, regression="fields", windows=windows, image_width=8.4)
    run, whole = open_run(tmp_path, name, settings), np.array([0, 0, np.inf, 0], np.float32)
    share = write_fields_run(tmp_path / "other").subject(1)
    field = np.repeat(whole[:, None], 31, axis=1)
    places = [(3, 0, 1), (0, 2, 1), (-1, -2, 1.1), (2, 1, 1), (0, 0, 2)]
    field[:, :5] = np.array([(*place, 0.1) for place in places]).T
    shutil.copytree(share.folder, run.folder / "subj01")
    share = run.subject(1)
    share.save("left_field", field[None])
    share.finish(share.record)
    fields = read_fields(run, 1, "left", 31)
    assert fields.at_rim[:6].tolist() == expected
    assert fields.sum_up(np.arange(31))["rim_share"] == sum(expected) / 5
    # Where it is told to lie between windows does not matter.
    share.save("left_field_peak", 0.9 * field[None, :3])
    share.finish(share.record)
    told = read_fields(run, 1, "left", 31)
    assert told.at_rim.tolist() == fields.at_rim.tolist()
    np.testing.assert_allclose(told.x[:5], 0.9 * fields.x[:5], rtol=1e-6)


def test_angles_run_from_the_right_over_the_top():
    x, y = np.array([1.0, 0, -1, 0, 1, 0]), np.array([0.0, 2, 0, -1, -1, 0])
    fields = VertexFields(x, y, np.ones(6), np.ones(6), None)
    np.testing.assert_allclose(fields.angle, [0, 90, 180, 270, 315, np.nan])
    np.testing.assert_allclose(fields.eccentricity, [1, 2, 1, 1, np.sqrt(2), 0])


@pytest.mark.parametrize("roi", ["EBA", "All vertices"])
def test_a_report_sums_up_the_windows_of_a_roi(challenge, seen, roi):
    report = summarise(challenge, seen, subjects=[1], rois=[roi])
    row = report.row(1, "left", roi)
    subject = challenge.subject(1)
    some = [each for each in subject.rois if each.name == roi]
    vertices = subject.roi_vertices(some[0], "left") if some else np.arange(31)
    x, y, size, margin = LEFT[:, vertices].astype(float)
    has = margin > 0
    assert row.field_share == has.mean()
    assert row.median_size == pytest.approx(np.median(size[has]))
    assert row.median_margin == pytest.approx(np.median(margin[has]))
    assert row.median_eccentricity == pytest.approx(np.median(np.hypot(x, y)[has]))
    turned = np.degrees(circmean(np.arctan2(y, x)[has]))
    assert row.mean_angle == pytest.approx(turned)
    assert report.records[0]["mean_angle"] == row.mean_angle


def test_a_run_without_windows_has_no_columns_of_them(challenge, cache):
    report = summarise(challenge, next(run for run in _runs(cache) if run.name == "without"), subjects=[1])
    assert not report.has_fields
    assert "field_share" not in report.records[0]


def test_where_there_are_none_the_run_that_has_them_is_named(challenge, cache, tmp_path):
    without = next(run for run in _runs(cache) if run.name == "without")
    with pytest.raises(UsageError, match="run without has no receptive fields: its regression is ols") as caught:
        fields_of(without, challenge.subject(1), ("left",))
    assert caught.value.hint == "run='with-fields' has them"
    with pytest.raises(UsageError) as caught:
        fields_of(write_run(tmp_path, "alone"), challenge.subject(1), ("left",))
    assert "train --regression fields" in caught.value.hint


@pytest.mark.parametrize("shape", [(1, 4, 30), (4, 31), (1, 3, 31)])
def test_windows_of_other_vertices_are_refused(tmp_path, shape):
    fits = {"left": np.zeros(shape, np.float32), "right": np.zeros((1, 4, 41), np.float32)}
    run = write_fields_run(tmp_path, fits=fits)
    with pytest.raises(DataError, match="31 vertices were expected"):
        read_fields(run, 1, "left", 31)


def test_every_format_has_the_same_windows(challenge, seen, tmp_path):
    subject, share = challenge.subject(1), seen.subject(1)
    export_arrays(share, tmp_path)
    export_table(subject, share, tmp_path)
    export_gifti(subject, share, tmp_path)
    export_overlays(subject, share, tmp_path)
    home, places = tmp_path / "subj01", subject.places("left").vertices
    fields = read_fields(seen, 1, "left", 31)
    rows = _rows(home / "vertices.csv")
    for name, values in fields.maps():
        np.testing.assert_array_equal(np.load(home / f"lh_{name}.npy"), values)
        np.testing.assert_array_equal([float(row[name] or "nan") for row in rows], values)
        gifti = nibabel.load(home / f"lh.{name}.func.gii").agg_data()
        np.testing.assert_array_equal(gifti[places], values.astype(np.float32))
        mgh = np.asarray(MGHImage.from_bytes((home / f"lh.{name}.mgh").read_bytes()).dataobj)[:, 0, 0]
        np.testing.assert_array_equal(mgh[places], np.nan_to_num(values).astype(np.float32))
    turned = np.angle(LEFT[0] + 1j * LEFT[1], deg=True) % 360
    np.testing.assert_allclose(fields.angle[fields.has_window], turned[fields.has_window], rtol=1e-6)


def test_a_group_has_the_angle_where_its_subjects_point_together(tmp_path):
    group, run = write_group(tmp_path / "data"), write_group_run(tmp_path / "cache", "three")
    for subject, turn in ((1, 350), (2, 30), (3, 10)):
        share = run.subject(subject)
        for h in ("left", "right"):
            field = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn)), 1, 0.1], np.float32)
            share.save(f"{h}_field", np.repeat(field[None, :, None], n_vertices(subject, h), axis=2))
        share.finish(share.record)
    pairs = [(group.subject(number), run.subject(number)) for number in (1, 2, 3)]
    files = {path.name: path for path in export_group(pairs, tmp_path, "gifti")}
    angle, n = (nibabel.load(files[f"lh.{name}.func.gii"]).agg_data() for name in ("prfangle", "n_subjects"))
    np.testing.assert_allclose(angle[n == 3], 10, atol=1e-4)
    assert (n == 3).sum() > 5


@pytest.mark.parametrize("file_format", ["npy", "csv", "gifti", "mgh", "nifti"])
@pytest.mark.parametrize("layer", [None, "features.2", "alexnet-features.5-1a2b3c4d"])
def test_every_format_has_the_windows_on_the_layer_that_is_named(challenge, tmp_path, file_format, layer):
    run, subject = write_apart_run(tmp_path / "cache"), challenge.subject(1)
    for node in ("features.2", "features.5"):
        write_recipe(tmp_path / "cache", f"alexnet-{node}-1a2b3c4d", "alexnet", node)
    algocli.export(run, tmp_path, file_format=file_format, layer=layer, data_dir=challenge, subjects=[1])
    home, places = tmp_path / "subj01", subject.places("left").vertices
    expected = read_fields(run, 1, "left", 31, layer).x
    found = {
        "npy": lambda: np.load(home / "lh_prfx.npy"),
        "csv": lambda: [float(row["prfx"] or "nan") for row in _rows(home / "vertices.csv")],
        "gifti": lambda: nibabel.load(home / "lh.prfx.func.gii").agg_data()[places],
        "mgh": lambda: MGHImage.from_bytes((home / "lh.prfx.mgh").read_bytes()).get_fdata()[places, 0, 0],
        "nifti": lambda: nibabel.load(home / "lh.prfx.nii.gz").get_fdata()[places, 0, 0],
    }[file_format]()
    known = np.nan_to_num(expected) if file_format == "mgh" else expected
    np.testing.assert_array_equal(np.asarray(found, np.float32), known.astype(np.float32))


def test_a_layer_that_has_no_windows_is_refused_before_a_file_is_written(challenge, cache, seen, tmp_path):
    apart, none = write_apart_run(tmp_path / "cache"), write_run(tmp_path / "none", "none")
    for run, told in (
        (apart, r"run apart has windows on"),
        (seen, "one window of all its layers"),
        (none, "run none has no receptive fields"),
    ):
        with pytest.raises(UsageError, match=told):
            algocli.export(run, tmp_path / "out", layer="features.9")
    assert not (tmp_path / "out").exists()


def _rows(path):
    with path.open() as stream:
        return [row for row in csv.DictReader(stream) if row["hemisphere"] == "left"]


def _runs(cache):
    from algocli.runs.finding import list_runs

    return list_runs(cache)


def test_of_layers_with_windows_of_their_own_the_heaviest_is_shown_or_the_one_that_is_named(tmp_path, seen):
    apart = write_apart_run(tmp_path)
    each = [read_fields(apart, 1, "left", 31, f"alexnet-features.{n}-1a2b3c4d") for n in (2, 5)]
    np.testing.assert_array_equal(each[0].x[each[0].has_window], LEFT[0, each[0].has_window])
    np.testing.assert_allclose(each[1].x - each[0].x, np.where(each[0].has_window, 10, np.nan), rtol=1e-5)
    heaviest = read_fields(apart, 1, "left", 31)
    expected = np.where(np.arange(31) % 2, each[1].x, each[0].x)
    # What no layer explains has no window of any.
    expected[-1] = np.nan
    np.testing.assert_array_equal(heaviest.x, expected)
    assert heaviest.margin[-1] == 0
    with pytest.raises(
        UsageError, match=r"layer='features\.9': run apart has windows on alexnet-features\.2-1a2b3c4d, a"
    ):
        read_fields(apart, 1, "left", 31, "features.9")
    with pytest.raises(UsageError, match="has one window of all its layers"):
        read_fields(seen, 1, "left", 31, "features.2")


def test_a_report_says_whose_windows_it_sums_up_where_layers_have_their_own(tmp_path, challenge):
    report = summarise(challenge, write_apart_run(tmp_path), subjects=[1])
    assert any("the layer that weighs most" in note for note in report.notes)
    assert report.row(1, "left", "All vertices").field_share == pytest.approx(20 / 31)
