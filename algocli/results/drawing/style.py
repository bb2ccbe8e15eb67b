"""What all figures share: typography, colours, and a file that has the same bytes whenever it is drawn again.

Figures are made from matplotlib's objects and never through pyplot: no display is asked for, no figure stays open.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from algocli.compute.files import publish
from algocli.dataset.sides import Side
from algocli.errors import UsageError
from algocli.results.drawing.loading import load_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_DPI = 200
SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Theme:
    """The colours that are no data: of the paper, of text, quieter text and rules, of a bare gyrus and a sulcus.

    `context` is the colour of challenge vertices that a figure is not about.
    """

    paper: str
    ink: str
    quiet_ink: str
    rule: str
    gyrus: str
    sulcus: str
    context: str


LIGHT = Theme("#ffffff", "#1f2328", "#667079", "#d5d9dd", "#cccccc", "#949494", "#DCE4EA")
DARK = Theme("#16191d", "#e6e9ec", "#9aa4ad", "#3a4149", "#717171", "#4d4d4d", "#8fa1b0")
# Blue and orange of Okabe and Ito's palette: apart for every kind of colour vision, and in grey.
HEMISPHERE_COLOURS: dict[Side, str] = {"left": "#0072B2", "right": "#E69F00"}
# Others of that palette, for sides of any name.
_SIDE_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Paul Tol's muted palette, for ROIs: its nine colours stay apart on a shaded grey cortex.
CATEGORY_COLOURS = (
    "#CC6677",
    "#332288",
    "#DDCC77",
    "#117733",
    "#88CCEE",
    "#882255",
    "#44AA99",
    "#999933",
    "#AA4499",
)
# Stands among the colours of categories for the context of whichever theme a figure is drawn in.
CONTEXT_COLOUR = LIGHT.context

# For what has an order: without its ends, of which one is nearly black and the other outshines all the rest.
_ORDERED_COLOURS, _FIRST, _LAST = "viridis", 0.08, 0.92

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9.0,
    # A dollar sign in a title or a run's name is a dollar sign.
    "text.usetex": False,
    "text.parse_math": False,
    "axes.linewidth": 0.6,
    # Element ids of an SVG come from this instead of from chance; text stays text, in a PDF too.
    "svg.hashsalt": "algocli",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
# Inches of paper.
MARGIN = 0.25
_TITLE_SIZE, _CAPTION_SIZE = 12.0, 7.5
_TITLE_TOP, CAPTION_BOTTOM = 0.2, 0.18
_LINE = 1.4
# The width of a letter, in shares of the font's size, is 0.62 for bold and 0.55 for plain text on average.
_BOLD_LETTER, _LETTER = 0.66, 0.58
_POINTS_PER_INCH = 72.0
# matplotlib writes the time of drawing into these unless told otherwise. A title is added to them, for readers
# who cannot see the picture.
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": "algocli"},
    ".svg": {"Date": None, "Creator": "algocli"},
    ".pdf": {"CreationDate": None, "Creator": "algocli"},
}


@contextmanager
def styled(theme: Theme = LIGHT) -> Iterator[None]:
    """Draw and save within this project's style, whatever the user's own matplotlib settings are."""
    load_matplotlib()
    from matplotlib import style

    colours = {
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), theme.ink),
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), theme.quiet_ink),
        **dict.fromkeys(("figure.facecolor", "axes.facecolor"), theme.paper),
        "savefig.facecolor": "auto",
    }
    with style.context(["default", _STYLE | colours]):
        yield


def font_here() -> str | None:
    """Return the name of the font that figures are written in on this machine; None where none of them is there."""
    load_matplotlib()
    from matplotlib.font_manager import FontProperties, findfont, get_font

    with suppress(ValueError, OSError):
        path = findfont(FontProperties(family=_STYLE["font.sans-serif"]), fallback_to_default=False)
        return str(get_font(path).family_name)
    return None


def category_colours(n: int) -> list[str]:
    """Return colours for `n` categories: those that are told apart best, or where they do not suffice ordered ones."""
    return [*CATEGORY_COLOURS[:n]] if n <= len(CATEGORY_COLOURS) else ordered_colours(n)


def ordered_colours(n: int, colours: str = _ORDERED_COLOURS) -> list[str]:
    """Return `n` colours from dark to light, apart for every kind of colour vision as far as so many can be.

    `colours` names another of matplotlib's maps, for what stands beside something else that has an order.
    """
    load_matplotlib()
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colour) for colour in colormaps[colours](np.linspace(_FIRST, _LAST, n))]


@dataclass(frozen=True)
class Words:
    """A figure's title along its upper edge and its caption along the lower one, broken so that they fit."""

    title: str
    caption: str

    @classmethod
    def fitting(cls, title: str, caption: str, width: float, beside_caption: float = 0.0) -> Words:
        """Break words to a width in inches, the caption so that something has room beside it; its line ends stay."""
        return cls(
            _wrap(title, width, _TITLE_SIZE * _BOLD_LETTER),
            _wrap(caption, width - beside_caption, _CAPTION_SIZE * _LETTER),
        )

    @property
    def head(self) -> float:
        """How many inches the title takes, the space above it included."""
        return _TITLE_TOP + _lines_height(self.title, _TITLE_SIZE)

    @property
    def foot(self) -> float:
        """How many inches the caption takes, the space below it included."""
        return CAPTION_BOTTOM + _lines_height(self.caption, _CAPTION_SIZE)

    def write(self, figure: Figure, theme: Theme = LIGHT) -> None:
        """Write title and caption onto a figure, which is called by its title."""
        figure.set_label(self.title.replace("\n", " "))
        width, height = figure.get_size_inches()
        left, top, bottom = MARGIN / width, 1 - _TITLE_TOP / height, CAPTION_BOTTOM / height
        figure.text(left, top, self.title, fontsize=_TITLE_SIZE, fontweight="bold", va="top", linespacing=_LINE)
        quiet: dict[str, Any] = {"fontsize": _CAPTION_SIZE, "color": theme.quiet_ink, "linespacing": _LINE}
        figure.text(left, bottom, self.caption, va="bottom", **quiet)


