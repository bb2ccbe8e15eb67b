"""What it costs that every file is vouched for: commands with and without digests, in turn, as ratios.

Both do the same on caches of their own; without, nothing is digested as it is written, and whatever is read is taken
for what was written. Processor time is compared beside wall time: it says the same of a machine that is not idle.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.inputs import challenge, machine, options, parse, weights_of, workplace
from tests.benchmarks.processes import Finished, run

# What each is called, and how; a seed of its own each time keeps p values from being brought back.
COMMANDS = {
    "train, again": "train --run r --force",
    "train, done already": "train --run r",
    "report": "report --run r --json",
    "report, p anew": "report --run r --json --significance --permutations 100 --seed {number}",
}
SIDES = {
    "checked": "from algocli.cli import main; main()",
    "unchecked": "from tests.benchmarks.checking import run_unchecked; run_unchecked()",
}
TARGET = 1.05
# Does nothing but check: how much that takes is told, and held to nothing.
ONLY_CHECKS = "train, done already"


def run_unchecked() -> None:
    """Run the command line of this process without digests."""
    from algocli.compute import vouching

    class Undigested:
        def update(self, _part: object, /) -> None: ...

        def hexdigest(self) -> str:
            return ""

    def is_there(path: Any, _digest: str) -> bool:
        return bool(path.is_file())

    # Before anything that takes them from there is imported.
    vouching.DigestBehind = Undigested  # type: ignore[assignment,misc]
    vouching.digest_file = lambda _path: ""
    # What is not there is still to be written.
    vouching.is_unchanged = is_there
    vouching._digest_of = lambda _value: ""
    from algocli.dataset import vouched

    vouched.is_whole = lambda _path, _digest, _cache_dir=None: True
    vouched.was_written = lambda _path, _digest, _cache_dir=None: None
    from algocli.cli import main

    main()


def measure(chosen: argparse.Namespace, folder: Path, work: Path) -> dict[str, dict[str, list[Finished]]]:
    """Run every command on both sides in turn, once more than `--rounds`, and leave the first round out."""

    def do(side: str, words: str) -> Finished:
        where = f"--cache-dir {work / side} --data-dir {folder} -s {chosen.subject} --quiet"
        return run(["-c", SIDES[side], *words.split(), *where.split()], work / "command.log")

    for side in SIDES:
        do(side, f"extract --weights {weights_of(chosen)} --device cpu")
        do(side, COMMANDS["train, done already"])
    measured: dict[str, dict[str, list[Finished]]] = {}
    for name, words in COMMANDS.items():
        rounds: dict[str, list[Finished]] = {side: [] for side in SIDES}
        for number in range(chosen.rounds + 1):
            for side in SIDES if number % 2 else reversed(SIDES):
                rounds[side].append(do(side, words.format(number=number)))
        measured[name] = {side: finished[1:] for side, finished in rounds.items()}
    return measured


def ratios(rounds: dict[str, list[Finished]]) -> dict[str, float]:
    """Return how many times as long the checked side takes, the median over rounds, by either kind of time.

    The sides of a round follow each other, so that a machine that becomes slower does so for both.
    """

    def ratio(times: dict[str, Sequence[float]]) -> float:
        return statistics.median(checked / unchecked for checked, unchecked in zip(*times.values(), strict=True))

    return {
        "cpu": ratio({side: [one.cpu_seconds for one in finished] for side, finished in rounds.items()}),
        "wall": ratio({side: [one.seconds for one in finished] for side, finished in rounds.items()}),
    }


def main() -> None:
    """Print a line a command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.checking", description=__doc__.split("\n")[0], parents=[options()]
    )
    parser.set_defaults(rounds=7)
    chosen = parse(parser)
    with workplace(chosen) as work:
        measured = {name: ratios(rounds) for name, rounds in measure(chosen, challenge(chosen, work), work).items()}
    for name, ratio in measured.items():
        verdict = f"target <= {TARGET:g}: {'reached' if ratio['cpu'] <= TARGET else 'missed'}"
        if name == ONLY_CHECKS:
            verdict = "no target: it does nothing but check"
        print(f"{name:20s} cpu {ratio['cpu']:.3f}  wall {ratio['wall']:.3f}  {verdict}")
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), "checking": measured}, indent=2) + "\n")


if __name__ == "__main__":
    main()
