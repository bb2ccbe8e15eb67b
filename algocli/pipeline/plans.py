"""What a training is to make: one run of all features that are chosen, or one for each of them by itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from algocli.compute.choices import check_word, check_words
from algocli.compute.patterns import is_pattern
from algocli.compute.track import Note, Track, unheard
from algocli.dataset.protocol import Subject
from algocli.encoding.presets import PresetName
from algocli.encoding.reach import most_components, takes_all
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.errors import MissingStep, UsageError
from algocli.features.networks.names import canonical
from algocli.features.store.choosing import Library
from algocli.features.store.commands import is_imported
from algocli.features.store.keys import words_of
from algocli.features.store.variants import ANY, Variant, in_name
from algocli.pipeline.defaults import DEFAULT_LAYERS, DEFAULT_MODEL
from algocli.pipeline.presets import as_layers, of_preset, preset_of
from algocli.runs.datasets import Home
from algocli.runs.run import check_run_name
from algocli.runs.splitting import find_sameness

# What joins layers, and says nothing of one.
_OF_SEVERAL = ("scaled", "join")


@dataclass(frozen=True)
class Choice:
    """What was named of features, and how far they are told from others of their layers.

    Attributes
    ----------
    model, layers, features, preset
        What was named; None where nothing was.
    """

    model: str | None = None
    layers: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    preset: PresetName | None = None
    variant: Variant = ANY

    @classmethod
    def of(cls, model: object, layers: Any, features: object, preset: Any, variant: Variant) -> Choice:
        """Return a choice of whatever was given.

        Raises
        ------
        UsageError
            If an argument is not what it can be, or features that are named are to be told apart once more.
        """
        named = None if features is None else check_words("features", features)
        if variant != ANY and named is not None and layers is None:
            raise UsageError(
                f"{variant} tells features of one layer apart, and {', '.join(named)} are named",
                hint="leave one of the two out",
            )
        preset_of(preset)
        words = None if layers is None else as_layers(layers)
        return cls(None if model is None else canonical(check_word("model", model)), words, named, preset, variant)

    def settings(self, features: Sequence[str], given: Mapping[str, Any]) -> Settings:
        """Return the settings of some features: those named and, where they leave it open, the preset's."""
        base = preset_of(self.preset)
        options = {} if base is None else dict(base.options)
        if len(features) == 1:
            options = {field: value for field, value in options.items() if field not in _OF_SEVERAL}
        return Settings(tuple(features), **{**_without_parts(options, given, len(features)), **given})

    @property
    def variant_of_preset(self) -> Variant:
        """The preset's own kind of features, where nothing else is said."""
        base = preset_of(self.preset)
        said = {} if base is None or self.model not in (None, base.model) else base.extraction
        return Variant.of(**{**said, **self.variant.said})

    @property
    def extraction(self) -> str:
        """The command that makes the features of the preset."""
        return " ".join([f"algocli extract --preset {self.preset}", *self.variant.options])

    @property
    def takes_preset(self) -> bool:
        """Whether the features are a preset's."""
        return self.preset is not None and self.features is None and self.layers is None


def _without_parts(options: dict[str, Any], given: Mapping[str, Any], n_layers: int) -> dict[str, Any]:
    """Return a preset's options without layers for windows, where another regression or too few layers are named."""
    if "field_layers" not in options:
        return options
    is_another = given.get("regression", options["regression"]) != options["regression"]
    if not is_another and given.get("field_layers", options["field_layers"]) < n_layers:
        return options
    # Nothing beside windows has components.
    dropped = ("field_layers",) if is_another else ("field_layers", "n_components")
    return {field: value for field, value in options.items() if field not in dropped}


@dataclass(frozen=True)
class Plan:
    """One run that is to be trained.

    Attributes
    ----------
    name
        The run's; None for one that says the settings and, after these, `words`.
    """

    settings: Settings
    name: str | None = None
    words: str = ""


def plan_one(library: Library, choice: Choice, given: Mapping[str, Any], name: str | None) -> Plan:
    """Return the run of all features that are chosen: of layers, then those named; else the preset's.

    Raises
    ------
    MissingStep
        If some are not there.
    UsageError
        If several are of one layer, or settings make no sense.
    """
    model = choice.model or DEFAULT_MODEL
    if choice.model is not None and choice.features is not None and choice.layers is None:
        raise UsageError(
            f"model={model!r} has no say where features are named, and no layers of it",
            hint="add layers=..., which come before them, or leave it out",
        )
    if choice.takes_preset:
        model, layers = of_preset(choice.preset, model, None)
        try:
            extracted = [library.find(model, layer, choice.variant_of_preset) for layer in layers]
        except MissingStep as error:
            raise MissingStep(error.message, hint=choice.extraction) from error
    else:
        usual = () if choice.features is not None else DEFAULT_LAYERS
        words = usual if choice.layers is None else choice.layers
        wanted = [layer for word in words for layer in library.layers(model, word)]
        # What is named twice by itself is a mistake.
        wanted = list(dict.fromkeys(wanted)) if any(map(is_pattern, words)) else wanted
        extracted = [library.find(model, layer, choice.variant) for layer in wanted]
    named = [store for word in choice.features or () for store in library.named(word)]
    said = {in_name(library.recipe_of(store)) for store in extracted} if choice.variant != ANY else set()
    settings = choice.settings([*extracted, *named], given)
    return Plan(settings, name, said.pop() if len(said) == 1 and not named else "")


