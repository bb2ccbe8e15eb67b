"""Matrix work by torch gives what numpy gives; on this machine's cpu, through the code that a GPU would run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.features.algebra import ON_CPU, Algebra, NumpyAlgebra, TorchAlgebra, algebra_on
from algocli.runs.run import open_run
from tests.encoding.by_hand import World
from tests.features.by_hand import cache_features

BOTH = pytest.mark.parametrize("algebra", [NumpyAlgebra(), TorchAlgebra("cpu")], ids=["numpy", "torch"])


@BOTH
def test_products_are_those_of_plain_sums(algebra: Algebra) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((7, 5), dtype=np.float32), rng.standard_normal((5, 3), dtype=np.float32)
    expected = np.einsum("ij,jk->ik", left.astype(np.float64), right)
    for product in (algebra.multiply(left, right), algebra.hold(left)(right), algebra.multiply(left.T.copy().T, right)):
        assert product.dtype == np.float32
        np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-6)


@BOTH
def test_a_memory_map_that_may_only_be_read_is_multiplied_too(algebra: Algebra, tmp_path: Path) -> None:
    left = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "left.npy", left)
    mapped = np.load(tmp_path / "left.npy", mmap_mode="r")
    np.testing.assert_array_equal(algebra.multiply(mapped, left.T), left @ left.T)


@BOTH
def test_eigenvectors_diagonalise(algebra: Algebra) -> None:
    x = np.random.default_rng(1).standard_normal((6, 6))
    matrix = x @ x.T
    values, vectors = algebra.eigh(matrix.copy())
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose(vectors * values @ vectors.T, matrix, atol=1e-10)


def test_a_cpu_needs_no_torch() -> None:
    assert algebra_on("cpu") is ON_CPU
    assert isinstance(algebra_on("cuda"), TorchAlgebra)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_components": None, "regression": "ridge"},
        {"regression": "ridge", "alpha_by": "kfold"},
        {"regression": "blend"},
        {"join": "components"},
    ],
    ids=str,
)
def test_a_training_by_torch_predicts_what_one_by_numpy_does(
    world: World, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    rng = np.random.default_rng(2)
    names = (world.recipe,)
    if "join" in options or options.get("regression") == "blend":
        rows = rng.standard_normal((len(world.features), 40)).astype(np.float32)
        names = (*names, cache_features(world.cache, world.subject, rows, layer="other"))
    settings = world.settings(features=names, **options)
    by_numpy = world.train(settings).test_predictions("left").copy()
    # What was decomposed by numpy lies in the cache: torch begins anew.
    elsewhere = World(world.subject, world.cache.with_name("elsewhere"), world.features, world.recipe)
    cache_features(elsewhere.cache, world.subject, world.features)
    if len(names) > 1:
        cache_features(elsewhere.cache, world.subject, rows, layer="other")
    monkeypatch.setattr("algocli.encoding.training.algebra_on", TorchAlgebra)
    assert open_run(elsewhere.cache, settings.default_name, settings).subjects == ()
    by_torch = elsewhere.train(settings).test_predictions("left")
    np.testing.assert_allclose(by_torch, by_numpy, atol=2e-3)
