"""How often the intervals of a variance partition hold what its parts come to, which repeating it tells.

`python -m tests.benchmarks.calibrated_parts` has many small subjects see other images, with the same vertices, and
partitions what two sets explain of each: of noise, and of responses to causes that one set holds, or both.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

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
from tests.benchmarks.worlds import ROI_SIZE, Person
from tests.features.by_hand import cache_features

N_DIMENSIONS, N_ROIS = 60, 10
SPECTRUM = np.arange(1, N_DIMENSIONS + 1) ** -0.5
ROIS = tuple(Roi(f"roi{number}", "class", number) for number in range(N_ROIS))
NO_CAUSE, CAUSES = (0.0, 0.0, 0.0), (0.2, 0.0, 0.2)


class PersonOfRois(Person):
    """Somebody with ROIs of a dozen vertices each."""

    def roi_vertices(self, roi: Roi | str, side: Side) -> NDArray[np.int64]:
        assert isinstance(roi, Roi)
        return np.arange(ROI_SIZE) + ROIS.index(roi) * ROI_SIZE


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
        return Settings(
            features,
            n_components=self.n_components,
            regression=self.regression,
            holdout=None if self.folds else 0.2,
            folds=self.folds,
            refit=False,
        )


def parts_of_one(where: Path, case: Case, rng: np.random.Generator) -> list[PartRow]:
    """Have somebody see other images, and return the rows of every ROI."""
    where.mkdir()
    held = [rng.standard_normal((case.n, N_DIMENSIONS)) * SPECTRUM for _ in range(3)]
    truth = np.random.default_rng(1).standard_normal((3, N_DIMENSIONS, N_ROIS * ROI_SIZE))
    truth /= np.linalg.norm(SPECTRUM[:, None] * truth, axis=1, keepdims=True)
    # Neighbours share some of their noise, as vertices do.
    own, shared = rng.standard_normal((case.n, N_ROIS * ROI_SIZE)), rng.standard_normal((case.n, N_ROIS))
    noise = np.sqrt(0.7) * own + np.sqrt(0.3) * shared.repeat(ROI_SIZE, axis=1)
    responses = np.sqrt(1 - sum(case.causes)) * noise
    for cause, share, weights in zip(held, case.causes, truth, strict=True):
        responses += np.sqrt(share) * cause @ weights
    person, cache = PersonOfRois(where / "someone", responses.astype(np.float32)), where / "cache"
    person.rois = ROIS
    sets = []
    for name, alone in zip("AB", held, strict=False):
        rows = np.hstack([alone, held[2]]).astype(np.float32)
        sets.append(FeatureSet(name, (cache_features(cache, person, rows, layer=name),)))
    settings = case.settings(tuple(one.features[0] for one in sets))
    runs = open_unions(cache, sets, settings, measure_features([person], settings.features, cache))
    train_unions(person, runs, cache)
    parts, chosen = named_parts(["A", "B"]), [roi.name for roi in ROIS]
    drawn = resample(person, runs, parts, chosen, Resampling(), track=silent, note=unheard)
    found = read_parts(person, runs)["all"]
    values = [*(found.parts[sets_of] for name, sets_of in parts.items() if sets_of), found.total]
    rows_of = [
        PartRow("someone", "all", roi.name, ROI_SIZE, part, float(each[person.roi_vertices(roi, "all")].mean()), None)
        for roi in ROIS
        for part, each in zip(parts, values, strict=True)
    ]
    return with_intervals(rows_of, drawn, "none")


def coverage(case: Case, *, n_people: int, seed: int = 0) -> dict[str, tuple[float, float, float]]:
    """Return by part its mean, how often intervals hold a ROI's mean over people, and how often p is .05 at most."""
    rng = np.random.default_rng([seed, case.n])
    people = []
    for _ in range(n_people):
        with tempfile.TemporaryDirectory() as where:
            people.append(parts_of_one(Path(where) / "w", case, rng))
    found = {}
    for part in named_parts(["A", "B"]):
        rows = [[row for row in one if row.part == part] for one in people]
        scores, low, high, p = (
            np.array([[getattr(row, name) for row in own] for own in rows], np.float64)
            for name in ("explained", "low", "high", "p")
        )
        true = scores.mean(axis=0)
        found[part] = float(scores.mean()), float(((low <= true) & (true <= high)).mean()), float((p <= 0.05).mean())
    return found


def main() -> None:
    """Print one line a case and part."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.calibrated_parts", description=__doc__)
    parser.add_argument("--people", type=int, default=60, help="repetitions of every case")
    n_people = parser.parse_args().people
    for regression, n_components in (("ols", 30), ("ridge", None)):
        for folds in (None, 5):
            for causes in (NO_CAUSE, CAUSES):
                case = Case(regression, folds, 250, causes, n_components)
                for part, (mean, covered, marked) in coverage(case, n_people=n_people).items():
                    split = "holdout" if folds is None else f"{folds} folds"
                    what = "noise  " if causes == NO_CAUSE else "planted"
                    print(
                        f"{regression:5} {split:7} {what} {part:6} mean {mean:+.4f}  covered {covered:.3f}  "
                        f"P(p <= .05) {marked:.3f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
