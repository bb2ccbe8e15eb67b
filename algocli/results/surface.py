"""The cortex as a mesh.

fsaverage's first 10,242 vertices of a hemisphere are fsaverage5's, and its first 40,962 are fsaverage6's, in the same
order. Coordinates must always come from the mesh that is drawn.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_choice
from algocli.dataset.challenge.layout import N_FSAVERAGE, N_FSAVERAGE5
from algocli.dataset.sides import HEMISPHERES, Side
from algocli.errors import DataError
from algocli.results.mesh_files import data_places, fetch_folder, find_folder, read_trusted

T = TypeVar("T")
Surface = Literal["fsaverage5", "fsaverage6", "fsaverage"]

N_VERTICES: dict[Surface, int] = {"fsaverage5": N_FSAVERAGE5, "fsaverage6": 40_962, "fsaverage": N_FSAVERAGE}
# What a picture cannot do without. There is also 'flat', without which one view is left out.
_NEEDED = ("infl", "sulc")
# The one that nilearn brings along.
_PACKAGED: Surface = "fsaverage5"


@dataclass(frozen=True)
class Mesh:
    """One hemisphere, inflated or flat.

    `points` (n_vertices, 3) in mm: of an inflated one x to the right, y to the front, z up; of a flat one z is 0, and
    the points of vertices outside the patch are NaN. `faces` (n_faces, 3), counter-clockwise seen from outside.
    `sulcal_depth` (n_vertices,), positive in a sulcus. `normals` (n_vertices, 3), unit, outward.
    """

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    sulcal_depth: NDArray[np.float64]
    normals: NDArray[np.float64]

    @property
    def n_vertices(self) -> int:
        """The number of vertices."""
        return len(self.points)


@lru_cache(maxsize=4)
def load_mesh(surface: Surface, hemisphere: Side) -> Mesh:
    """Load an inflated hemisphere.

    fsaverage5 lies inside nilearn and needs no network. The larger surfaces are looked for where nilearn keeps its
    data (the environment variable NILEARN_DATA names another place), and fetched to there once if they are missing.

    Raises
    ------
    DataError
        If the surface cannot be had, or its files are damaged or do not fit together.
    """
    return _inflated(surface, _folder(surface), hemisphere)


@lru_cache(maxsize=4)
def load_flat(surface: Surface, hemisphere: Side) -> Mesh | None:
    """Load a hemisphere cut open and flattened; nothing where its file is not there.

    The occipital pole is on the right of the left hemisphere's patch and on the left of the right one's; up is up.

    Raises
    ------
    DataError
        If the file is damaged or does not fit the inflated mesh.
    """
    return _flattened(_folder(surface), load_mesh(surface, hemisphere), surface, hemisphere)


def _folder(surface: Surface) -> Path:
    """Return the folder of a surface's files; fetch them if need be."""
    check_choice("surface", surface, tuple(N_VERTICES))
    if surface == _PACKAGED:
        return _inside_nilearn()
    places, needed = data_places(), _needed()
    folder = find_folder(surface, places, needed)
    return folder or fetch_folder(surface, places, needed, partial(_fetch, surface), partial(_check, surface))


def surfaces_here() -> dict[Surface, bool]:
    """Say of each surface whether its files are on this machine; nothing is fetched, nor read."""
    here = {name: find_folder(name, data_places(), _needed()) is not None for name in N_VERTICES}
    return {**here, _PACKAGED: _packaged() is not None}


def _needed() -> list[str]:
    return [_file(part, hemisphere) for part in _NEEDED for hemisphere in HEMISPHERES]


def _inside_nilearn() -> Path:
    """Return nilearn's own folder of fsaverage5, as a rule without importing nilearn, which takes two seconds."""
    folder = _packaged()
    if folder is not None:
        return folder
    from nilearn.datasets import fetch_surf_fsaverage

    return Path(fetch_surf_fsaverage(_PACKAGED)["infl_left"]).parent


def _packaged() -> Path | None:
    package = find_spec("nilearn")
    places = (package.submodule_search_locations or []) if package else []
    return find_folder(_PACKAGED, [Path(place) / "datasets/data" for place in places], _needed())


def _file(part: str, hemisphere: Side) -> str:
    return f"{part}_{hemisphere}.gii.gz"