def choose_features(library: Library, choice: Choice, note: Note = unheard) -> list[str]:
    """Return the names of all features that are chosen, all kinds of each layer; where nothing is, all there are.

    Raises
    ------
    MissingStep
        If nothing is there of something that was named.
    """
    chosen: list[str] = []
    model = choice.model
    if choice.takes_preset:
        model, layers = of_preset(choice.preset, model or DEFAULT_MODEL, None)
        try:
            chosen += library.find_all([model], layers, choice.variant_of_preset, note=note)
        except MissingStep as error:
            raise MissingStep(error.message, hint=choice.extraction) from error
    elif choice.features is None or choice.layers is not None or model is not None:
        model = model or (DEFAULT_MODEL if choice.layers is not None else None)
        chosen += library.find_all(None if model is None else [model], choice.layers, choice.variant, note=note)
    chosen += [store for word in choice.features or () for store in library.named(word)]
    return list(dict.fromkeys(chosen))


def plan_each(
    library: Library, choice: Choice, given: Mapping[str, Any], name: str | None, note: Note = unheard
) -> list[Plan]:
    """Return a run for each of the features that are chosen, all kinds of each layer; where nothing is, of all.

    Parameters
    ----------
    given
        Fields of the settings that were named.
    name
        A name with a star for what tells them apart, or a beginning, which it follows after a dash.

    Raises
    ------
    MissingStep
        If nothing is there of something that was named.
    UsageError
        If settings make no sense for one layer, or no runs can be called so.
    """
    features = choose_features(library, choice, note)
    model = choice.model
    if choice.takes_preset:
        model, _ = of_preset(choice.preset, model or DEFAULT_MODEL, None)
    elif choice.layers is not None:
        model = model or DEFAULT_MODEL
    alone = choice.features is None and model is not None and not is_pattern(model)
    names = [None] * len(features) if name is None else _names(library, features, name, alone=alone)
    recipes = [library.recipe_of(store) for store in features]
    settings = [choice.settings([store], given) for store in features]
    return [Plan(how, name, in_name(made)) for how, name, made in zip(settings, names, recipes, strict=True)]


def for_each(settings: Settings, name: str | None, library: Library) -> list[Plan]:
    """Return a run for each of the features of whole settings."""
    names = [None] * len(settings.features) if name is None else _names(library, settings.features, name, alone=False)
    return [
        Plan(replace(settings, features=(store,)), name) for store, name in zip(settings.features, names, strict=True)
    ]


def within_reach(plans: list[Plan], subjects: Sequence[Subject], home: Home, track: Track, note: Note) -> list[Plan]:
    """Return a preset's plans, with the components that there are where images are fewer than it takes."""
    settings = plans[0].settings
    if settings.n_components is None:
        return plans
    splits = [find_sameness(subject, settings, home, home.cache_dir, track).split(settings) for subject in subjects]
    pairs = zip(subjects, splits, strict=True)
    fits = [(len(subject.train_stimuli), fold.fit) for subject, split in pairs for fold in split.folds]
    n_fit, most = min(len(fit) for _, fit in fits), min(most_components(settings, *each) for each in fits)
    if not 0 < most < settings.n_components:
        return plans
    title = regression_of(settings).title
    there = "there are" if most == n_fit - 1 else f"{title} can do with"
    note(f"{n_fit} images are fitted: the preset takes the {most} components that {there}, not {settings.n_components}")
    n_components = None if takes_all(settings) else most
    return [replace(plan, settings=replace(plan.settings, n_components=n_components)) for plan in plans]


def _names(library: Library, features: Sequence[str], name: str, *, alone: bool) -> list[str | None]:
    """Name a run for each of some features: by layer and what is not usual of how it was made.

    Parameters
    ----------
    alone
        Whether all are of the one network that was named, which therefore need not be.
    """
    if name.count("*") > 1 or is_pattern(name.replace("*", "")):
        raise UsageError(
            f"name={name!r}: one star stands for the layer, and nothing else for anything", hint="name='mine-*'"
        )
    form = name if "*" in name else f"{name}-*"
    check_run_name(form.replace("*", "x"))
    told = [_told_apart(library.recipe_of(store), alone=alone) for store in features]
    counts = Counter(told)
    words = [word if counts[word] == 1 else f"{word}-{store[-8:]}" for word, store in zip(told, features, strict=True)]
    return [check_run_name(form.replace("*", word)) for word in words]


def _told_apart(recipe: Mapping[str, Any], *, alone: bool) -> str:
    if is_imported(recipe):
        return str(recipe["model"])
    layer = re.sub(r"[^A-Za-z0-9._-]+", "-", str(recipe["layer"]))
    whose = layer if alone else words_of(str(recipe["model"]), str(recipe["layer"]))
    return "_".join(filter(None, (whose, in_name(recipe))))
