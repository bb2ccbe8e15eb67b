"""What the fitting of one hemisphere holds, from which a regression reckons how much memory it takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """What the fitting of a hemisphere holds, in bytes, of a subject of this size.

    Attributes
    ----------
    n_layers, n_components
        How many have components of their own, and how many columns the fits made together have.
    loadings
        The products of components and responses, while they are made.
    n_fits
        How many are made together.
    """

    n_fit: int
    n_vertices: int
    n_layers: int
    n_components: int
    responses: int
    coefficients: int
    loadings: int
    predictions: int
    n_fits: int = 1

    @property
    def total(self) -> int:
        """All of it."""
        return self.responses + self.coefficients + self.loadings + self.predictions
