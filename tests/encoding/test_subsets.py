"""Parts of a Gram matrix that models of fewer images are fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from algocli.encoding import subsets
from algocli.encoding.kernels import Kernels
from algocli.encoding.loadings import read_loadings
from algocli.encoding.splits import Fold
from algocli.encoding.subsets import draw_nested, take, take_each
from algocli.runs.predictor import stores_of
from algocli.runs.run import Run
from tests.encoding.by_hand import N_TRAIN, World

FOLD = Fold(fit=np.arange(70), held_out=np.arange(70, N_TRAIN))


def kernels_of(world: World, **options: Any) -> Kernels:
    settings = world.settings(**options)
    world.train(settings)
    run = Run(world.cache / "runs" / settings.default_name)
    return Kernels(stores_of(run, 1, world.cache), settings, N_TRAIN)


def test_each_subset_is_the_beginning_of_the_next() -> None:
    drawn = draw_nested(FOLD.fit, [20, 30, 70], [3, 0])
    np.testing.assert_array_equal(drawn[20], drawn[30][:20])
    np.testing.assert_array_equal(drawn[70], FOLD.fit)
    assert len(set(drawn[30].tolist())) == 30


@pytest.mark.parametrize("options", [{}, {"standardised": True}])
@pytest.mark.parametrize("is_large", [False, True])
def test_several_are_taken_as_one_is(
    world: World, options: Any, is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few images are decomposed as a whole: of as many as this, by all cores.
    monkeypatch.setattr(subsets, "EXACT_SIZE", 40 if is_large else 1500)
    kernels = kernels_of(world, **options)
    assert kernels.are_at_hand == (not options)
    wanted = [(kernels.settings, FOLD, np.sort(rows)) for rows in draw_nested(FOLD.fit, [20, 30, 50], [3]).values()]
    for one, found in zip(wanted, take_each(kernels, wanted), strict=True):
        alone = take(kernels, *one)
        assert found.rows is not None
        np.testing.assert_array_equal(found.rows, one[2])
        np.testing.assert_array_equal(found.view.components[0].vectors, alone.view.components[0].vectors)
        np.testing.assert_array_equal(found.held_out_scores[0], alone.held_out_scores[0])


def test_the_order_of_its_images_changes_nothing_for_a_model(world: World) -> None:
    kernels, responses = kernels_of(world), world.measured("left").astype(np.float32)
    drawn = draw_nested(FOLD.fit, [30], [3])[30]
    rising = take(kernels, kernels.settings, FOLD, np.sort(drawn))
    as_drawn = rising.in_order(drawn)
    np.testing.assert_array_equal(as_drawn.responses(responses), responses[drawn])
    [(_, [one])], [(_, [two])] = (
        list(read_loadings(subset.view.components, subset.responses(responses))) for subset in (rising, as_drawn)
    )
    np.testing.assert_allclose(one.products, two.products, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(one.means, two.means, rtol=1e-5)
