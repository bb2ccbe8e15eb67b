"""Rows found by what they are called: file names of the challenge and NSD ids, in any order, however they are spelt."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError
from algocli.features.imports.formats.labels import Labels
from algocli.features.imports.locating import find_rows, locate_rows
from algocli.features.imports.matrices import open_matrix

N = 27
# Subject 1's folder, and that of another.
OWN, OTHER = "subj01/training_split/training_images", "subj02/training_split/training_images"


@pytest.fixture
def features() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((N, 4)).astype(np.float32)


def labelled(*words: str) -> Labels:
    return Labels(tuple(words), "names.txt")


SPELLINGS: dict[str, Callable[[Stimulus], str]] = {
    "file name": lambda s: s.path.name,
    "without suffix": lambda s: s.path.stem,
    "another suffix": lambda s: f"{s.path.stem}.jpg",
    "features' own suffix": lambda s: f"{s.path.stem}.npy",
    "folder": lambda s: f"/data/{OWN}/{s.path.name}",
    "another machine's folder": lambda s: f"C:\\data\\{OWN}\\{s.path.name}".replace("/", "\\"),
    "relative": lambda s: f"./{s.path.name}",
    "quoted": lambda s: f'"{s.path.name}" ',
    "upper case": lambda s: s.path.name.upper(),
    "nsd-00013": lambda s: f"nsd-{s.nsd_id:05d}.png",
    "nsd00013": lambda s: f"image_nsd{s.nsd_id:05d}",
    "nsd_00013": lambda s: f"x/nsd_{s.nsd_id:05d}.png",
    "nsdId": lambda s: f"nsdId-{s.nsd_id}",
    "00013.png": lambda s: f"{s.nsd_id:05d}.png",
    "13": lambda s: str(s.nsd_id),
    "13.0": lambda s: f"{s.nsd_id}.0",
    # NSD's own file names count from 1: its table's image 2950 is shared0001_nsd02951.png.
    "NSD's shared images": lambda s: f"shared{s.row + 1:04d}_nsd{s.nsd_id + 1:05d}.png",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_image_is_found_however_it_is_spelt(shared_subject: Subject, spelling: str) -> None:
    order = np.random.default_rng(1).permutation(N)
    words = [SPELLINGS[spelling](shared_subject.stimuli[place]) for place in order]
    rows = find_rows(shared_subject, shared_subject.stimuli, labelled("dog.png", *words, "nsd-72999.png"))
    assert [order[row - 1] for row in rows if row is not None] == list(range(N))


@pytest.mark.parametrize("spelling", ["nsd-00013", "nsd00013", "00013.png", "13"])
def test_ids_may_count_from_1(shared_subject: Subject, spelling: str) -> None:
    moved = [Stimulus(s.row, s.split, s.nsd_id + 1, s.path) for s in shared_subject.stimuli]
    words = list(map(SPELLINGS[spelling], moved))
    assert find_rows(shared_subject, shared_subject.stimuli, labelled(*words), 1) == list(range(N))


@pytest.mark.parametrize(
    "word",
    ["dog.png", "", "COCO_train2014_000000262145.jpg", "n01440764_1000.JPEG", "awnsd-01000.png", "img_01000.png"],
)
def test_a_name_without_an_id_is_of_no_image(shared_subject: Subject, word: str) -> None:
    assert set(find_rows(shared_subject, shared_subject.stimuli, labelled(word))) == {None}


def test_of_two_subjects_files_of_one_name_the_folder_says_which(shared_subject: Subject) -> None:
    name = shared_subject.stimuli[0].path.name
    words = labelled(f"{OTHER}/{name}", f"{OWN}/{name}")
    assert find_rows(shared_subject, shared_subject.stimuli[:1], words) == [1]


def test_an_image_of_the_same_id_stands_in_where_the_subjects_own_is_not_listed(shared_subject: Subject) -> None:
    nsd_id = shared_subject.stimuli[0].nsd_id
    words = labelled("dog.png", f"{OTHER}/train-0777_nsd-{nsd_id:05d}.png")
    assert find_rows(shared_subject, shared_subject.stimuli[:1], words) == [1]


@pytest.mark.parametrize("copies", [("{}", "{}"), ("{}", "./{}"), (OWN + "/{}", OWN + "/{}")])
def test_a_name_that_stands_there_twice_is_refused(shared_subject: Subject, copies: Sequence[str]) -> None:
    words = [copy.format(shared_subject.stimuli[0].path.name) for copy in copies]
    with pytest.raises(DataError, match=r"names\.txt has more than one row for train-0001_nsd-01000\.png of subj01"):
        find_rows(shared_subject, shared_subject.stimuli, labelled(*words))


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(N)))
def test_whatever_the_order_every_image_has_its_own_row(shared_subject: Subject, order: list[int]) -> None:
    words = labelled(*(shared_subject.stimuli[place].path.name for place in order))
    rows = find_rows(shared_subject, shared_subject.stimuli, words)
    assert [order[row] for row in rows if row is not None] == list(range(N))


BESIDE: dict[str, Callable[[Path, list[str]], object]] = {
    "file_names.txt": lambda folder, words: (folder / "file_names.txt").write_text("\n".join(words)),
    "features.txt": lambda folder, words: (folder / "features.txt").write_text("\n".join(words) + "\n\n"),
    "features.csv": lambda folder, words: (folder / "features.csv").write_text(
        "label,file\n" + "".join(f'"a, b",{word}\n' for word in words)
    ),
    "image_names.tsv": lambda folder, words: (folder / "image_names.tsv").write_text("\n".join(words)),
    "features_names.npy": lambda folder, words: np.save(folder / "features_names.npy", words),
    "file_names.json": lambda folder, words: (folder / "file_names.json").write_text(json.dumps(words)),
    "image_paths.txt": lambda folder, words: (folder / "image_paths.txt").write_text(
        "\n".join(f"a/{w}" for w in words)
    ),
}


@pytest.mark.parametrize("kind", BESIDE)
@pytest.mark.parametrize("whole_folder", [False, True])
def test_names_that_lie_beside_an_array_are_those_of_its_rows(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], kind: str, whole_folder: bool
) -> None:
    order = np.random.default_rng(1).permutation(N)
    np.save(tmp_path / "features.npy", features[order])
    BESIDE[kind](tmp_path, [shared_subject.stimuli[place].path.name for place in order])
    matrix = open_matrix(tmp_path if whole_folder else tmp_path / "features.npy")
    np.testing.assert_array_equal(matrix.read(locate_rows(shared_subject, matrix, None, None)), features)
    assert matrix.labels is not None
    assert matrix.labels.where == kind
    # Where rows are in order whatever they are called, they can be taken so.
    assert locate_rows(shared_subject, matrix, None, "row") == range(N)


def test_a_list_of_ids_beside_an_array_is_that_of_its_rows_unless_it_merely_counts(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    np.save(tmp_path / "features.npy", features[::-1])
    np.save(tmp_path / "ids.npy", [stimulus.nsd_id for stimulus in shared_subject.stimuli[::-1]])
    matrix = open_matrix(tmp_path / "features.npy")
    assert locate_rows(shared_subject, matrix, None, None) == list(range(N))[::-1]
    np.save(tmp_path / "ids.npy", np.arange(N))
    assert open_matrix(tmp_path / "features.npy").labels is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("features.txt", "AlexNet, third layer\nmade by me\n"),
        # The same features as text.
        ("features.txt", "0.5 -1e-3 nan\n" * N),
        ("features.csv", "1,2\n3,4\n"),
        ("features.json", '{"model": "alexnet"}'),
        ("features.json", "no JSON"),
        ("names.txt", "cat\n" * N),
        ("index.json", '["train-0001_nsd-00013.png"]'),
        ("other.txt", "a\nb\n"),
    ],
)
def test_notes_and_other_tables_beside_an_array_are_no_names(
    tmp_path: Path, features: NDArray[np.float32], name: str, text: str
) -> None:
    np.save(tmp_path / "features.npy", features)
    (tmp_path / name).write_text(text)
    assert open_matrix(tmp_path / "features.npy").labels is None


@pytest.mark.parametrize(
    ("change", "sentence", "hint"),
    [
        (
            lambda w: [*w, "a.png", "b.png"],
            r"file_names\.txt has 29 names for the 27 rows of features\.npy",
            "key='row'",
        ),
        (lambda w: w[:-1], r"has 26 names for the 27 rows", "names_file=..."),
        (
            lambda w: ["a.png", *w[1:]],
            r"lacks 1 of the 27 images of subj01; the first is train-0001_nsd-01000\.png",
            "-s",
        ),
        (
            lambda w: [f"{n}.jpg" for n in "abcdefghijklmnopqrstuvwxyz1"],
            r"none of the 27 names .*: a\.jpg, b\.jpg",
            "-s",
        ),
        (
            lambda w: ["1.5 " * 1000] * N,
            r"names in file_names\.txt is of an image of subj01: (1\.5 ){25}\.\.\., ",
            "-s",
        ),
        (lambda w: [w[1], *w[1:]], r"more than one row for train-0002", "leave one"),
        (lambda w: [f"{int(x[-9:-4]) + 1:05d}" for x in w[:-1]] + ["x"], "lacks", "they fit, less one: ids_from=1"),
    ],
    ids=["too many", "too few", "one is missing", "others", "long", "twice", "from 1"],
)
def test_names_that_do_not_fit_are_refused_with_what_to_do(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], change: Any, sentence: str, hint: str
) -> None:
    np.save(tmp_path / "features.npy", features)
    words = change([stimulus.path.name for stimulus in shared_subject.stimuli])
    (tmp_path / "file_names.txt").write_text("\n".join(words))
    with pytest.raises(DataError, match=sentence) as caught:
        locate_rows(shared_subject, open_matrix(tmp_path / "features.npy"), None, None)
    assert hint in str(caught.value.hint)


def test_names_of_too_few_images_of_the_subject_are_not_complete(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    np.save(tmp_path / "features.npy", features[1:])
    words = [stimulus.path.name for stimulus in shared_subject.stimuli[1:]]
    (tmp_path / "file_names.txt").write_text("\n".join(words))
    with pytest.raises(DataError, match="lacks 1 of the 27 images") as caught:
        locate_rows(shared_subject, open_matrix(tmp_path / "features.npy"), None, None)
    assert "is not complete: it names images of subj01 alone" in str(caught.value.hint)


def test_names_that_fit_only_where_ids_count_from_0_say_so(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    ids = [stimulus.nsd_id for stimulus in shared_subject.stimuli]
    np.save(tmp_path / "features.npy", features)
    # Of ids in a file of their own 1 has been taken already.
    by_ids = [nsd_id - 1 for nsd_id in ids]
    matrix = open_matrix(tmp_path / "features.npy")
    np.save(tmp_path / "nsd_ids.npy", ids)
    named = open_matrix(tmp_path / "features.npy")
    for found, list_of_ids in ((matrix, by_ids), (named, None)):
        with pytest.raises(DataError) as caught:
            locate_rows(shared_subject, found, list_of_ids, None, 1)
        assert caught.value.hint == "they fit as they are: leave ids_from=... out"


def test_names_of_the_training_images_alone_give_their_rows_alone(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    np.save(tmp_path / "features.npy", features[:22])
    words = ["nsd-72999", *(stimulus.path.name for stimulus in shared_subject.train_stimuli[::-1])]
    (tmp_path / "file_names.txt").write_text("\n".join(words))
    matrix = open_matrix(tmp_path / "features.npy")
    assert locate_rows(shared_subject, matrix, None, None) == list(range(21, 0, -1))


def test_a_file_of_names_can_be_chosen(shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]) -> None:
    np.save(tmp_path / "features.npy", features[::-1])
    (tmp_path / "file_names.txt").write_text("wrong\n")
    (tmp_path / "mine.txt").write_text("\n".join(s.path.stem for s in shared_subject.stimuli[::-1]))
    matrix = open_matrix(tmp_path / "features.npy", names=tmp_path / "mine.txt")
    np.testing.assert_array_equal(matrix.read(locate_rows(shared_subject, matrix, None, None)), features)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nowhere.txt", None, "nowhere.txt is missing"),
        ("a.txt", b"\xff\xfe\x00", "a.txt is no text in UTF-8"),
        ("a.csv", b"width,height\n1,2\n", "a.csv is no list of names or NSD ids"),
        ("a.json", b"{}", "a.json is no list of names or NSD ids"),
        ("a.json", b'["a", 1.5]', "a.json is no list of names or NSD ids"),
        ("a.json", b"[", "a.json is no JSON"),
        ("a.csv", b"label,file\ndog\n", "line 2: 1 cells for 2 columns"),
    ],
)
def test_a_file_that_holds_no_names_is_a_sentence(
    tmp_path: Path, features: NDArray[np.float32], name: str, content: bytes | None, sentence: str
) -> None:
    np.save(tmp_path / "features.npy", features)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        open_matrix(tmp_path / "features.npy", names=tmp_path / name)


def test_a_folder_with_several_arrays_is_not_guessed_from(tmp_path: Path, features: NDArray[np.float32]) -> None:
    from algocli.errors import UsageError

    with pytest.raises(UsageError, match="holds no array"):
        open_matrix(tmp_path)
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", features)
    np.save(tmp_path / "ids.npy", np.arange(3))
    with pytest.raises(UsageError, match=r"holds 2 arrays: a\.npy, b\.npy"):
        open_matrix(tmp_path)
