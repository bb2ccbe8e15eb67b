"""Where a run's numbers come from, in words: settings, features, data, versions and times.

Everything is read from the run's own records; what they do not tell is left out, so that a run from elsewhere, or one
whose features are gone, still has a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from algocli.compute.command_lines import write_command
from algocli.compute.remarks import list_some
from algocli.dataset.naming import SubjectId
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.errors import DataError
from algocli.features.store import commands as features
from algocli.features.store.library import read_recipe
from algocli.results.page.repeating import feature_keys, mapping
from algocli.results.page.tables import Cell, Column, Group, Table, count, number
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun

Facts = dict[str, str]

# So many layers are named before the rest is counted.
_MOST_LISTED = 6
_REFIT = {
    "all": "a refit on all training images",
    "only": "a refit on all training images",
    "exclude": "a refit on all training images that no other subject saw",
}


@dataclass(frozen=True)
class LayerRecord:
    """Features that a run was trained on: their name, what they are, and each subject's key."""

    name: str
    facts: Facts
    keys: dict[SubjectId, str]


@dataclass(frozen=True)
class Provenance:
    """All that the records of a run tell; `command_lines` each come with the subjects that they trained."""

    settings: Facts
    layers: tuple[LayerRecord, ...]
    versions: Facts
    subjects: Table
    command_lines: tuple[tuple[str, str], ...]


def provenance(run: Run, numbers: tuple[SubjectId, ...], ident: str = "records") -> Provenance:
    """Read what made some subjects of a run.

    Parameters
    ----------
    ident
        The id of the table of subjects, unique in a page.

    Raises
    ------
    DataError
        If the run's settings or records are damaged.
    MissingStep
        If the run lacks a subject.
    """
    subject_runs = [run.subject(number) for number in numbers]
    return Provenance(
        describe_settings(run.settings),
        tuple(_layers(run, subject_runs)),
        _versions(subject_runs),
        _subjects_table(subject_runs, ident),
        tuple(_command_lines(subject_runs)),
    )


def describe_settings(settings: Settings) -> Facts:
    """Say every setting that plays a part, in the order of the work."""
    several, regression = len(settings.features) > 1, regression_of(settings)
    n = "all there are" if settings.n_components is None else f"{settings.n_components:,}"
    facts = {"Features": ", ".join(settings.features)}
    if several:
        facts["Layers joined"] = regression.joining or f"{settings.join} side by side"
    if several and not regression.reads_features:
        facts["Layers brought to one scale"] = "yes" if settings.scaled else "no"
    if regression.takes_components(settings):
        facts["Features standardised"] = "yes" if settings.standardised else "no"
        apart = settings.keeps_layers_apart and not regression.reads_features
        facts["Principal components"] = f"{n} of each layer" if apart else n
    facts["Regression"] = regression.title
    facts.update(regression.facts(settings))
    facts["Held out"] = _held_out(settings)
    facts["Seed of the split"] = str(settings.seed)
    facts["Test images predicted by"] = _REFIT[settings.shared] if settings.refit else "the fitted model as is"
    return facts


def _held_out(settings: Settings) -> str:
    if settings.shared == "only":
        return "the training images that other subjects saw too, once"
    images = "training images that no other subject saw" if settings.shared == "exclude" else "training images"
    if settings.holdout is not None:
        return f"{100 * settings.holdout:g} % of the {images}, once"
    return (
        f"all {images} once, in {settings.folds} folds"
        if settings.shared == "exclude"
        else (f"every training image once, in {settings.folds} folds")
    )


def features_in_short(run: Run) -> Facts:
    """Say what most of all makes a run: its layers, their weights and how images were prepared, as far as is known."""
    home = run.cache_dir / "features"
    recipes = [_recipe_facts(home / name) for name in run.settings.features]
    names = ("Layer", "Weights", "Images prepared")
    told = {name: list(dict.fromkeys(facts[name] for facts in recipes if name in facts)) for name in names}
    return {name: list_some(values, _MOST_LISTED, between="; ") for name, values in told.items() if values}


