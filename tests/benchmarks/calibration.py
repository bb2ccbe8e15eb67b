"""How often p values and intervals are right: on noise, and on responses whose true r is known from repeating it.

`python -m tests.benchmarks.calibration`, which `make calibration` calls, trains many small subjects as any other and
asks `report` and `compare` how sure they are. Under chance alone p is uniform; a 95 % interval holds the truth in 95 of
100 repetitions: of folds the mean of r over all repetitions, of a holdout what its own model scores on all images that
there could be. Every figure is said to be in its bounds or out (`bounds`), and the exit code is 1 where one is out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ksone, kstest, kstwo

from algocli.compute.track import silent, unheard
from algocli.encoding.settings import Settings
from algocli.results.held_out import held_out
from algocli.results.redrawing import draw
from algocli.results.resampling import resample_rois
from algocli.results.significance import DRAWS, p_values
from algocli.stats.bootstrap import interval
from algocli.stats.permutation import false_discovery_q
from tests.benchmarks.bounds import (
    COVERED,
    LEAST_KS_P,
    ONE_IN_A_THOUSAND,
    ONE_IN_TWENTY,
    Share,
    Verdicts,
)
from tests.benchmarks.group_calibration import p_of_nobody, people
from tests.benchmarks.processes import one_a_core
from tests.benchmarks.worlds import N_FEATURES, N_ROIS, ROI_SIZE, World, draw_truth

N_PERMUTATIONS, HOLDOUT = 1000, 0.2
# Where a person takes long: three quarters as many of them have to do.
MANY_IMAGES = 2000
# What a run is compared with, by name: its settings, made of the run's and of the names of all layers.
RIVALS: Mapping[str, Callable[[Settings, tuple[str, ...]], Settings]] = {
    "half the components": lambda s, _: replace(s, n_components=(s.n_components or 0) // 2),
    "another grid": lambda s, _: replace(s, alphas=(1e-1, 1e5, 7)),
    "inner folds": lambda s, _: replace(s, alpha_by="kfold"),
    "ols": lambda s, _: replace(s, regression="ols"),
    "the best layer": lambda s, layers: replace(s, regression="ridge", features=layers[:1]),
    "a layer alike": lambda s, layers: replace(s, features=layers[1:]),
    "banded": lambda s, _: replace(s, regression="banded", search_seed=0, n_iter=10),
    "a whole layer": lambda s, _: Settings(s.features, None, "ridge", holdout=s.holdout, folds=s.folds, refit=False),
}
# Rivals that differ in their choices of penalties alone, and models that do not tell how folds hang together.
CHOICES, SILENT = {"another grid", "inner folds"}, {"blend", "banded", "fields"}
# How runs are mapped over people: one after the other, or by processes.
Map = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]


@dataclass(frozen=True)
class Case:
    """One way to train, responses with so much signal, and what the run is compared with.

    Where a second layer is `alike`, it correlates so much with the first, and the run is of the first alone.
    """

    regression: str
    folds: int | None
    n: int
    signal: float
    rivals: tuple[str, ...] = ("half the components",)
    n_layers: int = 1
    alike: float = 0

    @property
    def name(self) -> str:
        split = "holdout" if self.folds is None else f"{self.folds} folds"
        layers = "" if self.n_layers == 1 or self.alike else f" {self.n_layers} layers"
        return f"{self.regression + layers:15} {split:8} n {self.n:4} signal {self.signal:.1f}"

    def promised(self, name: str) -> tuple[float, float]:
        """Return how often the interval of the run, or of its difference to a rival, may hold the truth."""
        if self.folds is None:
            return COVERED
        is_bound = name in CHOICES or bool(SILENT & {self.regression, name})
        return (COVERED[0], 1.0) if is_bound else COVERED

    def draw(self, folder: Path, rng: np.random.Generator, truth: NDArray[np.float64], **more: Any) -> World:
        layers = {"n_layers": self.n_layers, "alike": self.alike}
        return World.draw(folder / "w", rng, truth, n=self.n, signal=self.signal, **layers, **more)

    def settings(self, world: World) -> Settings:
        split = {"holdout": HOLDOUT} if self.folds is None else {"holdout": None, "folds": self.folds}
        features = world.features[:1] if self.alike else world.features
        how: dict[str, Any] = {"n_components": min(100, self.n // 8)}
        if self.regression == "fields":
            how = {"windows": "coarse", "image_width": 8.4}
        return Settings(features, regression=self.regression, refit=False, **how, **split)


def p_of_noise(case: Case, *, n_people: int, n_vertices: int, seed: int = 0, over: Map = map) -> NDArray[np.float64]:
    """Return the p of vertices that are noise, (n_people * n_vertices,)."""
    return np.concatenate(list(over(partial(_p_of_one, case, n_vertices, seed), range(n_people))))


def _p_of_one(case: Case, n_vertices: int, seed: int, number: int) -> NDArray[np.float64]:
    with tempfile.TemporaryDirectory() as where:
        rng = np.random.default_rng([seed, case.n, number])
        world = case.draw(Path(where), rng, np.zeros((N_FEATURES, n_vertices)))
        return _p(world, case)


def _p(world: World, case: Case) -> NDArray[np.float64]:
    held = held_out(world.train(case.settings(world)), "someone")
    how = {"n_permutations": N_PERMUTATIONS, "seed": 0, "track": silent, "note": unheard}
    return p_values(held, world.person, **how).p["all"]


def coverage(case: Case, *, n_people: int, seed: int = 0, over: Map = map) -> tuple[float, dict[str, Share]]:
    """Return the mean r, and how often intervals of the r of ROIs, `report`, and of differences to rivals are right."""
    found = list(over(partial(_intervals_of_one, case, seed), range(n_people)))
    # (n_people, 1 + n_rivals, n_rois): what was scored, and both ends; what a model scores on all images.
    scored, low, high, known = (np.array([one[part] for one in found]) for part in range(4))
    # Of folds the truth is the mean of these very people: with it they agree better than with that of others.
    apart = np.sqrt(n_people / (n_people - 1)) * (scored - scored.mean(axis=0))
    true = scored - apart if case.folds else known
    held = ((low <= true) & (true <= high)).mean(axis=2)
    names = ["report", *case.rivals]
    return float(scored[:, 0].mean()), {name: Share.of_people(held[:, row]) for row, name in enumerate(names)}


def _intervals_of_one(case: Case, seed: int, number: int) -> tuple[NDArray[np.float64], ...]:
    """Return of a run, and its differences to rivals, the scores, both ends, and what is known, each (.., n_rois)."""
    truth = draw_truth(np.random.default_rng(1), N_ROIS * ROI_SIZE)
    rois = {f"roi{place}": np.arange(ROI_SIZE) + place * ROI_SIZE for place in range(N_ROIS)}
    with tempfile.TemporaryDirectory() as where:
        rng = np.random.default_rng([seed, case.n, number])
        world = case.draw(Path(where), rng, truth, readable=case.folds is None)
        usual = case.settings(world)
        runs = [
            world.train(settings)
            for settings in (usual, *(RIVALS[rival](usual, world.features) for rival in case.rivals))
        ]
        held = [held_out(run, "someone") for run in runs]
        counts = draw(len(held[0].rows), n_resamples=1000, seed=0)
        how = {"track": silent, "note": unheard}
        drawn = resample_rois(world.person, held, {"all": rois}, counts, **how)["all"]
        r = np.array([_by_roi(one.subject_run.correlation("all")) for one in held])
        known = r if case.folds else np.array([_by_roi(world.true_r(run)) for run in runs])
    weights = np.eye(len(runs))
    weights[1:, 0] = -1
    ends = np.array([[interval(one.contrast(w.tolist())) for one in drawn.values()] for w in weights])
    return weights @ r, ends[..., 0], ends[..., 1], weights @ known


def _by_roi(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Average over the vertices of each ROI."""
    return scores.reshape(N_ROIS, ROI_SIZE).mean(axis=1, dtype=np.float64)


