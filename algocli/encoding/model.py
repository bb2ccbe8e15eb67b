"""Fits an encoding model: a subject's components and responses go in, a run comes out."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.digests import digest_files, stimuli_digest
from algocli.challenge.layout import HEMISPHERES, Hemisphere
from algocli.challenge.subjects import Subject
from algocli.compute.budget import check_memory
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.encoding.algebra import algebra_on
from algocli.encoding.blended import BlendedModel
from algocli.encoding.correlation import constant_vertices, correlate
from algocli.encoding.kernels import Kernels
from algocli.encoding.regressions import Model, Scores, View, fit_models, look, predict
from algocli.encoding.ridge import RidgeModel
from algocli.encoding.runs import Run, SubjectRun
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Fold, make_folds
from algocli.errors import DataError
from algocli.features.gram import BY_NUMPY
from algocli.features.library import find_store
from algocli.features.products import TorchProducts
from algocli.features.store import FeatureStore

# A larger share of vertices than this at the smallest penalty is worth a word: a smaller one might serve them better.
EDGE_SHARE = 0.01


@dataclass(frozen=True)
class _Plan:
    """What both hemispheres share: the folds, and the scores of every image that is to be predicted."""

    folds: list[Fold]
    views: list[View]
    held_out_scores: list[Scores]
    # One entry a model that predicts the test images: the refit alone, or every fold where there is none.
    test_scores: list[Scores]


def train_subject(
    subject: Subject,
    run: Run,
    cache_dir: Path,
    *,
    command_line: Sequence[str] = (),
    force: bool = False,
    device: str = "cpu",
    track: Track = silent,
    note: Note = unheard,
) -> SubjectRun:
    """Fit a run's model for one subject, unless that is done already with the same inputs.

    Parameters
    ----------
    command_line
        What to record as the way to make this again.
    force
        Fit again even if it is done.
    device
        Where large matrices are multiplied, as torch names it; it changes no more than the last digits.

    Raises
    ------
    MissingStep
        If the features are not there or not complete.
    DataError
        If responses are malformed, not finite, or disagree with images or masks.
    UsageError
        If there are fewer dimensions than components.
    """
    started = time.time()
    settings = run.settings
    # Held from the beginning on: a run that nobody holds and that has no record is a leftover.
    with hold(run.folder / subject.name / "lock", note):
        content = stimuli_digest(subject.stimuli, cache_dir, track=track)
        stores = [find_store(cache_dir, name, subject, content) for name in settings.features]
        inputs = _inputs(subject, stores, cache_dir, track)
        if not force and run.has(subject.number) and run.subject(subject.number).record["inputs"] == inputs:
            note(f"subject {subject.number}: run {run.name} is done already")
            return run.subject(subject.number)
        share = run.start_subject(subject.number)
        clock = {"inputs": time.time() - started}
        plan = _plan(subject, stores, settings, device, clock, track)
        _save_split(share, plan.folds)
        for hemisphere in track(
            HEMISPHERES, total=2, label=f"subject {subject.number}: regression", unit="hemispheres"
        ):
            began = time.time()
            _fit_hemisphere(subject, share, hemisphere, plan, settings, note)
            clock[f"{hemisphere} hemisphere"] = time.time() - began
        share.finish(_record(subject, settings, inputs, command_line, clock, started))
    return share


def _inputs(subject: Subject, stores: Sequence[FeatureStore], cache_dir: Path, track: Track) -> dict[str, Any]:
    """Return the digests of everything that a subject's numbers come from."""
    paths = [subject.layout.responses("train", hemisphere) for hemisphere in HEMISPHERES]
    digests = digest_files(paths, cache_dir, track=track)
    return {"features": [store.key for store in stores], "responses": dict(zip(HEMISPHERES, digests, strict=True))}


def _plan(
    subject: Subject,
    stores: Sequence[FeatureStore],
    settings: Settings,
    device: str,
    clock: dict[str, float],
    track: Track,
) -> _Plan:
    began = time.time()
    products = BY_NUMPY if device == "cpu" else TorchProducts(device)
    kernels = Kernels(stores, settings, products=products, track=track)
    clock["gram"] = time.time() - began
    began = time.time()
    n_train = len(subject.train_stimuli)
    test = np.arange(n_train, n_train + len(subject.test_stimuli))
    folds = make_folds(settings, n_train)
    fits = [fold.fit for fold in folds] + ([np.arange(n_train)] if settings.refit else [])
    if settings.n_components is None:
        # What LAPACK takes for all eigenvectors of a matrix of n x n float64, measured.
        check_memory(6 * 8 * n_train**2, remedy="--pca 1000 needs a tenth of it")
    label = f"subject {subject.number}: components"
    algebra = algebra_on(device)
    views, held_out, test_scores = [], [], []
    for number, fit in enumerate(track(fits, total=len(fits), label=label, unit="fits")):
        view = look(kernels, fit, algebra)
        views.append(view.without_kernels())
        is_refit = number == len(folds)
        if not is_refit:
            held_out.append(view.project(folds[number].held_out))
        if is_refit or not settings.refit:
            test_scores.append(view.project(test))
    plan = _Plan(folds, views, held_out, test_scores)
    clock["components"] = time.time() - began
    return plan


