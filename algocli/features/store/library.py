"""Where stores lie in a cache folder, and how to find them again.

features/RECIPE/recipe.json             model, layer and what else makes the recipe
features/RECIPE/subj01-STIMULI/         the store of one subject, told apart by its images
                                        (or, for imported features, by its numbers)
features/RECIPE/.aside/subj01/          one that is to replace it, until it is whole
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from algocli.compute.addresses import Address
from algocli.compute.anywhere import AnyPlace, Place
from algocli.compute.cache_places import address_of_cache
from algocli.compute.choices import did_you_mean
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.dataset.naming import check_subject_name
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import FROM_DATASET, Stimulus, ids_digest
from algocli.errors import DataError, MissingStep, NoPixels, UsageError, reading
from algocli.features.store.commands import command, describe
from algocli.features.store.keys import Recipe
from algocli.features.store.manifests import ASIDE, MANIFEST
from algocli.features.store.shards import FeatureStore

# Where a store's provenance counts the images that were more than read, by what was done to them.
CONVERTED = "converted"
_HOW_TO_MEND = "algocli cache verify (names the command that makes it again)"
# The other way out where features of another cache are gone.
ANOTHER_CACHE = "or name another cache that has them with features_from=..."
# What a recipe holds, as far as it is read again.
_RECIPE = {
    **dict.fromkeys(("model", "layer", "weights", "name?"), str),
    "identity": {
        **dict.fromkeys(("source?", "dtype?", "numerics?", "layer?"), str),
        "post?": (str, dict),
        "transform?": (str, dict),
        "image_size?": int,
    },
    "asks_for?": dict,
}


def create_store(
    cache_dir: Path,
    how: Recipe,
    subject: Subject,
    content: str,
    n_features: int,
    provenance: Mapping[str, Any],
    stimuli: Sequence[Stimulus] | None = None,
    folder: Path | None = None,
    at: Address | None = None,
) -> FeatureStore:
    """Make or open the store of one subject's images under a recipe.

    Parameters
    ----------
    content
        The digest of the images, or of the numbers where these did not come from images that are at hand.
    provenance
        What is worth knowing; its `source` says where the images were read from (`ImageFiles.kind`), by default the
        dataset's own folder, and its `stimuli`, where that is elsewhere, names the place.
    stimuli
        Of which there is a row; by default all of the subject's, else those for training.
    folder
        Where it is made; by default among the others of the recipe.
    at
        Below which address its numbers lie, in place of this cache: the features of other caches, too, may be there.
        By default that of the cache, if it has one.
    """
    stimuli = subject.stimuli if stimuli is None else stimuli
    home = cache_dir / "features" / how.name
    _write_recipe(home, how)
    name = store_name(subject, content)
    folder = home / name if folder is None else folder
    at = _own_address(cache_dir, folder) if at is None else at
    if at is not None:
        _write_recipe(at / "features" / how.name, how)
        at = at / "features" / how.name / name
    identity = {**how.identity, "stimuli": content}
    return FeatureStore.create(
        folder,
        identity,
        (len(stimuli), n_features),
        {"source": FROM_DATASET, **provenance, "subject": subject.id, "ids": ids_digest(stimuli)},
        at,
    )


def _own_address(cache_dir: Path, folder: Path) -> Address | None:
    """Return the address of a cache, below which its store in a folder is made; None where its features are not at one.

    None, too, where the store lies at an address already, or is whole and another cache's: it stays where it is.
    """
    address = address_of_cache(cache_dir)
    if address is not None and is_store(folder):
        with suppress(DataError):
            store = FeatureStore(folder)
            stays = store.is_recorded() if store.is_borrowed else store.is_elsewhere
            return None if stays else address
    return address


def _write_recipe(home: Place, how: Recipe) -> None:
    """Describe a recipe, where it is not yet, or as an earlier version did."""
    try:
        known = read_recipe(home)
    # Missing or damaged: everything in it is known here.
    except DataError:
        write_sealed(home / "recipe.json", {**asdict(how), "name": how.name})
    else:
        # Written before this was recorded.
        if how.asks_for is not None and "asks_for" not in known:
            write_sealed(home / "recipe.json", {**known, "asks_for": how.asks_for})


def find_store(cache_dir: Path, name: str, subject: Subject, content: str, stimuli: Path | None = None) -> FeatureStore:
    """Open a subject's complete store of the recipe called `name`.

    One made from exactly these images comes first; else one that was made from images elsewhere, or imported,
    for the same ids, or for those of the training images alone.

    Parameters
    ----------
    stimuli
        The file or folder elsewhere that its images were read from, where that is to decide.

    Raises
    ------
    MissingStep
        If it does not exist, is not complete, or was made from other images.
    UsageError
        If several from elsewhere would do.
    """
    home = cache_dir / "features" / check_name(cache_dir, name)
    recipe = read_recipe(home)
    what = f"features of {describe(recipe)} for subject {subject.id}"
    if stimuli is not None:
        from algocli.dataset.images import open_images

        content = open_images(subject, stimuli).digest(cache_dir)
    exact = home / store_name(subject, content)
    if stimuli is not None and not is_store(exact):
        hint = command(recipe, subject.id, {"stimuli": str(stimuli)})
        raise MissingStep(f"{what} were not made from {stimuli}", hint=hint)
    store = FeatureStore(exact) if is_store(exact) else _made_elsewhere(home, what, recipe, subject, cache_dir)
    left = sum(map(len, store.pending()))
    if left and store.is_borrowed:
        raise MissingStep(
            f"{what} were read from {store.place}, where they are gone or not complete any more",
            hint=f"{command(recipe, subject.id, store.manifest['provenance'])} ({ANOTHER_CACHE})",
        )
    if left:
        raise MissingStep(
            f"{what} are not complete: {left} of {store.n_stimuli} images are left",
            hint=command(recipe, subject.id, store.manifest["provenance"]),
        )
    return store


def _made_elsewhere(
    home: Path, what: str, recipe: Mapping[str, Any], subject: Subject, cache_dir: Path
) -> FeatureStore:
    """Return the one store that was made for a subject's ids from images elsewhere, or refuse."""
    by_id = fitting_by_id(home, subject)
    elsewhere = [store for store in by_id if not _is_outdated(store, subject, cache_dir)]
    if by_id and not elsewhere:
        about = by_id[0].manifest["provenance"]
        raise MissingStep(
            f"{what} were made from {about['stimuli']} by a version that read images otherwise: without their "
            f"range, transparency or orientation",
            hint=command(recipe, subject.id, about),
        )
    if not elsewhere:
        # One that is damaged says so.
        stores = stores_of_subject(home, subject.name)
        reason = " were made from other images than the data folder holds now" if stores else " are missing"
        raise MissingStep(f"{what}{reason}", hint=command(recipe, subject.id))
    if len(elsewhere) > 1:
        listed = "\n  ".join(f"{store.folder} ({_source_of(store)})" for store in elsewhere)
        raise UsageError(
            f"{len(elsewhere)} kinds of {what} were made from images elsewhere:\n  {listed}",
            hint="name the one that is meant with stimuli=...",
        )
    return elsewhere[0]


