"""Which command trains a run again: what was decided, read back from its settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote

from algocli.dataset.naming import SubjectId
from algocli.encoding.names import says_settings
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.runs.manifest import data_of, told_settings

# Fields whose option is the same word with dashes; the others have words of their own below.
_NAMED = {"regression": "regression", "alpha_by": "alpha-by", "join": "join", "n_iter": "n-iter"}
_NAMED |= {"search_seed": "search-seed", "seed": "seed", "shared": "shared", "image_width": "image-width"}
_NAMED |= {"field_layers": "field-layers"}
_SWITCHES = {("refit", False): "--no-refit", ("scaled", False): "--no-scale", ("standardised", True): "--standardise"}
_SWITCHES |= {("field_per_layer", True): "--field-per-layer"}


def command(name: str, settings: Settings, subjects: Iterable[SubjectId]) -> str:
    """Return the command that trains some subjects of a run; what is the default is not said.

    Features go by their names, as `extract` gives them to whatever has the same content.
    """
    words = [*(f"--features {quote(name)}" for name in settings.features), *_options(settings)]
    if not says_settings(name, settings.default_name):
        words.append(f"--run {quote(name)}")
    return " ".join(["algocli train", *words, f"-s {','.join(map(str, subjects))}"])


def on_its_data(folder: Path, settings: Settings, subjects: Iterable[SubjectId]) -> str:
    """Return the command that trains some subjects of the run in a folder, on the data that it says it is of."""
    data = data_of(folder)
    words = command(folder.name, settings, subjects)
    return words if data is None or not Path(data).is_dir() else f"{words} --data-dir {quote(data)}"


def again(folder: Path, subjects: Iterable[SubjectId]) -> str:
    """Return what trains some subjects of the run in a folder once more, with the settings that are left to be read."""
    for settings in told_settings(folder):
        return f"{on_its_data(folder, settings, subjects)} --force"
    return f"rm -r {quote(str(folder))}, then train again: nothing tells with which settings"


def _options(settings: Settings) -> Iterator[str]:
    usual = Settings(features=settings.features)
    if settings.n_components != usual.n_components and regression_of(settings).takes_components(settings):
        yield f"--pca {'full' if settings.n_components is None else settings.n_components}"
    for field, option in _NAMED.items():
        value = getattr(settings, field)
        if value != getattr(usual, field):
            yield f"--{option} {value}"
    if settings.windows != usual.windows:
        # Of windows of a user's own the run has no more than where they lie.
        yield f"--fields {settings.windows if isinstance(settings.windows, str) else 'FILE'}"
    if settings.alphas != usual.alphas:
        yield "--alphas {!r}:{!r}:{}".format(*settings.alphas)
    for (field, value), switch in _SWITCHES.items():
        if getattr(settings, field) == value:
            yield switch
    if settings.folds is not None:
        yield f"--folds {settings.folds}"
    elif settings.holdout not in (None, usual.holdout):
        yield f"--holdout {settings.holdout!r}"
