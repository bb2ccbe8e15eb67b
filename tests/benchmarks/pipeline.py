"""algocli's commands against the tutorial's cells: wall time and peak memory of every process, as ratios.

Both get the same folder, the same weights and a warm page cache. A command counts from its start to its end, imports
and all; of the tutorial only the cells count, without the importing of its libraries. Both median correlations are
printed: they must agree, up to what batch-wise PCA loses.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.inputs import challenge, machine, options, parse, warm, weights_of, workplace
from tests.benchmarks.processes import Finished, run

EXTRACT, TRAIN, REPORT = "extract", "train --pca 100", "report"
FEWER, MORE, OTHER_SEED, FOLDS = "train --pca 50", "train --pca 120", "train --seed 5", "train --folds 10"
PEAK_BYTES = 2.5e9
# Loads from disk what both sides import, so that neither pays for being first.
IMPORTS = ("torch", "torchvision", "sklearn.decomposition", "sklearn.linear_model", "scipy.stats", "zarr", "PIL.Image")


@dataclass(frozen=True)
class Work:
    """A piece of work: the commands that do it, and how many rounds of the tutorial do the same."""

    name: str
    commands: tuple[str, ...]
    n_tutorials: int
    target: float


WORKS = (
    Work("first run", (EXTRACT, TRAIN, REPORT), 1, 5),
    Work("another k: 50", (FEWER,), 1, 50),
    Work("another k: 120", (MORE,), 1, 50),
    Work("another seed", (OTHER_SEED,), 1, 30),
    Work("ten folds and refit", (FOLDS,), 10, 70),
)


@dataclass(frozen=True)
class Command:
    """One command of algocli as it ran, with its stages where it made a run."""

    seconds: float
    peak_bytes: int
    stages: dict[str, float]
    median_r: dict[str, float]


@dataclass(frozen=True)
class Tutorial:
    """The tutorial as it ran in a process of its own; `cells` leaves out the importing of libraries."""

    cells: float
    process: float
    peak_bytes: int
    stages: dict[str, float]
    median_r: dict[str, float]
    n_left_out: int


@dataclass(frozen=True)
class Comparison:
    """Seconds of one piece of work either way; without a baseline there is no ratio."""

    work: str
    seconds: float
    baseline: float | None
    target: float

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the tutorial's cells."""
        return None if self.baseline is None else self.baseline / self.seconds

    @property
    def verdict(self) -> str:
        """Say whether the target is reached, as far as that can be said."""
        return "" if self.ratio is None else "reached" if self.ratio >= self.target else "missed"


@dataclass(frozen=True)
class Findings:
    """Everything measured: one entry a round, and the comparisons of medians."""

    tutorial: list[Tutorial]
    algocli: list[dict[str, Command]]
    comparisons: list[Comparison]
    peak_bytes: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this benchmark has."""
    parser.add_argument("--skip-tutorial", action="store_true", help="measure algocli only: seconds, no ratios")
    parser.add_argument("--tutorial-seconds", type=float, help="what the tutorial's cells took before, on this machine")
    parser.add_argument("--first", choices=("tutorial", "algocli"), default="tutorial", help="which side begins")


def measure(chosen: argparse.Namespace, folder: Path, work: Path) -> Findings:
    """Run both sides, `--rounds` times, and compare the medians."""
    subject_dir = folder / f"subj{chosen.subject:02d}"
    weights = weights_of(chosen)
    run_imports(work)
    tutorial: list[Tutorial] = []
    algocli: list[dict[str, Command]] = []
    sides = ["tutorial", "algocli"] if chosen.first == "tutorial" else ["algocli", "tutorial"]
    if chosen.skip_tutorial or chosen.tutorial_seconds:
        sides.remove("tutorial")
    for _ in range(chosen.rounds):
        for side in sides:
            print(f"{side}, with {warm(subject_dir) / 1e9:.2f} GB of data in the page cache", flush=True)
            if side == "tutorial":
                tutorial.append(run_tutorial(subject_dir, weights, work))
            else:
                algocli.append(run_algocli(folder, chosen.subject, weights, work))
    cells = statistics.median(one.cells for one in tutorial) if tutorial else chosen.tutorial_seconds
    peak = max(command.peak_bytes for commands in algocli for command in commands.values())
    return Findings(tutorial, algocli, compare(algocli, cells), peak)


def run_imports(work: Path) -> None:
    """Import once what both sides import."""
    run(["-c", f"import {', '.join(IMPORTS)}"], work / "imports.log")


def run_tutorial(subject_dir: Path, weights: str, work: Path) -> Tutorial:
    """Run the tutorial's cells once."""
    found_path = work / "tutorial.json"
    words = ["-m", "tests.benchmarks.tutorial", str(subject_dir), "--weights", weights, "--json", str(found_path)]
    finished = run(words, work / "tutorial.log")
    print(finished.stdout, end="")
    _say("tutorial, all in all", finished)
    found = json.loads(found_path.read_text())
    return Tutorial(
        cells=found["total"],
        process=finished.seconds,
        peak_bytes=finished.peak_bytes,
        stages=found["seconds"],
        median_r=found["median_r"],
        n_left_out=found["n_left_out"],
    )


