"""What the subjects of a run may not have in common, though it says so: their dataset, or what their features are.

Where some are to be trained again the command is told, read back from the run's settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from shlex import quote

from algocli.dataset.naming import SubjectId, name_of
from algocli.encoding.names import is_automatic
from algocli.encoding.settings import Settings
from algocli.errors import AlgocliError, DataError
from algocli.features.store.library import stores_of_subject
from algocli.runs.run import Run

# Fields whose option is the same word with dashes; the others have words of their own below.
_NAMED = {"regression": "regression", "alpha_by": "alpha-by", "join": "join", "n_iter": "n-iter"}
_NAMED |= {"search_seed": "search-seed", "seed": "seed"}
_SWITCHES = {("refit", False): "--no-refit", ("scaled", False): "--no-scale", ("standardised", True): "--standardise"}


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
                f"before; train again: {command(run, some)}"
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


def command(run: Run, subjects: Iterable[SubjectId]) -> str:
    """Return the command that trains a run again on some subjects; what is the default is not said.

    Features go by their names, as `extract` gives them to whatever has the same content.

    Raises
    ------
    DataError
        If the run's settings are missing or damaged.
    """
    settings = run.settings
    words = [*(f"--features {quote(name)}" for name in settings.features), *_options(settings)]
    if not is_automatic(run.name, settings.default_name):
        words.append(f"--run {quote(run.name)}")
    return " ".join(["algocli train", *words, f"-s {','.join(map(str, subjects))}"])


def _options(settings: Settings) -> Iterator[str]:
    usual = Settings(features=settings.features)
    if settings.n_components != usual.n_components:
        yield f"--pca {'full' if settings.n_components is None else settings.n_components}"
    for field, option in _NAMED.items():
        value = getattr(settings, field)
        if value != getattr(usual, field):
            yield f"--{option} {value}"
    if settings.alphas != usual.alphas:
        yield "--alphas {!r}:{!r}:{}".format(*settings.alphas)
    for (field, value), switch in _SWITCHES.items():
        if getattr(settings, field) == value:
            yield switch
    if settings.folds is not None:
        yield f"--folds {settings.folds}"
    elif settings.holdout != usual.holdout:
        yield f"--holdout {settings.holdout!r}"
