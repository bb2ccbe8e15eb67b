"""What a cache folder holds of features, one row a store, whether or not it can be read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from algocli.compute.files import n_bytes_in, read_json
from algocli.dataset.naming import SubjectId, id_of
from algocli.errors import AlgocliError, DataError, DiskFault
from algocli.features.store.commands import describe, is_imported, options, preparation
from algocli.features.store.keys import SCHEMA
from algocli.features.store.library import named_after, read_recipe, store_folders
from algocli.features.store.manifests import MANIFEST
from algocli.features.store.shards import FeatureStore

State = Literal["complete", "unfinished", "damaged", "out of reach", "written by another version"]


@dataclass(frozen=True)
class StoreRow:
    """A store as a list shows it; None is what cannot be known of it.

    Attributes
    ----------
    features
        The name of the recipe, as `train` takes it.
    what
        Model, layer and the options that tell it from other features of the layer.
    written_at
        When a record was last written, in seconds since the epoch.
    problem
        Why it cannot be read.
    preparation
        How images were prepared, where that is not what the weights ask for.
    """

    features: str
    path: Path
    what: str
    state: State
    n_bytes: int
    written_at: float
    model: str | None = None
    layer: str | None = None
    weights: str | None = None
    subject: SubjectId | None = None
    dtype: str | None = None
    n_stimuli: int | None = None
    n_features: int | None = None
    n_done: int | None = None
    key: str | None = None
    problem: str | None = None
    preparation: str | None = None


def list_rows(cache_dir: Path) -> list[StoreRow]:
    """Describe every store of a cache folder, by recipe and subject; one that is damaged hides no other."""
    return [describe_store(folder) for folder in store_folders(cache_dir)]


def describe_store(folder: Path) -> StoreRow:
    """Describe a store as far as it can be read."""
    row = StoreRow(
        folder.parent.name, folder, "", "damaged", n_bytes_in(folder), _written_at(folder), subject=_subject(folder)
    )
    try:
        recipe = read_recipe(folder.parent)
        how = [f"imported as {recipe['identity']['dtype']}"] if is_imported(recipe) else options(recipe)
        what = " ".join([describe(recipe), *how])
        row = replace(row, what=what, model=recipe["model"], layer=recipe["layer"], weights=recipe["weights"])
        row = replace(row, preparation=preparation(recipe))
    except (DataError, KeyError, TypeError) as error:
        row = replace(row, problem=str(error))
    try:
        return _read(FeatureStore(folder), row)
    # Whether it is whole, nobody can say now.
    except DiskFault as error:
        return replace(row, state="out of reach", problem=error.message)
    except AlgocliError as error:
        state: State = "written by another version" if _is_foreign(folder) else "damaged"
        return replace(row, state=state, problem=error.message)
    # A manifest that is JSON and lacks what belongs in one.
    except (KeyError, TypeError, ValueError):
        return replace(row, problem=f"{folder}/manifest.json is damaged")


def _read(store: FeatureStore, row: StoreRow) -> StoreRow:
    n_left = sum(map(len, store.pending()))
    return replace(
        row,
        what=f"{row.what}, read in {store.place}" if store.is_elsewhere else row.what,
        # Nothing but its own manifest says what the numbers are: without its recipe a store is not found again.
        state="damaged" if row.problem else "unfinished" if n_left else "complete",
        subject=store.subject,
        dtype=store.dtype.name,
        n_stimuli=store.n_stimuli,
        n_features=store.n_features,
        n_done=store.n_stimuli - n_left,
        key=store.key,
    )


def _is_foreign(folder: Path) -> bool:
    with suppress(DataError):
        return read_json(folder / MANIFEST).get("schema") not in (SCHEMA, None)
    return False


def _subject(folder: Path) -> SubjectId | None:
    """Return the subject that the folder's name says: all that is known of a store that cannot be read."""
    name = named_after(folder)
    return id_of(name) if name else None


def _written_at(folder: Path) -> float:
    # Every record, written or withdrawn, changes the time of its folder.
    times = [0.0]
    for path in (folder / MANIFEST, folder / "done"):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times)
