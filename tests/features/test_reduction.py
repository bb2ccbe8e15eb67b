"""Pooling and projection against torch's and scikit-learn's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.random_projection import SparseRandomProjection

from algocli.errors import UsageError
from algocli.features.networks.layers import Layer
from algocli.features.reduction import Reducer, Reduction

MAP = Layer("conv", (6, 8, 10))
FLOAT32 = np.dtype("float32")


@pytest.fixture
def output() -> torch.Tensor:
    return torch.randn(5, *MAP.shape, generator=torch.Generator().manual_seed(0))


def test_without_a_reduction_rows_are_the_flattened_output(output: torch.Tensor) -> None:
    reduce = Reducer(MAP, Reduction())
    rows = reduce(output.to(memory_format=torch.channels_last), FLOAT32)
    np.testing.assert_array_equal(rows, output.flatten(1).numpy())
    assert reduce.identity() == "flatten"


def test_pooling_takes_the_mean_of_each_cell(output: torch.Tensor) -> None:
    reduce = Reducer(MAP, Reduction(pool=2))
    cells = output.numpy().reshape(5, 6, 2, 4, 2, 5).mean(axis=(3, 5)).reshape(5, -1)
    np.testing.assert_allclose(reduce(output, FLOAT32), cells, atol=1e-6)
    assert (reduce.n_features, reduce.identity()) == (24, {"pool": 2})


def test_projection_is_scikit_learns(output: torch.Tensor) -> None:
    reduce = Reducer(MAP, Reduction(project=50, seed=3))
    flat = output.flatten(1).numpy()
    expected = SparseRandomProjection(50, random_state=3).fit_transform(flat)
    np.testing.assert_allclose(reduce(output, FLOAT32), expected, rtol=1e-4, atol=1e-4)
    assert reduce.n_features == 50


def test_pooled_maps_can_be_projected(output: torch.Tensor) -> None:
    reduce = Reducer(MAP, Reduction(pool=4, project=20))
    assert reduce(output, np.dtype("float16")).shape == (5, 20)


def test_everything_asked_for_is_part_of_the_identity() -> None:
    asked = [Reduction(), Reduction(pool=2), Reduction(project=50), Reduction(project=50, seed=1), Reduction(pool=4)]
    identities = [str(Reducer(MAP, one).identity()) for one in asked]
    assert len(set(identities)) == len(asked)
    assert str(Reducer(MAP, Reduction(project=50)).identity()) == identities[2]


@pytest.mark.parametrize(
    ("layer", "reduction", "words"),
    [
        (Layer("fc", (100,)), Reduction(pool=2), r"fc \(100\) are rows and columns cannot be told"),
        (Layer("mixed", (49, 512)), Reduction(pool=2), r"mixed \(49 x 512\) are rows and columns cannot be told"),
        (Layer("last", (7, 7, 96)), Reduction(pool=2), r"last \(7 x 7 x 96\) are rows and columns cannot be told"),
        (Layer("conv", (6, 3, 3)), Reduction(pool=4), "no more than 3 x 3 places"),
        (MAP, Reduction(project=480), "480"),
    ],
)
def test_a_layer_that_cannot_be_reduced_so_is_named(layer: Layer, reduction: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Reducer(layer, reduction)


@pytest.mark.parametrize(
    "options", [{"pool": 0}, {"pool": 2.0}, {"pool": True}, {"project": 0}, {"project": "5"}, {"seed": -1}], ids=str
)
def test_a_reduction_to_nothing_is_refused_rather_than_left_out(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(options))}="):
        Reduction(**options)
