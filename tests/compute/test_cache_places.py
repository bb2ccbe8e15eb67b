"""Where a cache lies that is named by an address: a folder of its own, which says whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from algocli.compute.addresses import Address
from algocli.compute.cache_places import address_of_cache, check_cache, folder_named, folder_of, name_of_cache
from algocli.errors import DataError, UsageError

pytest.importorskip("s3fs")
# Pairs that a careless joining would put into one folder.
DIFFERENT = ["s3://a/b/c", "s3://a/b+c", "s3://a/b%2Bc", "s3://a+b/c", "s3://a/b c", "s3://a/../c", "s3://a", "s3://a/"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_address_has_a_folder_within_the_usual_cache_that_names_it() -> None:
    for word in (
        "s3://lab/features/v1",
        "s3:/lab/features/v1",
        "S3A://lab//features/v1/",
        Path("s3://lab/features/v1"),
    ):
        folder = check_cache(word)
        assert folder == Path("cache/s3/lab+features+v1")
        assert address_of_cache(folder) == Address("s3://lab/features/v1")
        assert name_of_cache(folder) == "s3://lab/features/v1"


def test_no_two_addresses_share_a_folder_and_none_leaves_its_place() -> None:
    addresses = list(dict.fromkeys(map(Address, [*DIFFERENT, *(f"s3://a/{'x' * n}" for n in (400, 401))])))
    folders = {folder_of(address) for address in addresses}
    assert len(folders) == len(addresses) == 9
    assert {folder.parent for folder in folders} == {Path("cache/s3")}
    assert max(len(folder.name) for folder in folders) < 200
    assert not {".", ".."} & {folder.name for folder in folders}


def test_any_other_word_is_a_folder_with_features_in_it() -> None:
    assert check_cache("mine") == folder_named(Path("mine")) == Path("mine")
    assert address_of_cache(Path("mine")) is None
    assert name_of_cache(Path("mine")) == "mine"
    assert not Path("mine").exists()


def test_to_look_for_a_cache_makes_nothing() -> None:
    assert folder_named("s3://lab/features") == Path("cache/s3/lab+features")
    assert not Path("cache").exists()


@pytest.mark.parametrize(
    "word", ["sftp://lab/x", "az://lab/x#", "s3://lab/a\tb", "s3://", "gs://", "s3://lab/*", "", 3, None, b"s3://lab/x"]
)
def test_what_is_neither_is_refused(word: object) -> None:
    for use in (check_cache, folder_named):
        with pytest.raises(UsageError, match="cache_dir="):
            use(word)
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"address": 3}', b'{"address": "elsewhere"}', b'{"address": "s3://x"']
)
def test_a_folder_whose_address_is_damaged_takes_no_features_until_it_is_named_again(content: bytes) -> None:
    folder = check_cache("s3://lab/features")
    (folder / "address.json").write_bytes(content)
    with pytest.raises(DataError, match=r"address\.json"):
        address_of_cache(folder)
    assert name_of_cache(folder) == str(folder)
    assert check_cache("s3://lab/features") == folder
    assert address_of_cache(folder) == Address("s3://lab/features")


def test_a_folder_that_was_moved_keeps_its_address_and_is_named_by_where_it_is() -> None:
    check_cache("s3://lab/features").rename("moved")
    assert address_of_cache(Path("moved")) == Address("s3://lab/features")
    assert name_of_cache(Path("moved")) == "moved"
