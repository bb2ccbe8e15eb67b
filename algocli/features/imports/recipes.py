"""How imported features are called, and what is recorded of where they came from."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from algocli.compute.choices import check_choice
from algocli.errors import DataError, UsageError
from algocli.features.imports.formats.matrix import Matrix
from algocli.features.imports.locating import Key
from algocli.features.store.commands import IMPORTED, WORDS, import_dtype
from algocli.features.store.keys import SCHEMA, Dtype, Recipe
from algocli.features.store.library import read_recipe


class ImportedRecipe(Recipe):
    """Features from elsewhere: how an image became a row is known by their name alone."""

    @property
    def name(self) -> str:
        """The name that the user gave."""
        return self.model


def check_wishes(name: str, dtype: Dtype | None) -> None:
    """Refuse what no features can be called, or kept in.

    Raises
    ------
    UsageError
        If the name cannot be a folder's, or there is no such precision.
    """
    # A plus joins the names of several features in a run's name.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise UsageError(
            f"'{name}' cannot be features' name", hint="use up to 100 letters, digits, dots, dashes, underscores"
        )
    if dtype is not None:
        check_choice("dtype", dtype, get_args(Dtype))


def imported_recipe(cache_dir: Path, name: str, matrix: Matrix, dtype: Dtype | None) -> ImportedRecipe:
    """Return the recipe that all subjects' features of this name share.

    Raises
    ------
    UsageError
        If the name cannot be a folder's, it stands for features of another kind or precision, or there is no such
        precision.
    """
    check_wishes(name, dtype)
    known = None
    # What is damaged is made anew, of the same name.
    with suppress(DataError):
        known = read_recipe(cache_dir / "features" / name)["identity"]
    if known is not None and known.get("source") != IMPORTED:
        raise UsageError(f"{name} is the name of features that were extracted", hint="choose another name=...")
    if known is not None and dtype not in (None, known["dtype"]):
        raise UsageError(
            f"the features {name} of other subjects are kept as {known['dtype']}, not {dtype}",
            hint=f"dtype={known['dtype']!r}, or another name=...",
        )
    kept = known["dtype"] if known else dtype or import_dtype(matrix.dtype.name)
    identity = {"schema": SCHEMA, "source": IMPORTED, "name": name, "post": "flatten", "dtype": kept}
    return ImportedRecipe(name, IMPORTED, IMPORTED, identity)


def provenance_of(matrix: Matrix, ids_file: Path | None, ids_from: int, key: Key | None) -> dict[str, Any]:
    """Return what is recorded of an array and of how its rows were found: enough to import it again."""
    named = matrix.labels if ids_file is None and key is None else None
    return {
        "source": IMPORTED,
        "file": str(matrix.path.resolve()),
        "format": matrix.path.suffix.lower().removeprefix("."),
        "dataset": matrix.dataset,
        "file_dtype": matrix.dtype.name,
        "ids_file": None if ids_file is None else str(ids_file.resolve()),
        "ids_from": ids_from,
        "names_file": None if named is None or named.path is None else str(named.path.resolve()),
        "named_by": None if named is None else named.where,
        "row_key": key,
        "shape": list(matrix.shape[1:]),
        **({} if matrix.made is None else {WORDS: dict(matrix.made.about)}),
    }
