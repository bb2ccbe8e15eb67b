"""What a trained run predicts for images that were in no subject's set: as if they had been.

A run keeps predictions, not models. The model is fitted again on first use, from the same inputs to the same numbers,
and kept beside the run's results for as long as these are its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.challenge.layout import subject_folder
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.digests import digest_files
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.encoding.kernels import Kernels
from algocli.encoding.new_images import AXES_BYTES, ByAxes, ByStores, Scorer, axes_bytes, keep_axes
from algocli.encoding.projection import Fit, look_closely
from algocli.encoding.regressions.blend import BlendedModel
from algocli.encoding.regressions.fitting import Model, fit_models
from algocli.encoding.regressions.ols import LinearModel
from algocli.encoding.settings import Settings
from algocli.encoding.splits import make_folds
from algocli.errors import DataError, MissingStep
from algocli.features.store.commands import command
from algocli.features.store.library import read_recipe
from algocli.features.store.shards import FeatureStore
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


@dataclass(frozen=True)
class Predictor:
    """A subject's model: what scores images by their features, and what predicts responses from scores.

    Attributes
    ----------
    models
        For each hemisphere one entry a fit: the refit on all training images, or else every fold, whose mean counts.
    """

    scorer: Scorer
    models: Mapping[Hemisphere, Sequence[LinearModel]]

    def score(self, features: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Score images: one array a fit, (n_images, n_components), from one a layer, (n_images, n_features)."""
        return self.scorer.score(features)

    def score_parts(self, parts: Iterable[Sequence[NDArray[Any]]]) -> list[NDArray[np.float32]]:
        """Score images whose features come a part at a time, as `score` does."""
        return [np.concatenate(fit) for fit in zip(*(self.score(part) for part in parts), strict=True)]

    def predict(self, hemisphere: Hemisphere, scores: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Predict responses, (n_images, n_vertices), from the scores of images."""
        total = sum(model.predict(own) for model, own in zip(self.models[hemisphere], scores, strict=True))
        return np.asarray(total / np.float32(len(scores)), np.float32)


def stores_of(run: Run, number: int, cache_dir: Path) -> list[FeatureStore]:
    """Open the feature stores that a subject's share of a run was trained on, in the order of its layers.

    Raises
    ------
    MissingStep
        If the run lacks the subject, or a store is no longer there, or not complete.
    """
    share = run.subject(number)
    pairs = zip(run.settings.features, share.record["inputs"]["features"], strict=True)
    return [_find(cache_dir, name, number, key, run) for name, key in pairs]


def open_predictor(
    run: Run,
    number: int,
    stores: Sequence[FeatureStore],
    subject: Subject | None,
    cache_dir: Path,
    *,
    track: Track = silent,
    note: Note = unheard,
) -> Predictor:
    """Return the model that a subject's test predictions came from, fitted again unless it has been kept.

    Parameters
    ----------
    stores
        As `stores_of` returns them.
    subject
        The data that it was trained on; None where that is gone, which does no harm to a model that was kept.

    Raises
    ------
    DataError
        If the responses are gone, or others than it was trained on.
    StorageError
        If the model cannot be kept.
    """
    share = run.subject(number)
    kept = _kept(share, stores)
    if kept is not None:
        return kept
    if subject is None:
        raise DataError(
            f"subject {number}'s model has to be fitted once more, and the data that it was trained on is gone",
            hint="name the data folder with data_dir=...",
        )
    # Who trains this subject holds it too.
    with hold(share.folder / "lock", note):
        return _kept(share, stores) or _fit(run.settings, share, stores, subject, cache_dir, track, note)


def _find(cache_dir: Path, name: str, number: int, key: str, run: Run) -> FeatureStore:
    home = cache_dir / "features" / name
    stores = [FeatureStore(path.parent) for path in home.glob(f"{subject_folder(number)}-*/manifest.json")]
    found = next((store for store in stores if store.key == key), None)
    if found is not None and found.complete:
        return found
    what = "are not complete any more" if found is not None else "are gone"
    hint = command(read_recipe(home), number) if (home / "recipe.json").is_file() else "algocli extract"
    raise MissingStep(f"the features {name} of subject {number} that {run.name} was trained on {what}", hint=hint)


def _kept(share: SubjectRun, stores: Sequence[FeatureStore]) -> Predictor | None:
    arrays = share.model()
    scorer = None if arrays is None else ByAxes.from_arrays(arrays, stores)
    if arrays is None or scorer is None:
        return None
    models = {
        hemisphere: [
            LinearModel(arrays[f"{hemisphere}-weights-{fit}"], arrays[f"{hemisphere}-intercept-{fit}"])
            for fit in range(len(scorer.constants))
        ]
        for hemisphere in HEMISPHERES
    }
    return Predictor(scorer, models)


def _fit(
    settings: Settings,
    share: SubjectRun,
    stores: Sequence[FeatureStore],
    subject: Subject,
    cache_dir: Path,
    track: Track,
    note: Note,
) -> Predictor:
    _refuse_other_responses(share, subject, cache_dir, track)
    if settings.regression == "banded":
        note(f"subject {share.number}: the search for penalties is made once more, and its model then kept")
    n_train = len(subject.train_stimuli)
    kernels = Kernels(stores, settings, n_train, track=track)
    # The models that predict the test images: the refit alone, or every fold where there is none.
    rows = [np.arange(n_train)] if settings.refit else [fold.fit for fold in make_folds(settings, n_train)]
    fits: list[Fit] = []
    models: dict[Hemisphere, list[LinearModel]] = {hemisphere: [] for hemisphere in HEMISPHERES}
    for some in track(rows, total=len(rows), label=f"subject {share.number}: fitting once more", unit="fits"):
        fit = look_closely(kernels, some)
        if not fits:
            _check_size(fit, len(rows), subject)
        for hemisphere, found in models.items():
            responses = subject.responses("train", hemisphere)
            found += [_as_linear(model) for model in fit_models(settings, [fit.view], responses, note)]
        fits.append(fit.for_scores())
    if axes_bytes(stores, fits) > AXES_BYTES:
        return Predictor(ByStores(stores, fits, track), models)
    scorer = keep_axes(stores, fits, track)
    share.save_model({**scorer.arrays(), **_arrays(models)})
    return Predictor(scorer, models)


def _refuse_other_responses(share: SubjectRun, subject: Subject, cache_dir: Path, track: Track) -> None:
    paths = [subject.layout.responses("train", hemisphere) for hemisphere in HEMISPHERES]
    recorded = share.record["inputs"]["responses"]
    for hemisphere, path, digest in zip(HEMISPHERES, paths, digest_files(paths, cache_dir, track=track), strict=True):
        if digest != recorded[hemisphere]:
            raise DataError(
                f"{path} holds other responses than subject {share.number} was trained on",
                hint="name the data folder that it was trained on with data_dir=..., or train again",
            )


def _check_size(fit: Fit, n_fits: int, subject: Subject) -> None:
    """Refuse models that do not fit into memory, each with its components and coefficients."""
    n_rows = len(fit.view.components[0].fit) + sum(subject.n_vertices(hemisphere) for hemisphere in HEMISPHERES)
    remedy = "train with fewer components; or with refit=True, which has one fit instead of many"
    check_memory(4 * n_rows * sum(fit.n_components) * n_fits, remedy=remedy)


def _as_linear(model: Model) -> LinearModel:
    """Return any model as a linear one of the components of all layers side by side."""
    if not isinstance(model, BlendedModel):
        return LinearModel(model.weights, model.intercept)
    shares = model.blend.weights.astype(np.float32)
    weights = np.vstack([share * own.weights for share, own in zip(shares, model.models, strict=True)])
    parts = [share * own.intercept for share, own in zip(shares, model.models, strict=True)]
    return LinearModel(weights, np.asarray(model.blend.intercept + np.sum(parts, axis=0), np.float32))


def _arrays(models: Mapping[Hemisphere, Sequence[LinearModel]]) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for hemisphere, fits in models.items():
        for number, model in enumerate(fits):
            found[f"{hemisphere}-weights-{number}"] = model.weights
            found[f"{hemisphere}-intercept-{number}"] = model.intercept
    return found
