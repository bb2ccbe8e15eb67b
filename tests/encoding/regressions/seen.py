"""A world whose vertices look at places of maps, and a search over all windows in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from algocli.runs.subject_run import SubjectRun
from algocli.runs.training import train_subject
from tests.encoding.by_hand import N_TEST, N_TRAIN, World
from tests.features.by_hand import cache_features

WIDTH = 10.0
SHAPES = {"fine-map": (3, 12, 12), "coarse-map": (4, 6, 6)}
GRID = np.geomspace(1e-2, 1e5, 20)
# x, y and size; a few, so that an exhaustive search takes no time.
PLACES = [(x, y, size) for size in (0.8, 2.0) for x in (-3.0, 0.0, 3.0) for y in (-3.0, 0.0, 3.0)]


@dataclass
class Seen:
    """A world whose vertices look at places of two maps, and the settings that find them."""

    world: World
    settings: Settings
    maps: list[NDArray[np.float32]]
    truth: dict[str, NDArray[np.int64]]

    def train(self, settings: Settings | None = None, **options: Any) -> SubjectRun:
        how = settings or self.settings
        run = open_run(self.world.cache, how.default_name, how)
        return train_subject(self.world.subject, run, self.world.cache, **options)


def weigh(place: tuple[float, float, float], n: int) -> NDArray[np.float64]:
    """A Gaussian at the cells of an n x n map, row 0 at the top, by its formula."""
    x, y, size = place
    weights = np.empty((n, n))
    for row in range(n):
        for column in range(n):
            right, up = (column + 0.5) * WIDTH / n - WIDTH / 2, WIDTH / 2 - (row + 0.5) * WIDTH / n
            weights[row, column] = np.exp(-((right - x) ** 2 + (up - y) ** 2) / (2 * size**2)) if size < 1e9 else 1
    return weights / weights.sum()


def pool(maps: list[NDArray[np.float32]], place: tuple[float, float, float]) -> NDArray[np.float64]:
    """(n_images, n_channels): the channels of all maps within a window."""
    parts = [np.einsum("icyx,yx->ic", layer.astype(np.float64), weigh(place, layer.shape[-1])) for layer in maps]
    return np.hstack(parts)


def see(world: World) -> Seen:
    """Put both maps into the cache, and make each vertex look at a place of them."""
    rng = np.random.default_rng(11)
    maps = [
        np.maximum(rng.standard_normal((N_TRAIN + N_TEST, *shape)) + 0.3, 0).astype(np.float32)
        for shape in SHAPES.values()
    ]
    names = [
        cache_features(world.cache, world.subject, layer.reshape(len(layer), -1), layer=name, shape=SHAPES[name])
        for name, layer in zip(SHAPES, maps, strict=True)
    ]
    truth = {}
    for side in HEMISPHERES:
        n = world.subject.n_vertices(side)
        truth[side] = rng.integers(0, len(PLACES), n)
        channels = np.stack([pool(maps, place)[:N_TRAIN] for place in PLACES])
        channels = (channels - channels.mean(1, keepdims=True)) / channels.std(1, keepdims=True)
        signal = np.stack([channels[k] @ rng.standard_normal(7) for k in truth[side]], axis=1)
        world.change(side, slice(None), signal + 1.5 * rng.standard_normal(signal.shape) + 4)
    settings = Settings(tuple(names), regression="fields", windows=tuple(PLACES), image_width=WIDTH, seed=3)
    return Seen(world, settings, maps, truth)


def search(
    maps: list[NDArray[np.float32]], fit: NDArray[np.int64], responses: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return window, penalty and error of each vertex by solving every one of them, and its error for the whole."""
    errors = []
    for place in [(0.0, 0.0, np.inf), *PLACES]:
        channels = pool(maps, place)[fit]
        channels = (channels - channels.mean(0)) / channels.std(0)
        measured = responses[fit] - responses[fit].mean(0)
        unit = np.trace(channels.T @ channels) / (len(fit) - 1)
        for alpha in GRID * unit:
            hat = channels @ np.linalg.solve(channels.T @ channels + alpha * np.eye(channels.shape[1]), channels.T)
            left = measured - hat @ measured
            errors.append((left**2).mean(0) / (1 - (1 + np.trace(hat)) / len(fit)) ** 2)
    table = np.array(errors).reshape(1 + len(PLACES), len(GRID), -1)
    best = table.reshape(-1, table.shape[-1]).argmin(0)
    return best // len(GRID), best % len(GRID), table
