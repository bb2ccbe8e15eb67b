"""A map of the cortex to turn by hand: as a part of any page, and as a page of its own.

A page holds each hemisphere's mesh, the style and the script once, however many maps it shows: `viewer_assets` has
them, `turnable` the maps.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import cos, pi, sin
from pathlib import Path
from typing import Any

from markupsafe import Markup

from algocli.compute.files import in_utf8, publish
from algocli.dataset.pixels import read_image
from algocli.dataset.sides import HEMISPHERES, Side
from algocli.results.drawing.arrangement import ANGLES, FLAT
from algocli.results.drawing.brain_map import BrainMap
from algocli.results.drawing.keys import Key, Scale, Wheel
from algocli.results.drawing.style import DARK, LIGHT, Theme
from algocli.results.page.filling import asset, fill, theme_style
from algocli.results.page.packing import category_colours, pack_map, pack_mesh, scale_colours, wheel_colours
from algocli.results.surface import Surface, load_mesh

# In this order they make one script.
_SCRIPTS = ("arrays.js", "camera.js", "shaders.js", "painter.js", "overlay.js", "readout.js", "viewer.js", "start.js")
_VIEWS = {view: angles for view, angles in ANGLES.items() if view != FLAT}
# Pixels of a stimulus's longer side.
_STIMULUS = 256
# Pixels of the colour bar's own picture: its width, and that of the arrow at an end beyond which there are values.
_BAR, _ARROW = 270, 10
_N_STOPS = 33
# Wedges of a wheel, each as the corner where it begins and the one where it ends, on a circle of radius 1; up is down
# in a picture.
_N_WEDGES = 72
_CORNERS = [(cos(turn), -sin(turn)) for turn in (2 * pi * edge / _N_WEDGES for edge in range(_N_WEDGES + 1))]
_WEDGES = [(*start, *end) for start, end in pairwise(_CORNERS)]
_MOST_TICKS, _ROUND = 5, (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Assets:
    """What a page with turnable maps holds once, each ready to be put into a template.

    `style` is the text of a style element. At the end of the body come `meshes`, which are elements, and then
    `script`, the text of a script element.
    """

    style: Markup
    meshes: Markup
    script: Markup


def viewer_assets(surface: Surface = "fsaverage5", hemispheres: Sequence[Side] = HEMISPHERES) -> Assets:
    """Return what the maps of a page have in common; `surface` and `hemispheres` are those that they show."""
    meshes = Markup("\n").join(_json_element(_packed_mesh(surface, h), f"mesh-{surface}-{h}") for h in hemispheres)
    views = Markup(f"const VIEWS = {json.dumps(_VIEWS)};")  # noqa: S704
    script = Markup("\n").join((views, *map(asset, _SCRIPTS)))
    return Assets(asset("viewer.css"), meshes, Markup('(() => {\n"use strict";\n') + script + Markup("})();\n"))


def turnable(shown: BrainMap, *, ident: str, level: int = 3) -> Markup:
    """Return a map as a section of a page.

    Parameters
    ----------
    shown
        What to show.
    ident
        The section's id, another for every map of a page.
    level
        The level of its heading, 1 to 6.
    """
    return fill(
        "turnable.html",
        shown=shown,
        ident=ident,
        level=level,
        views=_VIEWS,
        key=explain_colours(shown.key, ident) if shown.is_one_key else None,
        keys=[
            None if shown.is_one_key else explain_colours(shown.key_of(panel), f"{ident}-{number}")
            for number, panel in enumerate(shown.panels)
        ],
        stimulus=None if shown.stimulus is None else _thumbnail(shown.stimulus),
        data=_json_element(pack_map(shown), f"{ident}-data"),
    )


def write_map_page(shown: BrainMap, path: Path, *, theme: Theme = LIGHT) -> None:
    """Write a map as a page that needs no other file and no network; the same map gives the same bytes.

    Parameters
    ----------
    shown
        What to show.
    path
        The file.
    theme
        What the page opens in: `DARK`, or else whatever the reader's system prefers. A switch changes it.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    page = fill(
        "map_page.html",
        title=shown.title,
        is_dark=theme == DARK,
        theme=theme_style(),
        page_style=asset("map_page.css"),
        page_script=asset("theme_switch.js"),
        assets=viewer_assets(shown.surface, shown.hemispheres),
        fragment=turnable(shown, ident="map", level=1),
    )
    publish(path, lambda stream: stream.write(in_utf8(page).encode()))


@cache
def _packed_mesh(surface: Surface, hemisphere: Side) -> dict[str, Any]:
    return pack_mesh(load_mesh(surface, hemisphere))


def _json_element(value: dict[str, Any], ident: str) -> Markup:
    # The only way out of a script element is a '<'.
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")
    return Markup('<script type="application/json" id="{}">{}</script>').format(ident, Markup(text))  # noqa: S704


def _thumbnail(path: Path) -> str:
    """Return a small copy of an image as a data URL."""
    small = read_image(path)
    small.thumbnail((_STIMULUS, _STIMULUS))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def explain_colours(key: Key, ident: str) -> Markup:
    """Return a colour bar, a wheel or a legend; `ident` is the id of the map that it belongs to."""
    if isinstance(key, Scale):
        return fill(
            "colour_bar.html",
            key=key,
            ident=ident,
            width=_BAR,
            arrow=_ARROW,
            stops=[_hex(colour) for colour in scale_colours(key, _N_STOPS).tolist()],
            low=_number(key.low, key.high - key.low),
            high=_number(key.high, key.high - key.low),
            ticks=_ticks(key),
        )
    if isinstance(key, Wheel):
        wedges = [_hex(colour) for colour in wheel_colours(key, _N_WEDGES).tolist()]
        return fill("wheel.html", key=key, wedges=list(zip(_WEDGES, wedges, strict=True)))
    colours = [_hex(colour) for colour in category_colours(key.colours).tolist()]
    return fill("legend.html", entries=list(zip(key.names, colours, strict=True)))


def _ticks(key: Scale) -> list[tuple[float, str]]:
    """Return the numbers below a colour bar, and before each how far along it stands, 0 to 1."""
    from matplotlib.ticker import MaxNLocator

    span = key.high - key.low
    marks = map(float, MaxNLocator(_MOST_TICKS, steps=_ROUND).tick_values(key.low, key.high))
    # A mark that is an end of the scale but for rounding is that end.
    within = [mark for mark in marks if -1e-9 * span <= mark - key.low <= (1 + 1e-9) * span]
    return [((mark - key.low) / span, _number(mark, span)) for mark in within]


def _number(value: float, span: float) -> str:
    """Write a tick with a real minus sign, and without what rounding left near 0."""
    return "0" if abs(value) < 1e-9 * span else f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def _hex(colour: list[int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour)