def _wrap(text: str, width: float, letter: float) -> str:
    letters = max(1, int(width * _POINTS_PER_INCH / letter))
    lines = (textwrap.wrap(line, letters, break_on_hyphens=False) for line in text.splitlines())
    return "\n".join(part for line in lines for part in line)


def _lines_height(text: str, size: float) -> float:
    return (text.count("\n") + 1) * _LINE * size / _POINTS_PER_INCH if text else 0.0


def check_suffix(path: Path) -> None:
    """Refuse a figure's file name before any work is done for it.

    Raises
    ------
    UsageError
        If the ending is none that a figure can have.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"a figure cannot be written as {path.name}",
            hint=f"end it in {', '.join(SUFFIXES)}, or name a folder that is there",
        )


def render(figure: Figure, path: Path, dpi: int = DEFAULT_DPI) -> None:
    """Write a figure as PNG, SVG or PDF, going by the file's suffix; the same figure gives the same bytes.

    Raises
    ------
    UsageError
        If the suffix is another.
    StorageError
        If the file cannot be written.
    """
    check_suffix(path)
    suffix = path.suffix.lower()

    title = {"Title": str(figure.get_label())} if figure.get_label() else {}
    publish(path, lambda stream: encode(figure, stream, suffix, title, dpi=dpi))


def encode(
    figure: Figure, stream: IO[bytes], suffix: str, metadata: Mapping[str, str] | None = None, **layout: Any
) -> None:
    """Write a figure into a stream, without the time of drawing; `suffix` says as what, `layout` is matplotlib's."""
    with styled(), warnings.catch_warnings():
        # A text may hold letters that the font lacks: they show as boxes, and a warning would say no more.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(stream, format=suffix[1:], metadata={**_METADATA[suffix], **(metadata or {})}, **layout)


def side_colour(side: Side, sides: Sequence[Side]) -> str:
    """Return the colour of a side's bars beside those of the others."""
    return HEMISPHERE_COLOURS.get(side) or _SIDE_COLOURS[sides.index(side) % len(_SIDE_COLOURS)]
