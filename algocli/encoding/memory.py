"""How much memory a training takes at the most: told before it begins, and what does not fit is not begun.

Each stage is added up from the arrays that it has at one time; files that are mapped count as if they were read whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from algocli.encoding.components import n_pairs_kept
from algocli.encoding.eigen import MAX_BASIS_SHARE, USUAL_COLUMNS, is_exact
from algocli.encoding.kernels import fits_together
from algocli.encoding.loadings import BLOCK_BYTES, BLOCK_ROWS
from algocli.encoding.regressions.models import Held
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.features.store.gram import TILE_ROWS
from algocli.features.store.matrices import READ_ROWS, is_held
from algocli.features.store.readable import block_width
from algocli.features.store.tiles import GROUP_BYTES

# Python with numpy, scipy and zarr, measured; and what torch adds.
PROGRAM, TORCH = 200_000_000, 700_000_000
_SINGLE, _DOUBLE = 4, 8


@dataclass(frozen=True)
class Size:
    """What there is of a subject: its images, and the vertices of its larger hemisphere.

    `n_held_out` is the most that are held out at a time, where the settings do not say it; `n_columns` how many columns
    a fit has beside components (`Regression.n_columns`).
    """

    n_train: int
    n_test: int
    n_vertices: int
    n_held_out: int | None = None
    n_columns: int = 0

    @property
    def n_stimuli(self) -> int:
        """All images."""
        return self.n_train + self.n_test


def bytes_needed(settings: Settings, size: Size, *, with_torch: bool = False) -> int:
    """Return the bytes that the training of one subject takes at the most.

    Parameters
    ----------
    with_torch
        Whether large matrices are multiplied by torch, which has to be loaded then.
    """
    base = PROGRAM + (TORCH if with_torch or regression_of(settings).needs_torch else 0)
    if not regression_of(settings).takes_components(settings):
        return base + _regression(settings, size)
    kept = _components(settings, size)
    return base + max(gram_bytes(size.n_stimuli), kept + _eigen(settings, size), kept + _regression(settings, size))


def gram_bytes(n_stimuli: int) -> int:
    """Count half a matrix in float64, the same as float32 on its way to disk, and a block of columns.

    Of a matrix that does not fit in memory there is a group of tiles, or one row of them, and as much on its way.
    """
    whole, row = 2 * _SINGLE * n_stimuli**2, _DOUBLE * n_stimuli * TILE_ROWS
    return min(whole, 2 * max(GROUP_BYTES, row)) + _SINGLE * n_stimuli * block_width(n_stimuli)


def _components(settings: Settings, size: Size) -> int:
    """Count what is kept of all fits that are made together: vectors, and scores of the images to be predicted."""
    n_layers = _n_sets(settings)
    inner = regression_of(settings).n_inner_folds(settings)
    pairs = n_pairs_kept(settings.n_components, size.n_train)
    vectors = size.n_train * pairs * (1 + inner)
    # Every inner fold scores what it leaves out, together all fitted images; so does the fit itself.
    scores = (_n_held_out(settings, size) + size.n_test + (size.n_train if inner else 0)) * pairs
    stacked = size.n_train * pairs * n_layers if settings.join == "components" else 0
    return _together(settings, size) * _SINGLE * (n_layers * (vectors + scores) + stacked)


def _eigen(settings: Settings, size: Size) -> int:
    """Count a Gram matrix, that of all layers where they are joined, and what finding its eigenvectors takes."""
    n = size.n_train
    joined = len(settings.features) > 1 and _n_sets(settings) == 1
    read = size.n_stimuli if is_held(size.n_stimuli) or joined else READ_ROWS
    grams = (2 if joined else 1) * _SINGLE * size.n_stimuli * read
    pairs = n_pairs_kept(settings.n_components, n)
    if is_exact(n, pairs):
        # The matrix and its vectors in float64, and each once in float32.
        return grams + 2 * (_DOUBLE + _SINGLE) * n**2
    columns = min(int(MAX_BASIS_SHARE * n), USUAL_COLUMNS * pairs)
    # The basis, and the matrix as seen from within it with all its vectors and LAPACK's room to work.
    return grams + _SINGLE * n * (columns + 3 * pairs) + 6 * _DOUBLE * columns**2


def _regression(settings: Settings, size: Size) -> int:
    """Count one hemisphere's responses, the coefficients of all fits made together, and what comes of them."""
    n_layers, together = _n_sets(settings), _together(settings, size)
    n_components = ((settings.n_components or size.n_train) * n_layers + size.n_columns) * together
    vertices = size.n_vertices
    responses = _SINGLE * size.n_train * vertices
    coefficients = _SINGLE * n_components * vertices
    # Products in float64, once in float32, and once more where they are scaled; vectors and responses by blocks.
    loadings = 2 * min(12 * n_components * vertices, BLOCK_BYTES) + _SINGLE * BLOCK_ROWS * (n_components + vertices)
    predictions = _SINGLE * vertices * (3 * _n_held_out(settings, size) + 4 * size.n_test)
    held = Held(
        size.n_train,
        vertices,
        n_layers,
        n_components,
        responses,
        coefficients,
        loadings,
        predictions,
        together,
        size.n_columns,
    )
    return regression_of(settings).n_bytes(settings, held)


def _n_sets(settings: Settings) -> int:
    """Count the sets of components that a model has: one of every layer, or one of all that have any."""
    regression, n_layers = regression_of(settings), len(settings.features)
    if regression.reads_features:
        return int(regression.takes_components(settings))
    return n_layers if settings.keeps_layers_apart else 1


def _n_held_out(settings: Settings, size: Size) -> int:
    if size.n_held_out is not None:
        return size.n_held_out
    share = settings.holdout if settings.folds is None else 1 / settings.folds
    return int((share or 0) * size.n_train) + 1


def _together(settings: Settings, size: Size) -> int:
    n_fits = (settings.folds or 1) + settings.refit
    return min(n_fits, fits_together(settings, size.n_train, size.n_vertices))
