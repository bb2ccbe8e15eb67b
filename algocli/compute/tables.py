"""Rows for whoever goes on with them in pandas, which nothing here needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from algocli.errors import UsageError


def as_frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a pandas.DataFrame, a column a key.

    Raises
    ------
    UsageError
        If pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise UsageError(
            "pandas is not installed", hint="table() gives the same rows as a list of dicts; or install pandas"
        ) from error
    return pandas.DataFrame(list(rows))
