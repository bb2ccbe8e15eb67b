"""Which command makes a recipe's features again: what was asked for, read back from what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any, cast

from algocli.dataset.naming import SubjectId
from algocli.errors import DataError
from algocli.features.networks.preprocessing import (
    TUTORIAL,
    Transform,
    describe_preparation,
    is_as_in_tutorial,
    is_tutorials,
)
from algocli.features.networks.tokens import ALL
from algocli.features.networks.weights import PRETRAINED
from algocli.features.store.keys import Dtype

if TYPE_CHECKING:
    from algocli.features.networks.network import TransformName
    from algocli.features.networks.numerics import Numerics

# The source of features that another program made.
IMPORTED = "import"
# Where the provenance of such a source says how they were made of what is said of images.
WORDS = "words"
# How they are made unless it is asked for.
_USUAL_WORDS = {"measure": "presence", "weights": PRETRAINED}


@dataclass(frozen=True)
class LayerRequest:
    """What `extract` was asked for: the part that makes a recipe of a model's layer."""

    weights: str = PRETRAINED
    transform: TransformName = "tutorial"
    image_size: int | None = None
    tokens: str = ALL
    pool: int | None = None
    project: int | None = None
    project_seed: int = 0
    dtype: Dtype = "float16"
    numerics: Numerics = "float32"


def request_of(recipe: Mapping[str, Any]) -> LayerRequest:
    """Read back from a recipe what `extract` was asked for."""
    identity = recipe["identity"]
    reduced = identity.get("post")
    # 'flatten' where nothing was reduced.
    reduction: dict[str, Any] = reduced if isinstance(reduced, dict) else {}
    size, used = identity.get("image_size"), transform_of(recipe)
    # What says nothing of its images is fed them as in the tutorial, in the size that it is built for.
    own = used.size if "asks_for" in recipe and recipe["asks_for"] is None else None
    return LayerRequest(
        recipe["weights"],
        "tutorial" if is_as_in_tutorial(used, size or own) else "model",
        size,
        reduction.get("tokens", ALL),
        reduction.get("pool"),
        reduction.get("project"),
        reduction.get("seed", 0),
        cast("Dtype", identity.get("dtype", "float16")),
        cast("Numerics", identity.get("numerics", "float32")),
    )


def options(recipe: Mapping[str, Any]) -> list[str]:
    """Return the options of `extract` that make this recipe of its layer and no other; defaults are not said."""
    wish = request_of(recipe)
    usual = LayerRequest(transform=_usual_transform(recipe, wish.transform))
    return [
        f"--{name.replace('_', '-')} {quote(str(getattr(wish, name)))}"
        for name in asdict(wish)
        if getattr(wish, name) != getattr(usual, name)
    ]


def command(recipe: Mapping[str, Any], subject: SubjectId, provenance: Mapping[str, Any] | None = None) -> str:
    """Return the command that makes a subject's store of a recipe; what is the default is not said.

    Parameters
    ----------
    provenance
        That of the store, where there is one: it says what the features were made from.
    """
    came_from = provenance or {}
    if is_imported(recipe):
        words = _import_options(recipe, came_from)
    else:
        words = ["algocli extract", f"--model {quote(recipe['model'])} -l {quote(recipe['layer'])}", *options(recipe)]
        if came_from.get("stimuli"):
            words.append(f"--stimuli {quote(str(came_from['stimuli']))}")
    return " ".join([*words, f"-s {subject}"])


def command_by_manifest(manifest: Mapping[str, Any], subject: SubjectId) -> str:
    """Return the command that makes a store, by its own manifest, where what describes the recipe is damaged.

    Which weights they were, and which network of one's own, only whoever made it knows.

    Raises
    ------
    KeyError
        If the manifest does not tell.
    """
    identity = {name: value for name, value in manifest["identity"].items() if name != "stimuli"}
    if identity.get("source") == IMPORTED:
        return command({"model": identity["name"], "identity": identity}, subject, manifest["provenance"])
    model = str(identity.get("architecture", "MODEL")).removeprefix("torchvision/")
    recipe = {"model": model, "layer": identity["layer"], "weights": "WEIGHTS", "identity": identity}
    return f"{command(recipe, subject, manifest['provenance'])} (what is in capitals is to be filled in)"


