"""`algocli data` as the shell sees it: a summary, every fault, and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from algocli.cli import app
from tests.support.challenge import save, write_tiny_challenge
from tests.support.pictures import orientation_block, write_png

LEFT = "training_split/training_fmri/lh_training_fmri.npy"


def data(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["data", "--data-dir", str(folder), *arguments])


@pytest.fixture
def spoilable(tmp_path: Path) -> Path:
    return write_tiny_challenge(tmp_path / "challenge", (2, 5), image_size=16)


def test_a_sound_folder_is_summarised_and_exits_with_0(tiny_challenge: Path) -> None:
    result = data(tiny_challenge)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["1", "12", "4", "31/41", "29/28", "yes", "yes", "0"] in rows
    assert ["6", "12", "4", "36/46", "29/28", "yes", "yes", "0"] in rows
    assert "Faults" not in result.stdout


def test_absent_rois_are_listed_once_where_no_one_has_them(tiny_challenge: Path) -> None:
    lines = data(tiny_challenge).stdout.splitlines()
    start = lines.index("Absent ROIs")
    assert lines[start + 1 : start + 3] == ["everywhere: mTL-faces, aTL-faces", "subjects 1, 6, right: VWFA-2"]


def test_the_table_fits_80_columns(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (1,), n_train=1200, image_size=1)
    masks = tmp_path / "subj01/roi_masks"
    for side in ("lh", "rh"):
        save(masks / f"{side}.all-vertices_fsaverage_space.npy", np.arange(163_842) < 20_544)
    table = data(tmp_path, "--quick").stdout.split("\n\n")[0]
    assert "20544/20544" in table
    assert max(map(len, table.splitlines())) <= 80


def test_every_fault_is_printed_with_its_mend_and_the_exit_code_is_3(spoilable: Path) -> None:
    (spoilable / "subj02/roi_masks/mapping_streams.npy").unlink()
    values = np.load(spoilable / "subj05" / LEFT)
    values[3] = np.nan
    save(spoilable / "subj05" / LEFT, values)

    result = data(spoilable)

    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert lines[lines.index("Faults") + 1 :] == [
        "subj02/roi_masks/mapping_streams.npy is missing. Take it from the challenge's archive.",
        f"subj05/{LEFT} holds NaN or infinite values, in 1 of 12 rows and 35 of 35 vertices. "
        "Copy it again: the released responses are all finite.",
    ]
    assert f"error: {spoilable} has 2 faults, in 2 of 2 subjects" in result.stderr
    assert "algocli data" in result.stderr


def test_the_last_hint_repeats_the_folder_and_a_note_of_several_subjects_is_one_line(spoilable: Path) -> None:
    for home in ("subj02", "subj05"):
        path = spoilable / home / LEFT
        np.save(path, np.load(path).astype(np.float64))
    sound = data(spoilable).stdout.splitlines()
    assert "subjects 2, 5: train responses are float64; the released ones are float32" in sound
    (spoilable / "subj02/roi_masks/mapping_streams.npy").unlink()
    assert f"`algocli data --data-dir {spoilable}` again" in data(spoilable).stderr.replace("\n", " ")


def test_only_the_subjects_asked_for_are_judged(spoilable: Path) -> None:
    (spoilable / "subj02/roi_masks/mapping_streams.npy").unlink()
    assert data(spoilable, "-s", "5").exit_code == 0
    result = data(spoilable, "-s", "2")
    assert result.exit_code == 3
    assert "has 1 fault, in 1 of 1 subject" in result.stderr


def test_many_files_with_one_fault_are_counted(spoilable: Path) -> None:
    for path in (spoilable / "subj02/training_split/training_images").iterdir():
        path.write_bytes(b"")
    shown = data(spoilable).stdout
    assert shown.count(".png is empty") == 10
    assert "training_images: 2 more of which each is empty; --json names them." in shown


def test_quick_reads_no_contents(spoilable: Path) -> None:
    save(spoilable / "subj02" / LEFT, np.full((12, 32), np.nan, dtype=np.float32))
    result = data(spoilable, "--quick")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert data(spoilable).exit_code == 3


def test_deep_decodes_the_images(spoilable: Path) -> None:
    path = next((spoilable / "subj05/test_split/test_images").iterdir())
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 30] ^= 0xFF
    path.write_bytes(content)
    assert data(spoilable).exit_code == 0
    result = data(spoilable, "--deep")
    assert result.exit_code == 3
    assert f"{path.name} cannot be decoded" in result.stdout


def test_quick_and_deep_exclude_one_another(tiny_challenge: Path) -> None:
    result = data(tiny_challenge, "--quick", "--deep")
    assert result.exit_code == 2
    assert "exclude one another" in result.stderr


def test_json_holds_the_same_and_nothing_else_is_on_stdout(spoilable: Path) -> None:
    (spoilable / "subj02/roi_masks/mapping_streams.npy").unlink()
    result = data(spoilable, "--json")
    assert result.exit_code == 3
    shown = json.loads(result.stdout)
    assert shown["folder"] == str(spoilable)
    second, fifth = shown["subjects"]
    assert second["faults"] == [
        {
            "path": str(spoilable / "subj02/roi_masks/mapping_streams.npy"),
            "problem": "is missing",
            "mend": "take it from the challenge's archive",
        }
    ]
    assert fifth["faults"] == []
    assert [h["n_vertices"] for h in fifth["hemispheres"]] == [35, 45]
    assert fifth["hemispheres"][1]["rois_absent"] == ["mTL-faces", "aTL-faces", "VWFA-2"]


def test_quiet_leaves_stderr_to_errors(spoilable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algocli.cli.console.WORTH_A_LINE", 0.0)
    assert data(spoilable).stderr != ""
    assert data(spoilable, "--quiet").stderr == ""


def test_ceilings_read_as_percent_are_said_so(spoilable: Path) -> None:
    path = spoilable / "subj05/test_split/noise_ceiling/rh_noise_ceiling.npy"
    save(path, np.load(path) * 100)
    assert "noise ceilings are read as percent: subject 5" in data(spoilable).stdout


def test_what_could_not_be_counted_is_a_dash(spoilable: Path) -> None:
    (spoilable / "subj05/roi_masks").rename(spoilable / "elsewhere")
    (spoilable / "subj05/training_split").rename(spoilable / "elsewhere2")
    rows = [line.split() for line in data(spoilable).stdout.splitlines()]
    assert ["5", "–", "4", "–/–", "–/–", "yes", "yes", "2"] in rows


def test_a_folder_that_is_no_challenge_is_refused_with_3(tmp_path: Path) -> None:
    result = data(tmp_path)
    assert result.exit_code == 3
    assert "holds no subject" in result.stderr
    assert result.stdout == ""


def test_the_data_folder_may_come_from_the_environment(tiny_challenge: Path) -> None:
    environment = {"ALGOCLI_DATA_DIR": str(tiny_challenge)}
    assert CliRunner().invoke(app, ["data", "--quick"], env=environment).exit_code == 0


def test_a_reader_that_has_left_is_no_error(tiny_challenge: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = [sys.executable, "-c", "from algocli.cli import main; main()", "data", "--quick"]
    environment = {**os.environ, "ALGOCLI_DATA_DIR": str(tiny_challenge)}
    done = subprocess.run(program, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_check_needs_none_of_the_heavy_libraries(tiny_challenge: Path) -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from algocli.cli import app\n"
        "assert CliRunner().invoke(app, ['data']).exit_code == 0\n"
        "heavy = {'torch', 'zarr', 'nilearn', 'matplotlib', 'sklearn', 'scipy', 'PIL', 'h5py'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = {**os.environ, "ALGOCLI_DATA_DIR": str(tiny_challenge)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_where_the_data_comes_from_is_said_without_looking_for_it(tmp_path: Path) -> None:
    folder = str(tmp_path / "nowhere")
    result = CliRunner().invoke(app, ["data", "--download-help", "--data-dir", folder])
    assert result.exit_code == 0
    assert f"{folder}/subj01/training_split" in result.stdout
    assert all(word in result.stdout for word in ("a form", "test_fmri", "algocli prepare"))


def test_decoding_tells_what_is_not_plain_in_a_line_a_kind_and_what_has_no_meaning_as_a_fault(spoilable: Path) -> None:
    paths = sorted((spoilable / "subj02/training_split/training_images").iterdir())
    for path in paths[:6]:
        write_png(path, np.zeros((16, 16, 3)), colour_type=2, before=[(b"eXIf", orientation_block(6))])
    write_png(paths[6], np.zeros((16, 16, 3)), bits=16, colour_type=2, before=[(b"tRNS", bytes(6))])
    result = data(spoilable, "--deep")
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    some = ", ".join(path.name for path in paths[:3])
    assert f"subject 2: 6 images turned upright as EXIF says ({some} and 3 more)" in lines
    assert lines[lines.index("Faults") + 1 :] == [
        f"{paths[6].relative_to(spoilable)} has 16-bit colours of which one is transparent. "
        "Save it with an alpha channel."
    ]
