"""Whose server an address of Azure's is asked of, and what is said where that is not clear."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator

import pytest

from algocli.compute.object_kinds import AZURE
from algocli.compute.serving import server_of
from algocli.errors import UsageError

pytest.importorskip("adlfs", reason="adlfs is not installed: the extra az")


@pytest.fixture(autouse=True)
def _of_one_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from adlfs import AzureBlobFileSystem

    key = base64.b64encode(b"any key").decode()
    said = f"DefaultEndpointsProtocol=https;AccountName=lab;AccountKey={key};EndpointSuffix=core.windows.net"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", said)
    # Both remember what the environment said, for tests before and after, too.
    for clear in (AzureBlobFileSystem.clear_instance_cache, server_of.cache_clear):
        clear()
    yield
    for clear in (AzureBlobFileSystem.clear_instance_cache, server_of.cache_clear):
        clear()


def test_an_address_that_names_another_account_than_the_connection_string_is_refused() -> None:
    with pytest.raises(UsageError, match=r"of the account others, and AZURE_STORAGE_CONNECTION_STRING of lab") as error:
        server_of(AZURE, "container@others.dfs.core.windows.net")
    assert error.value.hint is not None
    assert "az://CONTAINER" in error.value.hint


@pytest.mark.parametrize("bucket", ["container", "container@lab.dfs.core.windows.net"])
def test_an_address_that_names_the_same_account_or_none_is_asked(bucket: str) -> None:
    assert server_of(AZURE, bucket).system.service_client.account_name == "lab"


def test_nobody_who_asks_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(UsageError, match=r"cannot be asked: .*[a-z]$"):
        server_of(AZURE, "nobody")


def test_what_the_libraries_write_down_of_an_error_is_not_shown() -> None:
    server_of(AZURE, "container")
    assert not logging.getLogger("azure.identity.aio").isEnabledFor(logging.WARNING)
