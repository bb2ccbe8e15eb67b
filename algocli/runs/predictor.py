"""What a trained run predicts for images that were in no subject's set: as if they had been.

A run keeps predictions, not models. The model is fitted again on first use, from the same inputs to the same numbers,
and kept beside the run's results for as long as these are its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.caches import filling, where_writable
from algocli.compute.lock import hold, may_only_be_read
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import SubjectId, name_of
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.encoding.new_images import AXES_BYTES, ByAxes, ByStores, Fit, Scorer, axes_bytes, keep_axes
from algocli.encoding.regressions.models import LinearModel
from algocli.encoding.stored import Beside, ByFeatures
from algocli.errors import DataError, MissingStep
from algocli.features.store.commands import command
from algocli.features.store.library import (
    ANOTHER_CACHE,
    folders_of_subject,
    read_recipe,
    readable_stores,
    stores_of_subject,
)
from algocli.features.store.shards import FeatureStore
from algocli.runs.commands import again
from algocli.runs.refitting import AsItIs, Refitting, ScoredModels
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


@dataclass(frozen=True)
class Predictor:
    """A subject's model: what scores images by their features, and what predicts responses from scores.

    Attributes
    ----------
    models
        For each side one entry a fit: the refit on all training images, or else every fold, whose mean counts.
    """

    scorer: Scorer
    models: ScoredModels

    def score_parts(self, parts: Iterable[Sequence[NDArray[Any]]]) -> list[NDArray[np.float32]]:
        """Score images: one array a fit, (n_images, n_components).

        Their features come some images at a time, one array a layer, (n_images, n_features).
        """
        return [np.concatenate(fit) for fit in zip(*(self.scorer.score(part) for part in parts), strict=True)]

    def predict(self, hemisphere: Side, scores: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Predict responses, (n_images, n_vertices), from the scores of images."""
        total = sum(model.predict(of_fit) for model, of_fit in zip(self.models[hemisphere], scores, strict=True))
        return np.asarray(total / np.float32(len(scores)), np.float32)


def stores_of(run: Run, number: SubjectId, cache_dir: Path) -> list[FeatureStore]:
    """Open the feature stores that a subject of a run was trained on, in the order of its layers.

    Raises
    ------
    MissingStep
        If the run lacks the subject, or its record does not say which stores they were, or one is no longer there.
    DataError
        If one has lost some of what it had.
    """
    recorded = run.subject(number).record.get("inputs")
    keys = recorded.get("features") if recorded else None
    if keys is None or len(keys) != len(run.settings.features):
        raise MissingStep(
            f"the record of {run.name} does not name the features that subject {number} was trained on",
            hint=again(run.folder, [number]),
        )
    pairs = zip(run.settings.features, keys, strict=True)
    return [_find(cache_dir, name, number, key, run) for name, key in pairs]


