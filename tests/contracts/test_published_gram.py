"""What is promised of a Gram matrix beside features that lie at an address: it is whole there, or not there."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.compute import s3_uploads
from algocli.compute.addresses import Address
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.errors import DataError, DiskFault, StorageError
from algocli.features.store.borrowing import borrow, check_lenders
from algocli.features.store.factor import Factor
from algocli.features.store.gram import blocks_left, gram, is_made, multiply_block
from algocli.features.store.published import is_published, withdraw_damaged
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import digest_tree, fill, make_store
from tests.support.objects import Objects, system

ROOT = Path(__file__).parents[2]
RECIPE, STORE = "recipe-0a1b2c3d", "subj01-4e5f6a7b"


def some(n_stimuli: int = 10, n_features: int = 7) -> NDArray[Any]:
    return np.random.default_rng(n_stimuli).standard_normal((n_stimuli, n_features)).astype("float16")


@pytest.fixture
def prefix(objects: Objects, tmp_path: Path) -> Address:
    return objects.at(f"published{tmp_path}")


def at(prefix: Address) -> Address:
    return prefix / "features" / RECIPE / STORE


def make(cache: Path, prefix: Address, features: NDArray[Any] | None = None) -> FeatureStore:
    """Make, or find, a store of one cache at the address."""
    features = some() if features is None else features
    recipe = {"model": "m", "layer": "l", "weights": "w", "name": RECIPE, "identity": {}}
    for home in (cache, prefix):
        write_sealed(home / "features" / RECIPE / "recipe.json", recipe)
    shape, about = (features.shape[0], features.shape[1]), {"subject": 1}
    folder = cache / "features" / RECIPE / STORE
    identity = {"dtype": "float16", "source": "x"}
    return fill(FeatureStore.create(folder, identity, shape, about, at(prefix)), features)


def lend(cache: Path, prefix: Address) -> FeatureStore:
    """Have another cache read the store at the address."""
    borrow(cache, check_lenders(str(prefix)), [RECIPE], [1])
    return FeatureStore(cache / "features" / RECIPE / STORE)


def lose_features(prefix: Address) -> None:
    """Delete every chunk: whatever reads the features fails."""
    (at(prefix) / "features.zarr" / "c").remove_all()


def matrix_at(prefix: Address) -> Address:
    (found,) = (at(prefix) / "gram").glob("*.npy")
    return found


def bytes_in(store: FeatureStore) -> bytes:
    return (store.folder / "gram" / "matrix.npy").read_bytes()


def test_what_is_made_here_lies_there_under_its_digest_with_the_same_record(tmp_path: Path, prefix: Address) -> None:
    store = make(tmp_path / "one", prefix)
    assert not is_published(store)
    store.gram()
    digest = hashlib.sha256(bytes_in(store)).hexdigest()
    there = (at(prefix) / "gram").read_all()
    assert sorted(there) == sorted([f"{digest}.npy", "record.json"])
    assert there[f"{digest}.npy"] == bytes_in(store)
    assert there["record.json"] == (store.folder / "gram" / "record.json").read_bytes()
    assert is_published(store)


def test_another_cache_has_it_and_reads_no_feature(tmp_path: Path, prefix: Address) -> None:
    own = make(tmp_path / "one", prefix)
    own.gram()
    here = make_store(tmp_path / "here", some(), source="x")
    here.gram()
    lose_features(prefix)
    for name, store in (("lent", lend(tmp_path / "lent", prefix)), ("again", make(tmp_path / "again", prefix))):
        assert store.gram().n_stimuli == 10, name
        # The bytes of features on a disk, too, and nothing beside them.
        assert digest_tree(store.folder / "gram") == digest_tree(here.folder / "gram")
        with pytest.raises(DataError, match="damaged"):
            store.read()


def test_no_products_are_multiplied_of_what_is_there(tmp_path: Path, prefix: Address) -> None:
    make(tmp_path / "one", prefix).gram()
    store = lend(tmp_path / "lent", prefix)
    lose_features(prefix)
    assert not is_made(Factor((store,)))
    assert blocks_left(Factor((store,))) == []
    multiply_block(Factor((store,)), 0)
    assert not (store.folder / "gram" / "blocks").exists()
    store.gram()
    assert is_made(Factor((store,)))


def test_a_cache_that_borrows_leaves_nothing_there(tmp_path: Path, prefix: Address) -> None:
    make(tmp_path / "one", prefix)
    before = sorted(prefix.read_all())
    lend(tmp_path / "lent", prefix).gram()
    assert sorted(prefix.read_all()) == before


def test_what_was_made_before_is_left_there_by_the_next_command(tmp_path: Path, prefix: Address) -> None:
    store = make(tmp_path / "one", prefix)
    store.gram()
    (at(prefix) / "gram").remove_all()
    before = (store.folder / "gram" / "matrix.npy").stat().st_mtime_ns
    store.gram()
    assert is_published(store)
    assert (store.folder / "gram" / "matrix.npy").stat().st_mtime_ns == before


def _flip(matrix: Address) -> None:
    content = bytearray(matrix.read())
    content[len(content) // 2] ^= 1
    matrix.write(bytes(content))


def _cut(matrix: Address) -> None:
    matrix.write(matrix.read()[:-8])


def _swell(matrix: Address) -> None:
    matrix.write(matrix.read() + bytes(10_000))


def _empty(matrix: Address) -> None:
    matrix.write(b"")


@pytest.mark.parametrize("spoil", [_flip, _cut, _swell, _empty, Address.unlink])
def test_one_that_is_damaged_is_told_and_computed_instead_and_mended_by_whose_it_is(
    tmp_path: Path, prefix: Address, spoil: Any
) -> None:
    own = make(tmp_path / "one", prefix)
    own.gram()
    whole, name = bytes_in(own), matrix_at(prefix)
    spoil(name)
    said: list[str] = []
    lent = lend(tmp_path / "lent", prefix)
    gram(lent, note=said.append)
    assert bytes_in(lent) == whole
    assert len(said) == 1
    assert said[0].startswith(f"subject 1: the Gram matrix of {RECIPE} is computed here: {name} ")
    # Whoever borrows has left it; whose it is has not.
    again = make(tmp_path / "again", prefix)
    gram(again, note=said.append)
    assert len(said) == 2
    assert name.read() == whole == bytes_in(again)
    assert withdraw_damaged(again) is None


def test_one_of_another_shape_is_not_taken_whatever_its_record_says(tmp_path: Path, prefix: Address) -> None:
    own = make(tmp_path / "one", prefix)
    own.gram()
    record, small = read_sealed(at(prefix) / "gram" / "record.json"), make_store(tmp_path / "few", some(9))
    small.gram()
    content = (small.folder / "gram" / "matrix.npy").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (at(prefix) / "gram" / f"{digest}.npy").write(content)
    write_sealed(at(prefix) / "gram" / "record.json", {**record, "sha256": digest})
    said: list[str] = []
    lent = lend(tmp_path / "lent", prefix)
    gram(lent, note=said.append)
    assert (len(said), bytes_in(lent)) == (1, bytes_in(own))


@pytest.mark.parametrize(
    "change", [{"key": "another"}, {"sha256": "../../x"}, {"sha256": None}, {"sha256": "*"}, {"sha256": 3}]
)
def test_a_record_of_something_else_counts_for_none(tmp_path: Path, prefix: Address, change: dict[str, Any]) -> None:
    own = make(tmp_path / "one", prefix)
    own.gram()
    record = at(prefix) / "gram" / "record.json"
    write_sealed(record, {**read_sealed(record), **change})
    lent = lend(tmp_path / "lent", prefix)
    assert not is_published(lent)
    assert lent.gram().n_stimuli == 10
    assert withdraw_damaged(lent) == f"{record} is damaged, or of other features"
    assert record.is_file()
    assert withdraw_damaged(own) is not None
    assert not record.is_file()


def _but_for(method: str, instead: Any) -> Any:
    """Return what asks the server, but for one thing."""
    real = system().call_s3
    return lambda what, **about: instead(**about) if what == method else real(what, **about)


def test_a_server_that_fails_while_it_is_left_there_costs_nothing_but_a_line(
    tmp_path: Path, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, said = make(tmp_path / "one", prefix), list[str]()
    with monkeypatch.context() as patch:

        def full(*_: object, **__: object) -> None:
            raise OSError("the bucket's quota is used up")

        patch.setattr(system(), "call_s3", _but_for("put_object", full))
        assert gram(store, note=said.append).n_stimuli == 10
    (line,) = said
    assert line.startswith(f"subject 1: the Gram matrix of {RECIPE} is in this cache alone, until the next command:")
    assert line.endswith("the bucket's quota is used up")
    assert is_made(Factor((store,)))
    assert not is_published(store)
    gram(store, note=said.append)
    assert (is_published(store), len(said)) == (True, 1)


def test_what_has_not_arrived_whole_has_no_record(
    tmp_path: Path, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, said = make(tmp_path / "one", prefix), list[str]()
    with monkeypatch.context() as patch:
        real = system().call_s3

        def cut(*_: object, Body: bytes, **where: str) -> Any:
            return real("put_object", Body=Body[:-1], **where)

        patch.setattr(system(), "call_s3", _but_for("put_object", cut))
        gram(store, note=said.append)
    assert "not all have arrived" in said[0]
    assert not is_published(store)


def test_a_server_that_does_not_answer_is_told_by_whoever_needs_it(
    tmp_path: Path, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "one", prefix).gram()
    lent = lend(tmp_path / "lent", prefix)

    def gone(*_: object, **__: object) -> None:
        raise OSError("could not connect to the endpoint URL")

    monkeypatch.setattr(system(), "cat_ranges", gone)
    with pytest.raises(DiskFault, match="could not connect"):
        lent.gram()
    assert not is_made(Factor((lent,)))
    assert not list((lent.folder / "gram").glob("matrix.npy*"))


def test_a_disk_that_is_full_is_told_and_keeps_nothing_of_what_was_fetched(
    tmp_path: Path, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "one", prefix).gram()
    lent = lend(tmp_path / "lent", prefix)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("algocli.compute.files.make_safe", full)
    with pytest.raises(StorageError, match=r"matrix\.npy: the disk is full"):
        lent.gram()
    assert not list((lent.folder / "gram").glob("matrix.npy*"))


def test_a_large_one_goes_in_parts_and_none_is_as_large(
    tmp_path: Path, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server takes no smaller parts.
    monkeypatch.setattr(s3_uploads, "PART_BYTES", 5 * 2**20)
    own = make(tmp_path / "one", prefix, some(1700, 3))
    own.gram()
    whole = bytes_in(own)
    assert len(whole) > 2 * s3_uploads.PART_BYTES
    assert matrix_at(prefix).read() == whole
    lengths = [len(part) for part in matrix_at(prefix).parts(2**30)]
    assert lengths == [5 * 2**20, 5 * 2**20, len(whole) - 10 * 2**20]
    lent = lend(tmp_path / "lent", prefix)
    lose_features(prefix)
    lent.gram()
    assert bytes_in(lent) == whole


def test_machines_whose_last_digits_differ_leave_one_that_is_whole(
    tmp_path: Path, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = make(tmp_path / "one", prefix), make(tmp_path / "other", prefix)
    nearly = make_store(tmp_path / "nearly", (some() * np.float16(1.001)).astype("float16"))
    for store in (one, nearly):
        store.gram()
    # As if another processor had multiplied, at the same time, and came last.
    record = {**read_sealed(nearly.folder / "gram" / "record.json"), "key": other.key}
    (at(prefix) / "gram" / f"{record['sha256']}.npy").write_file(nearly.folder / "gram" / "matrix.npy")
    write_sealed(at(prefix) / "gram" / "record.json", record)
    lose_features(prefix)
    other.gram()
    assert bytes_in(other) == bytes_in(nearly) != bytes_in(one)
    # What a cache has, it keeps.
    before = bytes_in(one)
    one.gram()
    assert bytes_in(one) == before
    assert withdraw_damaged(one) is None


def test_features_that_take_the_place_of_others_have_no_matrix_of_theirs(tmp_path: Path, prefix: Address) -> None:
    store = make(tmp_path / "one", prefix)
    store.gram()
    write_sealed(
        at(prefix) / "gram" / "record.json", {**read_sealed(at(prefix) / "gram" / "record.json"), "key": "others"}
    )
    (at(prefix) / "manifest.json").unlink()
    make(tmp_path / "two", prefix)
    assert not (at(prefix) / "gram").read_all()


_KILLED = """
import os, signal, sys
from pathlib import Path
from algocli.compute.addresses import Address
from algocli.features.store.shards import FeatureStore
left = [int(sys.argv[2])]
def counted(real):
    def write(self, *words):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, *words)
    return write
