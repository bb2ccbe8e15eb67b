"""Numbers of every depth and transparency: the levels that a person would see, or a refusal by name."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from algocli.dataset.conversions import BACKGROUND, Conversion
from algocli.dataset.pixels import find_conversions, read_image
from tests.dataset.seen_by_hand import COLOURS, DEEP, LEVELS, OPACITY, RNG, SCALED, check, refusal
from tests.support.pictures import GREY, encoded, grey, laid, write_png, write_tiff


@pytest.mark.usefixtures("decoder")
def test_16_bit_greyscale_is_scaled_by_the_range_of_16_bits(tmp_path: Path) -> None:
    check(write_png(tmp_path / "a.png", DEEP, bits=16, colour_type=0), SCALED, Conversion.SIXTEEN_BITS)


def test_a_dark_16_bit_image_stays_dark(tmp_path: Path) -> None:
    dark = np.arange(256, dtype=np.uint16).reshape(16, 16)
    check(
        write_png(tmp_path / "a.png", dark, bits=16, colour_type=0),
        grey((dark > 128).astype(np.uint8)),
        Conversion.SIXTEEN_BITS,
        Conversion.DARK,
    )


def test_an_image_whose_range_was_another_is_told_to_be_dark(tmp_path: Path) -> None:
    twelve = (DEEP // 16).astype(np.uint16)
    path = write_png(tmp_path / "a.png", twelve, bits=16, colour_type=0)
    assert find_conversions(path) == (Conversion.SIXTEEN_BITS, Conversion.DARK)
    check(
        write_png(tmp_path / "b.png", COLOURS, bits=16, colour_type=2), np.zeros((11, 7, 3), np.uint8), Conversion.DARK
    )
    mask = LEVELS % 2
    check(write_tiff(tmp_path / "c.tif", mask.astype(np.int32)), grey(mask), Conversion.DARK)


@pytest.mark.usefixtures("decoder")
def test_a_black_image_of_8_bits_is_nothing_to_tell(tmp_path: Path) -> None:
    black = np.zeros((11, 7, 3), np.uint8)
    check(write_png(tmp_path / "a.png", black, bits=8, colour_type=2), black)
    check(write_tiff(tmp_path / "b.tif", black[:, :, 0]), black)


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
        # Shares of white that were resampled: as levels they would be black.
        (np.array([[0, 1.02]], np.float32), "holds floats from 0 to 1.02"),
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
