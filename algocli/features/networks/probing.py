"""Fixed images that a network is put to the test with: do they come out as before, does its graph do as it does?

They are unlike one another in what a network may decide by: something like a photograph, fine detail, noise, black,
white, a dark scene. What a network makes of them is computed on a cpu, by one thread and in float32, so that on one
machine, with the same versions, it is the same to the last bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from algocli.features.networks.numerics import one_core_each
from algocli.features.networks.preprocessing import Transform, structured

PHOTOGRAPH, DETAIL, NOISE, BLACK, WHITE, DARK = range(6)


def probe_pixels(side: int) -> NDArray[np.uint8]:
    """Draw the images, (6, side, side, 3), by arithmetic of whole numbers and a generator whose numbers are frozen."""
    drawn = np.random.RandomState(0)
    photograph = _octaves(drawn, side)
    noise = drawn.randint(0, 256, (side, side, 3))
    plain = np.zeros_like(photograph)
    images: list[NDArray[Any]] = [photograph, structured(side), noise, plain, plain + 255, photograph // 8]
    return np.stack(images).astype(np.uint8)


def _octaves(drawn: np.random.RandomState, side: int) -> NDArray[np.int64]:
    """Draw patches upon patches, each half as large and half as strong as those before: the spectrum of a scene."""
    total = np.zeros((side, side, 3), np.int64)
    for octave in range(1, 7):
        place = np.arange(side) * 2**octave // side
        patches = drawn.randint(0, 256, (2**octave, 2**octave, 3))
        total += patches[place][:, place] * 2 ** (6 - octave)
    return total // 63


@contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Run a network by one thread, on random numbers of this seed, and leave torch's generator as it was found."""
    with torch.random.fork_rng(devices=[]), torch.inference_mode(), one_core_each("cpu"):
        torch.manual_seed(seed)
        yield


def fingerprints(network: torch.nn.Module, transform: Transform, layers: Sequence[str]) -> dict[str, str]:
    """Digest what layers yield for the images: whatever its code, a network that computes other numbers is another.

    Parameters
    ----------
    network
        On a cpu; it maps (n, 3, side, side) to a dict of the layers' outputs.

    Returns
    -------
    One digest a layer, of shapes and of bytes as float32.
    """
    with undisturbed(seed=0):
        outputs = network(transform.normalise(torch.from_numpy(probe_pixels(transform.size))))
    return {layer: _digest(outputs[layer]) for layer in layers}


def agree(network: torch.nn.Module, graph: torch.nn.Module, images: torch.Tensor) -> bool:
    """Say whether a network and a graph of it yield the same, whatever random numbers they draw."""
    for seed in (1, 2):
        with undisturbed(seed):
            expected = _tensors(network(images))
        # A network may have put its modules, which are the graph's too, into training.
        with undisturbed(seed):
            yielded = _tensors(graph.eval()(images))
        if len(yielded) != len(expected) or not all(map(_same, yielded, expected)):
            return False
    return True


def _tensors(output: Any) -> list[torch.Tensor]:
    from torch.utils._pytree import tree_leaves

    return [leaf.clone() for leaf in tree_leaves(output) if isinstance(leaf, torch.Tensor)]


def _same(left: torch.Tensor, right: torch.Tensor) -> bool:
    return left.shape == right.shape and bool(torch.allclose(left, right, rtol=0, atol=0, equal_nan=True))


def _digest(output: torch.Tensor) -> str:
    values = output.detach().to(torch.float32).contiguous().numpy()
    # Which of its many patterns a NaN has is no number.
    values = np.where(np.isnan(values), np.float32(np.nan), values)
    total = hashlib.sha256(" x ".join(map(str, values.shape)).encode())
    total.update(np.ascontiguousarray(values).data)
    return total.hexdigest()
