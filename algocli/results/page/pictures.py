"""Charts as a page holds them: drawn once for light paper and once for dark, sharp at any size."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from algocli.results.drawing.chart import Chart
from algocli.results.drawing.style import DARK, LIGHT, Theme, encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# As CSS has it.
_PIXELS_PER_POINT = 96 / 72


@dataclass(frozen=True)
class Picture:
    """A chart in both themes, as data URLs; `width` and `height` are in CSS pixels, `alt` says what it shows."""

    title: str
    light: str
    dark: str
    width: int
    height: int
    alt: str
    caption: str = ""


def picture(draw: Callable[[Theme], Chart[Any]], title: str, alt: str, caption: str = "") -> Picture:
    """Draw a chart in both themes."""
    light, dark = (_svg(draw(theme).figure) for theme in (LIGHT, DARK))
    width, height = _size(light)
    return Picture(title, _data_url(light), _data_url(dark), width, height, alt, caption)


def _svg(figure: Figure) -> bytes:
    """Write a figure as SVG, cut to what is drawn: the page has margins of its own."""
    stream = io.BytesIO()
    encode(figure, stream, ".svg", bbox_inches="tight", pad_inches=0.04)
    return stream.getvalue()


def _size(svg: bytes) -> tuple[int, int]:
    """Return width and height in CSS pixels; matplotlib's view box is in points."""
    box = re.search(rb'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', svg)
    assert box is not None, "every SVG of matplotlib has a view box that begins at 0 0"
    wide, tall = (round(float(side) * _PIXELS_PER_POINT) for side in box.groups())
    return wide, tall


def _data_url(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"
