"""Images from anywhere: the same pixels in the same rows, and a sentence for what does not fit."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.conversions import Conversion
from algocli.dataset.digests import stimuli_digest
from algocli.dataset.images import ImageBrick, Images, open_images
from algocli.dataset.stimuli import ids_digest
from algocli.errors import DataError, NoPixels
from tests.support.pictures import orientation_block, write_png, write_tiff

SIZE = 16
# 2001: long settled, whatever the clock says.
LONG_AGO = 1_000_000_000 * 10**9


@pytest.fixture
def subject(spoilable: Path) -> Subject:
    """Twelve training and four test images of 16 x 16; their NSD ids lie between each other, from 1000 to 1033."""
    return Challenge(spoilable).subject(1)


def pixels_of(subject: Subject) -> dict[int, NDArray[np.uint8]]:
    """Decode the challenge's own PNGs, by NSD id."""
    found = {}
    for stimulus in subject.stimuli:
        with Image.open(stimulus.path) as image:
            found[stimulus.nsd_id] = np.asarray(image.convert("RGB"))
    return found


def write_brick(path: Path, subject: Subject, n_rows: int = 1034, **options: Any) -> Path:
    """Write the subject's images as NSD's file has them; what no one looks at stays a hole."""
    with h5py.File(path, "w") as file:
        brick = file.create_dataset("imgBrick", (n_rows, SIZE, SIZE, 3), "uint8", chunks=(1, SIZE, SIZE, 3), **options)
        for nsd_id, pixels in pixels_of(subject).items():
            brick[nsd_id] = pixels
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


def write_folder(folder: Path, subject: Subject, *, ending: str = "png", table: str = "ids.csv") -> Path:
    """Write the subject's images, named by something else, and their ids last to first, with a stranger among them."""
    folder.mkdir()
    lines = ["caption,nsd_id,file", "someone else's,72999,nowhere.png"]
    for nsd_id, pixels in reversed(pixels_of(subject).items()):
        file = f"deeper/{7 * nsd_id}.{ending}"
        (folder / "deeper").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / file)
        lines.append(f'"a dog, running",{nsd_id},{file}')
    (folder / table).write_text("\n".join(lines) + "\n")
    return folder


def arrays(images: Images, rows: Any) -> list[NDArray[np.uint8]]:
    loaded = images.load(rows)
    assert {image.mode for image in loaded} == {"RGB"}
    return [np.asarray(image) for image in loaded]


@pytest.fixture(params=["challenge", "hdf5", "folder"])
def images(request: pytest.FixtureRequest, subject: Subject, tmp_path: Path) -> Images:
    where = None
    if request.param == "hdf5":
        where = write_brick(tmp_path / "nsd_stimuli.hdf5", subject)
    if request.param == "folder":
        where = write_folder(tmp_path / "elsewhere", subject)
    found = open_images(subject, where)
    assert found.kind == request.param
    return found


def test_every_row_is_the_image_of_its_stimulus_to_the_bit(images: Images, subject: Subject) -> None:
    assert images.stimuli == subject.stimuli
    expected = list(pixels_of(subject).values())
    np.testing.assert_array_equal(arrays(images, range(16)), expected)
    rows = [15, 3, 12, 3, 0]
    np.testing.assert_array_equal(arrays(images, rows), [expected[row] for row in rows])
    assert images.load([]) == []


def test_several_threads_read_what_one_does(images: Images, subject: Subject) -> None:
    expected = list(pixels_of(subject).values())
    batches = [[row % 16, (5 * row + 3) % 16] for row in range(60)]
    with ThreadPoolExecutor(4) as pool:
        for rows, found in zip(batches, pool.map(lambda rows: arrays(images, rows), batches), strict=True):
            np.testing.assert_array_equal(found, [expected[row] for row in rows])


def test_images_can_be_sent_to_another_process(images: Images, subject: Subject) -> None:
    copy: Images = pickle.loads(pickle.dumps(images))
    np.testing.assert_array_equal(arrays(copy, [14]), arrays(images, [14]))


