"""The diverging colour map: even, centred, and readable without colour."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from algocli.errors import UsageError
from algocli.results.drawing.colour_maps import DIVERGING, find_colours
from algocli.results.drawing.keys import symmetric_scale_for


def in_lab(colours):
    """Turn sRGB from 0 to 1 into CIELAB by way of a colour profile of Pillow's."""
    pixels = Image.fromarray(np.round(255 * colours[None, :, :3]).astype(np.uint8))
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    channels = np.asarray(ImageCms.applyTransform(pixels, to_lab))[0]
    return np.stack(
        [channels[:, 0] * (100 / 255), *(channels[:, k].view(np.int8).astype(float) for k in (1, 2))], axis=1
    )


@pytest.fixture(scope="module")
def lab():
    return in_lab(find_colours(DIVERGING)(np.linspace(0, 1, 33)))


def test_equal_steps_look_equal_on_either_side(lab):
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    for side in (steps[:16], steps[16:]):
        assert np.abs(side / side.mean() - 1).max() < 0.35  # of whole numbers from a profile of another white
    assert abs(steps[:16].sum() / steps[16:].sum() - 1) < 0.15


def test_it_is_lightest_in_its_middle_and_darkens_towards_both_ends(lab):
    lightness = lab[:, 0]
    assert lightness.argmax() == 16
    assert (np.diff(lightness[:17]) > 0).all()
    assert (np.diff(lightness[16:]) < 0).all()


def test_printed_grey_the_ends_differ(lab):
    assert lab[-1, 0] - lab[0, 0] > 10


def test_it_is_what_values_on_both_sides_of_0_get():
    scale = symmetric_scale_for(np.array([-1.0, 1.0]), "z")
    assert scale.colours == DIVERGING
    assert scale.low == -scale.high


def test_a_name_that_is_not_known_is_met_with_those_near_it():
    with pytest.raises(UsageError, match="no colour map 'virids'; did you mean viridis"):
        find_colours("virids")
