"""Imported features: the rows of the array as they were, for the right images, and a sentence for what does not fit."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from algocli.dataset.challenge.image_names import NSD_IDS
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.digests import stimuli_digest
from algocli.errors import AlgocliError, DataError, MissingStep, UsageError
from algocli.features.imports.locating import is_keyed_by_id, locate_rows
from algocli.features.imports.matrices import open_matrix, read_ids
from algocli.features.imports.stores import import_features
from algocli.features.store.choosing import Library
from algocli.features.store.finite import finite_rows
from algocli.features.store.library import check_name, find_store
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import cache_features, list_stores, store_digest

N = 27


@pytest.fixture(autouse=True)
def _several_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """27 rows are 7 shards, and are checked in 9 blocks of float32."""
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)
    monkeypatch.setattr("algocli.features.imports.stores.SHARD_BYTES", 3 * 10 * 4)


@pytest.fixture
def features() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((N, 10)).astype(np.float32)


def write_npy(path: Path, array: NDArray[Any]) -> Path:
    np.save(path.with_suffix(".npy"), array)
    return path.with_suffix(".npy")


def write_h5(path: Path, array: NDArray[Any]) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["deep/features"] = array
        file["labels"] = np.arange(5)
        file["pictures"] = np.zeros((3, 2, 2, 2))
    return path.with_suffix(".h5")


def write_zarr(path: Path, array: NDArray[Any]) -> Path:
    zarr.create_array(str(path.with_suffix(".zarr")), data=array, chunks=(max(7, len(array) // 50), *array.shape[1:]))
    return path.with_suffix(".zarr")


def write_group(path: Path, array: NDArray[Any]) -> Path:
    group = zarr.create_group(str(path.with_suffix(".zarr")))
    group.create_array("deep/features", data=array, chunks=(7, *array.shape[1:]))
    group.create_array("labels", data=np.arange(5))
    return path.with_suffix(".zarr")


WRITERS = [write_npy, write_h5, write_zarr, write_group]
Write = Callable[[Path, NDArray[Any]], Path]


def bring(subject: Subject, file: Path, cache: Path, *, name: str = "mine", **options: Any) -> FeatureStore:
    """Import a file as the command does."""
    dataset, ids, key = (options.pop(word, None) for word in ("dataset", "ids", "key"))
    matrix = open_matrix(file, dataset)
    return import_features(subject, matrix, locate_rows(subject, matrix, ids, key), name, cache, **options)


@pytest.mark.parametrize("write", WRITERS)
def test_every_row_is_that_of_the_file(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], write: Write
) -> None:
    store = bring(shared_subject, write(tmp_path / "features", features), tmp_path / "cache")
    assert store.complete
    assert store.dtype == np.dtype("float32")
    assert store.folder.parent.name == "mine"
    np.testing.assert_array_equal(store.read(), features)


@pytest.mark.parametrize("write", WRITERS)
def test_rows_are_found_by_their_ids_in_any_order(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], write: Write
) -> None:
    ids = [s.nsd_id for s in shared_subject.stimuli]
    order = np.random.default_rng(1).permutation(N + 3)
    shuffled = np.vstack([features, np.zeros((3, 10), np.float32)])[order]
    file = write(tmp_path / "features", shuffled)
    store = bring(shared_subject, file, tmp_path / "cache", ids=np.array([*ids, 7, 8, 72999])[order].tolist())
    np.testing.assert_array_equal(store.read(), features)


@pytest.mark.parametrize("key", [None, "nsd-id"])
@pytest.mark.parametrize("write", WRITERS[:3])
def test_of_73000_rows_each_belongs_to_the_id_of_its_number(
    shared_subject: Subject, tmp_path: Path, write: Write, key: Any
) -> None:
    everyone = np.arange(73_000 * 2, dtype=np.float32).reshape(73_000, 2)
    store = bring(shared_subject, write(tmp_path / "features", everyone), tmp_path / "cache", key=key)
    np.testing.assert_array_equal(store.read(), everyone[[s.nsd_id for s in shared_subject.stimuli]])


@pytest.mark.parametrize("write", WRITERS)
def test_more_than_two_axes_are_flattened_row_by_row(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], write: Write
) -> None:
    dataset = "deep/features" if write in (write_h5, write_group) else None
    file = write(tmp_path / "features", features.reshape(N, 5, 1, 2))
    store = bring(shared_subject, file, tmp_path / "cache", dataset=dataset)
    np.testing.assert_array_equal(store.read(), features)
    assert store.manifest["provenance"]["shape"] == [5, 1, 2]


@pytest.mark.parametrize("dtype", ["float64", ">f4", "float16", "int64", "uint8", "bool", "longdouble"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_kind_of_number_is_kept_as_float32_and_float16_as_it_is(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], dtype: str, order: Any
) -> None:
    array = np.asarray(np.abs(9 * features).astype(dtype), order=order)
    store = bring(shared_subject, write_npy(tmp_path / "features", array), tmp_path / "cache")
    assert store.dtype == ("float16" if dtype == "float16" else "float32")
    np.testing.assert_array_equal(store.read(), array.astype(store.dtype))


def test_the_precision_can_be_chosen(shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]) -> None:
    file = write_npy(tmp_path / "features", features)
    store = bring(shared_subject, file, tmp_path / "cache", dtype="float16")
    np.testing.assert_array_equal(store.read(), features.astype(np.float16))


def test_a_name_has_one_precision(shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]) -> None:
    file = write_npy(tmp_path / "features", features)
    bring(shared_subject, file, tmp_path / "cache", dtype="float16")
    assert bring(shared_subject, file, tmp_path / "cache").dtype == "float16"
    with pytest.raises(UsageError, match="kept as float16, not float32"):
        bring(shared_subject, file, tmp_path / "cache", dtype="float32")


@pytest.mark.parametrize("write", WRITERS[1:])
def test_the_same_numbers_in_another_file_find_the_work_done(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], write: Write
) -> None:
    first = bring(shared_subject, write_npy(tmp_path / "features", features), tmp_path / "cache")
    before = {path: path.stat().st_mtime_ns for path in (first.folder / "features.zarr").rglob("*")}
    notes: list[str] = []
    again = bring(shared_subject, write(tmp_path / "again", features), tmp_path / "cache", note=notes.append)
    assert again.key == first.key
    assert notes == ["subject 1: mine is complete, nothing to do"]
    assert {path: path.stat().st_mtime_ns for path in (first.folder / "features.zarr").rglob("*")} == before


def test_other_numbers_under_the_same_name_are_refused_unless_forced(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    cache = tmp_path / "cache"
    bring(shared_subject, write_npy(tmp_path / "one", features), cache)
    other = write_npy(tmp_path / "two", np.where(np.arange(10) == 3, -features, features))
    with pytest.raises(UsageError, match=r"mine holds other features of subject 1 already, from .*one\.npy") as caught:
        bring(shared_subject, other, cache)
    assert "force=True" in str(caught.value.hint)
    (store,) = list_stores(cache)
    np.testing.assert_array_equal(store.read(), features)
    bring(shared_subject, other, cache, force=True)
    (store,) = list_stores(cache)
    np.testing.assert_array_equal(store.read(), np.load(other))
    assert [path.name for path in (cache / "features/mine").glob("subj01-*")] == [store.folder.name]


def test_the_name_of_extracted_features_is_refused(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    name = cache_features(tmp_path / "cache", shared_subject, features)
    with pytest.raises(UsageError, match="the name of features that were extracted"):
        bring(shared_subject, write_npy(tmp_path / "f", features), tmp_path / "cache", name=name, force=True)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "/tmp/x", "-x", "a b", "a+b", "x" * 101, "é", "a\n"])
def test_a_name_that_can_be_no_folders_is_refused(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], name: str
) -> None:
    file = write_npy(tmp_path / "features", features)
    with pytest.raises(UsageError, match="cannot be features' name"):
        bring(shared_subject, file, tmp_path / "cache", name=name)
    assert not (tmp_path / "cache").exists()


def stop_after(n_shards: int) -> Any:
    """Return a display that stops the work when so many shards have been written."""

    def track(items: Any, *, total: int, label: str, unit: str = "") -> Iterator[Any]:
        for done, item in enumerate(items):
            if unit == "shards" and done == n_shards:
                raise KeyboardInterrupt
            yield item

    return track


@settings(max_examples=8, deadline=None)
@given(stops=st.lists(st.integers(0, 6), min_size=1, max_size=3))
def test_interrupted_after_any_shard_it_resumes_to_the_same_bytes(
    shared_subject: Subject, tmp_path_factory: pytest.TempPathFactory, stops: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("resume")
    array = np.random.default_rng(0).standard_normal((N, 10)).astype(np.float32)
    file = write_npy(folder / "features", array)
    whole = store_digest(bring(shared_subject, file, folder / "whole").folder)
    n_done = 0
    for n_shards in stops:
        try:
            bring(shared_subject, file, folder / "cache", track=stop_after(n_shards))
        except KeyboardInterrupt:
            (store,) = list_stores(folder / "cache")
            n_done += n_shards
            assert len(store.shards) - len(store.pending()) == n_done
    assert store_digest(bring(shared_subject, file, folder / "cache").folder) == whole


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_row_that_is_not_finite_is_named_and_nothing_is_left_behind(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], bad: float, dtype: str
) -> None:
    features[22, 9] = bad
    file = write_npy(tmp_path / "features", features.astype(dtype))
    image = shared_subject.stimuli[22].path.name
    with pytest.raises(DataError, match=rf"features\.npy .*finite,? for row 22 \({image}\)") as caught:
        bring(shared_subject, file, tmp_path / "cache")
    assert caught.value.hint is None
    assert not (tmp_path / "cache").exists()


def test_what_float16_cannot_hold_is_refused_with_the_remedy(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    features[3, 0] = 65520
    file = write_npy(tmp_path / "features", features)
    with pytest.raises(DataError, match=r"beyond what float16 holds \(65504\).* row 3 ") as caught:
        bring(shared_subject, file, tmp_path / "cache", dtype="float16")
    assert caught.value.hint == "import with dtype='float32'"
    assert bring(shared_subject, file, tmp_path / "cache").complete


def test_what_float32_cannot_hold_is_refused(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    array = features.astype(np.float64)
    array[5, 5] = 1e39
    with pytest.raises(DataError, match=r"beyond what float32 holds \(3\.40282e\+38\)"):
        bring(shared_subject, write_npy(tmp_path / "features", array), tmp_path / "cache")


@pytest.mark.parametrize(
    ("n_rows", "key", "sentence", "hint"),
    [
        (26, None, "has 26 rows; subj01 has 21 training and 6 test images, 27 in all", "ids_file=..."),
        (20, None, "has 20 rows", "ids_file=..."),
        (6, "row", "has 6 rows", "the test images alone"),
        (27, "nsd-id", "has 27 rows; 73000, one for each NSD id", "ids_file=..."),
    ],
)
def test_a_wrong_number_of_rows_is_told_with_what_to_do(
    shared_subject: Subject, tmp_path: Path, n_rows: int, key: Any, sentence: str, hint: str
) -> None:
    file = write_npy(tmp_path / "features", np.zeros((n_rows, 3)))
    with pytest.raises(DataError, match=sentence) as caught:
        bring(shared_subject, file, tmp_path / "cache", key=key)
    assert hint in str(caught.value.hint)


def test_ids_that_do_not_fit_are_refused(shared_subject: Subject, tmp_path: Path) -> None:
    matrix = open_matrix(write_npy(tmp_path / "features", np.zeros((N, 3))))
    ids = [s.nsd_id for s in shared_subject.stimuli]
    cases: list[tuple[Sequence[int], str]] = [
        (ids[:-1], "has 27 rows, but 26 ids are given"),
        ([*ids[:-1], 5], "lacks 1 of the subject's 27 images"),
        ([*ids[:-1], ids[0]], f"names NSD id {ids[0]} twice"),
    ]
    for wrong, sentence in cases:
        with pytest.raises(DataError, match=sentence):
            locate_rows(shared_subject, matrix, wrong, None)
    with pytest.raises(UsageError, match="not both"):
        is_keyed_by_id(matrix, ids, "row", NSD_IDS)


@pytest.mark.parametrize("shape", [(10, N), (10, N - 6), (10, 73_000)])
def test_an_array_that_fits_only_transposed_is_refused_with_what_to_do(
    shared_subject: Subject, tmp_path: Path, shape: tuple[int, int]
) -> None:
    matrix = open_matrix(write_npy(tmp_path / "features", np.zeros(shape, np.uint8)))
    with pytest.raises(DataError, match="has 10 rows") as caught:
        locate_rows(shared_subject, matrix, None, None)
    assert f"it has {shape[1]} columns: if these are the images, save its transpose" in str(caught.value.hint)


def test_ids_that_fit_less_one_are_told_and_taken_so(shared_subject: Subject, tmp_path: Path) -> None:
    matrix = open_matrix(write_npy(tmp_path / "features", np.zeros((N, 3))))
    one_based = [stimulus.nsd_id + 1 for stimulus in shared_subject.stimuli]
    np.save(tmp_path / "ids.npy", one_based)
    with pytest.raises(DataError, match="lacks") as caught:
        locate_rows(shared_subject, matrix, read_ids(tmp_path / "ids.npy", NSD_IDS), None)
    assert caught.value.hint == "they fit, less one: ids_from=1"
    assert locate_rows(shared_subject, matrix, read_ids(tmp_path / "ids.npy", NSD_IDS, 1), None) == list(range(N))


def test_ids_up_to_73000_count_from_1(tmp_path: Path) -> None:
    np.save(tmp_path / "ids.npy", np.arange(1, 73_001))
    with pytest.raises(DataError, match="'73000' is no NSD id") as caught:
        read_ids(tmp_path / "ids.npy", NSD_IDS)
    assert "ids_from=1" in str(caught.value.hint)
    assert read_ids(tmp_path / "ids.npy", NSD_IDS, 1)[-1] == 72_999
    np.save(tmp_path / "ids.npy", np.arange(3))
    with pytest.raises(DataError, match="'0' is no NSD id that is counted from 1"):
        read_ids(tmp_path / "ids.npy", NSD_IDS, 1)


def test_training_rows_alone_are_a_store_of_them(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    store = bring(shared_subject, write_npy(tmp_path / "features", features[:21]), tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), features[:21])
    found = find_store(tmp_path / "cache", "mine", shared_subject, "0" * 64)
    assert found.folder == store.folder
    with pytest.raises(UsageError, match="holds other features of subject 1 already"):
        bring(shared_subject, write_npy(tmp_path / "all", features), tmp_path / "cache")
    assert bring(shared_subject, tmp_path / "all.npy", tmp_path / "cache", force=True).n_stimuli == N


def test_ids_of_the_training_images_alone_are_enough(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    ids = [72_999, *(stimulus.nsd_id for stimulus in shared_subject.train_stimuli)]
    file = write_npy(tmp_path / "features", features[:22])
    np.testing.assert_array_equal(bring(shared_subject, file, tmp_path / "cache", ids=ids).read(), features[1:22])
    with pytest.raises(DataError, match="lacks 5 of the subject's 27 images"):
        bring(shared_subject, file, tmp_path / "cache", ids=[shared_subject.stimuli[-1].nsd_id, *ids[1:]])


@pytest.mark.parametrize("write", [write_zarr, write_h5])
def test_a_file_that_was_never_written_to_the_end_is_refused(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32], write: Write
) -> None:
    file = write(tmp_path / "features", features)
    if file.suffix == ".h5":
        with h5py.File(file, "w") as half:
            half.create_dataset("f", features.shape, "f4", chunks=(7, 10))[:14] = features[:14]
    else:
        for key in ("c/2/0", "c/3/0"):
            (file / key).unlink()
    with pytest.raises(DataError, match=r"never written to the end.* 13 of the 27 rows"):
        bring(shared_subject, file, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_rows_of_zeros_are_told(shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]) -> None:
    half = np.lib.format.open_memmap(tmp_path / "features.npy", mode="w+", dtype=np.float32, shape=features.shape)
    half[:25] = features[:25]
    half.flush()
    notes: list[str] = []
    bring(shared_subject, tmp_path / "features.npy", tmp_path / "cache", note=notes.append)
    (line,) = notes
    first = shared_subject.stimuli[25].path.name
    assert line.startswith(f"subject 1: the features of 2 of 27 images are all zero: row 25 ({first}), row 26 (")


def test_ids_are_read_from_an_array_or_a_table(tmp_path: Path) -> None:
    np.save(tmp_path / "ids.npy", np.array([3, 72999, 0], dtype=np.uint32))
    (tmp_path / "ids.csv").write_text("coco,nsd_id\n1,3\n2,72999\n3,0\n")
    assert read_ids(tmp_path / "ids.npy", NSD_IDS) == read_ids(tmp_path / "ids.csv", NSD_IDS) == [3, 72999, 0]


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 2), int), "a list of whole numbers was expected"),
        (np.zeros(2), "a list of whole numbers was expected"),
        (np.array([3, -1]), "'-1' is no NSD id"),
        (np.array([73_000]), "'73000' is no NSD id"),
    ],
)
def test_an_array_that_holds_no_ids_is_refused(tmp_path: Path, array: NDArray[Any], sentence: str) -> None:
    np.save(tmp_path / "ids.npy", array)
    with pytest.raises(DataError, match=sentence):
        read_ids(tmp_path / "ids.npy", NSD_IDS)


@pytest.mark.parametrize(
    "array",
    [np.zeros(N), np.zeros((N, 0)), np.zeros((0, 3)), np.array(1.0), np.zeros((N, 2), complex), np.full((N, 2), "a")],
    ids=["one axis", "no features", "no rows", "a number", "complex", "words"],
)
def test_an_array_of_something_else_is_refused(tmp_path: Path, array: NDArray[Any]) -> None:
    with pytest.raises(DataError, match="images x features, were expected"):
        open_matrix(write_npy(tmp_path / "features", array))


def _broken(folder: Path) -> dict[str, Path]:
    for name in ("text.npy", "text.h5", "features.xlsx"):
        (folder / name).write_text("<html>404</html>")
    (folder / "empty.zarr").mkdir()
    (folder / "damaged.zarr").mkdir()
    (folder / "damaged.zarr/zarr.json").write_text("{")
    (folder / "file.zarr").write_text("x")
    with h5py.File(folder / "none.h5", "w") as file:
        file["labels"] = np.arange(3)
    with h5py.File(folder / "several.h5", "w") as file:
        file["a"] = file["b"] = np.zeros((3, 2))
        file["b2"] = np.zeros((3, 2))
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "dataset", "error", "sentence"),
    [
        ("features.xlsx", None, UsageError, r"of no kind that can be imported: \.npy, \.h5"),
        ("text.npy", None, DataError, "no whole .npy array"),
        ("text.h5", None, DataError, "cannot be read as HDF5"),
        ("nowhere.npy", None, DataError, "nowhere.npy is missing"),
        ("nowhere.h5", None, DataError, "nowhere.h5 is missing"),
        ("nowhere.zarr", None, DataError, "nowhere.zarr is missing"),
        ("file.zarr", None, DataError, "is no folder of a Zarr array"),
        ("empty.zarr", None, DataError, "cannot be read as Zarr"),
        ("damaged.zarr", None, DataError, "cannot be read as Zarr"),
        ("none.h5", None, DataError, r"holds no array of images x features; its datasets: labels \(3,\)"),
        ("several.h5", None, UsageError, r"holds several arrays: .*b2 \(3, 2\)"),
        ("several.h5", "c", UsageError, r"has no dataset c; its datasets: .*b2 \(3, 2\)"),
        ("text.npy", "c", UsageError, "a .npy file holds one array"),
    ],
)
def test_a_file_that_holds_no_features_is_refused(
    tmp_path: Path, name: str, dataset: str | None, error: type[AlgocliError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        open_matrix(_broken(tmp_path).get(name, tmp_path / name), dataset)


def test_a_dataset_is_chosen_by_its_name(tmp_path: Path) -> None:
    path = _broken(tmp_path)["several.h5"]
    assert open_matrix(path, "/b2").shape == (3, 2)


def test_a_chunk_of_zarr_that_is_torn_is_a_sentence(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    file = write_group(tmp_path / "features", features)
    (file / "deep/features/c/1/0").write_bytes(b"torn")
    with pytest.raises(DataError, match=r"features\.zarr is damaged"):
        bring(shared_subject, file, tmp_path / "cache")


def test_it_is_found_by_its_name_and_no_image_is_needed(
    subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    cache = tmp_path / "cache"
    bring(subject, write_npy(tmp_path / "features", features), cache)
    for stimulus in subject.stimuli:
        stimulus.path.write_bytes(b"hollow")
    store = find_store(cache, check_name(cache, "mine"), subject, stimuli_digest(subject.stimuli, cache))
    np.testing.assert_array_equal(store.read(), features)
    assert store.manifest["provenance"]["source"] == "import"
    assert store.manifest["provenance"]["file"] == str(tmp_path / "features.npy")
    assert Library(cache).find("mine", "import") == "mine"


def test_where_a_subjects_features_are_missing_the_import_is_named(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    cache = tmp_path / "cache"
    bring(shared_subject, write_h5(tmp_path / "my features", features), cache)
    (store,) = list_stores(cache)
    store.forget(store.shards[-1])
    with pytest.raises(MissingStep, match="features of mine for subject 1 are not complete: 3 of 27") as caught:
        find_store(cache, "mine", shared_subject, "0" * 64)
    file = tmp_path / "my features.h5"
    assert caught.value.hint == f"algocli import-features '{file}' --dataset deep/features --name mine -s 1"
    shutil.rmtree(store.folder)
    with pytest.raises(MissingStep, match="features of mine for subject 1 are missing") as caught:
        find_store(cache, "mine", shared_subject, "0" * 64)
    assert caught.value.hint == "algocli import-features FILE --name mine -s 1"


def test_the_command_that_makes_a_store_again_says_how_its_rows_were_found(
    shared_subject: Subject, tmp_path: Path, features: NDArray[np.float32]
) -> None:
    file = write_npy(tmp_path / "features", features)
    (tmp_path / "file_names.txt").write_text("\n".join(str(s.nsd_id + 1) for s in shared_subject.stimuli))
    matrix = open_matrix(file)
    rows = locate_rows(shared_subject, matrix, None, None, 1)
    store = import_features(shared_subject, matrix, rows, "mine", tmp_path / "cache", ids_from=1)
    assert store.manifest["provenance"]["named_by"] == "file_names.txt"
    assert store.manifest["provenance"]["format"] == "npy"
    store.forget(store.shards[-1])
    with pytest.raises(MissingStep) as caught:
        find_store(tmp_path / "cache", "mine", shared_subject, "0" * 64)
    names = tmp_path / "file_names.txt"
    assert caught.value.hint == f"algocli import-features {file} --name mine --ids-from 1 --names {names} -s 1"


@pytest.mark.parametrize("value", [65504.0, -65504.0, 6e-8, 0.0])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_largest_and_smallest_numbers_are_finite(value: float, dtype: type[np.floating[Any]]) -> None:
    rows = np.full((2, 3), value, dtype)
    assert finite_rows(rows).tolist() == [True, True]
    rows[1, 2] = np.nan
    assert finite_rows(rows).tolist() == [True, False]


def test_a_key_that_there_is_not_is_refused_rather_than_taken_for_rows(subject: Subject, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((len(subject.stimuli), 3), np.float32))
    with pytest.raises(UsageError, match=r"key='nsd_id' is not known.*did you mean nsd-id"):
        locate_rows(subject, open_matrix(tmp_path / "x.npy"), None, "nsd_id")  # type: ignore[arg-type]
