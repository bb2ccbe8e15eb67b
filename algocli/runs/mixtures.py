"""What the subjects of a run may not have in common, though it says so: their dataset, or what their features are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from algocli.dataset.naming import SubjectId, name_of
from algocli.errors import AlgocliError, DataError
from algocli.features.store.library import stores_of_subject
from algocli.runs.commands import command
from algocli.runs.run import Run


def tell_mixtures(run: Run, numbers: Sequence[SubjectId] | None = None) -> Iterator[str]:
    """Say in a line each where a run may mix datasets, and where it mixes features of one name.

    Parameters
    ----------
    numbers
        The only subjects to look at; by default all.
    """
    among = [n for n in run.subjects if numbers is None or n in numbers]
    # What says whose it is was kept to that while it was trained; runs of old were not.
    if run.data is None and len(folders(run, among)) > 1:
        yield f"run {run.name} may mix datasets: {whose(run, among)}"
    outdated = {number: name for number in among if (name := _outdated(run, number)) is not None}
    if 0 < len(outdated) < len(among):
        for name in dict.fromkeys(outdated.values()):
            some = [number for number, of_subject in outdated.items() if of_subject == name]
            yield (
                f"run {run.name} mixes features: subject {', '.join(map(str, some))} was trained on what {name} held "
                f"before; train again: {command(run.name, run.settings, some)}"
            )


def folders(run: Run, numbers: Sequence[SubjectId]) -> dict[str, list[SubjectId]]:
    """Return the data folders that some subjects of a run were trained on, each with its subjects."""
    by_folder: dict[str, list[SubjectId]] = {}
    for number in numbers:
        place = None
        with suppress(DataError):
            place = run.subject(number).data_folder
        by_folder.setdefault("a folder that is not recorded" if place is None else str(place.parent), []).append(number)
    return by_folder


def whose(run: Run, numbers: Sequence[SubjectId]) -> str:
    """Say which subjects of a run were trained on which folder, as in 'subject 1, 2 on /data'."""
    return "; ".join(
        f"subject {', '.join(map(str, some))} on {folder}" for folder, some in folders(run, numbers).items()
    )


def home_of(run: Run, number: SubjectId) -> str | None:
    """Return the folder that holds a subject's data as the run has it; None where nothing says so."""
    if run.data is not None:
        return run.data
    with suppress(DataError):
        place = run.subject(number).data_folder
        return None if place is None else str(place.parent)
    return None


def _outdated(run: Run, number: SubjectId) -> str | None:
    """Return the name of features that a subject was trained on and that hold others now; None where there is none.

    Features that are gone altogether say nothing.
    """
    with suppress(AlgocliError, KeyError, TypeError, ValueError):
        keys = run.subject(number).record["inputs"]["features"]
        for name, key in zip(run.settings.features, keys, strict=True):
            home = run.cache_dir / "features" / name
            there = {store.key for store in stores_of_subject(home, name_of(number))}
            if there and key not in there:
                return name
    return None
