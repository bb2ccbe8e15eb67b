"""`algocli stimuli`: which image stands in which row."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from algocli.cli import app
from tests.support.challenge import write_tiny_challenge

COLUMNS = ["subject", "split", "row", "file", "nsd_id"]


def stimuli(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["stimuli", "--data-dir", str(folder), *arguments])


def expected(subject: int, split: str | None = None) -> list[list[str]]:
    """Return the rows of the tiny challenge, from how it was made and not from its folder."""
    rows = []
    for name, count, first in (("train", 12, 1000 * subject), ("test", 4, 1000 * subject + 1)):
        for row in range(count):
            nsd_id = first + 3 * row
            rows.append([str(subject), name, str(row), f"{name}-{row + 1:04d}_nsd-{nsd_id:05d}.png", str(nsd_id)])
    return [row for row in rows if split in (None, row[1])]


def test_a_pipe_gets_a_header_and_columns_separated_by_tabs(tiny_challenge: Path) -> None:
    result = stimuli(tiny_challenge, "-s", "6")
    assert result.exit_code == 0
    assert [line.split("\t") for line in result.stdout.splitlines()] == [COLUMNS, *expected(6)]
    assert result.stderr == ""


def test_all_subjects_are_listed_unless_some_are_named(tiny_challenge: Path) -> None:
    rows = [line.split("\t") for line in stimuli(tiny_challenge).stdout.splitlines()]
    assert rows == [COLUMNS, *expected(1), *expected(6)]


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_split_may_be_asked_for(tiny_challenge: Path, split: str) -> None:
    rows = [line.split("\t") for line in stimuli(tiny_challenge, "-s1", "--split", split).stdout.splitlines()]
    assert rows == [COLUMNS, *expected(1, split)]


def test_another_split_is_a_mistake_of_usage(tiny_challenge: Path) -> None:
    result = stimuli(tiny_challenge, "--split", "validation")
    assert result.exit_code == 2
    assert "'train'" in result.stderr


def test_json_has_numbers_for_numbers(tiny_challenge: Path) -> None:
    rows = json.loads(stimuli(tiny_challenge, "-s", "1", "--json").stdout)["rows"]
    assert [[str(row[column]) for column in COLUMNS] for row in rows] == expected(1)
    assert rows[12] == {"subject": 1, "split": "test", "row": 0, "file": "test-0001_nsd-01001.png", "nsd_id": 1001}


def test_csv_goes_to_the_file_whose_path_is_printed(tiny_challenge: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "list.csv"
    result = stimuli(tiny_challenge, "-s", "6", "--csv", str(path))
    assert result.stdout == f"{path}\n"
    with path.open(newline="") as stream:
        assert list(csv.reader(stream)) == [COLUMNS, *expected(6)]


def test_csv_into_the_place_of_a_folder_is_refused(tiny_challenge: Path, tmp_path: Path) -> None:
    result = stimuli(tiny_challenge, "--csv", str(tmp_path))
    assert result.exit_code == 3
    assert "a folder stands where the file should go" in result.stderr


def test_json_and_csv_exclude_one_another(tiny_challenge: Path, tmp_path: Path) -> None:
    result = stimuli(tiny_challenge, "--json", "--csv", str(tmp_path / "list.csv"))
    assert result.exit_code == 2
    assert not (tmp_path / "list.csv").exists()


def test_a_terminal_gets_aligned_columns(tiny_challenge: Path) -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    code = "from algocli.cli import main; main()"
    program = [sys.executable, "-c", code, "stimuli", "-s", "1", "--split", "test"]
    subprocess.run(program, stdout=follower, check=True, env={**os.environ, "ALGOCLI_DATA_DIR": str(tiny_challenge)})
    os.close(follower)
    lines = os.read(leader, 10_000).decode().splitlines()
    os.close(leader)
    assert lines[0].split() == COLUMNS
    assert lines[1].split() == expected(1, "test")[0]
    assert {line.index("test-000") for line in lines[1:]} == {lines[0].index("file")}


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (1,), n_train=4000, image_size=1)
    program = f"{sys.executable} -c 'from algocli.cli import main; main()' stimuli | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", program],
        env={**os.environ, "ALGOCLI_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0].split("\t") == COLUMNS
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_a_hole_in_the_rows_is_refused(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (1,), image_size=1)
    (tmp_path / "subj01/training_split/training_images/train-0002_nsd-01003.png").unlink()
    result = stimuli(tmp_path)
    assert result.exit_code == 3
    assert "no image is numbered 0002" in result.stderr
    assert result.stdout == ""


def test_a_subject_that_is_not_there_is_refused(tiny_challenge: Path) -> None:
    result = stimuli(tiny_challenge, "-s", "4")
    assert result.exit_code == 3
    assert "has no subject 4" in result.stderr


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """NSD's table, of which subject 1's first image is from val2017."""
    ids = [1000 + 3 * row for row in range(12)] + [1001 + 3 * row for row in range(4)]
    lines = [f'{i},{i + 5},{"val" if i == 1000 else "train"}2017,"(0, 0, 0.125, 0.125)",{i}' for i in ids]
    path = tmp_path / "nsd_stim_info_merged.csv"
    path.write_text("\n".join([",cocoId,cocoSplit,cropBox,nsdId", *lines]))
    return path


def test_the_table_of_nsd_adds_where_in_coco_an_image_is(tiny_challenge: Path, table: Path) -> None:
    rows = json.loads(stimuli(tiny_challenge, "-s", "1", "--coco", str(table), "--json").stdout)["rows"]
    crop = {"crop_top": 0, "crop_bottom": 0, "crop_left": 0.125, "crop_right": 0.125}
    first = {"subject": 1, "split": "train", "row": 0, "file": "train-0001_nsd-01000.png", "nsd_id": 1000}
    assert rows[0] == {**first, "coco_id": 1005, "coco_split": "val2017", **crop}
    assert [row["coco_id"] for row in rows] == [row["nsd_id"] + 5 for row in rows]


def test_annotations_are_written_for_one_subject(tiny_challenge: Path, table: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "instances_val2017.json"
    boxes = [{"id": 1, "image_id": 1005, "bbox": [80, 0, 480, 480]}, {"id": 2, "image_id": 1005, "bbox": [0, 0, 9, 9]}]
    theirs.write_text(json.dumps({"images": [{"id": 1005, "width": 640, "height": 480}], "annotations": boxes}))
    words = ["--coco", str(table), "--annotations", str(theirs), "-o", str(tmp_path / "ours.json")]
    result = stimuli(tiny_challenge, "-s", "1", *words)
    assert result.exit_code == 0, result.stderr
    assert "1 of 16 images are in instances_val2017.json; 1 annotations, 1 left out" in result.stderr
    ours = json.loads((tmp_path / "ours.json").read_text())
    assert ours["annotations"] == [{"id": 1, "image_id": 1000, "bbox": [0, 0, 425, 425]}]
    assert stimuli(tiny_challenge, *words).exit_code == 2
    assert "--coco" in stimuli(tiny_challenge, "-s", "1", "--annotations", str(theirs)).stderr


def test_annotations_never_take_the_place_of_cocos_own(tiny_challenge: Path, table: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "instances.json"
    theirs.write_text(json.dumps({"images": [{"id": 1005, "width": 640, "height": 480}], "annotations": []}))
    before, words = theirs.read_text(), ["-s", "1", "--coco", str(table), "--annotations", str(theirs)]
    result = stimuli(tiny_challenge, *words, "-o", str(theirs))
    assert result.exit_code == 2
    assert theirs.read_text() == before
    assert stimuli(tiny_challenge, *words, "--split", "test").exit_code == 2
