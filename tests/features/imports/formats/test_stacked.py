"""Files that hold an array for each image, under its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from algocli.errors import DataError, UsageError
from algocli.features.imports.matrices import open_matrix

F = NDArray[np.float32]


def write_h5(path: Path, arrays: dict[str, F]) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path.with_suffix(".h5")


def write_npz(path: Path, arrays: dict[str, F]) -> Path:
    np.savez_compressed(path.with_suffix(".npz"), **arrays)  # type: ignore[arg-type]
    return path.with_suffix(".npz")


def write_pt(path: Path, arrays: dict[str, F]) -> Path:
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def write_safe(path: Path, arrays: dict[str, F]) -> Path:
    save_file({name: array.copy() for name, array in arrays.items()}, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


WRITERS = [write_h5, write_npz, write_pt, write_safe]
Write = Callable[[Path, dict[str, F]], Path]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("shape", [(5,), (5, 1), (1, 5)], ids=str)
def test_each_array_is_the_row_of_the_image_that_it_is_called_after(
    tmp_path: Path, features: F, names: list[str], write: Write, shape: tuple[int, ...]
) -> None:
    arrays = {name: row.reshape(shape) for name, row in zip(names, features, strict=True)}
    matrix = open_matrix(write(tmp_path / "a", arrays))
    assert matrix.labels is not None
    assert sorted(matrix.labels.words) == sorted(names)
    order = [matrix.labels.words.index(name) for name in names]
    assert matrix.n_features == 5
    np.testing.assert_array_equal(matrix.read(order), features)


@pytest.mark.parametrize("write", WRITERS)
def test_arrays_with_other_names_or_of_several_shapes_are_to_be_chosen_from(
    tmp_path: Path, features: F, names: list[str], write: Write
) -> None:
    with pytest.raises(UsageError, match="holds several arrays"):
        open_matrix(write(tmp_path / "a", {"conv1": features, "conv2": features}))
    with pytest.raises(DataError, match="holds no array of images x features"):
        open_matrix(write(tmp_path / "b", {names[0]: features[0], names[1]: features[1, :3]}))


def test_one_that_was_never_written_is_named(tmp_path: Path, features: F, names: list[str]) -> None:
    path = write_h5(tmp_path / "a", dict(zip(names[:5], features, strict=False)))
    with h5py.File(path, "a") as file:
        file.create_dataset(names[5], (5,), "f4")
    matrix = open_matrix(path)
    assert matrix.labels is not None
    matrix.refuse_holes([matrix.labels.words.index(name) for name in names[:5]])
    with pytest.raises(DataError, match=rf"{names[5]} was never written to the end"):
        matrix.refuse_holes([matrix.labels.words.index(names[5])])