Address.write, Address.write_file = counted(Address.write), counted(Address.write_file)
FeatureStore(Path(sys.argv[1])).gram()
"""


@pytest.mark.slow
@pytest.mark.parametrize("n_written", [0, 1, 2])
def test_killed_before_any_of_its_writes_it_leaves_nothing_that_is_taken_for_whole(
    tmp_path: Path, prefix: Address, n_written: int
) -> None:
    store = make(tmp_path / "one", prefix)
    words = [sys.executable, "-c", _KILLED, str(store.folder), str(n_written)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == (-signal.SIGKILL if n_written < 2 else 0), ended.stderr
    assert is_published(store) == (n_written == 2)
    lent = lend(tmp_path / "lent", prefix)
    lent.gram()
    store.gram()
    assert bytes_in(lent) == bytes_in(store) == matrix_at(prefix).read()
    assert is_published(store)


@pytest.mark.slow
def test_two_that_leave_it_there_at_once_do_each_other_no_harm(tmp_path: Path, prefix: Address) -> None:
    stores = [make(tmp_path / name, prefix, some(300)) for name in ("one", "other")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Killed never: both write to the end.
    words = [[sys.executable, "-c", _KILLED, str(store.folder), "9"] for store in stores]
    begun = [subprocess.Popen(each, env=environment, stderr=subprocess.PIPE, text=True) for each in words]
    assert [process.communicate()[1] for process in begun] == ["", ""]
    assert [process.returncode for process in begun] == [0, 0]
    assert bytes_in(stores[0]) == bytes_in(stores[1]) == matrix_at(prefix).read()
    assert is_published(stores[0])
    assert withdraw_damaged(stores[0]) is None
