"""What a person sees in an image, compared with what is read of it, and pictures to write in many ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.dataset.conversions import Conversion
from algocli.dataset.pixels import find_conversions, read_image, see
from algocli.errors import NoPixels
from tests.support.pictures import grey

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (11, 7, 3), dtype=np.uint8)
LEVELS = RNG.integers(0, 256, (11, 7), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (11, 7)).astype(np.uint16)
DEEP[0, :3] = 0, 65535, 255
# What 65535 is to 255, to the nearest, in floating numbers.
SCALED = grey(np.floor(DEEP / 65535 * 255 + 0.5))
OPACITY = RNG.integers(0, 256, (11, 7), dtype=np.uint8)
OPACITY[0, :3] = 0, 255, 128


def check(path: Path, expected: NDArray[np.uint8], *conversions: Conversion) -> None:
    """Compare pixels and conversions with what they should be, by every door."""
    seen = see(path)
    assert seen.image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(seen.image), expected)
    np.testing.assert_array_equal(np.asarray(read_image(path)), expected)
    assert seen.conversions == conversions
    assert find_conversions(path) == conversions


def refusal(path: Path) -> NoPixels:
    with pytest.raises(NoPixels) as caught:
        read_image(path)
    with pytest.raises(NoPixels):
        find_conversions(path)
    assert path.name in caught.value.message
    assert caught.value.hint
    return caught.value
