"""Where stores lie in a cache folder, and how to find them again.

features/RECIPE/recipe.json             model, layer and what else makes the recipe
features/RECIPE/subj01-STIMULI/         the store of one subject, told apart by its images
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from algocli.challenge.subjects import Subject
from algocli.compute.files import read_json, write_json
from algocli.errors import MissingStep, UsageError
from algocli.features.keys import Recipe
from algocli.features.store import FeatureStore
from algocli.features.weights import PRETRAINED


def create_store(
    cache_dir: Path, how: Recipe, subject: Subject, content: str, n_features: int, provenance: Mapping[str, Any]
) -> FeatureStore:
    """Make or open the store of one subject's images under a recipe; `content` is the digest of the images."""
    home = cache_dir / "features" / how.name
    if not (home / "recipe.json").is_file():
        write_json(home / "recipe.json", asdict(how))
    identity = {**how.identity, "stimuli": content}
    return FeatureStore.create(
        home / _store_name(subject, content),
        identity,
        (len(subject.stimuli), n_features),
        {**provenance, "subject": subject.number},
    )


def find_store(cache_dir: Path, name: str, subject: Subject, content: str) -> FeatureStore:
    """Open a subject's complete store of the recipe called `name`.

    Raises
    ------
    MissingStep
        If it does not exist, is not complete, or was made from other images.
    """
    recipe = read_json(cache_dir / "features" / name / "recipe.json")
    remedy = f"{_command(recipe)} -s {subject.number}"
    folder = cache_dir / "features" / name / _store_name(subject, content)
    what = f"features of {recipe['model']} {recipe['layer']} for subject {subject.number}"
    if not (folder / "manifest.json").is_file():
        others = list((cache_dir / "features" / name).glob(f"{subject.name}-*/manifest.json"))
        reason = " were made from other images than the data folder holds now" if others else " are missing"
        raise MissingStep(f"{what}{reason}", hint=remedy)
    store = FeatureStore(folder)
    left = sum(map(len, store.pending()))
    if left:
        raise MissingStep(f"{what} are not complete: {left} of {store.n_stimuli} images are left", hint=remedy)
    return store


def find_recipe(cache_dir: Path, model: str, layer: str) -> str:
    """Return the name of the one recipe for a model's layer.

    Raises
    ------
    MissingStep
        If there is none.
    UsageError
        If there are several: other weights, another dtype or transform.
    """
    home = cache_dir / "features"
    found = []
    for path in sorted(home.glob("*/recipe.json")):
        recipe = read_json(path)
        if recipe["model"] == model and recipe["layer"] == layer:
            found.append(path.parent.name)
    if not found:
        raise MissingStep(
            f"no features of {model} {layer} in {cache_dir}", hint=f"algocli extract --model {model} -l {layer}"
        )
    if len(found) > 1:
        names = "\n  ".join(found)
        raise UsageError(
            f"{len(found)} kinds of features of {model} {layer} are cached:\n  {names}",
            hint=f"choose one: --features {found[-1]}",
        )
    return found[0]


def _command(recipe: Mapping[str, Any]) -> str:
    """Return the command that makes stores of a recipe; what is the default is not said."""
    words = ["algocli extract", f"--model {recipe['model']} -l {recipe['layer']}"]
    if recipe["weights"] != PRETRAINED:
        words.append(f"--weights {recipe['weights']}")
    if recipe["identity"]["dtype"] != "float16":
        words.append(f"--dtype {recipe['identity']['dtype']}")
    return " ".join(words)


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


def list_stores(cache_dir: Path) -> list[FeatureStore]:
    """List every store of a cache folder, by recipe and subject."""
    return [FeatureStore(path.parent) for path in sorted((cache_dir / "features").glob("*/*/manifest.json"))]


def _store_name(subject: Subject, content: str) -> str:
    return f"{subject.name}-{content[:8]}"
