"""A sweep of five networks against its forward passes alone: decoding, writing, products and all else come on top.

The forward passes get decoded images, a batch of the usual size to each core, and run as torch does for anyone. To
them, and to so many seconds a fit, the whole sweep is related, networks built and tried and tables made, from an empty
cache. How fast torch is in memory that is kept, as a sweep keeps it, is told beside that.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import algocli
from algocli.cli.console import show_table
from algocli.compute.track import silent
from algocli.dataset.challenge.subjects import Challenge, Subject
from tests.benchmarks.inputs import challenge, machine, options, parse, warm, workplace
from tests.benchmarks.processes import run

NETWORKS = ("alexnet", "resnet18", "resnet50", "mobilenet_v2", "timm/vit_small_patch16_224")
OVER_PASSES, EACH_FIT = 1.15, 2.0


@dataclass(frozen=True)
class Round:
    """Seconds of one round: on the clock, and of processor time over all cores."""

    forward: dict[str, float]
    forward_kept: dict[str, float]
    forward_cpu: dict[str, float]
    decoding: float
    sweep: float
    sweep_cpu: float
    n_fits: int
    stages: dict[str, float]

    @property
    def allowed(self) -> float:
        """The seconds that a sweep may take."""
        return self._allowed(self.forward)

    @property
    def share(self) -> float:
        """What share of these it takes."""
        return self.sweep / self.allowed

    @property
    def share_kept(self) -> float:
        """What share of these it would take, did torch keep memory for itself as a passage does for it."""
        return self.sweep / self._allowed(self.forward_kept)

    def _allowed(self, forward: Mapping[str, float]) -> float:
        return OVER_PASSES * sum(forward.values()) + EACH_FIT * self.n_fits


def measure(chosen: argparse.Namespace, folder: Path, work: Path) -> list[Round]:
    """Measure `--rounds` times, each on a fresh cache."""
    subject = Challenge(folder).subject(chosen.subject)
    how = chosen.networks, chosen.weights or "random", chosen.nested
    return [_round(subject, *how, work / "cache") for _ in range(chosen.rounds)]


def _round(subject: Subject, networks: Sequence[str], weights: str, nested: bool, cache: Path) -> Round:
    warm(subject.layout.folder)
    shutil.rmtree(cache, ignore_errors=True)
    told: list[tuple[float, str]] = []
    began, began_cpu = time.perf_counter(), time.process_time()
    swept = algocli.sweep(
        subject,
        networks,
        weights=weights,
        nested=nested,
        device="cpu",
        cache_dir=cache,
        plot=cache.parent / "sweep.png",
        track=silent,
        note=lambda line: told.append((time.perf_counter() - began, line)),
    )
    sweep, sweep_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    opened = next(at for at, line in told if line.startswith("plan:"))
    fitted = next(at for at, line in told if line.startswith("model 1 of"))
    shutil.rmtree(cache)
    print(f"swept in {sweep:.0f} s", flush=True)
    layers = {name: [layer.layer for layer in swept.plan.layers if layer.model == name] for name in networks}
    alone, kept = (_passes(subject, layers, weights, cache.parent, *words) for words in ([], ["--kept"]))
    stages = {"opening": opened, "extracting": fitted - opened, "fitting and scoring": sweep - fitted}
    decoding = alone[networks[0]]["decoding"]
    return Round(
        _each(alone, "seconds"),
        _each(kept, "seconds"),
        _each(alone, "cpu"),
        decoding,
        sweep,
        sweep_cpu,
        len(swept.runs),
        stages,
    )


def _passes(
    subject: Subject, layers: Mapping[str, Sequence[str]], weights: str, work: Path, *words: str
) -> dict[str, dict[str, float]]:
    """Return what each network's passes alone take, in a process of its own, which no sweep has been in before."""
    folder = str(subject.folder.parent)
    return {
        name: json.loads(
            run(
                ["-m", "tests.benchmarks.passes", folder, str(subject.id), weights, name, *names, *words],
                work / "passes.log",
            ).stdout
        )
        for name, names in layers.items()
    }


def _each(passes: Mapping[str, Mapping[str, float]], what: str) -> dict[str, float]:
    return {name: measured[what] for name, measured in passes.items()}


def show(rounds: Sequence[Round]) -> None:
    """Print every round, and the median of the ratio."""
    for one in rounds:
        rows = [
            (f"forward, {name}", f"{seconds:.1f} s, {one.forward_kept[name]:.1f} s in memory that is kept")
            for name, seconds in one.forward.items()
        ]
        rows += [("decoding once", f"{one.decoding:.1f} s"), ("sweep", f"{one.sweep:.1f} s")]
        rows += [(f"  {stage}", f"{seconds:.1f} s") for stage, seconds in one.stages.items()]
        rows += [
            ("processor time, sweep and passes", f"{one.sweep_cpu:.1f} s and {sum(one.forward_cpu.values()):.1f} s")
        ]
        show_table(("", "Seconds"), rows, title=f"A sweep of {len(one.forward)} networks, {one.n_fits} fits")
    share, kept = (statistics.median(each) for each in ([o.share for o in rounds], [o.share_kept for o in rounds]))
    what = f"sweep over {OVER_PASSES} of the forward passes and {EACH_FIT:g} s a fit"
    reached = (what, f"{share:.2f}", "<= 1", "reached" if share <= 1 else "missed")
    show_table(("", "Ratio", "Target", ""), [reached, ("passes in memory that is kept", f"{kept:.2f}", "", "")])


def as_dict(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Return every round with its ratio, as JSON can hold them."""
    return [{**asdict(one), "allowed": one.allowed, "share": one.share} for one in rounds]


def main() -> None:
    """Run this benchmark alone."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.sweep", description=__doc__.split("\n")[0], parents=[options()]
    )
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), help="networks to sweep [default: five]")
    parser.add_argument("--nested", action="store_true", help="also choose the best layers in inner folds")
    parser.set_defaults(train=900, test=100)
    chosen = parse(parser)
    with workplace(chosen) as work:
        rounds = measure(chosen, challenge(chosen, work), work)
    show(rounds)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), "sweep": as_dict(rounds)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
