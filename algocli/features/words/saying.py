"""What a file may say of images, whatever its format: captions, and which things they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from algocli.dataset.nsd.coco import CocoImage
from algocli.dataset.protocol import Subject
from algocli.features.words.outlines import Outline

# Where each of a subject's images comes from, where they were cut out of COCO's; None where they were not.
Origins = Sequence[CocoImage] | None


@dataclass(frozen=True)
class Shown:
    """A thing, or a crowd of them, that an image shows.

    Attributes
    ----------
    outline
        Where in the image it is; None where that is not said.
    """

    category: str
    outline: Outline | None = None
    is_crowd: bool = False


class WordsFile(Protocol):
    """An open file; images go by their places among a subject's stimuli."""

    path: Path

    @property
    def categories(self) -> tuple[str, ...]:
        """Those that it tells apart, in its own order, whether or not an image shows them.

        Raises
        ------
        DataError
            If it has none.
        """
        ...

    def captions(self, subject: Subject, origins: Origins) -> Mapping[int, list[str]]:
        """Return the captions of each image that it knows.

        Raises
        ------
        DataError
            If it has none, or one is empty.
        """
        ...

    def shown(self, subject: Subject, origins: Origins) -> Mapping[int, list[Shown]]:
        """Return what each image that it knows shows.

        Raises
        ------
        DataError
            If it says nothing of that.
        """
        ...
