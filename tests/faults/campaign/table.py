"""The table at the end: each command by each fault, how often it was tried and how often it survived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.faults.campaign.outcome import SURVIVED, Outcome


def table(outcomes: Sequence[tuple[str, Outcome]]) -> str:
    """Lay out outcomes, each with its kind: a line for every command of a kind, then for every kind."""
    tried: Counter[tuple[str, str, str]] = Counter()
    survived: Counter[tuple[str, str, str]] = Counter()
    for kind, outcome in outcomes:
        key = (kind, outcome.command, outcome.fault)
        tried[key] += 1
        survived[key] += outcome.survived
    rows = [(*key, tried[key], survived[key]) for key in sorted(tried)]
    kinds = sorted({kind for kind, _ in outcomes})
    totals = [_total(kind, [outcome for of, outcome in outcomes if of == kind]) for kind in kinds]
    return "\n".join([_aligned([("kind", "command", "fault", "tried", "survived"), *rows]), "", *totals])


def _total(kind: str, outcomes: Sequence[Outcome]) -> str:
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    parts = [f"{verdicts[verdict]} {verdict}" for verdict in SURVIVED]
    parts += [f"{verdicts[verdict]} {verdict.upper()}" for verdict in sorted(set(verdicts) - set(SURVIVED))]
    return f"{kind}: {len(outcomes)} tried, {', '.join(parts)}"


def _aligned(rows: Sequence[Sequence[object]]) -> str:
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts)
