"""One subject of a run: what its arrays and its record say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import keep, read_kept
from algocli.compute.calls import forgiving
from algocli.compute.choices import check_choice
from algocli.compute.vouching import read_sealed
from algocli.dataset.naming import id_of
from algocli.dataset.sides import Side, check_side, sides_in
from algocli.encoding.settings import Settings
from algocli.errors import DataError, MissingStep, UsageError
from algocli.runs.commands import again, on_its_data
from algocli.runs.manifest import as_settings
from algocli.runs.vouched_arrays import VouchedArrays

# What `predict` keeps of a subject's model.
MODEL = "model.npz"
# What a choice between runs keeps of how well each predicts within the images that it fits.
INNER = "inner_scores.npz"


@forgiving
class SubjectRun(VouchedArrays):
    """One subject of a run; arrays are opened as memory maps."""

    def __repr__(self) -> str:
        run, where = self.folder.parent.name, str(self.folder)
        if not self.done:
            return f"SubjectRun(subject {self.id} of {run}: not done; {where!r})"
        sizes = self.record.get("n_vertices")
        vertices = " and ".join(f"{n} {side}" for side, n in sizes.items()) if isinstance(sizes, dict) else "?"
        return f"SubjectRun(subject {self.id} of {run}: {vertices} vertices, {len(self.arrays)} arrays; {where!r})"

    def array(self, name: str) -> NDArray[Any]:
        """Open an array by its name, such as 'left_alpha', as a memory map.

        `correlation`, `alphas` and the other methods say what the axes of each are.

        Raises
        ------
        UsageError
            If there is none of that name; those that there are, are told.
        DataError
            If it is damaged.
        """
        # As the files of maps and predictions begin; ours are called by the side's own name.
        side, _, rest = name.partition("_") if isinstance(name, str) else ("", "", "")
        called = f"{'left' if side == 'lh' else 'right'}_{rest}" if side in ("lh", "rh") else name
        return self.load(check_choice("name", called, self.arrays))

    @property
    def data_folder(self) -> Path | None:
        """Where the subject's data was; None where the record does not say, as one from elsewhere may not.

        Where it is gone from there, and the run has been found to be of the data of another folder since, it is there.
        """
        recorded = self.record.get("data")
        if not isinstance(recorded, str) or not recorded:
            return None
        home = None
        with suppress(DataError):
            home = read_sealed(self.folder.parent / "manifest.json").get("data")
        moved = Path(home) / self.folder.name if isinstance(home, str) and home else None
        # Below a folder that may not be entered, os.path answers False where pathlib raises.
        is_moved = moved is not None and not os.path.isdir(recorded) and os.path.isdir(moved)  # noqa: PTH112
        return moved if moved is not None and is_moved else Path(recorded)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that responses were predicted of, in the order of tables."""
        record: dict[str, Any] = {}
        # Arrays may be read before there is a record.
        with suppress(DataError):
            record = self.record
        return sides_in(record)

    def _side(self, side: object) -> Side:
        return check_side(side, self.sides)

    def correlation(self, hemisphere: Side) -> NDArray[np.float64]:
        """Return r of held-out responses per vertex, (n_vertices,); with folds, the mean over folds."""
        return self.load_finite(f"{self._side(hemisphere)}_correlation")

    def fold_correlations(self, hemisphere: Side) -> NDArray[np.float64]:
        """Return r per fold and vertex, (n_folds, n_vertices); a single holdout is one fold."""
        return self.load_finite(f"{self._side(hemisphere)}_fold_correlation")

    def validation_rows(self) -> NDArray[np.int64]:
        """Return the training rows that were held out, (n_validation,), in the order of their predictions."""
        return self.load("validation_rows")

    def validation_folds(self) -> NDArray[np.int64]:
        """Return the fold of each held-out row, (n_validation,)."""
        return self.load("validation_folds")

    @property
    def n_folds(self) -> int:
        """How many models were scored; 1 of a single holdout."""
        return len(self.fold_correlations(self.sides[0]))

    def validation_predictions(self, hemisphere: Side) -> NDArray[np.float32]:
        """Return predicted responses to the held-out rows, (n_validation, n_vertices)."""
        return self.load(f"{self._side(hemisphere)}_pred_validation")

    def test_predictions(self, hemisphere: Side) -> NDArray[np.float32]:
        """Return predicted responses to the test images, (n_test, n_vertices); see `check_test_predictions`."""
        if self.done:
            self.check_test_predictions()
        # They go where nobody can tell.
        return self.load(f"{self._side(hemisphere)}_pred_test", in_full=True)

    def check_test_predictions(self) -> None:
        """Raise an error where there are none, as features, or the data, were of the training images alone.

        Raises
        ------
        MissingStep
            If features of the test images can be had.
        DataError
            If there are no test images.
        """
        record = self.record
        lacking = f"run {self.folder.parent.name} has no test predictions of subject {self.id}"
        if record.get("n_test") == 0:
            raise DataError(
                f"{lacking}: its data has no test images",
                hint="`algocli predict` takes any images",
            )
        names = record.get("without_test")
        if names:
            raise MissingStep(
                f"{lacking}: {', '.join(names)} has features of the training images alone",
                hint=f"import features of the test images too, with --name {names[0]} --force, and train again",
            )

    def alphas(self, hemisphere: Side) -> NDArray[np.float32]:
        """Return ridge's penalty of each fit and vertex, (n_fits, n_vertices), relative to a component's mean variance.

        The fits are the folds in order and then the refit. A blend has one a layer: (n_fits, n_layers, n_vertices).
        That of banded ridge is to be divided by a layer's share.

        Raises
        ------
        DataError
            If the run's regression has none.
        """
        return self.of_regression("alpha", hemisphere)

    def blend_weights(self, hemisphere: Side) -> NDArray[np.float32]:
        """Return how a blend weighs its layers' models, (n_fits, n_layers, n_vertices); none is negative.

        The fits are the folds in order and then the refit, the layers those of the settings. Of receptive fields beside
        ridge, windows and ridge have one each.

        Raises
        ------
        DataError
            If the run is no blend.
        """
        return self.of_regression("blend", hemisphere)

    def band_shares(self, hemisphere: Side) -> NDArray[np.float32]:
        """Return each layer's share in a banded ridge, (n_fits, n_layers, n_vertices); they sum to one.

        A layer's penalty is that of the vertex (`alphas`) over its share. Fits and layers are as a blend has them.

        Raises
        ------
        DataError
            If the run is no banded ridge.
        """
        return self.of_regression("band", hemisphere)

    def of_regression(self, name: str, hemisphere: Side) -> NDArray[Any]:
        """Return an array that the run's regression leaves, by the name that it goes by there; its axes are told there.

        Raises
        ------
        DataError
            If the run has none of that name.
        """
        return self.load(f"{self._side(hemisphere)}_{name}")

    def may_have(self, settings: Settings) -> bool:
        """Say whether the record tells of no other settings than these; one of old tells of none."""
        recorded = self.record.get("settings")
        try:
            return recorded is None or as_settings(recorded) == settings
        except (TypeError, ValueError, UsageError):
            return False

    def check_settings(self, settings: Settings) -> None:
        """Refuse a record that tells of other settings than its run does.

        Raises
        ------
        DataError
            If it does.
        """
        if not self.may_have(settings):
            manifest = self.folder.parent / "manifest.json"
            message = f"{self.folder / 'record.json'} tells of other settings than {manifest}"
            raise DataError(message, hint=self.again_as_it_was())

    def again_as_it_was(self) -> str:
        """Return the command that trains this subject again, with the settings of what is there.

        Whole arrays are those that the record vouches for, whatever the manifest has come to say; with it the others
        of the run, which is replaced as a whole.
        """
        run = self.folder.parent
        with suppress(DataError, KeyError, TypeError, ValueError, UsageError):
            settings = as_settings(self.record["settings"])
            if not self.faults():
                everyone = [id_of(path.parent.name) for path in sorted(run.glob("*/record.json"))]
                return f"{on_its_data(run, settings, everyone)} --force"
        return again(run, [self.id])

    def other_code(self, code: Mapping[str, Any]) -> bool:
        """Say whether the record tells of another source than this of the code that the regression runs."""
        recorded = self.record.get("regression")
        return isinstance(recorded, dict) and recorded.get("source") != code.get("source")

    def model(self) -> dict[str, NDArray[Any]] | None:
        """Return what was kept of this subject's model for new images.

        None where nothing was, it is damaged, or the subject has been trained again since.
        """
        return read_kept(self.folder / MODEL, self.record_digest())

    def save_model(self, arrays: Mapping[str, NDArray[Any]], whose: str) -> None:
        """Keep what predictions of new images need of the model that the record with this digest stands for."""
        keep(self.folder / MODEL, whose, arrays)

    def check_split(self) -> None:
        """Refuse held-out rows that are not those that the record tells of; records of old do not tell.

        Raises
        ------
        DataError
            If they differ, in number or in which fold has which.
        """
        rows, folds = self.validation_rows(), self.validation_folds()
        told = self.record.get("held_out")
        digest = told.get("digest") if isinstance(told, dict) else None
        if rows.shape != folds.shape or digest not in (None, digest_split(rows, folds)):
            raise self.damaged(f"{self.folder} holds a damaged split")

    def record_digest(self) -> str:
        """Return what tells the record from any other."""
        return hashlib.sha256((self.folder / "record.json").read_bytes()).hexdigest()


def digest_split(rows: NDArray[np.int64], folds: NDArray[np.int64]) -> str:
    """Return a digest of which rows were held out, and in which fold each, both (n_validation,)."""
    return hashlib.sha256(np.stack([rows, folds]).astype("<i8").tobytes()).hexdigest()
