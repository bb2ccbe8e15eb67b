"""A chart: the figure, and the data that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Chart(Generic[Drawn]):
    """A figure, and what is drawn in it as it was before it became ink."""

    figure: Figure
    drawn: Drawn
