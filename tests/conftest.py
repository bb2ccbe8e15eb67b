"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import typed

if os.environ.get("ALGOCLI_TEST_TYPES", "1") != "0":
    typed.hold()

from algocli.compute.object_kinds import S3, ObjectKind
from tests.browser import browser  # noqa: F401
from tests.support.challenge import write_tiny_challenge
from tests.support.objects import Objects, make_bucket, serving_objects, why_none

# How long an example takes says nothing on a busy machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def tiny_challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Subjects 1 and 6 with full-size images, test responses and noise ceilings. Shared: to be read only."""
    return write_tiny_challenge(tmp_path_factory.mktemp("tiny") / "challenge")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have SIGINT do what it does in a fresh process, here and in those begun here; it may have been left ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[ObjectKind], Objects]]:
    with ExitStack() as up:

        @cache
        def server(kind: ObjectKind) -> Objects:
            objects = up.enter_context(serving_objects(tmp_path_factory.mktemp("objects"), kind))
            with pytest.MonkeyPatch.context() as patch:
                for word, value in objects.environment.items():
                    patch.setenv(word, value)
                make_bucket(kind=kind)
            return objects

        yield server


@pytest.fixture
def objects_of(
    _servers: Callable[[ObjectKind], Objects], monkeypatch: pytest.MonkeyPatch
) -> Callable[[ObjectKind], Objects]:
    """Return a server of a kind, one for all tests, which every program finds that a test starts."""

    def found(kind: ObjectKind) -> Objects:
        if why := why_none(kind):
            pytest.skip(why)
        objects = _servers(kind)
        for word, value in objects.environment.items():
            monkeypatch.setenv(word, value)
        return objects

    return found


@pytest.fixture
def objects(objects_of: Callable[[ObjectKind], Objects]) -> Objects:
    """A server that speaks S3, as `objects_of` returns it."""
    return objects_of(S3)
