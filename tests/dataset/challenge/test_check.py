"""The check of a data folder: each kind of damage is told once, all of them at once, and nothing else is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from algocli.dataset.challenge.check import SubjectCheck, check
from algocli.errors import DataError, UsageError
from tests.support.challenge import N_FSAVERAGE, patchwork, png, responses, save, write_tiny_challenge
from tests.support.pictures import orientation_block, write_png

TRAIN = "training_split/training_images"
TEST = "test_split/test_images"
LEFT = "training_split/training_fmri/lh_training_fmri.npy"
RIGHT = "training_split/training_fmri/rh_training_fmri.npy"
MASK = "roi_masks/lh.all-vertices_fsaverage_space.npy"
FACES = "roi_masks/lh.floc-faces_challenge_space.npy"
FACES_MAP = "roi_masks/mapping_floc-faces.npy"
CEILING = "test_split/noise_ceiling/lh_noise_ceiling.npy"
IMAGE = f"{TRAIN}/train-0003_nsd-01006.png"

Spoil = Callable[[Path], object]


def check_one(folder: Path, **options: Any) -> SubjectCheck:
    (result,) = check(folder, **options)
    return result


def told(result: SubjectCheck, folder: Path) -> list[tuple[str, str]]:
    """Return faults as (file within the subject's folder, problem)."""
    return [(str(fault.path.relative_to(folder / "subj01")), fault.problem) for fault in result.faults]


def replaced(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Return what replaces an array by a changed one."""
    return lambda home: save(home / name, change(np.load(home / name, allow_pickle=True)))


def cut(name: str, n_bytes: int) -> Spoil:
    """Return what takes bytes from the end of a file."""
    return lambda home: (home / name).write_bytes((home / name).read_bytes()[:-n_bytes])


def put(array: np.ndarray, where: Any, value: float) -> np.ndarray:
    """Return the array with some values replaced."""
    array[where] = value
    return array


def renamed(old: str, new: str) -> Spoil:
    return lambda home: (home / old).rename(home / new)


def remapped(**names: str) -> Spoil:
    def spoil(home: Path) -> None:
        mapping = np.load(home / FACES_MAP, allow_pickle=True).item()
        mapping.update({int(code.removeprefix("code")): name for code, name in names.items()})
        np.save(home / FACES_MAP, mapping, allow_pickle=True)

    return spoil


def flip_pixels(home: Path) -> None:
    content = bytearray((home / IMAGE).read_bytes())
    place = content.index(b"IDAT") + 30
    content[place] ^= 0xFF
    (home / IMAGE).write_bytes(content)


SPOILED: dict[str, tuple[Spoil, str, str]] = {
    # what is done: (how, the file that is blamed, what is said)
    "a mask is missing": (lambda home: (home / MASK).unlink(), MASK, "is missing"),
    "the mask is fsaverage5's": (replaced(MASK, lambda a: a[:10_242]), MASK, "has 10242 entries; fsaverage has 163842"),
    "the mask marks nothing": (replaced(MASK, lambda a: a * 0), MASK, "marks no vertex"),
    "the mask is of floats": (replaced(MASK, lambda a: a * 1.0), MASK, "is float64 of shape (163842,)"),
    "the mask is cut short": (cut(MASK, 9), MASK, "is no whole .npy array"),
    "ROI codes of another mask": (replaced(FACES, lambda a: a[1:]), FACES, "has 30 entries; the hemisphere's"),
    "ROI codes shifted": (replaced(FACES, lambda a: np.roll(a, 1)), FACES, "disagrees with lh.floc-faces_fsaverage"),
    "a ROI code without a name": (
        replaced(FACES.replace("challenge", "fsaverage"), lambda a: put(a, -1, 9)),
        FACES.replace("challenge", "fsaverage"),
        "holds codes that mapping_floc-faces.npy does not name: 9",
    ),
    "a mapping is missing": (lambda home: (home / FACES_MAP).unlink(), FACES_MAP, "is missing"),
    "a mapping is no mapping": (lambda home: np.save(home / FACES_MAP, np.arange(3)), FACES_MAP, "holds an array of"),
    "names are swapped": (
        remapped(code2="FFA-2", code3="FFA-1"),
        FACES_MAP,
        "differs from the official names: 2 is FFA-2 (FFA-1 officially), 3 is FFA-1 (FFA-2 officially)",
    ),
    "a name too many": (remapped(code6="STS"), FACES_MAP, "6 is STS (not named officially)"),
    "responses are missing": (lambda home: (home / LEFT).unlink(), LEFT, "is missing"),
    "responses are cut short": (cut(LEFT, 1), LEFT, "is no whole .npy array"),
    "a response row is lost": (replaced(LEFT, lambda a: a[:-1]), LEFT, "has 11 rows; there are 12 train images"),
    "a response column is lost": (replaced(LEFT, lambda a: a[:, 1:]), LEFT, "has 30 columns; the left mask has 31"),
    "responses are whole numbers": (replaced(LEFT, lambda a: a.astype(np.int16)), LEFT, "is int16 of shape (12, 31)"),
    "responses are flat": (replaced(LEFT, np.ravel), LEFT, "is float32 of shape (372,)"),
    "a response is no number": (
        replaced(LEFT, lambda a: put(a, ([2, 11, 11], [0, 4, 30]), np.nan)),
        LEFT,
        "holds NaN or infinite values, in 2 of 12 rows and 3 of 31 vertices",
    ),
    "responses were never written to the end": (
        replaced(LEFT, lambda a: put(a, [3, *range(6, 12)], 0)),
        LEFT,
        "is 0 at every vertex in 7 of 12 rows (3, 6, 7, 8, 9, ...): it was never written to the end",
    ),
    "responses in Fortran order lack a row": (
        replaced(RIGHT, lambda a: np.asfortranarray(put(a, 11, 0))),
        RIGHT,
        "is 0 at every vertex in 1 of 12 rows (11)",
    ),
    "a response is infinite": (replaced(RIGHT, lambda a: put(a, -1, -np.inf)), RIGHT, "in 1 of 12 rows and 41 of 41"),
    "test responses of one hemisphere": (
        lambda home: (home / "test_split/test_fmri/rh_test_fmri.npy").unlink(),
        "test_split/test_fmri/rh_test_fmri.npy",
        "is missing",
    ),
    "test responses lack a row": (
        replaced("test_split/test_fmri/lh_test_fmri.npy", lambda a: a[:3]),
        "test_split/test_fmri/lh_test_fmri.npy",
        "has 3 rows; there are 4 test images",
    ),
    "a noise ceiling is missing": (lambda home: (home / CEILING).unlink(), CEILING, "is missing"),
    "a noise ceiling too few": (replaced(CEILING, lambda a: a[1:]), CEILING, "has 30 values; the left mask has 31"),
    "noise ceilings out of range": (
        replaced(CEILING, lambda a: put(put(put(a, slice(3), np.nan), 3, -1e-9), 4, 101)),
        CEILING,
        "holds 3 not finite, 1 negative, 1 above 100 among 31 noise ceilings",
    ),
    "noise ceilings are a column": (replaced(CEILING, lambda a: a[:, None]), CEILING, "is float64 of shape (31, 1)"),
    "an image is missing": (lambda home: (home / IMAGE).unlink(), TRAIN, "is out of order: no image is numbered 0003"),
    "the last image is missing": (
        lambda home: (home / TRAIN / "train-0012_nsd-01033.png").unlink(),
        LEFT,
        "has 12 rows; there are 11 train images",
    ),
    "the images are missing": (lambda home: (home / TRAIN).rename(home / "elsewhere"), TRAIN, "is missing"),
    "ids do not rise": (renamed(IMAGE, IMAGE.replace("01006", "01009")), TRAIN, "NSD ids must rise with the row"),
    "an id is none of NSD's": (
        renamed(f"{TRAIN}/train-0012_nsd-01033.png", f"{TRAIN}/train-0012_nsd-73000.png"),
        TRAIN,
        "NSD's images are numbered 00000 to 72999; found train-0012_nsd-73000.png",
    ),
    "an image in both splits": (
        renamed(f"{TEST}/test-0001_nsd-01001.png", f"{TEST}/test-0001_nsd-01000.png"),
        f"{TEST}/test-0001_nsd-01000.png",
        "shows the image of train-0001_nsd-01000.png",
    ),
    "an image is cut short": (cut(IMAGE, 1), IMAGE, "is cut short: a PNG ends with IEND"),
    "an image is cut in its header": (lambda home: (home / IMAGE).write_bytes(b"\x89PNG"), IMAGE, "is cut short"),
    "an image is empty": (lambda home: (home / IMAGE).write_bytes(b""), IMAGE, "is empty"),
    "an image is a JPEG": (
        lambda home: Image.new("RGB", (16, 16)).save(home / IMAGE, format="JPEG"),
        IMAGE,
        "is no PNG image",
    ),
    "an image is of another size": (
        lambda home: (home / IMAGE).write_bytes(png(patchwork(np.random.default_rng(0), 9))),
        IMAGE,
        "is 9 x 9 pixels; the other images are 16 x 16 pixels",
    ),
    "an image is a folder": (
        lambda home: ((home / IMAGE).unlink(), (home / IMAGE).mkdir()),
        IMAGE,
        "cannot be read: is a directory",
    ),
}


def test_a_sound_challenge_has_no_faults(tiny_challenge: Path) -> None:
    for result in check(tiny_challenge):
        assert result.faults == ()
        assert (result.n_train, result.n_test) == (12, 4)
        assert result.has_test_responses
        assert result.has_noise_ceiling
        assert [h.noise_ceiling for h in result.hemispheres] == ["share", "share"]
        assert [h.response_dtype for h in result.hemispheres] == ["float32", "float32"]
        assert [h.n_vertices for h in result.hemispheres] == [30 + result.subject, 40 + result.subject]


@pytest.mark.parametrize("depth", ["quick", "usual", "deep"])
def test_only_the_sizes_of_a_small_challenge_are_worth_a_note(tiny_challenge: Path, depth: Any) -> None:
    for result in check(tiny_challenge, depth=depth):
        (note,) = result.notes
        assert note.startswith("not the released size: ")
        assert {1: "9841 train, 159 test, 19004 left", 6: "9082 train, 293 test, 18978 left"}[result.subject] in note


def test_the_absent_rois_are_those_without_a_vertex(tiny_challenge: Path) -> None:
    left, right = check(tiny_challenge, [1])[0].hemispheres
    assert left.rois_absent == ("mTL-faces", "aTL-faces")
    assert right.rois_absent == ("mTL-faces", "aTL-faces", "VWFA-2")
    assert len(left.rois_present) == 29
    assert len(right.rois_present) == 28


@pytest.mark.parametrize("what", SPOILED)
def test_one_fault_is_told_as_one(spoilable: Path, what: str) -> None:
    spoil, blamed, problem = SPOILED[what]
    spoil(spoilable / "subj01")

    result = check_one(spoilable)

    faults = told(result, spoilable)
    # A lost row of images shows against both hemispheres' responses: two files to look at.
    if what == "the last image is missing":
        assert [file for file, _ in faults] == [LEFT, RIGHT]
        faults = faults[:1]
    assert [file for file, _ in faults] == [blamed]
    assert problem in faults[0][1]
    assert all(fault.mend for fault in result.faults)


@pytest.mark.parametrize("what", SPOILED)
def test_the_quick_check_sees_all_but_contents(spoilable: Path, what: str) -> None:
    spoil, blamed, _ = SPOILED[what]
    spoil(spoilable / "subj01")
    faults = check_one(spoilable, depth="quick").faults
    in_numbers = ("a response is ", "responses were never written", "responses in Fortran order")
    in_contents = blamed == IMAGE or what.startswith(in_numbers)
    assert bool(faults) is not in_contents


def test_every_fault_is_told_at_once(spoilable: Path) -> None:
    chosen = [
        "the mask is cut short",
        "names are swapped",
        "a response is infinite",
        "an image is cut short",
        "an image in both splits",
        "noise ceilings out of range",
        "test responses of one hemisphere",
    ]
    for what in chosen:
        SPOILED[what][0](spoilable / "subj01")

    faults = told(check_one(spoilable), spoilable)

    assert {file for file, _ in faults} == {SPOILED[what][1] for what in chosen}
    assert len(faults) == len(chosen)


@pytest.mark.parametrize("missing", ["roi_masks", "training_split", "test_split", "training_split/training_fmri"])
def test_a_missing_folder_is_one_fault(spoilable: Path, missing: str) -> None:
    (spoilable / "subj01" / missing).rename(spoilable / "elsewhere")
    assert told(check_one(spoilable), spoilable) == [(missing, "is missing")]


def test_an_empty_subject_lacks_its_three_folders(tmp_path: Path) -> None:
    (tmp_path / "subj01").mkdir()
    result = check_one(tmp_path)
    assert sorted(told(result, tmp_path)) == [
        (name, "is missing") for name in ("roi_masks", "test_split", "training_split")
    ]
    assert (result.n_train, result.n_test) == (None, None)
    assert [h.n_vertices for h in result.hemispheres] == [None, None]


def test_swapped_hemispheres_are_recognised(spoilable: Path) -> None:
    home = spoilable / "subj01"
    (home / LEFT).rename(home / "spare")
    (home / RIGHT).rename(home / LEFT)
    (home / "spare").rename(home / RIGHT)
    faults = check_one(spoilable).faults
    assert [fault.mend.split(":")[0] for fault in faults] == [
        "this looks like the right hemisphere",
        "this looks like the left hemisphere",
    ]


def test_another_subjects_responses_are_recognised_by_their_shape(spoilable: Path) -> None:
    save(spoilable / "subj01" / LEFT, np.zeros((12, 20_220), dtype=np.float32))
    (fault,) = check_one(spoilable, depth="quick").faults
    assert fault.mend == "this looks like the right hemisphere of subject 6"


def test_a_copied_response_file_is_recognised_by_its_numbers(tmp_path: Path) -> None:
    # Subjects 1, 2, 5 and 7 have the same shapes.
    write_tiny_challenge(tmp_path, (1, 2), image_size=16)
    for home in (tmp_path / "subj01", tmp_path / "subj02"):
        values = responses(np.random.default_rng(3), 12, 31)
        save(home / LEFT, values if home.name == "subj01" else np.pad(values, ((0, 0), (0, 1)), mode="edge"))
    assert not check(tmp_path, [1])[0].faults
    save(tmp_path / "subj02" / LEFT, np.load(tmp_path / "subj01" / LEFT))
    problems = [fault.problem for fault in check(tmp_path)[1].faults]
    assert problems == [
        "has 31 columns; the left mask has 32 vertices",
        f"holds the same numbers as {tmp_path / 'subj01' / LEFT}",
    ]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda a: a.astype(np.float64), "train responses are float64; the released ones are float32"),
        (lambda a: a.astype(">f4"), "train responses are in another machine's byte order"),
        (np.asfortranarray, "train responses are in Fortran order"),
        (lambda a: a * 30, "left train responses have mean"),
        (lambda a: a + 5, "left train responses have mean"),
        (lambda a: put(a, (slice(None), [3, 5]), 0.25), "left train responses are constant at 2 of 31 vertices in 12"),
    ],
)
def test_what_only_slows_or_surprises_is_a_note(
    spoilable: Path, change: Callable[[np.ndarray], np.ndarray], note: str
) -> None:
    replaced(LEFT, change)(spoilable / "subj01")
    result = check_one(spoilable)
    assert result.faults == ()
    assert [text for text in result.notes if text.startswith(note)]


@pytest.mark.parametrize("change", [np.ascontiguousarray, np.asfortranarray, lambda a: a.astype(">f4")])
@pytest.mark.parametrize("n_stimuli", [1, 3, 700])
def test_every_number_is_read_whatever_the_order_on_disk(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], n_stimuli: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.dataset.challenge.check_responses._BLOCK_BYTES", 1000)
    write_tiny_challenge(tmp_path, (1,), n_train=n_stimuli, image_size=8)
    path = tmp_path / "subj01" / LEFT
    sound = np.load(path)
    bad = np.random.default_rng(n_stimuli).random(sound.shape) < 2 / sound.size
    bad[-1, -7:] = True
    save(path, change(np.where(bad, np.float32(np.inf), sound)))

    (fault,) = check_one(tmp_path).faults

    n_rows, n_vertices = bad.any(axis=1).sum(), bad.any(axis=0).sum()
    assert f"in {n_rows} of {n_stimuli} rows and {n_vertices} of 31 vertices" in fault.problem


@pytest.mark.parametrize("change", [np.ascontiguousarray, np.asfortranarray])
def test_the_distribution_is_judged_by_rows_from_the_whole_file(
    spoilable: Path, change: Callable[[np.ndarray], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.dataset.challenge.check_responses._BLOCK_BYTES", 200)
    monkeypatch.setattr("algocli.dataset.challenge.check_responses._SAMPLED_ROWS", 3)
    values = np.full((12, 31), 1e6, dtype=np.float32)
    values[[0, 5, 11]] = 1 + np.arange(31) + np.array([0, 100, 200])[:, None]
    save(spoilable / "subj01" / LEFT, change(values))
    note = check_one(spoilable).notes[-1]
    assert f"mean {values[[0, 5, 11]].mean():.3g}" in note
    assert f"standard deviation {values[[0, 5, 11]].std(dtype=np.float64):.3g} in 3 rows" in note


def test_ceilings_in_percent_are_told_from_shares(spoilable: Path) -> None:
    replaced(CEILING, lambda a: a * 100)(spoilable / "subj01")
    result = check_one(spoilable)
    assert result.faults == ()
    assert [h.noise_ceiling for h in result.hemispheres] == ["percent", "share"]


def test_masks_of_another_whole_number_type_are_sound(spoilable: Path) -> None:
    for path in (spoilable / "subj01/roi_masks").glob("?h.*.npy"):
        save(path, np.load(path).astype(np.int32))
    result = check_one(spoilable)
    assert result.faults == ()
    assert "masks are stored as int32; the released ones are int64" in result.notes


@pytest.mark.parametrize(
    ("mode", "word"),
    [
        ("L", "greyscale"),
        ("P", "palette"),
        ("LA", "greyscale with alpha"),
        ("RGBA", "RGB with alpha"),
        ("I;16", "16 bits"),
    ],
)
def test_images_that_will_be_converted_are_a_note(spoilable: Path, mode: str, word: str) -> None:
    for row in (0, 1):
        name = f"train-000{row + 1}_nsd-0{1000 + 3 * row}.png"
        Image.new(mode, (16, 16)).save(spoilable / "subj01" / TRAIN / name)
    result = check_one(spoilable, depth="deep")
    assert result.faults == ()
    (note,) = [text for text in result.notes if word in text]
    assert note.startswith("2 images are")
    assert note.endswith("to be converted to RGB")


def image_paths(folder: Path) -> list[Path]:
    return sorted((folder / "subj01" / TRAIN).iterdir())


def test_decoding_names_what_is_not_plain_in_a_line_a_kind(spoilable: Path) -> None:
    paths = image_paths(spoilable)
    for path in paths[:5]:
        write_png(path, np.full((16, 16), 700), bits=16, colour_type=0)
    write_png(paths[5], np.full((16, 16, 4), 128), colour_type=6)
    write_png(paths[6], np.full((16, 16, 4), 255), colour_type=6)
    write_png(paths[7], np.zeros((16, 16, 3)), colour_type=2, after=[(b"eXIf", orientation_block(6))])
    Image.new("RGB", (16, 16)).save(paths[8], save_all=True, append_images=[Image.new("RGB", (16, 16), "red")])
    result = check_one(spoilable, depth="deep")
    assert result.faults == ()
    names = [path.name for path in paths]
    # Some of them show the same, which is a line of its own.
    notes = [note for note in result.notes if "the pixels of another" not in note]
    assert len(result.notes) == len(notes) + 1
    assert [note for note in notes if "converted" not in note and "1" in note][-5:-1] == [
        f"5 images of 16-bit numbers, scaled to 8 bits by their range ({', '.join(names[:3])} and 2 more)",
        f"1 image with transparency, laid on mid-grey (127) ({names[5]})",
        f"1 image turned upright as EXIF says ({names[7]})",
        f"1 image of several frames, of which the first is taken ({names[8]})",
    ]
    # 700 of 65535.
    dark = "5 images nearly black at more than 8 bits a number, as if less than that range were used"
    assert notes[-1] == f"{dark} ({', '.join(names[:3])} and 2 more)"


def test_without_decoding_what_the_beginnings_of_files_say_is_a_note(spoilable: Path) -> None:
    paths = image_paths(spoilable)
    write_png(paths[0], np.zeros((16, 16, 3)), colour_type=2, before=[(b"eXIf", orientation_block(6))])
    write_png(paths[1], np.zeros((16, 16, 3)), colour_type=2, before=[(b"tRNS", bytes(6))])
    write_png(paths[2], np.zeros((16, 16, 3)), colour_type=2, before=[(b"tRNS", bytes(6))])
    Image.new("RGB", (16, 16)).save(paths[3], save_all=True, append_images=[Image.new("RGB", (16, 16), "red")])
    notes = check_one(spoilable).notes
    for sentence in (
        f"1 image has EXIF data ({paths[0].name}): --deep says what comes of it",
        f"2 images have a transparent colour ({paths[1].name}, {paths[2].name}): --deep says what comes of it",
        f"1 image has an animation ({paths[3].name}): --deep says what comes of it",
    ):
        assert sentence in notes


def test_an_image_that_has_no_one_meaning_is_a_fault_found_by_decoding(spoilable: Path) -> None:
    path = image_paths(spoilable)[2]
    write_png(path, np.zeros((16, 16, 3)), bits=16, colour_type=2, before=[(b"tRNS", bytes(6))])
    assert check_one(spoilable).faults == ()
    assert told(check_one(spoilable, depth="deep"), spoilable) == [
        (IMAGE, "has 16-bit colours of which one is transparent")
    ]


def test_images_of_one_other_size_are_a_note(spoilable: Path) -> None:
    assert "images are 16 x 16 pixels; the challenge's are 425 x 425 pixels" in check_one(spoilable).notes


def test_files_of_other_names_among_the_images_are_a_note(spoilable: Path) -> None:
    (spoilable / "subj01" / TRAIN / ".DS_Store").touch()
    (spoilable / "subj01" / TRAIN / "train-10000_nsd-00013.png").touch()
    result = check_one(spoilable)
    assert result.faults == ()
    assert "2 other files are passed over in the folder of train images" in result.notes


def test_damaged_pixels_are_found_by_decoding_alone(spoilable: Path) -> None:
    flip_pixels(spoilable / "subj01")
    assert check_one(spoilable).faults == ()
    ((file, problem),) = told(check_one(spoilable, depth="deep"), spoilable)
    assert file == IMAGE
    assert problem.startswith("cannot be decoded")


def test_a_wrong_checksum_over_sound_pixels_is_found_by_decoding(spoilable: Path) -> None:
    content = bytearray((spoilable / "subj01" / IMAGE).read_bytes())
    content[-16] ^= 1
    (spoilable / "subj01" / IMAGE).write_bytes(content)
    assert check_one(spoilable, depth="usual").faults == ()
    assert [file for file, _ in told(check_one(spoilable, depth="deep"), spoilable)] == [IMAGE]


def test_pixels_that_cannot_be_unpacked_under_a_sound_checksum_are_found_by_decoding(spoilable: Path) -> None:
    path = spoilable / "subj01" / IMAGE
    garbled = b"IDAT" + bytes(range(40))
    chunk = struct.pack(">I", 40) + garbled + struct.pack(">I", zlib.crc32(garbled))
    path.write_bytes(path.read_bytes()[:33] + chunk + path.read_bytes()[-12:])
    assert check_one(spoilable).faults == ()
    ((_, problem),) = told(check_one(spoilable, depth="deep"), spoilable)
    assert problem.startswith("cannot be decoded")


def test_an_image_with_no_end_of_its_own_is_not_saved_by_a_header(spoilable: Path) -> None:
    header = struct.pack(">IIBBBBB", 0, 16, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path = spoilable / "subj01" / IMAGE
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + path.read_bytes()[-12:])
    ((_, problem),) = told(check_one(spoilable), spoilable)
    assert problem == "has a damaged PNG header"


def test_many_broken_images_are_all_named(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (1,), n_train=300, image_size=8)
    images = sorted((tmp_path / "subj01" / TRAIN).iterdir())
    for path in images[:200]:
        path.write_bytes(b"")
    assert [fault.path for fault in check_one(tmp_path).faults] == images[:200]


def test_a_file_that_shrinks_while_it_is_read_is_a_fault(spoilable: Path) -> None:
    path = spoilable / "subj01" / LEFT

    def shrink(items: Iterable[Any], *, total: int, label: str, unit: str = "") -> Iterable[Any]:
        if "responses" in label:
            path.write_bytes(path.read_bytes()[:-100])
        return items

    assert told(check_one(spoilable, track=shrink), spoilable) == [(LEFT, "could be read only in part")]


def test_progress_is_told_in_as_many_steps_as_announced(tiny_challenge: Path) -> None:
    announced: list[tuple[str, int]] = []
    done: list[int] = []

    def count(items: Iterable[Any], *, total: int, label: str, unit: str = "") -> Iterable[Any]:
        announced.append((label, total))
        done.append(0)
        for item in items:
            done[-1] += 1
            yield item

    check(tiny_challenge, [6], track=count)
    assert announced == [
        ("subject 6: opening images", 16),
        ("subject 6: reading responses", 4),
        ("looking for images that are the same", 16),
    ]
    assert done == [16, 4, 16]


def test_a_folder_that_is_no_challenge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no subject"):
        check(tmp_path)


def test_a_subject_that_is_not_there_is_refused(tiny_challenge: Path) -> None:
    with pytest.raises(DataError, match="has no subject 2"):
        check(tiny_challenge, [2])


def test_released_sizes_need_no_note(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (6,), n_train=9082, n_test=293, image_size=1, known_test=False)
    masks = tmp_path / "subj06" / "roi_masks"
    for side, n_vertices in (("lh", 18_978), ("rh", 20_220)):
        mask = np.zeros(N_FSAVERAGE, dtype=np.int64)
        mask[:n_vertices] = 1
        save(masks / f"{side}.all-vertices_fsaverage_space.npy", mask)
    result = check(tmp_path, depth="quick")[0]
    assert not [note for note in result.notes if "released subject" in note]


def test_rois_that_cannot_be_told_are_neither_present_nor_absent(spoilable: Path) -> None:
    for space in ("challenge", "fsaverage"):
        (spoilable / f"subj01/roi_masks/lh.floc-faces_{space}_space.npy").write_bytes(b"")
    left, right = check_one(spoilable).hemispheres
    assert left.rois_absent == ()
    assert not {"OFA", "FFA-1"} & set(left.rois_present)
    assert "OFA" in right.rois_present


def test_one_of_a_classs_two_files_is_enough_to_count_its_rois(spoilable: Path) -> None:
    sound = check_one(spoilable).hemispheres[0].rois_present
    (spoilable / "subj01" / FACES).unlink()
    assert check_one(spoilable).hemispheres[0].rois_present == sound


def test_a_depth_that_there_is_not_is_refused(tiny_challenge: Path) -> None:
    with pytest.raises(UsageError, match=r"depth='Deep' is not known.*did you mean deep"):
        check(tiny_challenge, depth="Deep")  # type: ignore[arg-type]
