"""Checkpoints of tensors that have no numbers of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from algocli.errors import DataError
from algocli.features.imports.matrices import open_matrix
from algocli.features.networks.checkpoints import read_state

ODD = {
    "meta": torch.empty(4, 4, device="meta"),
    "sparse": torch.eye(4).to_sparse(),
    "expanded": torch.zeros(1).expand(10**6, 10**6),
}


@pytest.mark.parametrize("kind", ODD)
def test_they_are_refused_as_weights_and_as_features(tmp_path: Path, kind: str) -> None:
    torch.save({"weight": ODD[kind]}, tmp_path / "a.pth")
    with pytest.raises(DataError, match=r"a\.pth (does not hold all numbers of weight|is no checkpoint)"):
        read_state(tmp_path / "a.pth")
    torch.save(ODD[kind], tmp_path / "b.pt")
    with pytest.raises(DataError, match=r"b\.pt (holds no tensor of images x features|cannot be read as tensors)"):
        open_matrix(tmp_path / "b.pt")
