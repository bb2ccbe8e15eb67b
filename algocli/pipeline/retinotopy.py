"""Receptive fields of runs beside those of a mapping experiment, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_path, check_paths
from algocli.dataset.nsd.prf_files import find_prf_files
from algocli.errors import UsageError
from algocli.pipeline.arguments import Data, Ids, Paths, Rois, data_of, each_run, some_ids, some_rois
from algocli.results.prf import PrfComparison, compare_fields
from algocli.results.regions import check_min_ceiling
from algocli.results.rows import write_csv
from algocli.results.scoring import scored_subjects
from algocli.runs.meanwhile import unreplaced
from algocli.runs.run import Run


@forgiving
@anew
def compare_prf(
    runs: Sequence[Run] | Run,
    prf: Paths,
    *,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    csv: Path | str | None = None,
) -> PrfComparison:
    """Correlate the receptive fields of runs with those that a mapping experiment has measured, ROI by ROI.

    Parameters
    ----------
    runs
        One or several that have receptive fields.
    prf
        Files such as lh.prfangle.mgz and lh.prfeccentricity.mgz, or the folder that they lie in, of one subject: on the
        mesh of the data, or with a value for each of its vertices; .mgh, .mgz, .nii.gz or .npy.
    data_dir
        The folder of the data, or the dataset itself; by default where the runs were trained.
    subjects
        Whose files they are, where runs have several subjects.
    rois, min_ceiling
        The only ROIs, and the least noise ceiling of the vertices that count.
    csv
        A file to write the rows to, at full precision.

    Returns
    -------
    A PrfComparison; its `rows` have the circular correlation of polar angle, that of eccentricity, and of how many
    vertices they are.

    Raises
    ------
    UsageError
        If a run has no receptive fields, there are several subjects, or an argument is not what it can be.
    MissingStep, DataError, StorageError
        If a run lacks the subject, a file is damaged or of another surface, or a file cannot be written.

    Examples
    --------
    >>> subject, layers = algocli.Challenge("demo").subject(1), ["features.2", "features.5"]
    >>> run = algocli.train(subject, layers=layers, regression="fields", windows="coarse", name="seen")
    >>> files = algocli.export(run, "measured")
    >>> [row.hemisphere for row in algocli.compare_prf(run, "measured/subj01", rois="V1v").rows]
    ['left', 'right']
    """
    some, paths, numbers = each_run(runs), check_paths("prf", prf), some_ids(subjects)
    if not some:
        raise UsageError("runs: there is none to compare with prf=...")
    files, data = find_prf_files(paths), data_of(some, data_dir)
    chosen = [subject for subject, _ in scored_subjects(data, some[0], numbers)]
    if len(chosen) != 1:
        raise UsageError(
            f"files of prf=... are one subject's, and there are {len(chosen)}",
            hint=f"say whose they are: subjects={chosen[0].id}",
        )
    with unreplaced(some):
        comparison = compare_fields(
            some, chosen[0], files, rois=some_rois(rois), min_ceiling=check_min_ceiling(min_ceiling)
        )
        if csv is not None:
            write_csv(comparison, check_path("csv", csv))
    return comparison
