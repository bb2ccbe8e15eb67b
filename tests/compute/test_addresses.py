"""What addresses tell of a server of any kind: what lies below, what is missing, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from algocli.compute.addresses import Address
from algocli.compute.object_kinds import GOOGLE, KINDS, S3, ObjectKind, failures
from algocli.compute.serving import server_of
from algocli.errors import DataError, DiskFault, StorageError, UsageError
from tests.support.objects import BUCKET, Objects


@pytest.fixture(params=KINDS, ids=lambda kind: kind.scheme)
def at(request: pytest.FixtureRequest, objects_of: Callable[[ObjectKind], Objects], tmp_path: Path) -> Address:
    return objects_of(request.param).at(f"addresses{tmp_path}")


def test_what_lies_at_an_address_itself_is_not_below_it(at: Address) -> None:
    at.write(b"itself")
    assert (at.read_all(), at.any_below(), at.n_bytes()) == ({}, None, 0)
    (at / "a" / "b").write(b"below")
    assert at.read_all() == {"a/b": b"below"}
    assert [*at.glob("*/*")] == [at / "a" / "b"]
    at.remove_all()
    assert (at.read(), at.read_all()) == (b"itself", {})


def test_names_with_letters_of_urls_are_names(at: Address) -> None:
    names = ["a b", "50%", "%41", "a+b", "a#1", "#b/c", "\u00e9\u4e2d", "x&y=z", "a@b:1"]
    for name in names:
        (at / name).write(name.encode())
    assert at.read_all() == {name: name.encode() for name in names}
    assert [(at / name).read().decode() for name in names] == names


# Of the others' servers here none takes such names.
@pytest.mark.parametrize("at", [S3], indirect=True)
def test_what_others_have_put_there_and_no_address_is_called_is_passed_over(at: Address) -> None:
    at.write(b"")
    server = server_of(at.kind, BUCKET)
    for name in ("what?", "x[1]", "y"):
        server.write(f"{server.system._strip_protocol(str(at))}/{name}", b"theirs")
    assert [*at.glob("*")] == [at / "y"]


def test_a_part_that_cannot_be_read_is_told_and_not_handed_over(at: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    at.write(b"some")
    system = server_of(at.kind, BUCKET).system
    monkeypatch.setattr(system, "cat_ranges", lambda paths, *_, **__: [OSError("Connection reset")] * len(paths))
    with pytest.raises(DiskFault, match="connection reset"):
        list(at.parts())


@pytest.mark.parametrize("at", [GOOGLE], indirect=True)
@pytest.mark.parametrize("said", ["Bad Request: b/x\ninvalid argument", "Bucket is requester pays. Set it"])
def test_what_google_refuses_by_a_value_error_is_one_sentence(
    at: Address, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise ValueError(said)

    for name in ("info", "cat_file", "find", "pipe_file"):
        monkeypatch.setattr(server_of(GOOGLE, BUCKET).system, name, refused)
    for ask in (at.stamp, at.read, at.read_all):
        with pytest.raises(DiskFault, match=r"cannot be read: b") as told:
            ask()
        assert told.value.hint == GOOGLE.who_asks
    with pytest.raises(StorageError, match="cannot write"):
        at.write(b"")


@pytest.mark.parametrize("at", [GOOGLE], indirect=True)
def test_whoever_may_not_even_say_who_asks_is_told(at: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: Any = import_module("google.auth.exceptions")

    def without(*_: Any, **__: Any) -> None:
        raise errors.MutualTLSChannelError("No client certificate is found")

    server_of.cache_clear()
    monkeypatch.setattr("fsspec.core.url_to_fs", without)
    with pytest.raises(UsageError, match="no client certificate is found"):
        Address("gs://another-bucket").check_readable()


def test_what_is_missing_is_told_so(at: Address) -> None:
    assert (at.stamp(), at.is_file()) == (None, False)
    for ask in (at.read, lambda: at.read(5), lambda: list(at.parts())):
        with pytest.raises(DataError, match="is missing"):
            ask()
    at.unlink(missing_ok=True)


@pytest.mark.parametrize("at", [GOOGLE], indirect=True)
def test_a_version_of_a_library_that_lacks_an_error_is_as_good(at: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    retry: Any = import_module("gcsfs.retry")

    at.stamp()
    monkeypatch.delattr(retry, "NonRetryableError", raising=False)
    assert {OSError, retry.HttpError} <= set(failures())
