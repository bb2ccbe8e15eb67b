"""Encoding models from Python: trained, and compared by what sets of layers explain."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from algocli.compute.caches import filling
from algocli.compute.calls import forgiving
from algocli.compute.choices import check_flag, check_path, check_word, check_words
from algocli.compute.remarks import Remark, gather
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.protocol import Subject
from algocli.encoding.presets import PresetName
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings, check_settings
from algocli.errors import MissingStep, UsageError
from algocli.features.store.borrowing import borrow, check_lenders
from algocli.features.store.library import check_name, find_recipe
from algocli.pipeline.arguments import Paths, each_subject
from algocli.pipeline.defaults import DEFAULT_CACHE, DEFAULT_LAYERS, DEFAULT_MODEL
from algocli.pipeline.features import as_layers, of_preset, preset_of
from algocli.runs import opening
from algocli.runs.datasets import Home
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.run import Run, check_run_name
from algocli.runs.splitting import find_sameness
from algocli.runs.training import train_subject

# What `train` takes beside fields of the settings: a slip of the keyboard may have meant it.
_TRAIN_TAKES = ("preset", "model", "layers", "name", "features_from", "cache_dir", "force", "device", "track", "note")


@forgiving
def train(
    subjects: Subject | Iterable[Subject],
    features: Iterable[str] | str | Settings | None = None,
    *,
    preset: PresetName | None = None,
    model: str = DEFAULT_MODEL,
    layers: Iterable[str] | str | None = None,
    name: str | None = None,
    features_from: Paths | None = None,
    cache_dir: Path | str = DEFAULT_CACHE,
    force: bool = False,
    device: str = "cpu",
    track: Track = shown,
    note: Note = said_aside,
    **settings: Any,
) -> Run:
    """Fit an encoding model for every vertex of some subjects, unless that is done already.

    Parameters
    ----------
    features
        Names of features, as `extract` returns them, or one name; or whole settings, to which nothing is added.
    preset
        A model under a name, 'tutorial', 'baseline' or 'strong': its layers, and what settings differ from the usual;
        what is named beside it goes before it. The best of several looks better on the images that it was chosen by
        than on others.
    model, layers
        Extracted features by their network and layers, which come before those of `features`; by default, where
        neither these nor a preset are named, features.2 of AlexNet.
    name
        The run's; by default one that says the settings, and where a run of other data has that, a digest of the data.
    features_from
        Other caches, as other users have them: features that `cache_dir` lacks are read there. They are never written;
        what is made of them goes to `cache_dir`, which remembers where they lie.
    force
        Fit again even if it is done. A run of that name that has other settings, or is of other data, is replaced as a
        whole.
    device
        Where large matrices are multiplied: 'cpu', 'cuda' or 'auto'.
    **settings
        Fields of `Settings`, such as regression='ridge', n_components=1000 or folds=10.

    Returns
    -------
    The run. `run.subject(1).correlation("left")` is r on held-out images, (n_vertices,).

    Raises
    ------
    UsageError
        If the settings make no sense, an argument is not what it can be, or a run of that name was made with other
        settings or of other data.
    MissingStep
        If features are missing.
    DataError, StorageError
        If responses are malformed, or the cache cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> run = algocli.train(subject, layers="features.2", regression="ridge", n_components=5)
    >>> run.subject(1).correlation("left").shape == (subject.n_vertices("left"),)
    True
    """
    some = each_subject(subjects)
    cache_dir, force = check_path("cache_dir", cache_dir), check_flag("force", force)
    lenders = check_lenders(features_from)
    # What no run can be of is told before what such a run lacks.
    home = Home.of(some, cache_dir, track)
    if isinstance(features, Settings):
        chosen = _whole(features, settings, preset, layers)
    else:
        given = _chosen(preset, settings)
        chosen = Settings(find_features(cache_dir, features, preset, model, layers, lenders), **given)
        if preset is not None and "n_components" not in settings:
            chosen = _within_reach(chosen, some, home, track, note)
    if name is not None:
        check_run_name(name)
    device = _resolved(device)
    with filling(cache_dir, note):
        borrow(cache_dir, lenders, chosen.features, [subject.id for subject in some])
        run = opening.open_on(home, chosen, [subject.id for subject in some], name=name, force=force, note=note)
        remarks: list[Remark] = []
        try:
            for subject in some:
                train_subject(
                    subject,
                    run,
                    cache_dir,
                    home=home,
                    command_line=sys.argv,
                    force=force,
                    device=device,
                    track=track,
                    note=note,
                    remarks=remarks,
                )
        # What was found is told even where a later subject fails.
        finally:
            for remark in gather(remarks):
                note(remark)
        run.mark_latest()
    for remark in tell_mixtures(run):
        note(remark)
    return run


def find_features(
    cache_dir: Path,
    features: Iterable[str] | str | None,
    preset: PresetName | None,
    model: str,
    layers: Iterable[str] | str | None,
    lenders: Sequence[Path] = (),
) -> tuple[str, ...]:
    """Return the names of features that a cache has, or may borrow: of layers, then those named; else the preset's.

    Raises
    ------
    MissingStep
        If some are not there.
    UsageError
        If several are of one layer, or an argument is not what it can be.
    """
    names = () if features is None else check_words("features", features)
    if preset is not None and not names and layers is None:
        model, layers = of_preset(preset, model, layers)
        try:
            return tuple(find_recipe(cache_dir, model, layer, lenders) for layer in layers)
        except MissingStep as error:
            raise MissingStep(error.message, hint=f"algocli extract --preset {preset}") from error
    if check_word("model", model) != DEFAULT_MODEL and names and layers is None:
        raise UsageError(
            f"model={model!r} has no say where features are named, and no layers of it",
            hint="add layers=..., which come before them, or leave it out",
        )
    usual = () if names else DEFAULT_LAYERS
    wanted = usual if layers is None else as_layers(layers)
    extracted = [find_recipe(cache_dir, model, layer, lenders) for layer in wanted]
    return (*extracted, *(check_name(cache_dir, name, lenders) for name in names))


def _whole(
    settings: Settings, given: dict[str, Any], preset: PresetName | None, layers: Iterable[str] | str | None
) -> Settings:
    check_settings(given, _TRAIN_TAKES)
    more = [*given, *(["preset"] if preset is not None else []), *(["layers"] if layers is not None else [])]
    if more:
        raise UsageError(f"settings are given whole, and {', '.join(more)} once more", hint="dataclasses.replace")
    return settings


def _chosen(preset: PresetName | None, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are not as usual: the preset's and, above them, those that were named."""
    check_settings(given, _TRAIN_TAKES)
    if given.get("folds") is not None or given.get("shared") == "only":
        given.setdefault("holdout", None)
    base = preset_of(preset)
    return {**(base.options if base is not None else {}), **given}


def _within_reach(settings: Settings, subjects: Sequence[Subject], home: Home, track: Track, note: Note) -> Settings:
    """Return a preset's settings, with all components that there are where images are fewer than it takes."""
    wanted = settings.n_components
    can_take_all = regression_of(settings).has_penalties and not settings.keeps_layers_apart
    if wanted is None or not can_take_all or settings.alpha_by != "gcv":
        return settings
    same = [find_sameness(subject, settings, home, home.cache_dir, track) for subject in subjects]
    n_fit = min(len(fold.fit) for one in same for fold in one.split(settings).folds)
    if n_fit > wanted:
        return settings
    note(f"{n_fit} images are fitted: the preset takes the {n_fit - 1} components that there are, not {wanted}")
    return replace(settings, n_components=None)


def _resolved(device: str) -> str:
    if check_word("device", device) == "cpu":
        return device
    from algocli.features.networks.devices import resolve_device

    resolved = resolve_device(device)
    # Where nothing is asked for, matrices are multiplied where every regression works.
    return "cpu" if device == "auto" and not resolved.startswith("cuda") else resolved
