"""Tasks as JSON: what comes back is what was written down, and nothing else is made of a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algocli.compute.executors.descriptions import describe, restore
from algocli.compute.executors.tasks import Needs
from algocli.compute.track import silent, unheard
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.kinds.pictures import Viewer
from algocli.dataset.sides import BySide
from algocli.encoding.gram_tasks import BlockProducts, Products
from algocli.encoding.settings import Settings
from algocli.errors import DataError, UsageError
from algocli.features.passage import Passage
from algocli.features.reduction import Reduction
from algocli.pipeline import similarity_asked
from algocli.pipeline.extraction_tasks import Order, Rows
from algocli.pipeline.similarity_tasks import SubjectSimilarity
from algocli.pipeline.sweep_networks import Asking
from algocli.pipeline.sweep_tasks import InnerFolds, SweptOrder, SweptRows
from algocli.pipeline.training_tasks import SubjectTraining
from algocli.results import regions
from algocli.results.certainty import Asked
from algocli.results.certainty_tasks import SubjectCertainty
from algocli.results.curve_tasks import SubjectCurve
from algocli.results.regions import Chosen
from algocli.results.similarity import How
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


def there_and_back(value: Any) -> Any:
    return restore(json.loads(json.dumps(describe(value))))


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.integers() | st.text() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    PLAIN | st.builds(range, st.integers(0, 9), st.integers(0, 9)) | st.frozensets(st.integers()),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
)


@given(VALUES)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.array([], np.int8), np.float32(2.5), np.array("word")]
)
def test_arrays_come_back_with_their_types(array: Any) -> None:
    back = there_and_back(array)
    assert type(back) is type(array)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def subject_training() -> SubjectTraining:
    run = Run(Path("cache/runs/mine"))
    run.opened_with, run.opened_for = Settings(("some-0a",), regression="ridge"), frozenset({1, 6})
    subjects = Subject(1, Path("data/subj01")), Subject(6, Path("data/subj06"))
    return SubjectTraining(1, subjects, run, Path("cache"), None, ("algocli", "train"), False, "cpu")


def rows() -> Rows:
    order = Order("alexnet", ("features.2",), (("weights", "random"), ("image_size", 64)), "cpu", False)
    passage = Passage(rows=range(256, 512), reduction=Reduction(pool=2))
    return Rows(
        Viewer(Path("pictures")), order, passage, Path("cache"), Path("all.h5"), (Path("x"),), Needs(5, 0, True)
    )


def swept_rows() -> SweptRows:
    asked = (("features.*",), (("pool", 2),)), (None, ())
    order = SweptOrder("alexnet", asked, ("conv1",), Asking("cpu", 32, False))
    return SweptRows(Viewer(Path("pictures")), order, range(32, 64), Path("cache"), None, (Path("x"),), Needs(2**30))


def certainty() -> SubjectCertainty:
    run, subject = Run(Path("cache/runs/mine")), Subject(1, Path("data/subj01"))
    asked = Asked(n_permutations=40, seed=3)
    return SubjectCertainty(run, SubjectRun(1, run.folder / "subj01"), subject, {"left": {"V1v": np.arange(3)}}, asked)


def curve() -> SubjectCurve:
    subject = Subject(1, Path("data/subj01"))
    return SubjectCurve(Run(Path("cache/runs/mine")), subject, {"sizes": [10, 20], "seed": 4}, Chosen(("V1v",)), 30)


def alike() -> SubjectSimilarity:
    asked = similarity_asked.Asked(
        "ROI", ("some-0a",), (), (), Chosen(("V1v",)), None, Path("cache"), silent, Path("x.h5")
    )
    return SubjectSimilarity(asked, Subject(1, Path("data/subj01")), How(n_permutations=5))


@pytest.mark.parametrize(
    "task",
    [
        subject_training(),
        rows(),
        rows().whole,
        Products((Path("cache/features/a/b"),), "cpu"),
        BlockProducts(Products((Path("cache/features/a/b"), Path("cache/features/c/d")), "cpu", (2, 3, 5)), 3),
        swept_rows(),
        swept_rows().whole,
        InnerFolds(Run(Path("cache/runs/mine")), Subject(1, Path("data/subj01"))),
        certainty(),
        curve(),
        alike(),
    ],
)
def test_every_task_has_a_description_that_says_all_of_it(task: Any) -> None:
    back = there_and_back(task)
    assert type(back) is type(task)
    assert describe(back) == describe(task)


def test_a_collection_of_our_own_keeps_what_it_holds_and_what_it_has() -> None:
    chosen = Chosen(("V1v", "FFA-1"))
    chosen.min_ceiling = 0.05
    back = there_and_back(chosen)
    assert type(back) is Chosen
    assert (back, back.min_ceiling) == (("V1v", "FFA-1"), 0.05)
    sides = there_and_back(BySide(left=1, right=2))
    assert type(sides) is BySide
    assert (dict(sides), sides["lh"]) == ({"left": 1, "right": 2}, 1)


def test_a_number_of_our_own_is_not_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ours(int):
        pass

    Ours.__module__, Ours.__qualname__ = Chosen.__module__, "Ours"
    monkeypatch.setattr(regions, "Ours", Ours, raising=False)
    with pytest.raises(UsageError, match="cannot be written down"):
        describe(Ours(3))


def test_what_nobody_hears_or_sees_is_called_by_its_name() -> None:
    assert (there_and_back(silent), there_and_back(unheard)) == (silent, unheard)


def test_a_task_that_comes_back_has_the_parts_that_it_had() -> None:
    task, back = subject_training(), there_and_back(subject_training())
    assert back.label == "subject 6"
    assert replace(back, names_run=True).label == f"subject 6, run {back.into.name}"
    # With --print, or beside other runs, it is the same work.
    assert replace(back, command_line=("algocli", "--print"), names_run=True).whole == back.whole
    assert (back.into.folder, back.into.opened_with) == (task.into.folder, task.into.opened_with)
    assert back.into.opened_for == {1, 6}
    assert [subject.folder for subject in back.subjects] == [Path("data/subj01"), Path("data/subj06")]
    assert there_and_back(rows()).passage == rows().passage


def test_what_was_found_out_about_a_subject_is_not_written_down() -> None:
    viewer = Viewer(Path("pictures"))
    before = describe(viewer)
    viewer.__dict__["train_stimuli"] = (object(),)
    assert describe(viewer) == before


class Foreign:
    """Of no class of algocli."""


@pytest.mark.parametrize("value", [Foreign(), print, Foreign, np.array([None]), 1j, lambda: None])
def test_what_is_not_ours_is_not_written_down(value: Any) -> None:
    with pytest.raises(UsageError, match="no class of algocli"):
        describe([value])


@pytest.mark.parametrize(
    "description",
    [
        {"object": "os:system", "made_with": ["true"]},
        {"object": "subprocess:Popen", "made_with": [["true"]]},
        # What a module of ours has imported is not ours.
        {"object": "algocli.compute.files:os.system", "made_with": ["true"]},
        {"object": "algocli.compute.files:Path", "made_with": ["x"]},
        # A function is no class.
        {"object": "algocli.compute.files:write_json", "made_with": ["x", {}]},
        {"object": "algocli.nowhere:Nothing", "has": {}},
        {"object": "algocli.runs.run:Run", "made_with": ["x"]},
        {"object": "algocli.runs.run:Run", "is": "x"},
        {"object": "algocli.runs.run:Run"},
        {"object": 5, "has": {}},
        {"tuple": 5},
        {"range": ["a"]},
        {"array": "AAAA"},
        {"lambda": []},
        {},
        {"tuple": [], "dict": []},
    ],
)
def test_what_describes_nothing_of_ours_is_refused(description: Any) -> None:
    with pytest.raises(DataError):
        restore(description)


def test_an_array_of_objects_is_not_unpickled() -> None:
    import base64
    import io

    stream = io.BytesIO()
    np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(DataError):
        restore({"array": base64.b64encode(stream.getvalue()).decode()})
