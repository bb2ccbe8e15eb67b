"""Figures are the same whatever matplotlib was told by a notebook or by a matplotlibrc, broken or not."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

_DRAW = """
from algocli.results.drawing.style import styled
import sys
with styled():
    from matplotlib.figure import Figure
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([1, 3, 2])
    axes.set_title("a title")
    figure.savefig(sys.argv[1], metadata={"Software": None})
"""


def drawn(folder: Path, rc: bytes | None, **environment: str) -> str:
    folder.mkdir()
    if rc is not None:
        (folder / "matplotlibrc").write_bytes(rc)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environment}
    command = [sys.executable, "-c", _DRAW, str(folder / "a.png")]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return hashlib.sha256((folder / "a.png").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("rc", "backend"),
    [
        (None, "module://matplotlib_inline.backend_inline"),
        (None, "nonsense"),
        (b"\xff\xfe\x00no text", "agg"),
        (b"backend: nosuch\nfont.size: huge\naxes.facecolor: nocolour\n: : :\n", "agg"),
        (b"lines.linewidth: 9\naxes.labelsize: 30\nsavefig.dpi: 30\naxes.grid: True\ntext.usetex: True\n", "TkAgg"),
        (b"\xff\xfe", "module://nothing.at.all"),
    ],
    ids=["inline", "unknown", "bytes", "broken", "own", "both"],
)
def test_neither_a_notebooks_backend_nor_a_matplotlibrc_is_in_a_figure(
    tmp_path: Path, rc: bytes | None, backend: str
) -> None:
    assert drawn(tmp_path / "odd", rc, MPLBACKEND=backend) == drawn(tmp_path / "plain", None, MPLBACKEND="agg")
