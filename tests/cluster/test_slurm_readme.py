"""What the README says of SLURM works when it is copied: its file, and its commands in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch
import torchvision

from algocli.compute.executors.standing import list_jobs
from tests.cluster.test_slurm import ROOT, run_here
from tests.support.challenge import write_tiny_challenge

pytestmark = pytest.mark.slow

_HEADING = "## On a cluster: SLURM, Dask"
SECTION = re.search(rf"^{_HEADING}\n(.*?)^## ", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.usefixtures("slurm")
def test_the_readmes_file_and_commands_work_when_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert SECTION is not None
    (file,) = re.findall(r"```toml\n# (\S+)\n(.*?)```", SECTION[1], re.DOTALL)
    # Others are of other engines.
    lines, *_ = re.findall(r"```sh\n(.*?)```", SECTION[1], re.DOTALL)
    write_tiny_challenge(tmp_path / "algonauts_2023_challenge_data", (1,), n_train=130, n_test=3, image_size=32)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    Path(file[0]).write_text(file[1])
    torch.manual_seed(0)
    torch.save(torchvision.models.alexnet(weights=None).state_dict(), "checkpoint.pth")
    for line in lines.splitlines():
        words = shlex.split(line)
        assert words[0] == "algocli"
        # In place of pretrained weights, which would have to be fetched.
        more = ["--weights", "checkpoint.pth"] if words[1] == "extract" else []
        capsys.readouterr()
        assert run_here(*words[1:], *more) == 0, line
    # The last of them.
    assert " done" in capsys.readouterr().out
    assert {row.state for row in list_jobs(Path("cache"))[0]} == {"done"}