def discoveries(case: Case, *, share: float = 0.1, n_vertices: int = 3919, seed: int = 3) -> tuple[Share, float]:
    """Return the share of false discoveries where most vertices are noise, and that of true vertices found."""
    rng = np.random.default_rng(seed)
    n_real = int(share * n_vertices)
    with tempfile.TemporaryDirectory() as where:
        world = case.draw(Path(where), rng, draw_truth(rng, n_vertices))
        world.person.measured[:, n_real:] = rng.standard_normal((case.n, n_vertices - n_real))
        found = false_discovery_q(_p(world, case)) <= 0.05
    n_found = max(int(found.sum()), 1)
    return Share.of(found[n_real:].sum() / n_found, n_found), float(found[:n_real].mean())


def cases(*, small: bool) -> Iterator[Case]:
    """Yield every way to train, the quick ones first."""
    half = "half the components"
    usual = {
        "ols": (half,),
        "ridge": (half, "another grid"),
        "blend": (half, "the best layer"),
        "fields": ("a whole layer",),
    }
    for n in (200,) if small else (200, 540, 2000):
        for regression in ("ols", "ridge") if small else usual:
            for folds in (None, 5) if small else (None, 2, 5, 10):
                n_layers = 2 if regression == "blend" else 1
                yield Case(regression, folds, n, 0, usual[regression], n_layers=n_layers)


