"""A sweep of five networks against its forward passes alone: decoding, writing, products and all else come on top.

The forward passes get decoded images, a batch of the usual size to each core. To them, and to so many seconds a fit,
the whole sweep is related, networks built and tried and tables made, from an empty cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import algocli
from algocli.cli.console import show_table
from algocli.compute.track import silent
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.images import read_image
from algocli.features.networks.backbones import Backbone, load_backbone
from algocli.features.networks.numerics import one_core_each
from algocli.features.passage import Passage, n_workers
from tests.benchmarks.inputs import challenge, machine, options, parse, warm, workplace

BATCH_SIZE = Passage().batch_size
NETWORKS = ("alexnet", "resnet18", "resnet50", "mobilenet_v2", "timm/vit_small_patch16_224")
OVER_PASSES, EACH_FIT = 1.15, 2.0


@dataclass(frozen=True)
class Round:
    """Seconds of one round: on the clock, and of processor time over all cores."""

    forward: dict[str, float]
    forward_cpu: float
    decoding: float
    sweep: float
    sweep_cpu: float
    n_fits: int
    stages: dict[str, float]

    @property
    def allowed(self) -> float:
        """The seconds that a sweep may take."""
        return OVER_PASSES * sum(self.forward.values()) + EACH_FIT * self.n_fits

    @property
    def share(self) -> float:
        """What share of these it takes."""
        return self.sweep / self.allowed


def measure(chosen: argparse.Namespace, folder: Path, work: Path) -> list[Round]:
    """Measure `--rounds` times, each on a fresh cache."""
    subject = Challenge(folder).subject(chosen.subject)
    how = chosen.networks, chosen.weights or "random", chosen.nested
    return [_round(subject, *how, work / "cache") for _ in range(chosen.rounds)]


def _round(subject: Subject, networks: Sequence[str], weights: str, nested: bool, cache: Path) -> Round:
    warm(subject.layout.folder)
    shutil.rmtree(cache, ignore_errors=True)
    told: list[tuple[float, str]] = []
    began, began_cpu = time.perf_counter(), time.process_time()
    swept = algocli.sweep(
        subject,
        networks,
        weights=weights,
        nested=nested,
        device="cpu",
        cache_dir=cache,
        plot=cache.parent / "sweep.png",
        track=silent,
        note=lambda line: told.append((time.perf_counter() - began, line)),
    )
    sweep, sweep_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    opened = next(at for at, line in told if line.startswith("plan:"))
    fitted = next(at for at, line in told if line.startswith("model 1 of"))
    shutil.rmtree(cache)
    print(f"swept in {sweep:.0f} s", flush=True)
    forward: dict[str, float] = {}
    cpu = decoding = 0.0
    for network in networks:
        layers = [layer.layer for layer in swept.plan.layers if layer.model == network]
        backbone = load_backbone(network, layers, weights)
        began = time.perf_counter()
        pixels = _decode(subject, backbone)
        decoding = time.perf_counter() - began
        _forward(backbone, pixels[: BATCH_SIZE * n_workers()])
        began, began_cpu = time.perf_counter(), time.process_time()
        _forward(backbone, pixels)
        forward[network] = time.perf_counter() - began
        cpu += time.process_time() - began_cpu
    stages = {"opening": opened, "extracting": fitted - opened, "fitting and scoring": sweep - fitted}
    return Round(forward, cpu, decoding, sweep, sweep_cpu, len(swept.runs), stages)


def _decode(subject: Subject, backbone: Backbone) -> NDArray[np.uint8]:
    with ThreadPoolExecutor(n_workers()) as pool:
        paths = [stimulus.path for stimulus in subject.stimuli]
        return np.stack(list(pool.map(lambda path: backbone.transform.resize(read_image(path)), paths)))


def _forward(backbone: Backbone, pixels: NDArray[np.uint8]) -> None:
    """Pass decoded images through a network on all cores, and drop what comes out."""
    import torch

    def run(start: int) -> None:
        with torch.inference_mode():
            backbone(torch.from_numpy(pixels[start : start + BATCH_SIZE]))

    with one_core_each("cpu"), ThreadPoolExecutor(n_workers()) as pool:
        list(pool.map(run, range(0, len(pixels), BATCH_SIZE)))


def show(rounds: Sequence[Round]) -> None:
    """Print every round, and the median of the ratio."""
    for one in rounds:
        rows = [(f"forward, {name}", f"{seconds:.1f} s") for name, seconds in one.forward.items()]
        rows += [("decoding once", f"{one.decoding:.1f} s"), ("sweep", f"{one.sweep:.1f} s")]
        rows += [(f"  {stage}", f"{seconds:.1f} s") for stage, seconds in one.stages.items()]
        rows += [("processor time, sweep and passes", f"{one.sweep_cpu:.1f} s and {one.forward_cpu:.1f} s")]
        show_table(("", "Seconds"), rows, title=f"A sweep of {len(one.forward)} networks, {one.n_fits} fits")
    share = statistics.median(one.share for one in rounds)
    what = f"sweep over {OVER_PASSES} of the forward passes and {EACH_FIT:g} s a fit"
    show_table(("", "Ratio", "Target", ""), [(what, f"{share:.2f}", "<= 1", "reached" if share <= 1 else "missed")])


def as_dict(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Return every round with its ratio, as JSON can hold them."""
    return [{**asdict(one), "allowed": one.allowed, "share": one.share} for one in rounds]


def main() -> None:
    """Run this benchmark alone."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.sweep", description=__doc__.split("\n")[0], parents=[options()]
    )
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), help="networks to sweep [default: five]")
    parser.add_argument("--nested", action="store_true", help="also choose the best layers in inner folds")
    parser.set_defaults(train=900, test=100)
    chosen = parse(parser)
    with workplace(chosen) as work:
        rounds = measure(chosen, challenge(chosen, work), work)
    show(rounds)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), "sweep": as_dict(rounds)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
