"""Which features the sets of a partition name: layers of a network, names of cached features, or several joined."""

from __future__ import annotations

from collections.abc import Sequence

from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.errors import MissingStep, UsageError
from algocli.features.store.choosing import Library
from algocli.features.store.library import check_name
from algocli.features.store.variants import Variant
from algocli.stats.partition import FeatureSet, check_count, check_sets

# With a penalty for each layer: three sets need four searches.
MOST_SEARCHED = 3


def find_sets(library: Library, model: str, variant: Variant, words: Sequence[str]) -> list[FeatureSet]:
    """Return the sets that some words name.

    Raises
    ------
    UsageError
        If they are too many or too few, are alike, or may mean several features.
    MissingStep
        If features are missing.
    """
    check_count(len(words))
    sets = [_find_set(library, model, variant, word) for word in words]
    check_sets(sets)
    return sets


def check_searches(settings: Settings, sets: Sequence[FeatureSet]) -> None:
    """Refuse as many sets as would take days of searching for penalties.

    Raises
    ------
    UsageError
        If they are so many.
    """
    if regression_of(settings).searches and len(sets) > MOST_SEARCHED:
        n_models = 2 ** len(sets) - 1 - len(sets)
        raise UsageError(
            f"{len(sets)} sets would need {n_models} models of several sets, a search for penalties each",
            hint="with regression='banded' name two or three sets; or take regression='ridge'",
        )


def _find_set(library: Library, model: str, variant: Variant, word: str) -> FeatureSet:
    """Return the set that a word such as 'features.2+my-features' names."""
    names = tuple(_find_features(library, model, variant, name) for name in word.split("+"))
    if len(set(names)) < len(names):
        raise UsageError(f"{word} names the same features twice", hint="a set needs each layer once")
    return FeatureSet(word, names)


def _find_features(library: Library, model: str, variant: Variant, name: str) -> str:
    """Return the name of cached features, given that or a layer of the model."""
    if not name:
        raise UsageError("a set has an empty name: a plus joins two names, as in A+B")
    try:
        return check_name(library.cache_dir, name, library.lenders)
    except MissingStep as unnamed:
        try:
            return library.find(model, name, variant)
        except MissingStep as error:
            raise MissingStep(f"{error.message}, and {unnamed.message}", hint=error.hint) from error
        except UsageError as error:
            raise UsageError(
                error.message,
                hint=f"write the name that is meant in place of {name}, or what sets it apart: weights=..., pool=...",
            ) from error
