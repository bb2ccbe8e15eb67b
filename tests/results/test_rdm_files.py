"""RDMs as others keep them: what is read as what, and what is refused with which sentence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import squareform

from algocli.errors import AlgocliError, DataError
from algocli.results.rdm_files import as_rdm, read_rdms

RNG = np.random.default_rng(0)
WHOLE = squareform(RNG.random(28))
PEOPLE = np.stack([WHOLE, 2 * WHOLE, WHOLE**2])


def condensed(matrices):
    return np.array([squareform(matrix) for matrix in matrices])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (WHOLE, WHOLE[None]),
        (PEOPLE, PEOPLE),
        (PEOPLE.astype(np.float32), PEOPLE.astype(np.float32)),
        (squareform(WHOLE), WHOLE[None]),
        (condensed(PEOPLE), PEOPLE),
        (np.round(10 * WHOLE).astype(int), np.round(10 * WHOLE)[None]),
    ],
    ids=["one", "several", "single precision", "condensed", "several condensed", "whole numbers"],
)
def test_every_usual_form_is_read(tmp_path, array, expected):
    np.save(tmp_path / "people.npy", array)
    (result,) = read_rdms(tmp_path / "people.npy")
    assert result.name == "people"
    np.testing.assert_array_equal(result.of_subjects, expected)


def test_an_archive_of_several_has_an_rdm_of_each(tmp_path):
    np.savez_compressed(tmp_path / "brain.npz", EVC=PEOPLE, IT=WHOLE)
    result = read_rdms(tmp_path / "brain.npz")
    assert [(rdm.name, len(rdm.of_subjects)) for rdm in result] == [("EVC", 3), ("IT", 1)]
    np.savez(tmp_path / "alone.npz", PEOPLE)
    assert [rdm.name for rdm in read_rdms(tmp_path / "alone.npz")] == ["alone"]
    assert [rdm.name for rdm in read_rdms(tmp_path / "alone.npz", "V1")] == ["V1"]


def changed(row, column, value):
    matrix = WHOLE.copy()
    matrix[row, column] = value
    return matrix


CORRELATIONS = np.corrcoef(RNG.standard_normal((8, 20)))
WRONG = {
    "not square": (np.ones((8, 7)), "no number of images"),
    "a stack that is not square": (np.ones((3, 8, 7)), "not square"),
    "not symmetric": (changed(1, 2, 5.0), "not symmetric"),
    "one of several": (np.stack([WHOLE, changed(1, 2, 5.0)]), "subject 2, is not symmetric"),
    "a diagonal": (changed(3, 3, 0.4), "0.4 on its diagonal"),
    "similarities": (CORRELATIONS, "these are similarities"),
    "NaN": (changed(1, 2, np.nan) + changed(1, 2, np.nan).T, "NaN or infinite"),
    "infinite": (np.where(np.eye(28)[0] == 1, np.inf, squareform(WHOLE)), "NaN or infinite"),
    "an empty diagonal": (np.where(np.eye(8) == 1, np.nan, WHOLE), "no numbers on its diagonal"),
    "no pairs": (np.ones(27), "27 numbers"),
    "nothing": (np.ones((0, 0)), "no RDM"),
    "four axes": (np.ones((2, 2, 3, 3)), "no RDM"),
    "words": (np.array(["a", "b"]), "an RDM is of numbers"),
    "complex": (WHOLE.astype(complex), "an RDM is of numbers"),
    "one number": (np.float64(3), "no RDM"),
}


@pytest.mark.parametrize(("array", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_rdm_is_told_as_what_it_is(array, sentence):
    with pytest.raises(DataError) as caught:
        as_rdm(array, "mine", "mine.npy")
    assert caught.value.message.startswith("mine.npy")
    assert sentence in caught.value.message


def test_python_objects_are_refused_and_not_rebuilt(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", rdm=np.array([{}], dtype=object))
    for name in ("objects.npy", "objects.npz"):
        with pytest.raises(DataError, match="Python objects"):
            read_rdms(tmp_path / name)


@pytest.mark.parametrize("name", ["absent.npy", "empty.npy", "cut.npz", "text.npz", "other.csv", "none.npz"])
def test_files_that_hold_none_are_told_by_name(tmp_path, name):
    (tmp_path / "empty.npy").touch()
    np.savez(tmp_path / "whole.npz", WHOLE)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:300])
    (tmp_path / "text.npz").write_text("image,image,distance\n")
    (tmp_path / "other.csv").write_text("1,2\n")
    np.savez(tmp_path / "none.npz")
    with pytest.raises(AlgocliError) as caught:
        read_rdms(tmp_path / name)
    assert name in caught.value.message
