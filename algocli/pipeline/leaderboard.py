"""The leaderboard from Python: the zip, its verdict, and the official score at home."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from algocli.compute.choices import check_flag, check_path
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.ceilings import Repeats
from algocli.dataset.challenge.layout import check_subjects
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import Hemisphere
from algocli.errors import UsageError
from algocli.pipeline.arguments import Data, as_challenge, each_run
from algocli.pipeline.defaults import DEFAULT_DATA
from algocli.results.data_of_runs import tell_other_places
from algocli.results.scoring import scored_subjects
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.run import Run
from algocli.submission.package import Packaged, Prediction, package
from algocli.submission.score import ReadCeiling, Score
from algocli.submission.score import score as compute_score
from algocli.submission.score_files import write_score_files
from algocli.submission.shapes import ExpectedShapes
from algocli.submission.sources import averaged, in_folder, in_zip, of_run, of_runs
from algocli.submission.validate import validate as check_zip
from algocli.submission.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def submit(
    runs: Run | Sequence[Run] | Path | str,
    path: Path | str = "submission.zip",
    *,
    average: bool = False,
    weighted: bool = False,
    partial: bool = False,
    mantissa_bits: int | Literal["auto"] = "auto",
    subjects: Iterable[int] | int | None = None,
    data_dir: Data = DEFAULT_DATA,
    track: Track = silent,
    note: Note = unheard,
) -> Packaged:
    """Write the leaderboard's zip of test predictions, prove it right, and only then give it its name.

    Parameters
    ----------
    runs
        A run, or several: a subject is taken from the first that has it. Or a folder of other tools' predictions,
        subj01/lh_pred_test.npy and so on, float32 (n_test, n_vertices).
    path
        The zip; a record of what is in it, with the same name ending in .json, is left beside it.
    average, weighted
        Submit the mean of two or more runs' predictions; weighted, each counts at a vertex by its validation r.
    partial
        Allow subjects to be missing.
    mantissa_bits
        How many of float32's 23 mantissa bits to round away; 'auto' for as few as keep the zip near or below 290 MB.
    subjects
        Numbers of the only subjects to submit.
    data_dir
        The challenge folder, which says how many test images and vertices are expected.
    track, note
        How to show progress and to say something by the way.

    Returns
    -------
    The zip's path, size and digest, and what there is to say of it.

    Raises
    ------
    UsageError
        If arguments do not go together.
    MissingStep
        If predictions are missing.
    DataError, StorageError
        If a prediction cannot be submitted, or the zip cannot be written.

    Examples
    --------
    >>> run = algocli.find_run("cache")
    >>> algocli.submit(run, "one.zip", partial=True, data_dir="demo").subjects
    (1,)
    """
    average, weighted = check_flag("average", average), check_flag("weighted", weighted)
    if weighted and not average:
        raise UsageError("weighted=True is for average=True", hint="algocli submit --average --weighted RUN RUN")
    chosen = None if subjects is None else check_subjects(subjects)
    provenance: Mapping[str, Any]
    if isinstance(runs, str | Path):
        if average:
            raise UsageError(
                "a folder of predictions is no run, and nothing is averaged", hint="leave average=True out"
            )
        folder = check_path("runs", runs)
        expected = ExpectedShapes.of(as_challenge(data_dir))
        predictions = in_folder(folder, expected, chosen)
        provenance = {"from": str(folder.resolve())}
    else:
        predictions, provenance = _from_runs(each_run(runs), chosen, note, average=average, weighted=weighted)
        expected = ExpectedShapes.of(as_challenge(data_dir))
    return package(
        predictions,
        check_path("path", path),
        expected,
        partial=check_flag("partial", partial),
        round_bits=mantissa_bits,
        provenance=_signed(provenance),
        track=track,
    )


def validate(
    path: Path | str, *, data_dir: Data | None = None, partial: bool = False, track: Track = silent
) -> Verdict:
    """List every fault of a submission's zip.

    Parameters
    ----------
    path
        The zip.
    data_dir
        A challenge folder to take the expected shapes from, instead of the official table.
    partial
        Allow subjects to be missing.

    Returns
    -------
    Its `ready` says whether the leaderboard would take the zip, its `faults` why not.

    Raises
    ------
    DataError
        If the file does not exist or cannot be opened.

    Examples
    --------
    >>> run = algocli.find_run("cache")
    >>> zipped = algocli.submit(run, "one.zip", partial=True, data_dir="demo")
    >>> algocli.validate(zipped.path, data_dir="demo", partial=True).ready
    True
    """
    expected = ExpectedShapes.official() if data_dir is None else ExpectedShapes.of(as_challenge(data_dir))
    return check_zip(check_path("path", path), expected, partial=check_flag("partial", partial), track=track)


def score(
    source: Run | Path | str,
    *,
    data_dir: Data = DEFAULT_DATA,
    subjects: Iterable[int] | int | None = None,
    nsd: Path | str | None = None,
    repeats: Repeats | Sequence[int] | None = None,
    stim_info: Path | str | None = None,
    folder: Path | str | None = None,
    track: Track = silent,
    note: Note = unheard,
) -> Score:
    """Compute the official score, where the true test responses are at hand.

    Each vertex's r over the test images, negative ones as 0; min(100, 100 r² / NC), NC the noise ceiling; the mean over
    all vertices of all subjects, in percent.

    Parameters
    ----------
    source
        A run, or a submission's zip.
    data_dir
        The challenge folder, with test responses and noise ceilings.
    subjects
        Numbers of the only subjects to score.
    nsd
        A folder of NSD's ncsnr.mgh files to compute the noise ceilings from.
    repeats, stim_info
        For `nsd`: how many test images were shown 3, 2 and 1 times, or NSD's table of stimuli to count them from.
    folder
        Where to write the leaderboard's four text files.
    track, note
        How to show progress and to say something by the way.

    Raises
    ------
    UsageError
        If arguments do not go together.
    MissingStep, DataError, StorageError
        If a subject, or data that is needed, is missing or damaged, or a file cannot be written.

    Examples
    --------
    >>> found = algocli.score(algocli.find_run("cache"), data_dir="demo")
    >>> 0 <= found.mean <= 100
    True
    """
    check_nsd(nsd, repeats, stim_info)
    challenge = as_challenge(data_dir)
    numbers = None if subjects is None else check_subjects(subjects)
    found = _predictions(source, challenge, numbers, track, note)
    read = None
    if nsd is not None:
        info = None if stim_info is None else check_path("stim_info", stim_info)
        read = _ceilings_of_nsd(challenge, found, check_path("nsd", nsd), repeats, info)
    result = compute_score(challenge, found, read=read, track=track)
    if folder is not None:
        write_score_files(result, check_path("folder", folder))
    return result


def check_nsd(
    nsd: Path | str | None, repeats: Repeats | Sequence[int] | str | None, stim_info: Path | str | None
) -> None:
    """Refuse what is for noise ceilings of NSD's without them, or says the same thing twice.

    Raises
    ------
    UsageError
        With the reason.
    """
    if nsd is None and (repeats is not None or stim_info is not None):
        raise UsageError("repeats=... and stim_info=... are for nsd=...", hint="name NSD's folder with nsd=DIR")
    if repeats is not None and stim_info is not None:
        raise UsageError("repeats=... and stim_info=... say the same thing", hint="give one of them")


def _from_runs(
    given: Sequence[Run], chosen: tuple[int, ...] | None, note: Note, *, average: bool, weighted: bool
) -> tuple[list[Prediction], Mapping[str, Any]]:
    """Return the predictions of runs, and what the record is to say of them."""
    runs = list({run.name: run for run in given}.values())
    if average:
        how = "weighted at each vertex by their validation r" if weighted else "all alike"
        told = [f"the mean of {', '.join(run.name for run in runs)}, {how}"]
        predictions = averaged(runs, chosen, weighted=weighted)
    else:
        predictions, told = of_runs(runs, chosen)
    subjects = list(dict.fromkeys(one.subject for one in predictions))
    for remark in (*told, *(remark for run in runs for remark in tell_mixtures(run, subjects))):
        note(remark)
    average_of = {"average": "weighted" if weighted else "plain"} if average else {}
    return predictions, {**average_of, "runs": [_provenance(run, subjects) for run in runs]}


def _provenance(run: Run, subjects: Sequence[int]) -> dict[str, Any]:
    inputs = {str(n): run.subject(n).record.get("inputs") for n in subjects if run.has(n)}
    return {"run": run.name, "settings": asdict(run.settings), "inputs": inputs}


def _signed(provenance: Mapping[str, Any]) -> dict[str, Any]:
    from algocli import __version__

    return {"algocli": __version__, "command_line": sys.argv, **provenance}


def _predictions(
    source: Run | Path | str, challenge: Challenge, numbers: tuple[int, ...] | None, track: Track, note: Note
) -> list[Prediction]:
    if not isinstance(source, Run):
        path = check_path("source", source)
        inside = in_zip(path, ExpectedShapes.of(challenge), track=track)
        chosen = [one for one in inside if numbers is None or one.subject in numbers]
        lacking = set(numbers or ()) - {one.subject for one in chosen}
        if lacking:
            raise UsageError(f"{source} holds no subject {', '.join(map(str, sorted(lacking)))}")
        return chosen
    pairs = scored_subjects(challenge, source, numbers)
    scored = [share.number for _, share in pairs]
    for remark in (*tell_other_places(pairs), *tell_mixtures(source, scored)):
        note(remark)
    return of_run(source, scored)


def _ceilings_of_nsd(
    challenge: Challenge,
    predictions: Sequence[Prediction],
    nsd: Path,
    repeats: Repeats | Sequence[int] | None,
    stim_info: Path | None,
) -> ReadCeiling:
    from algocli.dataset.nsd.ceiling_files import find_files
    from algocli.dataset.nsd.ceiling_import import Conversion, read_ceilings

    numbers = sorted({one.subject for one in predictions})
    try:
        files = find_files([nsd], numbers, asked=True)
    except UsageError as error:
        hint = "name NSD's root, or a folder that holds subj01, subj02, ... with one lh.ncsnr.mgh each"
        raise UsageError(error.message, hint=hint) from error
    if not all(one.hold_ratios for one in files.values()):
        raise UsageError(f"{nsd} holds noise ceilings; nsd=... is for ncsnr.mgh files", hint="algocli import-ceilings")
    how = Conversion(None, None if repeats is None else Repeats(*repeats), stim_info)

    @cache
    def ceilings(number: int) -> dict[Hemisphere, NDArray[np.float64]]:
        return read_ceilings(challenge.subject(number), files[number], how)

    def read(subject: Subject, hemisphere: Hemisphere) -> tuple[NDArray[np.float64], None]:
        return ceilings(subject.number)[hemisphere], None

    return read
