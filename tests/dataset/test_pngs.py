"""Pixels of PNGs by the faster decoder, held to Pillow's."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algocli.dataset import pngs
from algocli.dataset.images import read_image
from algocli.dataset.pngs import read_pixels
from algocli.errors import DataError

needs_codecs = pytest.mark.skipif(pngs._codecs() is None, reason="imagecodecs is not installed")


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Draw smooth and rough pixels, so that every way of filtering a row is met."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(shape[0]) * seed, np.arange(shape[1]) * 3)
    return (ramp.reshape(ramp.shape + (1,) * (len(shape) - 2)) + rng.integers(0, 1 + 20 * seed, shape)).astype(np.uint8)


def write(path: Path, pixels: np.ndarray, **how: object) -> Path:
    """Write an image with Pillow."""
    Image.fromarray(pixels).save(path, **how)
    return path


@needs_codecs
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("level", [0, 1, 9])
def test_pixels_are_those_of_pillow(tmp_path: Path, seed: int, level: int) -> None:
    path = write(tmp_path / "a.png", noise((37 + seed, 50, 3), seed), compress_level=level)
    found = read_pixels(path)
    assert found is not None
    with Image.open(path) as image:
        np.testing.assert_array_equal(found, np.asarray(image))


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 4), (20, 30, 2)])
def test_images_of_another_mode_are_left_to_pillow(tmp_path: Path, shape: tuple[int, ...]) -> None:
    assert read_pixels(write(tmp_path / "a.png", noise(shape))) is None


def test_transparency_is_left_to_pillow(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", noise((20, 30, 3)), transparency=(1, 2, 3))
    assert read_pixels(path) is None
    assert read_image(path).mode == "RGB"


def test_a_file_of_another_format_is_left_to_pillow(tmp_path: Path) -> None:
    assert read_pixels(write(tmp_path / "a.jpg", noise((20, 30, 3)))) is None
    assert read_pixels(tmp_path / "none.png") is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_a_file_cut_short_is_left_to_pillow(tmp_path: Path, share: float) -> None:
    stream = io.BytesIO()
    Image.fromarray(noise((60, 60, 3), 3)).save(stream, "png")
    content = stream.getvalue()
    (tmp_path / "a.png").write_bytes(content[: int(share * len(content))])
    assert read_pixels(tmp_path / "a.png") is None


def test_without_the_faster_decoder_images_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.png", noise((40, 50, 3), 2))
    before = np.asarray(read_image(path))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    pngs._codecs.cache_clear()
    try:
        assert read_pixels(path) is None
        np.testing.assert_array_equal(np.asarray(read_image(path)), before)
    finally:
        pngs._codecs.cache_clear()


@pytest.mark.parametrize("behind", [b"\n", b"\0" * 700, b"<?xpacket end='w'?>", b"IEND\xae\x42\x60\x82" * 3])
def test_bytes_behind_the_end_leave_an_image_whole(tmp_path: Path, behind: bytes) -> None:
    path = write(tmp_path / "a.png", noise((40, 50, 3), 2))
    before, content = np.asarray(read_image(path)), path.read_bytes()
    path.write_bytes(content + behind)
    assert pngs.probe(path)[:3] == (50, 40, "RGB")
    pngs.decode(path)
    np.testing.assert_array_equal(np.asarray(read_image(path)), before)
    # Without its last chunk it is cut, whatever stands there instead.
    for cut in (1, 5, 12):
        path.write_bytes(content[:-cut] + behind[:-1])
        with pytest.raises(DataError, match="cut short"):
            pngs.probe(path)
