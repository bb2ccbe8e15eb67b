"""The challenge's tutorial, cell by cell and timed: what one does without algocli, and what it is compared with.

Same algorithm, same sizes, on the cpu: an IncrementalPCA fed batch by batch, a second pass over all images to
project them, scikit-learn's LinearRegression, a loop over vertices of scipy's pearsonr. Nothing of algocli is used.
Three things are as a user must or would have them, and none is to the tutorial's disadvantage:

- Older versions of scikit-learn refuse a last batch smaller than the number of components, and 8,857 images are 88
  batches of 100 and one of 57. The tutorial's user has to drop such a batch; so does this, and says how many images
  that cost. Newer versions take it.
- Networks have their weights from a file, because a download is no computation.
- Plots, progress bars and the saving of predictions are left out.

As in the tutorial there is no inference mode: every forward pass keeps what a backward pass would need.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import pearsonr
from sklearn.decomposition import IncrementalPCA
from sklearn.linear_model import LinearRegression
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models.feature_extraction import create_feature_extractor

BATCH_SIZE = 100
LAYER = "features.2"
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
PREFIXES = {"left": "lh", "right": "rh"}


class Images(Dataset[torch.Tensor]):
    """Opens, converts, resizes and normalises one image at a time."""

    def __init__(self, paths: list[Path], rows: NDArray[np.int64]) -> None:
        self.paths = [paths[row] for row in rows]
        self.transform = transforms.Compose(
            [transforms.Resize((224, 224)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        pixels: torch.Tensor = self.transform(Image.open(self.paths[row]).convert("RGB")).to("cpu")
        return pixels


@dataclass
class Outcome:
    """What the cells took, stage by stage in their order, and what they found."""

    seconds: dict[str, float] = field(default_factory=dict)
    n_images: dict[str, int] = field(default_factory=dict)
    n_left_out: int = 0
    median_r: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds of all cells; importing the libraries is not among them."""
        return sum(self.seconds.values())

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Note what a block takes under the name of its stage."""
        began = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - began
        print(f"{stage:12s} {self.seconds[stage]:8.1f} s", file=sys.stderr, flush=True)


def run_cells(subject_dir: Path, weights: str, n_components: int, seed: int) -> Outcome:
    """Run the tutorial's sections 1.2 and 2.1 to 2.4.1 on one subject."""
    outcome = Outcome()
    train_paths = sorted((subject_dir / "training_split" / "training_images").iterdir())
    test_paths = sorted((subject_dir / "test_split" / "test_images").iterdir())
    fit, validation = split(len(train_paths), seed)
    outcome.n_images = {"fit": len(fit), "validation": len(validation), "test": len(test_paths)}
    with outcome.timed("responses"):
        responses = load_responses(subject_dir, fit, validation)
    loaders = {
        "fit": DataLoader(Images(train_paths, fit), batch_size=BATCH_SIZE),
        "validation": DataLoader(Images(train_paths, validation), batch_size=BATCH_SIZE),
        "test": DataLoader(Images(test_paths, np.arange(len(test_paths))), batch_size=BATCH_SIZE),
    }
    with outcome.timed("network"):
        extractor = create_feature_extractor(load_alexnet(weights), return_nodes=[LAYER])
    with outcome.timed("PCA fit"):
        pca, outcome.n_left_out = fit_pca(extractor, loaders["fit"], n_components)
    with outcome.timed("second pass"):
        features = {part: project(extractor, loader, pca) for part, loader in loaders.items()}
    del extractor, pca
    with outcome.timed("regression"):
        predicted = {side: regress(features, fitted) for side, (fitted, _) in responses.items()}
    with outcome.timed("correlations"):
        r = {side: correlate(predicted[side], measured) for side, (_, measured) in responses.items()}
    outcome.median_r = {side: float(np.median(values)) for side, values in r.items()}
    return outcome


