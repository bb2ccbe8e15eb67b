"""What networks there are to name: torchvision's and timm's, with their sizes; others' where these are asked for."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from algocli.compute.patterns import is_pattern
from algocli.errors import UsageError
from algocli.features.networks.names import canonical, meant_by
from algocli.features.networks.network import Offer
from algocli.features.networks.sources import hf, open_clip, timm, torchvision

# What takes seconds to import is asked only for what begins with its name.
_ASKED_FOR = (hf, open_clip)
# Each of timm's is built for that, without its numbers, in a tenth of a second to one and a half.
COUNTED = 40


def list_offers(pattern: str | None = None) -> list[Offer]:
    """List networks by name, those of torchvision first.

    Parameters
    ----------
    pattern
        A part of the name, or of that of its weights, or a pattern such as 'timm/vit_*', in small or capital letters;
        by default all but those of sources that are slow to ask, which it has to begin with: 'open_clip:*', 'hf:*'.

    Raises
    ------
    UsageError
        If none fits.
    """
    wished = canonical((pattern or "").lower())
    slow = next((source for source in _ASKED_FOR if wished.startswith(source.PREFIX)), None)
    offers = list(_usual() if slow is None else slow.offered())
    fitting = [offer for offer in offers if pattern is None or _fits(offer, wished)]
    if not fitting:
        raise UsageError(
            f"no network is called '{pattern}'{_meant(str(pattern), offers)}",
            hint="others are named hf:OWNER/NAME, open_clip:ARCHITECTURE/WEIGHTS, torchhub:OWNER/REPO:NAME and "
            "python:MODULE:CALLABLE",
        )
    unknown = [offer for offer in fitting if offer.n_parameters is None]
    if slow is None and len(unknown) <= COUNTED:
        fitting = [
            offer if offer.n_parameters is not None else replace(offer, n_parameters=timm.count_parameters(offer.model))
            for offer in fitting
        ]
    return fitting


def _usual() -> Iterator[Offer]:
    yield from torchvision.offered()
    if timm.is_installed():
        yield from timm.offered()


def no_network(source: Any, name: str, *, is_bare: bool) -> UsageError:
    """Return the error of a name that a source does not have; the right one is told.

    Parameters
    ----------
    is_bare
        Whether no source was named, so that a network of any may be meant.
    """
    offers = list(source.offered())
    # Of which weights it is asked for is another matter.
    name = name.partition("/")[0] if source is open_clip else name
    if is_bare and timm.is_installed():
        offers += timm.offered()
    what = "no network is called" if is_bare and set("/:") & set(name) else source.NONE
    hint = "algocli models lists what can be named, algocli models 'PATTERN' some of it"
    if is_bare and os.path.isfile(name):  # noqa: PTH113 - pathlib's own raises where a name is too long for a path
        hint = f"{name} is a file: name the network that it is of, and the file with weights=..."
        if name.lower().endswith(".toml"):
            hint = f"{name} is a file: of a sweep, it is named with file=..."
    return UsageError(f"{what} '{name}'{_meant(name, offers)}", hint=hint)


def _meant(word: str, offers: Iterable[Offer]) -> str:
    meant = meant_by(word, [name for offer in offers for name in offer.spellings])
    return f" (did you mean {' or '.join(meant)}?)" if meant else ""


def _fits(offer: Offer, pattern: str) -> bool:
    whole = pattern if is_pattern(pattern) else f"*{pattern}*"
    names = [name for spelt in offer.spellings for name in (spelt, spelt.rpartition("/")[2])]
    return any(fnmatch.fnmatchcase(name.lower(), whole) for name in names)
