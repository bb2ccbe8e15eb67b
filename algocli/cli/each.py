"""Shows the runs that `train --each` has made, and what is next to do with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from algocli.dataset.naming import SubjectId, list_subjects

if TYPE_CHECKING:
    from algocli.dataset.sides import Side
    from algocli.runs.run import Run


def show_each(runs: Sequence[Run], subjects: Sequence[SubjectId], *, as_json: bool) -> None:
    """Print a line for each run, with its features and the median r of each side, or a row of JSON."""
    from algocli.cli.console import number, show_json, show_line, show_table
    from algocli.features.store.kinds import label_of

    labels = [label_of(run.cache_dir / "features" / run.settings.features[0]) for run in runs]
    medians = [{each.id: medians_of(run, each.id) for each in map(run.subject, subjects)} for run in runs]
    if as_json:
        rows = [
            {
                "run": run.name,
                "path": run.folder,
                "features": run.settings.features[0],
                "what": label,
                "rows": [{"subject": subject, "median_r": of_sides} for subject, of_sides in of_run.items()],
            }
            for run, label, of_run in zip(runs, labels, medians, strict=True)
        ]
        show_json({"runs": rows})
        return
    sides = tuple(dict.fromkeys(side for of_run in medians for of_sides in of_run.values() for side in of_sides))
    for place, run in enumerate(runs, start=1):
        show_line(f"run {place}  {run.name}")
    lines = [
        [str(place), label, *(number(_mean(of_run.values(), side)) for side in sides)]
        for place, (label, of_run) in enumerate(zip(labels, medians, strict=True), start=1)
    ]
    whose = "" if len(subjects) == 1 else f", mean of {list_subjects(subjects)}"
    title = f"Median r of held-out training images, all vertices{whose}"
    show_table(("Run", "Features", *(side.capitalize() for side in sides)), lines, title=title, left=2)


def medians_of(run: Run, subject: SubjectId) -> dict[Side, float]:
    """Return the median r over all vertices of each side of a subject."""
    import numpy as np

    subject_run = run.subject(subject)
    return {side: float(np.median(subject_run.correlation(side))) for side in subject_run.sides}


def compare_all(runs: Sequence[Run], cache_dir: Path) -> str:
    """Return the command that compares some runs: by a pattern where one fits them and no others."""
    from algocli.compute.patterns import meant_by
    from algocli.runs.finding import list_runs

    if len(runs) < 2:
        return "algocli report"
    names, everything = {run.name for run in runs}, [run.name for run in list_runs(cache_dir)]
    for pattern in _patterns(runs):
        if set(meant_by(pattern, everything)) == names:
            return f"algocli compare --run {quote(pattern)}"
    words = (_shortest(run, everything) for run in runs)
    return " ".join(["algocli compare", *map(quote, words)])


def _patterns(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what the names of some runs have in common, with stars for the rest, cut where a word ends."""
    names = [run.name for run in runs]
    first, last = _beginning(names), _beginning([name[::-1] for name in names])[::-1]
    first = first[: 1 + max(first.rfind(sign) for sign in "-._+")]
    how = runs[0].settings.default_name.removeprefix(runs[0].settings.features[0])
    # Where their names say the settings, so does the pattern: others of these features may follow.
    if how not in last and all(how in name for name in names):
        yield f"{first}*{how}*"
    yield f"{first}*{last[last.find('_') :] if '_' in last else ''}"


def _shortest(run: Run, names: Sequence[str]) -> str:
    """Return a run's name, or its beginning, which is its features' name, where that is no other's."""
    beginning = f"{run.settings.features[0]}_"
    return beginning if [name for name in names if name.startswith(beginning)] == [run.name] else run.name


def _beginning(names: Sequence[str]) -> str:
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike)


def _mean(subjects: Iterable[Mapping[Side, float]], side: Side) -> float | None:
    values = [of_sides[side] for of_sides in subjects if side in of_sides]
    return sum(values) / len(values) if values else None
