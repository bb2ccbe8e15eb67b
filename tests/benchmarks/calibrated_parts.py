"""How often the intervals of a variance partition hold what its parts come to, which repeating it tells.

`python -m tests.benchmarks.calibrated_parts` has many small subjects see other images, with the same vertices, and
partitions what two sets explain of each: of noise, and of responses to causes that one set holds, or both.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import silent, unheard
from algocli.dataset.protocol import Roi
from algocli.dataset.sides import Side
from algocli.encoding.settings import Settings
from algocli.results.part_rows import PartRow
from algocli.results.partition import named_parts, read_parts
from algocli.results.sure_parts import Resampling, resample, with_intervals
from algocli.runs.unions import measure_features, open_unions, train_unions
from algocli.stats.partition import FeatureSet
from tests.benchmarks.processes import one_a_core
from tests.benchmarks.worlds import ROI_SIZE, Person, make_cache
from tests.features.by_hand import cache_features

N_DIMENSIONS, N_ROIS = 60, 10
SPECTRUM = np.arange(1, N_DIMENSIONS + 1) ** -0.5
ROIS = tuple(Roi(f"roi{number}", "class", number) for number in range(N_ROIS))
NO_CAUSE, CAUSES = (0.0, 0.0, 0.0), (0.2, 0.0, 0.2)
# How many intervals shall hold the truth, and how many p of what is nothing may call it something.
COVERED, MARKED = (0.93, 0.97), 0.05


class PersonOfRois(Person):
    """Somebody with ROIs of a dozen vertices each."""

    def roi_vertices(self, roi: Roi | str, side: Side) -> NDArray[np.int64]:
        assert isinstance(roi, Roi)
        return np.arange(ROI_SIZE) + ROIS.index(roi) * ROI_SIZE


# How people are mapped: one after the other, or by processes.
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Case:
    """One way to train, on so many images, and the shares of variance that A alone, B alone and both cause."""

    regression: str
    folds: int | None
    n: int
    causes: tuple[float, float, float]
    n_components: int | None = None

    def settings(self, features: tuple[str, ...]) -> Settings:
        """Return the settings of all its runs."""
        search: dict[str, Any] = {"search_seed": 0, "n_iter": 5} if self.regression == "banded" else {}
        return Settings(
            features,
            n_components=self.n_components,
            regression=self.regression,
            holdout=None if self.folds else 0.2,
            folds=self.folds,
            refit=False,
            **search,
        )


class Drawn(NamedTuple):
    """What somebody sees, (n, N_DIMENSIONS) each: what A alone, B alone and both hold; and the noise of vertices."""

    held: list[NDArray[np.float64]]
    noise: NDArray[np.float64]


def draw(case: Case, rng: np.random.Generator) -> Drawn:
    """Draw other images, and noise of which neighbours share some, as vertices do."""
    held = [rng.standard_normal((case.n, N_DIMENSIONS)) * SPECTRUM for _ in range(3)]
    own, shared = rng.standard_normal((case.n, N_ROIS * ROI_SIZE)), rng.standard_normal((case.n, N_ROIS))
    return Drawn(held, np.sqrt(0.7) * own + np.sqrt(0.3) * shared.repeat(ROI_SIZE, axis=1))


def parts_of_one(case: Case, drawn: Drawn) -> list[PartRow]:
    """Train as `algocli partition` does, and return the rows of every ROI."""
    truth = np.random.default_rng(1).standard_normal((3, N_DIMENSIONS, N_ROIS * ROI_SIZE))
    truth /= np.linalg.norm(SPECTRUM[:, None] * truth, axis=1, keepdims=True)
    responses = np.sqrt(1 - sum(case.causes)) * drawn.noise
    for cause, share, weights in zip(drawn.held, case.causes, truth, strict=True):
        responses += np.sqrt(share) * cause @ weights
    with tempfile.TemporaryDirectory() as where:
        return _partition(Path(where), case, drawn.held, responses.astype(np.float32))


def _partition(
    where: Path, case: Case, held: list[NDArray[np.float64]], responses: NDArray[np.float32]
) -> list[PartRow]:
    person, cache = PersonOfRois(where / "someone", responses), make_cache(where / "cache")
    person.rois = ROIS
    sets = []
    *alone, both = held
    for name, own in zip("AB", alone, strict=True):
        rows = np.hstack([own, both]).astype(np.float32)
        sets.append(FeatureSet(name, (cache_features(cache, person, rows, layer=name),)))
    settings = case.settings(tuple(one.features[0] for one in sets))
    runs = open_unions(cache, sets, settings, measure_features([person], settings.features, cache))
    train_unions(person, runs, cache)
    parts, chosen = named_parts(["A", "B"]), [roi.name for roi in ROIS]
    resampled = resample(person, runs, parts, chosen, Resampling(), track=silent, note=unheard)
    found = read_parts(person, runs)["all"]
    values = [*(found.parts[sets_of] for name, sets_of in parts.items() if sets_of), found.total]
    rows_of = [
        PartRow("someone", "all", roi.name, ROI_SIZE, part, float(each[person.roi_vertices(roi, "all")].mean()), None)
        for roi in ROIS
        for part, each in zip(parts, values, strict=True)
    ]
    return with_intervals(rows_of, resampled, "none")


class Told(NamedTuple):
    """What intervals and p of a part come to; errors are standard errors over people.

    `covered` is how often intervals hold a ROI's mean over people, `marked` how often p is .05 at most.
    """

    mean: float
    covered: float
    covered_error: float
    marked: float
    marked_error: float


def coverage(case: Case, *, n_people: int, seed: int = 0, over: Map = map) -> dict[str, Told]:
    """Return by part what its intervals and p come to."""
    rng = np.random.default_rng([seed, case.n])
    # Drawn here, one after the other: people are the same, however many processes train them.
    people = list(over(partial(parts_of_one, case), [draw(case, rng) for _ in range(n_people)]))
    found = {}
    for part in named_parts(["A", "B"]):
        rows = [[row for row in one if row.part == part] for one in people]
        scores, low, high, p = (
            np.array([[getattr(row, name) for row in own] for own in rows], np.float64)
            for name in ("explained", "low", "high", "p")
        )
        true = scores.mean(axis=0)
        covered, marked = ((low <= true) & (true <= high)).mean(axis=1), (p <= 0.05).mean(axis=1)
        found[part] = Told(float(scores.mean()), *_of_people(covered), *_of_people(marked))
    return found


def _of_people(shares: NDArray[np.float64]) -> tuple[float, float]:
    """Return a mean over people, whose ROIs share images, and its standard error: of one in twenty at the least."""
    least = np.sqrt(0.05 * 0.95 / (len(shares) * N_ROIS))
    return float(shares.mean()), float(max(shares.std(ddof=1) / np.sqrt(len(shares)), least))


def cases() -> Iterator[Case]:
    """Yield every way to train, of noise and of what was planted."""
    for regression, n_components in (("ols", 30), ("ridge", None), ("banded", 30)):
        for folds in (None, 5):
            for causes in (NO_CAUSE, CAUSES):
                yield Case(regression, folds, 250, causes, n_components)


def is_nothing(case: Case, part: str) -> bool:
    """Say whether a part is of sets that explain nothing; with OLS these share something, which is made of noise."""
    nothing = ("A", "B", "total", "A & B" if case.regression != "ols" else "") if case.causes == NO_CAUSE else ("B",)
    return part in nothing


def line(case: Case, part: str, told: Told) -> tuple[str, bool]:
    """Tell a part of a case beside its bounds; say whether it is within two standard errors of them."""
    low, high = COVERED
    # Banded ridge does not tell how folds depend on each other: intervals are as wide as can be, and say so.
    is_widest = case.regression == "banded" and case.folds is not None
    high = 1.0 if is_widest else high
    is_held = low - 2 * told.covered_error <= told.covered <= high + 2 * told.covered_error
    is_rare = not is_nothing(case, part) or told.marked <= MARKED + 2 * told.marked_error
    split = "holdout" if case.folds is None else f"{case.folds} folds"
    what = "noise  " if case.causes == NO_CAUSE else "planted"
    held = f"{low} or more" if is_widest else f"{low} to {high}"
    bound = f"at most {MARKED}" if is_nothing(case, part) else "no bound"
    text = (
        f"{case.regression:6} {split:7} {what} {part:6} mean {told.mean:+.4f}  "
        f"covered {told.covered:.3f} +- {told.covered_error:.3f} ({held})  "
        f"P(p <= .05) {told.marked:.3f} +- {told.marked_error:.3f} ({bound})  "
        f"{'ok' if is_held and is_rare else 'OUT'}"
    )
    return text, is_held and is_rare


def main() -> int:
    """Print one line a case and part, with its bounds, and a verdict; return how the program is to end."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.calibrated_parts", description=__doc__)
    parser.add_argument("--people", type=int, default=60, help="repetitions of every case")
    parser.add_argument("--only", default="", help="cases of one regression")
    chosen = parser.parse_args()
    n_out = n_lines = 0
    with one_a_core() as pool:
        for case in cases():
            if chosen.only in ("", case.regression):
                for part, told in coverage(case, n_people=chosen.people, over=pool.map).items():
                    text, is_within = line(case, part, told)
                    print(text, flush=True)
                    n_lines, n_out = n_lines + 1, n_out + (not is_within)
    print("+- is one standard error over people; within two of its bounds a line is ok")
    print(
        f"{n_out} of {n_lines} lines are out of their bounds" if n_out else f"all {n_lines} lines are in their bounds"
    )
    return int(n_out > 0)


if __name__ == "__main__":
    sys.exit(main())
