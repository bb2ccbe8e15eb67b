"""What is the challenge's own is said where the challenge is: elsewhere a dataset is a dataset."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import algocli

HOME = Path(algocli.__file__).parent
WORDS = re.compile(r"\bNSD\b|fsaverage|\bHEMISPHERES\b|\bSUBJECTS\b|\beight\b")
# The challenge, its files and its leaderboard; and what is drawn or written on its cortex.
ROOMS = ("dataset", "demo", "submission", "results/drawing", "results/plots")
ELSEWHERE = {
    "results/on_mesh.py": "the mesh itself",
    "results/group_places.py": "where subjects meet on the mesh",
    "results/surface.py": "the mesh itself",
    "results/export.py": "a column has a vertex's place on the mesh, where it has one",
    "results/export_maps.py": "files for programs that show the mesh",
    "results/map_files.py": "files for programs that show the mesh",
    "results/mesh_files.py": "files for programs that show the mesh",
    "results/page/viewer.py": "turns the mesh",
    "results/page/frame.py": "has the meshes that a page's maps need, left before right",
    "results/page/packing.py": "packs the mesh",
    "features/imports/formats/labels.py": "columns of ids as programs for the challenge call them",
    "features/imports/formats/tensors.py": "floats of eight bits",
    "encoding/presets.py": "AlexNet's eight layers",
    "cli/data.py": "a command about the challenge's own files",
    "cli/demo.py": "a command about the challenge's own files",
    "cli/export.py": "says what maps are on",
    "cli/extract.py": "says which HDF5 file may hold the images",
    "cli/import_ceilings.py": "a command about the challenge's own files",
    "cli/import_features.py": "says what a row may be called by",
    "cli/import_words.py": "says which files have the challenge's images",
    "cli/options.py": "a preset is its notebook's, another its organisers'; NSD's images have a width",
    "cli/parsing.py": "-s 1-8 are the challenge's subjects",
    "cli/plot.py": "says what maps are on",
    "cli/prepare.py": "a command about the challenge's own files",
    "cli/score.py": "the leaderboard's score",
    "cli/stimuli.py": "a command about the challenge's own files",
    "pipeline/features.py": "says which HDF5 file may hold the images",
    "pipeline/figure_kinds.py": "says what maps are on",
    "pipeline/figures.py": "says what maps are on",
    "pipeline/files.py": "says what maps are on",
    "pipeline/official.py": "the leaderboard's score",
}


def speaking() -> dict[str, list[str]]:
    """Return every module that has one of the words, with the lines that have them."""
    found = {}
    for path in sorted(HOME.rglob("*.py")):
        lines = [line.strip() for line in path.read_text().splitlines() if WORDS.search(line)]
        if lines:
            found[path.relative_to(HOME).as_posix()] = lines
    return found


def is_at_home(module: str) -> bool:
    """Say whether a module lies in a room of the challenge's."""
    return any(module.startswith(f"{room}/") for room in ROOMS)


def test_only_the_rooms_of_the_challenge_speak_of_it() -> None:
    assert {
        module: lines for module, lines in speaking().items() if not is_at_home(module) and module not in ELSEWHERE
    } == {}


@pytest.mark.parametrize("module", ELSEWHERE)
def test_every_exception_is_one(module: str) -> None:
    assert module in speaking()


def test_the_protocol_imports_nothing_of_the_challenge() -> None:
    for name in ("protocol", "plain", "sides", "naming", "ids", "stimuli", "images", "digests", "opening"):
        text = (HOME / "dataset" / f"{name}.py").read_text()
        assert not re.search(r"from algocli\.dataset\.(challenge|nsd)", text), name
