"""What sets of features explain, vertex by vertex: planted causes are found, and runs are read as they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from threadpoolctl import threadpool_limits

from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.results.partition import SubjectParts, export_parts, read_parts
from algocli.stats.partition import FeatureSet
from tests.results.planted import BOTH, ONLY_A, ONLY_B, Planted, plant

A, B, AB = frozenset("A"), frozenset("B"), frozenset("AB")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    # The matrices are small, and two pools of threads on few cores stall each other.
    with threadpool_limits(1):
        return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def parts(planted: Planted) -> SubjectParts:
    return read_parts(planted.subject, planted.runs)


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_planted_shares_of_variance_are_found(parts: SubjectParts, hemisphere: Hemisphere) -> None:
    found = {part: values.mean() for part, values in parts[hemisphere].parts.items()}
    assert found == {part: pytest.approx(share, abs=0.05) for part, share in ((A, ONLY_A), (B, ONLY_B), (AB, BOTH))}


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_they_are_what_the_causes_themselves_explain(
    planted: Planted, parts: SubjectParts, hemisphere: Hemisphere
) -> None:
    only_a, only_b, both = planted.causes
    share = planted.runs[AB].subject(1)
    rows, folds = share.validation_rows(), share.validation_folds()
    measured = planted.subject.responses("train", hemisphere)

    def explained(*causes: NDArray[np.float64]) -> float:
        x, scores = np.hstack(causes), []
        for fold in range(5):
            fit, test = rows[folds != fold], rows[folds == fold]
            predicted = LinearRegression().fit(x[fit], measured[fit]).predict(x[test])
            scores.append(r2_score(measured[test], predicted))
        return float(np.mean(scores))

    by_a, by_b, by_all = explained(only_a, both), explained(only_b, both), explained(only_a, only_b, both)
    found = {part: values.mean() for part, values in parts[hemisphere].parts.items()}
    expected = {A: by_all - by_b, B: by_all - by_a, AB: by_a + by_b - by_all}
    assert found == {part: pytest.approx(share, abs=2e-3) for part, share in expected.items()}


def test_the_parts_of_every_vertex_sum_to_what_all_sets_explain(parts: SubjectParts) -> None:
    for side in parts.values():
        np.testing.assert_allclose(sum(side.parts.values()), side.total, rtol=0, atol=1e-15)


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_each_runs_r2_is_the_mean_over_folds_of_scikit_learns(
    planted: Planted, parts: SubjectParts, hemisphere: Hemisphere
) -> None:
    measured = planted.subject.responses("train", hemisphere)
    expected = {}
    for union, run in planted.runs.items():
        share = run.subject(1)
        rows, folds, predicted = share.validation_rows(), share.validation_folds(), share.validation_predictions
        scores = [
            r2_score(measured[rows[folds == f]], predicted(hemisphere)[folds == f], multioutput="raw_values")
            for f in range(5)
        ]
        expected[union] = np.mean(scores, axis=0)
    side = parts[hemisphere]
    np.testing.assert_allclose(side.total, expected[AB], atol=1e-6)
    np.testing.assert_allclose(side.parts[A] + side.parts[AB], expected[A], atol=1e-6)
    np.testing.assert_allclose(side.parts[B] + side.parts[AB], expected[B], atol=1e-6)


def test_noise_ceilings_come_along(planted: Planted, parts: SubjectParts) -> None:
    np.testing.assert_array_equal(parts["left"].noise_ceiling, planted.subject.noise_ceiling("left"))


def test_exported_arrays_say_their_sets(planted: Planted, parts: SubjectParts, tmp_path: Path) -> None:
    written = export_parts(tmp_path / "out", planted.sets, planted.runs, {1: parts})
    names = [f"{side}_{part}.npy" for side in ("lh", "rh") for part in ("unique_A", "unique_B", "shared_A_B", "total")]
    assert written == [tmp_path / "out/partition.json", *(tmp_path / "out/subj01" / name for name in names)]
    right = np.load(tmp_path / "out/subj01/rh_shared_A_B.npy")
    np.testing.assert_array_equal(right, parts["right"].parts[AB].astype(np.float32))
    described = json.loads((tmp_path / "out/partition.json").read_text())
    assert described["sets"] == {"A": list(planted.sets[0].features), "B": list(planted.sets[1].features)}
    assert described["files"]["shared_A_B"] == ["A", "B"]
    assert described["models"][2] == {"sets": ["A", "B"], "run": planted.runs[AB].name}


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["features.2+features.5", "clip"], {"unique_features.2+features.5", "unique_clip"}),
        (["a/b", "a b"], {"unique_A", "unique_B"}),
        (["x" * 150, "y" * 150], {"unique_A", "unique_B"}),
    ],
    ids=["plain", "no name of a file", "too long"],
)
def test_files_are_named_by_letters_where_words_do_not_do(words: list[str], files: set[str], tmp_path: Path) -> None:
    export_parts(tmp_path, [FeatureSet(word, (word,)) for word in words], {}, {})
    described = json.loads((tmp_path / "partition.json").read_text())
    assert files < set(described["files"])
