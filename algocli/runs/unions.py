"""Trains the models that a variance partition needs: one of every union of its sets, each a run like any other.

They share a split and all settings but the layers, so that what differs between them is what the layers know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.digests import stimuli_digest
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import USUAL_DRAWS, Settings
from algocli.encoding.splits import Fold
from algocli.errors import DataError, Replaced
from algocli.features.store.library import find_store
from algocli.runs.datasets import Home
from algocli.runs.done import Asked, find_done, is_named
from algocli.runs.finding import list_runs
from algocli.runs.opening import open_on, open_run
from algocli.runs.run import Run
from algocli.runs.training import train_subject
from algocli.stats.partition import FeatureSet, Names, unions


def measure_features(
    subjects: Sequence[Subject],
    features: Sequence[str],
    cache_dir: Path,
    stimuli: Path | None = None,
    *,
    track: Track = silent,
) -> dict[str, int]:
    """Return the number of features that each recipe has, if all subjects have all of them, made from `stimuli`.

    Raises
    ------
    MissingStep
        If a subject's features are not there or not complete; told before the first model is trained.
    """
    sizes: dict[str, int] = {}
    for subject in subjects:
        content = stimuli_digest(subject.stimuli, cache_dir, track=track)
        sizes |= {name: find_store(cache_dir, name, subject, content, stimuli).n_features for name in features}
    return sizes


def with_usual_components(settings: Settings, folds: Sequence[Fold]) -> Settings:
    """Return settings with as many components as are usual; with all of them, where ridge has too few images.

    Banded ridge never takes all: of few images it takes what there can be. `folds` are those of all subjects.
    """
    regression = regression_of(settings)
    if regression.reads_features:
        return settings
    usual = regression.usual_components
    n_fit = min(len(fold.fit) for fold in folds)
    if regression.keeps_layers_apart:
        return replace(settings, n_components=min(usual, n_fit - 1))
    return replace(settings, n_components=None if regression.has_penalties and n_fit <= usual else usual)


def open_unions(
    cache_dir: Path,
    sets: Sequence[FeatureSet],
    settings: Settings,
    n_features: Mapping[str, int],
    asked: Asked | None = None,
    *,
    note: Note = unheard,
) -> dict[Names, Run]:
    """Open the run of every union of some sets, as `train` names it, or one that differs in the order of layers alone.

    A run that its user named is taken where it has all that is asked for, and left alone else.

    Parameters
    ----------
    settings
        Those of all the runs; each has its own union's layers. With OLS a union has the components of each of its
        layers side by side: k components of the layers joined could not do what k of each can, and what layers share
        would be told too large. Ridge regression, on many, loses little by truncation and joins features; a union of
        fewer features than components keeps all.
    n_features
        As `measure_features` returns them.
    asked
        The subjects that are to be trained, and their dataset. Without, of whichever they are.
    """
    begun: dict[Settings, list[Run]] = {}
    for run in list_runs(cache_dir):
        with suppress(DataError):
            # What is put into one that its user named would change what he means by it.
            if not is_named(run):
                begun.setdefault(_without_order(run.settings), []).append(run)
    wanted = {}
    for union in unions([features.name for features in sets]):
        layers = tuple(name for features in sets if features.name in union for name in features.features)
        wanted[union] = _of_union(settings, layers, sum(n_features[name] for name in layers))
    done = {} if asked is None else find_done(wanted.values(), asked, _without_order)
    runs = {}
    for union, of_union in wanted.items():
        alike = begun.get(_without_order(of_union), [])
        # One with the very order comes first.
        alike = [run for run in alike if run.settings == of_union] or alike
        same = next((run for run in alike if asked is None or asked.home.judge(run).agrees), None)
        runs[union] = done.get(of_union) or same or _make(cache_dir, of_union, asked, note)
    return runs


def _make(cache_dir: Path, settings: Settings, asked: Asked | None, note: Note) -> Run:
    if asked is None:
        return open_run(cache_dir, settings.default_name, settings)
    return open_on(asked.home, settings, [subject.id for subject in asked.subjects], note=note)


def train_unions(
    subject: Subject,
    runs: Mapping[Names, Run],
    cache_dir: Path,
    *,
    home: Home | None = None,
    stimuli: Path | None = None,
    command_line: Sequence[str] = (),
    track: Track = silent,
    note: Note = unheard,
) -> None:
    """Fit one subject's model of every union, unless that is done already with the same inputs.

    Raises
    ------
    Replaced
        If features were replaced meanwhile, so that some unions have those of before.
    AlgocliError
        As `train_subject` does.
    """
    n_done = sum(run.has(subject.id) for run in runs.values())
    if n_done:
        note(f"subject {subject.id}: {n_done} of {len(runs)} models are there already")
    for number, run in enumerate(runs.values(), start=1):
        # What is done is told in one line, not in one for each of up to 31 runs.
        begun = run.has(subject.id)
        if not begun:
            note(f"subject {subject.id}: model {number} of {len(runs)}, {run.name}")
        said = unheard if begun else note
        train_subject(subject, run, cache_dir, stimuli=stimuli, command_line=command_line, track=track, note=said)
    _refuse_several_of_a_name(subject.id, list(runs.values()))


def _refuse_several_of_a_name(number: SubjectId, runs: Sequence[Run]) -> None:
    """Refuse runs that were trained on different features of the same name."""
    keys: dict[str, str] = {}
    for run in runs:
        of_run = run.subject(number).record.get("inputs", {}).get("features", ())
        for name, key in zip(run.settings.features, of_run, strict=False):
            if keys.setdefault(name, key) != key:
                raise Replaced(
                    f"the features {name} were replaced while models of them were trained", hint="repeat the command"
                )


def _of_union(settings: Settings, features: tuple[str, ...], n_features: int) -> Settings:
    n_components, regression = settings.n_components, regression_of(settings)
    if regression.searches:
        if len(features) > 1:
            return replace(settings, features=features)
        return replace(settings, features=features, regression="ridge", n_iter=USUAL_DRAWS, search_seed=None)
    if n_components is not None and len(features) > 1 and not regression.has_penalties:
        return replace(settings, features=features, join="components")
    keeps_all = n_components is None or n_features <= n_components
    return replace(settings, features=features, n_components=None if keeps_all else n_components)


def _without_order(settings: Settings) -> Settings:
    """Return what the held-out predictions depend on: neither the order of layers nor how test images are predicted."""
    return replace(settings, features=tuple(sorted(settings.features)), refit=True)
