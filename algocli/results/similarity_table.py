"""The similarities of layers as rows, arrays and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_path
from algocli.compute.remarks import counted
from algocli.compute.tables import as_frame, write_rows
from algocli.compute.vouching import write_sealed
from algocli.dataset.arrays import save_array
from algocli.dataset.naming import SubjectId, list_subjects
from algocli.results.similarity import Compared, GroupSimilarityRow, How, SimilarityRow, over_subjects, rows_of

# What layers are compared with.
Kind = Literal["ROI", "RDM", "layer"]
ARRAYS = ("similarity", "low", "high", "p")


@dataclass(frozen=True)
class Similarity:
    """How similar layers are to what they were compared with.

    Attributes
    ----------
    rows
        A row for each subject, layer and target.
    group
        The same over subjects; empty where there is but one.
    kind
        Whether targets are ROIs, RDMs, or layers of a network.
    notes
        What readers have to know.
    """

    rows: tuple[SimilarityRow, ...]
    group: tuple[GroupSimilarityRow, ...]
    kind: Kind
    how: How
    n_images: tuple[int, ...]
    layers: tuple[str, ...]
    targets: tuple[str, ...]
    classes: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        kind: Kind,
        how: How,
        result: Sequence[Compared],
        same: Sequence[NDArray[np.int64]] = (),
        notes: Sequence[str] = (),
    ) -> Similarity:
        """Return what was found, of several subjects also over these, by the images that all of them saw."""
        rows = tuple(row for compared in result for row in rows_of(compared, how))
        targets = {target.name: target.roi_class for compared in result for target in compared.targets}
        several = len({row.subject for row in rows}) > 1
        return cls(
            rows,
            tuple(over_subjects(result, how, same)) if several else (),
            kind,
            how,
            tuple(dict.fromkeys(compared.n_images for compared in result)),
            tuple(layer.name for layer in result[0].layers),
            tuple(targets),
            targets,
            tuple(notes),
        )

    def __repr__(self) -> str:
        of = list_subjects([item for item in self.subjects if item is not None])
        what = f"{counted(len(self.layers), 'layers')} x {counted(len(self.targets), f'{self.kind}s')}"
        return f"Similarity({what}, {of}: {self.how.told})"

    @property
    def subjects(self) -> tuple[SubjectId | None, ...]:
        """Whose rows there are, each once, in their order."""
        return tuple(dict.fromkeys(row.subject for row in self.rows))

    @property
    def described(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        group = {"group": [asdict(row) for row in self.group]} if self.group else {}
        return {**asdict(self.how), "kind": self.kind, **group, "rows": self.table(), "notes": list(self.notes)}

    def table(self) -> list[dict[str, Any]]:
        """Return the rows as dicts, a field a key."""
        return [asdict(row) for row in self.rows]

    def to_pandas(self) -> Any:
        """Return `table` as a pandas.DataFrame.

        Raises
        ------
        UsageError
            If pandas is not installed.
        """
        return as_frame(self.table())

    def array(self, what: str = "similarity") -> NDArray[np.float64]:
        """Return numbers of all rows, (n_subjects, n_layers, n_targets); NaN where a subject lacks a target.

        Parameters
        ----------
        what
            'similarity', 'low', 'high' or 'p'.
        """
        result = np.full((len(self.subjects), len(self.layers), len(self.targets)), np.nan)
        axes = [{item: place for place, item in enumerate(axis)} for axis in (self.subjects, self.layers, self.targets)]
        for row in self.rows:
            value = getattr(row, what)
            if value is not None:
                result[axes[0][row.subject], axes[1][row.layer], axes[2][row.target]] = value
        return result

    @property
    def shown(self) -> NDArray[np.float64]:
        """What a table or a heatmap shows, (n_layers, n_targets): of several subjects their mean."""
        whole = self.array()
        n = np.isfinite(whole).sum(axis=0)
        return np.where(n > 0, np.nansum(whole, axis=0) / np.maximum(n, 1), np.nan)

    def write_csv(self, path: Path | str) -> None:
        """Write every subject's rows at full precision.

        Raises
        ------
        StorageError
            If the file cannot be written.
        """
        columns = [field.name for field in fields(SimilarityRow)]
        write_rows(check_path("csv", path), columns, ([*record.values()] for record in self.table()))

    def export(self, folder: Path | str) -> list[Path]:
        """Write every number as .npy, (n_subjects, n_layers, n_targets), the names of the axes, and tables.

        Returns
        -------
        The files.

        Raises
        ------
        StorageError
            If they cannot be written.
        """
        place = check_path("folder", folder)
        paths = []
        for name in ARRAYS:
            paths.append(place / f"{name}.npy")
            save_array(paths[-1], self.array(name))
        self.write_csv(place / "similarity.csv")
        paths.append(place / "similarity.csv")
        if self.group:
            paths.append(place / "subjects.csv")
            columns = [field.name for field in fields(GroupSimilarityRow)]
            write_rows(paths[-1], columns, ([*asdict(row).values()] for row in self.group))
        axes = {"subjects": list(self.subjects), "layers": list(self.layers), "targets": list(self.targets)}
        paths.append(place / "axes.json")
        write_sealed(paths[-1], {**axes, **asdict(self.how)})
        return paths
