"""What a network of one's own computes is part of its key: whatever changes a number makes other features."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from algocli.dataset.challenge.subjects import Subject
from algocli.errors import DataError
from algocli.features.audit import NotRecomputed, recompute
from algocli.features.extraction import extract
from algocli.features.networks.backbones import Backbone, load_backbone
from algocli.features.networks.probing import agree, probe_pixels
from algocli.features.networks.watched import Watch
from algocli.features.passage import Passage
from algocli.features.rebuilding import rebuild
from tests.features.by_hand import list_stores

NETWORK = """
import os, pathlib, torch, {helper} as helper

GAIN = 2.0

class Net(torch.nn.Module):
    def __init__(self, inside=3.0):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 8, 8)
        self.inside = inside
        self.register_buffer("quiet", torch.full((1,), 5.0), persistent=False)
        self.plain = torch.full((1,), 7.0)
        self.read = float(pathlib.Path("number.txt").read_text())
        self.told = float(os.environ.get("{helper}", "13"))
        self.function = lambda x: x * 17.0

    def forward(self, images):
        x = self.conv(images)
        if not {traced} and x.sum() < -1e9:
            return x
        return self.function(helper.more(x)) * (GAIN * self.inside * self.quiet * self.plain * self.read * self.told)

class Outer(torch.nn.Module):
    # The end of a network that is watched is a layer only within another.
    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, images):
        return self.net(images)
"""
HELPER = "def more(x):\n    return x * 19.0\n"
FILES = {"network": NETWORK, "helper": HELPER, "number": "11"}
CHANGES: dict[str, tuple[str, str, str]] = {
    "a number of the constructor": ("network", "inside=3.0", "inside=27.0"),
    "a constant of the module": ("network", "GAIN = 2.0", "GAIN = 18.0"),
    "a helper in another module": ("helper", "19.0", "171.0"),
    "a buffer that is not kept": ("network", "5.0), persistent", "45.0), persistent"),
    "a tensor that is no buffer": ("network", "7.0", "63.0"),
    "a file read at construction": ("number", "11", "99"),
    "a variable of the environment": ("network", '"13"', '"117"'),
    "a function that is an attribute": ("network", "x * 17.0", "x * 153.0"),
    "a last bit": ("network", "GAIN = 2.0", "GAIN = 2.0000002"),
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that writes the network's files into the current folder, with a change."""
    monkeypatch.chdir(tmp_path)
    names = ("probed", "probed_helper")

    def forget() -> None:
        for name in names:
            sys.modules.pop(name, None)
        importlib.invalidate_caches()

    def put(change: str = "", *, traced: bool = True) -> None:
        files = dict(FILES)
        if change:
            which, before, after = CHANGES[change]
            assert before in files[which]
            files[which] = files[which].replace(before, after)
        text = files["network"].replace("{helper}", names[1]).replace("{traced}", str(traced))
        for name, content in (
            ("probed.py", text),
            ("probed_helper.py", files["helper"]),
            ("number.txt", files["number"]),
        ):
            (tmp_path / name).write_text(content)
        forget()

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield put
    forget()


def load(*, traced: bool) -> Backbone:
    """Load the network, cut where all of its numbers have come together."""
    backbone = load_backbone("python:probed:Outer", ["net"], "random:1")
    assert isinstance(backbone.network, Watch) is not traced
    return backbone


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("traced", [True, False], ids=["traced", "watched"])
def test_whatever_changes_a_number_makes_other_features(write: Any, change: str, traced: bool) -> None:
    found = []
    for what in ("", change):
        write(what, traced=traced)
        found.append(load(traced=traced).identity("net"))
    assert found[0] != found[1]


def test_the_same_network_has_the_same_key_again(write: Any) -> None:
    for traced in (True, False):
        found = []
        for n_threads in (1, 2):
            write(traced=traced)
            torch.manual_seed(n_threads)
            torch.set_num_threads(n_threads)
            found.append(load(traced=traced).identity("net"))
        assert found[0] == found[1]


def test_networks_by_name_have_no_digest_of_what_they_compute() -> None:
    assert "probe" not in load_backbone("alexnet", ["features.0"], "random").identity("features.0")


def test_the_probe_leaves_torchs_generator_and_threads_as_they_were(write: Any) -> None:
    write()
    torch.manual_seed(5)
    before, n_threads = torch.get_rng_state(), torch.get_num_threads()
    load(traced=True)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == n_threads


def test_the_images_are_the_same_for_ever() -> None:
    pixels = probe_pixels(32)
    assert pixels.shape == (6, 32, 32, 3)
    assert [int(image.min()) for image in pixels[3:5]] == [0, 255]
    # A generator whose numbers numpy has frozen, and whole numbers: the sum is that of any machine.
    assert int(pixels.astype(np.int64).sum()) == 1_830_196


def test_a_graph_that_holds_a_draw_still_does_not_agree() -> None:
    class Noisy(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images + torch.rand(1)

    class Still(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images + 0.5

    images = torch.zeros(1, 3, 4, 4)
    assert agree(Still(), Still(), images)
    assert agree(Noisy(), Noisy(), images)
    assert not agree(Noisy(), Still(), images)


@pytest.mark.parametrize("traced", [True, False], ids=["traced", "watched"])
def test_a_network_that_computes_something_else_is_told_when_its_features_are_checked(
    write: Any, subject: Subject, tmp_path: Path, traced: bool
) -> None:
    write(traced=traced)
    backbone = load(traced=traced)
    (store,) = extract(subject, backbone, tmp_path / "cache", Passage(dtype="float32"))
    write("a helper in another module", traced=traced)
    (one,) = recompute(list_stores(tmp_path / "cache"), tmp_path / "challenge", tmp_path / "cache", trust_code=True)
    assert isinstance(one, NotRecomputed)
    said = "python:probed:Outer is no longer what it was made with: "
    # A graph has the helper's number in it.
    assert one.reason == said + ("code, what it computes changed" if traced else "what it computes changed")
    write("a helper in another module", traced=traced)
    with pytest.raises(DataError, match=rf"cannot be computed: {said}.*what it computes changed"):
        rebuild([store], "cpu", trust_code=True)
