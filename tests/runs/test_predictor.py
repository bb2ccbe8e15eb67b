"""A run's model asked for other images: what it says of the run's own images, and of images that no one has seen."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from algocli.dataset.sides import HEMISPHERES
from algocli.errors import DataError, MissingStep
from algocli.runs.predictor import stores_of
from tests.encoding.new_images_by_hand import N_COMPONENTS, N_TRAIN, Place, make_place, new_images, no_axes

pytestmark = pytest.mark.usefixtures("network")

FOLDS: dict[str, Any] = {"holdout": None, "folds": 3}
EVERY_WAY: list[dict[str, Any]] = [
    {},
    {"regression": "ridge"},
    {"regression": "ridge", "n_components": None},
    {"n_layers": 2},
    {"n_layers": 2, "scaled": False},
    {"n_layers": 2, "regression": "blend"},
    {"refit": False},
    {"n_layers": 2, "refit": False, **FOLDS},
    {"n_layers": 2, "regression": "blend", "refit": False},
    {"n_layers": 2, "regression": "banded", "search_seed": 0, "n_iter": 3},
    {"standardised": True},
    {"n_layers": 2, "standardised": True, "refit": False, **FOLDS},
    {"n_layers": 2, "standardised": True, "scaled": False},
    {"n_layers": 2, "join": "components", "regression": "ridge"},
    {"n_layers": 2, "join": "components", "regression": "ridge", "standardised": True, "refit": False},
]


@pytest.mark.parametrize("how", EVERY_WAY, ids=str)
def test_test_images_from_their_files_have_the_predictions_of_the_run(
    common: Place, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = common.train(**how)
    kept = common.share(run).folder / "model.npz"

    def check() -> None:
        found = common.predict(run, common.test_files)
        for hemisphere in HEMISPHERES:
            expected = common.share(run).test_predictions(hemisphere)
            np.testing.assert_allclose(found[hemisphere], expected, atol=1e-4)

    # Fitted again; then as it was kept; then compared with every stored image, with nothing kept.
    check()
    assert kept.exists()
    check()
    kept.unlink()
    monkeypatch.setattr("algocli.runs.predictor.AXES_BYTES", 0)
    check()
    assert not kept.exists()


def test_half_precision_changes_nothing_that_the_store_did_not(tmp_path: Path) -> None:
    place = make_place(tmp_path, "float16")
    run = place.train(regression="ridge")
    found = place.predict(run, place.test_files)["right"]
    np.testing.assert_allclose(found, place.share(run).test_predictions("right"), atol=2e-3)


def test_new_images_are_predicted_as_by_scikit_learn_from_the_networks_output(common: Place, tmp_path: Path) -> None:
    run, paths = common.train(), new_images(tmp_path)
    (fresh,) = common.features(run, paths)
    x = common.stores[0].read(slice(0, N_TRAIN)).astype(np.float64)
    y = np.load(common.responses_file("left")).astype(np.float64)
    pca = PCA(N_COMPONENTS, svd_solver="full").fit(x)
    expected = LinearRegression().fit(pca.transform(x), y).predict(pca.transform(fresh.astype(np.float64)))
    found = common.predict(run, paths)["left"]
    assert found.shape == (len(paths), y.shape[1])
    np.testing.assert_allclose(found, expected, atol=1e-3 * expected.std())


def test_an_image_is_predicted_alike_in_any_company(common: Place, tmp_path: Path) -> None:
    run, paths = common.train(2), new_images(tmp_path)
    alone, together = (
        common.predict(run, paths[1:2])["left"],
        common.predict(run, [*paths, *common.test_files])["left"],
    )
    np.testing.assert_allclose(alone[0], together[1], atol=1e-5)


def test_what_is_kept_is_neither_fitted_nor_read_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = place.train(2)
    before = place.predict(run, place.test_files)["left"]
    for name in ("encoding.new_images.make_axes", "runs.refitting.fit_of", "runs.refitting.Kernels"):
        monkeypatch.setattr(f"algocli.{name}", no_axes)
    shutil.rmtree(place.folder / "challenge/subj01/training_split/training_fmri")
    np.testing.assert_array_equal(place.predict(run, place.test_files)["left"], before)


def test_runs_of_the_same_components_share_their_axes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.predict(place.train(), place.test_files)
    monkeypatch.setattr("algocli.encoding.new_images.make_axes", no_axes)
    place.predict(place.train(regression="ridge"), place.test_files)


def test_a_model_that_was_kept_before_the_run_was_trained_again_is_not_taken(place: Place) -> None:
    run = place.train()
    before = place.predict(run, place.test_files)["left"]
    responses = np.load(place.responses_file("left"))
    np.save(place.responses_file("left"), responses[::-1].copy())
    place.train(force=True)
    found = place.predict(run, place.test_files)["left"]
    np.testing.assert_allclose(found, place.share(run).test_predictions("left"), atol=1e-4)
    assert np.abs(found - before).max() > 0.1


def test_axes_of_other_components_are_not_taken(place: Place) -> None:
    run = place.train()
    before = place.predict(run, place.test_files)["left"]
    # Eigenpairs that are found anew may point the other way.
    (place.share(run).folder / "model.npz").unlink()
    fitted = hashlib.sha256(np.arange(N_TRAIN).tobytes()).hexdigest()[:16]
    (kept,) = place.stores[0].folder.glob(f"gram/spectra/{fitted}-*.npz")
    with np.load(kept) as pairs:
        turned = {**pairs, "vectors": -pairs["vectors"]}
    np.savez(kept, **turned)
    np.testing.assert_allclose(place.predict(run, place.test_files)["left"], before, atol=1e-4)
    assert len(list(place.stores[0].folder.glob("axes/*"))) == 2


@pytest.mark.parametrize("what", ["cache/features/*/*/axes/*.npz", "cache/runs/*/subj01/model.npz"])
@pytest.mark.parametrize("length", [0, 100])
def test_a_torn_file_is_made_again(place: Place, what: str, length: int) -> None:
    run = place.train()
    before = place.predict(run, place.test_files)["left"]
    (torn,) = place.folder.glob(what)
    torn.write_bytes(torn.read_bytes()[:length])
    np.testing.assert_allclose(place.predict(run, place.test_files)["left"], before, atol=1e-5)
    assert torn.stat().st_size > 100


@pytest.mark.parametrize("killed", ["mean", "left-weights-0"])
def test_what_is_killed_while_it_is_written_leaves_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    run = place.train()
    save = np.savez

    def tear(stream: IO[bytes], **arrays: Any) -> None:
        if killed not in arrays:
            save(stream, **arrays)
            return
        stream.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as torn:
        torn.setattr(np, "savez", tear)
        with pytest.raises(KeyboardInterrupt):
            place.open(run)
    assert not (place.share(run).folder / "model.npz").exists()
    assert not list(place.folder.rglob("*.partial"))
    found = place.predict(run, place.test_files)["left"]
    np.testing.assert_allclose(found, place.share(run).test_predictions("left"), atol=1e-4)


def test_responses_that_have_changed_since_are_told(place: Place) -> None:
    run = place.train()
    np.save(place.responses_file("right"), np.load(place.responses_file("right")) + 1)
    with pytest.raises(DataError, match="other responses than subject 1 was trained on"):
        place.open(run)


def test_data_that_is_gone_is_told_where_it_is_needed(place: Place) -> None:
    run = place.train()
    with pytest.raises(DataError, match="the data that it was trained on is gone") as told:
        place.open(run, subject=None)
    assert "data_dir=..." in str(told.value.hint)
    place.open(run)
    place.open(run, subject=None)


def test_features_that_are_gone_are_told_with_the_command_that_makes_them(place: Place) -> None:
    run = place.train()
    shutil.rmtree(place.stores[0].folder)
    with pytest.raises(MissingStep, match="are gone") as told:
        stores_of(run, 1, place.cache)
    assert str(told.value.hint).startswith("algocli extract --model stand-in -l edges --weights 'a formula'")


def test_features_that_are_no_longer_complete_are_told(place: Place) -> None:
    run = place.train()
    place.stores[0].forget(place.stores[0].shards[0])
    with pytest.raises(DataError, match="not complete any more"):
        stores_of(run, 1, place.cache)


def test_features_that_are_damaged_are_told_and_mended(place: Place) -> None:
    run = place.train()
    store = place.stores[0]
    record = store.record_path(0)
    whole = record.read_bytes()
    record.write_bytes(whole.replace(b"sha256", b"sha255", 1))
    with pytest.raises(DataError, match="are damaged: 1 of their records are") as told:
        stores_of(run, 1, place.cache)
    assert str(told.value.hint).startswith("algocli extract --model stand-in")
    assert [shard.index for shard in store.recover()] == [0]
    assert record.read_bytes() == whole
    assert stores_of(run, 1, place.cache)
