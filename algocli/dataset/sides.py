"""The sides that responses come from, and the splits of the images: values, never names of variables."""

from __future__ import annotations

from typing import Literal

from algocli.compute.choices import check_choice

Hemisphere = Literal["left", "right"]
Split = Literal["train", "test"]

HEMISPHERES: tuple[Hemisphere, ...] = ("left", "right")
SPLITS: tuple[Split, ...] = ("train", "test")
# What a table calls all vertices of a side together.
ALL_VERTICES = "All vertices"


def check_hemisphere(value: object) -> Hemisphere:
    """Return 'left' or 'right'.

    Raises
    ------
    UsageError
        If it is neither.
    """
    meant = {"lh": "left", "l": "left", "rh": "right", "r": "right"}
    return "left" if check_choice("hemisphere", value, HEMISPHERES, meant) == "left" else "right"


def check_split(value: object) -> Split:
    """Return 'train' or 'test'.

    Raises
    ------
    UsageError
        If it is neither.
    """
    meant = {"training": "train", "fit": "train", "testing": "test"}
    return "train" if check_choice("split", value, SPLITS, meant) == "train" else "test"
