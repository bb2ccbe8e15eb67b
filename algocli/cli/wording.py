"""What the library says of fields and arguments, in the words of the command line: its `seed=-1` is --seed -1 here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from algocli.errors import AlgocliError

# Which field of the settings each option is.
FIELDS = {
    "pca": "n_components",
    "regression": "regression",
    "alpha_by": "alpha_by",
    "alphas": "alphas",
    "join": "join",
    "scale": "scaled",
    "standardise": "standardised",
    "n_iter": "n_iter",
    "search_seed": "search_seed",
    "holdout": "holdout",
    "folds": "folds",
    "seed": "seed",
    "refit": "refit",
}
_OPTIONS = {field: option.replace("_", "-") for option, field in FIELDS.items()} | {"force": "force", "name": "run"}
_SAID = re.compile(rf"(?<![\w.'\"/=-])({'|'.join(_OPTIONS)})=('[^']*'|\([^)]*\)|[\w.+-]*[\w])")


@contextmanager
def told_in_options() -> Iterator[None]:
    """Tell an error within a `with` block in the words of the command line."""
    try:
        yield
    except AlgocliError as error:
        raise type(error)(in_options(error.message), hint=error.hint and in_options(error.hint)) from error


def in_options(text: str) -> str:
    """Write fields and their values, as in "regression='ridge'", as options."""
    return _SAID.sub(lambda found: _option(found[1], found[2]), text)


def _option(field: str, value: str) -> str:
    option = _OPTIONS[field]
    if value in ("True", "False"):
        return f"--{option}" if value == "True" else f"--no-{option}"
    if value == "None":
        return f"--{option} full" if option == "pca" else f"no --{option}"
    words = re.sub(r",\s*", ":", value.strip("()")) if value.startswith("(") else value.strip("'")
    return f"--{option} {words}"
