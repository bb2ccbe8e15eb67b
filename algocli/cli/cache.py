"""algocli cache: what is kept, whether it is whole, and what of it nothing refers to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from algocli.cli.options import DEFAULT_CACHE_DIR, DEFAULT_DATA_DIR, CacheDir, DataDir, Json, Quiet, TrustRemoteCode
from algocli.compute.cache_places import name_of_cache
from algocli.dataset.naming import SubjectId

if TYPE_CHECKING:
    from algocli.compute.leftovers import Leftover
    from algocli.compute.vouching import Upgrade
    from algocli.features.store.overview import StoreRow
    from algocli.features.store.uploads_left import UploadLeft

    Left = Leftover | UploadLeft

cache = typer.Typer(help="List what is cached, check it, delete leftovers.", no_args_is_help=True)


@cache.command("list")
def list_(cache_dir: CacheDir = DEFAULT_CACHE_DIR, as_json: Json = False, quiet: Quiet = False) -> None:
    """List feature stores and runs with their state, size and age.

    The first line of each kind of features is the name that --features takes.
    """
    from algocli.cli.console import count, note, show_json, size
    from algocli.compute.files import n_bytes_in
    from algocli.compute.leftovers import real_folders
    from algocli.features.store.borrowing import adopt
    from algocli.features.store.overview import list_rows
    from algocli.runs.finding import list_runs

    adopt(cache_dir, partial(note, quiet=quiet))
    stores = list_rows(cache_dir)
    runs: list[dict[str, Any]] = [
        {"run": run.name, "subjects": run.subjects, "n_bytes": n_bytes_in(run.folder), "finished_at": run.finished_at}
        for run in list_runs(cache_dir)
    ]
    jobs = [{"jobs": folder.name, "n_bytes": n_bytes_in(folder)} for folder in real_folders(cache_dir / "jobs")]
    total = sum(store.n_bytes for store in stores) + sum(each["n_bytes"] for each in (*runs, *jobs))
    if as_json:
        show_json({"features": stores, "runs": runs, "jobs": jobs, "n_bytes": total})
        return
    if not stores and not runs and not jobs:
        note(f"nothing is cached in {name_of_cache(cache_dir)}", quiet=quiet)
        return
    for _, same in groupby(stores, key=lambda store: store.features):
        _show_recipe(list(same))
    for run in runs:
        _show_run(run)
    for store in stores:
        if store.problem:
            note(store.problem, quiet=quiet)
    handed = f", with what jobs left ({count(len(jobs), 'list')}: algocli jobs)," if jobs else ""
    print(f"{count(len(stores), 'store')} and {count(len(runs), 'run')}{handed} take {size(total)}")


def _show_recipe(rows: Sequence[StoreRow]) -> None:
    import time

    from algocli.cli.console import DASH, age, show_line, show_remark, show_table, size

    now = time.time()
    shown = [
        (
            DASH if row.subject is None else str(row.subject),
            f"{row.n_done} of {row.n_stimuli}" if row.state == "unfinished" else row.state,
            DASH if row.n_features is None else f"{row.n_features:,}",
            size(row.n_bytes),
            age(now - row.written_at),
        )
        for row in rows
    ]
    show_line(rows[0].features)
    # Names of checkpoints are long, and the table below has room for none.
    show_table(("Subject", "State", "Width", "On disk", "Age"), shown, title=f"  {rows[0].what or DASH}", left=2)
    if rows[0].preparation:
        show_remark(rows[0].preparation, indent=2)
    print()


def _show_run(run: dict[str, Any]) -> None:
    import time

    from algocli.cli.console import age, show_line, size

    # Its name says the settings, and may be as wide as the screen.
    show_line(run["run"])
    subjects = f"subject{'s' if len(run['subjects']) > 1 else ''} {_ranges(run['subjects'])}"
    print(f"  run of {subjects}, {size(run['n_bytes'])}, {age(time.time() - run['finished_at'])}\n")


def _ranges(numbers: Sequence[SubjectId]) -> str:
    """Write rising numbers as '1-3,5', and names behind them."""
    # Within a run of neighbours, number minus place is constant.
    counted = [n for n in numbers if isinstance(n, int)]
    runs = [[n for _, n in run] for _, run in groupby(enumerate(counted), key=lambda pair: pair[1] - pair[0])]
    spans = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return ",".join([*spans, *(n for n in numbers if isinstance(n, str))])


@cache.command("verify")
def verify(
    sample: Annotated[
        bool, typer.Option("--sample/--no-sample", help="Also compute two rows of each store anew and compare.")
    ] = True,
    trust_remote_code: TrustRemoteCode = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check that cached features and runs are whole and right.

    Every file is compared with its checksum, Gram matrices with their features, and two rows of each store with the
    same rows computed anew from the images. A damaged shard loses its record, so that extracting again makes just
    that part anew. For whatever else is damaged, the command that mends it is told.
    """
    from algocli.cli.cache_faults import check, raise_faults, show_faults
    from algocli.cli.console import note, show_json, tracker
    from algocli.features.store.borrowing import adopt

    adopt(cache_dir, partial(note, quiet=quiet))
    findings = check(cache_dir, data_dir if sample else None, trust_code=trust_remote_code, track=tracker(quiet))
    if as_json:
        show_json(findings)
    else:
        show_faults(findings, cache_dir)
    raise_faults(findings)


