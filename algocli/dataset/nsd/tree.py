"""Where NSD keeps what a challenge folder is made of, and what is there of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from algocli.dataset.challenge.layout import subject_folder
from algocli.dataset.sides import HEMISPHERES, Hemisphere, prefix
from algocli.errors import DataError

# The challenge's responses come from this preparation of the betas, on fsaverage.
_BETAS = "nsddata_betas/ppdata/{subject}/fsaverage/betas_fithrf_GLMdenoise_RR"
_STIM_INFO = "nsddata/experiments/nsd/nsd_stim_info_merged.csv"
_STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
_SESSION = re.compile(r"(lh|rh)\.betas_session([0-9]{2})\.mgh")


@dataclass(frozen=True)
class Tree:
    """One subject's part of a copy of NSD, and the two files that all subjects share."""

    subject: int
    betas: Path
    stim_info: Path
    stimuli: Path

    @classmethod
    def of(cls, nsd: Path, subject: int, *, stim_info: Path | None = None, stimuli: Path | None = None) -> Tree:
        """Return where things lie; the two files may be elsewhere."""
        betas = nsd / _BETAS.format(subject=subject_folder(subject))
        return cls(subject, betas, stim_info or nsd / _STIM_INFO, stimuli or nsd / _STIMULI)

    def session(self, hemisphere: Hemisphere, number: int) -> Path:
        """Return the file of a session's betas; sessions count from 1."""
        return self.betas / f"{prefix(hemisphere)}.betas_session{number:02d}.mgh"

    def ncsnr(self, hemisphere: Hemisphere) -> Path:
        """Return the file of signal-to-noise ratios, which need not be there."""
        return self.betas / f"{prefix(hemisphere)}.ncsnr.mgh"

    @property
    def has_ratios(self) -> bool:
        """Whether both hemispheres have their signal-to-noise ratios."""
        return all(self.ncsnr(h).is_file() for h in HEMISPHERES)

    def count_sessions(self) -> int:
        """Count the sessions, which must be there from the first to the last for both hemispheres.

        Raises
        ------
        DataError
            If there is none, or one is missing in between.
        """
        if not self.betas.is_dir():
            raise DataError(
                f"{self.betas} is missing",
                hint="NSD's betas_fithrf_GLMdenoise_RR on fsaverage are needed, laid out as NSD has them",
            )
        names = [match for path in self.betas.iterdir() if (match := _SESSION.fullmatch(path.name))]
        if not names:
            raise DataError(f"{self.betas} holds no betas: lh.betas_session01.mgh and its like were expected")
        n_sessions = max(int(match[2]) for match in names)
        wanted = [self.session(h, number) for number in range(1, n_sessions + 1) for h in HEMISPHERES]
        missing = [path.name for path in wanted if not path.is_file()]
        if missing:
            more = f" and {len(missing) - 1} other files" if missing[1:] else ""
            raise DataError(f"{self.betas} lacks {missing[0]}{more}: its last session is {n_sessions}")
        for path in (self.stim_info, self.stimuli):
            if not path.is_file():
                raise DataError(f"{path} is missing")
        return n_sessions
