"""What the tests of formats share: an array, and names for its rows that are in no order."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

N = 6


@pytest.fixture
def features() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((N, 5)).astype(np.float32)


@pytest.fixture
def names() -> list[str]:
    return [f"train-{row + 1:04d}_nsd-{7 * row:05d}.png" for row in (4, 0, 5, 2, 1, 3)]
