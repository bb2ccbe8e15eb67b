"""From a file to what a network is fed, held against torchvision's own transforms."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from algocli.dataset.images import read_image
from algocli.errors import DataError, UsageError
from algocli.features.networks.preprocessing import TUTORIAL, Transform
from tests.support.challenge import patchwork, png

# As the tutorial writes it.
ORACLE = transforms.Compose(
    [
        transforms.Resize((224, 224)),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


def fed(path: Path, transform: Transform = TUTORIAL) -> torch.Tensor:
    """Return what a network is fed for one file."""
    return transform.normalise(torch.from_numpy(transform.resize(read_image(path)).copy())[None])


@pytest.mark.parametrize("size", [425, 224, 64, 500])
def test_pixels_are_those_of_the_tutorials_transform(tmp_path: Path, size: int) -> None:
    path = tmp_path / "image.png"
    pixels = np.random.default_rng(size).integers(0, 256, (size, size + 3, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    torch.testing.assert_close(fed(path)[0], ORACLE(Image.open(path).convert("RGB")), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "CMYK"])
def test_an_image_of_any_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    Image.fromarray(patchwork(np.random.default_rng(0), 50)).convert(mode).save(path)
    expected = ORACLE(Image.open(path).convert("RGB"))
    torch.testing.assert_close(fed(path)[0], expected, rtol=0, atol=1e-6)


def test_a_greyscale_image_has_three_equal_channels(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    path.write_bytes(png(patchwork(np.random.default_rng(1), 60)[:, :, :1], colour_type=0))
    pixels = TUTORIAL.resize(read_image(path))
    assert pixels.shape == (224, 224, 3)
    assert (pixels == pixels[:, :, :1]).all()


def test_what_a_network_is_fed_lies_channels_last(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(png(patchwork(np.random.default_rng(2), 60)))
    images = fed(path)
    assert images.shape == (1, 3, 224, 224)
    assert images.is_contiguous(memory_format=torch.channels_last)


def _not_there(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut_in_the_pixels(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def _text(path: Path) -> None:
    path.write_text("<html>404</html>")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _bomb(path: Path) -> None:
    """Announce 60,000 x 60,000 pixels."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"")))
    body = b"".join(
        struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_not_there, "is missing"),
        (_folder, "is a directory, not a file"),
        *((spoil, "is no readable image") for spoil in (_empty, _cut_in_the_pixels, _cut_in_the_header, _text, _bomb)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_image_is_named(tmp_path: Path, spoil: Callable[[Path], None], said: str) -> None:
    path = tmp_path / "train-0007_nsd-00042.png"
    path.write_bytes(png(patchwork(np.random.default_rng(3), 60)))
    spoil(path)
    with pytest.raises(DataError, match=rf"train-0007_nsd-00042\.png (cannot be read: )?{said}"):
        TUTORIAL.resize(read_image(path))


SOUND = png(patchwork(np.random.default_rng(4), 24))


@settings(max_examples=200, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), max_size=4), cut=st.integers(0))
def test_no_damage_ends_in_anything_but_an_image_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(SOUND)
    for place, value in changes:
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(content[: len(content) - cut % (len(content) // 2)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(DataError):
            assert TUTORIAL.resize(read_image(path)).shape == (224, 224, 3)


@pytest.mark.parametrize(
    "other",
    [
        {"size": 225},
        {"resize_size": 256},
        {"keep_aspect": True},
        {"interpolation": "bicubic"},
        {"mean": (0.485, 0.456, 0.4060001)},
        {"std": (0.229, 0.224, 0.226)},
    ],
    ids=str,
)
def test_every_constant_is_part_of_the_identity(other: dict[str, float]) -> None:
    assert replace(TUTORIAL, **other).identity() != TUTORIAL.identity()  # type: ignore[arg-type]


def test_another_way_to_resize_is_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    # As another library or release might do it, under the same name.
    before = TUTORIAL.identity()
    monkeypatch.setattr(
        Transform, "resize", lambda self, image: np.asarray(image.resize((self.size,) * 2, Image.Resampling.NEAREST))
    )
    after = TUTORIAL.identity()
    assert after["probe"] != before["probe"]
    assert {**after, "probe": None} == {**before, "probe": None}


def test_the_tutorials_identity_says_no_more_than_it_did() -> None:
    assert set(TUTORIAL.identity()) == {"resize", "mean", "std", "probe"}


@pytest.mark.parametrize("shape", [(425, 425), (300, 425), (431, 297)])
@pytest.mark.parametrize(("resize_size", "size"), [(256, 224), (232, 225), (342, 299)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_crop_is_torchvisions(shape: tuple[int, int], resize_size: int, size: int, interpolation: str) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    oracle = transforms.Compose(
        [transforms.Resize(resize_size, transforms.InterpolationMode(interpolation)), transforms.CenterCrop(size)]
    )
    found = Transform(size, resize_size=resize_size, keep_aspect=True, interpolation=interpolation).resize(image)
    np.testing.assert_array_equal(found, np.asarray(oracle(image)))


@pytest.mark.parametrize(
    "options",
    [
        {"interpolation": "Bilinear"},
        {"interpolation": "cubic"},
        {"size": 0},
        {"size": 224.0},
        {"resize_size": "256"},
        {"mean": (0.5, 0.5)},
        {"std": (0.5, 0.0, 0.5)},
        {"keep_aspect": 1},
    ],
    ids=str,
)
def test_a_transform_that_there_is_not_is_refused_by_its_field(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        Transform(**options)
