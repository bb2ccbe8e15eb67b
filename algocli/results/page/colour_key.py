"""What a map's colours mean, as part of a page: a colour bar with its numbers, or a legend."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from algocli.results.drawing.keys import Categories, Key, Scale
from algocli.results.page.filling import fill
from algocli.results.page.packing import category_colours, scale_colours

# In pixels of the colour bar's own picture: its width, and that of the arrow at an end beyond which there are values.
_WIDTH, _ARROW = 270, 10
_N_STOPS = 33
_MOST_TICKS, _ROUND = 5, (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class _Tick:
    """A number below the colour bar, and how far along it stands, 0 to 1."""

    share: float
    text: str


def explain_colours(key: Key, ident: str) -> Markup:
    """Return a colour bar or a legend; `ident` is the id of the map that it belongs to."""
    if isinstance(key, Scale):
        return fill(
            "colour_bar.html",
            key=key,
            ident=ident,
            width=_WIDTH,
            arrow=_ARROW,
            stops=[_hex(colour) for colour in scale_colours(key, _N_STOPS).tolist()],
            low=_number(key.low, key.high - key.low),
            high=_number(key.high, key.high - key.low),
            ticks=_ticks(key),
        )
    if isinstance(key, Categories):
        colours = [_hex(colour) for colour in category_colours(key.colours).tolist()]
        return fill("legend.html", entries=list(zip(key.names, colours, strict=True)))
    raise TypeError(f"a page cannot explain a {type(key).__name__}")


def _ticks(key: Scale) -> list[_Tick]:
    from matplotlib.ticker import MaxNLocator

    span = key.high - key.low
    marks = map(float, MaxNLocator(_MOST_TICKS, steps=_ROUND).tick_values(key.low, key.high))
    # A mark that is an end of the scale but for rounding is that end.
    within = [mark for mark in marks if -1e-9 * span <= mark - key.low <= (1 + 1e-9) * span]
    return [_Tick((mark - key.low) / span, _number(mark, span)) for mark in within]


def _number(value: float, span: float) -> str:
    """Write a tick with a real minus sign, and without what rounding left near 0."""
    return "0" if abs(value) < 1e-9 * span else f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def _hex(colour: list[int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour)
