"""What the benchmarks work on: a challenge folder, weights, and the options that choose them.

Only the standard library is imported here; see `processes` for why.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import run

READ_BYTES = 2**20


def options() -> argparse.ArgumentParser:
    """Return the options that every benchmark has, to be a parent of its own parser."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--data-dir", type=Path, help="a challenge on disk [default: a synthetic one is written]")
    parser.add_argument("--subject", type=int, default=1, help="the subject to measure on [default: 1]")
    parser.add_argument("--train", type=int, default=9841, help="synthetic training images [default: %(default)s]")
    parser.add_argument("--test", type=int, default=159, help="synthetic test images [default: %(default)s]")
    parser.add_argument(
        "--vertices", default="real", help="synthetic vertices: small, real or a number [default: real]"
    )
    parser.add_argument(
        "--small", action="store_true", help="a few hundred images and vertices: to try the machinery, nothing else"
    )
    parser.add_argument("--weights", help="pretrained, random:SEED or a file [default: test assets, else random:0]")
    parser.add_argument("--rounds", type=int, default=1, help="measure so often, take medians [default: %(default)s]")
    parser.add_argument("--work-dir", type=Path, help="where to write what is needed meanwhile [default: temporary]")
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line; `--small` sets the sizes."""
    chosen = parser.parse_args()
    if chosen.small:
        chosen.train, chosen.test, chosen.vertices = 300, 40, "small"
        print("at this size the ratios say nothing about speed", file=sys.stderr)
    if chosen.data_dir:
        chosen.data_dir = chosen.data_dir.resolve()
    return chosen


def weights_of(chosen: argparse.Namespace, model: str = "alexnet") -> str:
    """Return the weights asked for, AlexNet's test assets, or random ones."""
    if chosen.weights:
        path = Path(chosen.weights)
        return str(path.resolve()) if path.is_file() else str(chosen.weights)
    asset = Path(os.environ.get("ALGOCLI_TEST_ASSETS", ""), "weights", "alexnet_features.pth").resolve()
    return str(asset) if model == "alexnet" and asset.is_file() else "random:0"


@contextmanager
def workplace(chosen: argparse.Namespace) -> Iterator[Path]:
    """Yield a folder that is removed in the end, with everything that was written to it."""
    if chosen.work_dir:
        chosen.work_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="algocli-bench-", dir=chosen.work_dir) as folder:
        yield Path(folder).resolve()


def challenge(chosen: argparse.Namespace, work: Path) -> Path:
    """Return the challenge folder asked for, or write a synthetic one."""
    if chosen.data_dir:
        return Path(chosen.data_dir)
    folder = work / "challenge"
    sizes = ["--train", str(chosen.train), "--test", str(chosen.test), "--vertices", chosen.vertices]
    # In a process of its own: numpy and the drawings must not swell this one.
    run(["-m", "algocli", "demo", str(folder), *sizes, "-s", str(chosen.subject)], work / "demo.log")
    return folder


def warm(folder: Path) -> int:
    """Read every file below a folder into the page cache, and return how many bytes they are."""
    # What was written a moment ago must not be on its way to the disk while others are timed.
    os.sync()
    n_bytes = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb", buffering=0) as stream:
                while block := stream.read(READ_BYTES):
                    n_bytes += len(block)
    return n_bytes


def machine() -> dict[str, Any]:
    """Describe what the numbers were measured on."""
    packages = ("algocli", "numpy", "scipy", "scikit-learn", "torch", "torchvision", "pillow", "zarr")
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }
