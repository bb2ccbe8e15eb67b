"""The official score from Python, where the true test responses are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_path, check_whole, said
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.ceilings import Repeats
from algocli.dataset.challenge.layout import check_subjects
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import Hemisphere
from algocli.errors import UsageError
from algocli.pipeline.arguments import ChallengeData, challenge_of
from algocli.results.data_of_runs import tell_data
from algocli.results.scoring import scored_subjects
from algocli.runs.datasets import refuse_another_place, tell_other_digests
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.networks import tell_random_weights
from algocli.runs.run import Run
from algocli.runs.scored_images import tell_fitted_tests
from algocli.submission.package import Prediction
from algocli.submission.score import ReadCeiling, Score, write_score_files
from algocli.submission.score import score as compute_score
from algocli.submission.shapes import ExpectedShapes
from algocli.submission.sources import in_zip, known_files, of_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@forgiving
@anew
def score(
    source: Run | Path | str,
    *,
    data_dir: ChallengeData | None = None,
    subjects: Iterable[int] | int | None = None,
    nsd: Path | str | None = None,
    repeats: Repeats | Sequence[int] | None = None,
    stim_info: Path | str | None = None,
    folder: Path | str | None = None,
    track: Track = shown,
    note: Note = said_aside,
) -> Score:
    """Compute the official score, where the true test responses are at hand.

    Each vertex's r over the test images, negative ones as 0; min(100, 100 r² / NC), NC the noise ceiling; the mean over
    all vertices of all subjects, in percent.

    Parameters
    ----------
    source
        A run, or a submission's zip.
    data_dir
        The challenge folder, with test responses and noise ceilings; by default the one that the run was trained on,
        or the usual folder.
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
    counts = _counts(repeats)
    challenge = challenge_of([source] if isinstance(source, Run) else [], data_dir)
    numbers = None if subjects is None else check_subjects(subjects)
    predictions = _predictions(source, challenge, numbers, track, note)
    read = None
    if nsd is not None:
        info = None if stim_info is None else check_path("stim_info", stim_info)
        read = _ceilings_of_nsd(challenge, predictions, check_path("nsd", nsd), counts, info)
    result = compute_score(challenge, predictions, read=read, track=track)
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


def _predictions(
    source: Run | Path | str, challenge: Challenge, numbers: tuple[int, ...] | None, track: Track, note: Note
) -> list[Prediction]:
    if not isinstance(source, Run):
        path = check_path("source", source)
        inside = in_zip(path, ExpectedShapes.of(challenge), track=track)
        chosen = [prediction for prediction in inside if numbers is None or prediction.subject in numbers]
        lacking = set(numbers or ()) - {prediction.subject for prediction in chosen}
        if lacking:
            raise UsageError(f"{source} holds no subject {', '.join(map(str, sorted(lacking)))}")
        known = known_files(path)
        for number in dict.fromkeys(prediction.subject for prediction in chosen):
            files = known.get(str(number), {})
            for remark in tell_other_digests(challenge.subject(number), files, f"the runs of {path.name} were trained"):
                note(remark)
        return chosen
    pairs = scored_subjects(challenge, source, numbers)
    scored = [share.id for _, share in pairs]
    for subject, share in pairs:
        refuse_another_place(subject, share, source.cache_dir, doing="scored", track=track)
    remarks = (*tell_data(pairs), *tell_mixtures(source, scored), *tell_fitted_tests(source, scored))
    for remark in (*remarks, *tell_random_weights([source])):
        note(remark)
    return of_run(source, scored)


def _ceilings_of_nsd(
    challenge: Challenge,
    predictions: Sequence[Prediction],
    nsd: Path,
    repeats: Repeats | None,
    stim_info: Path | None,
) -> ReadCeiling:
    from algocli.dataset.nsd.ceiling_files import find_files
    from algocli.dataset.nsd.ceiling_import import CeilingConversion, read_ceilings

    numbers = sorted({prediction.subject for prediction in predictions})
    try:
        files = find_files([nsd], numbers, asked=True)
    except UsageError as error:
        hint = "name NSD's root, or a folder that holds subj01, subj02, ... with one lh.ncsnr.mgh each"
        raise UsageError(error.message, hint=hint) from error
    if not all(ceilings.hold_ratios for ceilings in files.values()):
        raise UsageError(f"{nsd} holds noise ceilings; nsd=... is for ncsnr.mgh files", hint="algocli import-ceilings")
    how = CeilingConversion(None, repeats, stim_info)

    @cache
    def ceilings(number: int) -> dict[Hemisphere, NDArray[np.float64]]:
        return read_ceilings(challenge.subject(number), files[number], how)

    def read(subject: Subject, hemisphere: Hemisphere) -> tuple[NDArray[np.float64], None]:
        return ceilings(subject.number)[hemisphere], None

    return read


def _counts(repeats: Repeats | Sequence[int] | None) -> Repeats | None:
    if repeats is None:
        return None
    if not isinstance(repeats, list | tuple) or len(repeats) != len(Repeats._fields) or not any(repeats):
        raise UsageError(
            f"{said('repeats', repeats)}: three whole numbers are expected, as in (159, 0, 0)",
            hint="images shown 3, 2 and 1 times",
        )
    return Repeats(*(check_whole("repeats", count, 0) for count in repeats))
