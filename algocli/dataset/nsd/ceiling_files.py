"""Files of noise ceilings from elsewhere: where they lie in a folder, and what a subject's vertices have in them."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.opening import read_file
from algocli.dataset.arrays import open_array
from algocli.dataset.challenge.layout import (
    N_FSAVERAGE,
    SUBJECTS,
    describe_owners,
    official_owners,
    subject_folder,
)
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere, prefix
from algocli.errors import DataError, UsageError, first_line

# What nibabel reads: signal-to-noise ratios on a surface. A .npy holds noise ceilings themselves.
MAPS = (".mgh", ".mgz")
_SUFFIXES = (".npy", *MAPS)
_IN_A_FOLDER = ("{side}_noise_ceiling.npy", "{side}.ncsnr.mgh", "{side}.ncsnr.mgz")
# NSD keeps ratios for several preparations of its responses; the challenge's come from this one.
_IN_NSD = "fsaverage/betas_fithrf_GLMdenoise_RR"
_ALL_OF_NSD = "nsddata_betas/ppdata"
_MOST_LISTED = 5
# One of fsaverage takes a megabyte, uncompressed.
_LARGEST_MAP = 256 * 2**20
_OTHER_SURFACES = {10_242: "fsaverage5", 40_962: "fsaverage6"}
_NAMES = "lh_noise_ceiling.npy and rh_noise_ceiling.npy, or lh.ncsnr.mgh and rh.ncsnr.mgh"


@dataclass(frozen=True)
class CeilingFiles:
    """One file a hemisphere, of one kind: noise ceilings (.npy) or signal-to-noise ratios (.mgh)."""

    paths: Mapping[Hemisphere, Path]

    def __post_init__(self) -> None:
        if len({path.suffix.lower() in MAPS for path in self.paths.values()}) > 1:
            left, right = self.paths.values()
            raise UsageError(f"{left.name} and {right.name} are of two kinds", hint=f"give {_NAMES}")

    @property
    def hold_ratios(self) -> bool:
        """Whether the files hold signal-to-noise ratios, of which noise ceilings are still to be made."""
        return self.paths["left"].suffix.lower() in MAPS


def find_files(sources: Sequence[Path], subjects: Sequence[int], *, asked: bool) -> dict[int, CeilingFiles]:
    """Find the files of some subjects in a folder, or take the two files that are given.

    Parameters
    ----------
    sources
        One folder, which holds folders subj01 to subj08 or is itself that of the only subject; or two files.
    subjects
        Subject numbers.
    asked
        Whether the user chose them: if not, those that the folder lacks are left out.

    Raises
    ------
    UsageError
        If it cannot be told which file is whose.
    DataError
        If a file is missing.
    """
    if len(sources) == 1 and sources[0].is_dir():
        folder = sources[0]
        homes = _homes(folder)
        if homes:
            return {n: _search(homes[n]) for n in _shared(folder, subjects, tuple(homes), asked)}
        files = _search(folder)
    else:
        files = CeilingFiles(_pair(sources))
    return {_only(subjects, files): files}


def _homes(folder: Path) -> dict[int, Path]:
    """Return the folder of each subject, within a folder of them or within a whole copy of NSD."""
    for home in (folder, folder / _ALL_OF_NSD):
        homes = {n: home / subject_folder(n) for n in SUBJECTS if (home / subject_folder(n)).is_dir()}
        if homes:
            return homes
    return {}


def _shared(folder: Path, subjects: Sequence[int], there: Sequence[int], asked: bool) -> list[int]:
    """Return the subjects that a folder is to give, refusing one that lacks what was asked for, or all."""
    shared = [n for n in subjects if n in there]
    lacking = [n for n in subjects if n not in there]
    if lacking and (asked or not shared):
        has = ", ".join(map(str, there))
        raise DataError(f"{folder} has no subject {', '.join(map(str, lacking))}: it holds {has}")
    return shared


def _search(folder: Path) -> CeilingFiles:
    return CeilingFiles({h: _search_side(folder, h) for h in HEMISPHERES})


def _search_side(folder: Path, hemisphere: Hemisphere) -> Path:
    """Return a hemisphere's only file in a folder, or where NSD keeps the challenge's, or else anywhere below."""
    names = [name.format(side=prefix(hemisphere)) for name in _IN_A_FOLDER]
    here, usual = ([home / name for name in names if (home / name).is_file()] for home in (folder, folder / _IN_NSD))
    paths = here or usual or sorted(path for name in names for path in folder.rglob(name))
    if not paths:
        raise DataError(f"{folder} has no noise ceilings of the {hemisphere} hemisphere", hint=f"expected: {_NAMES}")
    if len(paths) > 1:
        listed = "\n  ".join(map(str, paths[:_MOST_LISTED])) + ("\n  ..." if paths[_MOST_LISTED:] else "")
        raise UsageError(
            f"{folder} has {len(paths)} files for the {hemisphere} hemisphere:\n  {listed}",
            hint="one subject at a time, name the one that is meant: "
            f"`algocli import-ceilings {quote(str(paths[0].parent))} -s N`",
        )
    return paths[0]


def _pair(files: Sequence[Path]) -> dict[Hemisphere, Path]:
    for path in files:
        if not path.is_file():
            raise DataError(f"{path} is no file or folder")
        if path.suffix.lower() not in _SUFFIXES:
            raise UsageError(f"{path} is of no kind that can be imported: .npy and .mgh are", hint=f"give {_NAMES}")
    named = [(hemisphere_of(path), path) for path in files]
    pair = dict(named)
    if len(files) != len(HEMISPHERES) or len(pair) != len(HEMISPHERES):
        names = ", ".join(path.name for path in files)
        raise UsageError(f"one file a hemisphere was expected, found {names}", hint=f"give {_NAMES}, or their folder")
    return {h: pair[h] for h in HEMISPHERES}


def hemisphere_of(path: Path) -> Hemisphere:
    """Return which hemisphere the name of a file says it is of, as in lh.ncsnr.mgh.

    Raises
    ------
    UsageError
        If it says none, or both.
    """
    words = re.split(r"[^a-z0-9]+", path.name.lower())
    sides = [h for h in HEMISPHERES if {prefix(h), h} & set(words)]
    if len(sides) != 1:
        raise UsageError(f"the name of {path.name} does not say which hemisphere it is of", hint="call it lh or rh")
    return sides[0]


def _only(subjects: Sequence[int], files: CeilingFiles) -> int:
    """Return the subject that two files are for."""
    if len(subjects) != 1:
        raise UsageError(
            f"{files.paths['left'].name} and {files.paths['right'].name} are one subject's; {len(subjects)} subjects "
            "were chosen",
            hint=f"say whose they are, as in -s {subjects[0]}, or name a folder that holds subj01, subj02, ...",
        )
    # Six of the eight subjects have the same number of vertices: only a name can give a mistake away.
    for path in files.paths.values():
        named = re.findall(r"subj0?([1-8])(?![0-9])", str(path))
        if named and int(named[-1]) != subjects[0]:
            raise UsageError(
                f"by its name {path} is of subject {named[-1]}; subject {subjects[0]} was chosen",
                hint=f"choose -s {named[-1]}, or rename it",
            )
    return subjects[0]


def read_vertices(path: Path, subject: Subject, hemisphere: Hemisphere) -> NDArray[Any]:
    """Read what a file says of the challenge's vertices.

    Returns
    -------
    (n_vertices,)
        In the file's own type and unit. Of a file with a value for every vertex of fsaverage only those of the
        challenge.

    Raises
    ------
    DataError
        If the file is damaged, or has another number of values than the subject or fsaverage has vertices.
    """
    values = read_map(path) if path.suffix.lower() in MAPS else open_array(path)
    if values.dtype.kind not in "fiu" or values.size != max(values.shape, default=0):
        raise DataError(f"{path} is {values.dtype} of shape {values.shape}; one number for each vertex was expected")
    # A .mgh has three axes, two of them of length one.
    flat = values.reshape(-1)
    if len(flat) == N_FSAVERAGE:
        return flat[subject.fsaverage_vertices(hemisphere)]
    if path.suffix.lower() in MAPS:
        surface = _OTHER_SURFACES.get(len(flat))
        raise DataError(
            f"{path} has {len(flat)} values; fsaverage has {N_FSAVERAGE} vertices",
            hint=f"this is a map on {surface or 'another surface'}: take the one on fsaverage",
        )
    n_vertices = subject.n_vertices(hemisphere)
    if len(flat) != n_vertices:
        raise DataError(
            f"{path} has {len(flat)} values; the {hemisphere} mask of {subject.name} has {n_vertices} vertices",
            hint=_whose(len(flat), subject, hemisphere),
        )
    return flat


def _whose(n_values: int, subject: Subject, hemisphere: Hemisphere) -> str:
    if any(n_values == subject.n_vertices(h) for h in HEMISPHERES):
        return "this looks like the other hemisphere: left and right may be swapped"
    # No number of images is known, so the number of vertices alone decides.
    owners = official_owners(-1, n_values, "test")
    if (subject.number, hemisphere) in owners:
        return "this fits the released data of the subject, whose masks this data folder does not have"
    return describe_owners(subject.number, hemisphere, owners) or "was it made for another subject?"


def read_map(path: Path) -> NDArray[Any]:
    """Read a map of FreeSurfer's, .mgh, .mgz, .nii or .nii.gz, with all its axes.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    from nibabel.freesurfer.mghformat import MGHImage
    from nibabel.nifti1 import Nifti1Image

    try:
        # Bytes, as nibabel leaves the files that it opens to the garbage collector; a map is small.
        content = read_file(path, _LARGEST_MAP)
        if path.suffix.lower() in (".mgz", ".gz"):
            with gzip.open(io.BytesIO(content)) as stream:
                content = stream.read(_LARGEST_MAP)
        kind = MGHImage if path.suffix.lower() in MAPS else Nifti1Image
        return np.asarray(kind.from_bytes(content).dataobj)
    except DataError:
        raise
    # On a damaged file nibabel raises its own errors, and those of struct, zlib, gzip and numpy.
    except Exception as error:
        reason = first_line(error).replace(str(path), "it")
        raise DataError(f"{path} is no whole map of FreeSurfer: {reason}", hint="copy the file again") from error
