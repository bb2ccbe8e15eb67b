"""The best layer of every vertex: chosen by weight, left out for a reason, coloured in order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DataError, UsageError
from algocli.results.best_layer import (
    LOW_CEILING,
    NO_LAYER_HELPS,
    NOT_PREDICTED,
    count_layers,
    find_best_layers,
)
from algocli.results.drawing.style import CONTEXT_COLOUR, ordered_colours
from algocli.results.layered import layered
from algocli.results.plots.layers import plot_best_layer
from algocli.results.plots.request import Wishes
from tests.results.blends import BLEND, LAYERS, weigh, write_blend, write_recipe
from tests.results.by_hand import write_run
from tests.support.challenge import write_tiny_challenge
from tests.support.damage import replace_array


@pytest.fixture
def challenge(tmp_path):
    folder = write_tiny_challenge(tmp_path / "challenge", (1,), image_size=8)
    for side, n in (("lh", 31), ("rh", 41)):
        ceiling = np.full(n, 0.5)
        ceiling[5] = 0.01
        np.save(folder / f"subj01/test_split/noise_ceiling/{side}_noise_ceiling.npy", ceiling)
    return Challenge(folder)


@pytest.fixture
def blend(tmp_path):
    for name, layer in zip(LAYERS, ("features.2", "features.5", "features.12"), strict=True):
        write_recipe(tmp_path / "cache", name, "alexnet", layer)
    return write_blend(tmp_path / "cache")


def draw(challenge, run, **wishes):
    [(_, drawn)] = plot_best_layer(challenge, [run], Wishes((1,), **wishes))
    return drawn


def legend(drawn):
    return {name: to_rgb(colour) for name, colour in zip(drawn.key.names, drawn.key.colours, strict=True)}


def words(drawn):
    return " ".join(f"{drawn.title} {drawn.caption}".split())


def test_the_layer_of_largest_weight_in_the_refit_is_the_vertexs_layer(challenge, blend):
    codes = find_best_layers(challenge.subject(1), layered([blend]), ["left"]).codes["left"]
    chosen = np.delete(np.arange(31), [5, 10, 20])
    np.testing.assert_array_equal(codes[chosen], chosen % 3)


def test_without_a_refit_all_folds_choose_together(challenge, tmp_path):
    settings = dataclasses.replace(BLEND, refit=False)
    run = write_blend(tmp_path / "cache", settings)
    codes = find_best_layers(challenge.subject(1), layered([run]), ["left"]).codes["left"]
    assert set(codes[codes >= 0]) == {0}


def test_a_vertex_is_left_out_for_no_weight_a_low_ceiling_or_a_low_r(challenge, blend):
    codes = find_best_layers(challenge.subject(1), layered([blend]), ["right"]).codes["right"]
    assert np.flatnonzero(codes < 0).tolist() == [5, 10, 20]
    assert codes[[5, 10, 20]].tolist() == [LOW_CEILING, NO_LAYER_HELPS, NOT_PREDICTED]


def test_another_threshold_moves_both_r_and_ceiling(challenge, blend):
    codes = find_best_layers(challenge.subject(1), layered([blend]), ["left"], min_r=0.05).codes["left"]
    assert np.flatnonzero(codes < 0).tolist() == [10]


def test_without_ceilings_none_is_low(blend, tmp_path):
    folder = write_tiny_challenge(tmp_path / "bare", (1,), image_size=8, known_test=False)
    codes = find_best_layers(Challenge(folder).subject(1), layered([blend]), ["left"]).codes["left"]
    assert np.flatnonzero(codes < 0).tolist() == [10, 20]


def test_weights_of_other_vertices_are_refused(challenge, blend):
    replace_array(blend.subject(1), "left_blend", weigh(2, 3, 30))
    with pytest.raises(DataError, match=r"of shape \(2, 3, 30\); fits of 3 layers x 31 vertices") as caught:
        find_best_layers(challenge.subject(1), layered([blend]), ["left"])
    assert str(caught.value.hint).endswith("--run a-blend -s 1 --force")


def test_the_map_shows_each_vertexs_layer_and_nothing_elsewhere(challenge, blend):
    drawn = draw(challenge, blend).panels[0].values["left"]
    vertices = challenge.subject(1).fsaverage_vertices("left")
    expected = np.arange(31) % 3
    expected[[5, 10, 20]] = 3
    np.testing.assert_array_equal(drawn[vertices], expected)
    assert np.isfinite(drawn).sum() == 31


def test_the_legend_has_every_layers_share_in_order_and_the_rest_in_the_context_colour(challenge, blend):
    found = legend(draw(challenge, blend, hemispheres=["left"]))
    # Of the 31 vertices 0, 3, ... are the first layer's: 11; 10 the second's and 10 the third's, less one, one and one.
    assert list(found) == ["features.2  35 %", "features.5  29 %", "features.12  26 %", "none  10 %"]
    assert found["none  10 %"] == to_rgb(CONTEXT_COLOUR)
    lightness = [np.dot(colour, (0.2126, 0.7152, 0.0722)) for colour in found.values()]
    assert lightness == sorted(lightness)


def test_the_caption_counts_the_vertices_without_a_layer(challenge, blend):
    said = words(draw(challenge, blend))
    assert "Best layer of alexnet, subject 1" in said
    assert "of 72 vertices no layer for 2 with r up to 0.1 on held-out training images (validation)" in said
    assert "2 with a noise ceiling up to 0.01, 2 with only weights of 0" in said
    assert "31 of 31 left and 41 of 41 right vertices shown" in said


def test_layers_of_several_networks_are_named_with_them_and_have_no_order(challenge, tmp_path):
    cache = tmp_path / "cache"
    write_recipe(cache, LAYERS[0], "alexnet", "features.2")
    write_recipe(cache, "mine", "mine", "import")
    write_recipe(cache, "timm-vit-1a2b3c4d", "timm/vit", "blocks.3")
    run = write_blend(cache, dataclasses.replace(BLEND, features=(LAYERS[0], "mine", "timm-vit-1a2b3c4d")))
    drawn = draw(challenge, run)
    assert [name.rsplit("  ")[0] for name in legend(drawn)] == [
        "alexnet features.2",
        "mine",
        "timm/vit blocks.3",
        "none",
    ]
    assert not {to_rgb(colour) for colour in ordered_colours(3)} & set(legend(drawn).values())
    assert "Best layer, subject 1" in words(drawn)


def test_one_layer_of_two_weights_is_told_apart_by_the_features_names(tmp_path):
    names = (LAYERS[0], "alexnet-features.2-5e6f7a8b")
    for name in names:
        write_recipe(tmp_path / "cache", name, "alexnet", "features.2")
    run = write_blend(tmp_path / "cache", dataclasses.replace(BLEND, features=names))
    assert tuple(layer.label for layer in layered([run]).layers) == names


def test_features_that_are_gone_keep_their_names(tmp_path):
    assert tuple(layer.label for layer in layered([write_blend(tmp_path / "cache")]).layers) == LAYERS


def test_a_long_name_loses_its_middle_in_the_legend(challenge, tmp_path):
    names = (f"{'network' * 10}-layer1", "b", "c")
    drawn = draw(challenge, write_blend(tmp_path / "cache", dataclasses.replace(BLEND, features=names)))
    first = next(iter(legend(drawn)))
    assert first.startswith("networknetwo…")
    assert "work-layer1  3" in first


def test_more_layers_of_several_networks_than_colours_are_refused(challenge, tmp_path):
    run = write_blend(tmp_path / "cache", dataclasses.replace(BLEND, features=tuple("abcdefghij")))
    with pytest.raises(UsageError, match="10 layers of several networks cannot be told apart"):
        draw(challenge, run)


def test_a_run_that_is_no_blend_is_refused_with_one_that_is(blend):
    plain = write_run(blend.folder.parent.parent, "plain")
    with pytest.raises(UsageError, match="run plain has no layers to choose from: its regression is ols") as caught:
        layered([plain])
    assert caught.value.hint == "run='a-blend' is a blend"


def test_without_any_blend_the_hint_makes_one(tmp_path):
    with pytest.raises(UsageError) as caught:
        layered([write_run(tmp_path)])
    assert caught.value.hint.startswith("`algocli train --regression blend -l A -l B`")


def test_the_counts_of_a_hemisphere_sum_to_its_vertices(challenge, blend):
    rows = count_layers(challenge, [blend], subjects=[1])
    for hemisphere, n in (("left", 31), ("right", 41)):
        own = [row for row in rows if row.hemisphere == hemisphere]
        assert [row.layer or row.reason for row in own] == [
            "features.2", "features.5", "features.12", "no layer helps", "low ceiling", "not predicted",
        ]  # fmt: skip
        assert sum(row.n_vertices for row in own) == n


def test_colours_in_order_are_all_different():
    assert len(set(ordered_colours(20))) == 20
