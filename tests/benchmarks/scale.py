"""Beyond one machine: what 1 to 1,000 subjects take, each constant measured at three sizes at least in this very run.

A constant is the slope of a line through the seconds at several sizes, against what has to be computed there; where the
line begins is what starting costs. What is told of a size that was not measured is that line, and no more. The matrix
of all of NSD's images itself, of one block of columns, is made by `python -m tests.benchmarks.scale_steps products
73000`, given half an hour and 45 GB of disk: by hand, and under a limit of memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from algocli.features.store.readable import block_width
from algocli.features.store.tiles import GROUP_BYTES
from tests.benchmarks.inputs import machine, workplace
from tests.benchmarks.processes import run

SUBJECTS, NETWORKS = (1, 8, 100, 1000), (1, 20)
# A subject of the challenge: its images, and the vertices of both hemispheres; and all images that NSD has shown.
N_IMAGES, N_VERTICES, N_NSD = 10_000, 39_548, 73_000
MOST_BYTES = 4 * 10**9
# Columns of the basis in which 100 eigenvectors are found, and how often the matrix is read for them.
_BASIS, _STEPS = 640, 10


@dataclass(frozen=True)
class Line:
    """Seconds against work: `seconds = start + slope * work`, and how far the worst point lies off, as a share."""

    what: str
    start: float
    slope: float
    off: float
    points: tuple[tuple[float, float], ...]

    def at(self, work: float) -> float:
        """Return the seconds that so much work takes."""
        return self.start + self.slope * work


def line(what: str, points: Sequence[tuple[float, float]]) -> Line:
    """Lay the line of least squares through some points (work, seconds); it begins at zero at the least."""
    n = len(points)
    x, y = (sum(point[axis] for point in points) / n for axis in (0, 1))
    slope = sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
    if y - slope * x < 0:
        slope = sum(a * b for a, b in points) / sum(a * a for a, _ in points)
        x = y = 0.0
    found = Line(what, y - slope * x, slope, 0.0, tuple(points))
    return Line(what, found.start, slope, max(abs(found.at(a) / b - 1) for a, b in points), found.points)


def measure(chosen: argparse.Namespace, log: Path) -> dict[str, Any]:
    """Measure every step at every size that is asked for, each in a process of its own that prints into the log."""

    def step(name: str, n: int, *words: object) -> dict[str, Any]:
        where = ["--work-dir", str(log.parent)]
        done = run(["-m", "tests.benchmarks.scale_steps", name, str(n), *map(str, words), *where], log)
        print(f"{name} of {n}: {done.seconds:.1f} s, {done.peak_bytes / 1e9:.2f} GB", file=sys.stderr)
        return {"n": n, "peak_bytes": done.peak_bytes, **json.loads(done.stdout.splitlines()[-1])}

    features, network = ("--features", chosen.features), ("--model", chosen.model, "--layer", chosen.layer)
    return {
        "parts": [step("products", n, *features, "--by-parts") for n in chosen.parts],
        "products": [step("products", n, *features) for n in chosen.products],
        "fit": [step("fit", n, "--vertices", chosen.vertices) for n in chosen.products],
        "extract": [step("extract", n, *network) for n in chosen.images],
    }


def lines(measured: dict[str, Any]) -> dict[str, Line]:
    """Return the line of each step."""

    def of(what: str, name: str, work: str, seconds: str = "seconds") -> Line:
        return line(what, [(one[work] if work != "n²" else one["n"] ** 2, one[seconds]) for one in measured[name]])

    return {
        "extract": of("a network's passes, by FLOP", "extract", "flops"),
        "gram": of("Gram matrix, by FLOP", "products", "flops"),
        "gram by parts": of("Gram matrix by parts, by FLOP", "parts", "flops"),
        "eigen": of("100 components, by n²", "products", "n²", "eigen"),
        "eigen from disk": of("100 components from the disk, by n²", "parts", "n²", "eigen"),
        "fit": of("fit and predictions, by FLOP", "fit", "flops"),
    }


def show_lines(found: dict[str, Line]) -> None:
    """Print what was measured, and the line through it."""
    print("What was measured, and the line through it: seconds = start + work / rate")
    for one in found.values():
        points = ", ".join(f"{work:.3g}: {seconds:.2f} s" for work, seconds in one.points)
        rate = 1 / one.slope if one.slope else float("inf")
        print(f"  {one.what:36} {one.start:6.2f} s + work / {rate:.3g}; worst {100 * one.off:3.0f} % off ({points})")


def rows(measured: dict[str, Any], found: dict[str, Line], n_layers: int) -> list[dict[str, Any]]:
    """Return a row of the table for each number of subjects and networks."""
    last = measured["extract"][-1]
    per_image, width = last["flops"] / (last["n"] + 1), last["n_features"]
    gram, fit = float(N_IMAGES) ** 2 * width, 2.2 * N_IMAGES * 100 * N_VERTICES
    eigen = 2.0 * N_IMAGES**2 * _BASIS
    table = []
    for subjects in SUBJECTS:
        for networks in NETWORKS:
            passes, models = subjects * networks, subjects * networks * n_layers
            seconds = {
                "passes": passes * found["extract"].at(per_image * N_IMAGES),
                "products": models * found["gram"].at(gram),
                "models": models * (found["eigen"].at(float(N_IMAGES) ** 2) + found["fit"].at(fit)),
            }
            n_bytes = {"features": models * N_IMAGES * last["n_bytes"], "gram": models * 4.0 * N_IMAGES**2}
            flops = passes * per_image * N_IMAGES + models * (gram + eigen + fit)
            table.append({"subjects": subjects, "networks": networks, **n_bytes, "flops": flops, **seconds})
    return table


def show_table(table: list[dict[str, Any]], chosen: argparse.Namespace) -> None:
    """Print the table."""
    print(
        f"\nOne worker on this machine; {chosen.layers} layers a network, each as {chosen.layer} of {chosen.model}, "
        f"{N_IMAGES:,} images and {N_VERTICES:,} vertices a subject"
    )
    print(
        f"{'subjects':>8} {'networks':>8} {'features':>10} {'Gram':>10} {'FLOP':>9} "
        f"{'passes':>9} {'Gram':>9} {'models':>9}"
    )
    for one in table:
        hours = (f"{one[name] / 3600:8.1f}h" for name in ("passes", "products", "models"))
        sizes = f"{one['features'] / 1e12:7.2f} TB {one['gram'] / 1e12:7.2f} TB {one['flops']:9.1e}"
        print(f"{one['subjects']:8,} {one['networks']:8} {sizes} {' '.join(hours)}")


def show_nsd(measured: dict[str, Any], found: dict[str, Line], n_features: int) -> None:
    """Print what the Gram matrix of all of NSD's images takes, by the line through those made by parts."""
    n = N_NSD
    # A block of columns of all images; beside it a group of tiles, or a row of them; and Python.
    block, row = 4 * n * block_width(n), 8 * n * 1024
    peak = block + max(GROUP_BYTES, row) + 0.3e9
    gram, eigen = found["gram by parts"].at(float(n) ** 2 * n_features), found["eigen from disk"].at(float(n) ** 2)
    print(f"\nAll {n:,} images of NSD, {n_features:,} features each, by the lines of what was made by parts:")
    print(f"  {4 * n**2 / 1e9:.1f} GB on disk, and as much beside it while it is made")
    print(f"  added up in {gram / 3600:.1f} h; 100 components from the disk in {eigen / 3600:.2f} h")
    print(f"  {peak / 1e9:.2f} GB of memory by what is held at a time; target {MOST_BYTES / 1e9:g} GB")
    # A third of each of these matrices was held while it was added up.
    seen = (
        line("peak", [(one["n"], one["peak_bytes"] - 4 * one["n"] ** 2 / 3) for one in measured["parts"]]).at(n) + 2**30
    )
    print(f"  {seen / 1e9:.2f} GB by the line through the measured peaks, which counts what was mapped too")
    for one in measured["parts"]:
        print(
            f"    measured: {one['n']:,} images, {one['seconds']:.0f} s and {one['eigen']:.0f} s, "
            f"{one['peak_bytes'] / 1e9:.2f} GB at the most"
        )


