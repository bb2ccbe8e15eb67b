"""Figures from Python, one a subject: maps of the cortex and charts, of a run and of the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import (
    check_choice,
    check_flag,
    check_number,
    check_path,
    check_whole,
    check_word,
    check_words,
    each_of,
)
from algocli.compute.track import Note, Track
from algocli.dataset.naming import SubjectId, name_of
from algocli.dataset.protocol import Dataset
from algocli.dataset.sides import Hemisphere
from algocli.errors import UsageError
from algocli.pipeline.arguments import (
    Data,
    Ids,
    Rois,
    check_least_r,
    check_title,
    choose_subjects,
    data_of,
    each_run,
    some_ids,
    some_rois,
)
from algocli.pipeline.figure_kinds import PAGE, Request, What
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.loading import load_matplotlib
from algocli.results.drawing.maps import draw_map
from algocli.results.drawing.style import DARK, DEFAULT_DPI, LIGHT, render
from algocli.results.group import check_group
from algocli.results.plots.request import Wishes
from algocli.results.regions import check_min_ceiling
from algocli.results.surface import Surface
from algocli.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from algocli.pipeline.figure_kinds import Rows
    from algocli.results.drawing.brain_map import BrainMap


@forgiving
@anew
def plot(
    what: str,
    run: Run | Sequence[Run] | None = None,
    *,
    names: Iterable[str] | str = (),
    against: Run | None = None,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    labels: Sequence[str] | str | None = None,
    significant: bool = False,
    stimulus: int | None = None,
    nsd_id: int | None = None,
    min_r: float | None = None,
    nested: bool = False,
    group: bool = False,
    layer: str | None = None,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    hemisphere: Hemisphere | None = None,
    surface: Surface = "fsaverage5",
    outline: Rois | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    cmap: str | None = None,
    title: str | None = None,
    dark: bool = False,
    dpi: int = DEFAULT_DPI,
    path: Path | str | None = None,
) -> Figure | dict[SubjectId, Figure]:
    """Draw a figure for each subject; nothing is shown, and nothing written but to `path`.

    Parameters
    ----------
    what
        Of a run: 'accuracy' (r on the cortex), 'difference' (to the run `against`), 'rois' (bars), 'ceiling' (r
        against the noise ceiling), 'prediction' (of a held-out image). Of receptive fields: 'eccentricity', 'angle' and
        'size' (on the cortex), 'size-by-eccentricity' and 'coverage' (by area, whole unless `rois` says otherwise). Of
        a blend or of several runs: 'layers' (by ROI), 'best-layer' (on the cortex). Of the data: 'roi' (where those of
        `names` lie), 'vertices', 'response' (to a training image).
    run
        A run, or for layers several.
    names
        Of 'roi', the ROIs, or classes of them, to show.
    against
        Of 'difference', the run to subtract.
    rois
        Names of the only ROIs to show, or one name.
    min_ceiling
        The least noise ceiling, as a share of variance, of the vertices to show; by default any.
    labels
        Of several runs, what to call each, in their order; of one run that compares layers, what to call these. Usually
        it is the layer or, where that is the same of several runs, the run's name.
    significant
        Colour only vertices that are better than chance.
    stimulus, nsd_id
        A training image by its row, from 0, or by its id in NSD.
    min_r
        No layer for vertices of r up to this; usually 0.1.
    nested
        Of 'best-layer' and several runs: choose each vertex's layer in inner folds, within the images that the scored
        models are fitted on, so that what it reaches is not flattered by the choice. That fits each run some five times
        more, or ten; it is kept for next time.
    group
        One figure of all subjects together, whose unit is the subject: of 'accuracy', 'difference' and 'best-layer' on
        fsaverage, over those who have a response at a vertex; of 'rois', of one run or several, with a dot for each
        subject; of 'layers'. Of receptive fields maps are means over the subjects who have a window at a vertex, of
        angles where they point together; charts have the windows of all.
    layer
        Of receptive fields with a window for each layer: whose to show; by default at each vertex those of the layer
        that weighs most.
    data_dir
        The folder of the data, or the dataset itself; by default where the run's subjects were trained, or the
        usual folder.
    subjects
        Numbers or names of the subjects to draw; by default all that the data and all runs have.
    hemisphere
        Only 'left' or 'right'.
    surface
        The mesh: 'fsaverage5', 'fsaverage6' or 'fsaverage', which are fetched once but for the first.
    outline
        Names of ROIs, or of classes of them, to draw around.
    vmin, vmax, cmap
        The colours' range, in the figure's unit, and a colour map of matplotlib's.
    title, dark, dpi
        A heading of your own, light on dark, and dots per inch.
    path
        A .png, .svg or .pdf file, for maps also .html, or a folder; of several subjects each gets its number.

    Returns
    -------
    The figure of one subject, or of the group; of several subjects, each by its subject's number or name.

    Raises
    ------
    UsageError
        If arguments do not go together, or one is not what it can be.
    MissingStep
        If a run lacks a subject.
    DataError, StorageError
        If data and run do not fit together, or a file cannot be written.

    Examples
    --------
    >>> run = algocli.find_run("cache")
    >>> figure = algocli.plot("rois", run, rois=["EBA", "V1v"], path="rois.png")
    >>> type(figure).__name__
    'Figure'
    """
    kind = What(check_choice("what", what, tuple(What)))
    runs = each_run(() if run is None else run)
    other = [] if against is None else each_run(against)
    only = some_rois(rois) or ()
    named = check_words("names", given) if (given := each_of(names)) else ()
    request = Request(
        kind,
        named,
        len(runs),
        bool(other),
        only,
        None if stimulus is None else check_whole("stimulus", stimulus, 0),
        None if nsd_id is None else check_whole("nsd_id", nsd_id, 0),
        None if min_r is None else check_least_r(min_r),
        check_flag("significant", significant),
        check_flag("group", group),
    )
    wishes = Wishes(
        some_ids(subjects),
        Wishes.hemispheres if hemisphere is None else (hemisphere,),
        check_title(title),
        surface,
        low=None if vmin is None else check_number("vmin", vmin),
        high=None if vmax is None else check_number("vmax", vmax),
        colours=None if cmap is None else check_word("cmap", cmap),
        outlined=some_rois(outline, "outline") or (),
        dpi=check_whole("dpi", dpi, 50, 1200),
        theme=DARK if check_flag("dark", dark) else LIGHT,
        min_ceiling=check_min_ceiling(min_ceiling),
        labels=() if labels is None else check_words("labels", labels),
        nested=check_flag("nested", nested),
        layer=None if layer is None else check_word("layer", layer),
    )
    request.check(wishes)
    if request.is_of_a_run and not runs:
        raise UsageError(f"plot {request.what} needs a run", hint="algocli.find_run(cache_dir, name) returns one")
    output = None if path is None else check_path("path", path)
    if output is not None and not output.is_dir():
        request.check_output(output)
    plotting = Plotting.of(request, wishes, data_of([*runs, *other], data_dir), [*runs, *other])
    figures = {}
    for number, shown in plotting.figures():
        figures[number] = plotting.draw(shown)
        if output is not None:
            plotting.write(shown, plotting.path(output, number), figures[number])
    return next(iter(figures.values())) if len(figures) == 1 else figures


@dataclass(frozen=True)
class Plotting:
    """What is to be drawn of which subjects' data and runs; the run to compare with is the last of them."""

    request: Request
    wishes: Wishes
    challenge: Dataset
    runs: Sequence[Run]
    subjects: tuple[SubjectId, ...]

    @classmethod
    def of(cls, request: Request, wishes: Wishes, challenge: Dataset, runs: Sequence[Run]) -> Plotting:
        """Choose the subjects to draw.

        Raises
        ------
        UsageError, DataError, MissingStep
            If the data or a run lacks one that was asked for, or they share none.
        """
        chosen = choose_subjects(challenge, runs, wishes.subjects)
        if request.group:
            check_group(chosen)
        return cls(request, replace(wishes, subjects=chosen), challenge, runs, chosen)

    def figures(self) -> Iterator[tuple[SubjectId, Chart[Any] | BrainMap]]:
        """Yield each subject and what its figure shows, made as it is asked for."""
        load_matplotlib()
        return self.request.figures(self.challenge, self.runs, self.wishes)

    def prepare(self, track: Track, note: Note) -> None:
        """Score the runs in inner folds if that is what layers are to be chosen by; what is kept is not done again."""
        if self.wishes.nested:
            from algocli.results.nested import score_inside

            subjects = [self.challenge.subject(number) for number in self.subjects]
            score_inside(self.runs, subjects, track=track, note=note)

    def rows(self) -> Rows | None:
        """Return what a figure of layers or sizes shows as rows; None for other kinds."""
        return self.request.rows(self.challenge, self.runs, self.wishes)

    def path(self, output: Path | None, number: SubjectId) -> Path:
        """Name a subject's figure: as asked for one, told apart by the subject for several."""
        if output is None or output.is_dir():
            return (output or Path()) / f"{self.request.stem}_{name_of(number)}.png"
        several = len(self.subjects) > 1 and not self.request.group
        return output.with_stem(f"{output.stem}_{name_of(number)}") if several else output

    def draw(self, shown: Chart[Any] | BrainMap) -> Figure:
        """Return what is shown as a figure of matplotlib's."""
        if isinstance(shown, Chart):
            return shown.figure
        return draw_map(shown, dpi=self.wishes.dpi, theme=self.wishes.theme)

    def write(self, shown: Chart[Any] | BrainMap, path: Path, figure: Figure | None = None) -> None:
        """Write what is shown as a picture, or as a page to turn it in, going by the file's ending.

        Parameters
        ----------
        figure
            What `draw` returned, where it has been called.
        """
        if path.suffix.lower() == PAGE and not isinstance(shown, Chart):
            from algocli.results.page.viewer import write_map_page

            write_map_page(shown, path, theme=self.wishes.theme)
            return
        render(self.draw(shown) if figure is None else figure, path, self.wishes.dpi)

    def remarks(self) -> Iterator[str]:
        """Say what a choice of layers does, and where a run may be of several or of another than the drawn dataset."""
        from algocli.results.choosing import tell_choice
        from algocli.results.data_of_runs import tell_data
        from algocli.runs.mixtures import tell_mixtures
        from algocli.runs.networks import tell_random_weights

        if self.request.chooses and not self.wishes.nested:
            yield from filter(None, [tell_choice(self.runs, self.subjects, layers=True)])
        yield from tell_random_weights(self.runs)
        for run in self.runs:
            yield from tell_mixtures(run, self.subjects)
        pairs = [(self.challenge.subject(n), run.subject(n)) for run in self.runs for n in self.subjects]
        yield from dict.fromkeys(tell_data(pairs))
