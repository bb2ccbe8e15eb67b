from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.encoding.splits import holdout
from tests.benchmarks import scale
from tests.benchmarks.processes import ROOT

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What all benchmarks wrote about a challenge of a few hundred images."""
    path: Path = tmp_path_factory.mktemp("bench") / "measured.json"
    subprocess.run([sys.executable, "-m", "tests.benchmarks", "--small", "--json", str(path)], cwd=ROOT, check=True)
    return json.loads(path.read_text())


def test_every_promised_ratio_is_measured(measured: Any) -> None:
    ratios = measured["pipeline"]["ratios"]
    assert {name: one["target"] for name, one in ratios.items()} == {
        "first run": 5,
        "another k: 50": 50,
        "another k: 120": 50,
        "another seed": 30,
        "ten folds and refit": 70,
    }
    assert all(one["ratio"] > 0 for one in ratios.values())
    assert all(one["over_floor"] > 0 and one["gram_share"] > 0 for one in measured["extraction"])
    assert all(ratio > 0 for one in measured["ridge"] for ratio in one["ratios"].values())


def test_ridge_chooses_the_penalties_of_other_libraries(measured: Any) -> None:
    (one,) = measured["ridge"]
    for name, baseline in one["baselines"].items():
        assert all(share > 0.9 for share in baseline["within_a_step"].values()), name


def test_the_stages_of_both_sides_fit_into_their_processes(measured: Any) -> None:
    (tutorial,) = measured["pipeline"]["tutorial"]
    assert sum(tutorial["stages"].values()) == pytest.approx(tutorial["cells"])
    assert tutorial["cells"] < tutorial["process"]
    (commands,) = measured["pipeline"]["algocli"]
    for name, command in commands.items():
        assert sum(command["stages"].values()) <= command["seconds"], name


def test_the_tutorial_and_algocli_explain_as_much(measured: Any) -> None:
    # Batch-wise PCA blurs the trailing axes a little (by .004 at this size); another split moves it by .025.
    (tutorial,), (commands,) = measured["pipeline"]["tutorial"], measured["pipeline"]["algocli"]
    assert tutorial["median_r"] == pytest.approx(commands["train --pca 100"]["median_r"], abs=0.02)


def test_checked_and_unchecked_commands_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "checking.json"
    words = ["--small", "--rounds", "1", "--json", str(path)]
    subprocess.run([sys.executable, "-m", "tests.benchmarks.checking", *words], cwd=ROOT, check=True)
    ratios = json.loads(path.read_text())["checking"]
    assert len(ratios) == 4
    assert all(kind["cpu"] > 0 for kind in ratios.values())


def test_what_follows_from_products_is_related_to_trainings(tmp_path: Path) -> None:
    path = tmp_path / "products.json"
    words = ["--small", "--layers", "2", "--json", str(path)]
    subprocess.run([sys.executable, "-m", "tests.benchmarks.products", *words], cwd=ROOT, check=True)
    measured = json.loads(path.read_text())["products"]
    assert len(measured["similarity"]) == 2
    assert all(one["peak_bytes"] > 0 for one in measured["similarity"])
    assert all(one["seconds"] > 0 for kind in ("ols", "ridge") for one in measured[kind]["curve"])


def test_workers_are_related_to_one_another_and_to_none(tmp_path: Path) -> None:
    path = tmp_path / "workers.json"
    words = ["--small", "--json", str(path)]
    subprocess.run([sys.executable, "-m", "tests.benchmarks.workers", *words], cwd=ROOT, check=True)
    (measured,) = json.loads(path.read_text())["workers"]
    assert set(measured) == {"extraction", "training"}
    for stage in measured.values():
        assert set(stage["seconds"]) == {"no cluster", "local:1", "one of one thread", "two of one thread"}
        assert stage["two against one"] > 0
        assert stage["local:1 against none"] > 0


def test_every_constant_of_scale_is_measured_at_three_sizes(tmp_path: Path) -> None:
    path = tmp_path / "scale.json"
    sizes = {"images": [8, 16, 24], "products": [300, 400, 500], "parts": [1100, 1300, 1600]}
    words = [str(word) for name, some in sizes.items() for word in (f"--{name}", *some)]
    words += ["--features", "500", "--vertices", "100", "--json", str(path)]
    subprocess.run([sys.executable, "-m", "tests.benchmarks.scale", *words], cwd=ROOT, check=True)
    told = json.loads(path.read_text())
    # On a busy machine a line of so little work may fall.
    assert all(len(one["points"]) == 3 and math.isfinite(one["slope"]) for one in told["lines"].values())
    assert [(row["subjects"], row["networks"]) for row in told["table"]] == [
        (subjects, networks) for subjects in (1, 8, 100, 1000) for networks in (1, 20)
    ]
    first, many = told["table"][0], told["table"][-1]
    assert many["gram"] == 20_000 * first["gram"] == 20_000 * 4 * 10_000**2
    assert many["flops"] == pytest.approx(20_000 * first["flops"])


def test_a_line_goes_through_points_that_lie_on_one() -> None:
    found = scale.line("any", [(1, 5), (2, 7), (4, 11)])
    assert (found.start, found.slope, found.off) == pytest.approx((3, 2, 0))
    assert found.at(10) == pytest.approx(23)
    # Nothing takes less than no time.
    below = scale.line("any", [(1, 0.5), (2, 2), (3, 3.5)])
    assert below.start == 0
    assert below.off > 0


def test_receptive_fields_are_held_against_the_truth(tmp_path: Path) -> None:
    path = tmp_path / "fields.json"
    words = ["--small", "--fields", "coarse", "--json", str(path)]
    subprocess.run([sys.executable, "-m", "tests.benchmarks.receptive_fields", *words], cwd=ROOT, check=True)
    found = json.loads(path.read_text())
    # A look anywhere in the image would be off by two degrees and more.
    assert all(one["centre"] < 1.5 for one in found["found"].values())
    assert found["fields r"]["early"] > 0


def test_both_sides_hold_out_the_same_images() -> None:
    # Imported here: it brings torch and scikit-learn, and the other tests of this folder need neither.
    from tests.benchmarks.tutorial import split

    fit, validation = split(9841, 4)
    fold = holdout(9841, 0.1, 4)
    assert np.array_equal(np.sort(fit), fold.fit)
    assert np.array_equal(np.sort(validation), fold.held_out)


def test_the_tutorial_drops_a_last_batch_that_its_pca_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from sklearn.decomposition import IncrementalPCA

    from tests.benchmarks import tutorial

    class OlderPCA(IncrementalPCA):  # type: ignore[misc]
        def partial_fit(self, X: Any, y: None = None, check_input: bool = True) -> Any:
            if len(X) < self.n_components:
                raise ValueError("n_components must be less or equal to the batch number of samples")
            return super().partial_fit(X, y, check_input)

    class Same(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"same": images}

    monkeypatch.setattr(tutorial, "IncrementalPCA", OlderPCA)
    images = torch.randn(257, 20, generator=torch.Generator().manual_seed(0))
    batches = [images[start : start + tutorial.BATCH_SIZE] for start in range(0, 257, tutorial.BATCH_SIZE)]
    refused, n_left_out = tutorial.fit_pca(Same(), [*batches, batches[0][:9]], 10)  # type: ignore[arg-type]
    assert n_left_out == 9
    taken, n_left_out = tutorial.fit_pca(Same(), batches, 10)  # type: ignore[arg-type]
    assert n_left_out == 0
    assert np.array_equal(refused.components_, taken.components_)
