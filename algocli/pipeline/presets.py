"""Which network and layers are meant: those that are named, or a preset's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from algocli.compute.choices import check_choice, check_word, check_words
from algocli.encoding.presets import PRESETS, Preset, PresetName
from algocli.features.networks.names import canonical
from algocli.features.networks.weights import PRETRAINED
from algocli.pipeline.defaults import DEFAULT_LAYERS, DEFAULT_MODEL


def of_preset(preset: PresetName | None, model: str, layers: Iterable[str] | str | None) -> tuple[str, tuple[str, ...]]:
    """Return a network and its layers: those that are named, or else a preset's, or the usual ones.

    Raises
    ------
    UsageError
        If there is no such preset, or a name is none.
    """
    model = canonical(check_word("model", model))
    chosen = preset_of(preset)
    if chosen is not None and model == DEFAULT_MODEL:
        model = chosen.model
    usual = DEFAULT_LAYERS if chosen is None else chosen.layers
    return model, usual if layers is None else as_layers(layers)


def of_extraction(preset: PresetName | None, model: str, weights: str, **wish: Any) -> tuple[str, dict[str, Any]]:
    """Return the weights of a network, and what else `extract` is told: what is named, or else the preset's of it.

    Raises
    ------
    UsageError
        If there is no such preset.
    """
    chosen = preset_of(preset)
    if chosen is None or chosen.model != model:
        return weights, wish
    filled = {name: chosen.extraction.get(name) if value is None else value for name, value in wish.items()}
    return chosen.weights if weights == PRETRAINED else weights, filled


def as_layers(layers: Iterable[str] | str) -> tuple[str, ...]:
    """Return layers by their names and patterns, which commas part too, but for those between brackets.

    Raises
    ------
    UsageError
        If one is no name, or there is none.
    """
    words = check_words("layers", layers)
    parted = [part.strip() for word in words for part in ([word] if "[" in word else word.split(","))]
    return check_words("layers", [part for part in parted if part])


def preset_of(name: PresetName | None) -> Preset | None:
    """Return a preset by its name; None where none is named.

    Raises
    ------
    UsageError
        If there is no such preset.
    """
    if name is None:
        return None
    check_choice("preset", name, tuple(PRESETS))
    return PRESETS[name]
