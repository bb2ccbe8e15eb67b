"""Words that name arguments and settings: those that there are not, and which were meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from algocli.compute.choices import did_you_mean
from algocli.errors import UsageError


def check_keywords(given: Iterable[str], known: Iterable[str], others: Sequence[str] = ()) -> None:
    """Refuse keywords that are no fields.

    Parameters
    ----------
    known
        The fields.
    others
        What else could have been meant, and is no field.

    Raises
    ------
    UsageError
        If there is one that is not known.
    """
    fields = list(known)
    for word in given:
        if word not in fields:
            guess = guess_keyword(word, [*fields, *others])
            raise UsageError(f"there is no setting '{word}'{guess}", hint=f"there are: {', '.join(fields)}")


# What the command line, and other programs, call what has several names here; the first that there is, is meant.
_MEANT = {
    "alpha": ("alphas",),
    "cache": ("cache_dir",),
    "components": ("n_components",),
    "cv": ("folds",),
    "data": ("data_dir",),
    "draws": ("n_iter",),
    "format": ("file_format",),
    "ids": ("ids_file",),
    "k": ("folds",),
    "kind": ("what", "file_format"),
    "layer": ("layers",),
    "method": ("regression",),
    "model": ("regression",),
    "n_pcs": ("n_components",),
    "n_splits": ("folds",),
    "names": ("names_file",),
    "network": ("model",),
    "out": ("path", "folder"),
    "output": ("path", "folder"),
    "pca": ("n_components",),
    "penalties": ("alphas",),
    "random_state": ("seed",),
    "roi": ("rois",),
    "run": ("runs", "name"),
    "runs": ("run",),
    "scale": ("scaled",),
    "side": ("hemisphere",),
    "standardise": ("standardised",),
    "standardize": ("standardised",),
    "subject": ("subjects",),
    "subjects": ("subject",),
    "test_size": ("holdout",),
    "validation": ("holdout",),
}


def guess_keyword(word: str, names: Iterable[str]) -> str:
    """Return in brackets which of some keywords another one may stand for, or nothing."""
    known = list(names)
    meant = next((name for name in _MEANT.get(word, ()) if name in known), None)
    return f" (did you mean {meant}?)" if meant else did_you_mean(word, known)
