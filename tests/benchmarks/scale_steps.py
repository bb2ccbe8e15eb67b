"""One step of the work at one size, in a process of its own, which prints what it took as JSON: see `scale`."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from algocli.compute.files import n_bytes_in
from algocli.encoding.components import Components, fit_components
from algocli.encoding.loadings import read_loadings
from algocli.features.store import matrices, tiles
from algocli.features.store.gram import gram
from algocli.features.store.shards import FeatureStore

N_COMPONENTS = 100


def extract(chosen: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Pass `n` images, as large as NSD's, through a network, and keep one layer of it."""
    from PIL import Image
    from torch.utils.flop_counter import FlopCounterMode

    import algocli
    from algocli.features.networks.backbones import load_backbone
    from tests.support.challenge import write_tiny_challenge

    folder = write_tiny_challenge(work / "data", (1,), n_train=chosen.n, n_test=1, image_size=8)
    rng = np.random.default_rng(0)
    for path in folder.rglob("*.png"):
        # Of noise a PNG is larger than of a photograph, and slower to decode: this one is smooth.
        coarse = Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
        coarse.resize((425, 425), Image.Resampling.BICUBIC).save(path)
    subject = algocli.Challenge(folder).subject(1)
    backbone = load_backbone(chosen.model, [chosen.layer], "random:0", "cpu")
    with FlopCounterMode(display=False) as counter:
        import torch

        backbone.network(torch.zeros(1, 3, 224, 224))
    began = time.perf_counter()
    made = algocli.extract(
        subject, chosen.model, chosen.layer, weights="random:0", cache_dir=work / "cache", gram=False, device="cpu"
    )
    seconds = time.perf_counter() - began
    (store,) = made.stores
    about = {"n_features": store.n_features, "n_bytes": store.n_bytes() / (chosen.n + 1)}
    return {"seconds": seconds, "flops": counter.get_total_flops() * (chosen.n + 1), **about}


def products(chosen: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Make the Gram matrix of `n` images of random features, from the disk and by parts where that is asked for."""
    if chosen.by_parts:
        # A third of the matrix in memory while it is added up, and none of it while it is multiplied with.
        tiles.GROUP_BYTES, matrices.HELD_BYTES = 4 * chosen.n**2 // 3, 0
    store, began = _store(work, chosen.n, chosen.features), time.perf_counter()
    matrix = gram(store)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    fit_components(matrix, np.arange(chosen.n), N_COMPONENTS)
    eigen = time.perf_counter() - began
    return {
        "seconds": seconds,
        "flops": float(chosen.n) ** 2 * chosen.features,
        "eigen": eigen,
        "n_bytes": _kept(store),
    }


def fit(chosen: argparse.Namespace, _work: Path) -> dict[str, Any]:
    """Multiply the components of `n` images with responses at so many vertices, and predict as many again."""
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.standard_normal((chosen.n, N_COMPONENTS), np.float32))[0]
    responses = rng.standard_normal((chosen.n, chosen.vertices), np.float32)
    some = Components(np.arange(chosen.n), vectors, np.ones(N_COMPONENTS), np.zeros(chosen.n), float(N_COMPONENTS))
    began = time.perf_counter()
    for _, (loadings,) in read_loadings([some], responses):
        vectors[: chosen.n // 10] @ loadings.products.astype(np.float32)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "flops": 2.2 * chosen.n * N_COMPONENTS * chosen.vertices}


def _store(work: Path, n: int, n_features: int) -> FeatureStore:
    """Write random features, a shard at a time, as half of a rectified layer is: zero in half of all places."""
    shape, about = (n, n_features), {"subject": 1}
    store = FeatureStore.create(work / "features" / "random" / "subj01", {"dtype": "float16"}, shape, about)
    rng = np.random.default_rng(0)
    for shard in store.shards:
        rows = rng.standard_normal((len(shard), n_features), np.float32)
        store.write(shard, np.maximum(rows, 0, out=rows).astype(np.float16))
    return store


def _kept(store: FeatureStore) -> int:
    return n_bytes_in(store.folder / "gram" / "matrix.npy")


STEPS: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
    "extract": extract,
    "products": products,
    "fit": fit,
}


def main() -> None:
    """Do one step and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale_steps", description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("n", type=int, help="images")
    parser.add_argument("--features", type=int, default=8192)
    parser.add_argument("--vertices", type=int, default=2000)
    parser.add_argument("--by-parts", action="store_true")
    parser.add_argument("--model", default="alexnet")
    parser.add_argument("--layer", default="features.2")
    parser.add_argument("--work-dir", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="algocli-scale-", dir=chosen.work_dir) as work:
        print(json.dumps(STEPS[chosen.step](chosen, Path(work))))


if __name__ == "__main__":
    main()
