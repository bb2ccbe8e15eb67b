"""The table at the end: each command by each fault, how often it was tried and how often it survived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.faults.campaign.outcome import SURVIVED, Outcome


def table(outcomes: Sequence[tuple[str, Outcome]]) -> str:
    """Lay out outcomes, each with its kind: for each kind a line for every command and a column for every fault.

    A cell says how many were tried, and where some did not survive, of how many did.
    """
    parts = []
    for kind in sorted({kind for kind, _ in outcomes}):
        own = [outcome for of, outcome in outcomes if of == kind]
        commands, faults = (sorted({*names}) for names in zip(*((one.command, one.fault) for one in own), strict=True))
        tried = Counter((one.command, one.fault) for one in own)
        survived = Counter((one.command, one.fault) for one in own if one.survived)
        rows = [
            [command, *(_cell(tried[command, fault], survived[command, fault]) for fault in faults)]
            for command in commands
        ]
        parts += [_aligned([[kind, *faults], *rows]), _total(kind, own), ""]
    return "\n".join(parts)


def _cell(tried: int, survived: int) -> str:
    return str(tried or "") if survived == tried else f"{survived} of {tried}"


def _total(kind: str, outcomes: Sequence[Outcome]) -> str:
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    parts = [f"{verdicts[verdict]} {verdict}" for verdict in SURVIVED]
    parts += [f"{verdicts[verdict]} {verdict.upper()}" for verdict in sorted(set(verdicts) - set(SURVIVED))]
    return f"{kind}: {len(outcomes)} tried, {', '.join(parts)}"


def _aligned(rows: Sequence[Sequence[object]]) -> str:
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts
    )
