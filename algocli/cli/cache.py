"""algocli cache: what is kept, and whether it is whole."""

from __future__ import annotations

from typing import Any

import typer

from algocli.cli.options import DEFAULT_CACHE_DIR, CacheDir, Json, Quiet

cache = typer.Typer(help="List what is cached, and check that it is whole.", no_args_is_help=True)


@cache.command("list")
def list_(cache_dir: CacheDir = DEFAULT_CACHE_DIR, as_json: Json = False) -> None:
    """List feature stores and runs with their state and size."""
    from algocli.cli.console import show_json, show_table, size
    from algocli.encoding.runs import list_runs
    from algocli.features.library import list_stores

    stores: list[dict[str, Any]] = [
        {
            "features": store.folder.parent.name,
            "subject": store.subject,
            "n_stimuli": store.n_stimuli,
            "n_features": store.n_features,
            "n_done": store.n_stimuli - sum(map(len, store.pending())),
            "n_bytes": store.n_bytes(),
        }
        for store in list_stores(cache_dir)
    ]
    runs = [{"run": run.name, "subjects": run.subjects} for run in list_runs(cache_dir)]
    if as_json:
        show_json({"features": stores, "runs": runs})
        return
    rows = [
        (
            one["features"],
            str(one["subject"]),
            f"{one['n_done']} of {one['n_stimuli']}",
            f"{one['n_features']:,}",
            size(one["n_bytes"]),
        )
        for one in stores
    ]
    show_table(("Features", "Subject", "Images", "Width", "On disk"), rows)
    if runs:
        print()
        show_table(("Run", "Subjects"), [(str(run["run"]), ",".join(map(str, run["subjects"]))) for run in runs])


@cache.command("verify")
def verify(cache_dir: CacheDir = DEFAULT_CACHE_DIR, as_json: Json = False, quiet: Quiet = False) -> None:
    """Compare every finished shard with the checksum that was taken when it was written.

    A damaged shard loses its record, so that extracting again makes just that part anew.
    """
    from algocli.cli.console import show_json, tracker
    from algocli.errors import DataError
    from algocli.features.library import list_stores

    stores = list_stores(cache_dir)
    damaged: list[dict[str, Any]] = []
    for store in tracker(quiet)(stores, total=len(stores), label="checking stores", unit="stores"):
        for shard in store.damaged():
            store.forget(shard)
            damaged.append({"store": store.folder, "rows": [shard.start, shard.stop]})
    if as_json:
        show_json({"n_stores": len(stores), "damaged": damaged})
    for one in damaged if not as_json else ():
        print(f"{one['store']}: rows {one['rows'][0]} to {one['rows'][1]} are damaged")
    if damaged:
        raise DataError(f"{len(damaged)} damaged shards", hint="repeat algocli extract: it makes only these anew")
    if not as_json:
        print(f"{len(stores)} stores are whole")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(cache, name="cache")
