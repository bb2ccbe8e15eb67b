"""Responses to images: a signal known without noise, and noise that leaves it the share that the noise ceiling says.

The numbers of a response hang on the seed, the subject, the hemisphere and the images alone. Drives and weights are
whole numbers so small that float32 adds up their products without rounding: the result of a matrix product is then the
same to the last bit in whatever order the machine adds, with any number of threads and rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.demo.chance import generator
from algocli.demo.cortex import Cortex, lay_out
from algocli.demo.drives import CHANNELS, N_ENERGY
from algocli.demo.images import Gallery
from algocli.demo.recipe import Recipe, nsd_ids
from algocli.demo.sketch import PROPERTIES
from algocli.demo.truth import tell_truth

N_ROWS = 256  # images worked out at once, to bound the memory

# One standard deviation of a drive, and the largest whole number that one may be: times the sum of a vertex's weights,
# 2**14 and a little for rounding, it stays below the 2**24 up to which float32 is exact.
_UNIT = 32
_LARGEST = 511

# Challenge responses are z-scored in each session and then averaged over up to three repeats, which leaves this share
# of the noise: signal and noise add up to less than 1, and to the less the fainter the signal.
_NOISE_LEFT = 0.4


def normalise_drives(drives: NDArray[np.float32]) -> None:
    """Centre drives over images, give each channel and each property the same variance, and round, in place.

    Parameters
    ----------
    drives : (n_images, N_ENERGY + N_OBJECT)
        As measured; whole numbers afterwards.
    """
    drives -= drives.mean(axis=0, dtype=np.float64).astype(np.float32)
    for n_kinds, part in ((len(CHANNELS), drives[:, :N_ENERGY]), (len(PROPERTIES), drives[:, N_ENERGY:])):
        width = part.shape[1] // n_kinds
        for first in range(0, part.shape[1], width):
            columns = part[:, first : first + width]
            spread = np.sqrt(np.square(columns).mean(dtype=np.float64))
            columns *= _UNIT / max(float(spread), 1e-6)
    np.rint(drives, out=drives)
    np.clip(drives, -_LARGEST, _LARGEST, out=drives)


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
        self.hemisphere = cortex.hemisphere
        self._truth = tell_truth(cortex, seed)
        self._drives = drives
        self._noise_keys = [(seed, cortex.subject, HEMISPHERES.index(cortex.hemisphere), int(i)) for i in nsd_ids]
        self._energy_gain, self._object_gain, self._offset = self._balance()

    @property
    def ceilings(self) -> NDArray[np.float64]:
        """The share of the variance of each vertex that is signal, (n_vertices,)."""
        return self._truth.ceilings

    def signal(self, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """Yield the responses to images `start` to `stop` as they would be without noise, in blocks of rows.

        Yields
        ------
        (n_rows, n_vertices) float32
            Over all images, each vertex has mean 0 and variance 1.
        """
        for energy, objects in self._parts(start, stop):
            energy *= self._energy_gain
            objects *= self._object_gain
            yield energy + objects - self._offset

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

    def _parts(self, start: int, stop: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Yield what energy and what objects add to the signal, in blocks of rows and whole numbers."""
        for first in range(start, stop, N_ROWS):
            rows = self._drives[first : min(first + N_ROWS, stop)]
            yield rows[:, :N_ENERGY] @ self._truth.energy_weights, rows[:, N_ENERGY:] @ self._truth.object_weights

    def _balance(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Find the gains that give energy and objects their shares, and what to subtract for a mean of 0.

        Returns
        -------
        energy_gain, object_gain, offset : (n_vertices,) float32
            With these the signal has variance 1.
        """
        n, n_vertices = len(self._drives), len(self.ceilings)
        means, products = np.zeros((2, n_vertices)), np.zeros((3, n_vertices))
        for parts in self._parts(0, n):
            energy, objects = (part.astype(np.float64) for part in parts)
            means += [energy.sum(axis=0) / n, objects.sum(axis=0) / n]
            pairs = ((energy, energy), (objects, objects), (energy, objects))
            products += [np.einsum("iv,iv->v", a, b) / n for a, b in pairs]
        variances = np.maximum(products[:2] - means**2, 1e-12)
        share = self._truth.energy_shares
        gains = np.sqrt([share, 1 - share] / variances)
        common = products[2] - means[0] * means[1]
        gains /= np.sqrt((gains**2 * variances).sum(axis=0) + 2 * gains[0] * gains[1] * common)
        energy_gain, object_gain = gains.astype(np.float32)
        return energy_gain, object_gain, (gains * means).sum(axis=0).astype(np.float32)


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
