"""The campaign in short: some trials of each kind of fault of one's own, and that it sees what it is there to see."""

from __future__ import annotations

import dataclasses
import random
import shutil
import signal
from pathlib import Path

import pytest

from algocli.compute.object_kinds import KINDS, S3, ObjectKind
from tests.faults.campaign.addresses import there
from tests.faults.campaign.commands import forgotten
from tests.faults.campaign.outcome import Outcome
from tests.faults.campaign.stage import Stage, write_given
from tests.faults.campaign.table import table
from tests.faults.campaign.trial import disturb, draw, failing, signalled
from tests.faults.conftest import Jobs
from tests.support.objects import why_none

compiled = pytest.mark.skipif(shutil.which("cc") is None, reason="what counts a program's changes is compiled with cc")
SOME = ("extract", "import-features --force", "train --force", "sweep", "export csv", "submit other", "cache gc")


@pytest.fixture(scope="module")
def stage(jobs: Jobs, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    home = tmp_path_factory.mktemp("stage")
    return Stage(jobs, home, write_given(home))


def test_no_command_is_forgotten() -> None:
    assert forgotten() == []


@compiled
@pytest.mark.parametrize("name", SOME)
def test_what_is_stopped_or_fails_is_made_good_by_a_repeat(stage: Stage, name: str) -> None:
    rng = random.Random(name)
    stop = signalled(rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
    for fault in (stop, failing("EIO", lasting=False), failing("ENOSPC", lasting=True)):
        number, _ = draw(stage, name, rng)
        outcome = disturb(stage, name, fault, number)
        assert outcome.survived, outcome.detail


@compiled
def test_a_write_that_takes_half_is_gone_on_with(stage: Stage) -> None:
    for name in SOME[:4]:
        kinds = [kind for kind, _ in stage.reference(name).operations]
        outcome = disturb(stage, name, failing("short", lasting=True), kinds.index("write") + 1)
        assert outcome.verdict == "same", outcome.detail


@compiled
@pytest.mark.parametrize("fault", [signalled(signal.SIGKILL), failing("EIO", lasting=False)])
def test_what_is_not_as_it_should_be_does_not_survive(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: object
) -> None:
    seen = stage.reference("export csv")
    (path, *_) = (path for path in seen.tree if path.endswith("vertices.csv"))
    monkeypatch.setitem(stage.undisturbed, "export csv", dataclasses.replace(seen, tree={**seen.tree, path: "other"}))
    outcome = disturb(stage, "export csv", fault, 3)
    assert outcome.verdict == "wrong"
    assert path in outcome.detail


def test_the_table_says_what_was_tried_and_what_survived() -> None:
    outcomes = [Outcome("train", "EIO", "same"), Outcome("train", "EIO", "wrong"), Outcome("extract", "short", "told")]
    lines = table([("disk", outcome) for outcome in outcomes]).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["disk", "EIO", "short"],
        ["extract", "1"],
        ["train", "1", "of", "2"],
    ]
    assert lines[3] == "disk: 3 tried, 1 same, 1 told, 1 WRONG"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.scheme)
def test_what_is_killed_with_its_cache_at_an_address_is_made_good_by_a_repeat(tmp_path: Path, kind: ObjectKind) -> None:
    if why := why_none(kind):
        pytest.skip(why)
    rng = random.Random(0)
    with there(tmp_path, kind) as elsewhere:
        for name in ("extract", "train"):
            for outcome in (elsewhere.at_request(name, rng), elsewhere.at_moment(name, rng)):
                assert outcome.survived, outcome.detail
        # That a repeat is held against something.
        seen = elsewhere.undisturbed("train")
        in_parts = {"create_multipart_upload", "upload_part", "complete_multipart_upload"}
        assert (in_parts if kind is S3 else {"GET"}) <= set(seen.requests)
        seen.tree["features/other"] = "other"
        assert elsewhere.at_request("train", rng).verdict == "wrong"
