"""The made-up responses: the known signal, the noise, and the ceilings that must be true."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.demo import responses as module
from algocli.demo.cortex import Cortex, lay_out
from algocli.demo.drives import N_ENERGY, N_OBJECT
from algocli.demo.recipe import Recipe
from algocli.demo.responses import Responses, normalise_drives, true_signal
from algocli.demo.sketch import PROPERTIES
from algocli.demo.truth import tell_truth
from algocli.demo.write import write_challenge

RECIPE = Recipe(n_train=20, n_test=70, n_left=400, seed=2)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder: Path = tmp_path_factory.mktemp("responses") / "demo"
    write_challenge(folder, subjects=[5], n_train=20, n_test=70, vertices=400, seed=2)
    return Challenge(folder).subject(5)


@pytest.fixture(scope="module")
def signal() -> NDArray[np.float32]:
    return true_signal(RECIPE, 5, "left")


def explained(signal: NDArray[np.floating], measured: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return squared correlations, vertex by vertex, less what chance adds to them."""
    a, b = signal - signal.mean(axis=0), measured - measured.mean(axis=0)
    r = (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    n = len(signal)
    return np.asarray(1 - (1 - r**2) * (n - 1) / (n - 2), dtype=np.float64)


def many_drives(n_images: int) -> NDArray[np.float32]:
    drives = np.random.default_rng(0).gamma(2.0, size=(n_images, N_ENERGY + N_OBJECT)).astype(np.float32)
    normalise_drives(drives)
    return drives


@pytest.fixture(scope="module")
def cortex() -> Cortex:
    return lay_out(4, "right", 300)


def test_the_noise_ceilings_of_test_responses_are_true(subject: Subject, signal: NDArray[np.float32]) -> None:
    ceiling = subject.noise_ceiling("left")
    assert ceiling is not None
    shares = explained(signal[20:], subject.responses("test", "left"))
    # Over the 400 vertices chance averages out; what remains is the spread of the signal between the two splits.
    assert shares.mean() == pytest.approx(ceiling.mean(), abs=0.05)
    assert np.corrcoef(shares, ceiling)[0, 1] > 0.75


def test_over_many_images_every_vertex_has_its_ceiling(cortex: Cortex) -> None:
    n = 3000
    responses = Responses(cortex, many_drives(n), np.arange(n), seed=1)
    signal = np.concatenate([*responses.signal(0, n)])
    measured = np.concatenate([*responses.measured(0, n)])
    np.testing.assert_allclose(explained(signal, measured), responses.ceilings, atol=0.06)


def test_the_signal_is_standardised_and_responses_vary_by_less_than_one(cortex: Cortex) -> None:
    responses = Responses(cortex, many_drives(600), np.arange(600), seed=1)
    signal = np.concatenate([*responses.signal(0, 600)])
    np.testing.assert_allclose(signal.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(signal.std(axis=0), 1, atol=1e-3)
    deviation = np.concatenate([*responses.measured(0, 600)]).std(axis=0)
    assert 0.6 < deviation.mean() < 0.8
    assert deviation.max() < 1
    assert deviation.std() > 0.01


def test_some_vertices_are_noise_and_the_rest_have_ceilings_in_range(cortex: Cortex) -> None:
    ceilings = Responses(cortex, many_drives(10), np.arange(10), seed=1).ceilings
    assert 1 <= (ceilings == 0).sum() <= 0.02 * len(ceilings)
    heard = ceilings[ceilings > 0]
    assert heard.min() >= 0.05
    assert heard.max() <= 0.8


def test_sums_of_drives_and_weights_are_exact_so_that_no_bit_depends_on_their_order(cortex: Cortex) -> None:
    drives, truth = many_drives(50), tell_truth(cortex, seed=1)
    drives[0] = 511  # the largest that rounding lets pass
    for weights, part in ((truth.energy_weights, drives[:, :N_ENERGY]), (truth.object_weights, drives[:, N_ENERGY:])):
        assert np.abs(weights).sum(axis=0).max() * np.abs(part).max() < 2**24
        exact = part.astype(np.int64) @ weights.astype(np.int64)
        np.testing.assert_array_equal(part @ weights, exact)


def test_responses_do_not_depend_on_how_rows_are_cut(cortex: Cortex, monkeypatch: pytest.MonkeyPatch) -> None:
    drives = many_drives(40)
    whole = np.concatenate([*Responses(cortex, drives, np.arange(40), seed=1).measured(0, 40)])
    monkeypatch.setattr(module, "N_ROWS", 7)
    pieces = np.concatenate([*Responses(cortex, drives, np.arange(40), seed=1).measured(5, 40)])
    np.testing.assert_array_equal(pieces, whole[5:])


def test_category_areas_follow_their_own_category_and_v1_follows_none() -> None:
    cortex, n = lay_out(4, "right", 1188), 600
    drives = many_drives(n)
    signal = np.concatenate([*Responses(cortex, drives, np.arange(n), seed=1).signal(0, n)])
    amounts = drives[:, N_ENERGY:].reshape(n, len(PROPERTIES), -1).sum(axis=2)
    related = np.corrcoef(amounts.T, signal.T)[: len(PROPERTIES), len(PROPERTIES) :]
    categories = {"floc-bodies": "bodies", "floc-faces": "faces", "floc-places": "places", "floc-words": "words"}
    inside = {roi_class: cortex.codes[roi_class] != 0 for roi_class in categories}
    for roi_class, name in categories.items():
        alone = inside[roi_class] & (np.sum(list(inside.values()), axis=0) == 1)
        assert (related[:, alone].argmax(axis=0) == PROPERTIES.index(name)).mean() > 0.9
    v1 = np.isin(cortex.codes["prf-visualrois"], [1, 2])
    assert np.abs(related[:, v1]).max() < 0.25
