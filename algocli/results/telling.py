"""What results say in figures and words wherever they are shown, on the terminal as on a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

# How differences are corrected for their number, and what p counts as one.
Correction = Literal["none", "fdr", "max"]
SIGNIFICANT = 0.05

# Goes wherever a score is shown, so that nobody takes it for what the leaderboard would say.
SCORED_ON = "held-out training images (validation)"
NOT_TEST = "the leaderboard's test images are others, and may score lower or higher"
# Goes wherever intervals of subjects are told, so that nobody takes them for those of other people.
UNIT_OF_SUBJECTS = "unit in a subject's table: image; intervals are of that subject, had it seen other such images"
# Letters of a legend's entry that does not run into the caption.
LONGEST_LABEL = 36
DASH = "\N{EN DASH}"


def number(value: float | None, digits: int = 3, *, signed: bool = False, grouped: bool = False) -> str:
    """Format a number; nothing to show is a dash.

    Parameters
    ----------
    signed
        Whether it is a difference, which says its direction; one that rounds to 0 has none.
    grouped
        Whether commas part the thousands.
    """
    if value is None or math.isnan(value):
        return DASH
    # The plain hyphen for a minus is what a spreadsheet reads where a table is copied to.
    has_sign = signed and float(f"{value:.{digits}f}") != 0
    return f"{value:{'+' if has_sign else ''}z{',' if grouped else ''}.{digits}f}"


def shortened(name: str, longest: int = LONGEST_LABEL) -> str:
    """Take the middle out of a name that is too long for its place."""
    return name if len(name) <= longest else f"{name[: longest // 3]}…{name[-(longest - 1 - longest // 3) :]}"


def told_split(held_out: Mapping[str, Any]) -> str:
    """Say which training images were held out, as `scored_on` has it."""
    shared, holdout, folds = (held_out[name] for name in ("shared", "holdout", "folds"))
    if shared == "only":
        return "all that other subjects saw too"
    part = f"{100 * holdout:g} %" if holdout is not None else "all"
    of_whom = " of those that no other subject saw" if shared == "exclude" else ""
    in_folds = f", in {folds} folds" if folds is not None else ""
    return f"{part}{of_whom}{in_folds}, seed {held_out['seed']}"


def drawn_anew(n_resamples: int, seed: int) -> str:
    """Say what intervals come from."""
    return f"{n_resamples:,} resamples of the held-out images, seed {seed}"


def permuted(n_permutations: int, seed: int, *, in_folds: bool) -> str:
    """Say what a significance comes from."""
    if in_folds:
        again = "with responses put into random order before all folds are fitted again"
        return f"{n_permutations:,} times, {again}, seed {seed}"
    return f"{n_permutations:,} permutations of the held-out images, seed {seed}"


def read_differences(mark: str, n_resamples: int, seed: int, correct: Correction = "none") -> tuple[str, ...]:
    """Say how to read a table of differences, in which `mark` stands beside some."""
    if correct != "none":
        meaning = {
            "fdr": "of all differences of a subject that are marked, one in twenty may be chance",
            "max": "the chance that even one of a subject's marked differences is none is one in twenty",
        }[correct]
        return (
            f"{mark} p <= .05, corrected for all differences of a subject ({drawn_anew(n_resamples, seed)}): {meaning}",
            "intervals, low to high, stand each for itself",
            UNIT_OF_SUBJECTS,
        )
    return (
        f"{mark} the 95 % interval, low to high, excludes 0 ({drawn_anew(n_resamples, seed)})",
        "each interval stands for itself: of many that compare equals, one in twenty excludes 0",
        UNIT_OF_SUBJECTS,
    )
