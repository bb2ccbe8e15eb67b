"""Names that others give: none becomes markup, a command, a path or something that a screen obeys."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import nibabel
import numpy as np
import pytest
import torch
import torchvision
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from tests.support.challenge import write_tiny_challenge

# What a page, a shell, a path, XML, a spreadsheet, a format and rich take for more than letters.
HOSTILE = "F</script><script>alert(1)</script><b a='\"&amp;]]>` $(touch made) ;|../../made\\ {0} %s {{7*7}} [red]"
PLAIN = "F plain"
# A name that a screen would obey, of those that a file system takes.
OBEYED = "a\x1b]0;owned\x07\x1b[2J\nb"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train once; the ROI that is named otherwise is named in copies."""
    home = tmp_path_factory.mktemp("names")
    write_tiny_challenge(home / "data", (1,), n_train=60, n_test=3, image_size=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        subject = algocli.Challenge("data").subject(1)
        torch.manual_seed(0)
        torch.save(torchvision.models.alexnet(weights=None).state_dict(), home / "checkpoint.pth")
        features = algocli.extract(subject, layers=["features.2"], weights="checkpoint.pth")
        algocli.train(subject, features, n_components=5, name="first")
    return home


def link_weights(source, target):
    """Copy a file; weights, which are large and which nothing writes to, are linked."""
    return os.link(source, target) if str(source).endswith(".pth") else shutil.copy2(source, target)


@pytest.fixture
def named(trained, tmp_path, monkeypatch):
    """Return a function that goes to a home of its own in which a ROI has that name."""

    def go(name):
        home = tmp_path / str(len(list(tmp_path.iterdir()))) / "inner/home"
        shutil.copytree(trained, home, copy_function=link_weights)
        path = home / "data/subj01/roi_masks/mapping_floc-faces.npy"
        mapping = np.load(path, allow_pickle=True).item()
        np.save(path, {**mapping, 1: name}, allow_pickle=True)
        monkeypatch.chdir(home)
        monkeypatch.setenv("ALGOCLI_DATA_DIR", "data")
        return home

    yield go
    assert not list(tmp_path.rglob("made"))


class _Read(HTMLParser):
    """Keeps every element with the names of its attributes, and all text."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.text = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize(
    ("words", "made"),
    [
        (("report", "--title", "{}", "--html", "made.html"), "made.html"),
        (("report", "--roi", "{}", "--title", "{}", "--intervals", "--resamples", "100", "--html", "m.html"), "m.html"),
        (("plot", "rois", "--title", "{}", "-o", "m.svg"), "m.svg"),
        (("plot", "roi", "floc-faces", "-o", "m.html"), "m.html"),
        (("plot", "accuracy", "--title", "{}", "--outline", "floc-faces", "-o", "m.html"), "m.html"),
        (("plot", "accuracy", "--title", "{}", "--outline", "floc-faces", "-o", "m.svg"), "m.svg"),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, tuple) else "",
)
def test_a_name_adds_no_element_to_what_is_drawn_and_written(named, words, made):
    elements = []
    for name in (PLAIN, HOSTILE):
        home = named(name)
        result = run(*(word.format(name) if word == "{}" else word for word in words))
        assert result.exit_code == 0, result.output
        path = home / made
        if path.suffix == ".svg":
            # How many lines and letters a text takes is its own affair; of which kinds they are is not.
            elements.append({element.tag for element in ET.parse(path).iter()})
        else:
            read = _Read(path)
            elements.append(read.elements)
            assert name in "".join(read.text) or "plot" in words
    assert elements[0] == elements[1]


def test_the_command_on_a_page_can_be_pasted_and_asks_for_the_same(named):
    home = named(HOSTILE)
    result = run("report", "--roi", HOSTILE, "--title", HOSTILE, "--html", "page.html")
    assert result.exit_code == 0, result.output
    text = "".join(_Read(home / "page.html").text)
    (line,) = [line for line in text.splitlines() if line.strip().removeprefix("$ ").startswith("algocli report")]
    words = shlex.split(line.strip().removeprefix("$ "))
    assert words[words.index("--roi") + 1] == words[words.index("--title") + 1] == HOSTILE


def test_tables_and_maps_hold_the_name_as_it_is(named):
    home = named(HOSTILE)
    assert run("export", "--format", "csv", "-o", "tables").exit_code == 0
    assert run("export", "--format", "gifti", "-o", "maps").exit_code == 0
    assert run("export", "--format", "mgh", "-o", "annot").exit_code == 0
    assert run("report", "--csv", "rois.csv", "--roi", HOSTILE).exit_code == 0
    with (home / "rois.csv").open(newline="") as stream:
        assert {row["roi"] for row in csv.DictReader(stream)} == {HOSTILE}
    labels = [
        name
        for path in home.glob("maps/**/*.label.gii")
        for name in nibabel.load(path).labeltable.get_labels_as_dict().values()
    ]
    assert HOSTILE in labels
    names = [name.decode() for path in home.glob("annot/**/*.annot") for name in nibabel.freesurfer.read_annot(path)[2]]
    assert HOSTILE in names


@pytest.mark.parametrize(
    "name",
    ["../out", "a/b", "<script>", "$(touch made)", "a\nb", "-rf", ".", "..", "", "a\x1b[2J", "a'b", 'a"b', "~", "a b"],
)
@pytest.mark.parametrize(
    "command", [("train", "--run"), ("import-features", "features.npy", "--name")], ids=lambda c: c[0]
)
def test_a_name_of_ours_that_could_be_a_path_or_a_command_is_refused(named, command, name):
    home = named(PLAIN)
    np.save("features.npy", np.zeros((63, 4), np.float32) + np.arange(63, dtype=np.float32)[:, None])
    before = set(home.parents[1].rglob("*"))
    result = run(*command, name)
    assert result.exit_code == 2, result.output
    assert set(home.parents[1].rglob("*")) - {home / "cache/.lock"} <= before
    assert "\x1b" not in result.output


def test_a_data_folder_of_any_name_can_be_pasted_from_the_hint(named):
    home = named(PLAIN)
    shutil.move("data", "$(touch made) 'x';\"<b>")
    result = run("train", "--model", "resnet18", "--data-dir", "$(touch made) 'x';\"<b>")
    assert result.exit_code == 4
    hint = result.stderr.partition("hint:")[2].strip()
    assert "$(touch made) 'x';\"<b>" in shlex.split(hint)
    assert home.exists()


def test_images_of_any_name_are_predicted_and_told_without_the_screen_obeying(named):
    home = named(PLAIN)
    picture = next((home / "data").rglob("test_images/*.png"))
    names = ["<script>alert(1)</script>".replace("/", "") + "$(touch made).png", f"{OBEYED}.png", "-rf.png", "'\".png"]
    (home / "images").mkdir()
    for name in names:
        shutil.copy(picture, home / "images" / name)
    result = run("predict", "images", "-o", "predicted")
    assert result.exit_code == 0, result.output
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", result.output)
    with (home / "predicted/images.csv").open(newline="") as stream:
        listed = {Path(value).name for row in csv.DictReader(stream) for value in row.values()}
    assert set(names) <= listed


@pytest.mark.parametrize(
    "command",
    [("cache", "list"), ("cache", "gc", "--dry-run"), ("cache", "verify"), ("train",)],
    ids=" ".join,
)
def test_a_cache_of_a_stranger_does_nothing_to_the_screen(named, command):
    home = named(PLAIN)
    (store,) = (home / "cache/features").iterdir()
    shutil.copytree(store, store.with_name(f"{store.name}{OBEYED}"))
    shutil.copytree(home / "cache/runs/first", home / "cache/runs" / f"z{OBEYED}")
    (home / "cache/features" / f"{OBEYED.replace(chr(10), '')}.0123abcd.partial").touch()
    # A whole copy of either, and a damaged one.
    for path in (store, home / "cache/runs/first"):
        copy = path.with_name(f"{path.name}{OBEYED}damaged")
        shutil.copytree(path, copy)
        for file in (file for file in copy.rglob("*") if file.is_file() and file.suffix != ".json"):
            file.write_bytes(file.read_bytes()[:-1] + b"?")
    result = run(*command)
    assert ("owned" in result.output) or command == ("train",)
    assert result.exit_code in (0, 2, 3, 4)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", result.output), ascii(result.output)
