"""The pipeline from Python, for a notebook or a program: what the commands do, as functions of the same names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.layout import HEMISPHERES, Hemisphere
from algocli.challenge.subjects import Challenge, Subject
from algocli.compute.track import Note, Track, silent, unheard
from algocli.encoding.model import train_subject
from algocli.encoding.predictor import open_predictor, stores_of
from algocli.encoding.runs import Run, check_run_name, open_run
from algocli.encoding.settings import Settings
from algocli.errors import UsageError
from algocli.results.origin import recorded_subjects
from algocli.results.report import Report, summarise, summarise_recorded

DEFAULT_CACHE = Path("cache")
DEFAULT_DATA = Path("algonauts_2023_challenge_data")


def extract(
    subjects: Subject | Iterable[Subject],
    model: str = "alexnet",
    layers: Sequence[str] = ("features.2",),
    *,
    weights: str = "pretrained",
    cache_dir: Path | str = DEFAULT_CACHE,
    device: str = "auto",
    track: Track = silent,
    note: Note = unheard,
) -> tuple[str, ...]:
    """Pass every image of some subjects through a network, unless that is done already.

    Parameters
    ----------
    model
        As `algocli extract --model` takes it.
    layers
        Names of graph nodes, or patterns such as 'layer3.*'.
    weights
        'pretrained', 'random', 'random:SEED', a checkpoint file, or a named set of weights.
    track, note
        How to show progress and to say something by the way.

    Returns
    -------
    The names of the features, one a layer, as `train` takes them.

    Raises
    ------
    UsageError
        If there is no such model, layer or device.
    DataError, StorageError
        If an image or the weights cannot be read, or the cache cannot be written.
    """
    from algocli.features import extraction
    from algocli.features.backbones import load_backbone, resolve_device
    from algocli.features.gram import gram
    from algocli.features.passage import Passage, default_batch_size
    from algocli.features.products import fastest_products

    device = resolve_device(device)
    backbone = load_backbone(model, list(layers), weights, device)
    how = replace(Passage(), batch_size=default_batch_size(device), device=device)
    names: dict[str, None] = {}
    for subject in _each(subjects):
        for store in extraction.extract(subject, backbone, Path(cache_dir), how, track=track, note=note):
            # Here torch is loaded, which often multiplies twice as fast as what training would have.
            gram(store, products=fastest_products(device), track=track)
            names[store.folder.parent.name] = None
    return tuple(names)


def import_features(
    subjects: Subject | Iterable[Subject],
    files: Path | str | Sequence[Path | str],
    name: str,
    *,
    cache_dir: Path | str = DEFAULT_CACHE,
    track: Track = silent,
    note: Note = unheard,
    **options: Any,
) -> tuple[str, ...]:
    """Keep features that another program made, unless that is done already.

    Parameters
    ----------
    files
        An array, or one for each subject, as `algocli import-features` takes them.
    name
        What to call the features.
    **options
        What says how to read them: dataset, key, ids_file, ids_from, names_file, dtype and force, as
        `algocli.features.importing.import_files` has them.

    Returns
    -------
    The name of the features, as `train` takes it.

    Raises
    ------
    UsageError
        If the wishes, or files and subjects, do not fit together.
    DataError, StorageError
        If a file cannot be read or does not fit, or the cache cannot be written.
    """
    from algocli.features.importing import import_files

    paths = [Path(file) for file in ([files] if isinstance(files, Path | str) else files)]
    import_files(list(_each(subjects)), paths, name, Path(cache_dir), track=track, note=note, **options)
    return (name,)


def train(
    subjects: Subject | Iterable[Subject],
    features: Sequence[str] | Settings,
    *,
    name: str | None = None,
    cache_dir: Path | str = DEFAULT_CACHE,
    force: bool = False,
    device: str = "cpu",
    track: Track = silent,
    note: Note = unheard,
    **settings: Any,
) -> Run:
    """Fit an encoding model for every vertex of some subjects, unless that is done already.

    Parameters
    ----------
    features
        Names of features, as `extract` returns them; or whole settings, to which `settings` adds nothing.
    name
        The run's; by default one that says the settings.
    force
        Fit again even if it is done.
    device
        Where large matrices are multiplied.
    **settings
        Fields of `Settings`, such as regression='ridge', n_components=1000 or folds=10.

    Raises
    ------
    UsageError
        If the settings make no sense, or a run of that name was made with others.
    MissingStep
        If features are missing.
    DataError, StorageError
        If responses are malformed, or the cache cannot be written.
    """
    if settings.get("folds") is not None:
        settings.setdefault("holdout", None)
    if isinstance(features, Settings) and settings:
        raise UsageError(f"settings are given whole, and {', '.join(settings)} once more", hint="dataclasses.replace")
    chosen = features if isinstance(features, Settings) else Settings(features=tuple(features), **settings)
    run = open_run(Path(cache_dir), check_run_name(name) if name else chosen.default_name, chosen, replace=force)
    for subject in _each(subjects):
        train_subject(
            subject, run, Path(cache_dir), command_line=sys.argv, force=force, device=device, track=track, note=note
        )
    run.mark_latest()
    return run


def report(run: Run, *, data_dir: Path | str | None = None, rois: Sequence[str] | None = None) -> Report:
    """Score a run: its `rows` have the correlations, and the noise-normalised accuracy, of every ROI.

    Parameters
    ----------
    data_dir
        The challenge folder; by default each subject's data where it was trained.
    rois
        Names of the only ROIs to score; by default all, 'All vertices' last.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    DataError
        If data and run do not fit together.
    """
    if data_dir is not None:
        return summarise(Challenge(data_dir), run, rois=rois)
    return summarise_recorded(run, DEFAULT_DATA, rois=rois)


def predict(
    run: Run,
    subject: int,
    images: Sequence[Path | str],
    *,
    device: str = "auto",
    trust_remote_code: bool = False,
    track: Track = silent,
    note: Note = unheard,
) -> dict[Hemisphere, NDArray[np.float32]]:
    """Predict one subject's responses to new images, with the numbers that they would have had in the set.

    Parameters
    ----------
    images
        Image files, or folders of them, whose images are taken by name.

    Returns
    -------
    By hemisphere (n_images, n_vertices) float32, in the unit of the training responses.

    Raises
    ------
    UsageError
        If the features were imported, or are of code that is not trusted.
    DataError
        If an image cannot be read, or the network or the data is no longer what it was.
    MissingStep
        If features that the run was trained on are gone.
    """
    from algocli.features.pictures import PictureFeatures, list_pictures
    from algocli.features.rebuilding import rebuild

    cache_dir = run.cache_dir
    stores = stores_of(run, subject, cache_dir)
    features = PictureFeatures(
        list_pictures([Path(one) for one in images]), rebuild(stores, device, trust_code=trust_remote_code), track
    )
    (origin,) = recorded_subjects(run, DEFAULT_DATA, [subject])
    predictor = open_predictor(run, subject, stores, origin.subject, cache_dir, track=track, note=note)
    scores = predictor.score_parts(features.parts())
    return {hemisphere: predictor.predict(hemisphere, scores) for hemisphere in HEMISPHERES}


def _each(subjects: Subject | Iterable[Subject]) -> Iterable[Subject]:
    return [subjects] if isinstance(subjects, Subject) else subjects
