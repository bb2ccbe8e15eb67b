"""Features of the training images alone: what is scored is as it would have been, and nothing more is predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.settings import Settings
from algocli.errors import MissingStep
from algocli.features.imports.locating import locate_rows
from algocli.features.imports.matrices import open_matrix
from algocli.features.imports.stores import import_features
from algocli.runs.opening import open_run
from algocli.runs.run import Run, SubjectRun
from algocli.runs.training import train_subject
from algocli.submission.sources import averaged, of_run, of_runs
from tests.encoding.by_hand import N_COMPONENTS, N_TRAIN, World


@pytest.fixture(scope="module")
def alone(shared: World) -> World:
    """The shared world, with the first half of its features under a name and its training rows under another."""
    for name, rows in (("whole", slice(None)), ("alone", slice(N_TRAIN))):
        path = shared.cache / f"{name}.npy"
        np.save(path, shared.features[rows, ::2] ** 3)
        matrix = open_matrix(path)
        import_features(shared.subject, matrix, locate_rows(shared.subject, matrix, None, None), name, shared.cache)
    return shared


def train(world: World, *features: str, notes: list[str] | None = None, **options: Any) -> SubjectRun:
    settings = Settings(features=features, n_components=N_COMPONENTS, **options)
    run = open_run(world.cache, settings.default_name, settings)
    return train_subject(world.subject, run, world.cache, note=(notes if notes is not None else []).append)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"refit": False},
        {"regression": "ridge", "holdout": None, "folds": 3},
        {"regression": "ridge", "alpha_by": "kfold"},
        {"standardised": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("others", [False, True])
def test_what_is_held_out_is_predicted_as_if_the_test_images_were_there(
    alone: World, options: dict[str, Any], others: bool
) -> None:
    further = (alone.recipe,) if others else ()
    with_test, without = (train(alone, name, *further, **options) for name in ("whole", "alone"))
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(
            without.validation_predictions(hemisphere), with_test.validation_predictions(hemisphere), atol=2e-3
        )
        assert with_test.has_array(f"{hemisphere}_pred_test")
        assert not without.has_array(f"{hemisphere}_pred_test")


@pytest.mark.parametrize("options", [{"regression": "blend"}, {"join": "components"}, {"scaled": False}], ids=str)
@pytest.mark.parametrize("order", [1, -1])
def test_layers_of_all_images_join_one_of_the_training_images(
    alone: World, options: dict[str, Any], order: int
) -> None:
    with_test, without = (train(alone, *(name, alone.recipe)[::order], **options) for name in ("whole", "alone"))
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(without.correlation(hemisphere), with_test.correlation(hemisphere), atol=2e-3)
        assert not without.has_array(f"{hemisphere}_pred_test")


def test_it_is_said_in_one_line_and_recorded(alone: World) -> None:
    notes: list[str] = []
    share = train(alone, "alone", alone.recipe, notes=notes, seed=9)
    (line,) = [note for note in notes if "training images alone" in note]
    assert line.startswith("subject 1: alone has the training images alone:")
    assert line.endswith("no test predictions are made")
    assert share.record["without_test"] == ["alone"]
    assert train(alone, "whole").record["without_test"] == []


def test_what_needs_test_predictions_says_what_is_missing(alone: World) -> None:
    with_test, without = (Run(train(alone, name).folder.parent) for name in ("whole", "alone"))
    for ask in (
        lambda: without.subject(1).test_predictions("left"),
        lambda: of_run(without, [1]),
        lambda: of_runs([without], [1]),
        lambda: averaged([with_test, without]),
    ):
        with pytest.raises(MissingStep, match="has no test predictions of subject 1: alone has features of") as caught:
            ask()
        assert "--name alone" in str(caught.value.hint)


def test_predictions_of_an_earlier_training_do_not_outlive_it(alone: World, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    world = World(alone.subject, cache, alone.features, "mine")
    for n_rows in (None, N_TRAIN):
        np.save(tmp_path / "mine.npy", alone.features[:n_rows])
        matrix = open_matrix(tmp_path / "mine.npy")
        rows = locate_rows(alone.subject, matrix, None, None)
        import_features(alone.subject, matrix, rows, "mine", cache, force=True)
        share = world.train()
        assert share.has_array("left_pred_test") is (n_rows is None)
