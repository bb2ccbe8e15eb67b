"""Components from the Gram matrix alone, held against scikit-learn's PCA of the features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from algocli.cli.wording import in_options
from algocli.encoding import components as components_module
from algocli.encoding import eigen
from algocli.encoding.components import fit_components
from algocli.encoding.regressions.ols import fit_ols
from algocli.encoding.splits import k_folds
from algocli.errors import UsageError
from algocli.features.store import shards as store_module
from algocli.features.store.gram import gram, standardised_gram
from algocli.features.store.matrices import Gram
from tests.features.by_hand import make_store

N_STIMULI, N_FEATURES = 90, 400


@pytest.fixture
def features() -> NDArray[np.float32]:
    """Features as a network's are: a mean far from zero, and variance that falls from axis to axis."""
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((N_STIMULI, N_FEATURES)) @ rng.standard_normal((N_FEATURES, N_FEATURES))
    return (axes * (1 + np.arange(N_FEATURES)) ** -0.7 + 5).astype(np.float32)


@pytest.fixture
def kernel(tmp_path: Path, features: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch) -> Gram:
    monkeypatch.setattr(store_module, "MAX_SHARD_ROWS", 32)
    return gram(make_store(tmp_path / "store", features))


def up_to_sign(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[Any]:
    """Turn each column of `found` to the side where that of `expected` points."""
    return found * np.sign(np.sum(found * expected, axis=0))


def relative(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest deviation, in units of the first axis's standard deviation."""
    return float(np.abs(found - expected).max() / expected[:, 0].std())


def test_a_matrix_that_stays_on_the_disk_gives_the_same_components(
    kernel: Gram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eigen, "EXACT_SIZE", 20)
    monkeypatch.setattr(eigen, "SMALLEST_BLOCK", 4)
    monkeypatch.setattr(components_module, "SMALLEST_KEPT", 3)
    fit, others = np.arange(80), np.arange(80, N_STIMULI)
    held = fit_components(kernel, fit, 3)
    for path in (kernel.folder / "spectra").iterdir():
        path.unlink()
    monkeypatch.setattr(Gram, "in_memory", None)
    monkeypatch.setattr("algocli.features.store.matrices.HELD_BYTES", 0)
    monkeypatch.setattr("algocli.features.store.matrices.READ_ROWS", 17)
    monkeypatch.setattr(components_module, "CROSS_BYTES", 4 * 80 * 3)
    read = fit_components(kernel, fit, 3)
    np.testing.assert_allclose(read.variances, held.variances, rtol=1e-5)
    scores = [one.project(kernel, others) for one in (held, read)]
    assert scores[1].shape == (10, 3)
    assert relative(up_to_sign(scores[1], scores[0]), scores[0]) < 1e-4


@pytest.mark.parametrize("n_components", [1, 10, 50])
def test_held_out_scores_from_the_gram_matrix_equal_a_refitted_pca(
    kernel: Gram, features: NDArray[np.float32], n_components: int
) -> None:
    others = np.arange(80, N_STIMULI)
    for fold in k_folds(80, 4, seed=1)[:2]:
        pca = PCA(n_components, svd_solver="full").fit(features[fold.fit].astype(np.float64))
        mine = fit_components(kernel, fold.fit, n_components)
        fitted = pca.transform(features[fold.fit])
        assert relative(up_to_sign(mine.scores, fitted), fitted) < 1e-4
        np.testing.assert_allclose(np.sqrt(mine.variances), pca.singular_values_, rtol=1e-5)
        for rows in (fold.held_out, others):
            expected = pca.transform(features[rows].astype(np.float64))
            signs = np.sign(np.sum(mine.scores * fitted, axis=0))
            assert relative(mine.project(kernel, rows) * signs, expected) < 1e-4


@pytest.mark.parametrize("decay", [0.5, 1.0])
@pytest.mark.parametrize("n_components", [30, 40])
def test_what_krylov_finds_predicts_as_well_as_an_exact_pca(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decay: float, n_components: int
) -> None:
    monkeypatch.setattr(eigen, "EXACT_SIZE", 0)
    monkeypatch.setattr(eigen, "_exact", None)
    # With 40 kept, the last component wanted is the last one computed.
    monkeypatch.setattr(components_module, "SMALLEST_KEPT", 40)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((1000, 1200)) * (1 + np.arange(1200)) ** -decay
    y = x @ rng.standard_normal((1200, 20))
    y = y / y.std(axis=0) + rng.standard_normal(y.shape)
    fit, others = np.arange(900), np.arange(900, 1000)

    kernel = gram(make_store(tmp_path / "store", x.astype(np.float32)))
    mine = fit_components(kernel, fit, n_components)
    (model,) = fit_ols([mine], y[fit].astype(np.float32))
    pca = PCA(n_components, svd_solver="full").fit(x[fit])
    truth = LinearRegression().fit(pca.transform(x[fit]), y[fit]).predict(pca.transform(x[others]))
    np.testing.assert_allclose(np.sqrt(mine.variances), pca.singular_values_, rtol=1e-4)
    expected = pearsonr(y[others], truth, axis=0).statistic
    found = pearsonr(y[others], model.predict(mine.project(kernel, others)), axis=0).statistic
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_fitted_images_projected_are_their_own_scores(kernel: Gram) -> None:
    fit = np.arange(3, 77)
    mine = fit_components(kernel, fit, 20)
    assert relative(mine.project(kernel, fit), mine.scores) < 1e-4


def test_scores_of_fitted_images_are_centred_and_orthogonal(kernel: Gram) -> None:
    mine = fit_components(kernel, np.arange(70), 30)
    scores = mine.scores.astype(np.float64)
    np.testing.assert_allclose(scores.sum(axis=0), 0, atol=1e-4 * np.abs(scores).max())
    np.testing.assert_allclose(scores.T @ scores, np.diag(mine.variances), atol=1e-5 * mine.variances[0])


def test_the_order_of_the_other_images_is_kept(kernel: Gram) -> None:
    mine = fit_components(kernel, np.arange(50), 5)
    rows = np.array([88, 60, 71])
    np.testing.assert_allclose(
        mine.project(kernel, rows)[[2, 0, 1]], mine.project(kernel, rows[[2, 0, 1]]), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("change", ["shuffled", "drawn anew"])
def test_rows_outside_the_fit_never_reach_it(tmp_path: Path, features: NDArray[np.float32], change: str) -> None:
    rng = np.random.default_rng(1)
    fit, outside = np.arange(0, 60), np.arange(60, N_STIMULI)
    scrambled = features.copy()
    if change == "shuffled":
        scrambled[outside] = features[rng.permutation(outside)]
    else:
        scrambled[outside] = 20 * rng.standard_normal((len(outside), N_FEATURES))
    before = fit_components(gram(make_store(tmp_path / "before", features)), fit, 40)
    after = fit_components(gram(make_store(tmp_path / "after", scrambled)), fit, 40)
    # The common mean that the Gram matrix leaves out moves with them: what remains is float32's rounding.
    np.testing.assert_allclose(after.variances, before.variances, rtol=2e-5)
    assert relative(up_to_sign(after.scores, before.scores), before.scores) < 5e-4


def test_more_components_than_images_are_refused_with_the_rank(kernel: Gram) -> None:
    assert fit_components(kernel, np.arange(20), 19).vectors.shape == (20, 19)
    with pytest.raises(UsageError, match="20 components cannot be had from 20 images: the rank is 19") as caught:
        fit_components(kernel, np.arange(20), 20)
    assert caught.value.hint == "use n_components=19 or fewer"


def test_features_of_fewer_dimensions_keep_the_components_that_they_have(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    narrow = (rng.standard_normal((60, 11)) @ rng.standard_normal((11, 300)) + 3).astype(np.float32)
    kernel = gram(make_store(tmp_path / "store", narrow))
    assert fit_components(kernel, np.arange(50), 11).vectors.shape == (50, 11)
    found = fit_components(kernel, np.arange(50), 12)
    # Numpy's own PCA of the same images has as much variance in eleven.
    expected = np.linalg.svd(narrow[:50] - narrow[:50].mean(axis=0, dtype=np.float64), compute_uv=False)[:11] ** 2
    np.testing.assert_allclose(found.variances, expected, rtol=1e-4)


@pytest.mark.parametrize("n_columns", [1, 2, 8])
def test_all_of_a_narrow_layer_is_kept_whichever_column_dwarfs_the_others(tmp_path: Path, n_columns: int) -> None:
    narrow = np.random.default_rng(3).standard_normal((60, n_columns)).astype(np.float32)
    narrow[:, 0] *= 20
    kernel = gram(make_store(tmp_path / "store", narrow))
    assert fit_components(kernel, np.arange(50), 40).vectors.shape == (50, n_columns)
    assert fit_components(kernel.leading(55), np.arange(50), 40).vectors.shape == (50, n_columns)


def test_all_components_are_as_many_as_the_rank(tmp_path: Path, kernel: Gram) -> None:
    assert fit_components(kernel, np.arange(50), None).vectors.shape == (50, 49)
    rng = np.random.default_rng(2)
    narrow = (rng.standard_normal((60, 11)) @ rng.standard_normal((11, 300)) + 3).astype(np.float32)
    kernel = gram(make_store(tmp_path / "narrow", narrow))
    assert fit_components(kernel, np.arange(50), None).vectors.shape == (50, 11)


def test_the_total_variance_is_that_of_the_centred_features(kernel: Gram, features: NDArray[np.float32]) -> None:
    fit = np.arange(3, 77)
    expected = ((features[fit] - features[fit].mean(axis=0, dtype=np.float64)) ** 2).sum()
    for n_components in (1, 20, None):
        assert fit_components(kernel, fit, n_components).total_variance == pytest.approx(expected, rel=1e-5)


def test_images_shown_twice_lower_the_rank(tmp_path: Path, features: NDArray[np.float32]) -> None:
    kernel = gram(make_store(tmp_path / "store", np.repeat(features[:15], 4, axis=0)))
    assert fit_components(kernel, np.arange(60), 15).vectors.shape == (60, 14)


def test_features_that_are_the_same_for_every_image_are_told_so(tmp_path: Path) -> None:
    kernel = gram(make_store(tmp_path / "store", np.full((12, 30), 0.1, np.float32)))
    with pytest.raises(UsageError, match="rank 0") as caught:
        fit_components(kernel, np.arange(10), 1)
    assert caught.value.hint == "the features are the same for every image"


@pytest.fixture
def decompositions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List how many pairs were computed, each time that it happened."""
    asked: list[int] = []
    compute = components_module.leading_eigenpairs

    def counted(matrix: NDArray[np.float32], n_pairs: int, **options: Any) -> Any:
        asked.append(n_pairs)
        return compute(matrix, n_pairs, **options)

    monkeypatch.setattr(components_module, "leading_eigenpairs", counted)
    monkeypatch.setattr(components_module, "SMALLEST_KEPT", 16)
    return asked


def test_a_smaller_number_of_components_is_a_slice_of_what_is_kept(kernel: Gram, decompositions: list[int]) -> None:
    fit = np.arange(70)
    many = fit_components(kernel, fit, 16)
    few = fit_components(kernel, fit, 5)
    np.testing.assert_array_equal(few.vectors, many.vectors[:, :5])
    np.testing.assert_array_equal(few.variances, many.variances[:5])
    np.testing.assert_array_equal(few.column_means, many.column_means)
    assert decompositions == [16]


def test_what_is_kept_outlives_the_process(kernel: Gram, decompositions: list[int]) -> None:
    fit = np.arange(70)
    first = fit_components(kernel, fit, 10)
    again = fit_components(Gram(kernel.folder, key=kernel.key), fit.copy(), 10)
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert len(decompositions) == 1


def test_a_larger_number_replaces_what_is_kept(kernel: Gram, decompositions: list[int]) -> None:
    fit = np.arange(70)
    for n_components in (16, 17, 16, 40, 69, 33):
        fit_components(kernel, fit, n_components)
    # In doublings, up to the rank that 70 images can have.
    assert decompositions == [16, 32, 64, 69]
    assert len(list((kernel.folder / "spectra").iterdir())) == 1


def test_other_rows_are_other_components(kernel: Gram, decompositions: list[int]) -> None:
    for fit in (np.arange(70), np.arange(1, 71), np.arange(69)):
        fit_components(kernel, fit, 3)
    assert len(decompositions) == 3


def test_pairs_of_another_matrix_are_not_taken_for_its_own(
    tmp_path: Path, kernel: Gram, decompositions: list[int]
) -> None:
    features = np.random.default_rng(3).standard_normal((N_STIMULI, 50), np.float32)
    other = gram(make_store(tmp_path / "other", features, layer="another"))
    fit = np.arange(70)
    first, of_other = fit_components(kernel, fit, 10), fit_components(other, fit, 10)
    (mine,), (theirs,) = (list((matrix.folder / "spectra").iterdir()) for matrix in (kernel, other))
    assert mine.name == theirs.name
    mine.write_bytes(theirs.read_bytes())
    np.testing.assert_array_equal(fit_components(kernel, fit, 10).vectors, first.vectors)
    np.testing.assert_array_equal(fit_components(other, fit, 10).vectors, of_other.vectors)
    assert len(decompositions) == 3


@pytest.mark.parametrize("damage", [b"", b"PK", b"nonsense" * 40])
def test_damaged_pairs_are_computed_again(kernel: Gram, decompositions: list[int], damage: bytes) -> None:
    fit = np.arange(70)
    first = fit_components(kernel, fit, 10)
    (kept,) = (kernel.folder / "spectra").iterdir()
    kept.write_bytes(damage)
    again = fit_components(kernel, fit, 10)
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert len(decompositions) == 2
    fit_components(kernel, fit, 10)
    assert len(decompositions) == 2


def test_pairs_with_a_flipped_bit_are_computed_again(kernel: Gram, decompositions: list[int]) -> None:
    fit = np.arange(70)
    first = fit_components(kernel, fit, 10)
    (kept,) = (kernel.folder / "spectra").iterdir()
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 8
    kept.write_bytes(content)
    np.testing.assert_array_equal(fit_components(kernel, fit, 10).vectors, first.vectors)
    assert len(decompositions) == 2


@pytest.mark.parametrize(("spread", "shown"), [(900, r"\d{2,3}"), (3e4, "1")])
def test_what_float32_does_not_show_is_not_taken_for_the_rank(tmp_path: Path, spread: float, shown: str) -> None:
    # 201 independent features, of which one is far larger than all others: the rank is 201.
    features = np.random.default_rng(3).standard_normal((300, 201))
    features[:, 0] *= spread
    assert np.linalg.matrix_rank(features - features.mean(axis=0)) == 201
    store = make_store(tmp_path / "store", features.astype(np.float32))
    fit = np.arange(300)
    with pytest.raises(UsageError, match=f"float32 shows {shown} components of these 300 images, not 150") as caught:
        fit_components(gram(store), fit, 150)
    assert "rank" not in caught.value.message
    assert "; or --standardise, where a few features are far larger" in in_options(str(caught.value.hint))
    # And so it is.
    assert len(fit_components(standardised_gram([store], fit), fit, 201).variances) == 201
