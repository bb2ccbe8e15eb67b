"""Where stores lie in a cache folder, and how to find them again.

features/RECIPE/recipe.json             model, layer and what else makes the recipe
features/RECIPE/subj01-STIMULI/         the store of one subject, told apart by its images
                                        (or, for imported features, by its numbers)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from algocli.challenge.images import CHALLENGE, ids_digest
from algocli.challenge.subjects import Subject
from algocli.compute.files import read_json, write_json
from algocli.errors import DataError, MissingStep, UsageError
from algocli.features.keys import Recipe
from algocli.features.store import FeatureStore
from algocli.features.weights import PRETRAINED

# The source of features that another program made.
IMPORTED = "import"


def create_store(
    cache_dir: Path, how: Recipe, subject: Subject, content: str, n_features: int, provenance: Mapping[str, Any]
) -> FeatureStore:
    """Make or open the store of one subject's images under a recipe.

    Parameters
    ----------
    content
        The digest of the images, or of the numbers where these did not come from images that are at hand.
    provenance
        What is worth knowing; its `source` says where the images were read from (`Images.kind`), by default the
        challenge's own folder, and its `stimuli`, where that is elsewhere, names the place.
    """
    home = cache_dir / "features" / how.name
    try:
        read_recipe(home)
    # Missing or damaged: everything in it is known here.
    except DataError:
        write_json(home / "recipe.json", asdict(how))
    identity = {**how.identity, "stimuli": content}
    return FeatureStore.create(
        home / _store_name(subject, content),
        identity,
        (len(subject.stimuli), n_features),
        {"source": CHALLENGE, **provenance, "subject": subject.number, "ids": ids_digest(subject.stimuli)},
    )


def find_store(cache_dir: Path, name: str, subject: Subject, content: str) -> FeatureStore:
    """Open a subject's complete store of the recipe called `name`.

    One made from exactly these images comes first; else one that was made from images elsewhere, or imported,
    for the same NSD ids.

    Raises
    ------
    MissingStep
        If it does not exist, is not complete, or was made from other images.
    UsageError
        If several from elsewhere would do.
    """
    home = cache_dir / "features" / name
    recipe = read_recipe(home)
    what = f"features of {_describe(recipe)} for subject {subject.number}"
    if (home / _store_name(subject, content) / "manifest.json").is_file():
        store = FeatureStore(home / _store_name(subject, content))
    else:
        stores = [FeatureStore(path.parent) for path in sorted(home.glob(f"{subject.name}-*/manifest.json"))]
        elsewhere = [store for store in stores if _fits_by_id(store, subject)]
        if not elsewhere:
            reason = " were made from other images than the data folder holds now" if stores else " are missing"
            raise MissingStep(f"{what}{reason}", hint=_command(recipe, subject))
        if len(elsewhere) > 1:
            listed = "\n  ".join(f"{store.folder} ({store.manifest['provenance']['source']})" for store in elsewhere)
            raise UsageError(
                f"{len(elsewhere)} kinds of {what} were made from images elsewhere:\n  {listed}",
                hint="delete the folders that are not meant",
            )
        store = elsewhere[0]
    left = sum(map(len, store.pending()))
    if left:
        raise MissingStep(
            f"{what} are not complete: {left} of {store.n_stimuli} images are left",
            hint=_command(recipe, subject, store.manifest["provenance"]),
        )
    return store


def _fits_by_id(store: FeatureStore, subject: Subject) -> bool:
    """Say whether a store was made elsewhere, for the subject's NSD ids in the subject's order."""
    about: Mapping[str, Any] = store.manifest["provenance"]
    return about.get("source", CHALLENGE) != CHALLENGE and bool(about.get("ids") == ids_digest(subject.stimuli))


def find_recipe(cache_dir: Path, model: str, layer: str) -> str:
    """Return the name of the one recipe for a model's layer.

    Raises
    ------
    MissingStep
        If there is none.
    UsageError
        If there are several: other weights, another dtype or transform.
    """
    found = {
        home.name: recipe
        for home, recipe in _recipes(cache_dir)
        if (recipe["model"], recipe["layer"]) == (model, layer)
    }
    # What a failed attempt left, without a single image, is no choice beside features that are there.
    begun = {name: recipe for name, recipe in found.items() if _is_begun(cache_dir / "features" / name)}
    found = begun or found
    if not found:
        raise MissingStep(
            f"no features of {model} {layer} in {cache_dir}", hint=f"algocli extract --model {model} -l {layer}"
        )
    if len(found) > 1:
        names = "\n  ".join(f"{name}  ({' '.join(_options(recipe)) or PRETRAINED})" for name, recipe in found.items())
        raise UsageError(
            f"{len(found)} kinds of features of {model} {layer} are cached:\n  {names}",
            hint=f"choose one: --features {next(iter(found))}",
        )
    return next(iter(found))


def read_recipe(home: Path) -> dict[str, Any]:
    """Read what a recipe's folder stands for: model, layer, weights and identity.

    Raises
    ------
    DataError
        If its description is missing or damaged.
    """
    path = home / "recipe.json"
    recipe = read_json(path)
    identity = recipe.get("identity")
    if not isinstance(identity, dict) or not all(
        isinstance(word, str) for word in (recipe.get("model"), recipe.get("layer"), recipe.get("weights"))
    ):
        raise DataError(f"{path} is missing or damaged", hint="delete it and repeat algocli extract")
    return recipe


def _recipes(cache_dir: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the recipes of a cache folder; a damaged one is passed over, as extracting again mends it."""
    for path in sorted((cache_dir / "features").glob("*/recipe.json")):
        with suppress(DataError):
            yield path.parent, read_recipe(path.parent)


