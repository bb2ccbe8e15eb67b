"""What workers of Dask must have before work is handed to them: this package, the same versions, and the cache.

And that there are any, for as long as there is work.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import algocli
from algocli.compute.addresses import Address
from algocli.compute.cache_places import address_of_cache
from algocli.compute.executors import dask_errands as errands
from algocli.compute.executors.dask_errands import Told
from algocli.compute.track import Note
from algocli.errors import EngineFault, first_line

# Has each worker make a call, and returns the answers, or exceptions that were met, by the workers' addresses.
Ask = Callable[..., Mapping[str, Any]]
# Seconds between two looks whether any are left.
LOOKS = 10.0
_SAME = "have workers run in the environment in which this command runs"


def check_workers(ask: Ask, cache_dir: Path, mark: Path, folder: str) -> None:
    """Refuse workers that could not do what this command does, and in the same way; new ones are not asked any more.

    Parameters
    ----------
    mark
        A file in the cache.
    folder
        The one in which this command runs.

    Raises
    ------
    EngineFault
        Saying which worker lacks what.
    """
    # Known by name wherever there is a Python.
    versions = _ask(ask, pkgutil.resolve_name, "algocli:__version__")
    lacking = [name for name, told in versions.items() if isinstance(told, Exception)]
    if lacking:
        why = first_line(versions[lacking[0]])
        raise EngineFault(f"{_which(lacking)} cannot import algocli ({why})", hint=_SAME)
    _refuse_others({name: {"algocli": version} for name, version in versions.items()}, {"algocli": algocli.__version__})
    told = _ask(ask, errands.tell, str(mark), folder)
    silent = [name for name, said in told.items() if not isinstance(said, Told)]
    if silent:
        raise EngineFault(f"{_which(silent)} cannot be asked: {first_line(told[silent[0]])}", hint=_SAME)
    _refuse_others({name: said.versions for name, said in told.items()}, errands.versions())
    for place, what in ((str(mark), f"the cache {cache_dir.absolute()}"), (folder, f"the current folder {folder}")):
        blind = [name for name, said in told.items() if place in said.unseen]
        if blind:
            hint = "what a command reads and writes lies where all workers see it by the same name"
            raise EngineFault(f"{_which(blind)} does not see {what}", hint=hint)
    _check_server(ask, address_of_cache(cache_dir))


@contextmanager
def missing_none(n_workers: Callable[[], int], note: Note) -> Iterator[None]:
    """Say within a `with` block when no worker is left: work waits for others, and nothing else would tell."""
    is_over = Event()

    def watch() -> None:
        were_there = True
        while not is_over.wait(LOOKS):
            # Of a scheduler that is gone others tell.
            with suppress(Exception):
                are_there = n_workers() > 0
                if were_there and not are_there:
                    note("no worker is left: waiting for others")
                were_there = are_there

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _check_server(ask: Ask, address: Address | None) -> None:
    """Refuse workers that may not ask for what lies at a cache's address, or ask another server for it."""
    if address is None:
        return
    seen = address.any_below() or address
    here, told = seen.stamp(), _ask(ask, errands.stamp_of, str(seen))
    hint = f"in the environment in which workers are begun: {address.kind.who_asks}"
    refused = [name for name, stamp in told.items() if isinstance(stamp, Exception)]
    if refused:
        raise EngineFault(f"{_which(refused)} may not ask: {first_line(told[refused[0]])}", hint=hint)
    others = [name for name, stamp in told.items() if stamp != here]
    # Unless somebody has replaced it meanwhile.
    if others and seen.stamp() == here:
        raise EngineFault(f"{_which(others)} asks another server: it does not see {seen}", hint=hint)


def _ask(ask: Ask, function: Any, *args: str) -> dict[str, Any]:
    """Return what each worker answers, or the exception that it met; none of one that is gone meanwhile."""
    answers = ask(function, *args)
    return {name: answer for name, answer in answers.items() if not isinstance(answer, OSError)}


def _refuse_others(found: Mapping[str, Mapping[str, str]], here: Mapping[str, str]) -> None:
    for package, version in here.items():
        others = [name for name, versions in found.items() if versions.get(package) != version]
        if others:
            theirs = found[others[0]].get(package)
            has = f"has {package} {theirs}" if theirs else f"lacks {package}"
            raise EngineFault(f"{_which(others)} {has}; this command has {version}", hint=_SAME)


def _which(workers: Sequence[str]) -> str:
    more = f" (and {len(workers) - 1} more)" if len(workers) > 1 else ""
    return f"the worker {workers[0]}{more}"