def run_algocli(folder: Path, subject: int, weights: str, work: Path) -> dict[str, Command]:
    """Run every command once, in order, on a fresh cache."""
    cache = work / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    where = ["--data-dir", str(folder), "--cache-dir", str(cache), "-s", str(subject), "--quiet"]
    commands = {}
    for name in (EXTRACT, TRAIN, REPORT, FEWER, MORE, OTHER_SEED, FOLDS):
        words = ["-m", "algocli", *name.split(), *where]
        if name == EXTRACT:
            words += ["--weights", weights, "--device", "cpu"]
        # The report is read by a person; of a training we must find the record.
        finished = run([*words, "--json"] if name.startswith("train") else words, work / "command.log")
        commands[name] = _command(finished, name, subject)
        _say(name, finished)
    shutil.rmtree(cache)
    return commands


def _say(name: str, finished: Finished) -> None:
    print(f"{name:20s} {finished.seconds:8.1f} s {finished.peak_bytes / 1e9:6.2f} GB", flush=True)


def _command(finished: Finished, name: str, subject: int) -> Command:
    if not name.startswith("train"):
        return Command(finished.seconds, finished.peak_bytes, {}, {})
    told = json.loads(finished.stdout)
    record = json.loads((Path(told["path"]) / f"subj{subject:02d}" / "record.json").read_text())
    return Command(finished.seconds, finished.peak_bytes, record["seconds"], told["rows"][0]["median_r"])


def compare(algocli: Sequence[dict[str, Command]], cells: float | None) -> list[Comparison]:
    """Put the medians of algocli's rounds beside what the tutorial's cells need for the same work."""
    comparisons = []
    for work in WORKS:
        seconds = statistics.median(sum(commands[name].seconds for name in work.commands) for commands in algocli)
        baseline = None if cells is None else cells * work.n_tutorials
        comparisons.append(Comparison(work.name, seconds, baseline, work.target))
    return comparisons


def show(found: Findings) -> None:
    """Print ratios, stages and both sides' correlations."""
    # Here and not above: rich would swell this process while others inherit its size.
    from algocli.cli.console import number, show_table

    rows = [
        (
            one.work,
            number(one.baseline, 1),
            number(one.seconds, 1),
            number(one.ratio, 1),
            f">= {one.target:g}",
            one.verdict,
        )
        for one in found.comparisons
    ]
    show_table(("", "Tutorial s", "algocli s", "Ratio", "Target", ""), rows, title="algocli against the tutorial")
    reached = "reached" if found.peak_bytes < PEAK_BYTES else "missed"
    print(f"peak memory {found.peak_bytes / 1e9:.2f} GB, target < {PEAK_BYTES / 1e9:g}: {reached}\n")
    # The last round speaks for the stages: medians of parts would not add up to a whole.
    stages = [(f"{name}: {stage}", s) for name, one in found.algocli[-1].items() for stage, s in one.stages.items()]
    for tutorial in found.tutorial[-1:]:
        stages = [(f"tutorial: {stage}", seconds) for stage, seconds in tutorial.stages.items()] + stages
    show_table(("Stage", "Seconds"), [(stage, number(seconds, 2)) for stage, seconds in stages])
    show_table(("Median r", "Left", "Right"), _median_rows(found), title="The same answer")


def _median_rows(found: Findings) -> list[tuple[str, str, str]]:
    from algocli.cli.console import number

    answers = [("algocli, " + name, one.median_r) for name, one in found.algocli[-1].items() if one.median_r]
    answers = [("tutorial", one.median_r) for one in found.tutorial[-1:]] + answers
    return [(name, number(r["left"], 4), number(r["right"], 4)) for name, r in answers]


def as_dict(found: Findings) -> dict[str, Any]:
    """Return everything measured, with the ratios, as JSON can hold it."""
    ratios = {one.work: {"ratio": one.ratio, "target": one.target} for one in found.comparisons}
    return {**asdict(found), "ratios": ratios, "peak_target_bytes": PEAK_BYTES}


def main() -> None:
    """Run this benchmark alone."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.pipeline", description=__doc__.split("\n")[0], parents=[options()]
    )
    add_options(parser)
    chosen = parse(parser)
    with workplace(chosen) as work:
        found = measure(chosen, challenge(chosen, work), work)
    show(found)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), "pipeline": as_dict(found)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
