"""Networks of transformers: of a repository of the Hugging Face Hub, of a folder, or of a kind that it knows.

A folder or a repository is its settings, its weights and how its images are prepared; nothing in it is run, be it a
pickle or code, unless that was allowed.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from algocli.compute.choices import did_you_mean
from algocli.errors import AlgocliError, DataError, UsageError, install_hint
from algocli.features.networks.checkpoints import read_state, split_part
from algocli.features.networks.folders import has_weights, read_settings
from algocli.features.networks.hidden import hidden_state, read_tokens, resize
from algocli.features.networks.hub import CONFIG, PROCESSOR, snapshot
from algocli.features.networks.network import (
    Network,
    NetworkRequest,
    Offer,
    choose_transform,
    fetch_elsewhere,
    no_entry,
    refused,
)
from algocli.features.networks.preprocessing import Transform
from algocli.features.networks.released import load_released
from algocli.features.networks.stated import of_processor
from algocli.features.networks.weights import PRETRAINED

__all__ = [
    "PREFIX",
    "READS_FILES",
    "arguments",
    "build",
    "fetch",
    "imported",
    "offered",
    "quiet",
    "read_tokens",
    "resize",
]

PREFIX = "hf:"
# Names of tensors are those of the library's release: it brings older ones to them itself.
READS_FILES = True
# What of a configuration says nothing of what is computed.
_PASSED_OVER = {
    *("architectures", "auto_map", "dtype", "torch_dtype", "transformers_version", "initializer_range"),
    *("id2label", "label2id", "num_labels", "problem_type", "out_features", "out_indices", "stage_names"),
}


def build(request: NetworkRequest) -> Network:
    """Build a network of transformers, its weights loaded.

    Raises
    ------
    UsageError
        If transformers is not installed, has no such network, or that brings code of its own that was not allowed.
    DataError
        If its folder is damaged, or cannot be had.
    """
    model = f"{PREFIX}{request.name}"
    if request.entry not in (None, PRETRAINED):
        raise no_entry(model, str(request.entry), [])
    place = _place(model, request)
    is_custom = place is not None and _brings_code(model, place, trusted=request.trust_remote_code)
    transformers = imported()
    with quiet(transformers):
        try:
            config = _config(transformers, model, request.name, place, is_custom=is_custom)
            kind = _kind(transformers, model, config, is_custom=is_custom)
            stated = None if place is None else _stated(transformers, place)
            module, said = _module(transformers, kind, config, model, request, place, is_custom=is_custom)
        except AlgocliError:
            raise
        # Settings that do not agree with one another, and code that was allowed, end in errors of any kind.
        except Exception as error:
            raise refused(model, error) from error
    transform = choose_transform(model, request.transform, stated)
    if stated is None and isinstance(getattr(config, "image_size", None), int):
        transform = transform.at(config.image_size)
    told = place is not None and place != Path(request.name).expanduser() and request.is_file
    remarks = [f"{model}: a {type(module).__name__}, as {place} has it"] if told else []
    return Network(
        model,
        module,
        f"hf:{type(module).__name__}",
        transform,
        stated,
        arguments(config),
        is_custom=is_custom,
        hidden=hidden_state,
        remarks=(*remarks, *said),
    )


def offered() -> Iterator[Offer]:
    """Yield the kinds of networks that can be built with drawn weights; those on the hub nobody lists."""
    names = importlib.import_module("transformers.models.auto.modeling_auto")
    for kind in sorted({*names.MODEL_FOR_IMAGE_MAPPING_NAMES, "clip_vision_model"}):
        yield Offer(f"{PREFIX}{kind}", None, None, ())


def fetch(request: NetworkRequest) -> list[Path]:
    """Return the files that a network is built of, fetched if they were not before.

    Raises
    ------
    UsageError, DataError
        As `build`.
    """
    place = _place(f"{PREFIX}{request.name}", request)
    if place is None:
        raise _no_weights(request.name)
    return sorted(path for path in place.iterdir() if path.is_file())


def _place(model: str, request: NetworkRequest) -> Path | None:
    """Return the folder of a network's settings; None where it is a kind that the library knows by itself."""
    weights = split_part(Path(request.weights))[0]
    if request.is_file and (weights / CONFIG).is_file():
        return weights
    folder = Path(request.name).expanduser()
    if folder.is_dir():
        if not (folder / CONFIG).is_file():
            raise DataError(f"{folder} holds no {CONFIG}", hint="a folder as save_pretrained writes it was expected")
        return folder
    if request.name.startswith(("/", ".", "~")):
        raise DataError(f"there is no folder {folder}", hint="hf:./FOLDER, or hf:OWNER/NAME of the hub")
    if "/" not in request.name:
        if request.entry:
            raise _no_weights(request.name)
        return None
    return snapshot(model, request.name, weights=request.entry is not None, code=request.trust_remote_code)


