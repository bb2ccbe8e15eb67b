"""Workers of a cluster on this machine: two of one thread against one, and one with all cores against no cluster.

A worker of one thread has a core, and multiplies with one thread; so has each of two. Four subjects pass through a
network, and are trained with products between images made in the same command. Processes start within what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.inputs import challenge, machine, options, parse, weights_of, workplace
from tests.benchmarks.processes import run

SUBJECTS = "1-4"
# By what each is called: the cluster, and how many cores and threads there are; 0 is as many as there are.
WAYS: dict[str, tuple[str | None, int, int]] = {
    "no cluster": (None, 0, 0),
    "local:1": ("local:1", 0, 0),
    "one of one thread": ("local:1", 1, 1),
    "two of one thread": ("local:2", 2, 1),
}
TWO, LOCAL = "two against one", "local:1 against none"
TARGETS = {TWO: 1.7, LOCAL: 1.1}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def measure(chosen: argparse.Namespace, folder: Path, work: Path) -> list[dict[str, dict[str, Any]]]:
    """Measure `--rounds` times, each way on a cache of its own or on one that is as it was before."""
    return [_round(chosen, folder, work) for _ in range(chosen.rounds)]


def _round(chosen: argparse.Namespace, folder: Path, work: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, float]] = {"extraction": {}, "training": {}}
    where = ["--data-dir", str(folder), "-s", SUBJECTS, "--quiet"]
    network = ["--model", chosen.model, "-l", chosen.layer, "--weights", weights_of(chosen, chosen.model)]
    for name, (cluster, n_cores, n_threads) in WAYS.items():
        cache = work / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        place = [*where, "--cache-dir", str(cache), *(["--cluster", cluster] if cluster else [])]
        with _limited(n_cores, n_threads):
            extract = ["-m", "algocli", "extract", *network, "--no-gram", "--device", "cpu", *place]
            found["extraction"][name] = run(extract, work / "extract.log").seconds
            train = ["-m", "algocli", "train", "--model", chosen.model, "-l", chosen.layer, *chosen.how.split(), *place]
            found["training"][name] = run(train, work / "train.log").seconds
        shutil.rmtree(cache)
        print(f"{name}: " + ", ".join(f"{stage} {took[name]:.1f} s" for stage, took in found.items()), file=sys.stderr)
    return {stage: {"seconds": took, **_ratios(took)} for stage, took in found.items()}


@contextmanager
def _limited(n_cores: int, n_threads: int) -> Iterator[None]:
    """Bind programs that are started within a `with` block to so many cores, and to so many threads."""
    cores, before = os.sched_getaffinity(0), {name: os.environ.get(name) for name in _THREADS}
    try:
        if n_cores:
            os.sched_setaffinity(0, sorted(cores)[:n_cores])
        if n_threads:
            os.environ.update(dict.fromkeys(_THREADS, str(n_threads)))
        yield
    finally:
        os.sched_setaffinity(0, cores)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _ratios(took: dict[str, float]) -> dict[str, float]:
    return {
        TWO: took["one of one thread"] / took["two of one thread"],
        LOCAL: took["local:1"] / took["no cluster"],
    }


def show(rounds: Sequence[dict[str, dict[str, Any]]]) -> None:
    """Print the seconds of every round, and the medians of the ratios."""
    from algocli.cli.console import show_table

    for one in rounds:
        rows = [(name, *(f"{one[stage]['seconds'][name]:.1f} s" for stage in one)) for name in WAYS]
        show_table(("", *rounds[0]), rows, title="Four subjects")
    rows = []
    for stage in rounds[0]:
        for ratio, target in TARGETS.items():
            median = statistics.median(one[stage][ratio] for one in rounds)
            is_reached = median >= target if ratio == TWO else median <= target
            bound = f"{'>=' if ratio == TWO else '<='} {target:g}"
            rows.append((f"{stage}: {ratio}", f"{median:.2f}", bound, "reached" if is_reached else "missed"))
    show_table(("", "Ratio", "Target", ""), rows)


def main() -> None:
    """Run this benchmark alone."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.workers", description=__doc__.split("\n")[0], parents=[options()]
    )
    parser.add_argument("--model", default="alexnet", help="the network [default: %(default)s]")
    parser.add_argument("--layer", default="features.2", help="its layer [default: %(default)s]")
    parser.add_argument("--how", default="--pca 100", help="options of train [default: %(default)s]")
    parser.set_defaults(train=4900, test=100)
    chosen = parse(parser)
    chosen.subject = SUBJECTS
    with workplace(chosen) as work:
        rounds = measure(chosen, challenge(chosen, work), work)
    show(rounds)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), "workers": rounds}, indent=2) + "\n")


if __name__ == "__main__":
    main()
