"""Tensors that torch, and the safetensors library, have saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from algocli.errors import DataError, UsageError
from algocli.features.imports.matrices import open_matrix

F = NDArray[np.float32]
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8, torch.int64, torch.bool]


def save_pt(path: Path, tensors: Any) -> Path:
    torch.save(tensors, path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def save_old(path: Path, tensors: Any) -> Path:
    torch.save(tensors, path.with_suffix(".pth"), _use_new_zipfile_serialization=False)
    return path.with_suffix(".pth")


def save_safe(path: Path, tensors: Any) -> Path:
    save_file(tensors, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


SAVERS = [save_pt, save_old, save_safe]


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_kind_of_number_is_read_exactly(tmp_path: Path, features: F, save: Any, dtype: torch.dtype) -> None:
    tensor = torch.from_numpy(np.abs(9 * features)).to(dtype)
    matrix = open_matrix(save(tmp_path / "a", {"features": tensor}))
    # All of these but float64 fit into float32; float64 and int64 are compared as they are.
    exact = tensor.double().numpy()
    np.testing.assert_array_equal(matrix.read([5, 1, 0]).astype(np.float64), exact[[5, 1, 0]])
    assert matrix.dtype == (np.float32 if dtype == torch.bfloat16 else matrix.read([0]).dtype)
    assert matrix.shape == (6, 5)


@pytest.mark.parametrize("save", [save_pt, save_old])
def test_a_bare_tensor_that_lies_otherwise_in_memory_is_read_by_rows(tmp_path: Path, features: F, save: Any) -> None:
    tensor = torch.from_numpy(np.ascontiguousarray(features.T)).T.requires_grad_()
    np.testing.assert_array_equal(open_matrix(save(tmp_path / "a", tensor)).read(range(6)), features)


@pytest.mark.parametrize("save", SAVERS)
def test_one_of_several_tensors_is_chosen(tmp_path: Path, features: F, save: Any) -> None:
    tensors = {"conv1": torch.from_numpy(features), "conv2": -torch.from_numpy(features)}
    path = save(tmp_path / "a", tensors)
    with pytest.raises(UsageError, match="holds several arrays"):
        open_matrix(path)
    np.testing.assert_array_equal(open_matrix(path, "conv2").read(range(6)), -features)


def test_nested_dicts_are_paths_and_names_beside_a_tensor_are_its_own(
    tmp_path: Path, features: F, names: list[str]
) -> None:
    saved = {"alexnet": {"conv1": torch.from_numpy(features), "names": names}, "epoch": 3}
    matrix = open_matrix(save_pt(tmp_path / "a", saved))
    assert matrix.dataset == "alexnet/conv1"
    assert matrix.labels is not None
    assert matrix.labels.words == tuple(names)


@pytest.mark.parametrize("save", SAVERS)
def test_a_tensor_of_ids_names_the_rows(tmp_path: Path, features: F, save: Any) -> None:
    ids = torch.tensor([9, 3, 70_000, 8, 1, 2])
    labels = open_matrix(save(tmp_path / "a", {"features": torch.from_numpy(features), "nsd_ids": ids})).labels
    assert labels is not None
    assert labels.words == ("9", "3", "70000", "8", "1", "2")


@pytest.mark.parametrize(
    ("saved", "sentence"),
    [
        ([torch.zeros(3), torch.zeros(3)], "no tensor of images x features, but a list of 2"),
        ({"a": 3}, "no tensor of images x features, but a dict of 1"),
        (Path("x"), "holds other objects than tensors, which were not run"),
        (torch.zeros((3, 2), dtype=torch.complex64), "is complex64 of shape"),
        (torch.zeros(3), r"of shape \(3,\)"),
    ],
    ids=["list", "settings", "object", "complex", "one axis"],
)
def test_something_else_that_torch_saved_is_a_sentence(tmp_path: Path, saved: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        open_matrix(save_pt(tmp_path / "a", saved))


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_a_sentence(tmp_path: Path, features: F, save: Any, share: float) -> None:
    path = save(tmp_path / "a", {"features": torch.from_numpy(features)})
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"cannot be read as tensors|no whole safetensors"):
        open_matrix(path)


def test_a_header_that_makes_no_sense_is_a_sentence(tmp_path: Path) -> None:
    for number, text in enumerate(
        (b"[]", b"{", b'{"a": 3}', b'{"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 4]}}')
    ):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(16))
        with pytest.raises(DataError, match="no whole safetensors file"):
            open_matrix(path)