def test_the_digest_is_remembered_until_something_changes(images: Images, subject: Subject, tmp_path: Path) -> None:
    first = images.digest(tmp_path / "cache")
    assert images.digest(tmp_path / "cache") == first
    assert images.digest(tmp_path / "another cache") == first
    path = images.place if isinstance(images, ImageBrick) else images.paths[5]
    if images.kind == "hdf5":
        with h5py.File(path, "r+") as file:
            file["imgBrick"][subject.stimuli[5].nsd_id, 0, 0, 0] ^= 1
    else:
        Image.fromarray(255 - np.asarray(Image.open(path).convert("RGB"))).save(path)
    assert images.digest(tmp_path / "cache") != first


def test_the_digest_of_the_challenges_own_images_is_that_of_their_stimuli(subject: Subject, tmp_path: Path) -> None:
    assert open_images(subject).digest(tmp_path) == stimuli_digest(subject.stimuli, tmp_path)


def test_copies_of_the_challenges_images_have_the_digest_of_these(subject: Subject, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for stimulus in subject.stimuli:
        shutil.copy(stimulus.path, folder / f"{stimulus.nsd_id}.png")
    (folder / "ids.csv").write_text("file,nsd_id\n" + "".join(f"{s.nsd_id}.png,{s.nsd_id}\n" for s in subject.stimuli))
    assert open_images(subject, folder).digest(tmp_path) == stimuli_digest(subject.stimuli, tmp_path)


def test_the_digest_of_a_brick_is_that_of_splits_ids_and_pixels(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.dataset.images._BLOCK", 5)
    pixels = pixels_of(subject)
    parts = [f"{s.split} {s.nsd_id}\n".encode() + pixels[s.nsd_id].tobytes() for s in subject.stimuli]
    brick = open_images(subject, write_brick(tmp_path / "brick.h5", subject))
    assert brick.digest(tmp_path / "cache") == hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.usefixtures("an_hour_later")
def test_a_brick_is_read_once_for_a_subject_and_again_for_another(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_brick(tmp_path / "brick.h5", subject)
    first = open_images(subject, path).digest(tmp_path / "cache")
    last = subject.test_stimuli[-1].path
    last.unlink()
    other = open_images(Challenge(subject.layout.folder.parent).subject(1), path).digest(tmp_path / "cache")
    assert other != first
    monkeypatch.setattr("algocli.dataset.images.read_rows", None)
    assert open_images(subject, path).digest(tmp_path / "cache") == first


def test_the_digest_of_ids_depends_on_splits_ids_and_order_alone(subject: Subject, spoilable: Path) -> None:
    stimuli = subject.stimuli
    text = "".join(f"{s.split} {s.nsd_id}\n" for s in stimuli)
    assert ids_digest(stimuli) == hashlib.sha256(text.encode()).hexdigest()
    assert ids_digest(stimuli[:-1]) != ids_digest(stimuli)
    assert ids_digest(stimuli[::-1]) != ids_digest(stimuli)


@pytest.mark.parametrize("ending", ["bmp", "tif", "webp", "gif", "jpg"])
def test_images_of_any_format_are_read(subject: Subject, tmp_path: Path, ending: str) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject, ending=ending, table="whatever.CSV")
    images = open_images(subject, folder)
    for row in (0, 15):
        with Image.open(folder / f"deeper/{7 * subject.stimuli[row].nsd_id}.{ending}") as image:
            np.testing.assert_array_equal(arrays(images, [row])[0], np.asarray(image.convert("RGB")))
    assert images.name(3) == f"{7 * subject.stimuli[3].nsd_id}.{ending}"


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_an_image_of_another_mode_becomes_rgb(subject: Subject, mode: str) -> None:
    path = subject.stimuli[2].path
    with Image.open(path) as image:
        image.convert(mode).save(path)
    with Image.open(path) as image:
        np.testing.assert_array_equal(arrays(open_images(subject), [2])[0], np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", b"II*\0\xff\xff\xff\xff", b"GIF89a"])
def test_a_broken_image_is_named(subject: Subject, tmp_path: Path, content: bytes) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject)
    images = open_images(subject, folder)
    (folder / f"deeper/{7 * subject.stimuli[9].nsd_id}.png").write_bytes(content)
    images.load(range(9))
    with pytest.raises(DataError, match=f"{7 * subject.stimuli[9].nsd_id}.png is no readable image"):
        images.load([8, 9])


def test_an_image_that_the_table_names_and_the_folder_lacks_is_named(subject: Subject, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject)
    (folder / f"deeper/{7 * subject.stimuli[4].nsd_id}.png").unlink()
    with pytest.raises(DataError, match=f"{7 * subject.stimuli[4].nsd_id}.png is missing"):
        open_images(subject, folder).digest(tmp_path / "cache")


def _refused(subject: Subject, where: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_images(subject, where)
    return caught.value.message


def _table(folder: Path, change: Callable[[str], str]) -> None:
    (folder / "ids.csv").write_text(change((folder / "ids.csv").read_text()))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.replace("nsd_id", "coco_id"), "has no column nsd_id; it has caption, coco_id, file"),
        (lambda t: "", "has no column file; it has none"),
        (lambda t: t.replace(",1003,", ",2003,").replace(",1033,", ",2033,"), "lacks 2 of the subject's 16 images"),
        (lambda t: t + "again,1003,x.png\n", "names NSD id 1003 twice"),
        (lambda t: t.replace("deeper/7021.png", "./deeper/7000.png"), "twice, for NSD ids 1000 and 1003"),
        (lambda t: t.replace(",1003,", ",1003.0,"), "'1003.0' is no NSD id"),
        (lambda t: t.replace(",1003,", ",-1,"), "'-1' is no NSD id"),
        (lambda t: t.replace(",1003,", ",73000,"), "'73000' is no NSD id"),
        (lambda t: t.replace(",1003,", ",٣,"), "is no NSD id"),
        (lambda t: t.replace("deeper/7021.png", "../7021.png"), "'../7021.png' is no file below its folder"),
        (lambda t: t.replace("deeper/7021.png", "deeper/../../x"), "is no file below its folder"),
        (lambda t: t.replace("deeper/7021.png", "/etc/passwd"), "'/etc/passwd' is no file below its folder"),
        (lambda t: t.replace("deeper/7021.png", ""), "'' is no file below its folder"),
        (lambda t: t.replace("deeper/7021.png", "a\0b"), "is no file below its folder"),
        (lambda t: t + "short\n", "1 cells for 3 columns"),
        (lambda t: t + "x" * 200_000, "is no CSV file in UTF-8"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    subject: Subject, tmp_path: Path, change: Callable[[str], str], sentence: str
) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject)
    _table(folder, change)
    assert sentence in _refused(subject, folder)


def test_the_first_image_that_is_lacking_is_named(subject: Subject, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject)
    _table(folder, lambda t: t.replace(",1006,", ",2006,"))
    assert "NSD id 1006 (train-0003_nsd-01006.png)" in _refused(subject, folder)


def test_a_table_from_a_spreadsheet_is_read(subject: Subject, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject)
    text = (folder / "ids.csv").read_text().replace("caption,nsd_id,file", "file,nsd_id").replace("\n", "\r\n")
    lines = [",".join(line.split(",")[-1:-3:-1]) for line in text.splitlines()[1:]]
    (folder / "ids.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(["file,nsd_id", *lines, ""]).encode())
    assert open_images(subject, folder).load([0])


def test_a_folder_says_which_table_counts(subject: Subject, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject)
    (folder / "other.csv").write_text("nonsense\n")
    assert open_images(subject, folder).load([0])
    (folder / "ids.csv").rename(folder / "more.csv")
    assert "found more.csv, other.csv" in _refused(subject, folder)
    (folder / "more.csv").unlink()
    (folder / "other.csv").unlink()
    assert "found none" in _refused(subject, folder)


def test_a_file_that_holds_no_images_is_refused(subject: Subject, tmp_path: Path) -> None:
    assert "none.hdf5 is missing" in _refused(subject, tmp_path / "none.hdf5")
    assert "nowhere is missing" in _refused(subject, tmp_path / "nowhere")
    (tmp_path / "images.zip").write_bytes(b"PK")
    assert "images.zip holds no images" in _refused(subject, tmp_path / "images.zip")
    (tmp_path / "text.hdf5").write_text("<html>404</html>")
    assert "text.hdf5 cannot be read as HDF5" in _refused(subject, tmp_path / "text.hdf5")
    content = write_brick(tmp_path / "cut.hdf5", subject).read_bytes()
    (tmp_path / "cut.hdf5").write_bytes(content[: len(content) // 2])
    assert "cut.hdf5 is cut short" in _refused(subject, tmp_path / "cut.hdf5")


def test_a_file_without_the_brick_is_refused_with_what_it_has(subject: Subject, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["pictures/all"] = np.zeros((2, 2))
        file.create_group("imgBrick")
    assert "no dataset imgBrick; its datasets: pictures/all" in _refused(subject, tmp_path / "other.h5")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    assert "its datasets: none" in _refused(subject, tmp_path / "empty.h5")


@pytest.mark.parametrize(
    ("shape", "dtype"), [((2000, 4, 4), "u1"), ((2000, 3, 4, 4), "u1"), ((2000, 4, 4, 3), "f4"), (None, "f4")]
)
def test_a_brick_of_another_shape_is_refused(
    subject: Subject, tmp_path: Path, shape: tuple[int, ...] | None, dtype: str
) -> None:
    with h5py.File(tmp_path / "brick.h5", "w") as file:
        file["imgBrick"] = np.zeros(shape, dtype) if shape else h5py.Empty(dtype)
    assert "(73000, 425, 425, 3) uint8 was expected" in _refused(subject, tmp_path / "brick.h5")


@pytest.mark.parametrize(
    ("shape", "dtype", "hint"),
    [
        ((2000, 4, 4, 3), "f4", "255 times these"),
        ((2000, 4, 4, 3), "u2", "as uint8"),
        ((2000, 4, 4), "u1", "the same level three times"),
        ((2000, 4, 4, 1), "f8", "the same level three times"),
        ((2000, 3), "u1", "NSD's own archive"),
    ],
)
def test_the_hint_to_a_brick_of_another_kind_says_how_to_write_it(
    subject: Subject, tmp_path: Path, shape: tuple[int, ...], dtype: str, hint: str
) -> None:
    with h5py.File(tmp_path / "brick.h5", "w") as file:
        file.create_dataset("imgBrick", shape, dtype)
    with pytest.raises(DataError) as caught:
        open_images(subject, tmp_path / "brick.h5")
    assert hint in str(caught.value.hint)


def test_images_that_are_converted_are_named_by_what_is_done(subject: Subject, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject)
    images = open_images(subject, folder)
    assert images.converted(tmp_path / "cache") == {}
    deep, turned = (7 * subject.stimuli[row].nsd_id for row in (9, 2))
    write_png(folder / f"deeper/{deep}.png", np.full((4, 4), 7000), bits=16, colour_type=0)
    write_png(
        folder / f"deeper/{turned}.png", np.zeros((4, 4, 3)), colour_type=2, after=[(b"eXIf", orientation_block(8))]
    )
    assert images.converted(tmp_path / "cache") == {
        Conversion.SIXTEEN_BITS: [f"{deep}.png"],
        Conversion.TURNED: [f"{turned}.png"],
    }


def test_an_image_without_a_range_is_named_before_any_is_loaded(subject: Subject, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "elsewhere", subject, ending="tif")
    name = f"{7 * subject.stimuli[9].nsd_id}.tif"
    write_tiff(folder / "deeper" / name, np.full((4, 4), 1e6, np.float32))
    with pytest.raises(NoPixels, match=f"{name} holds floats from 1e\\+06 to 1e\\+06"):
        open_images(subject, folder).converted(tmp_path / "cache")


def test_a_brick_is_plain(subject: Subject, tmp_path: Path) -> None:
    assert open_images(subject, write_brick(tmp_path / "brick.h5", subject)).converted(tmp_path / "cache") == {}


def test_an_id_beyond_the_brick_is_refused(subject: Subject, tmp_path: Path) -> None:
    path = write_brick(tmp_path / "brick.h5", subject)
    with h5py.File(path, "r+") as file:
        short = file["imgBrick"][:1033]
        del file["imgBrick"]
        file["imgBrick"] = short
    sentence = _refused(subject, path)
    assert "has 1033 rows" in sentence
    assert "needs NSD id 1033 (train-0012_nsd-01033.png)" in sentence


def test_a_damaged_chunk_of_a_brick_is_a_sentence(subject: Subject, tmp_path: Path) -> None:
    path = write_brick(tmp_path / "brick.h5", subject, fletcher32=True)
    with h5py.File(path, "r") as file:
        chunks = file["imgBrick"].id
        offset = chunks.get_chunk_info_by_coord((subject.stimuli[7].nsd_id, 0, 0, 0)).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 100] ^= 1
    path.write_bytes(content)
    images = open_images(subject, path)
    images.load([6])
    with pytest.raises(DataError, match=r"brick\.h5 cannot be read as HDF5"):
        images.load([7])


def test_full_size_images_of_a_brick_are_those_of_the_pngs(tiny_challenge: Path, tmp_path: Path) -> None:
    subject = Challenge(tiny_challenge).subject(6)
    rows = [0, 11, 12, 15]
    with h5py.File(tmp_path / "brick.hdf5", "w") as file:
        brick = file.create_dataset("imgBrick", (73_000, 425, 425, 3), "uint8", chunks=(1, 425, 425, 3))
        for row in rows:
            with Image.open(subject.stimuli[row].path) as image:
                brick[subject.stimuli[row].nsd_id] = np.asarray(image)
    expected = arrays(open_images(subject), rows)
    np.testing.assert_array_equal(arrays(open_images(subject, tmp_path / "brick.hdf5"), rows), expected)


def test_an_image_that_was_never_written_is_named_before_any_is_digested(subject: Subject, tmp_path: Path) -> None:
    path = write_brick(tmp_path / "whole.h5", subject)
    with h5py.File(path) as whole, h5py.File(tmp_path / "brick.h5", "w") as file:
        brick = file.create_dataset("imgBrick", whole["imgBrick"].shape, "uint8", chunks=(1, SIZE, SIZE, 3))
        lost = {subject.stimuli[row].nsd_id for row in (5, 7)}
        for nsd_id in {stimulus.nsd_id for stimulus in subject.stimuli} - lost:
            brick[nsd_id] = whole["imgBrick"][nsd_id]
    images = open_images(subject, tmp_path / "brick.h5")
    with pytest.raises(DataError, match=rf"2 of the \d+ rows .* NSD id {min(lost)} to {max(lost)}"):
        images.digest(tmp_path / "cache")
    with pytest.raises(DataError, match=rf"1 of the 2 rows .* NSD id {subject.stimuli[5].nsd_id}$"):
        images.load([4, 5])
    assert len(images.load([4, 6])) == 2


def test_an_image_that_is_black_all_over_was_never_written(subject: Subject, tmp_path: Path) -> None:
    path = write_brick(tmp_path / "brick.h5", subject)
    nsd_id = subject.stimuli[3].nsd_id
    with h5py.File(path, "r+") as file:
        file["imgBrick"][nsd_id] = 0
    with pytest.raises(DataError, match=rf"brick\.h5, NSD id {nsd_id} is black all over"):
        open_images(subject, path).load([2, 3])
