"""A test image far from all others moves nothing that is fitted, nor what is predicted of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.dataset.sides import HEMISPHERES
from algocli.features.store.upgrading import adopt
from tests.encoding.by_hand import N_TEST, N_TRAIN, World, make_world

OUTLIER = 4


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, World]:
    """The same world twice: in the second, the features of one test image are 10,000 times as large."""
    plain = make_world(tmp_path_factory.mktemp("plain"))
    features = plain.features.copy()
    features[N_TRAIN + OUTLIER] *= 1e4
    return plain, plain.with_features(features)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"standardised": True},
        {"regression": "ridge"},
        {"regression": "ridge", "n_components": None},
        {"holdout": None, "folds": 3, "refit": False},
    ],
    ids=str,
)
def test_a_test_image_far_from_all_others_moves_no_fit(pair: tuple[World, World], options: dict[str, Any]) -> None:
    plain, spoilt = (world.train(world.settings(**options)) for world in pair)
    others = np.delete(np.arange(N_TEST), OUTLIER)
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(spoilt.correlation(hemisphere), plain.correlation(hemisphere), atol=1e-5)
        predicted = plain.validation_predictions(hemisphere)
        tolerance = 1e-5 * predicted.std()
        np.testing.assert_allclose(spoilt.validation_predictions(hemisphere), predicted, rtol=0, atol=tolerance)
        tests = plain.test_predictions(hemisphere)[others]
        np.testing.assert_allclose(spoilt.test_predictions(hemisphere)[others], tests, rtol=0, atol=tolerance)


def test_a_matrix_that_is_less_the_mean_of_all_images_stays_valid(tmp_path: Path) -> None:
    # As earlier versions left it, outlier or not: it is opened, not made again, and models are what they were.
    world = make_world(tmp_path)
    before = world.train(world.settings(regression="ridge")).test_predictions("left").copy()
    folder = next(world.cache.glob("features/*/*/gram"))
    x = world.features.astype(np.float64)
    x -= x.mean(axis=0)
    np.save(folder / "matrix.npy", (x @ x.T).astype(np.float32))
    adopt(folder / "record.json")
    kept = (folder / "matrix.npy").stat().st_mtime_ns
    again = world.train(world.settings(regression="ridge"), force=True).test_predictions("left")
    assert (folder / "matrix.npy").stat().st_mtime_ns == kept
    np.testing.assert_allclose(again, before, rtol=0, atol=1e-4 * before.std())
