"""Weights fetched where there is a network, for machines that have none, from Python."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from algocli.compute.calls import forgiving
from algocli.compute.choices import check_flag, check_path, check_word, check_words
from algocli.compute.files import publish
from algocli.compute.track import Note, unheard


@dataclass(frozen=True)
class FetchedWeights:
    """The files of a network's weights, and how they come to another machine.

    Attributes
    ----------
    files
        Where its library keeps them.
    n_bytes
        Of all of them.
    variable, home
        The environment variable that names the folder which its library looks in, and that folder: copied whole, it is
        taken wherever the variable names it. None where a library has no such variable.
    folder
        Into which they were copied, if that was asked for: `weights=FOLDER` takes it.
    """

    model: str
    files: tuple[Path, ...]
    n_bytes: int
    variable: str | None
    home: Path | None
    folder: Path | None


@forgiving
def fetch_weights(
    models: Iterable[str] | str,
    *,
    weights: str = "pretrained",
    to: str | Path | None = None,
    trust_remote_code: bool = False,
    note: Note = unheard,
) -> list[FetchedWeights]:
    """Fetch the weights of networks to where their libraries keep them, as `extract` would, and say where that is.

    Parameters
    ----------
    models
        As `extract` takes them; of torchvision, timm, 'hf:' and 'open_clip:'.
    weights
        'pretrained', or the name of one of several.
    to
        A folder to copy them to as well; of several networks each has a folder of its own there.
    trust_remote_code
        Also fetch the code that a repository of 'hf:' brings; nothing of it is run.
    note
        How to say something by the way.

    Returns
    -------
    One for each network.

    Raises
    ------
    UsageError
        If there is no such network, or no such weights of it.
    DataError
        If they cannot be fetched.
    StorageError
        If they cannot be written.

    Examples
    --------
    >>> algocli.fetch_weights("no-such-network")
    Traceback (most recent call last):
    algocli.errors.UsageError: torchvision has no classifier 'no-such-network'
    """
    names = list(dict.fromkeys(check_words("models", models)))
    chosen, trust = check_word("weights", weights), check_flag("trust_remote_code", trust_remote_code)
    target = None if to is None else check_path("to", to)
    from algocli.features.networks.building import fetch_network

    fetched = []
    for model in names:
        files = fetch_network(model, chosen, trust_remote_code=trust)
        folder = target if target is None or len(names) == 1 else target / re.sub(r"[^A-Za-z0-9._-]+", "-", model)
        if folder is not None:
            note(f"{model}: copied to {folder}")
            _copy(files, folder)
        n_bytes = sum(path.stat().st_size for path in files)
        fetched.append(FetchedWeights(model, tuple(files), n_bytes, *_home_of(files[0]), folder))
    return fetched


def _copy(files: Iterable[Path], folder: Path) -> None:
    """Copy files, whole or not at all; what the hub's client keeps are links to them."""
    for path in files:
        with path.open("rb") as source:
            publish(folder / path.name, lambda stream, source=source: shutil.copyfileobj(source, stream))  # type: ignore[misc]


def _home_of(file: Path) -> tuple[str | None, Path | None]:
    """Return the variable that says where a library keeps a file, and what it says, or would say."""
    for folder in file.parents:
        if folder.name.startswith("models--"):
            hub = folder.parent
            return ("HF_HOME", hub.parent) if hub.name == "hub" else ("HF_HUB_CACHE", hub)
        if folder.name == "checkpoints" and folder.parent.name == "hub":
            return "TORCH_HOME", folder.parent.parent
    return None, None
