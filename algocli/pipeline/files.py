"""A run's results per vertex, from Python, in files for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_choice, check_flag, check_path, check_word
from algocli.compute.track import Note, said_aside
from algocli.dataset.naming import SubjectId
from algocli.dataset.opening import open_dataset
from algocli.dataset.protocol import Subject
from algocli.errors import DataError, UsageError
from algocli.pipeline.arguments import Data, Ids, one_run, refuse_file, some_ids
from algocli.pipeline.defaults import DEFAULT_DATA, DEFAULT_EXPORT, ExportFormat
from algocli.results.data_of_runs import recorded_subjects, tell_changed_files, tell_data
from algocli.results.export_folder import delete_stale, exporting
from algocli.results.export_group import MapFormat, export_group
from algocli.results.group import check_group
from algocli.results.receptive_fields import check_layer
from algocli.results.scoring import scored_subjects
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.networks import tell_random_weights
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


@forgiving
@anew
def export(
    run: Run,
    folder: Path | str = DEFAULT_EXPORT,
    *,
    file_format: ExportFormat = "npy",
    group: bool = False,
    layer: str | None = None,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    made: Callable[[Path], object] | None = None,
    note: Note = said_aside,
) -> list[Path]:
    """Write a run's results per vertex, a folder a subject, or maps of all subjects together.

    What an earlier export has left there in the same format, and this one has no more, is deleted: p values of a run
    that was trained again, say.

    Parameters
    ----------
    folder
        Where to write subj01 and so on.
    file_format
        'npy' for correlations, (n_vertices,), and predictions of the held-out images, (n_validation, n_vertices);
        'csv' for a row a vertex; 'gifti', 'mgh' and 'nifti' for maps on fsaverage, 163,842 vertices a hemisphere. All
        have the receptive fields that a run has found, as prfangle, prfeccentricity, prfsize, prfx, prfy and prfmargin.
    group
        Whether to write the means over subjects instead, as 'gifti', 'mgh' or 'nifti' in a folder called group, each
        over those who have a response at a vertex, and how many they are.
    layer
        Of receptive fields with a window for each layer: whose to write, under the same names; by default at each
        vertex those of the layer that weighs most.
    data_dir
        The folder of the data, or the dataset itself, which all but 'npy' needs; by default each subject's
        data where it was trained.
    subjects
        Numbers or names of the only subjects to write; by default all that the run has.
    made
        Called with each file as soon as it is there.
    note
        How to say something by the way.

    Returns
    -------
    The files.

    Raises
    ------
    UsageError
        If there is no such format, a group has but one subject or is to be written as no map, the run has no receptive
        fields on the layer, or an argument is not what it can be.
    MissingStep
        If the run has not been trained on a subject that was asked for.
    DataError, StorageError
        If data that is needed is gone, or a file cannot be written.

    Examples
    --------
    >>> run = algocli.find_run("cache")
    >>> [path.name for path in algocli.export(run, "tables", file_format="csv")]
    ['vertices.csv']
    """
    one_run(run)
    output = check_path("folder", folder)
    refuse_file(output)
    check_choice("file_format", file_format, get_args(ExportFormat))
    if output.name in get_args(ExportFormat) and output.name != file_format:
        raise UsageError(
            f"folder='{output}' is the name of a format, and the format is '{file_format}'",
            hint=f"the format has a name: file_format='{output.name}'",
        )
    numbers = some_ids(subjects)
    if check_flag("group", group):
        check_group(run.subjects if numbers is None else numbers)
        _check_map(file_format)
    check_layer(run, None if layer is None else check_word("layer", layer))
    remarks = [*tell_mixtures(run, numbers), *tell_random_weights([run])]
    if file_format == "npy":
        # The run alone knows all that goes into the arrays; the data may be on another machine.
        files = _arrays(run, numbers, output, layer)
    elif data_dir is not None:
        pairs = scored_subjects(open_dataset(data_dir), run, numbers)
        remarks += tell_data(pairs)
        files = _views(file_format, pairs, output, layer, group=group)
    else:
        files = _views(file_format, _recorded(run, numbers, remarks.append), output, layer, group=group)
    written = []
    with exporting(output):
        for path in files:
            written.append(path)
            if made is not None:
                made(path)
        delete_stale(written)
    for remark in remarks:
        note(remark)
    return written


def _arrays(run: Run, numbers: tuple[SubjectId, ...] | None, output: Path, layer: str | None) -> Iterator[Path]:
    """Write subject by subject, so that a path appears as soon as its file is there."""
    from algocli.results.export import export_arrays

    for number in numbers or run.subjects:
        yield from export_arrays(run.subject(number), output, layer)


def _check_map(file_format: ExportFormat) -> None:
    if file_format not in get_args(MapFormat):
        raise UsageError(
            f"file_format='{file_format}' is no map, and vertices of several subjects meet on maps alone",
            hint="take file_format='gifti', file_format='mgh' or file_format='nifti', or leave out group=...",
        )


def _views(
    file_format: ExportFormat,
    pairs: list[tuple[Subject, SubjectRun]],
    output: Path,
    layer: str | None,
    *,
    group: bool,
) -> Iterator[Path]:
    """Write what needs the data, subject by subject, or of all together."""
    from algocli.results.export import export_table
    from algocli.results.export_maps import export_gifti, export_nifti, export_overlays

    if group:
        for map_format in get_args(MapFormat):
            if map_format == file_format:
                yield from export_group(pairs, output, map_format, layer)
        return
    write = {"csv": export_table, "gifti": export_gifti, "mgh": export_overlays, "nifti": export_nifti}[file_format]
    for subject, share in pairs:
        yield from write(subject, share, output, layer)


def _recorded(run: Run, numbers: tuple[SubjectId, ...] | None, remark: Note) -> list[tuple[Subject, SubjectRun]]:
    """Pair each subject with the data that it was trained on, or that which lies in the usual folder.

    Raises
    ------
    DataError
        If there is neither: only the masks say where on the cortex a vertex lies.
    """
    pairs = []
    for origin in recorded_subjects(run, DEFAULT_DATA, numbers):
        if origin.subject is None:
            raise DataError(
                f"{origin.note}: its masks say where on the cortex each vertex lies",
                hint="name the data with data_dir=..., or take file_format='npy', which needs none",
            )
        if origin.note:
            remark(origin.note)
        pairs.append((origin.subject, origin.subject_run))
    for told in tell_changed_files(pairs):
        remark(told)
    return pairs
