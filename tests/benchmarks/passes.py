"""The forward passes of one network alone: decoded images go in, a batch of the usual size to each core, to nowhere.

torch runs as it does for anyone, or, with `--kept`, in memory that is kept as a passage keeps it.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from algocli.compute.freed_memory import keep_freed_memory
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.images import read_image
from algocli.features.networks.backbones import Backbone, load_backbone
from algocli.features.networks.numerics import one_core_each
from algocli.features.passage import Passage, n_workers

BATCH_SIZE = Passage().batch_size


def _decode(subject: Subject, backbone: Backbone) -> NDArray[np.uint8]:
    with ThreadPoolExecutor(n_workers()) as pool:
        paths = [stimulus.path for stimulus in subject.stimuli]
        return np.stack(list(pool.map(lambda path: backbone.transform.resize(read_image(path)), paths)))


def _forward(backbone: Backbone, pixels: NDArray[np.uint8]) -> None:
    """Pass decoded images through a network on all cores, and drop what comes out."""

    def run(start: int) -> None:
        with torch.inference_mode():
            backbone(torch.from_numpy(pixels[start : start + BATCH_SIZE]))

    with one_core_each("cpu"), ThreadPoolExecutor(n_workers()) as pool:
        list(pool.map(run, range(0, len(pixels), BATCH_SIZE)))


def main() -> None:
    """Print the seconds that the passes of one network take, and those of decoding before, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.passes", description=__doc__.split("\n")[0])
    parser.add_argument("data_dir", help="a folder of the challenge")
    parser.add_argument("subject", type=int)
    parser.add_argument("weights")
    parser.add_argument("network")
    parser.add_argument("layers", nargs="+")
    parser.add_argument("--kept", action="store_true", help="keep memory that a step frees for the next")
    chosen = parser.parse_args()
    if chosen.kept:
        keep_freed_memory()
    backbone = load_backbone(chosen.network, chosen.layers, chosen.weights)
    began = time.perf_counter()
    pixels = _decode(Challenge(chosen.data_dir).subject(chosen.subject), backbone)
    decoding = time.perf_counter() - began
    _forward(backbone, pixels[: BATCH_SIZE * n_workers()])
    began, began_cpu = time.perf_counter(), time.process_time()
    _forward(backbone, pixels)
    measured = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - began_cpu, "decoding": decoding}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
