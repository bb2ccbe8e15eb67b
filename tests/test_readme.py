"""The README and the help keep their word: every console line in them runs, in the order in which it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.cli.examples import EXAMPLES
from tests.support.challenge import write_tiny_challenge
from tests.support.untrained import untrained

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]


IN_PLACE_OF = {"slurm:slurm.toml": "local:2", "dask:tcp://localhost:8786": "local:2"}
PAGES = [ROOT / "README.md", ROOT / ".github/images/README.md"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder such as a user works in: the challenge at its default place, a checkpoint, features."""
    folder = tmp_path_factory.mktemp("home")
    write_tiny_challenge(
        folder / "algonauts_2023_challenge_data", tuple(range(1, 9)), n_train=130, n_test=3, image_size=32
    )
    torch.manual_seed(0)
    torch.save(torchvision.models.alexnet(weights=None).state_dict(), folder / "checkpoint.pth")
    (folder / "slurm.toml").write_text('partition = "normal"\n')
    np.save(folder / "features.npy", np.random.default_rng(0).standard_normal((133, 150), dtype=np.float32))
    return folder


def as_run_here(line):
    """Return the words of an example; an engine that would have to be started is stood for by this machine's own."""
    words = shlex.split(line)
    # What is only written down needs none.
    return [IN_PLACE_OF.get(word, word) if "--print" not in words else word for word in words]


@pytest.mark.usefixtures("objects")
def test_every_console_line_of_the_readme_and_every_example_of_the_help_runs(home, monkeypatch):
    monkeypatch.chdir(home)
    # Downloads are the one thing that cannot be had here; what is downloaded is a state dict.
    monkeypatch.setattr("algocli.features.networks.sources.torchvision._pretrained_state", untrained)
    assert LINES
    for line in (*LINES, *(line for lines in EXAMPLES.values() for line in lines)):
        words = as_run_here(line)
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
            continue
        assert words[0] == "algocli", line
        result = CliRunner().invoke(app, words[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"


def test_the_help_of_a_command_ends_in_its_examples():
    for command, lines in EXAMPLES.items():
        shown = CliRunner().invoke(app, [command, "--help"]).stdout.splitlines()
        assert shown[-len(lines) :] == [f"    {line}" for line in lines]
        assert all(shlex.split(line)[:2] == ["algocli", command] for line in lines)


def test_every_command_of_the_table_exists():
    listed = set(re.findall(r"^\| `([a-z-]+)[^`|]*` \|", README, re.MULTILINE))
    shown = CliRunner().invoke(app, ["--help"]).stdout.partition("Commands:\n")[2]
    assert listed == set(re.findall(r"^  ([a-z-]+) ", shown, re.MULTILINE))


def test_the_python_example_runs(home, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(home)
    monkeypatch.setattr("algocli.features.networks.sources.torchvision._pretrained_state", untrained)
    code = code.replace('"demo/cache"', '"python"').replace('"demo"', '"algonauts_2023_challenge_data"')
    names = {}
    exec(code, names)
    assert names["responses"].shape[1] == len(names["r"]) == names["predicted"].shape[1]
    everywhere = [row for row in names["rows"] if row.roi == "All vertices"]
    assert [(row.hemisphere, row.n_vertices) for row in everywhere] == [("left", 31), ("right", 41)]
    first = names["run"].subject(1).test_predictions("left")[:1]
    np.testing.assert_allclose(names["predicted"], first, atol=2e-3)


def test_the_table_puts_a_function_beside_the_command_of_its_name():
    pairs = re.findall(r"^\| `([a-z-]+)[^`|]*` \| `(\w+)` \|", README, re.MULTILINE)
    named = {command: name for command, name in pairs if command.replace("-", "_") != name}
    assert named == {"data": "Challenge", "predict": "predict_files"}
    assert {name for _, name in pairs} <= set(algocli.__all__)


def test_networks_of_timm_are_named_with_weights_that_it_has_and_layers_that_can_be_cut_so():
    timm = pytest.importorskip("timm")
    named = re.findall(r"^algocli extract --model timm/(\S+) (.*)$", README, re.MULTILINE)
    assert len(named) == 6
    known = set(timm.list_pretrained())
    for name, options in named:
        assert name in known
        # What is drawn of a network of that class on no device has its layers and its class token, or none.
        with torch.device("meta"):
            network = timm.create_model(name)
        words = shlex.split(options)
        network.get_submodule(words[words.index("-l") + 1])
        assert ("class+patches" in words) == (getattr(network, "cls_token", None) is not None)


@pytest.mark.parametrize("page", PAGES, ids=["the README", "the pictures"])
def test_what_a_page_shows_or_links_to_is_there(page):
    linked = re.findall(r"\]\(((?!http)[^)]*)\)", page.read_text(encoding="utf-8"))
    assert linked
    assert [path for path in linked if not (page.parent / path).is_file()] == []
