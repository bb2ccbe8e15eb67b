"""The pipeline from Python, for a notebook or a program: what the commands do, as functions of the same names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import (
    check_flag,
    check_keywords,
    check_kind,
    check_path,
    check_paths,
    check_whole,
    check_word,
    check_words,
)
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import check_subject_id
from algocli.dataset.opening import open_dataset
from algocli.dataset.protocol import Dataset, Subject, is_subject
from algocli.dataset.sides import Side
from algocli.encoding.settings import Settings, check_settings
from algocli.errors import UsageError
from algocli.results.data_of_runs import recorded_subjects
from algocli.results.report import Report, summarise, summarise_recorded
from algocli.runs.datasets import Home
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.opening import open_on
from algocli.runs.predictor import open_predictor, stores_of
from algocli.runs.run import Run, check_run_name
from algocli.runs.training import train_subject

if TYPE_CHECKING:
    from algocli.features.networks.network import TransformName

# What `train` takes beside fields of the settings: a slip of the keyboard may have meant it.
_TRAIN_TAKES = ("name", "cache_dir", "force", "device", "track", "note")
# What says how to read imported features, and what each may be; which of them go together is the importing's business.
_IMPORT_TAKES: Mapping[str, Callable[[str, Any], Any]] = {
    "dataset": check_word,
    "key": check_word,
    "ids_file": check_path,
    "ids_from": partial(check_whole, low=0),
    "names_file": check_path,
    "dtype": check_word,
    "force": check_flag,
}
_IMPORT_MEANT = {"ids": "ids_file", "names": "names_file"}
_FIND_RUN = "algocli.find_run(cache_dir, name) returns one"
DEFAULT_CACHE = Path("cache")
DEFAULT_DATA = Path("algonauts_2023_challenge_data")


def extract(
    subjects: Subject | Iterable[Subject],
    model: str = "alexnet",
    layers: Sequence[str] | str = ("features.2",),
    *,
    weights: str | Path = "pretrained",
    transform: TransformName = "auto",
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
        Names of graph nodes, or patterns such as 'layer3.*'; a string is one of them.
    weights
        'pretrained', 'random', 'random:SEED', a checkpoint file, or a named set of weights.
    transform
        How images are prepared: 'tutorial' as the tutorial did it, 'model' as the weights ask for, 'auto' as the
        weights ask for but for the tutorial's own networks, and for those of which nothing is known.
    track, note
        How to show progress and to say something by the way.

    Returns
    -------
    The names of the features, one a layer, as `train` takes them.

    Raises
    ------
    UsageError
        If there is no such model, layer or device, or an argument is not what it can be.
    DataError, StorageError
        If an image or the weights cannot be read, or the cache cannot be written.
    """
    from algocli.features import extraction
    from algocli.features.networks.backbones import load_backbone, resolve_device
    from algocli.features.passage import Passage, default_batch_size
    from algocli.features.store.gram import gram

    some = _each(subjects)
    layers, cache_dir = check_words("layers", layers), check_path("cache_dir", cache_dir)
    device, weights = resolve_device(check_word("device", device)), str(check_path("weights", weights))
    backbone = load_backbone(check_word("model", model), list(layers), weights, device, transform=transform, note=note)
    how = replace(Passage(), batch_size=default_batch_size(device), device=device)
    names: dict[str, None] = {}
    for subject in some:
        for store in extraction.extract(subject, backbone, cache_dir, how, track=track, note=note):
            gram(store, device=device, track=track)
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
        `algocli.features.imports.stores.import_files` has them.

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
    from algocli.features.imports.stores import import_files

    check_keywords(options, _IMPORT_TAKES, (), _IMPORT_MEANT)
    checked = {word: _IMPORT_TAKES[word](word, value) for word, value in options.items() if value is not None}
    some, paths, name = _each(subjects), check_paths("files", files), check_word("name", name)
    import_files(some, paths, name, check_path("cache_dir", cache_dir), track=track, note=note, **checked)
    return (name,)


