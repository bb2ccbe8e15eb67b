"""The doctor from Python: what there is to work with, and what of it would make other commands fail."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from algocli.compute import cores, machine
from algocli.compute.abilities import Abilities, try_folder
from algocli.compute.addresses import Address
from algocli.compute.budget import available_memory, gigabytes
from algocli.compute.cache_places import address_named, folder_named
from algocli.compute.calls import forgiving
from algocli.compute.choices import check_flag
from algocli.errors import DiskFault, first_line, install_hint
from algocli.pipeline.defaults import DEFAULT_CACHE

# Below it, in bytes, hardly a command could end: a store or a run takes more.
_LEAST_DISK = 100e6
_WITHOUT = {
    "write": (
        "nothing can be written in {folder}: {why}",
        "choose another folder: cache_dir=..., or the variable ALGOCLI_CACHE_DIR",
    ),
    "lock": (
        "files cannot be locked in {folder}: {why}; two commands at once do work twice, and `cache gc` beside them "
        "could delete what they make",
        "put the cache on another disk, or have this one mounted with locks (Lustre: -o flock; NFS: lockd)",
    ),
    "rename": ("files cannot take another's place in {folder}: {why}", "put the cache on another disk"),
    "sync": ("what is written in {folder} cannot be made safe: {why}", "put the cache on another disk"),
    "map": ("files cannot be mapped into memory in {folder}: {why}", "put the cache on another disk"),
}
# File systems that several machines write to: whether they keep out of each other's way cannot be tried on one.
_OF_SEVERAL = ("nfs", "lustre", "gpfs", "beegfs", "ceph", "cifs", "smb", "fuse", "afs", "9p")
_FETCH = "fetch weights where there is a network, and pass the file to extract: weights=FILE"


@dataclass(frozen=True)
class Trouble:
    """Something that would make a command fail, and what mends it."""

    problem: str
    mend: str

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True)
class Diagnosis:
    """What there is to work with: `facts` by section and name; `troubles` in the way; `notes` worth knowing.

    It is `well` when nothing is in the way. Wherever the home directory stands, it is written as ~.
    """

    facts: dict[str, dict[str, Any]]
    troubles: tuple[Trouble, ...]
    notes: tuple[str, ...]
    # A field rather than a property, so that whatever prints the fields prints it.
    well: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "well", not self.troubles)


@forgiving
def doctor(*, cache_dir: Path | str = DEFAULT_CACHE, device: bool = False, network: bool = False) -> Diagnosis:
    """Say what algocli has to work with here, and try what it needs: what a report of a bug should tell.

    In the cache's folder, or where it would be made, locks, renames and the like are tried in a temporary folder,
    of which nothing is left. Nothing else is written.

    Parameters
    ----------
    cache_dir
        Folder of feature stores and runs; of an address whether the server answers is tried, too.
    device
        Also ask torch which devices it can compute on, which takes seconds.
    network
        Also ask the hosts of pretrained weights whether they can be reached.

    Returns
    -------
    Facts, troubles with what mends them, and notes; `well` is False where another command would fail.

    Raises
    ------
    UsageError
        If an argument is of another kind.

    Examples
    --------
    >>> diagnosis = algocli.doctor(cache_dir="cache")
    >>> diagnosis.well, diagnosis.facts["cache"]["lock"]
    (True, 'works')
    """
    cache = folder_named(cache_dir)
    asked = {"device": check_flag("device", device), "network": check_flag("network", network)}
    examined = _Examined()
    sections: dict[str, Callable[[_Examined], dict[str, Any]]] = {
        # First, as libraries set variables when they are loaded.
        "environment": _environment,
        "versions": _versions,
        "machine": _machine,
        "matrices": _matrices,
        "cache": lambda told: _cache(cache, told) | _server(address_named(cache_dir), told),
        "figures": _figures,
        "weights": _weights,
        "device": _device,
        "network": _network,
    }
    for name, examine in sections.items():
        if asked.get(name, True):
            examined.add(name, examine)
    return examined.told()


class _Examined:
    """Collects what the sections tell."""

    def __init__(self) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self.troubles: list[Trouble] = []
        self.notes: list[str] = []

    def add(self, name: str, examine: Callable[[_Examined], dict[str, Any]]) -> None:
        """Add a section. One that breaks down is a trouble itself: a doctor who faints is no help."""
        try:
            self.facts[name] = examine(self)
        except Exception as error:
            problem = f"{name}: {type(error).__name__}: {first_line(error)}"
            self.trouble(problem, "install algocli's packages anew, and add this line to a report of a bug")

    def trouble(self, problem: str, mend: str) -> None:
        self.troubles.append(Trouble(problem, mend))

    def told(self) -> Diagnosis:
        troubles = tuple(Trouble(_at_home(trouble.problem), _at_home(trouble.mend)) for trouble in self.troubles)
        notes = tuple(_at_home(note) for note in self.notes)
        return Diagnosis({name: _at_home(self.facts[name]) for name in self.facts}, troubles, notes)


def _at_home(value: Any) -> Any:
    """Write the home directory as ~ wherever it stands: what is pasted into a report names no one."""
    if isinstance(value, Mapping):
        return {name: _at_home(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_at_home(part) for part in value]
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises where there is none
    if not isinstance(value, str | Path) or len(home) < 2:
        return value
    return str(value).replace(os.path.realpath(home), "~").replace(home, "~")


def _environment(told: _Examined) -> dict[str, Any]:
    variables = machine.environment()
    if "OPENBLAS_CORETYPE" in variables:
        told.notes.append("OPENBLAS_CORETYPE chooses the kernels of matrix products: last digits change with it")
    return variables


def _versions(told: _Examined) -> dict[str, Any]:
    from algocli import __version__

    packages = machine.versions()
    missing = [name for name in machine.NEEDED if packages[name] is None]
    if missing:
        told.trouble(f"not installed: {', '.join(missing)}", install_hint("dev").replace("[dev]", ""))
    here = {name: number for name, number in packages.items() if number is not None}
    absent = [name for name in machine.WELCOME if packages[name] is None]
    encodings = f"{getattr(sys.stdout, 'encoding', None)} stdout, {sys.getfilesystemencoding()} file names"
    return {
        "algocli": f"{__version__}, {Path(__file__).parents[1]}",
        "python": machine.python(),
        "text": f"{encodings}, locale {'.'.join(part or '-' for part in locale.getlocale())}",
        "packages": here,
        "not_installed": absent,
    }


def _machine(told: _Examined) -> dict[str, Any]:
    there, bound, quota, usable = os.cpu_count() or 1, cores.n_bound(), cores.quota(), cores.n_cores()
    free = available_memory()
    if free < 1e9:
        told.notes.append(f"{gigabytes(free)} of memory are free: a training of a full-size subject needs about 2.5 GB")
    return {
        "system": machine.system(),
        "processor": machine.processor(),
        "cores": there,
        "cores_bound": bound,
        "cores_quota": quota,
        "cores_used": usable,
        "n_bytes_memory": free,
        # What --cluster slurm submits with, and what a list of tasks is given to.
        "sbatch": machine.where_is("sbatch"),
    }


def _matrices(told: _Examined) -> dict[str, Any]:
    libraries = machine.matrix_libraries()
    usable = cores.n_cores()
    for library in libraries:
        if library["threads"] > usable:
            told.notes.append(
                f"{library['of']} multiplies with {library['threads']} threads on {usable} cores, which is slow: "
                f"set OMP_NUM_THREADS={usable}"
            )
    return {
        f"{each['library']} of {each['of']}": f"{each['version']}, {each['kernels']}, {each['threads']} threads"
        for each in libraries
    }


def _cache(folder: Path, told: _Examined) -> dict[str, Any]:
    tried = try_folder(folder)
    shown = folder.absolute()
    for ability, (problem, mend) in _WITHOUT.items():
        why = tried.done.get(ability)
        if why is not None:
            told.trouble(problem.format(folder=tried.folder.absolute(), why=why), mend)
    if tried.n_free < _LEAST_DISK and tried.done["write"] is None:
        told.trouble(
            f"the disk of {shown} is full: {gigabytes(tried.n_free)} are free",
            "free some space (`algocli cache gc` deletes what nothing needs), or choose another folder: cache_dir=...",
        )
    if (tried.kind or "").startswith(_OF_SEVERAL):
        told.notes.append(
            f"{shown} is on {tried.kind}: that its locks hold between machines cannot be tried on one of them; what is "
            "written there holds without, and `cache gc` is for when no other machine is at work"
        )
    return {
        "folder": str(shown) + ("" if folder.exists() else ", not made yet"),
        "file_system": tried.kind,
        "n_bytes_free": tried.n_free,
        **_abilities(tried),
    }


def _server(address: Address | None, told: _Examined) -> dict[str, Any]:
    if address is None:
        return {}
    try:
        (address / "features").is_file()
    except DiskFault as error:
        told.trouble(error.message, error.hint or "name another cache_dir=...")
        return {"address": str(address), "server": "out of reach"}
    return {"address": str(address), "server": "answers"}


def _abilities(tried: Abilities) -> dict[str, str]:
    return {name: "works" if why is None else f"no: {why}" for name, why in tried.done.items()}


def _figures(told: _Examined) -> dict[str, Any]:
    from algocli.results.drawing.style import font_here
    from algocli.results.surface import surfaces_here

    surfaces, font = surfaces_here(), font_here()
    packaged, *_ = surfaces
    if not surfaces[packaged]:
        told.trouble(f"nilearn is here without its surface {packaged}, which maps are drawn on", "install nilearn anew")
    if font is None:
        told.trouble("none of the fonts of figures is here", "install matplotlib anew, which brings DejaVu Sans")
    return {
        "font": font,
        "surfaces_here": [name for name, is_here in surfaces.items() if is_here],
        "surfaces_fetched": [name for name, is_here in surfaces.items() if not is_here],
    }


def _weights(_told: _Examined) -> dict[str, Any]:
    from algocli.features.networks.readiness import kept_weights

    return {path.name: path.stat().st_size for path in kept_weights()}


def _device(_told: _Examined) -> dict[str, Any]:
    from algocli.features.networks.readiness import devices

    return devices()


def _network(told: _Examined) -> dict[str, Any]:
    from algocli.features.networks.readiness import HOSTS, unreachable

    answers = unreachable()
    for host, why in answers.items():
        if why is not None:
            told.trouble(f"{host} ({HOSTS[host]}) is out of reach: {why}", _FETCH)
    return {host: "answers" if why is None else why for host, why in answers.items()}