def open_predictor(
    run: Run,
    number: SubjectId,
    stores: Sequence[FeatureStore],
    subject: Subject | None,
    cache_dir: Path,
    *,
    trust_code: bool = False,
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
    trust_code
        Whether code that the run names may run, where it has to.

    Raises
    ------
    UsageError
        If it has to, and may not.
    DataError
        If the responses are gone, or others than it was trained on.
    StorageError
        If the model cannot be kept.
    """
    subject_run = run.subject(number)
    kept = _kept(subject_run, stores)
    if kept is not None:
        return kept
    if subject is None:
        raise DataError(
            f"subject {number}'s model has to be fitted once more, and the data that it was trained on is gone",
            hint="name the data folder with data_dir=...",
        )
    # Who trains this subject holds it too.
    with filling(cache_dir, note), hold(subject_run.lock, note):
        kept = _kept(subject_run, stores)
        if kept is not None:
            return kept
        refuse_other_responses(subject_run, subject, cache_dir, track)
        whose = subject_run.record_digest()
        fits, models = Refitting(
            run.settings, subject_run, stores, subject, trust_code=trust_code, track=track, note=note
        ).run()
        return _keep(fits, models, subject_run, whose, stores, track)


def _find(cache_dir: Path, name: str, number: SubjectId, key: str, run: Run) -> FeatureStore:
    home = cache_dir / "features" / name
    there = readable_stores(folders_of_subject(home, name_of(number)))
    store = next((other for other in there if other.key == key), None)
    if store is None:
        # One that is damaged may be it, and says so.
        stores_of_subject(home, name_of(number))
    if store is not None and store.complete:
        return store
    is_known = (home / "recipe.json").is_file() or any(home.glob("*/manifest.json"))
    hint = command(read_recipe(home), number) if is_known else "algocli extract"
    said = f"the features {name} of subject {number} that {run.name} was trained on"
    # Features that are gone may have been meant to go: what needs them can be done another way, or not at all. Those
    # that are there were complete.
    if store is None:
        raise MissingStep(f"{said} are gone", hint=hint)
    if store.misrecorded():
        raise DataError(f"{said} are damaged: {len(store.misrecorded())} of their records are", hint=hint)
    if store.is_borrowed:
        raise MissingStep(f"{said} were read from {store.place}, and are gone there", hint=f"{hint} ({ANOTHER_CACHE})")
    raise DataError(f"{said} are damaged: they are not complete any more", hint=hint)


def _kept(subject_run: SubjectRun, stores: Sequence[FeatureStore]) -> Predictor | None:
    arrays = subject_run.model()
    scorer = None if arrays is None else ByAxes.from_arrays(arrays, stores)
    if arrays is None or scorer is None:
        return None
    models: ScoredModels = {
        hemisphere: [
            LinearModel(arrays[f"{hemisphere}-weights-{fit}"], arrays[f"{hemisphere}-intercept-{fit}"])
            for fit in range(len(scorer.constants))
        ]
        for hemisphere in subject_run.sides
    }
    return Predictor(scorer, models)


def _keep(
    fits: Sequence[Fit],
    models: ScoredModels,
    subject_run: SubjectRun,
    whose: str,
    stores: Sequence[FeatureStore],
    track: Track,
) -> Predictor:
    """Return the models, and keep what is small enough and linear."""
    n_read = fits[0].n_read
    if n_read == len(stores):
        return Predictor(ByFeatures(len(fits)), models)
    if n_read:
        others, of_others = stores[n_read:], [fit.by_products() for fit in fits]
        return Predictor(Beside(n_read, _scorer(others, of_others, track)), models)
    scorer = _scorer(stores, fits, track)
    arrays = _arrays(models) if isinstance(scorer, ByAxes) else None
    if isinstance(scorer, ByAxes) and arrays is not None:
        with where_writable(subject_run.folder):
            subject_run.save_model({**scorer.arrays(), **arrays}, whose)
    return Predictor(scorer, models)


def _scorer(stores: Sequence[FeatureStore], fits: Sequence[Fit], track: Track) -> ByStores | ByAxes:
    """Keep axes, unless they may not be kept, or are too large to be."""
    if any(may_only_be_read(store.folder) for store in stores) or axes_bytes(stores, fits) > AXES_BYTES:
        return ByStores(stores, fits, track)
    return keep_axes(stores, fits, track)


def refuse_other_responses(subject_run: SubjectRun, subject: Subject, cache_dir: Path, track: Track) -> None:
    """Refuse data whose responses are not those that a run was trained on.

    Raises
    ------
    DataError
        If they are others.
    """
    recorded = (subject_run.record.get("inputs") or {}).get("responses") or {}
    for side, digest in subject.digest_responses(cache_dir, track).items():
        if digest != recorded.get(side):
            raise DataError(
                f"{subject.responses_name('train', side)} holds other responses than subject {subject_run.id} "
                "was trained on",
                hint="name the data folder that it was trained on with data_dir=..., or train again",
            )


def _arrays(models: ScoredModels) -> dict[str, NDArray[Any]] | None:
    """Return the arrays of models by names; None where one has no linear form."""
    arrays: dict[str, NDArray[Any]] = {}
    for hemisphere, fits in models.items():
        for number, model in enumerate(fits):
            if isinstance(model, AsItIs):
                return None
            arrays[f"{hemisphere}-weights-{number}"] = model.weights
            arrays[f"{hemisphere}-intercept-{number}"] = model.intercept
    return arrays