def rivals_of_other_kinds(*, small: bool) -> Iterator[Case]:
    """Yield runs to be compared with those of another regression, or of another way to choose penalties."""
    for n in () if small else (200, 540):
        for folds in (None, 5):
            yield Case("ridge", folds, n, 0, ("ols", "inner folds"))
    for folds in () if small else (None, 5):
        yield Case("ridge", folds, 200, 0, ("banded",), n_layers=2)
    for n, folds in () if small else ((200, 2), (200, 10), (540, 5)):
        yield Case("ridge", folds, n, 0, ("a layer alike",), n_layers=2, alike=0.64)


def judge_p(case: Case, verdicts: Verdicts, n_people: int, over: Map, n_vertices: int = 4000) -> str:
    """Return what is told of the p of noise. Those of models that predict nothing of many vertices are cautious."""
    p = p_of_noise(case, n_people=n_people, n_vertices=n_vertices, over=over)
    # Vertices are compared with draws that are themselves so many.
    n = 1 / (1 / len(p) + (1 / (n_people * DRAWS * N_PERMUTATIONS) if case.folds else 0))
    cautious = case.regression == "blend"
    name, words = f"p of {case.name}", []
    for level, (low, high) in ((0.05, ONE_IN_TWENTY), (0.001, ONE_IN_A_THOUSAND)):
        share = Share.of(float(np.mean(p <= level)), n)
        words.append(verdicts.judge(name, f"P(p <= {level:g})", share, (0 if cautious else low, high)))
    far = kstest(p, "uniform", alternative="greater" if cautious else "two-sided").statistic
    ks_p = float((ksone if cautious else kstwo).sf(far, round(n)))
    words.append(f"KS p {ks_p:.3f} {verdicts.word(name, 'KS p', ks_p >= LEAST_KS_P)}")
    if cautious:
        words.append(f"(nothing predicted of {np.mean(p == 1):.2f})")
    return "  ".join(words)


def judge_coverage(case: Case, verdicts: Verdicts, n_people: int, over: Map) -> str:
    """Return what is told of intervals."""
    r, covered = coverage(case, n_people=n_people, over=over)
    words = [f"r {r:.3f}  covered:"]
    for name, share in covered.items():
        words.append(verdicts.judge(f"intervals of {case.name}", name, share, case.promised(name)))
    return "  ".join(words)


def judge_everything(verdicts: Verdicts, n_people: int, over: Map, *, small: bool) -> Iterator[str]:
    """Yield one line a figure or two, of one way to train after the other."""
    yield from judge_groups(verdicts, 40 * n_people)
    for empty in cases(small=small):
        yield f"{empty.name}  {judge_p(empty, verdicts, 4, over)}"
        yield from judge_signals(empty, verdicts, n_people, over)
        case = replace(empty, signal=0.7)
        false, power = discoveries(case)
        told = verdicts.judge(f"discoveries of {case.name}", "of discoveries false", false, (0, 0.05))
        yield f"{case.name}  {told}  found {power:.3f}"
    for empty in rivals_of_other_kinds(small=small):
        yield from judge_signals(empty, verdicts, n_people, over)


def judge_signals(empty: Case, verdicts: Verdicts, n_people: int, over: Map) -> Iterator[str]:
    """Yield a line for intervals of noise, and of responses to a weak and to a strong signal."""
    n_some = n_people if empty.n < MANY_IMAGES else 3 * n_people // 4
    for signal in (0.0, 0.3, 0.7):
        case = replace(empty, signal=signal)
        yield f"{case.name}  {judge_coverage(case, verdicts, n_some, over)}"


def judge_groups(verdicts: Verdicts, n_groups: int) -> Iterator[str]:
    """Yield what is told of groups of subjects, who differ by nothing, a little and much."""
    for between in (0.0, 0.03, 0.1):
        name = f"groups of 8, sd between subjects {between:.2f}"
        any_of_one, any_at_all = p_of_nobody(n_groups=n_groups, between=between)
        told = [
            verdicts.judge(name, "covered", Share.of(people(between, n_groups=n_groups), n_groups), COVERED),
            verdicts.judge(name, "P(p <= .05)", Share.of(any_of_one, n_groups), ONE_IN_TWENTY),
            verdicts.judge(name, "P(any p max <= .05)", Share.of(any_at_all, n_groups), ONE_IN_TWENTY),
        ]
        yield f"{name}  {'  '.join(told)}"


def main() -> int:
    """Print one line a case, and the verdict on all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.calibration", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few cases")
    parser.add_argument("--people", type=int, default=16, help="repetitions of every interval")
    chosen = parser.parse_args()
    verdicts = Verdicts()
    with one_a_core() as pool:
        for line in judge_everything(verdicts, chosen.people, pool.map, small=chosen.small):
            print(line, flush=True)
    print(verdicts.told())
    return 1 if verdicts.out else 0


if __name__ == "__main__":
    sys.exit(main())
