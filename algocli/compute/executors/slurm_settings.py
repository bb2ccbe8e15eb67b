"""What SLURM is asked for, from a TOML file: parameters by the names that submitit gives them, and some of our own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from algocli.compute.choices import did_you_mean
from algocli.compute.executors.slurm_keys import ALSO, OF_SUBMITIT, OURS, USUAL_WORKERS, tell_keys
from algocli.compute.opening import LARGEST_TEXT, open_file
from algocli.errors import UsageError, reading

# What sbatch takes for an amount of memory and of time: found here, also where nothing has to be submitted.
_MEMORY = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B?)?", re.IGNORECASE)
_TIME = re.compile(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}|infinite|unlimited|-1", re.IGNORECASE)
_FORMS = {word: (_MEMORY, "amount of memory", f'{word} = "16GB"') for word in ("mem", "mem_per_cpu", "mem_per_gpu")}
_FORMS["time"] = (_TIME, "span of time", 'time = "04:00:00", hours first, or time = 240, in minutes')
_PLAIN = {str: "words in quotes", int: "a whole number", float: "a number", bool: "true or false", list: "a list"}


@dataclass(frozen=True)
class SlurmSettings:
    """What SLURM is asked for.

    Attributes
    ----------
    parameters
        As submitit takes them.
    workers
        How many tasks run at a time.
    threads
        How many threads multiply a matrix; 0 for as many as here.
    python
        The command that starts Python on a node; None for the one that runs here.
    source
        The file that says all this; None where none was named.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    workers: int = USUAL_WORKERS
    threads: int = 0
    python: str | None = None
    source: Path | None = None

    @property
    def as_words(self) -> dict[str, str]:
        """All that is asked for, to be compared with what was asked for another time."""
        said = {**self.parameters, "workers": self.workers, "threads": self.threads or None, "python": self.python}
        return {word: str(value) for word, value in said.items() if value is not None}

    def __hash__(self) -> int:
        return hash((self.workers, self.source))


def read_settings(which: str) -> SlurmSettings:
    """Return what a TOML file says; nothing is asked for where none is named.

    Raises
    ------
    UsageError
        If it says what is not known, or not what it can be; by name.
    DataError
        If there is no such file.
    """
    if not which:
        return SlurmSettings()
    path = Path(which).expanduser()
    with open_file(path, LARGEST_TEXT) as stream, reading(path):
        text = stream.read()
    try:
        said = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {error}", hint='as in: partition = "gpu"') from error
    return _checked(said, path)


def _checked(said: Mapping[str, Any], path: Path) -> SlurmSettings:
    known = {**OF_SUBMITIT, **OURS}
    parameters: dict[str, Any] = {}
    for word, value in said.items():
        name = ALSO.get(word, word)
        if name not in known:
            guess = did_you_mean(word, (*known, *ALSO))
            raise UsageError(
                f"{path}: SLURM is asked for nothing called '{word}'{guess}",
                hint="\n".join(["what it is asked for, and what holds where nothing is said:", *tell_keys()]),
            )
        if name in parameters:
            raise UsageError(f"{path} says {name} twice, once as '{word}'")
        _check_kind(f"{path}: {word}", value, known[name].kinds)
        if name in _FORMS and isinstance(value, str) and not _FORMS[name][0].fullmatch(value.strip()):
            raise UsageError(f"{path}: {word} = {value!r} is no {_FORMS[name][1]}", hint=f"as in: {_FORMS[name][2]}")
        parameters[name] = value
    if "mem_gb" in parameters:
        if "mem" in parameters:
            raise UsageError(f"{path} says both mem and mem_gb", hint='mem = "16GB" is enough')
        parameters["mem"] = f"{round(1024 * parameters.pop('mem_gb'))}MB"
    workers, threads = parameters.pop("workers", USUAL_WORKERS), parameters.pop("threads", 0)
    return SlurmSettings(parameters, workers, threads, parameters.pop("python", None), path)


def _check_kind(name: str, value: object, kinds: tuple[type, ...]) -> None:
    # True is a number for Python alone.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(_PLAIN.get(kind, "a table") for kind in kinds)
        raise UsageError(f"{name} = {value!r}: {wanted} was expected")
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 1:
        raise UsageError(f"{name} = {value}: 1 or more was expected")
    if isinstance(value, list) and not all(isinstance(line, str) for line in value):
        raise UsageError(f"{name} = {value}: a list of words in quotes was expected")
    lines = value if isinstance(value, list) else [value]
    if any(isinstance(line, str) and "\n" in line for line in lines):
        raise UsageError(f"{name}: one line was expected", hint="setup is a list of lines")
