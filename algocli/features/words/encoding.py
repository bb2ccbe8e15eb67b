"""Captions as vectors: each caption through a text encoder, and the mean over an image's captions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track
from algocli.errors import DataError
from algocli.features.networks.weights import digests

if TYPE_CHECKING:
    import torch

# A caption as the numbers of its tokens.
Tokens = tuple[int, ...]
# Captions that pass through together.
_BATCH = 64


@dataclass(frozen=True)
class TextEncoder:
    """A network of texts with its weights, and how a text becomes its input.

    Attributes
    ----------
    name, weights
        As a user names them.
    digest
        Of all that makes its vectors but the tokens: weights, architecture, pooling.
    pooling
        How the vectors of a text's tokens become one, in words.
    longest
        The tokens of the longest text that it takes: what goes beyond is cut off.
    tokenise
        Turns texts into tokens, those that begin and end each included, and says which texts were cut, by their places.
    forward
        Turns tokens of several texts into vectors, (n_texts, n_features), on the device that it was given.
    """

    name: str
    weights: str
    n_features: int
    digest: str
    pooling: str
    longest: int
    tokenise: Callable[[Sequence[str]], tuple[list[Tokens], set[int]]]
    forward: Callable[[Sequence[Tokens]], torch.Tensor]


def digest_encoder(module: torch.nn.Module, settings: Mapping[str, Any]) -> str:
    """Digest an encoder's weights and what else, beside its tokens, its vectors follow from."""
    weights = digests({"": module.state_dict()})[""]
    return hashlib.sha256(repr((weights, type(module).__name__, sorted(settings.items()))).encode()).hexdigest()


def tokenise_each(encoder: TextEncoder, captions: Sequence[Sequence[str]]) -> tuple[list[list[Tokens]], int]:
    """Return the tokens of each caption of each image, and how many captions are longer than the encoder takes.

    Raises
    ------
    DataError
        If nothing of a caption is left in the encoder's words.
    """
    texts = list(dict.fromkeys(text for several in captions for text in several))
    each, cut = encoder.tokenise(texts)
    tokens = dict(zip(texts, each, strict=True))
    blank = next((text for text in texts if not tokens[text]), None)
    if blank is not None:
        raise DataError(f"{encoder.name} has no tokens for the caption '{blank[:60]}'")
    too_long = {texts[place] for place in cut}
    n_cut = sum(text in too_long for several in captions for text in several)
    return [[tokens[text] for text in several] for several in captions], n_cut


def mean_vectors(encoder: TextEncoder, captions: Sequence[Sequence[Tokens]], track: Track) -> NDArray[np.float32]:
    """Return the mean of the vectors of each image's captions, (n_stimuli, n_features).

    Each caption passes once, with others about as long: what batches there are follows from the captions alone.
    """
    import torch

    each = sorted({tokens for several in captions for tokens in several}, key=lambda tokens: (len(tokens), tokens))
    place = {tokens: row for row, tokens in enumerate(each)}
    vectors = np.empty((len(each), encoder.n_features), np.float32)
    starts = range(0, len(each), _BATCH)
    for start in track(starts, total=len(starts), label="encoding captions", unit="batches"):
        with torch.inference_mode():
            vectors[start : start + _BATCH] = encoder.forward(each[start : start + _BATCH]).float().cpu().numpy()
    means = [vectors[[place[tokens] for tokens in several]].mean(axis=0, dtype=np.float64) for several in captions]
    return np.array(means, np.float32)