def _source_of(store: FeatureStore) -> str:
    """Return the file or folder that a store's images were read from, or else what kind of source it was."""
    about = store.manifest["provenance"]
    return str(about.get("stimuli") or about["source"])


def is_store(folder: Place) -> bool:
    """Say whether a folder is that of a store, whatever is wrong with it."""
    return (folder / MANIFEST).is_file()


def fitting_by_id(home: Place, subject: Subject) -> list[FeatureStore]:
    """Open the stores of a recipe that were made elsewhere, for a subject's ids in order, or those of its training.

    One that is damaged, and may be of other images, is passed over.
    """
    return [store for store in readable_stores(folders_of_subject(home, subject.name)) if _fits_by_id(store, subject)]


def readable_stores(folders: Iterable[Place]) -> Iterator[FeatureStore]:
    """Open the stores of some folders that can be."""
    for folder in folders:
        with suppress(DataError):
            yield FeatureStore(folder)


def stores_of_subject(home: Place, name: str) -> list[FeatureStore]:
    """Open the stores that a recipe's folder has of the subject of that name, by what they were made from."""
    return [FeatureStore(folder) for folder in folders_of_subject(home, name)]


def folders_of_subject(home: AnyPlace, name: str) -> list[AnyPlace]:
    """List the folders of these stores, whatever is wrong with them."""
    # A name may have dashes of its own; a digest has none.
    with reading(home):
        folders = [path.parent for path in sorted(home.glob("*/manifest.json"))]
    return [folder for folder in folders if named_after(folder) == name]


