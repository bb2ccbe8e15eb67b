"""What follows from inner products of images alone, at full size: similarity of twenty layers, and a learning curve.

Layers are numbers by chance, imported; their Gram matrices are made before anything is measured. A curve is told in
trainings of the run that it is of, whose components are found anew: another seed splits other images off.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tests.benchmarks.inputs import challenge, machine, options, parse, workplace
from tests.benchmarks.processes import Finished, run

N_FEATURES = 300
MOST_SECONDS, MOST_BYTES, MOST_TRAININGS = 120, 2 * 10**9, 3
# In a process of its own: numpy must not swell this one.
_LAYER = """
import sys, numpy
path, seed, *shape = sys.argv[1], *map(int, sys.argv[2:])
numpy.save(path, numpy.random.default_rng(seed).standard_normal(shape, numpy.float32))
"""


def measure(chosen: argparse.Namespace, folder: Path, work: Path) -> dict[str, Any]:
    """Return the seconds and bytes of every command."""

    def do(words: str) -> Finished:
        where = f"--cache-dir {work / 'cache'} --data-dir {folder} -s {chosen.subject} --quiet"
        return run(["-m", "algocli", *words.split(), *where.split()], work / "command.log")

    n_images = len([*folder.glob(f"subj{chosen.subject:02d}/*/*_images/*.png")])
    for number in range(chosen.layers):
        file = work / "layer.npy"
        run(["-c", _LAYER, str(file), str(number), str(n_images), str(N_FEATURES)], work / "command.log")
        do(f"import-features {file} --name layer{number:02d}")
    file.unlink()
    # The first makes the Gram matrices.
    similarity = [do("similarity --permutations 1000 --seed 0") for _ in range(1 + chosen.rounds)]
    measured: dict[str, Any] = {"n_images": n_images, "similarity": [vars(one) for one in similarity]}
    for number, regression in enumerate(("ols", "ridge"), start=1):
        settings = f"--features layer00 --regression {regression} --pca 100"
        do(f"train {settings} --run {regression}")
        # No two of the same seed: components of the one would serve the other.
        seeds = range(50 * number, 50 * number + chosen.rounds)
        train = [do(f"train {settings} --seed {seed} --run {regression}{seed}") for seed in seeds]
        curve = [do(f"curve --run {regression} --seed {seed}") for seed in range(chosen.rounds)]
        measured[regression] = {"train": [vars(one) for one in train], "curve": [vars(one) for one in curve]}
    return measured


def _least(finished: list[dict[str, Any]], what: str) -> float:
    return float(min(one[what] for one in finished))


def main() -> None:
    """Print what is promised beside what is measured, the best of all rounds."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.products", description=__doc__.split("\n")[0], parents=[options()]
    )
    parser.add_argument("--layers", type=int, default=20, help="layers to compare [default: 20]")
    chosen = parse(parser)
    with workplace(chosen) as work:
        measured = measure(chosen, challenge(chosen, work), work)
    first, *others = measured["similarity"]
    print(f"similarity of {chosen.layers} layers and all ROIs, {measured['n_images']} images, 1,000 permutations:")
    for name, some in (("first, Gram matrices too", [first]), ("again", others)):
        seconds, cpu, peak = (_least(some, what) for what in ("seconds", "cpu_seconds", "peak_bytes"))
        print(f"  {name:25} {seconds:.1f} s, {cpu:.1f} s of processor time, {peak / 1e9:.2f} GB")
    is_kept = _least(others, "seconds") <= MOST_SECONDS and _least(others, "peak_bytes") <= MOST_BYTES
    print(f"  target {MOST_SECONDS} s and {MOST_BYTES / 1e9:g} GB: {'reached' if is_kept else 'missed'}")
    for regression in ("ols", "ridge"):
        of = measured[regression]
        ratios = [_least(of["curve"], what) / _least(of["train"], what) for what in ("seconds", "cpu_seconds")]
        verdict = "reached" if max(ratios) < MOST_TRAININGS else "missed"
        print(
            f"curve of {regression}: {ratios[0]:.2f} trainings, {ratios[1]:.2f} by processor time; "
            f"target < {MOST_TRAININGS}: {verdict}"
        )
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), "products": measured}, indent=2) + "\n")


if __name__ == "__main__":
    main()
