"""algocli cache: what is kept, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from algocli.cli.options import DEFAULT_CACHE_DIR, CacheDir, Json, Quiet

cache = typer.Typer(help="List what is cached, and check that it is whole.", no_args_is_help=True)


@cache.command("list")
def list_(cache_dir: CacheDir = DEFAULT_CACHE_DIR, as_json: Json = False, quiet: Quiet = False) -> None:
    """List feature stores and runs with their state and size."""
    from algocli.cli.console import DASH, note, show_json, show_table, size
    from algocli.encoding.runs import list_runs
    from algocli.features.library import store_folders

    stores = [_describe(folder) for folder in store_folders(cache_dir)]
    runs = [{"run": run.name, "subjects": run.subjects} for run in list_runs(cache_dir)]
    if as_json:
        show_json({"features": stores, "runs": runs})
        return
    if not stores and not runs:
        note(f"nothing is cached in {cache_dir}", quiet=quiet)
    rows = [
        (one["features"], DASH, "damaged", DASH, DASH, DASH)
        if one["problem"]
        else (
            one["features"],
            str(one["subject"]),
            f"{one['n_done']} of {one['n_stimuli']}",
            f"{one['n_features']:,}",
            size(one["n_bytes"]),
            # Of a checkpoint the file's name says enough.
            Path(one["weights"]).name,
        )
        for one in stores
    ]
    if rows:
        show_table(("Features", "Subject", "Images", "Width", "On disk", "Weights"), rows)
    for one in stores:
        if one["problem"]:
            note(one["problem"], quiet=quiet)
    if rows and runs:
        print()
    if runs:
        show_table(("Run", "Subjects"), [(str(run["run"]), ",".join(map(str, run["subjects"]))) for run in runs])


def _describe(folder: Path) -> dict[str, Any]:
    """Return a store's row; of one that cannot be read, only its name and why."""
    from algocli.errors import DataError
    from algocli.features.library import read_recipe
    from algocli.features.store import FeatureStore

    row: dict[str, Any] = {"features": folder.parent.name, "problem": None}
    try:
        store = FeatureStore(folder)
        return row | {
            "weights": read_recipe(folder.parent)["weights"],
            "subject": store.subject,
            "n_stimuli": store.n_stimuli,
            "n_features": store.n_features,
            "n_done": store.n_stimuli - sum(map(len, store.pending())),
            "n_bytes": store.n_bytes(),
        }
    except DataError as error:
        return row | {"problem": error.message}


@cache.command("verify")
def verify(cache_dir: CacheDir = DEFAULT_CACHE_DIR, as_json: Json = False, quiet: Quiet = False) -> None:
    """Compare finished features with their checksums.

    A damaged shard loses its record, so that extracting again makes just that part anew.
    """
    from algocli.cli.console import count, show_json, tracker
    from algocli.errors import DataError
    from algocli.features.library import store_folders
    from algocli.features.store import FeatureStore

    folders = store_folders(cache_dir)
    damaged: list[dict[str, Any]] = []
    unreadable: list[dict[str, Any]] = []
    for folder in tracker(quiet)(folders, total=len(folders), label="checking stores", unit="stores"):
        # One store that cannot be read must not keep the others from being checked.
        try:
            store = FeatureStore(folder)
            for shard in store.damaged():
                store.forget(shard)
                damaged.append({"store": folder, "rows": [shard.start, shard.stop]})
        except DataError as error:
            unreadable.append({"store": folder, "problem": error.message})
    if as_json:
        show_json({"n_stores": len(folders), "damaged": damaged, "unreadable": unreadable})
    else:
        for one in damaged:
            print(f"{one['store']}: rows {one['rows'][0]} to {one['rows'][1]} are damaged")
        for one in unreadable:
            print(one["problem"])
    if unreadable:
        raise DataError(
            f"{count(len(unreadable), 'store')} cannot be read, {count(len(damaged), 'shard')} damaged",
            hint="delete the folders of such stores and repeat algocli extract: it makes only what is missing",
        )
    if damaged:
        raise DataError(
            f"{count(len(damaged), 'damaged shard')}", hint="repeat algocli extract: it makes only these anew"
        )
    if not as_json:
        print("1 store is whole" if len(folders) == 1 else f"{len(folders)} stores are whole")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(cache, name="cache")