def _no_weights(name: str) -> UsageError:
    return UsageError(
        f"hf:{name} is a kind of network, of which there are many weights",
        hint="name them: hf:OWNER/NAME of the hub, hf:./FOLDER, or weights=DIR; or weights='random'",
    )


def _brings_code(model: str, place: Path, *, trusted: bool) -> bool:
    """Say whether a folder has code of its own.

    Raises
    ------
    UsageError
        If it has, and running that was not allowed.
    """
    files = [place / name for name in (CONFIG, PROCESSOR) if (place / name).is_file()]
    saying = [path for path in files if "auto_map" in read_settings(path)]
    if saying and not trusted:
        raise UsageError(
            f"{model} runs code of its own on this machine: auto_map in {saying[0]} names it",
            hint="if you trust it, say so with trust_remote_code=True",
        )
    return bool(saying)


def _config(transformers: Any, model: str, name: str, place: Path | None, *, is_custom: bool) -> Any:
    """Return the settings of the part of a network that takes images."""
    known = transformers.CONFIG_MAPPING
    kind = name if place is None else read_settings(place / CONFIG).get("model_type")
    if kind not in known and not is_custom:
        raise UsageError(
            f"{model}: transformers {transformers.__version__} knows no '{kind}'{did_you_mean(str(kind), list(known))}",
            hint="hf:OWNER/NAME of the hub, hf:./FOLDER, or a kind such as hf:dinov2 with weights='random'",
        )
    if place is None:
        config = known[kind]()
    else:
        config = transformers.AutoConfig.from_pretrained(place, trust_remote_code=is_custom, local_files_only=True)
    return config if is_custom else getattr(config, "vision_config", None) or config


def _kind(transformers: Any, model: str, config: Any, *, is_custom: bool) -> Any:
    """Return the class of a network of images.

    Raises
    ------
    UsageError
        If there is none, or it takes something else.
    """
    if is_custom:
        return None
    kind = transformers.MODEL_MAPPING.get(type(config), None)
    kind = kind[0] if isinstance(kind, tuple) else kind
    if kind is None or kind.main_input_name != "pixel_values":
        raise UsageError(f"{model} is no network of images: its settings are a {type(config).__name__}")
    _, _, *others = inspect.signature(kind.forward).parameters.values()
    needed = [one.name for one in others if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    if needed:
        raise UsageError(
            f"{model} takes more than an image: {' and '.join(needed)}", hint="algocli models lists others"
        )
    return kind


def _module(
    transformers: Any,
    kind: Any,
    config: Any,
    model: str,
    request: NetworkRequest,
    place: Path | None,
    *,
    is_custom: bool,
) -> tuple[Any, list[str]]:
    """Return a network with its weights, drawn or read, and what is worth saying of these."""
    import torch

    if request.is_drawn or is_custom:
        drawn = transformers.AutoModel.from_config(config, trust_remote_code=is_custom, dtype=torch.float32)
        if request.is_drawn:
            return drawn, []
        kind = type(drawn)
    source = Path(request.weights) if request.is_file else place
    assert source is not None
    if not request.is_file and not has_weights(source):
        raise DataError(f"{source} holds no weights", hint=fetch_elsewhere(model))
    said: list[str] = []
    return load_released(kind, config, read_state(source), str(source), said.append), said


def _stated(transformers: Any, place: Path) -> Transform | None:
    """Return how images are prepared as a folder says it; None where it does not, or in another way than ours."""
    if not (place / PROCESSOR).is_file():
        return None
    settings = read_settings(place / PROCESSOR)
    if "auto_map" in settings:
        return None
    try:
        # What it leaves out is as its class has it.
        processor = transformers.AutoImageProcessor.from_pretrained(
            place, trust_remote_code=False, local_files_only=True
        )
    except (ImportError, OSError, TypeError, ValueError):
        return None
    return of_processor(processor.to_dict())


def arguments(config: Any) -> dict[str, Any]:
    """Return what of a configuration tells what is computed, as far as it is not as usual."""
    settings = config.to_diff_dict()
    return {name: value for name, value in settings.items() if name not in _PASSED_OVER and name[0] != "_"}


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Keep the library from reports and bars: what is to be told of weights is told here."""
    log = transformers.utils.logging
    level, has_bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if has_bars:
            log.enable_progress_bar()


def imported() -> Any:
    """Import transformers, which is an extra, and takes seconds."""
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        hint = install_hint("hf")
        raise UsageError("hf: models need transformers, which is not installed", hint=hint) from error
