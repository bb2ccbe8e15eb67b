"""What the tests of runs share with those of encoding, and a place whose network can be asked for other images."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from algocli.features.store.shards import FeatureStore
from tests.encoding.conftest import _one_thread, shared, world  # noqa: F401
from tests.encoding.new_images_by_hand import LAYERS, Place, make_place
from tests.features.stand_in import stand_in


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever network is asked for, this is it."""
    monkeypatch.setattr(
        "algocli.features.networks.backbones.load_backbone", lambda *_asked, **_options: stand_in(LAYERS)
    )


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """To be added to, never to be spoilt."""
    return make_place(tmp_path_factory.mktemp("place"))


@pytest.fixture
def place(tmp_path: Path, common: Place) -> Place:
    """A place of the test's own, to be spoilt."""
    for name in ("challenge", "cache/features"):
        shutil.copytree(common.folder / name, tmp_path / name, ignore=shutil.ignore_patterns("axes"))
    copied = [tmp_path / store.folder.relative_to(common.folder) for store in common.stores]
    return Place(tmp_path, [FeatureStore(folder) for folder in copied])
