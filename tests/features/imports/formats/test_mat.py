"""MATLAB's two kinds of files: scipy writes the older; the newer is HDF5, laid out as MATLAB does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray

from algocli.errors import DataError
from algocli.features.imports.matrices import open_matrix

F = NDArray[np.float32]


def save_old(path: Path, variables: dict[str, Any]) -> Path:
    scipy.io.savemat(path, variables)
    return path


def save_compressed(path: Path, variables: dict[str, Any]) -> Path:
    scipy.io.savemat(path, variables, do_compression=True)
    return path


def save_73(path: Path, variables: dict[str, Any]) -> Path:
    """Write what MATLAB writes: axes reversed, characters as numbers, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            if isinstance(value, np.ndarray) and value.dtype == object:
                cells = [add(file, f"#refs#/{name}{n}", codes([word]).T, "char").ref for n, word in enumerate(value)]
                add(file, name, np.array([cells], dtype=h5py.ref_dtype), "cell")
            elif isinstance(value, list):
                add(file, name, codes(value).T, "char")
            else:
                add(file, name, np.asarray(value).T, "double" if value.dtype == np.float64 else "single")
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file")
    return path


def add(file: h5py.File, name: str, value: Any, kind: str) -> h5py.Dataset:
    dataset = file.create_dataset(name, data=value)
    dataset.attrs["MATLAB_class"] = np.bytes_(kind)
    return dataset


def codes(words: Sequence[str]) -> NDArray[np.uint16]:
    width = max(map(len, words))
    return np.array([[ord(letter) for letter in word.ljust(width)] for word in words], dtype=np.uint16)


SAVERS = [save_old, save_compressed, save_73]


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1, 2)], ids=str)
def test_an_array_has_the_shape_that_matlab_shows(tmp_path: Path, save: Any, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    matrix = open_matrix(save(tmp_path / "a.mat", {"F": array}))
    assert matrix.shape == shape
    np.testing.assert_array_equal(matrix.read([5, 0, 2]), array[[5, 0, 2]].reshape(3, -1))
    np.testing.assert_array_equal(matrix.read(range(1, 4)), array[1:4].reshape(3, -1))


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("kind", [lambda words: np.array(words, dtype=object), list], ids=["cell", "char"])
def test_names_are_read_from_cells_and_from_characters(tmp_path: Path, features: F, save: Any, kind: Any) -> None:
    words = ["nsd-00013.png", "nsd-00001", "b/nsd-72999.png", "c", "d", "e"]
    labels = open_matrix(save(tmp_path / "a.mat", {"F": features, "file_names": kind(words)})).labels
    assert labels is not None
    assert labels.words == tuple(words)


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("across", [False, True])
def test_ids_are_whole_numbers_in_a_column_or_a_row(tmp_path: Path, features: F, save: Any, across: bool) -> None:
    ids = np.array([[9.0, 3, 70_000, 8, 1, 2]])
    labels = open_matrix(save(tmp_path / "a.mat", {"F": features, "nsdId": ids if across else ids.T})).labels
    assert labels is not None
    assert labels.words == ("9", "3", "70000", "8", "1", "2")


def test_rows_that_were_never_written_are_told_along_matlabs_axis(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        dataset = file.create_dataset("F", (5, 6), "f4", chunks=(5, 2))
        dataset.attrs["MATLAB_class"] = np.bytes_("single")
        dataset[:, :4] = 1
    matrix = open_matrix(tmp_path / "a.mat")
    matrix.refuse_holes([0, 3])
    with pytest.raises(DataError, match="1 of the 2 rows that are needed lack data, row 4"):
        matrix.refuse_holes([0, 4])


@pytest.mark.parametrize("share", [0, 0.2, 0.7])
@pytest.mark.parametrize("save", [save_compressed, save_73])
def test_a_file_that_is_cut_short_is_a_sentence(tmp_path: Path, features: F, save: Any, share: float) -> None:
    path = save(tmp_path / "a.mat", {"F": features})
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"cannot be read|is cut short"):
        open_matrix(path)


def test_words_alone_are_no_features(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no array of images x features"):
        open_matrix(save_73(tmp_path / "a.mat", {"names": ["abc", "abd"]}))