def split(n_images: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Shuffle the rows of the training images; nine tenths are for fitting, the rest for validation."""
    np.random.seed(seed)
    rows = np.arange(n_images)
    np.random.shuffle(rows)
    n_fit = int(np.round(n_images / 100 * 90))
    return rows[:n_fit], rows[n_fit:]


def load_responses(
    subject_dir: Path, fit: NDArray[np.int64], validation: NDArray[np.int64]
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Load both hemispheres whole, then take the rows of either part."""
    folder = subject_dir / "training_split" / "training_fmri"
    whole = {side: np.load(folder / f"{prefix}_training_fmri.npy") for side, prefix in PREFIXES.items()}
    return {side: (values[fit], values[validation]) for side, values in whole.items()}


def load_alexnet(weights: str) -> torch.nn.Module:
    """Build AlexNet in evaluation mode, from 'pretrained', 'random:SEED' or a file with its convolutions."""
    word, _, seed = weights.partition(":")
    if word == "pretrained":
        return torchvision.models.alexnet(weights="DEFAULT").eval()  # type: ignore[no-any-return]
    if word == "random":
        torch.manual_seed(int(seed or 0))
    network: torch.nn.Module = torchvision.models.alexnet(weights=None)
    if word != "random":
        # The layer is a convolutional one: a file without the classifier will do.
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=False)
    return network.eval()


def fit_pca(
    extractor: torch.nn.Module, loader: DataLoader[torch.Tensor], n_components: int
) -> tuple[IncrementalPCA, int]:
    """Fit the PCA batch by batch; also return how many images it did not take."""
    pca = IncrementalPCA(n_components=n_components, batch_size=BATCH_SIZE)
    n_left_out = 0
    for images in loader:
        features = extract(extractor, images)
        try:
            pca.partial_fit(features)
        except ValueError:
            # Only the last batch may be refused, for being too small.
            if len(features) == BATCH_SIZE or n_left_out:
                raise
            n_left_out = len(features)
    return pca, n_left_out


def project(
    extractor: torch.nn.Module, loader: DataLoader[torch.Tensor], pca: IncrementalPCA
) -> NDArray[np.floating[Any]]:
    """Pass the images through the network once more and project them, (n_images, n_components)."""
    return np.vstack([pca.transform(extract(extractor, images)) for images in loader])


def extract(extractor: torch.nn.Module, images: torch.Tensor) -> NDArray[np.float32]:
    """Return the layer's flattened features of a batch, (n_images, n_features)."""
    outputs = extractor(images)
    features = torch.hstack([torch.flatten(output, start_dim=1) for output in outputs.values()])
    flat: NDArray[np.float32] = features.detach().cpu().numpy()
    return flat


def regress(
    features: dict[str, NDArray[np.floating[Any]]], responses: NDArray[np.float32]
) -> NDArray[np.floating[Any]]:
    """Fit one hemisphere, predict validation and test images, and return the former, (n_validation, n_vertices)."""
    model = LinearRegression().fit(features["fit"], responses)
    predicted: NDArray[np.floating[Any]] = model.predict(features["validation"])
    model.predict(features["test"])
    return predicted


def correlate(predicted: NDArray[np.floating[Any]], measured: NDArray[np.float32]) -> NDArray[np.float64]:
    """Correlate one vertex after the other."""
    r = np.zeros(predicted.shape[1])
    for vertex in range(predicted.shape[1]):
        r[vertex] = pearsonr(predicted[:, vertex], measured[:, vertex])[0]
    return r


def main() -> None:
    """Run the cells on one subject and print, or also write, what they took."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tutorial", description=__doc__.split("\n")[0])
    parser.add_argument("subject_dir", type=Path, help="a subject's folder, as in algonauts_2023_challenge_data/subj01")
    parser.add_argument("--weights", default="random:0", help="pretrained, random:SEED or a file")
    parser.add_argument("--pca", type=int, default=100, help="number of components")
    parser.add_argument("--seed", type=int, default=4, help="seed of the split")
    parser.add_argument("--json", type=Path, help="write seconds, image counts and median r to this file")
    options = parser.parse_args()
    outcome = run_cells(options.subject_dir, options.weights, options.pca, options.seed)
    print(f"{'all cells':12s} {outcome.total:8.1f} s")
    if outcome.n_left_out:
        print(f"{outcome.n_left_out} images were left out of the PCA: a batch smaller than its components")
    print("median r     " + ", ".join(f"{side} {value:.4f}" for side, value in outcome.median_r.items()))
    if options.json:
        found = {name: getattr(outcome, name) for name in ("seconds", "n_images", "n_left_out", "median_r", "total")}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
