"""Image files of every format: upright, whole and in RGB, or refused by name."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from algocli.dataset.conversions import Conversion
from algocli.dataset.pixels import find_conversions, read_image, see
from algocli.errors import DataError
from tests.dataset.seen_by_hand import COLOURS, DEEP, LEVELS, SCALED, check, refusal
from tests.support.pictures import GREY, encoded, grey, orientation_block, stored_as, write_png


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("chunk", [[], [(b"tEXt", b"Software\0a program")], [(b"gAMA", struct.pack(">I", 45455))]])
def test_a_plain_image_has_the_pixels_that_are_stored(tmp_path: Path, chunk: list[tuple[bytes, bytes]]) -> None:
    check(write_png(tmp_path / "a.png", COLOURS, colour_type=2, before=chunk), COLOURS)
    check(write_png(tmp_path / "b.png", COLOURS, colour_type=2, after=chunk), COLOURS)


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_png_is_turned_upright_wherever_its_exif_stands(tmp_path: Path, orientation: int, place: str) -> None:
    chunk: dict[str, Any] = {place: [(b"eXIf", orientation_block(orientation))]}
    path = write_png(tmp_path / "a.png", stored_as(COLOURS, orientation), colour_type=2, **chunk)
    check(path, COLOURS, *([Conversion.TURNED] if orientation > 1 else []))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_photograph_is_turned_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    smooth = np.linspace(0, 255, 48 * 32).reshape(48, 32).astype(np.uint8)
    upright = np.dstack([smooth, smooth[::-1], smooth[:, ::-1]])
    how: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0}
    image = Image.fromarray(stored_as(upright, orientation))
    path = tmp_path / "a.image"
    path.write_bytes(encoded(image, kind, exif=b"Exif\0\0" + orientation_block(orientation), **how))
    found = np.asarray(read_image(path), dtype=int)
    assert found.shape == upright.shape
    assert np.abs(found - upright).max() <= (0 if kind == "WEBP" else 6)
    assert find_conversions(path) == see(path).conversions == ((Conversion.TURNED,) if orientation > 1 else ())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("how", [{}, {"compression": "tiff_lzw"}])
def test_a_tiff_is_turned_upright_and_once(tmp_path: Path, orientation: int, how: dict[str, Any]) -> None:
    image = Image.fromarray(stored_as(COLOURS, orientation))
    (tmp_path / "a.tif").write_bytes(encoded(image, "TIFF", tiffinfo={274: orientation}, **how))
    # Every version that reads such files at all has turned them: nothing that could surprise.
    check(tmp_path / "a.tif", COLOURS)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_there_is_not_leaves_a_picture_as_it_is(tmp_path: Path, orientation: int) -> None:
    chunk = [(b"eXIf", orientation_block(orientation))]
    check(write_png(tmp_path / "a.png", COLOURS, colour_type=2, before=chunk), COLOURS)


@pytest.mark.parametrize("block", [b"", b"II", b"no exif at all", b"II*\0\xff\xff\xff\xff", orientation_block(6)[:13]])
def test_damaged_exif_leaves_a_picture_as_it_is(tmp_path: Path, block: bytes) -> None:
    path = write_png(tmp_path / "a.png", COLOURS, colour_type=2, before=[(b"eXIf", block)])
    with warnings.catch_warnings():
        # Pillow warns of some kinds of damage.
        warnings.simplefilter("ignore")
        check(path, COLOURS)


def test_a_picture_that_is_turned_and_deep_and_transparent_is_all_of_it(tmp_path: Path) -> None:
    chunks = [(b"tRNS", struct.pack(">H", DEEP[4, 4])), (b"eXIf", orientation_block(6))]
    path = write_png(tmp_path / "a.png", stored_as(DEEP, 6), bits=16, colour_type=0, before=chunks)
    expected = np.where((DEEP[4, 4] == DEEP)[:, :, None], np.uint8(GREY), SCALED)
    check(path, expected, Conversion.SIXTEEN_BITS, Conversion.LAID, Conversion.TURNED)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_frames_the_first_is_taken_and_told(tmp_path: Path, kind: str) -> None:
    black, white = (Image.new("L", (6, 4), level) for level in (0, 255))
    how = {"lossless": True} if kind == "WEBP" else {}
    path = tmp_path / "a.image"
    path.write_bytes(encoded(white, kind, save_all=True, append_images=[black, white], **how))
    check(path, np.full((4, 6, 3), 255, np.uint8), Conversion.FIRST_FRAME)


def test_a_cameras_file_of_several_pictures_is_its_first_without_a_word(tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 16), (200, 10, 10))
    (tmp_path / "a.jpg").write_bytes(encoded(image, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))]))
    assert see(tmp_path / "a.jpg").conversions == find_conversions(tmp_path / "a.jpg") == ()
    assert np.abs(np.asarray(read_image(tmp_path / "a.jpg"), int)[0, 0] - (200, 10, 10)).max() < 6


def test_black_and_white_is_black_and_white(tmp_path: Path) -> None:
    bits = (LEVELS > 127).astype(np.uint8)
    (tmp_path / "a.tif").write_bytes(encoded(Image.fromarray(255 * bits).convert("1"), "TIFF"))
    check(tmp_path / "a.tif", grey(255 * bits))


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_inks_are_subtracted_from_white(tmp_path: Path, kind: str) -> None:
    # Full cyan, full black, half of all but black, nothing.
    inks = np.array([[255, 0, 0, 0], [0, 0, 0, 255], [128, 128, 128, 0], [0, 0, 0, 0]], np.uint8)
    pixels = np.repeat(np.repeat(inks[None], 8, axis=0), 8, axis=1)
    (tmp_path / "a.image").write_bytes(encoded(Image.frombytes("CMYK", (32, 8), pixels.tobytes()), kind))
    found = np.asarray(read_image(tmp_path / "a.image"), int)[4, 4::8]
    expected = [[0, 255, 255], [0, 0, 0], [127, 127, 127], [255, 255, 255]]
    assert np.abs(found - expected).max() <= (0 if kind == "TIFF" else 3)
    assert find_conversions(tmp_path / "a.image") == ()


def test_luma_and_chroma_are_those_of_jfif(tmp_path: Path) -> None:
    pixels = np.array([[[76, 85, 255], [150, 44, 21], [255, 128, 128], [0, 128, 128]]], np.uint8)
    (tmp_path / "a.tif").write_bytes(
        encoded(Image.frombytes("YCbCr", (4, 1), pixels.tobytes()), "TIFF", compression="tiff_lzw")
    )
    y, cb, cr = (pixels[..., channel].astype(float) for channel in range(3))
    rgb = [y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)]
    found = np.asarray(read_image(tmp_path / "a.tif"), float)
    assert np.abs(found - np.clip(np.stack(rgb, -1), 0, 255)).max() <= 1


def test_lab_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(encoded(Image.new("LAB", (4, 4)), "TIFF"))
    assert "has pixels of the kind LAB" in refusal(tmp_path / "a.tif").message


def test_a_format_that_is_not_known_has_a_hint_that_fits(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"a\.tif is no readable image: its format is not known") as caught:
        read_image(tmp_path / "a.tif")
    assert "8-bit RGB" in str(caught.value.hint)


def test_a_picture_of_too_many_pixels_has_a_hint_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    path = write_png(tmp_path / "a.png", LEVELS, colour_type=0)
    with pytest.raises(DataError, match="too many pixels") as caught:
        read_image(path)
    assert "smaller" in str(caught.value.hint)


CUT: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: encoded(Image.fromarray(COLOURS.repeat(20, 0).repeat(20, 1)), "PNG", compress_level=0),
    "PNG of 16 bits": lambda: encoded(Image.fromarray(DEEP.repeat(20, 0).repeat(20, 1)), "PNG", compress_level=0),
    "JPEG": lambda: encoded(Image.effect_noise((90, 90), 60), "JPEG"),
    "WEBP": lambda: encoded(Image.effect_noise((90, 90), 60), "WEBP"),
    "TIFF": lambda: encoded(Image.effect_noise((90, 90), 60), "TIFF"),
    "LZW TIFF": lambda: encoded(Image.effect_noise((90, 90), 60), "TIFF", compression="tiff_lzw"),
    "GIF": lambda: encoded(Image.effect_noise((90, 90), 60), "GIF"),
    "BMP": lambda: encoded(Image.effect_noise((90, 90), 60), "BMP"),
}


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_a_file_that_is_cut_short_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    content = CUT[kind]()
    (tmp_path / "a.image").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"a\.image is no readable image"):
        read_image(tmp_path / "a.image")
