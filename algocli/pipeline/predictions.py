"""Responses to new images from Python: as arrays, or in files with the mean of each region."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_flag, check_path, check_paths, check_word, each_of
from algocli.compute.remarks import list_some
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.naming import SubjectId, check_subject_id
from algocli.dataset.opening import open_dataset
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import BySide
from algocli.dataset.stimuli import Stimulus
from algocli.pipeline.arguments import Data, Ids, Paths, Rois, one_run, refuse_file, some_ids, some_rois
from algocli.pipeline.borrowing import borrow_for
from algocli.pipeline.defaults import DEFAULT_DATA, DEFAULT_PREDICTIONS
from algocli.results.data_of_runs import Origin, recorded_subjects, tell_data
from algocli.results.scoring import scored_subjects
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.networks import tell_random_weights
from algocli.runs.predictor import open_predictor, stores_of
from algocli.runs.run import Run

if TYPE_CHECKING:
    from algocli.results.predicted import Predicted

# Files or folders, or a subject's own images.
Images = Iterable[Path | str | Stimulus] | Path | str | Stimulus


@forgiving
@anew
def predict(
    run: Run,
    subject: SubjectId | Subject,
    images: Images,
    *,
    device: str = "auto",
    trust_remote_code: bool = False,
    features_from: Paths | None = None,
    track: Track = shown,
    note: Note = said_aside,
) -> BySide[NDArray[np.float32]]:
    """Predict one subject's responses to new images, with the numbers that they would have had in the set.

    Parameters
    ----------
    subject
        Its number or name, or itself.
    images
        Image files, or folders of them, whose images are taken by name; or a single one. Stimuli of a subject stand
        for their files.
    device
        Where the network runs: 'auto', 'cpu' or 'cuda'.
    trust_remote_code
        Allow what runs code that a file names: 'torchhub:' models, and a run's regression of 'python:'.
    features_from
        Other caches, in which features that the run was trained on are read where its own lacks them.

    Returns
    -------
    By side (n_images, n_vertices) float32, in the unit of the training responses; 'lh' is left, too.

    Raises
    ------
    UsageError
        If the features were imported, or are of code that is not trusted, or an argument is not what it can be.
    DataError
        If an image cannot be read, or the network or the data is no longer what it was.
    MissingStep
        If features that the run was trained on are gone.

    Examples
    --------
    >>> run, subject = algocli.find_run("cache"), algocli.Challenge("demo").subject(1)
    >>> paths = [image.path for image in subject.test_stimuli]
    >>> algocli.predict(run, 1, paths)["left"].shape == (len(paths), subject.n_vertices("left"))
    True
    """
    from algocli.features.pictures import PictureFeatures, list_pictures
    from algocli.features.rebuilding import rebuild

    one_run(run)
    subject, places = check_subject_id(subject), _places(images)
    trust_code, device = check_flag("trust_remote_code", trust_remote_code), check_word("device", device)
    cache_dir = run.cache_dir
    borrow_for([run], features_from, [subject], note)
    stores = stores_of(run, subject, cache_dir)
    features = PictureFeatures(list_pictures(places), rebuild(stores, device, trust_code=trust_code), track)
    (origin,) = recorded_subjects(run, DEFAULT_DATA, [subject])
    predictor = open_predictor(
        run, subject, stores, origin.subject, cache_dir, trust_code=trust_code, track=track, note=note
    )
    scores = predictor.score_parts(features.parts())
    return BySide({side: predictor.predict(side, scores) for side in predictor.models})


@forgiving
def predict_files(
    run: Run,
    images: Images,
    folder: Path | str = DEFAULT_PREDICTIONS,
    *,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    rois: Rois | None = None,
    device: str = "auto",
    trust_remote_code: bool = False,
    features_from: Paths | None = None,
    made: Callable[[Predicted], object] | None = None,
    track: Track = shown,
    note: Note = said_aside,
) -> list[Predicted]:
    """Predict several subjects' responses to any number of new images, into files, a block of images at a time.

    Parameters
    ----------
    images, device, trust_remote_code, features_from
        As `predict` takes them.
    folder
        Where to write subj01/lh_pred.npy and so on, (n_images, n_vertices), and images.csv, which names the rows.
    data_dir
        The folder of the data, or the dataset itself, which knows the ROIs; by default each subject's data
        where it was trained.
    subjects
        Numbers or names of the only subjects to predict; by default all that the run has.
    rois
        Names of the ROIs, or classes of them, to average; by default every class.
    made
        Called with each subject's predictions as soon as they are written.

    Returns
    -------
    Each subject's files, and the mean response of each region to each image.

    Raises
    ------
    UsageError, DataError, MissingStep
        As `predict` does; or if the data names no such ROI.
    StorageError
        If the disk is full or may not be written.

    Examples
    --------
    >>> run, subject = algocli.find_run("cache"), algocli.Challenge("demo").subject(1)
    >>> (found,) = algocli.predict_files(run, subject.test_stimuli[0].path, "new", rois="EBA")
    >>> [path.name for path in found.files], found.rows[0].roi
    (['lh_pred.npy', 'rh_pred.npy'], 'EBA')
    """
    from algocli.features.pictures import list_pictures
    from algocli.results.predicted import predict_pictures

    one_run(run)
    output = check_path("folder", folder)
    refuse_file(output)
    pictures = list_pictures(_places(images))
    if pictures.passed_over:
        note(f"passed over, being no images by their names: {list_some([path.name for path in pictures.passed_over])}")
    origins = _origins(run, data_dir, some_ids(subjects))
    for remark in _remarks(run, origins):
        note(remark)
    borrow_for([run], features_from, [origin.subject_run.id for origin in origins], note)
    written = []
    for result in predict_pictures(
        run,
        origins,
        pictures,
        run.cache_dir,
        output,
        rois=some_rois(rois),
        device=check_word("device", device),
        trust_code=check_flag("trust_remote_code", trust_remote_code),
        track=track,
        note=note,
    ):
        written.append(result)
        if made is not None:
            made(result)
    return written


def _places(images: object) -> list[Path]:
    """Return the files and folders that images are named by, or are stimuli of.

    Raises
    ------
    UsageError
        If something else is among them, or there is none.
    """
    return check_paths("images", [each.path if isinstance(each, Stimulus) else each for each in each_of(images)])


def _origins(run: Run, data_dir: Data | None, numbers: Sequence[SubjectId] | None) -> list[Origin]:
    """Pair subjects with the data folder that was named, or else with the data that each was trained on."""
    if data_dir is None:
        return recorded_subjects(run, DEFAULT_DATA, numbers)
    return [Origin(*pair) for pair in scored_subjects(open_dataset(data_dir), run, numbers)]


def _remarks(run: Run, origins: Sequence[Origin]) -> list[str]:
    """Say where the data of some subjects is not what, or where, it was."""
    notes = [origin.note for origin in origins if origin.note]
    named = [(origin.subject, origin.subject_run) for origin in origins if origin.subject and not origin.note]
    mixed = tell_mixtures(run, [origin.subject_run.id for origin in origins])
    return [*notes, *tell_data(named), *mixed, *tell_random_weights([run])]
