"""Encoding models from Python: one of all features that are chosen, or one of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from algocli.compute.calls import forgiving
from algocli.compute.choices import check_flag, check_path, check_word
from algocli.compute.track import Note, Track, once, said_aside, shown
from algocli.dataset.protocol import Subject
from algocli.encoding.presets import PresetName
from algocli.encoding.settings import Settings, check_settings
from algocli.errors import UsageError
from algocli.features.networks.network import TransformName
from algocli.features.networks.numerics import Numerics
from algocli.features.store.borrowing import borrow, check_lenders
from algocli.features.store.choosing import Library
from algocli.features.store.keys import Dtype
from algocli.features.store.variants import Variant
from algocli.pipeline.arguments import Paths, cluster_of, device_on, each_subject
from algocli.pipeline.borrowing import filling_cache, open_cache
from algocli.pipeline.defaults import DEFAULT_CACHE
from algocli.pipeline.plans import Choice, Plan, for_each, plan_each, plan_one, within_reach
from algocli.pipeline.training_job import Job
from algocli.runs.datasets import Home
from algocli.runs.run import Run, check_run_name

if TYPE_CHECKING:
    from algocli.compute.executors.specs import Cluster

# What `train` takes beside fields of the settings: a slip of the keyboard may have meant it.
_TRAIN_TAKES = (
    *("each", "preset", "model", "layers", "weights", "transform", "image_size", "tokens", "pool", "project"),
    *("project_seed", "dtype", "numerics", "name", "features_from", "stimuli", "cache_dir", "force", "device", "made"),
    *("cluster", "track", "note"),
)


@overload
def train(
    subjects: Subject | Iterable[Subject],
    features: Sequence[str] | str | Settings | None = None,
    *,
    each: Literal[False] = False,
    **how: Any,
) -> Run: ...
@overload
def train(
    subjects: Subject | Iterable[Subject],
    features: Sequence[str] | str | Settings | None = None,
    *,
    each: Literal[True],
    **how: Any,
) -> list[Run]: ...
@overload
def train(
    subjects: Subject | Iterable[Subject],
    features: Sequence[str] | str | Settings | None = None,
    *,
    each: bool,
    **how: Any,
) -> Run | list[Run]: ...
@forgiving
def train(
    subjects: Subject | Iterable[Subject],
    features: Iterable[str] | str | Settings | None = None,
    *,
    each: bool = False,
    preset: PresetName | None = None,
    model: str | None = None,
    layers: Iterable[str] | str | None = None,
    weights: str | Path | None = None,
    transform: TransformName | None = None,
    image_size: int | None = None,
    tokens: str | None = None,
    pool: int | Literal["none"] | None = None,
    project: int | Literal["none"] | None = None,
    project_seed: int | None = None,
    dtype: Dtype | None = None,
    numerics: Numerics | None = None,
    name: str | None = None,
    features_from: Paths | None = None,
    stimuli: Path | str | None = None,
    cache_dir: Path | str = DEFAULT_CACHE,
    force: bool = False,
    device: str = "cpu",
    cluster: str | None = None,
    made: Callable[[Run], None] | None = None,
    track: Track = shown,
    note: Note = said_aside,
    **settings: Any,
) -> Run | list[Run]:
    """Fit an encoding model for every vertex of some subjects, unless that is done already.

    Parameters
    ----------
    features
        Names of features, as `extract` returns them, or one name, or patterns; or whole settings, to which nothing is
        added.
    each
        Fit all features that are chosen by themselves, in a run each, and not joined in one: every kind of every layer
        that these subjects have features of. Where nothing is chosen, that is all they have.
    preset
        A model under a name, such as 'tutorial' or 'strong': its layers, and what settings differ from the usual;
        what is named beside it goes before it. The best of several looks better on the images that it was chosen by
        than on others.
    model, layers
        Extracted features by their network and layers, or patterns such as 'features.*', which come before those of
        `features`; by default, where neither these nor a preset are named, features.2 of AlexNet.
    weights, transform, image_size, tokens, pool, project, project_seed, dtype, numerics
        As in `extract`: which of several kinds of features of a layer are meant. What is not named may be anything;
        pool='none' are those that were not pooled.
    name
        The run's; by default one that says the settings, and where a run of other data has that, a digest of the data.
        Of `each`, a name with a star in place of the layer, or what comes before it.
    features_from
        Other caches, as other users have them: features that `cache_dir` lacks are read there. They are never written;
        what is made of them goes to `cache_dir`, which remembers where they lie.
    cache_dir
        The folder of features and runs, or the address of features, as in `extract`.
    stimuli
        What the images of the features were read from, as `extract` was told, where that was done from several places.
    force
        Fit again even if it is done. A run of that name that has other settings, or is of other data, is replaced as a
        whole.
    device
        Where large matrices are multiplied: 'cpu', 'cuda' or 'auto'.
    cluster
        Where the subjects of all runs are trained side by side, as in 'local:2', two processes of this machine, which
        divide its cores and its memory; 'slurm:FILE.toml', jobs of SLURM; or 'dask:tcp://HOST:PORT', the workers of a
        Dask scheduler. Large Gram matrices that are missing come first. Nothing in a run changes by it. By default all
        is done here, one by one.
    made
        Is called with each run as soon as it is done.
    **settings
        Fields of `Settings`, such as regression='ridge', n_components=1000 or folds=10.

    Returns
    -------
    The run, or with `each` a list of runs. `run.subject(1).correlation("left")` is r on held-out images, (n_vertices,).

    Raises
    ------
    UsageError
        If the settings make no sense, an argument is not what it can be, or a run of that name was made with other
        settings or of other data.
    MissingStep
        If features are missing.
    DataError, StorageError
        If responses are malformed, or the cache cannot be written.

    With `each` the others are trained all the same before it is told what is refused of some.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> run = algocli.train(subject, layers="features.2", regression="ridge", n_components=5)
    >>> run.subject(1).correlation("left").shape == (subject.n_vertices("left"),)
    True
    >>> runs = algocli.train(subject, layers="features.*", n_components=5, each=True)
    >>> [run.settings.features[0].rpartition("-")[0] for run in runs]
    ['alexnet-features.2', 'alexnet-features.5']
    """
    some, where = each_subject(subjects), cluster_of(cluster)
    cache_dir, force, each = open_cache(cache_dir, note), check_flag("force", force), check_flag("each", each)
    library = Library(cache_dir, check_lenders(features_from), some)
    # What no run can be of is told before what such a run lacks.
    home = Home.of(some, cache_dir, track)
    if name is not None and not each:
        check_run_name(name)
    said = {"weights": weights, "transform": transform, "pool": pool, "project": project, "project_seed": project_seed}
    variant = Variant.of(**said, image_size=image_size, tokens=tokens, dtype=dtype, numerics=numerics)
    if isinstance(features, Settings):
        named = (preset, model, layers, *variant.said.values())
        whole = _whole(features, settings, any(value is not None for value in named))
        plans = for_each(whole, name, library) if each else [Plan(whole, name)]
    else:
        given, choice = _named(settings), Choice.of(model, layers, features, preset, variant)
        plans = plan_each(library, choice, given, name, note) if each else [plan_one(library, choice, given, name)]
        if preset is not None and "n_components" not in settings:
            plans = within_reach(plans, some, home, track, note)
    how = force, device_of_products(where, device), made or (lambda run: None), track, once(note) if each else note
    made_from = None if stimuli is None else check_path("stimuli", stimuli)
    job = _on(where, Job(some, home, made_from, *how))
    with filling_cache(cache_dir, note):
        used = [name for plan in plans for name in plan.settings.features]
        borrow(cache_dir, library.lenders, used, [subject.id for subject in some])
        return job.train_all(plans) if each else job.train(plans[0])


def _on(cluster: Cluster | None, job: Job) -> Job:
    """Return a job as it is done on a cluster, or here where there is none."""
    if cluster is None:
        return job
    from algocli.pipeline.training_tasks import ClusterJob

    return ClusterJob(**vars(job), cluster=cluster)


def _whole(settings: Settings, given: dict[str, Any], is_named: bool) -> Settings:
    check_settings(given, _TRAIN_TAKES)
    if given or is_named:
        more = ", ".join(given) or "what features to take"
        raise UsageError(f"settings are given whole, and {more} once more", hint="dataclasses.replace")
    return settings


def _named(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the settings that were named."""
    check_settings(given, _TRAIN_TAKES)
    is_split = given.get("folds") is not None or given.get("shared") == "only"
    return {**({"holdout": None} if is_split else {}), **given}


def device_of_products(cluster: Cluster | None, device: str) -> str:
    """Return where matrices are multiplied, of what was asked for.

    Raises
    ------
    UsageError
        If there is no such device.
    """
    if check_word("device", device) == "cpu":
        return device
    resolved = device_on(cluster, device)
    # Where nothing is asked for, matrices are multiplied where every regression works.
    return "cpu" if device == "auto" and not resolved.startswith("cuda") else resolved
