"""Which cached features are meant by a network and its layers: the one kind that fits, or all of them.

Only what there is of the subjects at hand counts: what other subjects have, whole or not, is neither in the way nor a
choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any, Literal

from algocli.compute.anywhere import Place
from algocli.compute.choices import nearest
from algocli.compute.patterns import as_counted, is_pattern, list_names, meant_by
from algocli.compute.track import Note, unheard
from algocli.dataset.digests import stimuli_digest
from algocli.dataset.naming import SubjectId, list_subjects
from algocli.dataset.protocol import Subject
from algocli.errors import DataError, MissingStep
from algocli.features.networks.names import canonical
from algocli.features.store.keys import words_of
from algocli.features.store.kinds import Kind, is_of, label_of, of_variant, place_of, several
from algocli.features.store.library import (
    check_name,
    fitting_by_id,
    is_store,
    read_recipe,
    store_name,
)
from algocli.features.store.shards import FeatureStore
from algocli.features.store.variants import ANY, Variant


@dataclass(frozen=True)
class Library:
    """What features there are to choose from: those of a cache, and of others that it may borrow from.

    Attributes
    ----------
    subjects
        Those at hand; without any, of whomever the features are.
    """

    cache_dir: Path
    lenders: Sequence[Place] = ()
    subjects: Sequence[Subject] = ()

    def find(self, model: str, layer: str, variant: Variant = ANY) -> str:
        """Return the name of the one kind of features of a network's layer.

        Raises
        ------
        MissingStep
            If there is none.
        UsageError
            If there are several, or none is of that variant: other weights, another dtype or transform.
        """
        kinds = self._kinds_of(model, layer, variant)
        if len(kinds) > 1:
            kinds = self._at_hand(kinds)
        if not kinds:
            ids = ",".join(str(subject.id) for subject in self.subjects)
            raise MissingStep(
                f"{self._places} holds features of {model} {layer}, and none{self._whose}",
                hint=f"{_extraction([model], [layer], variant)} -s {ids}",
            )
        if len(kinds) > 1:
            raise several(model, layer, kinds)
        return kinds[0].name

    def find_all(
        self,
        models: Sequence[str] | None,
        layers: Sequence[str] | None,
        variant: Variant = ANY,
        *,
        note: Note = unheard,
    ) -> list[str]:
        """Return the names of all kinds of features of some networks' layers, as people count.

        A kind that some subject has nothing of is left out beside one of the same layer that all have; it is noted.

        Parameters
        ----------
        models, layers
            Names and patterns; None for whatever there is, those of other programs too where no model is named.

        Raises
        ------
        MissingStep
            If nothing fits one of them, or nothing of it is of that variant.
        """
        kinds, extraction = self._of_some(self._kinds()), _extraction(models or (), layers or (), variant)
        if not kinds:
            raise MissingStep(f"{self._places} holds no features{self._whose}", hint=extraction)
        if models is not None:
            kinds = [kind for fitting in self._fitting(kinds, "model", models, extraction) for kind in fitting]
        groups = [kinds] if layers is None else self._fitting(kinds, "layer", layers, extraction)
        some = {kind.name: kind for group in groups for kind in of_variant(group, variant, extraction)}
        whole = {kind.name for alike in _by_layer(some.values()) for kind in self._at_hand(alike)}
        for name in sorted(some.keys() - whole):
            note(f"{label_of(some[name].homes[0])} is left out: not all{self._whose} have features of it")
        return [kind.name for kind in sorted((some[name] for name in whole), key=place_of)]

    def layers(self, model: str, pattern: str) -> list[str]:
        """Return the layers of a network that a name or a pattern means, as people count; a name means itself.

        Raises
        ------
        MissingStep
            If there are no features of such a layer.
        """
        if not is_pattern(pattern):
            return [pattern]
        kinds = [kind for kind in self._kinds() if is_of(kind, model)]
        there = dict.fromkeys(str(kind.recipe["layer"]) for kind in (self._at_hand(kinds) if kinds else []))
        meant = meant_by(pattern, there)
        if not meant:
            extraction = _extraction([model], [pattern])
            raise self._nothing("layer", pattern, there, extraction) if there else self._missing(model, pattern, ANY)
        return meant

    def named(self, word: str) -> list[str]:
        """Return the features that a name or a pattern means, as people count; never none.

        Raises
        ------
        MissingStep
            If there are none.
        """
        if not is_pattern(word):
            return [check_name(self.cache_dir, word, self.lenders)]
        kinds = self._at_hand(self._kinds())
        return meant_by(word, [kind.name for kind in kinds]) or [check_name(self.cache_dir, word, self.lenders)]

    def recipe_of(self, name: str) -> Mapping[str, Any]:
        """Return the recipe of features by their name.

        Raises
        ------
        DataError
            If it is damaged.
        """
        homes = [cache / "features" / name for cache in self._caches]
        return read_recipe(next((home for home in homes if (home / "recipe.json").is_file()), homes[0]))

    def _fitting(
        self, kinds: Sequence[Kind], what: Literal["model", "layer"], words: Sequence[str], extraction: str
    ) -> list[list[Kind]]:
        """Return for each word the kinds whose network, or layer, it means; never none."""
        there = dict.fromkeys(str(kind.recipe[what]) for kind in kinds)
        groups = []
        for word in words:
            names = meant_by(canonical(word) if what == "model" else word, there)
            fitting = [kind for kind in kinds if kind.recipe[what] in names or (what == "model" and is_of(kind, word))]
            if not fitting:
                raise self._nothing(what, word, there, extraction)
            groups.append(fitting)
        return groups

    @property
    def _caches(self) -> list[Place]:
        return [self.cache_dir, *self.lenders]

    @property
    def _whose(self) -> str:
        return f" of {list_subjects([subject.id for subject in self.subjects])}" if self.subjects else ""

    @property
    def _places(self) -> str:
        return " or ".join(map(str, self._caches))

    def _kinds(self) -> list[Kind]:
        """Return all kinds, by name; what describes one and is damaged is passed over: extracting again mends it."""
        kinds: dict[str, Kind] = {}
        for cache in self._caches:
            for path in sorted((cache / "features").glob("*/recipe.json")):
                with suppress(DataError):
                    recipe = read_recipe(path.parent)
                    kinds.setdefault(path.parent.name, Kind(recipe)).homes.append(path.parent)
        return list(kinds.values())

    def _kinds_of(self, model: str, layer: str, variant: Variant) -> list[Kind]:
        """Return the kinds of a layer that are of a variant; never none."""
        kinds = [kind for kind in self._kinds() if is_of(kind, model) and kind.recipe["layer"] == layer]
        if not kinds:
            _refuse_damaged(self.cache_dir, model, layer)
            raise self._missing(model, layer, variant)
        return of_variant(kinds, variant, _extraction([model], [layer], variant))

    def _at_hand(self, kinds: Sequence[Kind]) -> list[Kind]:
        """Return the kinds that all subjects have something of, or else any has; without subjects those begun."""
        if not self.subjects:
            # What a failed attempt left, without a single image, is no choice beside features that are there.
            return [kind for kind in kinds if kind.begun] or list(kinds)
        of_all = [kind for kind in kinds if all(self._has(kind, subject) for subject in self.subjects)]
        return of_all or self._of_some(kinds)

    def _of_some(self, kinds: Sequence[Kind]) -> list[Kind]:
        """Return the kinds that any subject at hand has something of."""
        return [kind for kind in kinds if any(self._has(kind, subject) for subject in self.subjects)]

    def _has(self, kind: Kind, subject: Subject) -> bool:
        """Say whether there is anything of a kind that was made of a subject's images, whole, in part or damaged."""
        name = store_name(subject, self._contents[subject.id])
        for home in kind.homes:
            exact = home / name
            folders = [exact] if is_store(exact) else [store.described for store in fitting_by_id(home, subject)]
            if any(map(_is_begun, folders)):
                return True
        return False

    @cached_property
    def _contents(self) -> dict[SubjectId, str]:
        return {subject.id: stimuli_digest(subject.stimuli, self.cache_dir) for subject in self.subjects}

    def _missing(self, model: str, layer: str, variant: Variant) -> MissingStep:
        there = {str(kind.recipe["layer"]) for kind in self._kinds() if is_of(kind, model)}
        models = {str(kind.recipe["model"]) for kind in self._kinds()}
        near = nearest(layer, there) or sorted(there, key=as_counted)[:3]
        told = f"; of {model} there are those of {', '.join(near)}" if near else ""
        if not there and nearest(model, models):
            told = f" (did you mean {' or '.join(nearest(model, models))}?)"
        return MissingStep(
            f"no features of {model} {layer} in {self._places}{told}", hint=_extraction([model], [layer], variant)
        )

    def _nothing(self, what: str, word: str, there: Iterable[str], extraction: str) -> MissingStep:
        return MissingStep(
            f"no {what} fits '{word}' of which {self._places} holds features{self._whose}; there are:"
            f"{list_names(word, there)}",
            hint=extraction,
        )


