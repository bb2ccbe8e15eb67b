"""What the tests of features share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from algocli.dataset.challenge.subjects import Challenge, Subject
from tests.support.challenge import write_tiny_challenge


@pytest.fixture(autouse=True, scope="session")
def _two_torch_threads() -> Iterator[None]:
    """The networks are small: more threads would wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared_subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A subject of 21 training and 6 test images of 40 x 40. Shared: to be read only."""
    return write_subject(tmp_path_factory.mktemp("small") / "challenge")


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """The same, to be spoilt."""
    return write_subject(tmp_path / "challenge")


def write_subject(folder: Path) -> Subject:
    """Write a challenge of one subject."""
    write_tiny_challenge(folder, (1,), n_train=21, n_test=6, image_size=40, known_test=False)
    return Challenge(folder).subject(1)
