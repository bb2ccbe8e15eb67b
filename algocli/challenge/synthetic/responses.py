"""Responses to images: a signal known without noise, and noise that leaves it the share that the noise ceiling says.

The numbers of a response hang on the seed, the subject, the hemisphere and the image alone, and on nothing that only
says how the work was cut up.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.layout import HEMISPHERES, Hemisphere
from algocli.challenge.synthetic.chance import generator
from algocli.challenge.synthetic.cortex import Cortex, lay_out
from algocli.challenge.synthetic.drives import N_ENERGY
from algocli.challenge.synthetic.energy import CHANNELS
from algocli.challenge.synthetic.gallery import Gallery
from algocli.challenge.synthetic.recipe import Recipe, nsd_ids
from algocli.challenge.synthetic.sketch import PROPERTIES
from algocli.challenge.synthetic.truth import Truth, tell_truth

# Rows that are worked out at once. A matrix product may differ in its last bits with the number of rows: this is part
# of what the numbers are, and no option.
N_ROWS = 256

# Challenge responses are z-scored in each session and then averaged over up to three repeats, which leaves this share
# of the noise: signal and noise add up to less than 1, and to the less the fainter the signal.
_NOISE_LEFT = 0.4


def normalise_drives(drives: NDArray[np.float32]) -> None:
    """Centre drives over images and give each channel and each property the same variance, in place.

    Parameters
    ----------
    drives : (n_images, N_ENERGY + N_OBJECT)
        As measured.
    """
    drives -= drives.mean(axis=0, dtype=np.float64).astype(np.float32)
    for kinds, part in ((len(CHANNELS), drives[:, :N_ENERGY]), (len(PROPERTIES), drives[:, N_ENERGY:])):
        width = part.shape[1] // kinds
        for kind in range(kinds):
            columns = part[:, kind * width : (kind + 1) * width]
            columns /= max(float(np.sqrt(np.square(columns).mean(dtype=np.float64))), 1e-6)


class Responses:
    """The responses of one hemisphere to a subject's images.

    Parameters
    ----------
    cortex
        The hemisphere.
    drives : (n_images, N_ENERGY + N_OBJECT)
        Normalised drives of all the subject's images, training first.
    nsd_ids : (n_images,)
        Which images these are: each has noise of its own.
    seed
        Seed of the challenge.
    """

    def __init__(self, cortex: Cortex, drives: NDArray[np.float32], nsd_ids: NDArray[np.int64], seed: int) -> None:
        truth = tell_truth(cortex, seed)
        self.hemisphere = cortex.hemisphere
        self.ceilings = truth.ceilings
        self._drives = drives
        self._weights = _balance(truth, drives)
        self._noise_keys = [(seed, cortex.subject, HEMISPHERES.index(cortex.hemisphere), int(i)) for i in nsd_ids]

    def signal(self, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """Yield the responses to images `start` to `stop` as they would be without noise, in blocks of rows.

        Yields
        ------
        (n_rows, n_vertices) float32
            Over all images, each vertex has mean 0 and variance 1.
        """
        for first in range(start, stop, N_ROWS):
            yield self._drives[first : min(first + N_ROWS, stop)] @ self._weights

    def measured(self, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """Yield the responses to images `start` to `stop` as a scanner would give them, in blocks of rows.

        Yields
        ------
        (n_rows, n_vertices) float32
            Signal and noise, of which the signal has the ceiling's share of the variance.
        """
        # Of a session's variance of 1, signal keeps its part and noise _NOISE_LEFT of its own: given the share of
        # signal in what remains, this is what remains.
        kept = self.ceilings * _NOISE_LEFT / (1 - self.ceilings + self.ceilings * _NOISE_LEFT)
        variance = kept + (1 - kept) * _NOISE_LEFT
        signal_size = np.sqrt(variance * self.ceilings).astype(np.float32)
        noise_size = np.sqrt(variance * (1 - self.ceilings)).astype(np.float32)
        for block in self.signal(start, stop):
            block *= signal_size
            for row, key in zip(block, self._noise_keys[start : start + len(block)], strict=True):
                row += noise_size * generator("noise", *key).standard_normal(len(row), dtype=np.float32)
            start += len(block)
            yield block


def _balance(truth: Truth, drives: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one matrix of weights, (N_ENERGY + N_OBJECT, n_vertices), that gives a signal of variance 1.

    Energy and objects first get the shares of variance that the truth gives them.
    """
    n_vertices = len(truth.ceilings)
    energy_power, object_power, common = np.zeros((3, n_vertices))
    for first in range(0, len(drives), N_ROWS):
        rows = drives[first : first + N_ROWS]
        energy, objects = rows[:, :N_ENERGY] @ truth.energy_weights, rows[:, N_ENERGY:] @ truth.object_weights
        energy_power += np.einsum("iv,iv->v", energy, energy)
        object_power += np.einsum("iv,iv->v", objects, objects)
        common += np.einsum("iv,iv->v", energy, objects)
    energy_gain = np.sqrt(truth.energy_shares / np.maximum(energy_power / len(drives), 1e-12))
    object_gain = np.sqrt((1 - truth.energy_shares) / np.maximum(object_power / len(drives), 1e-12))
    variance = energy_gain**2 * energy_power + object_gain**2 * object_power + 2 * energy_gain * object_gain * common
    total = np.sqrt(np.maximum(variance / len(drives), 1e-12))
    weights = np.empty((drives.shape[1], n_vertices), dtype=np.float32)
    np.multiply(truth.energy_weights, (energy_gain / total).astype(np.float32), out=weights[:N_ENERGY])
    np.multiply(truth.object_weights, (object_gain / total).astype(np.float32), out=weights[N_ENERGY:])
    return weights


def true_signal(recipe: Recipe, subject: int, hemisphere: Hemisphere) -> NDArray[np.float32]:
    """Work out again what a subject's responses would be without noise.

    Every image is drawn anew for it; nothing is read from disk.

    Returns
    -------
    (n_train + n_test, n_vertices) float32
        Training images first; each vertex has mean 0 and variance 1. The measured responses are this, scaled, and
        noise: the squared correlation of the two is the noise ceiling.
    """
    ids = np.concatenate([*nsd_ids(recipe, subject).values()])
    gallery = Gallery(recipe.seed)
    drives = np.stack([gallery.show(int(nsd_id)).drives for nsd_id in ids])
    normalise_drives(drives)
    responses = Responses(lay_out(subject, hemisphere, recipe.n_left), drives, ids, recipe.seed)
    return np.concatenate([*responses.signal(0, len(ids))])