def _is_begun(home: Path) -> bool:
    return any(home.glob("*/done/*.json"))


def _describe(recipe: Mapping[str, Any]) -> str:
    return recipe["model"] if _is_imported(recipe) else f"{recipe['model']} {recipe['layer']}"


def _is_imported(recipe: Mapping[str, Any]) -> bool:
    return bool(recipe["identity"].get("source") == IMPORTED)


def _command(recipe: Mapping[str, Any], subject: Subject, provenance: Mapping[str, Any] | None = None) -> str:
    """Return the command that makes a subject's store of a recipe; what is the default is not said."""
    came_from = provenance or {}
    if _is_imported(recipe):
        file = quote(str(came_from.get("file", "FILE")))
        dataset = f" --dataset {quote(came_from['dataset'])}" if came_from.get("dataset") else ""
        return f"algocli import-features {file}{dataset} --name {recipe['model']} -s {subject.number}"
    words = ["algocli extract", f"--model {quote(recipe['model'])} -l {quote(recipe['layer'])}", *_options(recipe)]
    if came_from.get("stimuli"):
        words.append(f"--stimuli {quote(str(came_from['stimuli']))}")
    return " ".join([*words, f"-s {subject.number}"])


def _options(recipe: Mapping[str, Any]) -> list[str]:
    """Return the options of extract that make this recipe of its layer and no other; defaults are not said."""
    identity = recipe["identity"]
    words = [] if recipe["weights"] == PRETRAINED else [f"--weights {quote(recipe['weights'])}"]
    if not _is_tutorials(identity.get("transform")):
        words.append("--transform model")
    reduced = identity.get("post")
    if isinstance(reduced, dict):
        words += [f"--{name} {reduced[name]}" for name in ("pool", "project") if name in reduced]
        words += [f"--project-seed {reduced['seed']}"] if reduced.get("seed") else []
    usual = (("dtype", "float16"), ("numerics", "float32"))
    return words + [f"--{name} {identity[name]}" for name, value in usual if identity.get(name, value) != value]


def _is_tutorials(transform: object) -> bool:
    """Say whether this is the identity of the tutorial's transform; none at all is taken for it."""
    from algocli.features.preprocessing import TUTORIAL

    if not isinstance(transform, dict):
        return True
    fed = {name: value for name, value in transform.items() if name != "probe"}
    return fed == {
        "resize": [TUTORIAL.size, TUTORIAL.interpolation],
        "mean": list(TUTORIAL.mean),
        "std": list(TUTORIAL.std),
    }


def check_name(cache_dir: Path, name: str) -> str:
    """Return the name of a recipe that exists.

    Raises
    ------
    MissingStep
        If no features are cached under that name.
    """
    # A name is one folder's: anything with a slash in it would lead elsewhere, and so would the run named after it.
    if Path(name).name != name or not (cache_dir / "features" / name / "recipe.json").is_file():
        have = ", ".join(sorted(path.parent.name for path in (cache_dir / "features").glob("*/recipe.json")))
        raise MissingStep(
            f"no features are named {name}" + (f"; there are: {have}" if have else ""), hint="algocli extract"
        )
    return name


def store_folders(cache_dir: Path) -> list[Path]:
    """List the folder of every store of a cache folder, by recipe and subject."""
    return [path.parent for path in sorted((cache_dir / "features").glob("*/*/manifest.json"))]


def list_stores(cache_dir: Path) -> list[FeatureStore]:
    """Open every store of a cache folder, by recipe and subject."""
    return [FeatureStore(folder) for folder in store_folders(cache_dir)]


def _store_name(subject: Subject, content: str) -> str:
    return f"{subject.name}-{content[:8]}"
