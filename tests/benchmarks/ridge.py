"""Ridge with a penalty for every vertex: algocli against himalaya's and scikit-learn's RidgeCV on the same scores.

All get the same components' scores, the same responses and the same penalties; finding the components is left out,
as all would need them. algocli fits every vertex of a subject. The others take long, so they fit two samples of the
vertices, one eight times as large as the other, and the line through both says what all vertices would have taken:
what they do once, however many vertices there are, is counted once. `--share 1` fits all, and nothing is extended.

The responses follow the components with noise of every size, from vertices that are nearly all signal to some
that are none: choices of penalties can then be compared as well, within one step of the grid.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.cli.console import show_table
from algocli.encoding.components import Components
from algocli.encoding.regressions.inner_folds import fit_ridge_by_folds
from algocli.encoding.regressions.ridge import RidgeModel, fit_ridge
from algocli.encoding.splits import k_folds
from tests.benchmarks.inputs import machine, options, parse

TARGET = 30
N_COMPONENTS, N_ALPHAS, N_FOLDS = 1000, 20, 5
# Of the vertices, what the others fit.
SHARE = 0.05
SUBJECT_VERTICES, SMALL_VERTICES = 39548, 300
# Targets and penalties at once for himalaya: predictions of a few hundred megabytes.
TARGETS_BATCH, ALPHAS_BATCH = 2000, 10
# Share of the training images that are fitted, as in `algocli train`.
FITTED = 0.9


@dataclass(frozen=True)
class Baseline:
    """One of the others: seconds on each sample of vertices, and what all vertices would take."""

    n_vertices: list[int]
    seconds: list[float]
    seconds_for_all: float
    within_a_step: dict[str, float]


@dataclass(frozen=True)
class Round:
    """One round of measurements."""

    n_images: int
    n_components: int
    n_vertices: int
    n_alphas: int
    gcv_seconds: float
    folds_seconds: float
    lowest: float
    highest: float
    baselines: dict[str, Baseline]

    def ratio(self, name: str) -> float:
        """How many times as long as algocli's generalised cross-validation."""
        return self.baselines[name].seconds_for_all / self.gcv_seconds


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this benchmark has."""
    parser.add_argument("--components", type=int, default=N_COMPONENTS, help="components [default: %(default)s]")
    parser.add_argument("--alphas", type=int, default=N_ALPHAS, help="penalties [default: %(default)s]")
    parser.add_argument(
        "--share", type=float, default=SHARE, help="share of the vertices that the others fit [default: %(default)s]"
    )


def measure(chosen: argparse.Namespace) -> list[Round]:
    """Measure `--rounds` times."""
    n_images = round(FITTED * chosen.train)
    n_components = min(chosen.components, n_images // 3)
    named = {"real": SUBJECT_VERTICES, "small": SMALL_VERTICES}
    n_vertices = named.get(chosen.vertices) or int(chosen.vertices)
    share = 1 if chosen.small else chosen.share
    alphas = np.logspace(-2, 5, chosen.alphas)
    fold, responses = _plant(n_images, n_components, n_vertices)
    print(f"ridge: {n_images} images, {n_components} components, {n_vertices} vertices", flush=True)
    return [_round(fold, responses, alphas, share) for _ in range(chosen.rounds)]


def _plant(n_images: int, n_components: int, n_vertices: int) -> tuple[Components, NDArray[np.float32]]:
    """Make components whose variance falls as a network's does, and responses that follow them."""
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((n_images, n_components), dtype=np.float32)
    vectors = np.linalg.qr(drawn - drawn.mean(axis=0))[0]
    variances = 1e6 / np.arange(1, n_components + 1)
    # As if the components went on to the full rank.
    total = float((1e6 / np.arange(1, n_images)).sum())
    fold = Components(np.arange(n_images), vectors, variances, np.zeros(n_images), total)
    responses = fold.scores @ rng.standard_normal((n_components, n_vertices), dtype=np.float32)
    responses *= np.sqrt(rng.uniform(0, 0.7, n_vertices)).astype(np.float32) / responses.std(axis=0)
    responses[:, ::10] = 0
    for start in range(0, n_images, 1000):
        rows = responses[start : start + 1000]
        rows += np.sqrt(0.5, dtype=np.float32) * rng.standard_normal(rows.shape, dtype=np.float32)
    return fold, responses