def _by_layer(kinds: Iterable[Kind]) -> list[list[Kind]]:
    layers: dict[tuple[str, str], list[Kind]] = {}
    for kind in kinds:
        layers.setdefault((kind.recipe["model"], kind.recipe["layer"]), []).append(kind)
    return list(layers.values())


def _is_begun(folder: Place) -> bool:
    """Say whether a store has a single image, in its own cache or in another; or may have, and cannot be read."""
    try:
        return FeatureStore(folder).is_elsewhere or any((folder / "done").glob("*.json"))
    except DataError:
        return True


def _extraction(models: Sequence[str], layers: Sequence[str], variant: Variant = ANY) -> str:
    """Return the command that makes features, as far as one makes them of one network."""
    named = [f"--model {quote(model)}" for model in models if len(models) == 1 and not is_pattern(model)]
    return " ".join(["algocli extract", *named, *(f"-l {quote(layer)}" for layer in layers), *variant.options])


def _refuse_damaged(cache_dir: Path, model: str, layer: str) -> None:
    """Refuse to say that there are no features where there are, and what describes them is damaged."""
    for path in sorted((cache_dir / "features").glob("*/recipe.json")):
        if path.parent.name.startswith(f"{words_of(model, layer)}-"):
            try:
                read_recipe(path.parent)
            except DataError as error:
                raise MissingStep(f"features of {model} {layer} are there, but {error}", hint=error.hint) from error
