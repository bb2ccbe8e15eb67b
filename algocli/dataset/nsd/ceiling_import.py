"""Brings noise ceilings from elsewhere to where the organisers put them, so that every later step finds them.

All subjects' files are read and checked before the first is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_choice
from algocli.dataset.arrays import open_array, save_array
from algocli.dataset.ceilings import CeilingUnit, Repeats, as_share, ceiling_from_ncsnr, list_faults, unit_of
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.nsd.ceiling_files import CeilingFiles, read_vertices
from algocli.dataset.nsd.trials import count_repeats, usual_repeats
from algocli.dataset.sides import Hemisphere
from algocli.errors import DataError, UsageError

_Ceiling = NDArray[np.float64]


@dataclass(frozen=True)
class ImportedCeiling:
    """The noise ceilings of one hemisphere, and what they were made from; mean and median are shares of variance.

    `read_as` is the unit of the source, `assumed` whether its maximum alone told so; `repeats` (test images shown
    3, 2, 1 times) belongs to signal-to-noise ratios. `is_new` is False where the same ceilings were there already.
    """

    subject: int
    hemisphere: Hemisphere
    n_vertices: int
    mean: float
    median: float
    n_zero: int
    read_as: CeilingUnit | Literal["ncsnr"]
    assumed: bool
    repeats: Repeats | None
    source: Path
    path: Path
    is_new: bool


@dataclass(frozen=True)
class CeilingConversion:
    """How the numbers of a source become shares of variance.

    `unit` is that of noise ceilings, by default told by the maximum of both hemispheres. `repeats`, or a table to
    count them from (`stim_info`), is for signal-to-noise ratios; without either, what is known of the subject.
    """

    unit: CeilingUnit | None = None
    repeats: Repeats | None = None
    stim_info: Path | None = None

    def __post_init__(self) -> None:
        if self.unit is not None:
            check_choice("unit", self.unit, get_args(CeilingUnit))

    def check(self, files: CeilingFiles) -> None:
        """Refuse what has no meaning for such files.

        Raises
        ------
        UsageError
            If a unit is given for ratios, or repeats for noise ceilings.
        """
        if files.hold_ratios and self.unit is not None:
            raise UsageError("signal-to-noise ratios have no unit", hint="leave out unit=...: it is for .npy files")
        if not files.hold_ratios and (self.repeats is not None or self.stim_info is not None):
            raise UsageError(
                "noise ceilings in .npy files know of repeats already",
                hint="leave out repeats=... and stim_info=...: they are for .mgh files",
            )


def import_ceilings(
    subjects: Sequence[Subject], files: Mapping[int, CeilingFiles], how: CeilingConversion, *, force: bool = False
) -> list[ImportedCeiling]:
    """Write the noise ceilings of some subjects into their challenge folders, float64 shares of variance.

    Parameters
    ----------
    files
        Those of each subject, by number.
    force
        Whether to replace other ceilings that are there.

    Raises
    ------
    UsageError
        If other ceilings are there and are not to be replaced, or repeats are needed and not known.
    DataError
        If a file is damaged, does not fit the subject, or holds what no noise ceiling can be.
    StorageError
        If the challenge folder cannot be written.
    """
    ready = [converted for subject in subjects for converted in _convert(subject, files[subject.number], how)]
    taken = [row.path for row, _ in ready if row.is_new and row.path.exists()]
    if taken and not force:
        more = f" ({len(taken)} such files in all)" if taken[1:] else ""
        raise UsageError(f"{taken[0]} holds other noise ceilings already{more}", hint="replace them with force=True")
    for row, ceiling in ready:
        if row.is_new:
            save_array(row.path, ceiling)
    return [row for row, _ in ready]


def read_ceilings(subject: Subject, files: CeilingFiles, how: CeilingConversion) -> dict[Hemisphere, _Ceiling]:
    """Return a subject's noise ceilings from elsewhere, (n_vertices,) shares of variance, and write nothing.

    Raises
    ------
    UsageError, DataError
        As for `import_ceilings`.
    """
    return {row.hemisphere: ceiling for row, ceiling in _convert(subject, files, how)}


def _convert(
    subject: Subject, files: CeilingFiles, how: CeilingConversion
) -> Iterator[tuple[ImportedCeiling, _Ceiling]]:
    """Yield each hemisphere's noise ceilings, (n_vertices,), with all that there is to say about them."""
    how.check(files)
    values = {h: read_vertices(path, subject, h) for h, path in files.paths.items()}
    repeats = _find_repeats(subject, how) if files.hold_ratios else None
    unit = None if files.hold_ratios else _find_unit(np.concatenate(list(values.values())), files, how)
    for hemisphere, path in files.paths.items():
        try:
            if repeats is not None:
                ceiling = ceiling_from_ncsnr(values[hemisphere], repeats)
            else:
                ceiling, _ = as_share(values[hemisphere], unit)
        except DataError as error:
            raise DataError(f"{path}: {error.message}", hint=error.hint) from error
        place = subject.layout.noise_ceiling(hemisphere)
        row = ImportedCeiling(
            subject=subject.number,
            hemisphere=hemisphere,
            n_vertices=len(ceiling),
            mean=float(ceiling.mean()),
            median=float(np.median(ceiling)),
            n_zero=int(np.count_nonzero(ceiling == 0)),
            read_as=unit or "ncsnr",
            assumed=unit is not None and how.unit is None,
            repeats=repeats,
            source=path,
            path=place,
            is_new=not _holds(place, ceiling),
        )
        yield row, ceiling


def _find_repeats(subject: Subject, how: CeilingConversion) -> Repeats:
    if how.repeats is not None:
        return how.repeats
    return usual_repeats(subject.number) if how.stim_info is None else count_repeats(subject, how.stim_info)


def _find_unit(ceilings: NDArray[Any], files: CeilingFiles, how: CeilingConversion) -> CeilingUnit:
    """Tell the unit of both hemispheres' noise ceilings together."""
    if how.unit == "percent" and unit_of(ceilings) == "share" and not list_faults(ceilings):
        raise UsageError(
            f"unit='percent': no value of {', '.join(path.name for path in files.paths.values())} is above "
            f"{ceilings.max(initial=0):.4g}, which would be less than 1 % of the variance everywhere",
            hint="unit='share'",
        )
    return how.unit or unit_of(ceilings)


def _holds(path: Path, ceiling: _Ceiling) -> bool:
    """Say whether a file holds just these ceilings, in just this form."""
    if not path.exists():
        return False
    try:
        present = open_array(path)
    # Whatever lies there, it is something else.
    except DataError:
        return False
    return present.dtype == ceiling.dtype and np.array_equal(present, ceiling)
