"""A submission small enough to be checked hundreds of times, and a way to write it wrong by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.submission.shapes import ExpectedShapes, SubjectShape
from algocli.submission.validate import validate
from algocli.submission.verdict import Verdict

from .by_hand import Files, npy, write_zip


@pytest.fixture(scope="session")
def tiny() -> ExpectedShapes:
    """Three subjects; the first two share their shapes, as most real ones do."""
    return ExpectedShapes(
        {
            1: SubjectShape(n_test=6, n_vertices={"left": 10, "right": 13}, n_train=40),
            2: SubjectShape(n_test=6, n_vertices={"left": 10, "right": 13}, n_train=40),
            3: SubjectShape(n_test=9, n_vertices={"left": 11, "right": 12}, n_train=31),
        }
    )


@pytest.fixture
def arrays() -> dict[str, NDArray[np.float32]]:
    """The six arrays that the tiny submission must hold, by their names in the zip."""
    rng = np.random.default_rng(0)
    shapes = {
        "subj01/lh_pred_test.npy": (6, 10),
        "subj01/rh_pred_test.npy": (6, 13),
        "subj02/lh_pred_test.npy": (6, 10),
        "subj02/rh_pred_test.npy": (6, 13),
        "subj03/lh_pred_test.npy": (9, 11),
        "subj03/rh_pred_test.npy": (9, 12),
    }
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def files(arrays: dict[str, NDArray[np.float32]]) -> Files:
    """The bytes of those six files."""
    return {name: npy(array) for name, array in arrays.items()}


@pytest.fixture
def check(tmp_path: Path, tiny: ExpectedShapes) -> Callable[..., Verdict]:
    """Return a function that zips files by hand and returns the verdict on them."""

    def zip_and_validate(files: Mapping[str, bytes], *, partial: bool = False, **options: Any) -> Verdict:
        return validate(write_zip(tmp_path / "made.zip", files, **options), tiny, partial=partial)

    return zip_and_validate
