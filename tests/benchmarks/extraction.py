"""Extraction against the sum of its parts, and the Gram pass against the machine's own matrix product.

An extraction decodes images and passes them through a network; whatever else it does should hide behind these two.
Its floor is therefore the processor time of decoding alone and of forward passes alone, spread over the cores. The
Gram pass multiplies: by symmetry n² d operations, whose rate is set against a plain float32 product of numpy's,
measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from algocli.cli.console import show_table
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.images import read_image
from algocli.features.extraction import extract
from algocli.features.networks.backbones import Backbone, load_backbone
from algocli.features.passage import Passage
from algocli.features.store.gram import gram
from tests.benchmarks.inputs import challenge, machine, options, parse, warm, weights_of, workplace

T = TypeVar("T")
BATCH_SIZE = Passage().batch_size
# Decoded images kept for the forward passes: enough for a steady rate, 150 MB.
N_KEPT = 1024
PRODUCT_SIZE = 4096
N_PRODUCTS = 3
FLOOR_TARGET = 1.3
SHARE_TARGET = 0.6


@dataclass(frozen=True)
class Cost:
    """Seconds an image: on the clock, and of processor time over all cores."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Round:
    """One round of measurements."""

    n_images: int
    n_features: int
    decode: Cost
    forward: Cost
    extraction: Cost
    gram_seconds: float
    product_flops: float

    @property
    def over_floor(self) -> float:
        """How many times as long as its parts' processor time spread over the cores."""
        return self.extraction.wall / ((self.decode.cpu + self.forward.cpu) / (os.cpu_count() or 1))

    @property
    def gram_flops(self) -> float:
        """Operations a second of the Gram pass, reading and writing included."""
        return self.n_images**2 * self.n_features / self.gram_seconds

    @property
    def gram_share(self) -> float:
        """The Gram pass's rate as a share of the matrix product's."""
        return self.gram_flops / self.product_flops


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this benchmark has."""
    parser.add_argument("--model", default="alexnet", help="network to extract with [default: alexnet]")
    parser.add_argument("--layer", default="features.2", help="layer to extract [default: features.2]")


def measure(chosen: argparse.Namespace, folder: Path, work: Path) -> list[Round]:
    """Measure `--rounds` times, each on a fresh cache."""
    subject = Challenge(folder).subject(chosen.subject)
    backbone = load_backbone(chosen.model, [chosen.layer], weights_of(chosen, chosen.model))
    print(f"{chosen.model} {chosen.layer}, {len(subject.stimuli)} images", flush=True)
    return [_round(subject, backbone, work / "cache") for _ in range(chosen.rounds)]


def _round(subject: Subject, backbone: Backbone, cache: Path) -> Round:
    warm(subject.layout.folder)
    n_images = len(subject.stimuli)
    decode, kept = _timed(lambda: _decode(subject, backbone), n_images)
    pixels = np.stack(kept)
    _forward(backbone, pixels[:BATCH_SIZE])
    forward, _ = _timed(lambda: _forward(backbone, pixels), len(pixels))
    shutil.rmtree(cache, ignore_errors=True)
    how = Passage(batch_size=BATCH_SIZE)
    extraction, (store,) = _timed(lambda: extract(subject, backbone, cache, how), n_images)
    before = product_flops()
    whole_pass, _ = _timed(lambda: gram(store))
    # The machine may have changed its mind in the meantime: the mean of before and after.
    flops = statistics.mean([before, product_flops()])
    shutil.rmtree(cache)
    return Round(n_images, store.n_features, decode, forward, extraction, whole_pass.wall, flops)


def _timed(work: Callable[[], T], n_images: int = 1) -> tuple[Cost, T]:
    """Do some work and return its cost an image, and what it returned."""
    began, began_cpu = time.perf_counter(), time.process_time()
    result = work()
    cost = Cost((time.perf_counter() - began) / n_images, (time.process_time() - began_cpu) / n_images)
    return cost, result


def _decode(subject: Subject, backbone: Backbone) -> list[NDArray[np.uint8]]:
    """Decode every image on all cores and return the first ones."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        paths = [stimulus.path for stimulus in subject.stimuli]
        decoded = pool.map(lambda path: backbone.transform.resize(read_image(path)), paths)
        kept = list(islice(decoded, N_KEPT))
        for _ in decoded:
            pass
    return kept


def _forward(backbone: Backbone, pixels: NDArray[np.uint8]) -> None:
    """Pass decoded images through the network and drop what comes out."""
    import torch

    with torch.inference_mode():
        for start in range(0, len(pixels), BATCH_SIZE):
            backbone(torch.from_numpy(pixels[start : start + BATCH_SIZE]))


def product_flops() -> float:
    """Return operations a second of a plain matrix product, the median of a few."""
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((PRODUCT_SIZE, PRODUCT_SIZE), dtype=np.float32) for _ in range(2))
    out = left @ right
    seconds = [_timed(lambda: np.matmul(left, right, out=out))[0].wall for _ in range(N_PRODUCTS)]
    return 2 * PRODUCT_SIZE**3 / statistics.median(seconds)


def show(rounds: list[Round]) -> None:
    """Print the medians over rounds."""

    def median(value: Callable[[Round], float]) -> float:
        return statistics.median(map(value, rounds))

    floor, share = median(lambda one: one.over_floor), median(lambda one: one.gram_share)
    rates = [
        ("decoding alone", f"{median(lambda one: 1 / one.decode.wall):.0f} images/s"),
        ("forward passes alone", f"{median(lambda one: 1 / one.forward.wall):.0f} images/s"),
        ("extraction", f"{median(lambda one: 1 / one.extraction.wall):.0f} images/s"),
        ("Gram pass", f"{median(lambda one: one.gram_seconds):.1f} s"),
        ("Gram pass, n² d", f"{median(lambda one: one.gram_flops) / 1e9:.0f} GFLOP/s"),
        ("matrix product", f"{median(lambda one: one.product_flops) / 1e9:.0f} GFLOP/s"),
    ]
    show_table(("", "Rate"), rates, title="Extraction and the Gram pass")
    rows = [
        ("extraction over its floor", f"{floor:.2f}", f"<= {FLOOR_TARGET}", _verdict(floor <= FLOOR_TARGET)),
        ("Gram pass over matrix product", f"{share:.0%}", f">= {SHARE_TARGET:.0%}", _verdict(share >= SHARE_TARGET)),
    ]
    show_table(("", "Ratio", "Target", ""), rows)


def _verdict(reached: bool) -> str:
    return "reached" if reached else "missed"


def as_dict(rounds: list[Round]) -> list[dict[str, Any]]:
    """Return every round with its ratios, as JSON can hold them."""
    return [{**asdict(one), "over_floor": one.over_floor, "gram_share": one.gram_share} for one in rounds]


def main() -> None:
    """Run this benchmark alone."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.extraction", description=__doc__.split("\n")[0], parents=[options()]
    )
    add_options(parser)
    # Responses play no part here: the smallest brain will do.
    parser.set_defaults(vertices="small")
    chosen = parse(parser)
    with workplace(chosen) as work:
        rounds = measure(chosen, challenge(chosen, work), work)
    show(rounds)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(), "extraction": as_dict(rounds)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