@cache.command("migrate")
def migrate(cache_dir: CacheDir = DEFAULT_CACHE_DIR, as_json: Json = False, quiet: Quiet = False) -> None:
    """Bring what earlier versions left up to date.

    Their records get the checksums that today's have: those of features are compared with what was written then, all
    else is taken as it is now, once nothing is found wrong with it. No number changes. Of what is damaged nothing is
    vouched for, and the command that mends it is told, as 'algocli cache verify' does. Each record is replaced at once:
    stopped at any moment, the same command goes on from there.
    """
    from algocli.cli.cache_faults import check, raise_faults, show_upgrades
    from algocli.cli.console import note, show_json, tracker
    from algocli.compute.caches import filling

    upgraded: list[Upgrade] = []
    with filling(cache_dir, partial(note, quiet=quiet)):
        findings = check(cache_dir, None, upgraded=upgraded, track=tracker(quiet))
    if as_json:
        show_json({"upgraded": upgraded, "not_upgraded": findings.unvouched})
    else:
        show_upgrades(upgraded)
    raise_faults(findings)


@cache.command("gc")
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    unused: Annotated[bool, typer.Option("--unused", help="Also delete feature stores that no run refers to.")] = False,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Delete what nothing refers to.

    That is what killed commands left, what another version of algocli wrote, matrices of other features, digests of
    folders that are gone, runs without a finished subject, and what jobs left that have ended. At an address, what was
    begun to be sent is aborted once nothing more of it has arrived for a day, and nothing else is deleted. What a
    running command works on stays, and is waited for before the rest goes.
    """
    from algocli.cli.console import count, note, show_json
    from algocli.compute.caches import clearing
    from algocli.features.store.uploads_left import find_uploads
    from algocli.runs.leftovers import find_in_cache

    uploads = find_uploads(cache_dir, partial(note, quiet=quiet))
    leftovers, n_held = _to_delete([*find_in_cache(cache_dir, unused=unused), *uploads])
    if n_held:
        note(f"{count(n_held, 'item')} that a running command works on, or that cannot be locked, stays", quiet=quiet)
    if not as_json:
        _show_leftovers(leftovers, cache_dir)
    deleted: list[Left] = []
    if leftovers and not dry_run and _agreed(yes, as_json):
        with clearing(cache_dir, partial(note, quiet=quiet)):
            deleted = [left for left in leftovers if left.delete()]
    if as_json:
        show_json(_as_json(leftovers, deleted))
    elif deleted:
        print(_told(leftovers, deleted))
    elif leftovers:
        note("nothing was deleted", quiet=quiet)


def _to_delete(leftovers: Sequence[Left]) -> tuple[list[Left], int]:
    """Return what may be deleted, and the number of items that a process holds."""
    held = {left.path for left in leftovers if left.is_held}
    # A folder goes with all that is in it, or stays.
    free = [left for left in leftovers if left.path not in held and not any(left.path in path.parents for path in held)]
    return free, len(held)


def _n_bytes(leftovers: Sequence[Left]) -> int:
    return sum(left.n_bytes for left in leftovers)


def _as_json(leftovers: Sequence[Left], deleted: Sequence[Left]) -> dict[str, Any]:
    told = ("why", "detail", "n_bytes")
    rows = [
        {"path": str(left.path), **{name: getattr(left, name) for name in told}, "deleted": left in deleted}
        for left in leftovers
    ]
    return {"items": rows, "n_bytes": _n_bytes(leftovers), "n_bytes_deleted": _n_bytes(deleted)}


def _told(leftovers: Sequence[Left], deleted: Sequence[Left]) -> str:
    from algocli.cli.console import count, size

    n_left = len(leftovers) - len(deleted)
    rest = f"; {n_left} could not be locked, or is used by now" if n_left else ""
    return f"deleted {count(len(deleted), 'item')}, {size(_n_bytes(deleted))}{rest}"


def _show_leftovers(leftovers: Sequence[Left], cache_dir: Path) -> None:
    from algocli.cli.console import count, show_line, size

    for why in dict.fromkeys(left.why for left in leftovers):
        print(f"{why}:")
        for left in leftovers:
            if left.why == why:
                # What lies at an address is in no folder.
                place = left.path.relative_to(cache_dir) if isinstance(left.path, Path) else left.path
                show_line(f"  {size(left.n_bytes):>7}  {place}" + (f" ({left.detail})" if left.detail else ""))
    n_items = count(len(leftovers), "item")
    print(f"{n_items} to delete, {size(_n_bytes(leftovers))}" if leftovers else "nothing to delete")


def _agreed(yes: bool, as_json: bool) -> bool:
    """Say whether all of it is to be deleted; on a terminal, ask."""
    from algocli.errors import UsageError

    if yes:
        return True
    if as_json or not _is_terminal():
        raise UsageError(
            "deleting needs a yes, and there is no terminal to ask on",
            hint="--yes deletes what is listed; --dry-run only lists it",
        )
    return typer.confirm("delete all of this?", err=True)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(cache, name="cache")