def _fit_hemisphere(
    subject: Subject, share: SubjectRun, hemisphere: Hemisphere, plan: _Plan, settings: Settings, note: Note
) -> None:
    responses = subject.responses("train", hemisphere)
    models = _checked(
        fit_models(settings, plan.views, responses), subject.layout.responses("train", hemisphere), responses
    )
    n_held_out = sum(len(fold.held_out) for fold in plan.folds)
    scores: list[NDArray[np.float64]] = []
    dead: list[int] = []
    predictions: list[NDArray[np.float32]] = []
    penalties: list[NDArray[np.int16]] = []
    blends: list[NDArray[np.float32]] = []

    def keep(model: Model, test: Scores | None) -> None:
        if test is not None:
            predictions.append(predict(model, test, plan.views[0].algebra))
        if isinstance(model, RidgeModel | BlendedModel):
            penalties.append(model.chosen)
        if isinstance(model, BlendedModel):
            blends.append(model.blend.weights.astype(np.float32))

    def held_out_predictions() -> Iterator[NDArray[np.float32]]:
        # Without a refit every fold's model predicts the test images.
        tests = [None] * len(plan.folds) if settings.refit else plan.test_scores
        for fold, held_out, test in zip(plan.folds, plan.held_out_scores, tests, strict=True):
            model = next(models)
            measured = np.asarray(responses[fold.held_out])
            predicted = predict(model, held_out, plan.views[0].algebra)
            scores.append(correlate(measured, predicted))
            dead.append(int((constant_vertices(measured) | constant_vertices(predicted)).sum()))
            keep(model, test)
            yield predicted

    share.save_blocks(f"{hemisphere}_pred_validation", (n_held_out, responses.shape[1]), held_out_predictions())
    if settings.refit:
        keep(next(models), plan.test_scores[0])
    share.save(f"{hemisphere}_fold_correlation", np.stack(scores))
    share.save(f"{hemisphere}_correlation", np.mean(scores, axis=0))
    share.save(f"{hemisphere}_pred_test", np.mean(predictions, axis=0).astype(np.float32))
    where = f"subject {subject.number}, {hemisphere}"
    if blends:
        share.save(f"{hemisphere}_blend", np.stack(blends))
        _tell_layers(blends[-1], settings, where, note)
    if penalties:
        share.save(f"{hemisphere}_alpha", settings.relative_alphas[np.stack(penalties)].astype(np.float32))
        _tell_edges(penalties[-1], settings, where, note)
    if max(dead):
        note(f"{where}: {max(dead)} vertices never vary among the held-out images, measured or predicted; their r is 0")


def _tell_layers(weights: NDArray[np.float32], settings: Settings, where: str, note: Note) -> None:
    """Say for how many vertices each layer has the largest weight."""
    heaviest = np.where(weights.any(axis=0), weights.argmax(axis=0), -1)
    shares = [f"{name} {(heaviest == number).mean():.0%}" for number, name in enumerate(settings.features)]
    note(f"{where}: vertices by the layer of largest weight: {', '.join(shares)}")


def _tell_edges(chosen: NDArray[np.int16], settings: Settings, where: str, note: Note) -> None:
    """Say how many vertices have the smallest or the largest penalty that there was, and what to do about it."""
    low, high, n = settings.alphas
    lowest, highest = float((chosen == 0).mean()), float((chosen == n - 1).mean())
    remedy = f": --alphas {low / 100:g}:{high:g}:{n + 6} reaches further down" if lowest > EDGE_SHARE else ""
    note(
        f"{where}: {lowest:.1%} of the vertices have the smallest penalty{remedy}; {highest:.1%} have the largest, "
        "which suits those that nothing predicts"
    )


def _checked(models: Iterator[Model], path: Path, responses: NDArray[np.float32]) -> Iterator[Model]:
    """Pass models on unless the first says that a response is not finite."""
    first = next(models)
    _refuse_non_finite(first, path, responses)
    yield first
    yield from models


def _refuse_non_finite(model: Model, path: Path, responses: NDArray[np.float32]) -> None:
    """Refuse responses with a NaN: it has spread to every number of its vertex, the intercept among them."""
    bad = np.flatnonzero(~np.isfinite(model.intercept))
    if len(bad):
        rows = np.flatnonzero(~np.isfinite(responses[:, bad[0]]))
        where = f", for instance in row {rows[0]}, column {bad[0]}" if len(rows) else ""
        raise DataError(f"{path} holds values that are not finite in {len(bad)} columns{where}", hint="algocli data")


def _save_split(share: SubjectRun, folds: list[Fold]) -> None:
    share.save("validation_rows", np.concatenate([fold.held_out for fold in folds]))
    share.save("validation_folds", np.repeat(np.arange(len(folds)), [len(fold.held_out) for fold in folds]))


def _record(
    subject: Subject,
    settings: Settings,
    inputs: dict[str, Any],
    command_line: Sequence[str],
    clock: dict[str, float],
    started: float,
) -> dict[str, Any]:
    packages = ("algocli", "numpy", "scipy", "zarr")
    return {
        "subject": subject.number,
        "data": str(subject.layout.folder.resolve()),
        "inputs": inputs,
        "n_train": len(subject.train_stimuli),
        "n_test": len(subject.test_stimuli),
        "n_vertices": {hemisphere: subject.n_vertices(hemisphere) for hemisphere in HEMISPHERES},
        "seed": settings.seed,
        "command_line": list(command_line),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "seconds": {stage: round(seconds, 3) for stage, seconds in clock.items()},
        "started_at": started,
        "finished_at": time.time(),
    }
