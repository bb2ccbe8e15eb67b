"""Shows the feature stores that a command has made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from algocli.cli.console import show_json, show_line, size

if TYPE_CHECKING:
    from algocli.features.store.shards import FeatureStore


def show_stores(stores: Sequence[FeatureStore], *, as_json: bool) -> None:
    """Print a line, or a row of JSON, for each store: its subject, shape, size and place."""
    rows: list[dict[str, Any]] = [
        {
            "subject": store.subject,
            "features": store.name,
            "n_stimuli": store.n_stimuli,
            "n_features": store.n_features,
            "n_done": store.n_stimuli - sum(map(len, store.pending())),
            "n_bytes": store.n_bytes(),
            "path": store.folder,
            "at": str(store.place) if store.is_elsewhere else None,
        }
        for store in stores
    ]
    if as_json:
        show_json({"rows": rows})
        return
    for row, store in zip(rows, stores, strict=True):
        name = store.folder.name.partition("-")[0]
        state = "" if store.complete else f"  ({row['n_done']} of {store.n_stimuli} images so far)"
        show_line(f"{name}  {store.n_stimuli} x {store.n_features}  {size(row['n_bytes']):>7}  {store.place}{state}")
