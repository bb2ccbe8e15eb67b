"""Where a cache lies: in a folder, or at an address, with a folder of this machine that belongs to it.

Features and their Gram matrices lie at the address. What is renamed, locked or mapped into memory, runs above all,
takes a disk: it lies in a folder that is called after the address, and says which one it is.

    cache/s3/BUCKET+PREFIX/address.json
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import quote

from algocli.compute.addresses import Address, address_of
from algocli.compute.choices import check_path
from algocli.compute.object_kinds import is_address
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.errors import DataError

DEFAULT_CACHE = Path("cache")
# The file of a cache's folder that names its address, and the word under which it does.
_SAYS, _WORD = "address.json", "address"
# The letters of a folder's name, of the 255 bytes that disks have room for.
_LONGEST = 150


def check_cache(value: object) -> Path:
    """Return the folder of a cache that is named by it, or by an address; one of an address is made, and says so.

    Raises
    ------
    UsageError
        If it is no path and no address that can be read here.
    StorageError
        If the folder cannot be written.

    Examples
    --------
    >>> check_cache("cache")
    PosixPath('cache')
    """
    address = _named(value)
    if address is None:
        return check_path("cache_dir", value)
    folder = folder_of(address)
    if _said_by(folder) != address:
        write_sealed(folder / _SAYS, {_WORD: str(address)})
    return folder


def folder_named(value: object) -> Path:
    """Return the same, and make nothing.

    Raises
    ------
    UsageError
        As `check_cache`.
    """
    address = _named(value)
    return check_path("cache_dir", value) if address is None else folder_of(address)


def folder_of(address: Address) -> Path:
    """Return the folder of this machine that belongs to an address, whether or not it is there.

    Examples
    --------
    >>> folder_of(Address("s3://lab/features"))
    PosixPath('cache/s3/lab+features')
    """
    # A plus within a part is written otherwise: no two addresses have one folder.
    name = "+".join(quote(part, safe=" ") for part in str(address).split("/")[2:])
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return DEFAULT_CACHE / address.kind.scheme / name


def address_of_cache(cache_dir: Path) -> Address | None:
    """Return the address at which the features of a cache lie; None where they lie in its folder.

    Raises
    ------
    DataError
        If what says so is damaged.
    """
    path = cache_dir / _SAYS
    if not path.is_file():
        return None
    text = read_sealed(path, kinds={_WORD: str}, hint=f"name the cache by its address; or delete {path}")[_WORD]
    address = address_of(text)
    if address is None:
        raise DataError(f"{path} is damaged: '{text}' is no address", hint=f"delete {path}")
    return address


def address_named(value: object) -> Address | None:
    """Return the address at which the features of a cache lie that is named so; None where they lie in a folder.

    Raises
    ------
    UsageError, DataError
        As `check_cache` and `address_of_cache`.
    """
    return _named(value) or address_of_cache(folder_named(value))


def name_of_cache(cache_dir: Path) -> str:
    """Return the word by which a command is to be given a cache: its address, or its folder."""
    said = _said_by(cache_dir)
    return str(cache_dir if said is None or folder_of(said) != cache_dir else said)


def _named(value: object) -> Address | None:
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    return address_of(text) if isinstance(text, str) and is_address(text) else None


def _said_by(folder: Path) -> Address | None:
    try:
        return address_of_cache(folder)
    # Whoever names it by its address has it say so again.
    except DataError:
        return None
