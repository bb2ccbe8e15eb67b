"""Pixels of image files of every kind: those that a person would see, or a refusal by name."""

from __future__ import annotations

import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from algocli.challenge import pngs
from algocli.challenge.conversions import BACKGROUND, Conversion
from algocli.challenge.pixels import find_conversions, read_image, see
from algocli.errors import DataError, NoPixels
from tests.support.pictures import (
    GREY,
    encoded,
    grey,
    laid,
    orientation_block,
    stored_as,
    write_png,
    write_tiff,
)

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (11, 7, 3), dtype=np.uint8)
LEVELS = RNG.integers(0, 256, (11, 7), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (11, 7)).astype(np.uint16)
DEEP[0, :3] = 0, 65535, 255
# What 65535 is to 255, to the nearest, in floating numbers.
SCALED = grey(np.floor(DEEP / 65535 * 255 + 0.5))
OPACITY = RNG.integers(0, 256, (11, 7), dtype=np.uint8)
OPACITY[0, :3] = 0, 255, 128


@pytest.fixture(params=["with imagecodecs", "without"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both ways of decoding, where both are there."""
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "imagecodecs", None)
    pngs._codecs.cache_clear()
    yield request.param
    pngs._codecs.cache_clear()


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


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("chunk", [[], [(b"tEXt", b"Software\0a program")], [(b"gAMA", struct.pack(">I", 45455))]])
def test_a_plain_image_has_the_pixels_that_are_stored(tmp_path: Path, chunk: list[tuple[bytes, bytes]]) -> None:
    check(write_png(tmp_path / "a.png", COLOURS, colour_type=2, before=chunk), COLOURS)
    check(write_png(tmp_path / "b.png", COLOURS, colour_type=2, after=chunk), COLOURS)


@pytest.mark.usefixtures("decoder")
def test_16_bit_greyscale_is_scaled_by_the_range_of_16_bits(tmp_path: Path) -> None:
    check(write_png(tmp_path / "a.png", DEEP, bits=16, colour_type=0), SCALED, Conversion.SIXTEEN_BITS)


def test_a_dark_16_bit_image_stays_dark(tmp_path: Path) -> None:
    dark = np.arange(256, dtype=np.uint16).reshape(16, 16)
    check(
        write_png(tmp_path / "a.png", dark, bits=16, colour_type=0),
        grey((dark > 128).astype(np.uint8)),
        Conversion.SIXTEEN_BITS,
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_16_bit_tiff_is_scaled_in_either_byte_order(tmp_path: Path, order: str) -> None:
    check(write_tiff(tmp_path / "a.tif", DEEP.astype(f"{order}u2")), SCALED, Conversion.SIXTEEN_BITS)


def test_a_12_bit_tiff_is_scaled_by_the_range_of_12_bits(tmp_path: Path) -> None:
    numbers = (DEEP[:, :6] % 4096).astype(np.uint16)
    numbers[0, :2] = 0, 4095
    path = write_tiff(tmp_path / "a.tif", numbers, bits=12)
    check(path, grey(np.floor(numbers / 4095 * 255 + 0.5)), Conversion.SIXTEEN_BITS)


def test_a_16_bit_tiff_whose_zero_is_white_is_no_negative(tmp_path: Path) -> None:
    check(write_tiff(tmp_path / "a.tif", DEEP, white_is_zero=True), 255 - SCALED, Conversion.SIXTEEN_BITS)
    check(write_tiff(tmp_path / "b.tif", LEVELS, white_is_zero=True), 255 - grey(LEVELS))


@pytest.mark.parametrize("white", [65535, 4095, 1023])
def test_a_deep_pgm_is_scaled_by_the_range_that_it_states(tmp_path: Path, white: int) -> None:
    numbers = (DEEP.astype(np.int64) * white // 65535).astype(">u2")
    (tmp_path / "a.pgm").write_bytes(f"P5 7 11 {white}\n".encode() + numbers.tobytes())
    check(tmp_path / "a.pgm", grey(np.floor(numbers / white * 255 + 0.5)), Conversion.SIXTEEN_BITS)


def test_16_bit_colours_keep_their_upper_byte(tmp_path: Path) -> None:
    numbers = RNG.integers(0, 65536, (11, 7, 3))
    path = write_png(tmp_path / "a.png", numbers, bits=16, colour_type=2)
    check(path, (numbers >> 8).astype(np.uint8))
    # No further than one level from the nearest.
    assert np.abs(np.asarray(read_image(path)) - numbers / 257).max() <= 1


def test_32_bit_numbers_that_are_levels_stay_as_they_are(tmp_path: Path) -> None:
    check(write_tiff(tmp_path / "a.tif", LEVELS.astype(np.int32)), grey(LEVELS))
    check(write_tiff(tmp_path / "b.tif", LEVELS.astype(np.uint32)), grey(LEVELS))


@pytest.mark.parametrize("kind", ["<i4", ">i4", "<u4"])
def test_32_bit_numbers_within_16_bits_are_scaled_as_such(tmp_path: Path, kind: str) -> None:
    check(write_tiff(tmp_path / "a.tif", DEEP.astype(kind)), SCALED, Conversion.WHOLE_NUMBERS)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        (np.array([[0, 65536]], np.int32), "holds 32-bit whole numbers from 0 to 65536"),
        (np.array([[-1, 200]], np.int32), "holds 32-bit whole numbers from -1 to 200"),
        (np.array([[-1, 200]], np.int16), "holds signed 16-bit whole numbers from -1 to 200"),
        (np.array([[0, 30000]], np.int16), "holds signed 16-bit whole numbers from 0 to 30000"),
        (np.array([[-0.01, 1]], np.float32), "holds floats from -0.01 to 1"),
        (np.array([[0, 255.5]], np.float32), "holds floats from 0 to 255.5"),
        (np.array([[0, np.nan]], np.float32), "holds numbers that are not finite"),
        (np.array([[0, np.inf]], np.float32), "holds numbers that are not finite"),
    ],
)
def test_numbers_without_a_range_are_refused_by_name(tmp_path: Path, numbers: NDArray[Any], sentence: str) -> None:
    assert sentence in refusal(write_tiff(tmp_path / "a.tif", numbers)).message


@pytest.mark.parametrize("order", ["<", ">"])
def test_floats_up_to_1_are_shares_of_white(tmp_path: Path, order: str) -> None:
    shares = np.linspace(0, 1, 77, dtype=np.float32).reshape(11, 7).astype(f"{order}f4")
    check(write_tiff(tmp_path / "a.tif", shares), grey(np.round(255 * shares.astype(float))), Conversion.SHARES)


def test_levels_divided_by_255_come_back_exactly(tmp_path: Path) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    check(write_tiff(tmp_path / "a.tif", (every / 255).astype(np.float32)), grey(every), Conversion.SHARES)


def test_floats_up_to_255_are_levels(tmp_path: Path) -> None:
    numbers = np.array([[0.0, 1.4, 1.6, 254.6]], np.float32)
    check(write_tiff(tmp_path / "a.tif", numbers), grey(np.array([[0, 1, 2, 255]])), Conversion.LEVELS)
    check(
        write_tiff(tmp_path / "b.tif", numbers, white_is_zero=True),
        grey(np.array([[255, 254, 253, 0]])),
        Conversion.LEVELS,
    )


def test_the_background_is_the_one_that_the_help_states() -> None:
    assert BACKGROUND == GREY


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("TIFF", "tif"), ("WEBP", "webp")])
def test_transparent_pixels_are_laid_on_grey(tmp_path: Path, kind: str, ending: str) -> None:
    image = Image.fromarray(np.dstack([COLOURS, OPACITY]))
    how = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    (tmp_path / f"a.{ending}").write_bytes(encoded(image, kind, **how))
    check(tmp_path / f"a.{ending}", laid(COLOURS, OPACITY), Conversion.LAID)


def test_what_is_hidden_is_never_seen(tmp_path: Path) -> None:
    hidden = np.dstack([COLOURS, np.zeros_like(OPACITY)])
    check(write_png(tmp_path / "a.png", hidden, colour_type=6), np.full_like(COLOURS, GREY), Conversion.LAID)


@pytest.mark.parametrize("channels", [2, 4])
def test_an_image_that_is_wholly_opaque_has_the_pixels_that_are_stored(tmp_path: Path, channels: int) -> None:
    colours = COLOURS if channels == 4 else LEVELS[:, :, None]
    pixels = np.dstack([colours, np.full_like(OPACITY, 255)])
    expected = COLOURS if channels == 4 else grey(LEVELS)
    check(write_png(tmp_path / "a.png", pixels, colour_type={2: 4, 4: 6}[channels]), expected)


def test_transparent_greyscale_is_laid_on_grey(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", np.dstack([LEVELS, OPACITY]), colour_type=4)
    check(path, laid(grey(LEVELS), OPACITY), Conversion.LAID)


def test_16_bit_transparency_keeps_its_upper_byte(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", np.dstack([DEEP, DEEP[::-1]]), bits=16, colour_type=4)
    check(path, laid(grey(DEEP >> 8), (DEEP[::-1] >> 8).astype(np.uint8)), Conversion.LAID)


def palette(entries: NDArray[np.uint8], opacities: bytes = b"") -> list[tuple[bytes, bytes]]:
    return [(b"PLTE", entries.tobytes()), *([(b"tRNS", opacities)] if opacities else [])]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_has_its_colours(tmp_path: Path, bits: int) -> None:
    entries = COLOURS.reshape(-1, 3)[: min(2**bits, 60)]
    places = RNG.integers(0, len(entries), (11, 7))
    check(
        write_png(tmp_path / "a.png", places, bits=bits, colour_type=3, before=palette(entries)),
        entries[places],
    )


@pytest.mark.parametrize("opacities", [b"\0", b"\xff\x80\0\xff", b"\x01"])
def test_a_palette_with_transparent_entries_is_laid_on_grey(tmp_path: Path, opacities: bytes) -> None:
    entries = COLOURS.reshape(-1, 3)[:9]
    places = np.arange(77).reshape(11, 7) % 9
    opacity = np.frombuffer(opacities.ljust(9, b"\xff"), np.uint8)[places]
    path = write_png(tmp_path / "a.png", places, colour_type=3, before=palette(entries, opacities))
    check(path, laid(entries[places], opacity), Conversion.LAID)


def test_a_palette_whose_transparent_entry_is_not_used_is_opaque(tmp_path: Path) -> None:
    entries = COLOURS.reshape(-1, 3)[:9]
    places = 1 + np.arange(77).reshape(11, 7) % 8
    check(write_png(tmp_path / "a.png", places, colour_type=3, before=palette(entries, b"\0")), entries[places])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_greyscale_of_few_bits_is_scaled_and_its_transparent_level_is_grey(tmp_path: Path, bits: int) -> None:
    white = 2**bits - 1
    numbers = np.arange(77).reshape(11, 7) % (white + 1)
    numbers[-1, -1] = white
    levels = grey(numbers * 255 // white)
    check(write_png(tmp_path / "a.png", numbers, bits=bits, colour_type=0), levels)
    for key in {0, 1, white}:
        before = [(b"tRNS", struct.pack(">H", key))]
        path = write_png(tmp_path / "b.png", numbers, bits=bits, colour_type=0, before=before)
        check(path, np.where(numbers[:, :, None] == key, np.uint8(GREY), levels), Conversion.LAID)


def test_the_transparent_level_of_16_bits_is_told_from_its_neighbours(tmp_path: Path) -> None:
    numbers = np.array([[1000, 1001, 1002, 65535]])
    path = write_png(tmp_path / "a.png", numbers, bits=16, colour_type=0, before=[(b"tRNS", struct.pack(">H", 1001))])
    check(path, grey(np.array([[4, GREY, 4, 255]])), Conversion.SIXTEEN_BITS, Conversion.LAID)


@pytest.mark.usefixtures("decoder")
def test_a_transparent_colour_is_grey(tmp_path: Path) -> None:
    key = [(b"tRNS", struct.pack(">HHH", *COLOURS[3, 4]))]
    expected = COLOURS.copy()
    expected[3, 4] = GREY
    check(write_png(tmp_path / "a.png", COLOURS, colour_type=2, before=key), expected, Conversion.LAID)
    other = [(b"tRNS", struct.pack(">HHH", 1, 2, 3))]
    check(write_png(tmp_path / "b.png", COLOURS, colour_type=2, before=other), COLOURS)


def test_a_transparent_colour_of_16_bits_is_refused_by_name(tmp_path: Path) -> None:
    key = [(b"tRNS", struct.pack(">HHH", 1, 2, 3))]
    path = write_png(tmp_path / "a.png", np.zeros((2, 2, 3)), bits=16, colour_type=2, before=key)
    assert "has 16-bit colours of which one is transparent" in refusal(path).message


def test_a_gif_is_laid_on_grey_where_it_is_transparent(tmp_path: Path) -> None:
    image = Image.fromarray((np.arange(77).reshape(11, 7) % 5).astype(np.uint8)).convert("P")
    image.putpalette(COLOURS.reshape(-1)[:15].tolist())
    (tmp_path / "a.gif").write_bytes(encoded(image, "GIF", transparency=2))
    places = np.arange(77).reshape(11, 7) % 5
    expected = COLOURS.reshape(-1, 3)[places]
    expected[places == 2] = GREY
    check(tmp_path / "a.gif", expected, Conversion.LAID)


def test_premultiplied_colours_are_divided_by_their_opacity(tmp_path: Path) -> None:
    pixels = np.array([[[100, 50, 0, 200], [0, 0, 0, 0], [10, 20, 30, 255]]], np.uint8)
    tags = [(256, 3), (257, 1), (259, 1), (262, 2), (273, 8), (277, 4), (278, 1), (279, 12), (338, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags[:2])
    entries += struct.pack("<HHII", 258, 3, 4, 8 + 12 + 2 + 10 * 12 + 4)
    entries += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags[2:])
    directory = struct.pack("<H", 10) + entries + bytes(4) + struct.pack("<4H", 8, 8, 8, 8)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 20) + pixels.tobytes() + directory)
    # Premultiplied 100 at opacity 200: what was laid on black is laid on grey instead.
    expected = np.array([[[127, 77, 27], [127, 127, 127], [10, 20, 30]]], np.int64)
    found = np.asarray(read_image(tmp_path / "a.tif"), np.int64)
    assert np.abs(found - expected).max() <= 1
    assert find_conversions(tmp_path / "a.tif") == (Conversion.LAID,)


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


@pytest.mark.parametrize(("opacity", "expected"), [(0, (200, 10, 20)), (128, (164, 68, 73))])
def test_a_bitmap_whose_opacity_was_never_set_is_opaque(
    tmp_path: Path, opacity: int, expected: tuple[int, int, int]
) -> None:
    header = struct.pack("<IiiHHIIiiII", 108, 2, 2, 1, 32, 3, 16, 0, 0, 0, 0)
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(52)
    start = b"BM" + struct.pack("<IHHI", 14 + 108 + 16, 0, 0, 14 + 108)
    (tmp_path / "a.bmp").write_bytes(start + header + bytes([20, 10, 200, opacity]) * 4)
    check(
        tmp_path / "a.bmp",
        np.full((2, 2, 3), expected, np.uint8),
        *([Conversion.LAID] if opacity else []),
    )


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
