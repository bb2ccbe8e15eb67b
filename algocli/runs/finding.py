"""Runs of a cache, found again: the latest, by a name, by the beginning of one, or as many as fit a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from algocli.compute.cache_places import DEFAULT_CACHE, folder_named
from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_word, check_words
from algocli.compute.leftovers import contents
from algocli.compute.patterns import is_pattern, list_names, meant_by
from algocli.dataset.naming import id_of
from algocli.errors import DataError, MissingStep, Replaced, UsageError
from algocli.runs.latest import LATEST, Mark, check_mark, read_mark
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun
from algocli.runs.vouched_arrays import is_trained


def list_runs(cache_dir: Path | str) -> list[Run]:
    """List the runs with at least one finished subject, the latest first."""
    return _list_marked(folder_named(cache_dir) / "runs")[1]


def _list_marked(home: Path) -> tuple[Mark, list[Run]]:
    """Return the mark of the latest run, and the runs, the latest first."""
    mark = read_mark(home)
    runs = [run for run in (Run(path.parent) for path in home.glob("*/manifest.json")) if run.subjects]
    # A training that found its work done is the latest too, though it finished long ago.
    return mark, sorted(runs, key=lambda run: (run.name != mark.name, -run.finished_at, run.name))


@forgiving
@anew
def find_run(cache_dir: Path | str = DEFAULT_CACHE, name: str = LATEST) -> Run:
    """Find a run by name, by an unambiguous beginning of one, or the latest.

    Parameters
    ----------
    cache_dir
        The folder of features and runs, or the address of features, which a folder of runs belongs to.
    name
        The run's, its beginning, or a pattern such as '*features.2*' that fits one; or 'latest'.

    Raises
    ------
    MissingStep
        If there is no run at all.
    UsageError
        If none, or more than one, has such a name.

    Examples
    --------
    >>> algocli.find_run("cache").subjects
    (1,)
    """
    word = check_word("name", name)
    home = folder_named(cache_dir) / "runs"
    matches = _find(home, *_list_marked(home), word)
    if len(matches) > 1:
        raise _several(word, matches, "name one of them: here one run is meant")
    return _sound(matches[0])


@forgiving
@anew
def find_runs(cache_dir: Path | str = DEFAULT_CACHE, names: Sequence[str] | str = "*") -> list[Run]:
    """Find runs by their names, or by patterns: of one all that fit, as people count (features.2 before features.10).

    Parameters
    ----------
    cache_dir
        The folder of features and runs, or the address of features, which a folder of runs belongs to.
    names
        What `find_run` takes, or several of it, in this order; a pattern may fit any number. What a pattern fits is
        taken once, however often it is named.

    Raises
    ------
    MissingStep
        If there is no run at all.
    UsageError
        If one of them fits none, or the beginning of a name fits several.

    Examples
    --------
    >>> [run.name for run in algocli.find_runs("cache", "firs*")]
    ['first']
    """
    words = check_words("names", names)
    home, chosen = folder_named(cache_dir) / "runs", list[Run]()
    mark, runs = _list_marked(home)
    for word in words:
        fitting = _find(home, mark, runs, word)
        if len(fitting) > 1 and not is_pattern(word):
            raise _several(word, fitting, f"name one of them, or {quote(word + '*')} for all")
        chosen += fitting
    if any(map(is_pattern, words)):
        chosen = list({run.name: run for run in chosen}.values())
    return [_sound(run) for run in chosen]


def _find(home: Path, mark: Mark, runs: Sequence[Run], word: str) -> list[Run]:
    """Return the runs that a word may mean: of a name one, else as many as fit; never none.

    Raises
    ------
    MissingStep, UsageError
        If there is none.
    DataError
        If what is meant is there, and damaged.
    """
    _refuse_what_is_meant(home, mark.name if word == LATEST else word)
    if not runs:
        raise MissingStep(f"{home.parent} holds no finished run", hint="algocli train")
    by_name = {run.name: run for run in runs}
    if word == LATEST:
        check_mark(home, mark, by_name)
        return [runs[0]]
    # A name may have the signs of a pattern in it.
    meant = meant_by(word, by_name) or [name for name in by_name if name.startswith(word)]
    if not meant:
        problem = f"no run {'fits' if is_pattern(word) else 'is named'} '{word}'"
        raise UsageError(f"{problem}; there are:{list_names(word, by_name)}")
    return [by_name[name] for name in meant]


def _several(word: str, runs: Sequence[Run], hint: str) -> UsageError:
    names = [run.name for run in runs]
    return UsageError(f"'{word}' fits {len(names)} runs; there are:{list_names(word, names)}", hint=hint)


def _sound(run: Run) -> Run:
    """Return a run that is to be read; refuse it if a record is damaged, or was made with other settings.

    Raises
    ------
    DataError
        If so.
    Replaced
        If it was trained again while it was read.
    """
    _refuse_damaged(run)
    try:
        _check_settings(run)
    except DataError:
        # Its manifest may be that of the training before, and its records those of this one: then all is well by now.
        _check_settings(Run(run.folder))
        raise Replaced(f"run {run.name} was trained again while it was read", hint="repeat the command") from None
    return run


def _check_settings(run: Run) -> None:
    settings = run.settings
    for number in run.subjects:
        run.subject(number).check_settings(settings)


def _refuse_what_is_meant(home: Path, word: str) -> None:
    """Refuse to take other runs for those that are meant, where one of these is there, and damaged."""
    there = [path.name for path in contents(home) if path.is_dir() and not path.name.startswith(".")]
    for name in meant_by(word, there):
        _refuse_damaged(Run(home / name))


def _refuse_damaged(run: Run) -> None:
    trained = [folder for folder in run.subject_folders() if is_trained(folder)]
    for subject_folder in trained:
        SubjectRun(id_of(subject_folder.name), subject_folder).check_record()
    if trained:
        # It says what is wrong with them.
        _ = run.settings
