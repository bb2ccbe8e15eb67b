"""Draws the images of a challenge, each once, however many subjects see it."""

from __future__ import annotations

import io
import zlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algocli.demo.drives import measure_drives
from algocli.demo.images import draw


@dataclass(frozen=True)
class Exhibit:
    """An image as a file, and what there is in it for vertices to respond to.

    Attributes
    ----------
    png
        The bytes of the file.
    drives : (n_drives,) float32
        See `drives`.
    """

    png: bytes
    drives: NDArray[np.float32]


class Gallery:
    """All images of a seed; may be asked from several threads at once.

    Parameters
    ----------
    seed
        Seed of the challenge.
    kept
        NSD ids of images that will be asked for again, and are kept in memory for it.
    """

    def __init__(self, seed: int, kept: Collection[int] = ()) -> None:
        self._seed = seed
        self._kept: dict[int, Exhibit | None] = dict.fromkeys(kept)

    def show(self, nsd_id: int) -> Exhibit:
        """Draw an image, or bring it back."""
        exhibit = self._kept.get(nsd_id)
        if exhibit is None:
            picture = draw(self._seed, nsd_id)
            exhibit = Exhibit(encode(picture.pixels), measure_drives(picture))
            if nsd_id in self._kept:
                self._kept[nsd_id] = exhibit
        return exhibit


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Encode pixels, (height, width, 3), as a PNG."""
    stream = io.BytesIO()
    # Run lengths alone suit what PNG's filters leave of such pictures: half the time of a full search, and smaller.
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return stream.getvalue()
