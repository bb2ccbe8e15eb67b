"""Shows the feature stores that a command has made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from algocli.cli.console import show_json, size

if TYPE_CHECKING:
    from algocli.features.store import FeatureStore


def show_stores(stores: Sequence[FeatureStore], *, as_json: bool) -> None:
    """Print a line, or a row of JSON, for each store: its subject, shape, size and place."""
    rows = [
        {
            "subject": store.subject,
            "features": store.folder.parent.name,
            "n_stimuli": store.n_stimuli,
            "n_features": store.n_features,
            "n_bytes": store.n_bytes(),
            "path": store.folder,
        }
        for store in stores
    ]
    if as_json:
        show_json({"rows": rows})
        return
    for store in stores:
        name = store.folder.name.partition("-")[0]
        print(f"{name}  {store.n_stimuli} x {store.n_features}  {size(store.n_bytes()):>7}  {store.folder}")