def _round(fold: Components, responses: NDArray[np.float32], alphas: NDArray[np.float64], share: float) -> Round:
    gcv_seconds, (by_gcv,) = _timed(lambda: fit_ridge([fold], responses, alphas))
    folds_seconds, (by_folds,) = _timed(lambda: fit_ridge_by_folds([fold], responses, alphas, n_folds=N_FOLDS))
    mine = {"generalised cross-validation": by_gcv, f"{N_FOLDS} folds": by_folds}
    n_vertices = responses.shape[1]
    sizes = [n_vertices] if share >= 1 else [round(share * n_vertices / 8), round(share * n_vertices)]
    baselines = {}
    for name, fit in _others(fold, by_gcv.alphas).items():
        # Imports and first calls are nobody's work.
        fit(responses[:, :2])
        seconds = []
        for size in sizes:
            some = np.linspace(0, n_vertices - 1, size).astype(int)
            taken, alpha = _timed(lambda some=some, fit=fit: fit(responses[:, some]))  # type: ignore[misc]
            seconds.append(taken)
        agreement = {what: _agreement(model, some, alpha) for what, model in mine.items()}
        for_all = seconds[-1] if len(sizes) == 1 else float(np.polyval(np.polyfit(sizes, seconds, 1), n_vertices))
        baselines[name] = Baseline(sizes, seconds, for_all, agreement)
        print(f"{name}: {for_all:.0f} s", flush=True)
    edges = (by_gcv.chosen == 0).mean(), (by_gcv.chosen == len(by_gcv.alphas) - 1).mean()
    return Round(*fold.vectors.shape, n_vertices, len(alphas), gcv_seconds, folds_seconds, *edges, baselines)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _others(
    fold: Components, alphas: NDArray[np.float64]
) -> dict[str, Callable[[NDArray[np.float32]], NDArray[np.float64]]]:
    """Return what fits responses with another library and returns each vertex's penalty."""
    from himalaya.ridge import RidgeCV as HimalayaRidgeCV
    from sklearn.linear_model import RidgeCV

    scores = fold.scores
    splits = [(inner.fit, inner.held_out) for inner in k_folds(len(scores), N_FOLDS, 0)]
    batches = {"n_targets_batch": TARGETS_BATCH, "n_alphas_batch": ALPHAS_BATCH}

    def himalaya(responses: NDArray[np.float32]) -> NDArray[np.float64]:
        model = HimalayaRidgeCV(alphas, fit_intercept=True, cv=splits, solver_params=batches)
        return np.asarray(model.fit(scores, responses).best_alphas_, dtype=np.float64)

    def sklearn(responses: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(RidgeCV(alphas, alpha_per_target=True).fit(scores, responses).alpha_, dtype=np.float64)

    return {f"himalaya RidgeCV, {N_FOLDS} folds": himalaya, "scikit-learn RidgeCV, leaving one out": sklearn}


def _agreement(model: RidgeModel, vertices: NDArray[np.int64], alpha: NDArray[np.float64]) -> float:
    """Return the share of vertices whose penalties are at most one step of the grid apart."""
    theirs = np.abs(np.log(model.alphas)[:, None] - np.log(alpha)).argmin(axis=0)
    return float((np.abs(model.chosen[vertices] - theirs) <= 1).mean())


def show(rounds: list[Round]) -> None:
    """Print the medians over rounds."""
    last = rounds[-1]
    gcv = statistics.median(one.gcv_seconds for one in rounds)
    folds = statistics.median(one.folds_seconds for one in rounds)
    rows = [
        ("generalised cross-validation", f"{gcv:.1f}", "", "", ""),
        (f"{N_FOLDS} folds", f"{folds:.1f}", "", "", ""),
    ]
    for name in last.baselines:
        ratio = statistics.median(one.ratio(name) for one in rounds)
        seconds = statistics.median(one.baselines[name].seconds_for_all for one in rounds)
        verdict = "reached" if ratio >= TARGET else "missed"
        rows.append((name, f"{seconds:.0f}", f"{ratio:.1f}", f">= {TARGET}", verdict))
    title = f"Ridge, {last.n_alphas} penalties, {last.n_components} components, {last.n_vertices} vertices"
    show_table(("", "Seconds", "Ratio", "Target", ""), rows, title=title)
    for name, own in last.baselines.items():
        if len(own.n_vertices) > 1:
            some = " and ".join(f"{n} vertices in {s:.1f} s" for n, s in zip(own.n_vertices, own.seconds, strict=True))
            print(f"{name} fitted {some}: extended to all")
    agreement = [
        (name, what, f"{share:.1%}")
        for name, own in last.baselines.items()
        for what, share in own.within_a_step.items()
    ]
    show_table(("", "algocli", "Within one step"), agreement, title="The same penalties")
    print(f"vertices with the smallest penalty {last.lowest:.1%}, with the largest {last.highest:.1%}")


def as_dict(rounds: list[Round]) -> list[dict[str, Any]]:
    """Return every round with its ratios, as JSON can hold them."""
    return [{**asdict(one), "ratios": {name: one.ratio(name) for name in one.baselines}} for one in rounds]


def main() -> None:
    """Run this benchmark alone."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.ridge", description=__doc__.split("\n")[0], parents=[options()]
    )
    add_options(parser)
    chosen = parse(parser)
    rounds = measure(chosen)
    show(rounds)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), "ridge": as_dict(rounds)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
