"""The ids of NSD's images, in every form in which lists and files of other programs give them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from algocli.dataset.challenge.layout import IMAGE_NAME, N_NSD_IMAGES
from algocli.dataset.ids import Ids, Reference

ID_COLUMN = "nsd_id"
_SUFFIX = re.compile(r"\.(png|jpe?g|bmp|gif|tiff?|webp|npy|npz|pt|pth|txt|mat)$", re.IGNORECASE)
_FOLDER = re.compile(r"subj(?:ect)?[-_]?0?([1-8])(?![0-9])", re.IGNORECASE)
# The 1,000 images that all subjects saw, as NSD gives them out one by one: the only file names of NSD's own, and they
# count its images from 1, where its tables count from 0.
_SHARED = re.compile(r"shared[0-9]{4}_nsd([0-9]{5})", re.IGNORECASE)
_NSD = re.compile(r"(?<![a-z])nsd(?:[-_ ]?id)?[-_ ]?([0-9]{1,5})(?![0-9])", re.IGNORECASE)
# A column of whole numbers with gaps is written with decimals by some programs.
_NUMBER = re.compile(r"([0-9]{1,6})(?:\.0+)?")


@dataclass(frozen=True)
class NsdIds(Ids):
    """Whole numbers among 73,000; a name is one of the challenge's files, or holds an id in one form or another."""

    def refer(self, name: str, first: int) -> Reference:
        """Take a name apart: train-0001_nsd-00013, an id, and whose folder it was in."""
        path = name.strip().strip("\"'").replace("\\", "/")
        folder, _, file = path.rpartition("/")
        stem = _SUFFIX.sub("", file)
        owners = _FOLDER.findall(folder)
        return Reference(stem.lower(), _nsd_id(stem, first), int(owners[-1]) if owners else None)


def _nsd_id(stem: str, first: int) -> int | None:
    challenges = IMAGE_NAME.fullmatch(f"{stem.lower()}.png")
    if challenges:
        return int(challenges[3])
    shared = _SHARED.search(stem)
    if shared:
        return int(shared[1]) - 1
    within = _NSD.findall(stem)
    if within:
        return int(within[-1]) - first
    number = _NUMBER.fullmatch(stem)
    return int(number[1]) - first if number else None


NSD_IDS = NsdIds("NSD id", ID_COLUMN, N_NSD_IMAGES)


def parse_id(word: str, where: str) -> int:
    """Turn a word into an NSD id, 0 to 72999.

    Raises
    ------
    DataError
        If it is none; `where` says what holds it.
    """
    return int(NSD_IDS.parse(word, where))
