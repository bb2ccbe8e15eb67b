"""Which features the runs of a cache folder refer to, and which runs were begun and never finished a subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from algocli.compute.caches import shared_folders
from algocli.compute.files import PARTIAL, n_bytes_in
from algocli.compute.leftovers import Leftover, contents, lies_in, real_folders
from algocli.compute.lock import hold_if_free
from algocli.compute.vouching import read_sealed
from algocli.errors import DataError
from algocli.features.store.leftovers import KILLED, find_leftovers
from algocli.features.store.shards import FeatureStore
from algocli.runs.aside import in_training, left_behind
from algocli.runs.claims import claimed
from algocli.runs.run import Run
from algocli.runs.vouched_arrays import place_aside

UNFINISHED = "runs without a finished subject"


def find_in_cache(cache_dir: Path, *, unused: bool = False) -> list[Leftover]:
    """List everything in a cache folder that may be deleted: runs, features, digests, jobs, unfinished files.

    Parameters
    ----------
    unused
        Whether feature stores that no run refers to belong to it; a fresh extraction looks the same.
    """
    runs = [*_unfinished_runs(cache_dir), *_left_aside(cache_dir), *_shared(cache_dir), *_jobs(cache_dir)]
    within = {run.path for run in runs}
    features = find_leftovers(cache_dir, partial(is_used, cache_dir) if unused else None)
    return runs + [left for left in features if not within.intersection(left.path.parents)]


def is_used(cache_dir: Path, store: FeatureStore) -> bool:
    """Say whether a run refers to a store, or may: one that is being trained has no record yet."""
    recipe = store.folder.parent.name
    return any(
        store.key in _keys(subject_folder) or (_is_damaged(subject_folder) and _may_name(run.folder, recipe))
        for run in _runs(cache_dir)
        for subject_folder in run.subject_folders()
    ) or any(
        recipe in _recipes(settings)
        for run in _runs(cache_dir)
        if not _is_free(run.locks())
        for settings in (run.folder, place_aside(run.folder), *(made.folder for made in in_training(run)))
    )


def _unfinished_runs(cache_dir: Path) -> Iterator[Leftover]:
    """Yield the runs that have no record of any subject, and hold nothing but what a training writes."""
    for run in real_folders(cache_dir / "runs"):
        if run.name != place_aside(run).parent.name and _is_unfinished(run):
            still = partial(_is_still_unfinished, cache_dir, run)
            yield Leftover(run, UNFINISHED, n_bytes_in(run), still, partial(_locks, run))


def _left_aside(cache_dir: Path) -> Iterator[Leftover]:
    """Yield the folders in which trainings that were killed had begun a subject, and the names that they claim."""
    for home in left_behind(cache_dir / "runs"):
        if lies_in(cache_dir, home):
            yield Leftover(home, KILLED, n_bytes_in(home), home.exists, lambda home=home: [home / "lock"])  # type: ignore[misc]
    for claim in claimed(cache_dir / "runs"):
        if lies_in(cache_dir, claim):
            run = Run(cache_dir / "runs" / claim.parent.name)
            yield Leftover(claim, KILLED, n_bytes_in(claim), claim.exists, run.locks)


def _shared(cache_dir: Path) -> Iterator[Leftover]:
    """Yield what commands and their workers have shared: whoever is at work yet holds the cache."""
    for folder in shared_folders(cache_dir):
        yield Leftover(folder, KILLED, n_bytes_in(folder), folder.exists, list)


def _jobs(cache_dir: Path) -> Iterable[Leftover]:
    """Return what was handed to a cluster and has ended; where nothing ever was, nothing of clusters is loaded."""
    if not (cache_dir / "jobs").is_dir():
        return ()
    from algocli.compute.executors.job_leftovers import find_job_leftovers

    return find_job_leftovers(cache_dir)


def _is_still_unfinished(cache_dir: Path, run: Path) -> bool:
    return run.exists() and lies_in(cache_dir, run) and _is_unfinished(run)


def _is_unfinished(run: Path) -> bool:
    subject_folders = Run(run).subject_folders()
    known = all(
        path.name == "manifest.json" or path.name.endswith(PARTIAL) or path in subject_folders for path in contents(run)
    )
    # A record that is damaged, or gone, is no reason to delete what lies beside it.
    return known and not any(map(_was_finished, subject_folders))


def _keys(subject_folder: Path) -> list[str]:
    """Return the keys of the features that a subject of a run was made from."""
    with suppress(DataError, KeyError, TypeError):
        return [str(key) for key in read_sealed(subject_folder / "record.json")["inputs"]["features"]]
    return []


def _is_damaged(subject_folder: Path) -> bool:
    """Say whether it was finished, and it is not known what it was made from."""
    return _was_finished(subject_folder) and not _keys(subject_folder)


def _was_finished(subject_folder: Path) -> bool:
    """Say whether a subject has a record, or has lost it: it is put in its place with one.

    Before that was so, whoever began a training left its lock beside the arrays.
    """
    is_begun = (subject_folder / "lock").exists() or not any(subject_folder.glob("*.npy"))
    return not is_begun or (subject_folder / "record.json").exists()


def _may_name(run: Path, recipe: str) -> bool:
    """Say whether a run is of a recipe's features; one that does not say of which may be of any."""
    recipes = _recipes(run)
    return recipe in recipes or not recipes


def _is_free(locks: Iterable[Path]) -> bool:
    with hold_if_free(locks) as free:
        return free


def _recipes(run: Path) -> list[str]:
    with suppress(DataError, KeyError, TypeError):
        return [str(name) for name in read_sealed(run / "manifest.json")["settings"]["features"]]
    return []


def _locks(run: Path) -> list[Path]:
    return [*Run(run).locks(), *run.rglob(f"*{PARTIAL}")]


def _runs(cache_dir: Path) -> Iterator[Run]:
    # Runs may lie on another disk, behind a link: they refer to features all the same.
    runs = cache_dir / "runs"
    return (Run(runs / path.parent.name) for path in (*runs.glob("*/manifest.json"), *claimed(runs)))