def describe(recipe: Mapping[str, Any]) -> str:
    """Name a recipe's model and layer; of imported features, the name that they were given."""
    return str(recipe["model"]) if is_imported(recipe) else f"{recipe['model']} {recipe['layer']}"


def preparation(recipe: Mapping[str, Any]) -> str | None:
    """Say how images were prepared where that is not what the weights ask for, or nobody knows what they ask for.

    Of features that were imported, or made before this was recorded, nothing is said.
    """
    if is_imported(recipe) or "asks_for" not in recipe or "transform" not in recipe["identity"]:
        return None
    return describe_preparation(recipe["model"], transform_of(recipe), transform_asked_for(recipe))


def transform_of(recipe: Mapping[str, Any]) -> Transform:
    """Return the transform that images went through; the tutorial's where a recipe names none.

    Raises
    ------
    DataError
        If what it tells of it is damaged.
    """
    recorded = recipe["identity"].get("transform")
    return _read_transform(recipe, recorded) if isinstance(recorded, dict) else TUTORIAL


def transform_asked_for(recipe: Mapping[str, Any]) -> Transform | None:
    """Return the transform that a recipe's weights ask for; None where nobody knows, or it was not recorded.

    Raises
    ------
    DataError
        If what it tells of it is damaged.
    """
    asks_for = recipe.get("asks_for")
    return None if asks_for is None else _read_transform(recipe, asks_for)


def is_as_asked(recipe: Mapping[str, Any], wish: Transform) -> bool:
    """Say whether images were prepared in some way, but for a size that was asked for."""
    used = transform_of(recipe)
    return used.is_like(wish) if "image_size" in recipe["identity"] else used.constants == wish.constants


def runs_code(recipe: Mapping[str, Any]) -> bool:
    """Say whether building a recipe's network runs code that its name leads to: of a repository, a module, a folder."""
    return recipe["model"].startswith(("torchhub:", "python:")) or "code" in recipe["identity"]


def is_imported(recipe: Mapping[str, Any]) -> bool:
    """Say whether another program made these features."""
    return bool(recipe["identity"].get("source") == IMPORTED)


def import_dtype(dtype: str) -> Dtype:
    """Return the precision in which an array of some dtype is kept unless the user chooses."""
    return "float16" if dtype == "float16" else "float32"


def _import_options(recipe: Mapping[str, Any], came_from: Mapping[str, Any]) -> list[str]:
    made = came_from.get(WORDS)
    if made:
        words = [" ".join(["algocli import-words", *(quote(str(file)) for file in made.get("files", ["FILE"]))])]
        given = {"--coco": made.get("coco"), "--name": recipe["model"], "--encoder": made.get("encoder")}
        given |= {f"--{word}": made.get(word) for word, usual in _USUAL_WORDS.items() if made.get(word) != usual}
    else:
        words = [f"algocli import-features {quote(str(came_from.get('file', 'FILE')))}"]
        given = {"--dataset": came_from.get("dataset"), "--name": recipe["model"]}
        given |= {"--ids": came_from.get("ids_file"), "--ids-from": came_from.get("ids_from")}
        given |= {"--names": came_from.get("names_file"), "--key": came_from.get("row_key")}
    words += [f"{option} {quote(str(value))}" for option, value in given.items() if value]
    kept = recipe["identity"].get("dtype", "float32")
    if kept != import_dtype(str(came_from.get("file_dtype", ""))):
        words.append(f"--dtype {kept}")
    return words


def _usual_transform(recipe: Mapping[str, Any], used: TransformName) -> TransformName:
    """Return the transform that a recipe's network has where none is asked for."""
    if is_tutorials(recipe["model"]):
        return "tutorial"
    if "asks_for" not in recipe:
        # Only networks of one's own may state nothing. What these get is not to be known from here, so it is named.
        return "auto" if runs_code(recipe) else "model"
    asked_for = transform_asked_for(recipe)
    if asked_for is None:
        return "tutorial"
    return used if is_as_asked(recipe, asked_for) else "model"


def _read_transform(recipe: Mapping[str, Any], constants: Mapping[str, Any]) -> Transform:
    try:
        return Transform.from_constants(constants)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"what the recipe of {recipe['model']} {recipe['layer']} says of its images is damaged",
            hint="algocli cache verify (names the command that makes it again)",
        ) from error