def train(
    subjects: Subject | Iterable[Subject],
    features: Sequence[str] | str | Settings,
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
        Names of features, as `extract` returns them, or one name; or whole settings, to which `settings` adds nothing.
    name
        The run's; by default one that says the settings, and where a run of other data has that, a digest of the data.
    force
        Fit again even if it is done. A run of that name that has other settings, or is of other data, is replaced as a
        whole.
    device
        Where large matrices are multiplied: 'cpu', 'cuda' or 'auto'.
    **settings
        Fields of `Settings`, such as regression='ridge', n_components=1000 or folds=10.

    Raises
    ------
    UsageError
        If the settings make no sense, an argument is not what it can be, or a run of that name was made with other
        settings or of other data.
    MissingStep
        If features are missing.
    DataError, StorageError
        If responses are malformed, or the cache cannot be written.
    """
    some = _each(subjects)
    cache_dir, force = check_path("cache_dir", cache_dir), check_flag("force", force)
    chosen = _settings(features, settings)
    if name is not None:
        check_run_name(name)
    if check_word("device", device) != "cpu":
        from algocli.features.networks.backbones import resolve_device

        device = resolve_device(device)
    dataset = Home.of(some, cache_dir, track)
    run = open_on(dataset, chosen, [subject.id for subject in some], name=name, force=force, note=note)
    for subject in some:
        train_subject(
            subject, run, cache_dir, command_line=sys.argv, force=force, device=device, track=track, note=note
        )
    run.mark_latest()
    for remark in tell_mixtures(run):
        note(remark)
    return run


def _settings(features: Sequence[str] | str | Settings, given: dict[str, Any]) -> Settings:
    check_settings(given, _TRAIN_TAKES)
    if isinstance(features, Settings):
        if given:
            raise UsageError(f"settings are given whole, and {', '.join(given)} once more", hint="dataclasses.replace")
        return features
    if given.get("folds") is not None:
        given.setdefault("holdout", None)
    return Settings(features, **given)  # type: ignore[arg-type]


def report(
    run: Run, *, data_dir: Path | str | Dataset | None = None, rois: Sequence[str] | str | None = None
) -> Report:
    """Score a run: its `rows` have the correlations, and the noise-normalised accuracy, of every ROI.

    Parameters
    ----------
    data_dir
        The folder of the data, or the dataset itself; by default each subject's data where it was trained.
    rois
        Names of the only ROIs to score, or one name; by default all, 'All vertices' last.

    Raises
    ------
    UsageError
        If the data names no such ROI, or an argument is not what it can be.
    DataError
        If data and run do not fit together.
    """
    check_kind("run", run, Run, _FIND_RUN)
    rois = None if rois is None else check_words("rois", rois)
    if data_dir is not None:
        return summarise(open_dataset(data_dir), run, rois=rois)
    return summarise_recorded(run, DEFAULT_DATA, rois=rois)


def predict(
    run: Run,
    subject: int | str,
    images: Sequence[Path | str] | Path | str,
    *,
    device: str = "auto",
    trust_remote_code: bool = False,
    track: Track = silent,
    note: Note = unheard,
) -> dict[Side, NDArray[np.float32]]:
    """Predict one subject's responses to new images, with the numbers that they would have had in the set.

    Parameters
    ----------
    images
        Image files, or folders of them, whose images are taken by name; or a single one.

    Returns
    -------
    By side (n_images, n_vertices) float32, in the unit of the training responses.

    Raises
    ------
    UsageError
        If the features were imported, or are of code that is not trusted, or an argument is not what it can be.
    DataError
        If an image cannot be read, or the network or the data is no longer what it was.
    MissingStep
        If features that the run was trained on are gone.
    """
    from algocli.features.pictures import PictureFeatures, list_pictures
    from algocli.features.rebuilding import rebuild

    check_kind("run", run, Run, _FIND_RUN)
    subject, places = check_subject_id(subject), check_paths("images", images)
    trust_code, device = check_flag("trust_remote_code", trust_remote_code), check_word("device", device)
    cache_dir = run.cache_dir
    stores = stores_of(run, subject, cache_dir)
    features = PictureFeatures(list_pictures(places), rebuild(stores, device, trust_code=trust_code), track)
    (origin,) = recorded_subjects(run, DEFAULT_DATA, [subject])
    predictor = open_predictor(
        run, subject, stores, origin.subject, cache_dir, trust_code=trust_code, track=track, note=note
    )
    scores = predictor.score_parts(features.parts())
    return {hemisphere: predictor.predict(hemisphere, scores) for hemisphere in predictor.models}


def _each(subjects: object) -> list[Subject]:
    """Return one subject or several as a list."""
    hint = "Challenge(folder).subjects() returns all there are"
    if is_subject(subjects):
        return [subjects]
    if isinstance(subjects, str | bytes) or not isinstance(subjects, Iterable):
        raise UsageError(f"subjects: a Subject, or several, was expected; found {type(subjects).__name__}", hint=hint)
    found = []
    for one in subjects:
        if not is_subject(one):
            raise UsageError(f"subjects: a Subject was expected; found {type(one).__name__}", hint=hint)
        found.append(one)
    if not found:
        raise UsageError("subjects: there is none", hint=hint)
    return found
