"""Receptive fields against the truth of a synthetic challenge: where vertices look, and what that is worth.

The challenge knows every vertex's field. For V1 to V3 this prints how far found centres, angles and eccentricities are
from the planted ones, and for all areas median r beside that of ridge on the same layers joined. What is found is where
between the windows that were tried the error would be least; how far these windows are off is printed beside it.
Vertices that nothing drives, which have no field, are left out. Peak memory is told as it rises from step
to step: what writes the challenge and extracts features is one process with what trains. Of the search for windows is
told what share of the machine's rate of matrix products, measured in the same run, its products alone come to.
`python -m tests.benchmarks.receptive_fields --train 2500 --seed 4711`.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from algocli.cli.console import show_table
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.demo.cortex import lay_out
from algocli.demo.recipe import count_left
from algocli.demo.truth import tell_truth
from algocli.demo.write import write_challenge
from algocli.encoding.regressions.field_model import FieldModel
from algocli.encoding.regressions.field_search import Search
from algocli.features.algebra import Algebra, Multiplier
from algocli.pipeline.features import extract
from algocli.pipeline.training import train
from algocli.runs.run import Run
from tests.benchmarks.extraction import product_flops
from tests.benchmarks.inputs import machine, options, parse, weights_of, workplace
from tests.benchmarks.processes import peak_bytes

LAYERS = ("features.2", "features.5")
AREAS = {"V1": ("V1v", "V1d"), "V2": ("V2v", "V2d"), "V3": ("V3v", "V3d")}
STREAMS = ("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal")


@dataclass(frozen=True)
class Found:
    """What is found of an area's fields.

    Attributes
    ----------
    centre, angle
        Median distance of centres, in degrees of visual angle, and of polar angles, in degrees.
    eccentricity
        Pearson's r of eccentricities found and planted.
    rim
        The share of vertices whose planted centre lies outside the image.
    """

    n_vertices: int
    centre: float
    angle: float
    eccentricity: float
    size: float
    rim: float


def compare(field: NDArray[np.float32], planted: NDArray[np.float64]) -> Found:
    """Compare fields with those planted: x, y and width, (3 or more, n_vertices) each."""
    x, y, size = field[:3].astype(np.float64)
    right, up, width = planted
    turned = np.degrees(np.angle(np.exp(1j * (np.arctan2(y, x) - np.arctan2(up, right)))))
    outside = np.maximum(np.abs(right), np.abs(up)) > 4.2
    eccentricities = np.corrcoef(np.hypot(x, y), np.hypot(right, up))[0, 1]
    return Found(
        len(x),
        float(np.median(np.hypot(x - right, y - up))),
        float(np.median(np.abs(turned))),
        float(eccentricities),
        float(np.corrcoef(np.where(np.isfinite(size), size, 8.4), width)[0, 1]),
        float(outside.mean()),
    )


def fields_of(run: Run, subject: Subject, n_left: int, seed: int, name: str) -> dict[str, Found]:
    """Compare each area of both hemispheres with the truth: what the refit has of them in an array of this name."""
    found, planted = [], []
    inside: dict[str, list[NDArray[np.bool_]]] = {area: [] for area in AREAS}
    for side in HEMISPHERES:
        cortex = lay_out(subject.number, side, n_left)
        driven = tell_truth(cortex, seed).ceilings > 0
        fields = cortex.fields
        found.append(np.asarray(run.subject(subject.id).of_regression(name, side)[-1]))
        planted.append(np.stack([fields.right, fields.up, fields.widths]))
        for area, rois in AREAS.items():
            inside[area].append(_members(subject, rois, side) & driven)
    every, truth = np.hstack(found), np.hstack(planted)
    return {
        area: compare(every[:, np.concatenate(some)], truth[:, np.concatenate(some)]) for area, some in inside.items()
    }


def _members(subject: Subject, rois: tuple[str, ...], side: Hemisphere) -> NDArray[np.bool_]:
    inside = np.zeros(subject.n_vertices(side), bool)
    for roi in rois:
        inside[subject.roi_vertices(roi, side)] = True
    return inside


def medians(run: Run, subject: Subject) -> dict[str, float]:
    """Return the median r of each stream's vertices, and of those of V1 to V3, both hemispheres together."""
    areas = {**{name: (name,) for name in STREAMS}, **AREAS}
    r = {side: run.subject(subject.id).correlation(side) for side in HEMISPHERES}
    return {
        name: float(np.median(np.hstack([r[side][_members(subject, rois, side)] for side in HEMISPHERES])))
        for name, rois in areas.items()
    }


