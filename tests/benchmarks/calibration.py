"""How often p values and intervals are right: on noise, and on responses whose true r is known from repeating it.

`python -m tests.benchmarks.calibration`, which `make calibration` calls, trains many small subjects as any other and
asks `report` and `compare` how sure they are. Under chance alone p is uniform; a 95 % interval holds the truth in 95 of
100 repetitions: of folds the mean of r over all repetitions, of a holdout what its own model scores on other images.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track, silent, unheard
from algocli.dataset.plain import PlainSubject
from algocli.dataset.protocol import Roi
from algocli.dataset.sides import Side, Split
from algocli.dataset.stimuli import Stimulus
from algocli.encoding.settings import Settings
from algocli.results.held_out import held_out
from algocli.results.resampling import draw, resample_rois
from algocli.results.significance import p_values
from algocli.runs.opening import open_run
from algocli.runs.run import Run
from algocli.runs.training import train_subject
from algocli.stats.bootstrap import interval
from algocli.stats.correlation import correlate
from algocli.stats.permutation import false_discovery_q
from tests.benchmarks.group_calibration import p_of_nobody, people
from tests.features.by_hand import cache_features

N_FEATURES, N_ROIS, ROI_SIZE = 400, 10, 12
SPECTRUM = np.arange(1, N_FEATURES + 1) ** -0.5
# Other images, by which the truth about a fitted model is known.
N_OTHERS = 4000


class Person(PlainSubject):
    """Somebody whose responses are in memory, and whose images are numbers."""

    sides = ("all",)

    def __init__(self, folder: Path, responses: NDArray[np.float32], n_train: int | None = None) -> None:
        n_train = len(responses) if n_train is None else n_train
        self.name, self.folder, self.measured, self.others = (
            folder.name,
            folder,
            responses[:n_train],
            responses[n_train:],
        )
        self.rois: tuple[Roi, ...] = ()
        folder.mkdir()
        for row in range(len(responses)):
            (folder / f"{row}.png").write_text(f"{row}")
        splits: list[Split] = ["train"] * n_train + ["test"] * len(self.others)
        every = [Stimulus(row, split, f"{row}", folder / f"{row}.png") for row, split in enumerate(splits)]
        self.train_stimuli = tuple(every[:n_train])
        self.test_stimuli = tuple(every[n_train:])

    def n_vertices(self, side: Side) -> int:
        return self.measured.shape[1]

    def responses(self, split: Split, side: Side) -> NDArray[np.float32]:
        return self.measured

    def digest_responses(self, cache_dir: Path, track: Track = silent) -> Mapping[Side, str]:
        return {"all": hashlib.sha256(self.measured.tobytes()).hexdigest()}

    def roi_vertices(self, roi: Roi | str, side: Side) -> NDArray[np.int64]:
        raise NotImplementedError


@dataclass(frozen=True)
class Case:
    """One way to train, and responses with so much signal."""

    regression: str
    folds: int | None
    n: int
    signal: float

    @property
    def name(self) -> str:
        split = "holdout" if self.folds is None else f"{self.folds} folds"
        return f"{self.regression:6} {split:8} n {self.n:5} signal {self.signal:.2f}"

    def settings(self, features: Sequence[str], **more: Any) -> Settings:
        split = {"holdout": 0.2} if self.folds is None else {"holdout": None, "folds": self.folds}
        k = min(100, self.n // 8)
        return Settings(tuple(features), n_components=k, regression=self.regression, refit=False, **split, **more)


def world(
    folder: Path,
    case: Case,
    rng: np.random.Generator,
    n_vertices: int,
    truth: NDArray[np.float64],
    n_others: int = 0,
) -> tuple[Person, list[str]]:
    """Make somebody new, who sees other images, with the same vertices: `truth` is what drives each."""
    folder.mkdir()
    n_layers = 2 if case.regression == "blend" else 1
    n = case.n + n_others
    layers = [rng.standard_normal((n, N_FEATURES)) * SPECTRUM for _ in range(n_layers)]
    noise = rng.standard_normal((n, n_vertices))
    if case.signal:
        # Neighbours share some of their noise, as vertices do.
        shared = rng.standard_normal((n, n_vertices // ROI_SIZE + 1)).repeat(ROI_SIZE, axis=1)[:, :n_vertices]
        noise = np.sqrt(0.7) * noise + np.sqrt(0.3) * shared
    responses = case.signal * (layers[0] @ truth) + np.sqrt(1 - case.signal**2) * noise
    person = Person(folder / "someone", responses.astype(np.float32), case.n)
    cache = folder / "cache"
    names = [
        cache_features(cache, person, layer.astype(np.float32), layer=f"l{number}")
        for number, layer in enumerate(layers)
    ]
    return person, names


def train(person: Person, settings: Settings, cache: Path) -> Run:
    """Train as `algocli train` does."""
    run = open_run(cache, settings.default_name, settings)
    train_subject(person, run, cache)
    return run


def p_of_noise(case: Case, *, n_people: int, n_vertices: int, seed: int = 0) -> NDArray[np.float64]:
    """Return the p of vertices that are noise, (n_people * n_vertices,)."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_people):
        with tempfile.TemporaryDirectory() as where:
            person, names = world(Path(where) / "w", case, rng, n_vertices, np.zeros((N_FEATURES, n_vertices)))
            cache = Path(where) / "w" / "cache"
            held = held_out(train(person, case.settings(names), cache), "someone")
            p = p_values(held, person, n_permutations=1000, seed=0, track=silent, note=unheard).p
            found.append(p["all"])
    return np.concatenate(found)