def main() -> None:
    """Measure, and print lines, table and NSD."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[64, 128, 256], help="that pass a network")
    parser.add_argument("--products", type=int, nargs="+", default=[2000, 3000, 4000], help="of a Gram matrix")
    parser.add_argument("--parts", type=int, nargs="+", default=[2000, 3000, 4000], help="of one made by parts")
    parser.add_argument("--features", type=int, default=8192, help="of each image of these [default: %(default)s]")
    parser.add_argument(
        "--nsd-features", type=int, default=46_656, help="of all of NSD's images [default: %(default)s]"
    )
    parser.add_argument("--vertices", type=int, default=4000, help="that are fitted [default: %(default)s]")
    parser.add_argument("--layers", type=int, default=1, help="of each network, in the table [default: %(default)s]")
    parser.add_argument("--model", default="alexnet", help="that images pass [default: %(default)s]")
    parser.add_argument("--layer", default="features.2", help="that is kept of it [default: %(default)s]")
    parser.add_argument("--work-dir", type=Path, help="where to write what is needed meanwhile [default: temporary]")
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    chosen = parser.parse_args()
    sizes = {"images": chosen.images, "products": chosen.products, "parts": chosen.parts}
    for name, some in sizes.items():
        if len(set(some)) < 3:
            parser.error(f"--{name}: a line takes three sizes at least")
    with workplace(chosen) as work:
        measured = measure(chosen, work / "step.log")
    found = lines(measured)
    table = rows(measured, found, chosen.layers)
    show_lines(found)
    show_table(table, chosen)
    show_nsd(measured, found, chosen.nsd_features)
    if chosen.json:
        told = {"machine": machine(), **measured, "lines": {name: asdict(one) for name, one in found.items()}}
        chosen.json.write_text(json.dumps({**told, "table": table}, indent=2) + "\n")


if __name__ == "__main__":
    main()
