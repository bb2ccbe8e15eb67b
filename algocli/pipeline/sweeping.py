"""Networks, layers and settings by the dozen from Python: what is missing is extracted, all is fitted and scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.compute.caches import filling
from algocli.compute.calls import forgiving
from algocli.compute.choices import check_flag, check_path, check_whole, check_word
from algocli.compute.remarks import counted
from algocli.compute.track import Note, Track, once, said_aside, shown
from algocli.dataset.images import open_images
from algocli.dataset.protocol import Subject
from algocli.errors import AlgocliError, MissingStep, UsageError
from algocli.pipeline.arguments import Rois, cluster_of, each_subject, some_rois
from algocli.pipeline.borrowing import open_cache
from algocli.pipeline.defaults import DEFAULT_CACHE
from algocli.pipeline.sweep_file import read_sweep
from algocli.pipeline.sweep_grid import (
    MAKING,
    Entry,
    entries_of,
    layers_of,
    settings_of,
    told_together,
)
from algocli.pipeline.sweep_job import Job
from algocli.pipeline.sweep_networks import Asking, check_common, gather_networks
from algocli.pipeline.sweep_plan import Plan
from algocli.pipeline.sweep_prepared import check_models, prepare
from algocli.results.drawing.style import check_suffix
from algocli.results.regions import check_min_ceiling, choose_rois, classes_of
from algocli.results.swept import BestRow, SweptRow, SweptScores, write_swept
from algocli.runs.run import Run

if TYPE_CHECKING:
    from algocli.compute.executors.specs import Cluster


@dataclass(frozen=True)
class Sweep:
    """What a sweep was to do, and what came of it.

    Attributes
    ----------
    plan
        Its passes, bytes and models, and about how long they were to take.
    scores
        The rows of every model; None where it was only planned, or no model could be fitted.
    failed
        What could not be done, by what it is, and why; everything else was.
    """

    plan: Plan
    scores: SweptScores | None = None
    failed: Mapping[str, AlgocliError] = field(default_factory=dict)

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"Sweep({len(self.runs)} of {counted(self.plan.n_models, 'models')}{failed})"

    @property
    def runs(self) -> tuple[Run, ...]:
        """The run of every model, network by network."""
        return () if self.scores is None else tuple(model.run for model in self.scores.models)

    @property
    def rows(self) -> tuple[SweptRow, ...]:
        """The scores, model by model and ROI by ROI."""
        return () if self.scores is None else self.scores.rows

    @property
    def best(self) -> tuple[BestRow, ...]:
        """The best model of each ROI."""
        return () if self.scores is None else tuple(self.scores.best())

    def table(self) -> list[dict[str, Any]]:
        """Return the rows as dicts."""
        return [] if self.scores is None else self.scores.records

    def plot(self, path: Path | str | None = None) -> Any:
        """Draw every model by ROI as a heatmap, write it where a path is given, and return the figure.

        Raises
        ------
        MissingStep
            If there is no model.
        StorageError
            If the file cannot be written.
        """
        from algocli.results.drawing.loading import load_matplotlib
        from algocli.results.drawing.style import render
        from algocli.results.plots.request import Wishes
        from algocli.results.plots.swept import plot_swept

        if self.scores is None:
            raise MissingStep("no model of the sweep has been fitted")
        load_matplotlib()
        wishes = Wishes(min_ceiling=self.scores.min_ceiling)
        figure = plot_swept(self.scores, wishes).figure
        if path is not None:
            render(figure, check_path("path", path), wishes.dpi)
        return figure

    def refuse_failed(self) -> None:
        """Raise what could not be done, if there is anything.

        Raises
        ------
        AlgocliError
            Of the kind of the first, with the reason of each.
        """
        if self.failed:
            n_left = self.plan.n_models - len(self.runs)
            rest = "; the rest is done" if self.runs else ""
            raise told_together(
                self.failed, f"{n_left} of {counted(self.plan.n_models, 'models')} could not be made{rest}"
            )


@forgiving
def sweep(
    subjects: Subject | Iterable[Subject],
    networks: Iterable[str | Mapping[str, Any]] | str | None = None,
    layers: Iterable[str] | Mapping[str, Any] | str | None = None,
    *,
    file: Path | str | None = None,
    dry_run: bool = False,
    nested: bool = True,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    csv: Path | str | None = None,
    plot: Path | str | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    stimuli: Path | str | None = None,
    trust_remote_code: bool = False,
    cache_dir: Path | str = DEFAULT_CACHE,
    cluster: str | None = None,
    track: Track = shown,
    note: Note = said_aside,
    **options: Any,
) -> Sweep:
    """Fit a model of every layer of some networks, under all settings, and score it in every ROI.

    Features that are missing are extracted, in as few passes over the images as memory allows: each image is decoded
    once for all networks of a pass, and passes each of them once. What is done already stays as it is.

    Parameters
    ----------
    networks
        Names, as `extract` takes them; or mappings with a `name`, `layers` and options of `extract` of their own.
    layers
        Names and patterns for all networks that name none, of which each takes those that it has; or a mapping from
        networks to theirs. By default four that are spread over the depth of each network.
    file
        A TOML file that says all this in place of the arguments, which go before it where both say something.
    dry_run
        Whether to stop once it is said what is to be done.
    nested
        Whether to choose the best model of each ROI as `algocli.nested` does, in inner folds, and score it outside
        them: five fits more of each.
    rois, min_ceiling
        As for `report`.
    csv, plot
        Files to write the rows to, and a heatmap.
    device, batch_size, stimuli, trust_remote_code
        As for `extract`.
    cluster
        Where images pass, each network by itself, and models are fitted side by side, as in 'local:2', two processes of
        this machine, which divide its cores and its memory; 'slurm:FILE.toml', jobs of SLURM; or
        'dask:tcp://HOST:PORT', the workers of a Dask scheduler. The rows are the same. By default all is done here.
    track, note
        How to show progress and to say something by the way.
    **options
        Options of `extract` that tell features apart (pool=4, dtype='float32') and fields of `Settings`
        (n_components=100, regression='ridge'), each with one value or a list of several: every combination is made.

    Returns
    -------
    Its `rows` have the scores of every model in every ROI, `best` the best model of each, `failed` what could not be
    done: a network that fails on the way leaves the others alone.

    Raises
    ------
    UsageError
        If an argument is not what it can be; or, before any work, a network cannot be built or lacks a layer.
    DataError, StorageError
        If data or weights cannot be read, or the cache cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> made = algocli.sweep(subject, ["alexnet"], ["features.2", "features.5"], n_components=[3, 5])
    >>> for row in made.rows:
    ...     if (row.roi, row.hemisphere) == ("All vertices", "left"):
    ...         print(row.layer, row.settings)
    features.2 n_components=3
    features.2 n_components=5
    features.5 n_components=3
    features.5 n_components=5
    """
    some, chooses, home = each_subject(subjects), check_flag("nested", nested), open_cache(cache_dir, note)
    where = cluster_of(cluster)
    entries, common, own, combinations = _read(networks, layers, file, options)
    only, least = some_rois(rois), check_min_ceiling(min_ceiling)
    chart = None if plot is None else check_path("plot", plot)
    if chart is not None:
        check_suffix(chart)
    choose_rois(only, classes_of(some), least)
    source = None if stimuli is None else check_path("stimuli", stimuli)
    sources = [(subject, open_images(subject, source)) for subject in some]
    n_at_once = None if batch_size is None else check_whole("batch_size", batch_size, 1)

    from algocli.features.networks.devices import resolve_device

    trust = check_flag("trust_remote_code", trust_remote_code)
    asking = Asking(resolve_device(check_word("device", device)), n_at_once, trust)
    only_once = once(note)
    with filling(home, note):
        opened = gather_networks(entries, common, own)
        prepared = prepare(opened, sources, home, asking, only_once, track)
        check_common(opened, common)
        job = _on(where, Job(some, sources, source, prepared, combinations, home, asking, device, track, only_once))
        every = [layer for network in prepared for layer in network.layers.values()]
        check_models(some, combinations, every, home, track)
        planned = job.plan(nested=chooses)
        for line in planned.tell(home):
            note(line)
        if check_flag("dry_run", dry_run):
            return Sweep(planned)
        runs = job.run()
    scores = job.score(runs, only, least, nested=chooses) if runs else None
    made = Sweep(planned, scores, job.failed)
    if scores is not None and csv is not None:
        write_swept(scores, check_path("csv", csv))
    if scores is not None and chart is not None:
        made.plot(chart)
    for what, error in job.failed.items():
        note(f"{what} failed: {error.message}")
    return made


def _on(cluster: Cluster | None, job: Job) -> Job:
    """Return a sweep as it is done on a cluster, or here where there is none."""
    if cluster is None:
        return job
    from algocli.pipeline.sweep_tasks import ClusterSweep

    return ClusterSweep(**vars(job), cluster=cluster)


def _read(
    networks: object, layers: Any, file: Path | str | None, options: Mapping[str, Any]
) -> tuple[list[Entry], tuple[str, ...], dict[str, Any], list[dict[str, Any]]]:
    """Return networks, layers of all and of single ones, and combinations of settings: of a file and the arguments."""
    making = {name: value for name, value in options.items() if name in MAKING}
    fitting = {name: value for name, value in options.items() if name not in MAKING}
    # A slip of the keyboard is told before a file is read.
    settings_of(fitting)
    if file is not None:
        if networks is not None:
            raise UsageError("networks are named, and a file=... that names some", hint="leave one of the two out")
        asked = read_sweep(check_path("file", file))
        networks, layers = asked.networks, asked.layers if layers is None else layers
        making, fitting = {**asked.making, **making}, {**asked.fitting, **fitting}
    common, own = layers_of(layers)
    return entries_of(networks, making), common, own, settings_of(fitting)
