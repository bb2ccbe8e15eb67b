"""The functions of a notebook: what they refuse, in whose words, and that what they take is taken as it is meant."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import algocli
from algocli.encoding.settings import Settings
from algocli.errors import AlgocliError, MissingStep, UsageError
from algocli.pipeline import import_features
from tests.encoding.data_by_hand import datasets_to_spoil, write_dataset, written_datasets  # noqa: F401
from tests.support.challenge import write_tiny_challenge


@pytest.fixture(scope="module")
def recipe(written: Path) -> str:
    (found,) = (path.name for path in (written / "cache/features").iterdir())
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, written: Path, recipe: str) -> Any:
    """Subjects 1 and 6 of dataset a. Shared: to be read only."""
    home = tmp_path_factory.mktemp("trained")
    shutil.copytree(written / "cache", home / "cache")
    subjects = algocli.Challenge(written / "a").subjects()
    return algocli.train(subjects, recipe, n_components=5, cache_dir=home / "cache")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"regression": "OLS"}, "did you mean ols"),
        ({"regression": "rigde"}, "did you mean ridge"),
        ({"regression": "Lasso"}, "regression='Lasso' is not known"),
        ({"n_component": 5}, "no setting 'n_component' (did you mean n_components?)"),
        ({"pca": 5}, "did you mean n_components"),
        ({"n_folds": 5}, "did you mean folds"),
        ({"forced": True}, "did you mean force"),
        ({"holdout": 1.5}, "holdout=1.5 is no share between 0 and 1"),
        ({"folds": 3, "holdout": 0.1}, "not both"),
        ({"seed": -1}, "seed=-1"),
        ({"force": "no"}, "force='no': True or False was expected"),
        ({"name": ""}, "cannot be a run's name"),
        ({"name": "a/b"}, "cannot be a run's name"),
        ({"name": 3}, "cannot be a run's name"),
        ({"device": "gpu"}, "'gpu' is no device"),
        ({"device": "meta"}, "nothing is computed on the device 'meta'"),
        ({"device": None}, "device=None"),
        ({"cache_dir": None}, "cache_dir=None: a path was expected"),
    ],
    ids=str,
)
def test_a_mistake_in_training_is_told_in_the_words_of_python(
    home: Path, recipe: str, options: dict[str, Any], sentence: str
) -> None:
    subject = algocli.Challenge(home / "a").subject(1)
    with pytest.raises(UsageError) as caught:
        algocli.train(subject, recipe, **{"cache_dir": home / "cache", **options})
    assert sentence in caught.value.message
    assert "--" not in caught.value.message + str(caught.value.hint)
    assert not (home / "cache/runs").exists()


@pytest.mark.parametrize("subjects", [[], 1, "subj01", ["subj01"], None, Path()], ids=str)
def test_what_is_no_subject_is_refused_with_where_to_get_one(home: Path, recipe: str, subjects: Any) -> None:
    for call in (algocli.train, algocli.extract):
        with pytest.raises(UsageError, match="subjects: ") as caught:
            call(subjects, recipe, cache_dir=home / "cache")
        assert "Challenge(folder).subjects()" in str(caught.value.hint)


def test_a_challenge_is_not_taken_for_its_subjects(home: Path, recipe: str) -> None:
    with pytest.raises(UsageError, match="found Challenge"):
        algocli.train(algocli.Challenge(home / "a"), recipe, cache_dir=home / "cache")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layers": []}, "layers="),
        ({"layers": 3}, "layers=3"),
        ({"model": None}, "model=None"),
        ({"model": "alexnot"}, "did you mean alexnet"),
        ({"weights": 3}, "weights=3"),
        ({"device": "tpu3"}, "is no device"),
        ({"device": 0}, "device=0"),
        # Torch knows of it, whether or not it was built for it.
        ({"device": "mps"}, "no MPS device is available to torch"),
        ({"transform": "Tutorial"}, "transform='Tutorial' is not known (did you mean tutorial?)"),
        ({"transform": None}, "transform=None is not known"),
    ],
    ids=str,
)
def test_a_mistake_in_extracting_is_a_sentence(home: Path, options: dict[str, Any], sentence: str) -> None:
    subject = algocli.Challenge(home / "a").subject(1)
    with pytest.raises(UsageError) as caught:
        algocli.extract(subject, **{"cache_dir": home / "cache", "weights": "random", **options})
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"files": None}, "files=None: a path was expected"),
        ({"files": []}, "files=[]: a path"),
        ({"name": 3}, "name=3: a name was expected"),
        ({"cache_dir": None}, "cache_dir=None: a path was expected"),
        ({"ids": "ids.txt"}, "there is no setting 'ids' (did you mean ids_file?)"),
        ({"ids_file": 3}, "ids_file=3: a path was expected"),
        ({"names_file": 3}, "names_file=3: a path was expected"),
        ({"ids_from": "1"}, "ids_from='1': a whole number"),
        ({"key": "Row"}, "key='Row' is not known (did you mean row?)"),
        ({"force": "no"}, "force='no': True or False was expected"),
    ],
    ids=str,
)
def test_a_mistake_in_importing_is_a_sentence(home: Path, given: dict[str, Any], sentence: str) -> None:
    subject = algocli.Challenge(home / "a").subject(1)
    np.save(home / "mine.npy", np.ones((len(subject.stimuli), 3), np.float32))
    with pytest.raises(UsageError) as caught:
        import_features(subject, **{"files": home / "mine.npy", "name": "mine", "cache_dir": home / "cache", **given})
    assert sentence in caught.value.message


def test_what_is_none_in_an_import_is_left_to_the_default(home: Path) -> None:
    subject = algocli.Challenge(home / "a").subject(1)
    rows = np.random.default_rng(0).standard_normal((len(subject.stimuli), 3)).astype(np.float32)
    np.save(home / "mine.npy", rows)
    options = dict.fromkeys(("dataset", "key", "ids_file", "ids_from", "names_file", "dtype", "force"))
    assert import_features(subject, str(home / "mine.npy"), "mine", cache_dir=str(home / "cache"), **options) == (
        "mine",
    )


def test_one_name_of_features_is_one_feature(run: Any, recipe: str) -> None:
    assert run.settings == Settings((recipe,), n_components=5)
    assert run.subjects == (1, 6)


def test_other_data_under_the_same_name_is_refused_unless_forced(home: Path, recipe: str) -> None:
    def train(data: str, number: int, **options: Any) -> Any:
        subject = algocli.Challenge(home / data).subject(number)
        return algocli.train(subject, [recipe], n_components=5, cache_dir=home / "cache", **options)

    train("a", 1, name="same")
    for number in (1, 6):
        with pytest.raises(UsageError, match="run same was trained on other data"):
            train("b", number, name="same")
    assert train("b", 6, name="same", force=True).subjects == (6,)
    assert train("a", 1).name != train("b", 1).name


def test_subjects_of_two_datasets_are_not_trained_in_one_run(home: Path, recipe: str) -> None:
    subjects = [algocli.Challenge(home / "a").subject(1), algocli.Challenge(home / "b").subject(6)]
    with pytest.raises(UsageError, match="of one dataset"):
        algocli.train(subjects, recipe, n_components=5, cache_dir=home / "cache")


@pytest.mark.parametrize(
    "call",
    [
        lambda run: algocli.report("a-run"),  # type: ignore[arg-type]
        lambda run: algocli.report(run, rois=[]),
        lambda run: algocli.report(run, rois=3),  # type: ignore[arg-type]
        lambda run: algocli.report(run, rois="V9"),
        lambda run: algocli.report(run, data_dir=3),  # type: ignore[arg-type]
        lambda run: algocli.predict("a-run", 1, "x.png"),  # type: ignore[arg-type]
        lambda run: algocli.predict(run, True, "x.png"),
        lambda run: algocli.predict(run, 100, "x.png"),
        lambda run: algocli.predict(run, "a/b", "x.png"),
        lambda run: algocli.predict(run, 1, []),
        lambda run: algocli.predict(run, 1, "x.png", trust_remote_code="yes"),  # type: ignore[arg-type]
        lambda run: algocli.find_run(3),  # type: ignore[arg-type]
        lambda run: algocli.find_run(run.cache_dir, None),  # type: ignore[arg-type]
        lambda run: algocli.find_run(run.cache_dir, ""),
        lambda run: algocli.Run(3),  # type: ignore[arg-type]
        lambda run: run.subject(".."),
        lambda run: run.subject(True),
        lambda run: run.subject(0),
        lambda run: run.has(1.0),
        lambda run: algocli.report(run).row(1, "top", "V1v"),
        lambda run: algocli.report(run).row(2, "left", "V1v"),
        lambda run: algocli.report(run).row(1, "left", "V9"),
        lambda run: algocli.Challenge(None),  # type: ignore[arg-type]
        lambda run: algocli.Challenge(3),  # type: ignore[arg-type]
        lambda run: algocli.correlate(np.zeros(3), np.zeros(3)),
        lambda run: algocli.correlate([["a"]], [["b"]]),  # type: ignore[arg-type]
        lambda run: algocli.correlate(np.zeros((0, 3)), np.zeros((0, 3))),
        lambda run: algocli.correlate([[1], [1, 2]], [[1], [2]]),  # type: ignore[arg-type]
    ],
)
def test_an_argument_that_is_not_what_it_can_be_is_a_usage_error(run: Any, call: Any) -> None:
    with pytest.raises(UsageError):
        call(run)


@pytest.mark.parametrize(
    "name",
    [
        "correlation",
        "fold_correlations",
        "validation_predictions",
        "test_predictions",
        "alphas",
        "blend_weights",
        "band_shares",
    ],
)
@pytest.mark.parametrize(
    ("hemisphere", "guess"), [("lef", "left"), ("lrh", "left, right"), ("both", "left, right"), (None, "left, right")]
)
def test_a_hemisphere_by_another_name_is_refused_with_the_right_one(
    run: Any, name: str, hemisphere: Any, guess: str
) -> None:
    with pytest.raises(UsageError) as caught:
        getattr(run.subject(1), name)(hemisphere)
    assert guess in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("hemisphere", ["left_hemisphere", "both", 0])
def test_a_subjects_hemispheres_are_left_and_right(written: Path, hemisphere: Any) -> None:
    subject = algocli.Challenge(written / "a").subject(1)
    calls = [
        lambda: subject.responses("train", hemisphere),
        lambda: subject.n_vertices(hemisphere),
        lambda: subject.noise_ceiling(hemisphere),
        lambda: subject.fsaverage_vertices(hemisphere),
        lambda: subject.roi_vertices("V1v", hemisphere),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="hemisphere="):
            call()


@pytest.mark.parametrize("split", ["trainings", "val", None])
def test_a_split_by_another_name_is_refused(written: Path, split: Any) -> None:
    subject = algocli.Challenge(written / "a").subject(1)
    for call in (lambda: subject.responses(split, "left"), lambda: subject.has_responses(split)):
        with pytest.raises(UsageError, match="split="):
            call()


@pytest.mark.parametrize("number", ["one", "9", 1.0, True, 0, 9, None])
def test_a_subjects_number_is_a_whole_one(written: Path, number: Any) -> None:
    with pytest.raises(UsageError, match="subject="):
        algocli.Challenge(written / "a").subject(number)


@pytest.mark.parametrize("which", [6, "6", "06", "subj06", np.int64(6)])
def test_a_subject_goes_by_its_number_or_its_folders_name(written: Path, run: Any, which: Any) -> None:
    assert algocli.Challenge(written / "a").subject(which).number == 6
    assert run.subject(which).id == 6
    assert run.has(which)


def test_subjects_are_named_by_one_number_or_several_each_once(written: Path) -> None:
    challenge = algocli.Challenge(written / "a")
    assert [one.number for one in challenge.subjects(6)] == [6]
    assert [one.number for one in challenge.subjects([6, np.int64(1), 6])] == [6, 1]


def test_a_roi_may_be_called_by_its_name_whatever_its_case(written: Path) -> None:
    subject = algocli.Challenge(written / "a").subject(1)
    (roi,) = (one for one in subject.rois if one.name == "V1v")
    np.testing.assert_array_equal(subject.roi_vertices("v1V", "left"), subject.roi_vertices(roi, "left"))
    with pytest.raises(UsageError, match=r"no ROI is named 'V1x'; did you mean V1v"):
        subject.roi_vertices("V1x", "left")


def test_one_roi_is_a_list_of_one(run: Any) -> None:
    assert algocli.report(run, rois="v1v").rows == algocli.report(run, rois=["V1v"]).rows


def test_lists_of_numbers_are_correlated_as_arrays_are() -> None:
    found = algocli.correlate([[1, 2], [2, 1], [3, 0]], [[2, 1], [4, 2], [6, 4]])
    expected = [np.corrcoef([1, 2, 3], [2, 4, 6])[0, 1], np.corrcoef([2, 1, 0], [1, 2, 4])[0, 1]]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_response_that_is_not_finite_has_no_correlation(bad: float) -> None:
    responses = np.random.default_rng(0).standard_normal((5, 3))
    spoilt = responses.copy()
    spoilt[2, 1] = bad
    for pair in ((spoilt, responses), (responses, spoilt)):
        with pytest.raises(AlgocliError, match="NaN or infinity, for instance in 1 of 3 vertices"):
            algocli.correlate(*pair)


def test_a_report_of_data_in_another_folder_says_so(run: Any, written: Path, tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path / "other", n_train=40, n_test=6, image_size=8)
    (note,) = (one for one in algocli.report(run, data_dir=tmp_path / "other").notes if "was trained on" in one)
    assert str(written / "a") in note
    assert str(tmp_path / "other") in note
    assert not any("was trained on" in one for one in algocli.report(run, data_dir=written / "a").notes)


def test_an_array_goes_by_its_name(run: Any) -> None:
    share = run.subject(1)
    np.testing.assert_array_equal(share.array("left_correlation"), share.correlation("left"))
    assert {"left_correlation", "right_pred_test", "validation_rows"} <= set(share.arrays)
    with pytest.raises(UsageError, match="did you mean left_correlation") as caught:
        share.array("left_correlations")
    assert "right_pred_validation" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["../subj06/left_correlation", "record.json", "", None])
def test_what_is_no_array_of_the_run_is_refused(run: Any, name: Any) -> None:
    with pytest.raises(UsageError):
        run.subject(1).array(name)


def test_a_runs_table_has_what_its_arrays_say(run: Any) -> None:
    table = run.table()
    assert [(row["subject"], row["hemisphere"]) for row in table] == [
        (1, "left"),
        (1, "right"),
        (6, "left"),
        (6, "right"),
    ]
    assert table[3]["median_r"] == np.median(run.subject(6).correlation("right"))


def test_a_reports_table_is_its_rows_with_the_columns_that_were_asked_for(run: Any) -> None:
    found = algocli.report(run, rois="V1v", intervals=True, n_resamples=10)
    assert [row["mean_r"] for row in found.table()] == [row.mean_r for row in found.rows]
    assert "low" in found.table()[0]
    assert "low" not in algocli.report(run, rois="V1v").table()[0]


def test_a_run_and_its_report_say_what_they_are_of(run: Any) -> None:
    assert repr(run) == f"Run({run.name}: subjects 1, 6; {str(run.folder)!r})"
    assert f"run {run.name}: 4 rows, subjects 1, 6, 1 ROIs" in repr(algocli.report(run, rois="V1v"))
    assert repr(run.subject(1)).startswith(f"SubjectRun(subject 1 of {run.name}: ")


def test_a_report_of_one_subject_has_its_rows_alone(run: Any) -> None:
    everything = algocli.report(run)
    assert algocli.report(run, subjects=np.int64(6)).rows == tuple(row for row in everything.rows if row.subject == 6)


def test_a_preset_brings_its_settings_and_what_is_named_goes_before_it(home: Path, recipe: str) -> None:
    subject = algocli.Challenge(home / "a").subject(1)
    trained = algocli.train(subject, recipe, preset="tutorial", n_components=5, cache_dir=home / "cache")
    assert trained.settings == Settings((recipe,), n_components=5, refit=False)
    with pytest.raises(UsageError, match="did you mean tutorial"):
        algocli.train(subject, recipe, preset="tutorials", cache_dir=home / "cache")  # type: ignore[arg-type]


def test_missing_features_of_a_preset_say_how_to_make_them(home: Path) -> None:
    subject = algocli.Challenge(home / "a").subject(1)
    with pytest.raises(MissingStep) as caught:
        algocli.train(subject, preset="baseline", cache_dir=home / "cache")
    assert caught.value.hint == "algocli extract --preset baseline"


def test_whole_settings_take_nothing_beside_them(home: Path, recipe: str) -> None:
    subject = algocli.Challenge(home / "a").subject(1)
    for more in ({"seed": 5}, {"preset": "strong"}, {"layers": "features.2"}):
        with pytest.raises(UsageError, match="given whole"):
            algocli.train(subject, Settings(recipe), cache_dir=home / "cache", **more)  # type: ignore[arg-type]


def test_figures_of_several_subjects_go_by_their_numbers(run: Any, written: Path, tmp_path: Path) -> None:
    found = algocli.plot("rois", run, rois="V1v", path=tmp_path)
    assert list(found) == [1, 6]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rois_subj01.png", "rois_subj06.png"]
    one = algocli.plot("roi", names="V1v", data_dir=written / "a", subjects=1)
    assert type(one).__name__ == "Figure"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda run: algocli.plot("rois"), "plot rois needs a run"),
        (lambda run: algocli.plot("roys", run), "did you mean rois"),
        (lambda run: algocli.plot("rois", run, vmin=0), "plot rois takes no vmin=..."),
        (lambda run: algocli.plot("rois", "latest"), "runs: a Run was expected"),
        (lambda run: algocli.compare(run), "one run alone"),
        (lambda run: algocli.report(run, title="A"), "title=... is the heading of a page"),
        (lambda run: algocli.export(run, file_format="xlsx"), "file_format='xlsx' is not known"),
        (lambda run: algocli.submit(run, weighted=True), "weighted=True is for average=True"),
        (lambda run: algocli.score(run, repeats=(1, 2, 3)), "are for nsd=..."),
        (lambda run: algocli.score(run, nsd="x", repeats=(1, 2)), "repeats=(1, 2): three whole numbers"),
        (lambda run: algocli.predict_files(run, []), "images="),
        (lambda run: algocli.plot("rois", run, dpi="x"), "dpi='x'"),
        (lambda run: algocli.plot("accuracy", run, vmax="x"), "vmax='x': a finite number"),
        (lambda run: algocli.plot("best-layer", run, min_r=2), "min_r=2: a correlation from 0 to 1"),
        (lambda run: algocli.submit(run, mantissa_bits=99), "mantissa_bits=99: 'auto', or a whole number"),
    ],
)
def test_a_wish_that_cannot_be_is_told_in_the_words_of_python(run: Any, call: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        call(run)
    assert sentence in caught.value.message
    assert "--" not in caught.value.message


def test_files_are_told_as_soon_as_they_are_there(run: Any, tmp_path: Path) -> None:
    told: list[Path] = []
    written = algocli.export(run, tmp_path, subjects=6, made=lambda path: told.append(path) or path.stat())
    assert told == written
    assert {path.parent.name for path in written} == {"subj06"}