class Coverage(NamedTuple):
    """How often intervals hold the truth, and the mean r.

    `report` is of an ROI's r, `compare` of its difference to half of the components, and `equals` of that to another
    grid of penalties, which is next to nothing; NaN where there are none.
    """

    report: float
    compare: float
    equals: float
    r: float


def coverage(case: Case, *, n_people: int, seed: int = 0) -> Coverage:
    """Train many people and ask of each how sure the r of ROIs, and differences of runs, are."""
    rng = np.random.default_rng([seed, case.n])
    n_vertices = N_ROIS * ROI_SIZE
    truth = np.random.default_rng(1).standard_normal((N_FEATURES, n_vertices))
    truth /= np.linalg.norm(SPECTRUM[:, None] * truth, axis=0)
    rois = {f"roi{number}": np.arange(ROI_SIZE) + number * ROI_SIZE for number in range(N_ROIS)}
    weights = [[1, 0, 0], [-1, 1, 0], [-1, 0, 1]] if case.regression != "ols" else [[1, 0], [-1, 1]]
    scored, bounds, on_others = [], [], []
    for _ in range(n_people):
        with tempfile.TemporaryDirectory() as where:
            n_others = N_OTHERS if case.folds is None else 0
            person, names = world(Path(where) / "w", case, rng, n_vertices, truth, n_others)
            usual = case.settings(names)
            every = [usual, replace(usual, n_components=usual.n_components // 2)]
            if len(weights) > 2:
                every.append(replace(usual, alphas=(1e-1, 1e5, 7)))
            runs = [train(person, settings, Path(where) / "w" / "cache") for settings in every]
            held = [held_out(run, "someone") for run in runs]
            counts = draw(len(held[0].rows), n_resamples=1000, seed=0)
            drawn = resample_rois(person, held, {"all": rois}, counts, track=silent, note=unheard)["all"]
            scored.append([by_roi(one.subject_run.correlation("all"), rois) for one in held])
            bounds.append([[interval(one.contrast(w)) for one in drawn.values()] for w in weights])
            if n_others:
                on_others.append([by_roi(r_on_others(person, run), rois) for run in runs])
    r, ends = np.array(scored), np.array(bounds)
    true = np.einsum("wr,prv->pwv", weights, np.array(on_others) if on_others else r.mean(axis=0, keepdims=True))
    inside = ((ends[..., 0] <= true) & (true <= ends[..., 1])).mean(axis=(0, 2))
    report, compare, equals = (*inside, np.nan)[:3]
    return Coverage(report, compare, equals, r[:, 0].mean())


def by_roi(scores: NDArray[np.floating], rois: Mapping[str, NDArray[np.int64]]) -> list[float]:
    """Average over the vertices of each ROI."""
    return [float(scores[vertices].mean()) for vertices in rois.values()]


def r_on_others(person: Person, run: Run) -> NDArray[np.float64]:
    """Score a run's model on images that nothing else knows of."""
    return correlate(person.others, run.subject("someone").test_predictions("all"))


def discoveries(case: Case, *, share: float = 0.1, n_vertices: int = 3919, seed: int = 3) -> tuple[float, float]:
    """Return the share of false discoveries where most vertices are noise, and that of true vertices found."""
    rng = np.random.default_rng(seed)
    n_real = int(share * n_vertices)
    truth = rng.standard_normal((N_FEATURES, n_vertices))
    truth /= np.linalg.norm(SPECTRUM[:, None] * truth, axis=0)
    with tempfile.TemporaryDirectory() as where:
        person, names = world(Path(where) / "w", case, rng, n_vertices, truth)
        person.measured[:, n_real:] = rng.standard_normal((case.n, n_vertices - n_real))
        held = held_out(train(person, case.settings(names), Path(where) / "w" / "cache"), "someone")
        p = p_values(held, person, n_permutations=1000, seed=0, track=silent, note=unheard).p["all"]
    found = false_discovery_q(p) <= 0.05
    return float(found[n_real:].sum() / max(found.sum(), 1)), float(found[:n_real].mean())


def cases(*, small: bool) -> Iterator[Case]:
    """Yield every way to train."""
    for regression in ("ols", "ridge") if small else ("ols", "ridge", "blend"):
        for folds in (None, 5) if small else (None, 2, 5, 10):
            for n in (200,) if small else (200, 540, 2000):
                yield Case(regression, folds, n, 0)


def main() -> None:
    """Print one line a case."""
    from scipy.stats import kstest

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.calibration", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few cases")
    parser.add_argument("--people", type=int, default=60, help="repetitions of every interval")
    chosen = parser.parse_args()
    for case in cases(small=chosen.small):
        p = p_of_noise(case, n_people=4, n_vertices=4000)
        print(
            f"{case.name}  P(p <= .05) {np.mean(p <= 0.05):.4f}  P(p <= .001) {np.mean(p <= 0.001):.5f}  "
            f"KS p {kstest(p, 'uniform').pvalue:.3f}",
            flush=True,
        )
    for empty in cases(small=chosen.small):
        for signal in (0.0, 0.3, 0.7):
            case = Case(empty.regression, empty.folds, empty.n, signal)
            told = coverage(case, n_people=chosen.people)
            equals = "" if np.isnan(told.equals) else f"  (near equals {told.equals:.3f})"
            print(
                f"{case.name}  r {told.r:.3f}  covered: report {told.report:.3f}  compare {told.compare:.3f}{equals}",
                flush=True,
            )
    for empty in cases(small=chosen.small):
        false, power = discoveries(Case(empty.regression, empty.folds, empty.n, 0.7))
        print(f"{empty.name}  of discoveries false {false:.3f}  found {power:.3f}", flush=True)
    for between in (0.0, 0.03, 0.1):
        held = people(between, n_groups=10 * chosen.people)
        single, largest = p_of_nobody(n_groups=10 * chosen.people, between=between)
        print(
            f"groups of 8, sd between subjects {between:.2f}  covered {held:.3f}  P(p <= .05) {single:.3f}  "
            f"P(any p max <= .05) {largest:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
