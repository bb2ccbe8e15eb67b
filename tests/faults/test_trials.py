"""A few trials of the campaign's commands that meet, damaged files and hostile inputs."""

from __future__ import annotations

import random
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from tests.faults.campaign import corruptions, inputs, races
from tests.faults.campaign.outcome import Trials


@pytest.mark.parametrize(
    ("trials", "n_trials"),
    [
        pytest.param(races.trials, 3, id="races"),
        pytest.param(corruptions.trials, 8, id="corruptions"),
        pytest.param(inputs.trials, 12, id="inputs"),
    ],
)
def test_nothing_is_lost_nor_silently_wrong(tmp_path: Path, trials: Trials, n_trials: int) -> None:
    with closing(trials(tmp_path, random.Random(1))) as some:
        outcomes = list(islice(some, n_trials))
    assert not [outcome for outcome in outcomes if not outcome.survived]
    assert len({(outcome.command, outcome.fault) for outcome in outcomes}) > n_trials // 2