def _fetch(surface: Surface, place: Path) -> None:
    """Let nilearn fetch a surface: it says how far it is, and gives up on a server that is silent for a minute."""
    from nilearn.datasets import fetch_surf_fsaverage

    with redirect_stdout(_Progress()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what goes wrong is raised as well
        fetch_surf_fsaverage(surface, data_dir=str(place))


class _Progress(io.TextIOBase):
    """Lets through how far a download is, to stderr: nilearn says that and much more, and on stdout."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text) if "Download" in text else len(text)


def _check(surface: Surface, folder: Path) -> None:
    """Read both hemispheres of what arrived, which also takes down their digests."""
    for hemisphere in HEMISPHERES:
        _flattened(folder, _inflated(surface, folder, hemisphere), surface, hemisphere)


def _inflated(surface: Surface, folder: Path, hemisphere: Side) -> Mesh:
    points, faces = _read(surface, folder / _file("infl", hemisphere), _read_sphere)
    depth = _read(surface, folder / _file("sulc", hemisphere), _read_depth)
    return Mesh(points, faces, depth, vertex_normals(points, faces))


def _flattened(folder: Path, inflated: Mesh, surface: Surface, hemisphere: Side) -> Mesh | None:
    path = folder / _file("flat", hemisphere)
    if not path.is_file():
        return None
    points, faces = _read(surface, path, _read_mesh)
    inside = np.zeros(len(points), dtype=bool)
    inside[faces] = True
    patch = np.where(inside[:, None], points * (1.0, 1.0, 0.0), np.nan)
    return Mesh(patch, faces, inflated.sulcal_depth, np.tile((0.0, 0.0, 1.0), (len(points), 1)))


def _read(surface: Surface, path: Path, reader: Callable[[Path, Surface], T]) -> T:
    """Read a file; what was fetched must also be what it was the first time."""

    def read(path: Path) -> T:
        return reader(path, surface)

    return read(path) if surface == _PACKAGED else read_trusted(path, read)


def _read_sphere(path: Path, surface: Surface) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read a closed surface, and make sure that its first vertices are fsaverage5's."""
    points, faces = _read_mesh(path, surface)
    # An icosahedron whose faces are cut in four again and again has twice as many faces as vertices, less four.
    if len(faces) != 2 * len(points) - 4 or not np.isfinite(points).all():
        raise DataError(f"{path} is no whole surface of {surface}: it has {len(faces):,} faces", hint=_remedy(path))
    if surface != _PACKAGED:
        smaller = load_mesh(_PACKAGED, HEMISPHERES[0]).faces  # both hemispheres have the same
        coarse = coarsened(faces, N_FSAVERAGE5)
        if coarse is None or not np.array_equal(coarse, edges_of(smaller)):
            raise DataError(f"{path} has its vertices in another order than {surface} has", hint=_remedy(path))
    return points, faces


def _read_mesh(path: Path, surface: Surface) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    arrays = _parsed(path, ("pointset", "triangle"))
    points, faces = np.asarray(arrays[0], dtype=np.float64), np.asarray(arrays[1], dtype=np.int64)
    expected = N_VERTICES[surface]
    if points.shape != (expected, 3):
        raise DataError(f"{path} has {len(points):,} vertices; {surface} has {expected:,}", hint=_remedy(path))
    if not len(faces) or faces.min() < 0 or faces.max() >= expected or not np.isfinite(points[faces]).all():
        raise DataError(f"{path} has faces with corners that are nowhere", hint=_remedy(path))
    return points, faces


def _read_depth(path: Path, surface: Surface) -> NDArray[np.float64]:
    depth = np.asarray(_parsed(path)[0], dtype=np.float64)
    if depth.shape != (N_VERTICES[surface],) or not np.isfinite(depth).all():
        said = f"{path} has {np.isfinite(depth).sum():,} depths"
        raise DataError(f"{said}; {surface} has {N_VERTICES[surface]:,} vertices", hint=_remedy(path))
    return depth


def _parsed(path: Path, intents: Sequence[str] = ()) -> tuple[NDArray[Any], ...]:
    """Read arrays of a GIFTI file, all or those for some purposes; readers raise all kinds of errors for a torn one."""
    import nibabel

    try:
        image: Any = nibabel.load(path)
        arrays = image.agg_data(tuple(intents)) if intents else [array.data for array in image.darrays]
        if not arrays or any(isinstance(array, tuple) or array.size == 0 for array in arrays):
            raise ValueError("an array is missing")
    except Exception as error:
        raise DataError(f"{path} is no surface file, or it is damaged", hint=_remedy(path)) from error
    return tuple(arrays)


def _remedy(path: Path) -> str:
    """Say how to come by a sound copy of a file: one that is missing alone is not fetched."""
    if path.parent == _inside_nilearn():
        return "it belongs to nilearn: install that again"
    return f"delete the folder {path.parent}, and it is fetched again"


def edges_of(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return every edge once, (n_edges, 2): its lower vertex first, sorted."""
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    # As one number each they sort many times as fast as rows do.
    return np.stack(np.divmod(np.unique(pairs[:, 0] << 32 | pairs[:, 1]), 1 << 32), axis=1)


def coarsened(faces: NDArray[np.int64], n: int) -> NDArray[np.int64] | None:
    """Undo cuts of every face in four until `n` vertices are left.

    Each cut puts a new vertex on each edge, which then has two neighbours among the older ones: the ends of that edge.

    Returns
    -------
    (n_edges, 2), as `edges_of`, or nothing where the surface is not made so.
    """
    edges = edges_of(faces)
    while (n_now := int(edges.max()) + 1) > n:
        n_older = (n_now + 6) // 4  # of v vertices, 3v - 6 edges: each gives one more
        new = edges[(edges[:, 0] < n_older) & (edges[:, 1] >= n_older)]
        new = new[np.argsort(new[:, 1], kind="stable")]
        if not np.array_equal(new[:, 1], np.repeat(np.arange(n_older, n_now), 2)):
            return None
        edges = new[:, 0].reshape(-1, 2)
        edges = edges[np.lexsort(edges.T[::-1])]
    return edges


def vertex_normals(points: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Average the directions of the faces around each vertex, larger faces counting more.

    Returns
    -------
    (n_vertices, 3) float64, of length 1
    """
    corners = points[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(points)) for axis in range(3)], axis=1
    )
    lengths: NDArray[np.float64] = np.linalg.norm(normals, axis=1, keepdims=True)
    unit: NDArray[np.float64] = normals / np.maximum(lengths, 1e-12)
    return unit