class Counted:
    """Counts the operations of products of single precision, and the seconds of searches, within a `with` block."""

    def __init__(self) -> None:
        self.flop, self.seconds = 0.0, 0.0
        self._patched = ExitStack()

    def __enter__(self) -> Self:
        hold, run = Algebra.hold, Search.run

        def counted(algebra: Algebra, left: NDArray[np.float32]) -> Multiplier:
            multiply = hold(algebra, left)

            def product(right: NDArray[np.float32]) -> NDArray[np.float32]:
                # A thread may lose another's count: of thousands, that is nothing.
                self.flop += 2.0 * left.shape[0] * left.shape[1] * right.shape[1]
                return multiply(right)

            return product

        def timed(search: Search) -> list[FieldModel]:
            began = time.perf_counter()
            models = run(search)
            self.seconds += time.perf_counter() - began
            return models

        self._patched.enter_context(patch.object(Algebra, "hold", counted))
        self._patched.enter_context(patch.object(Search, "run", timed))
        return self

    def __exit__(self, *_: object) -> None:
        self._patched.close()


def measure(chosen: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Write a challenge, extract both layers, and train both models."""
    folder, cache = chosen.data_dir or work / "challenge", chosen.cache_dir or work / "cache"
    vertices = chosen.vertices if chosen.vertices in ("small", "real") else int(chosen.vertices)
    if chosen.data_dir is None:
        sizes = {"n_train": chosen.train, "n_test": chosen.test, "vertices": vertices, "seed": chosen.seed}
        write_challenge(folder, subjects=[chosen.subject], **sizes)
    subject = Challenge(folder).subject(chosen.subject)
    peaks = {"challenge": peak_bytes()}
    extract(subject, "alexnet", LAYERS, weights=weights_of(chosen), cache_dir=cache)
    peaks["features"] = peak_bytes()
    result: dict[str, Any] = {"peak bytes": peaks}
    runs = {}
    for name, settings in {"fields": {"windows": chosen.fields}, "ridge": {"n_components": None}}.items():
        began, busy = time.perf_counter(), time.process_time()
        with Counted() as search:
            runs[name] = train(subject, layers=LAYERS, regression=name, cache_dir=cache, **settings)
        result[f"{name} seconds"] = round(time.perf_counter() - began, 1)
        result[f"{name} processor seconds"] = round(time.process_time() - busy, 1)
        if name == "fields":
            result["search flop"], result["search seconds"] = search.flop, round(search.seconds, 1)
            result["product flop/s"] = product_flops()
        peaks[name] = peak_bytes()
        result[f"{name} r"] = medians(runs[name], subject)
    for what, name in (("found", "field_peak"), ("tried", "field")):
        compared = fields_of(runs["fields"], subject, count_left(vertices), chosen.seed, name)
        result[what] = {area: asdict(one) for area, one in compared.items()}
    return result


def show(result: dict[str, Any]) -> None:
    """Print both tables."""
    heads = ("Area", "Vertices", "Centre off by", "Angle off by", "Eccentricity r", "Size r")
    for what, title in (("found", "Fields found"), ("tried", "The windows that predict")):
        rows = [
            (
                area,
                str(one["n_vertices"]),
                *(f"{one[part]:.3f}" for part in ("centre", "angle", "eccentricity", "size")),
            )
            for area, one in result[what].items()
        ]
        show_table(heads, rows, title=f"{title} against planted: medians, degrees")
    compared = [
        (area, f"{r:.4f}", f"{result['ridge r'][area]:.4f}", f"{r - result['ridge r'][area]:+.4f}")
        for area, r in result["fields r"].items()
    ]
    show_table(("Area", "Fields", "Ridge", "Gain"), compared, title="Median r of held-out images")
    for name in ("fields", "ridge"):
        print(f"{name}: {result[f'{name} seconds']} s, {result[f'{name} processor seconds']} s of processor time")
    share = result["search flop"] / result["search seconds"] / result["product flop/s"]
    print(
        f"search: {result['search flop']:.1e} operations in {result['search seconds']} s, {share:.0%} of the rate of "
        f"products of this machine ({result['product flop/s'] / 1e9:.0f} GFLOP/s)"
    )
    told = ", ".join(f"{peak / 1e9:.2f} GB with the {step}" for step, peak in result["peak bytes"].items())
    print(f"peak memory: {told}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.receptive_fields", parents=[options()])
    parser.add_argument("--fields", default="fine", help="the windows [default: fine]")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic challenge [default: 0]")
    parser.add_argument("--cache-dir", type=Path, help="where features and runs go [default: temporary]")
    chosen = parse(parser)
    with workplace(chosen) as work:
        result = measure(chosen, work)
    show(result)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), **result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
