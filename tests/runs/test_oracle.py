"""The whole pipeline against an oracle that shares no code with it: torch with a hook, scikit-learn and scipy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from scipy.stats import pearsonr
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from torchvision import transforms

from algocli.dataset.challenge.subjects import Challenge
from algocli.demo.write import write_challenge
from algocli.encoding.settings import Settings
from algocli.features.networks.backbones import load_backbone
from algocli.runs.opening import open_run
from algocli.runs.training import train_subject
from tests.features.by_hand import extract_one as extract

ASSETS = os.environ.get("ALGOCLI_TEST_ASSETS")
WEIGHTS = Path(ASSETS or ".") / "weights" / "alexnet_features.pth"
pytestmark = pytest.mark.skipif(
    ASSETS is None or not WEIGHTS.is_file(), reason="ALGOCLI_TEST_ASSETS names no folder with real AlexNet weights"
)

N_COMPONENTS = 100
SIDES = {"left": "lh", "right": "rh"}


@dataclass
class Truth:
    """What the oracle found, by hemisphere."""

    held_out: np.ndarray
    r: dict[str, np.ndarray]
    test: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oracle") / "challenge"
    write_challenge(folder, subjects=(1,), n_train=260, n_test=30, vertices=300, seed=3)
    return folder


@pytest.fixture(scope="module")
def truth(folder) -> Truth:
    home = folder / "subj01"
    features = {
        split: _features(sorted((home / f"{split}_split" / f"{split}_images").glob("*.png")))
        for split in ("training", "test")
    }
    n = len(features["training"])
    order = np.arange(n)
    np.random.RandomState(4).shuffle(order)
    n_fit = int(np.round(n / 100 * 90))
    fit, held_out = np.sort(order[:n_fit]), np.sort(order[n_fit:])
    pca = PCA(N_COMPONENTS, svd_solver="full").fit(features["training"][fit])
    every = PCA(N_COMPONENTS, svd_solver="full").fit(features["training"])
    scores, held_out_scores = (pca.transform(features["training"][rows]) for rows in (fit, held_out))
    r, test = {}, {}
    for hemisphere, side in SIDES.items():
        measured = np.load(home / "training_split" / "training_fmri" / f"{side}_training_fmri.npy").astype(np.float64)
        predicted = LinearRegression().fit(scores, measured[fit]).predict(held_out_scores)
        r[hemisphere] = np.array([pearsonr(*pair)[0] for pair in zip(measured[held_out].T, predicted.T, strict=True)])
        refit = LinearRegression().fit(every.transform(features["training"]), measured)
        test[hemisphere] = refit.predict(every.transform(features["test"]))
    return Truth(held_out, r, test)


def _features(paths: list[Path]) -> np.ndarray:
    """Run the trained convolutions and keep, by a hook, what the first pooling layer says."""
    network = torchvision.models.alexnet(weights=None).eval()
    network.load_state_dict(torch.load(WEIGHTS, weights_only=True), strict=False)
    kept: list[torch.Tensor] = []
    network.features[2].register_forward_hook(lambda module, given, output: kept.append(output.flatten(1).clone()))
    prepare = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    with torch.no_grad():
        for start in range(0, len(paths), 20):
            images = [prepare(Image.open(path).convert("RGB")) for path in paths[start : start + 20]]
            network.features[:3](torch.stack(images))
    return torch.cat(kept).double().numpy()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("float16", 5e-3)])
def test_the_pipeline_agrees_with_sklearn_and_scipy_vertex_by_vertex(folder, truth, tmp_path, dtype, tolerance):
    subject = Challenge(folder).subject(1)
    store = extract(subject, load_backbone("alexnet", ["features.2"], str(WEIGHTS)), tmp_path, dtype=dtype)
    settings = Settings(features=(store.folder.parent.name,), n_components=N_COMPONENTS)
    share = train_subject(subject, open_run(tmp_path, "run", settings), tmp_path)

    np.testing.assert_array_equal(share.validation_rows(), truth.held_out)
    for hemisphere in SIDES:
        r = share.correlation(hemisphere)
        assert np.abs(r - truth.r[hemisphere]).max() < tolerance
        # Without a signal any two pipelines would agree on nothing.
        assert np.median(r) > 0.1
        pairs = zip(share.test_predictions(hemisphere).T, truth.test[hemisphere].T, strict=True)
        assert min(pearsonr(*pair)[0] for pair in pairs) > 0.9999
