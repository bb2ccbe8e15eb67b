"""What the library says of fields and arguments, in the words of the command line: its `seed=-1` is --seed -1 here.

A field without a value, as in `html=...`, is the option alone. Commands stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from algocli.errors import AlgocliError

# Which field of the settings each option is.
FIELDS = {
    "pca": "n_components",
    "regression": "regression",
    "alpha_by": "alpha_by",
    "alphas": "alphas",
    "join": "join",
    "scale": "scaled",
    "standardise": "standardised",
    "n_iter": "n_iter",
    "search_seed": "search_seed",
    "fields": "windows",
    "image_width": "image_width",
    "field_layers": "field_layers",
    "field_per_layer": "field_per_layer",
    "holdout": "holdout",
    "folds": "folds",
    "seed": "seed",
    "refit": "refit",
    "shared": "shared",
}
# Arguments whose option is another word; those below it have the same, with dashes.
_RENAMED = {
    "name": "run",
    "runs": "run",
    "subjects": "subject",
    "rois": "roi",
    "layers": "layer",
    "file": "from",
    "plot": "output",
    "labels": "label",
    "n_permutations": "permutations",
    "n_resamples": "resamples",
    "file_format": "format",
    "ids_file": "ids",
    "names_file": "names",
    "to_layers": "to-layer",
}
_SAME = (
    *(
        "against",
        "average",
        "each",
        "batch_size",
        "cache_dir",
        "cluster",
        "cmap",
        "coco",
        "correct",
        "csv",
        "data_dir",
        "dataset",
        "deep",
    ),
    *(
        "device",
        "dtype",
        "encoder",
        "features",
        "features_dir",
        "features_from",
        "force",
        "group",
        "html",
        "ids_from",
        "image_size",
        "intervals",
        "key",
        "layer",
        "mantissa_bits",
        "measure",
        "model",
    ),
    *(
        "min_ceiling",
        "min_r",
        "nested",
        "nsd",
        "nsd_id",
        "numerics",
        "outline",
        "partial",
        "pool",
        "preset",
        "prf",
        "project",
        "project_seed",
        "repeats",
        "resample_seed",
        "sizes",
    ),
    *("resample_seed", "run", "significance", "significant"),
    *("distance", "hemisphere", "measure", "rdm", "to_features", "to_model"),
    *("stim_info", "stimuli", "stimulus", "surface", "title", "to", "tokens", "transform", "trust_remote_code"),
    *("unit", "vmax", "vmin"),
    *("weighted", "weights"),
)
_OPTIONS = {field: option.replace("_", "-") for option, field in FIELDS.items()}
_OPTIONS |= {field: field.replace("_", "-") for field in _SAME} | _RENAMED
# What one command calls otherwise than all others do.
_OF_COMMAND: Mapping[str, Mapping[str, str]] = {"import-features": {"name": "name"}, "import-words": {"name": "name"}}
_VALUE = r"'[^']*'|\([^)]*\)|\[[^]]*\]|\.\.\.|[\w.+-]*[\w]"
# As a hint has it: a line of its own, which a remark may follow, or within a sentence in backticks.
_WORDS = r"""algocli (?:'[^']*'|"[^"]*"|[^%s'"\n])*"""
COMMAND = re.compile(rf"^ *{_WORDS % ';('}|(?<=`){_WORDS % '`'}", re.MULTILINE)
_SAID = re.compile(rf"(?<![\w.'\"/=-])({'|'.join(_OPTIONS)})=({_VALUE})")


@contextmanager
def told_in_options(command: Callable[[], str | None] = lambda: None) -> Iterator[None]:
    """Tell an error within a `with` block in the words of a command, whose name is asked for once there is one."""
    try:
        yield
    except AlgocliError as error:
        hint = None if error.hint is None else in_options(error.hint, command())
        raise type(error)(in_options(error.message, command()), hint=hint) from error


def in_options(text: str, command: str | None = None) -> str:
    """Write fields and their values, as in "regression='ridge'", as options of a command."""
    of_command = _OF_COMMAND.get(command or "", {})

    def told(said: str) -> str:
        return _SAID.sub(lambda match: _option(match[1], of_command.get(match[1], _OPTIONS[match[1]]), match[2]), said)

    # A command is in these words already, and may name a run that is called like a field.
    kept, parts = COMMAND.findall(text), COMMAND.split(text)
    return told(parts[0]) + "".join(command + told(part) for command, part in zip(kept, parts[1:], strict=True))


def _option(field: str, option: str, value: str) -> str:
    if field == "subjects":
        return f"-s {value}"
    if value == "...":
        return f"--{option}"
    if value in ("True", "False"):
        return f"--{option}" if value == "True" else f"--no-{option}"
    if value == "None":
        return f"--{option} full" if field == "n_components" else f"no --{option}"
    if field == "cluster" and value.startswith("'sbatch"):
        # As it was typed.
        return f"--{option} {value.strip(chr(39)).replace('sbatch', 'slurm', 1)} --print"
    if value.startswith("["):
        return " ".join(f"--{option} {word.strip().strip(chr(39))}" for word in value.strip("[]").split(","))
    if value.startswith("("):
        return f"--{option} " + re.sub(r",\s*", ":" if field == "alphas" else ",", value.strip("()"))
    return f"--{option} {value.strip(chr(39)) or value}"
