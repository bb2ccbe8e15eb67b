"""The Hugging Face Hub: what its client has fetched before, and what has yet to be fetched."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from algocli.errors import AlgocliError, DataError, UsageError
from algocli.features.networks.folders import has_weights, read_settings
from algocli.features.networks.network import fetch_elsewhere, file_or_fetched, impatient, out_of_reach
from algocli.features.networks.readiness import unreachable

CONFIG = "config.json"
PROCESSOR = "preprocessor_config.json"
# Where sentence-transformers says how the vectors of tokens become one.
POOLING = "1_Pooling/config.json"
# What of a repository's own files says nothing of a network of images, and all of one of texts.
_WORDS = ("tokenizer", "vocab", "merges", "special_tokens", "added_tokens", "generation")


@contextmanager
def silenced() -> Iterator[None]:
    """Keep the hub's client to what it has fetched before."""
    constants: Any = importlib.import_module("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def reaching() -> Iterator[str | None]:
    """Keep the hub's client to what it has fetched before where the hub does not answer: it would ask a dozen times.

    Yields
    ------
    Why the hub is not asked, None where it is.
    """
    constants: Any = importlib.import_module("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE
    silent = "HF_HUB_OFFLINE is set" if before else unreachable([constants.ENDPOINT])[constants.ENDPOINT]
    # Whom to trust over HTTPS the client decides by itself.
    if silent is not None and "certificate" in silent:
        silent = None
    with nullcontext() if silent is None else silenced():
        yield silent if silent is None or before else f"{constants.ENDPOINT} is out of reach ({silent})"


def snapshot(model: str, name: str, *, weights: bool, code: bool, words: bool = False) -> Path:
    """Return the folder that holds a repository of the hub's, fetched before or now.

    Parameters
    ----------
    model
        The network, as a user names it.
    name
        Of the repository: OWNER/NAME.
    weights, code
        Whether its weights, and its own Python files, are needed beside its settings.
    words
        Whether what makes tokens of a text is needed, too.

    Raises
    ------
    UsageError
        If there can be no repository of that name.
    DataError
        If it is not here and cannot be fetched.
    """
    hub, errors = importlib.import_module("huggingface_hub"), importlib.import_module("huggingface_hub.errors")
    try:
        folder = Path(hub.snapshot_download(name, local_files_only=True))
        if _is_enough(folder, weights=weights, code=code) and (not words or _has_words(folder)):
            return folder
    except errors.HFValidationError as error:
        raise UsageError(f"'{name}' is no name on the hub", hint="hf:OWNER/NAME, or hf:./FOLDER") from error
    except errors.LocalEntryNotFoundError:
        pass
    with reaching() as silent:
        if silent is not None:
            raise out_of_reach(model, OSError(silent), fetch_elsewhere(model))
        try:
            with impatient():
                files = hub.list_repo_files(name)
                wanted = _wanted(name, files, weights=weights, code=code)
                # Where nothing says how images are prepared, it is a network of texts.
                of_text = words or PROCESSOR not in files
                wanted += [file for file in files if of_text and _is_of_words(file)]
                return Path(hub.snapshot_download(name, allow_patterns=wanted))
        except AlgocliError:
            raise
        except errors.GatedRepoError as error:
            raise DataError(
                f"{model} is given only to those who have asked for it",
                hint=f"accept its terms at https://huggingface.co/{name}, and log in: hf auth login",
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise DataError(f"the hub has no {name}, or not for everyone", hint="is it OWNER/NAME?") from error
        # Its client has errors of its own, of several libraries.
        except Exception as error:
            raise out_of_reach(model, error, fetch_elsewhere(model)) from error


def fetch_file(model: str, repository: str, names: Sequence[str]) -> Path:
    """Return the first of some files that a repository has: one that was fetched before, or else fetched now.

    Raises
    ------
    DataError
        If it cannot be had.
    """
    hub, errors = importlib.import_module("huggingface_hub"), importlib.import_module("huggingface_hub.errors")
    owner_and_name, _, revision = repository.partition("@")
    for name in names:
        kept = hub.try_to_load_from_cache(owner_and_name, name, revision=revision or None)
        # Of a file that is known not to be there it says so in another way.
        if isinstance(kept, str):
            return Path(kept)
    why: BaseException = FileNotFoundError(f"{repository} has no {' or '.join(names)}")
    with reaching() as silent:
        for name in names:
            try:
                with impatient():
                    return Path(hub.hf_hub_download(owner_and_name, name, revision=revision or None))
            except errors.LocalEntryNotFoundError as error:
                why = OSError(silent) if silent else error
            except errors.EntryNotFoundError:
                continue
            except Exception as error:
                why = error
                break
    raise out_of_reach(f"the pretrained weights of {model}", why, file_or_fetched(model)) from why


def _is_enough(folder: Path, *, weights: bool, code: bool) -> bool:
    if not (folder / CONFIG).is_file() or (weights and not has_weights(folder)):
        return False
    return not code or "auto_map" not in read_settings(folder / CONFIG) or any(folder.glob("*.py"))


def _has_words(folder: Path) -> bool:
    return any(_is_of_words(path.name) for path in folder.iterdir())


def _is_of_words(file: str) -> bool:
    """Say whether a file tells how a text becomes tokens, or how the vectors of tokens become one."""
    name = file.rpartition("/")[2]
    return file == POOLING or (file == name and name.startswith((*_WORDS, "sentencepiece", "spiece")))


def _wanted(name: str, files: Sequence[str], *, weights: bool, code: bool) -> list[str]:
    """Return the files of a repository that a network is built of: of weights in several formats, one."""
    at_top = [file for file in files if "/" not in file]
    wanted = [
        file for file in at_top if file.endswith(".json") and not file.startswith(_WORDS) and ".index." not in file
    ]
    wanted += [file for file in at_top if code and file.endswith(".py")]
    if not weights:
        return wanted
    for beginning, end in (("model", ".safetensors"), ("pytorch_model", ".bin")):
        index = f"{beginning}{end}.index.json"
        whole = [file for file in at_top if file == f"{beginning}{end}"]
        parts = [file for file in at_top if file.startswith(f"{beginning}-") and file.endswith(end)]
        if whole or index in at_top:
            return [*wanted, *(whole or [index, *parts])]
    raise DataError(f"{name} has no weights for torch on the hub: it holds {', '.join(at_top[:6])}")