def aside(home: Path, name: str = "") -> Path:
    """Return the folder in which a recipe's stores are made that are to replace others, or those of one subject."""
    return home / ASIDE / name


def named_after(store: Place) -> str:
    """Return the name of the subject that the folder of a store is named after; empty where it is none's."""
    return store.name.rpartition("-")[0]


def _fits_by_id(store: FeatureStore, subject: Subject) -> bool:
    """Say whether a store was made elsewhere, for the subject's ids in order, or those of its training."""
    about: Mapping[str, Any] = store.manifest["provenance"]
    known = [ids_digest(stimuli) for stimuli in (subject.stimuli, subject.train_stimuli)]
    return about.get("source", FROM_DATASET) != FROM_DATASET and about.get("ids") in known


def _is_outdated(store: FeatureStore, subject: Subject, cache_dir: Path) -> bool:
    """Say whether a store is of a folder's images before these were converted as they are now.

    Such a store has no word of conversions, and neither has one of plain images, which is as good as new: the images
    tell, where they are still at hand.
    """
    about: Mapping[str, Any] = store.manifest["provenance"]
    if about.get("source") != "folder" or not about.get("stimuli") or CONVERTED in about:
        return False
    from algocli.dataset.images import open_images

    try:
        converted = open_images(subject, Path(about["stimuli"])).converted(cache_dir)
    except NoPixels:
        return True
    except DataError:
        return False
    return any(kind.decides_about_pixels for kind in converted)


def read_recipe(home: Place) -> dict[str, Any]:
    """Read what a recipe's folder stands for: model, layer, weights and identity.

    Raises
    ------
    DataError
        If its description is missing or damaged.
    """
    path = home / "recipe.json"
    recipe = read_sealed(path, kinds=_RECIPE, hint=_HOW_TO_MEND)
    # One of before does not say whose it is.
    if recipe.get("name", home.name) != home.name:
        raise DataError(f"{path} is damaged: it is that of other features", hint=_HOW_TO_MEND)
    return recipe


def check_name(cache_dir: Path, name: str, lenders: Sequence[Place] = ()) -> str:
    """Return the name of a recipe that exists, in a cache or in others that it may borrow from.

    Raises
    ------
    MissingStep
        If no features are cached under that name.
    DataError
        If there are, and nothing is left that describes them.
    """
    caches: tuple[Place, ...] = (cache_dir, *lenders)
    # A name is one folder's: anything with a slash in it would lead elsewhere, and so would the run named after it.
    is_name = Path(name).name == name
    if not is_name or not any((cache / "features" / name / "recipe.json").is_file() for cache in caches):
        for home in (cache / "features" / name for cache in caches if is_name):
            if any(home.glob("*/manifest.json")):
                read_recipe(home)
        have = sorted({path.parent.name for cache in caches for path in (cache / "features").glob("*/recipe.json")})
        there = f"{did_you_mean(name, have)}; there are: {', '.join(have)}" if have else ""
        hint = f"algocli extract (a matrix of your own: `algocli import-features FILE --name {quote(name)}`)"
        raise MissingStep(f"no features are named {name}{there}", hint=hint)
    return name


def store_folders(cache_dir: Path) -> list[Path]:
    """List the folder of every store of a cache folder, by recipe and subject."""
    return [path.parent for path in sorted((cache_dir / "features").glob("*/*/manifest.json"))]


def store_name(subject: Subject, content: str) -> str:
    """Return how the store of a subject's images of this digest is called."""
    return f"{check_subject_name(subject.name)}-{content[:8]}"
