"""How often test images were shown: as NSD's table has it, or as is known of the subject."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.nsd.trials import count_repeats, usual_repeats
from algocli.errors import DataError, UsageError

# The four test images of the tiny challenge's subject 6, who had 32 sessions: 24,000 trials.
IDS = (6001, 6004, 6007, 6010)


@pytest.fixture
def subject(tiny_challenge: Path) -> Subject:
    return Challenge(tiny_challenge).subject(6)


def write_table(path: Path, trials: Mapping[int, str]) -> Path:
    """Write a table as NSD's: an unnamed first column, subject 1's trials that must not count, subject 6's."""
    reps = ",".join(f"subject{subject}_rep{rep}" for subject in (1, 6) for rep in range(3))
    lines = [f"{nsd_id},12345,train2017,{nsd_id},7,8,9,{words}" for nsd_id, words in trials.items()]
    path.write_text("\n".join([f",cocoId,cocoSplit,nsdId,{reps}", *lines]) + "\n")
    return path


def test_repeats_are_counted_up_to_the_last_session_that_took_place(subject: Subject, tmp_path: Path) -> None:
    trials = {
        6001: "1,2,24000",
        6004: "5,24000,24001",
        6007: "23999,29000,30000",
        6010: "24000,24001,0",
        # A training image.
        6000: "1,1,1",
    }
    assert count_repeats(subject, write_table(tmp_path / "info.csv", trials)) == (1, 1, 2)


@pytest.mark.parametrize("never", ["0,0,0", "24001,24002,30000"])
def test_a_test_image_that_was_never_shown_is_refused(subject: Subject, tmp_path: Path, never: str) -> None:
    trials = dict.fromkeys(IDS, "1,2,3") | {6007: never}
    with pytest.raises(DataError, match=r"subject 6 did not see NSD id 6007 \(test-0003"):
        count_repeats(subject, write_table(tmp_path / "info.csv", trials))


def test_a_table_without_one_of_the_images_is_refused(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks 1 of the subject's 4 images"):
        count_repeats(subject, write_table(tmp_path / "info.csv", dict.fromkeys(IDS[:3], "1,2,3")))


def test_a_table_without_the_subjects_columns_is_refused(tiny_challenge: Path, tmp_path: Path) -> None:
    (tmp_path / "info.csv").write_text("nsdId,subject1_rep0,subject1_rep1\n")
    with pytest.raises(DataError, match="has no column subject1_rep2"):
        count_repeats(Challenge(tiny_challenge).subject(1), tmp_path / "info.csv")


def test_a_word_for_a_trial_is_refused(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="NSD id 6001: 'x' is no number of a trial"):
        count_repeats(subject, write_table(tmp_path / "info.csv", dict.fromkeys(IDS, "1,x,3")))


@pytest.mark.parametrize("number", [1, 2, 5, 7])
def test_whoever_completed_all_sessions_saw_every_test_image_three_times(number: int) -> None:
    assert usual_repeats(number) == (159, 0, 0)
    assert usual_repeats(number).noise == pytest.approx(1 / 3)


@pytest.mark.parametrize("number", [3, 4, 6, 8])
def test_of_the_others_nothing_is_assumed(number: int) -> None:
    with pytest.raises(UsageError, match=rf"subject {number} had 3[02] of 40 sessions") as caught:
        usual_repeats(number)
    assert "stim_info=" in str(caught.value.hint)
    assert "repeats=A,B,C" in str(caught.value.hint)
