"""Receptive fields that a mapping experiment has measured: which files hold them, and what a subject's vertices have.

NSD has them as lh.prfangle.mgz and lh.prfeccentricity.mgz on each subject's own surface: degrees, the angle 0 to the
right, 90 up, and on against the clock. Here they are read once they lie on fsaverage, or in the challenge's order; also
as NIfTI, in which FreeSurfer, and `algocli export`, keep surfaces as lists of vertices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.arrays import open_array
from algocli.dataset.challenge.layout import N_FSAVERAGE
from algocli.dataset.nsd.ceiling_files import MAPS, hemisphere_of, read_map
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere, Side
from algocli.errors import DataError, UsageError

ANGLE, ECCENTRICITY = "prfangle", "prfeccentricity"
_MAPS = (*MAPS, ".nii", ".nii.gz")
_SUFFIXES = (*_MAPS, ".npy")
_NAMES = "lh.prfangle.mgz, lh.prfeccentricity.mgz, and rh"
# Of so many vertices, some look to the left.
_FEW = 20
# Files by hemisphere, and there by what they hold.
PrfFiles = Mapping[Hemisphere, Mapping[str, Path]]


def find_prf_files(paths: Iterable[Path]) -> PrfFiles:
    """Find files of receptive fields, by their names: those given, and all that lie in folders that are given.

    Raises
    ------
    UsageError
        If the name of a file does not say what it holds, and of which hemisphere, or two say the same.
    DataError
        If there is no such file, or none in a folder.
    """
    found: dict[Hemisphere, dict[str, Path]] = {}
    for path in chain.from_iterable(map(_files, paths)):
        side, holds = hemisphere_of(path), _quantity(path)
        if holds in found.setdefault(side, {}):
            raise UsageError(f"{found[side][holds]} and {path} both hold {holds} of the {side} hemisphere")
        found[side][holds] = path
    return {side: found[side] for side in HEMISPHERES if side in found}


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        files = [each for each in sorted(path.iterdir()) if _is_of(each, _SUFFIXES) and _holds(each)]
        if not files:
            raise DataError(f"{path} holds no receptive fields", hint=f"expected: {_NAMES}")
        yield from files
    elif not path.is_file():
        raise DataError(f"{path} is no file or folder")
    else:
        yield path


def _is_of(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)


def _holds(path: Path) -> list[str]:
    words = re.split(r"[^a-z0-9]+", path.name.lower())
    return [holds for holds in (ANGLE, ECCENTRICITY) if holds in words]


def _quantity(path: Path) -> str:
    if not _is_of(path, _SUFFIXES):
        raise UsageError(f"{path} is of no kind that is read here: {', '.join(_SUFFIXES)} are")
    holds = _holds(path)
    if len(holds) != 1:
        raise UsageError(f"the name of {path.name} does not say what it holds", hint=f"expected: {_NAMES}")
    return holds[0]


def read_prf(files: Mapping[str, Path], subject: Subject, side: Side) -> dict[str, NDArray[np.float64]]:
    """Read the receptive fields of a side's vertices.

    Returns
    -------
    By what it is (n_vertices,) in degrees, NaN where there is no field: where a file has no finite number, an
    eccentricity is not above 0, as where FreeSurfer has filled a map, or an angle is none of a circle.

    Raises
    ------
    DataError
        If a file is damaged, of another surface, or in radians.
    """
    fields = {holds: _read(path, subject, side) for holds, path in files.items()}
    nowhere = np.zeros(subject.n_vertices(side), bool)
    for holds, values in fields.items():
        nowhere |= ~np.isfinite(values) | (values <= 0 if holds == ECCENTRICITY else np.abs(values) > 360)
    known = {holds: np.where(nowhere, np.nan, values) for holds, values in fields.items()}
    if ANGLE in known and (~nowhere).sum() > _FEW and np.nanmax(np.abs(known[ANGLE])) <= 2 * np.pi:
        told = f"{files[ANGLE]} has no angle above 2 pi: these look like radians, and degrees are expected"
        raise DataError(told, hint="multiply them by 180 / pi")
    return known


def _read(path: Path, subject: Subject, side: Side) -> NDArray[np.float64]:
    values = read_map(path) if _is_of(path, _MAPS) else open_array(path)
    if values.dtype.kind not in "fiu" or values.size != max(values.shape, default=0):
        raise DataError(f"{path} is {values.dtype} of shape {values.shape}; one number for each vertex was expected")
    flat, n_vertices, places = (
        np.asarray(values, dtype=np.float64).reshape(-1),
        subject.n_vertices(side),
        subject.places(side),
    )
    if len(flat) == n_vertices:
        return flat
    if len(flat) == N_FSAVERAGE and places is not None and places.space == "fsaverage":
        return flat[places.vertices]
    raise DataError(
        f"{path} has {len(flat):,} values; the {side} side of subject {subject.id} has {n_vertices:,} vertices, and "
        f"fsaverage {N_FSAVERAGE:,}",
        hint="of a map on the subject's own surface, as NSD has it, make one on fsaverage: nsdcode's NSDmapdata does, "
        "by the nearest vertex",
    )