def finished(run: Run) -> str:
    """Say when the last subject was done, or nothing where no record tells."""
    return _moment(run.finished_at)


def _layers(run: Run, subject_runs: list[SubjectRun]) -> Iterator[LayerRecord]:
    home = run.cache_dir / "features"
    for place, name in enumerate(run.settings.features):
        keys = {
            subject_run.id: str(layer_keys[place])
            for subject_run in subject_runs
            if place < len(layer_keys := feature_keys(subject_run))
        }
        yield LayerRecord(name, _recipe_facts(home / name), keys)


# Options of extract that make a layer's output smaller.
_REDUCED = ("--tokens", "--pool", "--project")


def _recipe_facts(home: Path) -> Facts:
    """Say what a recipe's features are; nothing where the cache no longer knows."""
    try:
        recipe = read_recipe(home)
        facts = {"Layer": features.describe(recipe), "Weights": recipe["weights"]}
        identity = recipe["identity"]
        facts["Digest of the weights"] = str(identity.get("weights", ""))
        wish = features.request_of(recipe)
        facts["Images prepared"] = features.transform_of(recipe).words
        facts["Weights ask for"] = _asked_for(recipe)
        facts["Reduced"] = " ".join(word for word in features.options(recipe) if word.startswith(_REDUCED))
        facts["Stored as"] = wish.dtype
        facts["Computed in"] = wish.numerics
    except (DataError, KeyError, TypeError):
        return {}
    known = {"Layer"} if features.is_imported(recipe) else set(facts)
    return {name: fact for name, fact in facts.items() if fact and name in known}


def _asked_for(recipe: Mapping[str, Any]) -> str:
    """Say how images are prepared according to a network's weights; nothing where it was not recorded."""
    if "asks_for" not in recipe:
        return ""
    asked = features.transform_asked_for(recipe)
    if asked is None:
        return "nothing is known of how it was trained"
    return "the same" if features.preparation(recipe) is None else asked.words


def _versions(subject_runs: list[SubjectRun]) -> Facts:
    """Return each package's version, or versions where subjects were trained with several."""
    by_package: dict[str, dict[str, None]] = {}
    for subject_run in subject_runs:
        for name, version in mapping(subject_run.record.get("versions")).items():
            by_package.setdefault(name, {})[str(version)] = None
    return {name: ", ".join(versions) for name, versions in by_package.items()}


def _subjects_table(subject_runs: list[SubjectRun], ident: str) -> Table:
    sides = tuple(dict.fromkeys(side for subject_run in subject_runs for side in subject_run.sides))
    columns = ["Subject", "training images", "test images", *(f"{h} vertices" for h in sides)]
    columns += ["seconds", "finished (UTC)", "data folder"]
    rows = []
    for subject_run in subject_runs:
        record = subject_run.record
        n_vertices = mapping(record.get("n_vertices"))
        seconds = [value for value in mapping(record.get("seconds")).values() if isinstance(value, int | float)]
        counts = [record.get("n_train"), record.get("n_test"), *(n_vertices.get(h) for h in sides)]
        rows.append(
            (
                Cell(f"Subject {subject_run.id}", subject_run.id),
                *(count(value if isinstance(value, int) else None) for value in counts),
                number(sum(seconds) if seconds else None, 1),
                Cell(_moment(float(record["finished_at"])), float(record["finished_at"])),
                Cell(str(subject_run.data_folder or "not recorded")),
            )
        )
    return Table(ident, "Each subject's training", tuple(map(Column, columns)), (Group("", tuple(rows)),))


def _command_lines(subject_runs: list[SubjectRun]) -> Iterator[tuple[str, str]]:
    """Yield each command line that was recorded, and the subjects that it trained."""
    trained: dict[str, list[SubjectId]] = {}
    for subject_run in subject_runs:
        words = subject_run.record.get("command_line")
        if isinstance(words, list) and words:
            trained.setdefault(write_command(words), []).append(subject_run.id)
    for line, numbers in trained.items():
        yield line, f"subject {', '.join(map(str, numbers))}"


def _moment(seconds: float) -> str:
    # A record may tell of a time that no calendar has.
    with suppress(OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""
    return ""
