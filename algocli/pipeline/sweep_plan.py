"""What a sweep will do, told before it is done: passes, bytes, models, and about how long that takes.

Networks are opened and tried for it, so that what cannot be swept is told before the first hour of work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from algocli.compute.budget import check_disk, free_disk, gigabytes
from algocli.compute.cache_places import address_of_cache
from algocli.compute.cores import n_cores
from algocli.compute.durations import multiplications_per_second, told_time
from algocli.compute.remarks import counted
from algocli.dataset.naming import SubjectId, list_subjects
from algocli.dataset.protocol import Subject
from algocli.encoding.regressions.models import Work
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.encoding.splits import N_INNER_FOLDS
from algocli.pipeline.sweep_grid import whole_settings
from algocli.pipeline.sweep_prepared import PlannedLayer, Prepared
from algocli.runs.done import Asked, find_done

# Measured: bytes of features that a core compresses, checks and writes in a second, and seconds of a model beside its
# algebra. Of so few images all eigenvectors are found; of more those that are asked for, by so many steps a pair.
_WRITTEN, _EACH_MODEL, _FEW, _MANY = 250e6, 0.6, 1500, 400


@dataclass(frozen=True)
class Plan:
    """What a sweep will do.

    Attributes
    ----------
    layers
        Each layer, network by network.
    passes
        The networks that pass together, for each pass over the images; those whose features are there are in none.
    n_images
        Of all subjects.
    n_bytes
        That are to be written at the most; features shrink as they are compressed.
    n_models, n_models_done
        How many models there are to be, of all layers and settings, and how many of them are there.
    seconds
        About how long the passes, the products between images and the fits take: estimates from a trial.
    """

    subjects: tuple[SubjectId, ...]
    layers: tuple[PlannedLayer, ...]
    passes: tuple[tuple[str, ...], ...]
    n_images: int
    n_bytes: int
    n_models: int
    n_models_done: int
    seconds: Mapping[str, float] = field(default_factory=dict)

    def tell(self, cache_dir: Path) -> Iterator[str]:
        """Say it in a few lines."""
        networks = dict.fromkeys(layer.model for layer in self.layers)
        for model in networks:
            own = [layer for layer in self.layers if layer.model == model]
            left = any(layer.n_images_left for layer in own)
            size = gigabytes(sum(layer.n_bytes for layer in own)) if left else "extracted already"
            chosen = "; none were named, so spread over its depth" if any(layer.is_spread for layer in own) else ""
            yield f"{model}: {', '.join(dict.fromkeys(layer.layer for layer in own))} ({size}{chosen})"
        done = f", {self.n_models_done} of them done" if self.n_models_done else ""
        yield (
            f"plan: {counted(len(networks), 'networks')}, {counted(len(self.layers), 'kinds')} of features, "
            f"{counted(self.n_models, 'models')}{done}; {list_subjects(self.subjects)}"
        )
        n_passing = sum(map(len, self.passes))
        if n_passing:
            at = address_of_cache(cache_dir)
            room = f"{gigabytes(free_disk(cache_dir))} free" if at is None else f"to {at}"
            yield (
                f"{counted(n_passing, 'networks')} to pass {counted(self.n_images, 'images')} in "
                f"{counted(len(self.passes), 'rounds')} of decoding; up to {gigabytes(self.n_bytes)} to write, {room}"
            )
        if self.n_models_done == self.n_models and not n_passing:
            return
        parts = ", ".join(f"{told_time(seconds)} {what}" for what, seconds in self.seconds.items() if seconds >= 0.5)
        yield f"about {told_time(sum(self.seconds.values()))}{f' ({parts})' if parts else ''}: estimates from a trial"


def plan(
    prepared: Sequence[Prepared],
    passes: Sequence[Sequence[Prepared]],
    combinations: Sequence[Mapping[str, Any]],
    asked: Asked,
    *,
    nested: bool,
) -> Plan:
    """Put together what a sweep will do; `nested` says whether the best models are chosen in inner folds.

    Raises
    ------
    StorageError
        If the disk has no room for the features.
    """
    subjects, cache_dir = asked.subjects, asked.home.cache_dir
    layers = {name: layer for network in prepared for name, layer in network.layers.items()}
    n_images = sum(len(subject.stimuli) for subject in subjects)
    n_bytes = sum(layer.n_bytes for layer in layers.values())
    smaller = "dtype='float16', pool=... or project=... make features smaller, fewer layers need less"
    if address_of_cache(cache_dir) is None:
        check_disk(n_bytes, cache_dir, remedy=f"{smaller}; or name another cache_dir=...")
    settings = [model_settings(name, given, asked) for name in layers for given in combinations]
    maps = {name: (layer.shape[0] if len(layer.shape) == 3 else 1, layer.n_features) for name, layer in layers.items()}
    done = find_done(settings, asked)
    rate = multiplications_per_second()
    passing = sum(_pass_seconds(networks, n_images) for networks in passes) + n_bytes / _WRITTEN / n_cores()
    products = sum(
        len(subject.stimuli) ** 2 * layer.n_features / rate
        for subject in subjects
        for layer in layers.values()
        if layer.n_images_left
    )
    missing = [each for each in settings if each not in done]
    to_fit = list(product(subjects, missing))
    fits = sum(_fit_seconds(*each, maps, rate) for each in to_fit)
    inner = 0.0
    if nested and len(settings) > 1:
        inner = sum(_fit_seconds(*each, maps, rate, N_INNER_FOLDS) for each in to_fit)
    return Plan(
        tuple(subject.id for subject in subjects),
        tuple(layers.values()),
        tuple(tuple(network.swept.model for network in networks) for networks in passes),
        n_images,
        n_bytes,
        len(settings),
        len(settings) - len(missing),
        {"passing": passing, "multiplying": products, "fitting": fits, "choosing": inner},
    )


def model_settings(features: str, given: Mapping[str, Any], asked: Asked) -> Settings:
    """Return the settings of a model of some features, for images as the dataset showed them."""
    return whole_settings(features, given).seen_at(asked.home.image_width)


def _pass_seconds(networks: Sequence[Prepared], n_images: int) -> float:
    paces = [network.pace for network in networks if network.pace is not None]
    # Of a network that was begun only the images that are left.
    left = [max(layer.n_images_left for layer in network.layers.values()) for network in networks]
    return max(left) * max(pace.decoding for pace in paces) + sum(
        min(n, n_images) * pace.passing for n, pace in zip(left, paces, strict=True)
    )


def _fit_seconds(
    subject: Subject,
    settings: Settings,
    maps: Mapping[str, tuple[int, int]],
    rate: float,
    n_inner: int | None = None,
) -> float:
    """Estimate the fits of a model, or those of its inner folds; `maps` has each layer's channels and features."""
    n, n_vertices = len(subject.train_stimuli), sum(map(subject.n_vertices, subject.sides))
    k = min(settings.n_components or n, n)
    n_fits = (settings.folds or 1) * n_inner if n_inner else (settings.folds or 1) + settings.refit
    layers = [maps[name] for name in settings.features]
    of_windows = regression_of(settings).seconds(settings, layers, Work(n, n_vertices, n_fits, rate))
    if of_windows is not None:
        return _EACH_MODEL + of_windows
    each_pair = n if n <= _FEW or settings.n_components is None else _MANY
    return _EACH_MODEL + n_fits * (10 * each_pair * n * n + 4 * n * n_vertices * k) / rate
