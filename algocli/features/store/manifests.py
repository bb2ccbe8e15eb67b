"""What a store's manifest says, and whether it may be that of the store in whose folder it lies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from shlex import quote
from typing import Any, get_args

from algocli.compute.anywhere import Place
from algocli.compute.kinds import mismatch
from algocli.compute.vouching import read_sealed
from algocli.errors import DataError
from algocli.features.store.keys import SCHEMA, Dtype, digest_of

# More images, or features, than any store has.
_LARGEST = 10**8
# What a manifest holds, as far as it is read again.
_MANIFEST = {
    "shape": [int],
    "rows_per_shard": int,
    "dtype": str,
    "key": str,
    "array?": str,
    "from?": str,
    "at?": str,
    "identity": {"stimuli?": str, "dtype?": str},
    "provenance": {
        "subject": (int, str),
        **dict.fromkeys(("source?", "stimuli?", "ids?", "device?", "file?", "file_dtype?", "dataset?"), str),
        **dict.fromkeys(("ids_file?", "names_file?", "row_key?"), str),
        **dict.fromkeys(("versions?", "converted?"), dict),
        "words?": {
            "files": [str],
            "columns?": [str],
            **dict.fromkeys(("coco?", "measure?", "encoder?", "weights?", "pooling?"), str),
        },
        "shape?": [int],
    },
}
# The file in a store's folder that says what it is.
MANIFEST = "manifest.json"
# Within a recipe's folder: where stores are made that are to replace others.
ASIDE = ".aside"
HOW_TO_MEND = "algocli cache verify (names the command that mends it)"


def read_manifest(folder: Place) -> dict[str, Any]:
    """Read what the store in a folder is.

    Raises
    ------
    DataError
        If it is missing, damaged, of another version, or another store's.
    """
    path = folder / MANIFEST
    manifest = read_sealed(path, hint=HOW_TO_MEND)
    schema = manifest.get("schema")
    if schema != SCHEMA:
        raise DataError(
            f"{folder} was written by another version of algocli (schema {schema}; this version writes {SCHEMA})",
            hint=f"rm -r {quote(str(folder))}, then make it again, as it was made",
        )
    problem = mismatch(manifest, _MANIFEST)
    if problem is not None:
        raise DataError(f"{path} is damaged: {problem}", hint=HOW_TO_MEND)
    sizes = [*manifest["shape"], manifest["rows_per_shard"]]
    if len(sizes) != 3 or min(sizes) < 1 or max(sizes) > _LARGEST or manifest["dtype"] not in get_args(Dtype):
        raise DataError(f"{path} is damaged: no store is of {sizes} and {manifest['dtype']}", hint=HOW_TO_MEND)
    if manifest["key"] != digest_of(manifest["identity"]):
        raise DataError(f"{path} is damaged: its key is not that of what it describes", hint=HOW_TO_MEND)
    if not _is_of(folder, manifest):
        raise DataError(f"{path} is damaged: it is that of other features", hint=HOW_TO_MEND)
    return manifest


def _is_of(folder: Place, manifest: Mapping[str, Any]) -> bool:
    """Say whether a manifest may be that of the store in a folder, whose name and whose records tell as well.

    A store that takes the place of another has its name for a moment, and its own records.
    """
    named = re.fullmatch(r".+-([0-9a-f]{8})", folder.name)
    home = folder.parents[2] if folder.parent.parent.name == ASIDE else folder.parent
    identity = manifest["identity"]
    of_images = named is None or str(identity.get("stimuli", named[1])).startswith(named[1])
    if of_images and _is_of_recipe(home.name, identity):
        return True
    key = str(manifest["key"])
    return any(_key_of(record) == key for record in sorted((folder / "done").glob("*.json")))


def _is_of_recipe(home: str, identity: Mapping[str, Any]) -> bool:
    """Say whether features of this identity may lie in a recipe's folder, which is named after what makes them."""
    named = re.fullmatch(r".*-([0-9a-f]{8})", home)
    if "source" in identity:
        return bool(identity.get("name", home) == home)
    if named is None:
        return True
    return digest_of({name: part for name, part in identity.items() if name != "stimuli"}).startswith(named[1])


def _key_of(record: Place) -> str | None:
    with suppress(DataError):
        return str(read_sealed(record).get("key"))
    return None
