"""The leaderboard from Python: the zip, and its verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial as bound
from pathlib import Path
from typing import Any, Literal

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_flag, check_path, check_whole
from algocli.compute.command_lines import as_typed
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.challenge.layout import check_subjects
from algocli.errors import UsageError
from algocli.pipeline.arguments import FIND_RUN, ChallengeData, as_challenge, challenge_of, each_run
from algocli.pipeline.defaults import DEFAULT_ZIP
from algocli.runs.commands import on_its_data
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.networks import networks_of, tell_random_weights
from algocli.runs.run import Run
from algocli.submission.package import Packaged, Prediction, package
from algocli.submission.shapes import ExpectedShapes
from algocli.submission.sources import averaged, in_folder, of_runs
from algocli.submission.validate import validate as check_zip
from algocli.submission.verdict import Verdict


@forgiving
@anew
def submit(
    runs: Run | Sequence[Run] | Path | str,
    path: Path | str = DEFAULT_ZIP,
    *,
    average: bool = False,
    weighted: bool = False,
    partial: bool = False,
    mantissa_bits: int | Literal["auto"] = "auto",
    subjects: Iterable[int] | int | None = None,
    data_dir: ChallengeData | None = None,
    track: Track = shown,
    note: Note = said_aside,
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
        The challenge folder, which says how many test images and vertices are expected; by default the one that the
        runs were trained on, or the usual folder.
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
    bits = _bits(mantissa_bits)
    chosen = None if subjects is None else check_subjects(subjects)
    provenance: Mapping[str, Any]
    train: Callable[[Sequence[int]], str] | None = None
    if isinstance(runs, str | Path):
        if average:
            raise UsageError(
                "a folder of predictions is no run, and nothing is averaged", hint="leave average=True out"
            )
        folder = check_path("runs", runs)
        expected = ExpectedShapes.of(challenge_of([], data_dir))
        predictions = in_folder(folder, expected, chosen)
        provenance = {"from": str(folder.resolve())}
    else:
        several = each_run(runs)
        if not several:
            raise UsageError("runs: there is none", hint=FIND_RUN)
        train = bound(on_its_data, several[0].folder, several[0].settings)
        predictions, provenance = _from_runs(several, chosen, note, average=average, weighted=weighted)
        expected = ExpectedShapes.of(challenge_of(several, data_dir))
    return package(
        predictions,
        check_path("path", path),
        expected,
        partial=check_flag("partial", partial),
        round_bits=bits,
        provenance=_signed(provenance),
        train=train,
        track=track,
    )


@forgiving
def validate(
    path: Path | str, *, data_dir: ChallengeData | None = None, partial: bool = False, track: Track = shown
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


def _bits(value: object) -> int | Literal["auto"]:
    if isinstance(value, str) and value == "auto":
        return "auto"
    expected = "'auto', or a whole number from 0 to 20, was expected"
    return check_whole("mantissa_bits", value, 0, 20, expected=expected)


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
    subjects = list(dict.fromkeys(prediction.subject for prediction in predictions))
    mixed = (remark for run in runs for remark in tell_mixtures(run, subjects))
    for remark in (*told, *mixed, *tell_random_weights(runs)):
        note(remark)
    average_of = {"average": "weighted" if weighted else "plain"} if average else {}
    return predictions, {**average_of, "runs": [_provenance(run, subjects) for run in runs]}


def _provenance(run: Run, subjects: Sequence[int]) -> dict[str, Any]:
    records = {str(n): run.subject(n).record for n in subjects if run.has(n)}
    of_data = {
        part: {n: about[part] for n, about in records.items() if about.get(part)} for part in ("inputs", "other_files")
    }
    return {"run": run.name, **networks_of(run).fields, "settings": asdict(run.settings), **of_data}


def _signed(provenance: Mapping[str, Any]) -> dict[str, Any]:
    from algocli import __version__

    return {"algocli": __version__, "command_line": as_typed(sys.argv), **provenance}
