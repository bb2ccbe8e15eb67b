"""Archives of NumPy's arrays, mapped where they are stored and read where they are compressed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.errors import DataError, UsageError
from algocli.features.imports.matrices import open_matrix

F = NDArray[np.float32]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2", "<i8", "|u1"])
def test_rows_are_those_of_the_array(tmp_path: Path, features: F, save: Any, order: Any, dtype: str) -> None:
    array = np.asarray(np.abs(9 * features).astype(dtype), order=order)
    save(tmp_path / "a.npz", features=array)
    matrix = open_matrix(tmp_path / "a.npz")
    assert matrix.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(matrix.read([4, 0, 4]), array[[4, 0, 4]])
    np.testing.assert_array_equal(matrix.read(range(1, 3)), array[1:3])


def test_an_array_is_chosen_by_its_name(tmp_path: Path, features: F) -> None:
    np.savez(tmp_path / "a.npz", conv1=features, conv2=-features, labels=np.arange(6))
    with pytest.raises(UsageError, match=r"holds several arrays: conv1 \(6, 5\), conv2 \(6, 5\), labels \(6,\)"):
        open_matrix(tmp_path / "a.npz")
    np.testing.assert_array_equal(open_matrix(tmp_path / "a.npz", "conv2").read(range(6)), -features)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("key", ["file_names", "fileNames", "image_names", "names", "ids"])
def test_names_in_the_archive_are_those_of_the_rows(
    tmp_path: Path, features: F, names: list[str], save: Any, key: str
) -> None:
    save(tmp_path / "a.npz", features=features, **{key: np.array(names)})
    labels = open_matrix(tmp_path / "a.npz").labels
    assert labels is not None
    assert labels.words == tuple(names)
    assert labels.where == f"a.npz, {key}"


def test_ids_come_before_names_and_names_before_what_may_be_names(
    tmp_path: Path, features: F, names: list[str]
) -> None:
    np.savez(tmp_path / "a.npz", features=features, ids=names, file_names=names, nsd_id=np.arange(6) * 7)
    labels = open_matrix(tmp_path / "a.npz").labels
    assert labels is not None
    assert labels.where == "a.npz, nsd_id"
    assert labels.words == ("0", "7", "14", "21", "28", "35")


@pytest.mark.parametrize("ids", [np.arange(6), np.arange(1, 7), np.arange(5), np.zeros((6, 2))], ids=str)
def test_what_merely_counts_or_is_no_list_of_the_rows_names_none(tmp_path: Path, features: F, ids: Any) -> None:
    np.savez(tmp_path / "a.npz", features=features, ids=ids)
    assert open_matrix(tmp_path / "a.npz", "features").labels is None


def test_names_as_python_objects_are_refused_and_not_run(tmp_path: Path, features: F, names: list[str]) -> None:
    np.savez(tmp_path / "a.npz", features=features, file_names=np.array(names, dtype=object))
    with pytest.raises(DataError, match="file_names is no list of names") as caught:
        open_matrix(tmp_path / "a.npz")
    assert "names_file=..." in str(caught.value.hint)


@pytest.mark.parametrize("n_bytes", [0, 10, 200, -5])
def test_an_archive_that_is_cut_short_is_a_sentence(tmp_path: Path, features: F, n_bytes: int) -> None:
    np.savez_compressed(tmp_path / "a.npz", features=features)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:n_bytes])
    with pytest.raises(DataError, match=r"a\.npz is no whole .npz archive"):
        open_matrix(tmp_path / "a.npz")


def test_a_flipped_bit_in_a_compressed_array_is_a_sentence(tmp_path: Path, features: F) -> None:
    np.savez_compressed(tmp_path / "a.npz", features=features)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[170] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged|no whole"):
        open_matrix(tmp_path / "a.npz").read(range(6))
