"""Images that are the same are known by their pixels, whatever file they are in; between subjects also by number."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from algocli.dataset import copies
from algocli.dataset.copies import find_copies, find_shared
from algocli.dataset.ids import Ids
from algocli.dataset.pixels import read_image
from algocli.dataset.pngs import first_row
from algocli.dataset.stimuli import Stimulus
from tests.dataset.toy import ToySubject
from tests.support.pictures import orientation_block, write_png


def picture(seed: int, size: tuple[int, int] = (23, 31)) -> NDArray[np.uint8]:
    """Smooth in part, so that every way to write a row is worth its while somewhere."""
    rng = np.random.default_rng(seed)
    slope = np.add.outer(np.arange(size[0]) * 3, np.arange(size[1]) * 5)[..., None] + rng.integers(0, 256, 3)
    noise = rng.integers(0, 256, (*size, 3))
    return np.where(rng.random(size)[..., None] < 0.5, slope, noise).astype(np.uint8)


def saved(path: Path, pixels: NDArray[np.uint8], **how: Any) -> Path:
    Image.fromarray(pixels).save(path, **how)
    return path


@pytest.mark.parametrize("way", ["NONE", "SUB", "UP", "AVG", "PAETH"])
@pytest.mark.parametrize("size", [(23, 31), (4, 1), (1, 4), (3, 1100)])
def test_the_first_row_is_what_a_decoder_makes_of_it(tmp_path: Path, way: str, size: tuple[int, int]) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    for seed in range(5):
        pixels = picture(seed, size)
        path = tmp_path / "one.png"
        path.write_bytes(imagecodecs.png_encode(pixels, filter=getattr(imagecodecs.PNG.FILTER, way)))
        assert first_row(path) == ((size[1], size[0]), np.asarray(read_image(path))[0].tobytes())


def test_a_file_whose_first_row_is_not_the_picture_s_is_left_to_a_decoder(tmp_path: Path) -> None:
    pixels = picture(1)
    turned = write_png(tmp_path / "turned.png", pixels, colour_type=2, after=[(b"eXIf", orientation_block(6))])
    assert first_row(turned) is None
    assert first_row(saved(tmp_path / "grey.png", pixels[..., 0])) is None
    assert first_row(saved(tmp_path / "photo.jpg", pixels)) is None
    cut = saved(tmp_path / "cut.png", pixels)
    cut.write_bytes(cut.read_bytes()[:60])
    assert first_row(cut) is None
    assert first_row(tmp_path / "absent.png") is None


def test_the_same_pixels_are_known_in_whatever_file_they_are(tmp_path: Path) -> None:
    one, other = picture(1), picture(2)
    alike = one.copy()
    alike[-1, -1, 2] ^= 1
    paths = [
        saved(tmp_path / "a.png", one),
        saved(tmp_path / "b.png", other),
        saved(tmp_path / "begins-alike.png", alike),
        saved(tmp_path / "packed-otherwise.png", one, compress_level=0),
        saved(tmp_path / "c.bmp", one),
        saved(tmp_path / "lossy.jpg", one),
        write_png(tmp_path / "opaque.png", np.dstack([one, np.full(one.shape[:2], 255)]), colour_type=6),
        write_png(tmp_path / "d.png", np.rot90(one), colour_type=2, after=[(b"eXIf", orientation_block(6))]),
        saved(tmp_path / "another-size.png", one[:, :-1]),
        tmp_path / "b.png",
    ]
    assert len({path.read_bytes() for path in paths}) == len(paths) - 1
    # Of whatever is the same, the pixels that are read are the oracle.
    read = [np.asarray(read_image(path)) for path in paths]
    first = [next(n for n, image in enumerate(read) if np.array_equal(image, one)) for one in read]
    assert find_copies(paths).tolist() == first
    assert first == [0, 1, 2, 0, 0, 5, 0, 0, 8, 1]
    assert find_copies(paths, tmp_path / "cache").tolist() == first


def test_images_that_cannot_be_read_are_like_no_other(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"no picture")
    assert find_copies([tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "cache").tolist() == [0, 1]
    assert find_copies([], tmp_path / "cache").tolist() == []


@pytest.mark.usefixtures("an_hour_later")
def test_what_was_seen_is_remembered_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [saved(tmp_path / f"{n}.png", picture(n // 2), compress_level=n) for n in range(6)]
    for path in paths:
        os.utime(path, ns=(10**18, 10**18))
    cache = tmp_path / "cache"
    before = find_copies(paths, cache).tolist()
    assert before == [0, 0, 2, 2, 4, 4]
    looked: list[Path] = []
    real = {name: getattr(copies, name) for name in ("_beginning", "_pixels")}
    for name, look in real.items():
        monkeypatch.setattr(copies, name, lambda path, look=look: looked.append(path) or look(path))
    assert find_copies(paths, cache).tolist() == before
    assert looked == []
    saved(paths[3], picture(9))
    assert find_copies(paths, cache).tolist() == [0, 0, 2, 3, 4, 4]
    assert {*looked} == {paths[3]}


def somebody(folder: Path, name: str, stimuli: list[tuple[str | int, NDArray[np.uint8]]], n: int | None) -> ToySubject:
    """Somebody who saw these pictures under these ids, the last of them in the test."""
    own = folder / name
    own.mkdir(parents=True)
    made = []
    for place, (word, pixels) in enumerate(stimuli):
        path = saved(own / f"{place}.png", pixels, compress_level=len(name))
        made.append(Stimulus(place, "train", word, path))
    made[-1] = replace(made[-1], row=0, split="test")
    subject = ToySubject(own, made, {"all": np.zeros((len(made) - 1, 2), np.float32)}, {})
    subject.ids = Ids("NSD id", "nsd_id", n)
    return subject


def test_numbers_and_pixels_tell_what_others_saw(tmp_path: Path) -> None:
    a, b, c, d, e, f = (picture(n) for n in range(6))
    anna = somebody(tmp_path, "anna", [(1, a), (2, b), (3, c), (4, d), (5, e)], 100)
    ben = somebody(tmp_path, "benjamin", [(1, a), (20, b), (5, f)], 100)
    cleo = somebody(tmp_path, "cleo", [(30, f), (40, d)], 100)
    sharing = find_shared(anna, [ben, cleo], tmp_path / "cache")
    # 1 and 5 by number, 5 though its file holds other pixels; 2 by pixels, and 4 from a test.
    assert sharing.rows.tolist() == [True, True, False, True, True]
    assert sharing.n_by_id == 2
    assert sharing.others == ("anna", "benjamin", "cleo")[1:]
    assert find_shared(cleo, [anna, ben]).rows.tolist() == [True, True]
    assert find_shared(anna, []).rows.tolist() == [False] * 5


def test_words_may_mean_another_image_in_another_subject(tmp_path: Path) -> None:
    a, b, c = (picture(n) for n in range(3))
    anna = somebody(tmp_path, "anna", [("first", a), ("second", b)], None)
    ben = somebody(tmp_path, "benjamin", [("first", b), ("second", c)], None)
    sharing = find_shared(anna, [ben])
    assert sharing.rows.tolist() == [False, True]
    assert sharing.n_by_id == 0
