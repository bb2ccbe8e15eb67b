"""What there is to name, from Python: networks, and the layers of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algocli.compute.calls import forgiving
from algocli.compute.choices import check_flag, check_path, check_word, check_words
from algocli.compute.track import Note, unheard

if TYPE_CHECKING:
    from algocli.features.networks.network import Offer, TransformName

# What features of a subject are counted for: as many images, two bytes a number.
N_IMAGES = 10_000
_BYTES = 2


@dataclass(frozen=True)
class LayerRow:
    """A layer's name, or a module's, and what it yields for an image.

    Attributes
    ----------
    shape
        Of what it yields for one image.
    n_features
        The length of that, flattened.
    n_bytes_subject
        What it takes on disk for 10,000 images in float16, before compression.
    stands_for
        The layer whose numbers a module's are; None for a layer.
    tokens
        Of what tokens a transformer's layer is made, as in '1 + 14 x 14 tokens x 768': class token, then registers, and
        the grid of patches; None where it is made of none, or they cannot be told.
    """

    layer: str
    shape: tuple[int, ...]
    n_features: int
    n_bytes_subject: int
    stands_for: str | None
    tokens: str | None = None


@forgiving
def models(pattern: str | None = None) -> list[Offer]:
    """List the networks of torchvision's and, where it is installed, timm's that can be named; or others'.

    Parameters
    ----------
    pattern
        A part of the name, or of that of its weights, or a pattern such as 'timm/vit_*', in small or capital letters;
        by default all. Those of open_clip and the kinds of transformers are listed where it begins with 'open_clip:'
        or 'hf:', which takes seconds.

    Returns
    -------
    For each its `model`, as `extract` takes it, the `image_size` that its usual weights ask for, in pixels, its
    `n_parameters` (None for timm's where more than 40 of these are listed) and the names of its `weights`.

    Raises
    ------
    UsageError
        If none fits.

    Examples
    --------
    >>> (alexnet,) = algocli.models("alexnet")
    >>> alexnet.model, alexnet.n_parameters, alexnet.weights
    ('alexnet', 61100840, ('IMAGENET1K_V1',))
    """
    wished = None if pattern is None else check_word("pattern", pattern)
    from algocli.features.networks.offers import list_offers

    return list_offers(wished)


@forgiving
def layers(
    model: str,
    patterns: Iterable[str] | str | None = None,
    *,
    weights: str | Path = "random",
    transform: TransformName = "auto",
    image_size: int | None = None,
    trust_remote_code: bool = False,
    note: Note = unheard,
) -> list[LayerRow]:
    """List every name of a network's that `extract` accepts, as a tree: each module before what is inside it.

    Parameters
    ----------
    model
        As `extract` takes it.
    patterns
        Only what fits one of these: a layer's name, that of a module with all inside it, or a pattern such as
        'layer3*'. By default all.
    weights, transform, image_size, trust_remote_code
        As `extract` takes them; drawn weights have the same layers, with no download. Others are checked: all that the
        listed layers need of them has to be there.
    note
        How to say something by the way.

    Returns
    -------
    A row for each name; what can be no feature (a shape, a list, something whose size varies) is left out.

    Raises
    ------
    UsageError
        If there is no such network, or a pattern fits nothing.
    DataError
        If the network or its weights cannot be had, or they do not fit.

    Examples
    --------
    >>> for row in algocli.layers("alexnet", "avgpool"):
    ...     print(row.layer, row.shape, row.n_features)
    avgpool (256, 6, 6) 9216
    """
    check_word("model", model)
    wished = () if patterns is None else check_words("patterns", patterns)
    trust, weights = check_flag("trust_remote_code", trust_remote_code), str(check_path("weights", weights))
    from algocli.features.networks.listing import list_names

    named = list_names(
        model, wished, weights, transform=transform, image_size=image_size, trust_remote_code=trust, note=note
    )
    return [
        LayerRow(
            layer.name,
            layer.shape,
            layer.n_features,
            N_IMAGES * layer.n_features * _BYTES,
            layer.stands_for,
            None if layer.tokens is None else layer.tokens.words(layer.shape),
        )
        for layer in named
    ]
