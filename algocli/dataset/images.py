"""Where a subject's images are read from: the dataset's own files, NSD's HDF5 file, or a folder of one's own.

Whatever the source, row r is the image of the subject's stimulus r, training first.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from algocli.compute.budget import check_memory
from algocli.compute.remarks import list_some
from algocli.compute.track import Track, silent
from algocli.dataset.conversions import Conversion, Converted, gather
from algocli.dataset.digests import digest_part, list_conversions, stimuli_digest
from algocli.dataset.hdf5 import (
    SUFFIXES,
    find_dataset,
    list_datasets,
    open_hdf5,
    read_rows,
    refuse_black,
    refuse_unwritten,
)
from algocli.dataset.ids import find_stimuli, read_table
from algocli.dataset.pixels import read_image
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import FROM_DATASET, Source, Stimulus, StimulusId, ids_digest
from algocli.errors import DataError, reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

_DATASET = "imgBrick"
# Images held at once while a brick is digested: 17 MB at NSD's size.
_BLOCK = 32


@dataclass(frozen=True)
class ImageFiles:
    """Images of one subject, by row, that are files of their own; reading is safe from several threads.

    Attributes
    ----------
    kind
        What they are read from.
    stimuli
        The subject's stimuli, one a row.
    paths
        The file of each.
    place
        The folder that holds them; None where they are the dataset's own.
    """

    kind: Source
    stimuli: tuple[Stimulus, ...]
    paths: tuple[Path, ...]
    place: Path | None = None

    def name(self, row: int) -> str:
        """Return what to call a row's image in a message: the file's name."""
        return self.paths[row].name

    def load(self, rows: Sequence[int]) -> list[Image.Image]:
        """Read the images of some rows, in any order, as RGB and upright, transparent pixels laid on mid-grey.

        Raises
        ------
        DataError
            If one is missing or broken; it is named.
        """
        return [read_image(self.paths[row]) for row in rows]

    def digest(self, cache_dir: Path, track: Track = silent) -> str:
        """Return the digest of all images in order, with their splits and ids; remembered in `cache_dir`.

        Copies of the dataset's own files have the digest of these.

        Raises
        ------
        DataError
            If an image is missing or cannot be read.
        StorageError
            If `cache_dir` cannot be written.
        """
        stimuli = [replace(stimulus, path=path) for stimulus, path in zip(self.stimuli, self.paths, strict=True)]
        return stimuli_digest(stimuli, cache_dir, track=track)

    def converted(self, cache_dir: Path) -> Converted:
        """Return the names of the images that are not plain, by what is done to them; remembered likewise.

        Broken ones are left to be told by whoever reads them.

        Raises
        ------
        DataError
            If an image is missing, or one is whole and no pixels can be made of it; it is named.
        StorageError
            If `cache_dir` cannot be written.
        """
        conversions = list_conversions(self.paths, cache_dir)
        if (Conversion.REFUSED,) in conversions:
            # Says why.
            read_image(self.paths[conversions.index((Conversion.REFUSED,))])
        return gather(zip(map(self.name, range(len(self.paths))), conversions, strict=True))


@dataclass(frozen=True)
class ImageBrick:
    """Images of one subject that are rows of NSD's HDF5 file, `place`, where row = NSD id; else as `ImageFiles`."""

    place: Path
    stimuli: tuple[Stimulus, ...]
    kind: Source = "hdf5"

    def name(self, row: int) -> str:
        """Return the file's name and the image's NSD id."""
        return f"{self.place.name}, NSD id {self.stimuli[row].nsd_id}"

    def load(self, rows: Sequence[int]) -> list[Image.Image]:
        """Read the rows, all in one go."""
        from PIL import Image

        return [Image.fromarray(pixels) for pixels in self._pixels(rows)]

    def digest(self, cache_dir: Path, track: Track = silent) -> str:
        """Digest splits, ids and pixels; the file is read again only when it has changed."""
        return digest_part(self.place, ids_digest(self.stimuli), cache_dir, lambda: self._read_digest(track))

    def converted(self, cache_dir: Path) -> Converted:
        """Nothing: such a file holds 8-bit RGB and no word about it."""
        return {}

    def _pixels(self, rows: Sequence[int]) -> NDArray[np.uint8]:
        with open_hdf5(self.place) as file:
            pixels: NDArray[np.uint8] = read_rows(file[_DATASET], self._written_ids(file, rows))
        refuse_black(pixels, [self.name(row) for row in rows])
        return pixels

    def _written_ids(self, file: Any, rows: Sequence[int]) -> list[int]:
        """Return the NSD ids of some rows, all of which the file holds."""
        ids = [self.stimuli[row].nsd_id for row in rows]
        refuse_unwritten(file[_DATASET], ids, f"{_DATASET} of {self.place}", row="NSD id")
        return ids

    def _read_digest(self, track: Track) -> str:
        total, n_stimuli = hashlib.sha256(), len(self.stimuli)
        # All at once: how many images lack is told before the first is read.
        with open_hdf5(self.place) as file:
            self._written_ids(file, range(n_stimuli))
        images = (
            pixels
            for start in range(0, n_stimuli, _BLOCK)
            for pixels in self._pixels(range(start, min(start + _BLOCK, n_stimuli)))
        )
        tracked = track(images, total=n_stimuli, label="digesting images", unit="images")
        for stimulus, pixels in zip(self.stimuli, tracked, strict=True):
            total.update(f"{stimulus.split} {stimulus.id}\n".encode())
            total.update(pixels.data)
        return total.hexdigest()


Images = ImageFiles | ImageBrick


def open_images(subject: Subject, elsewhere: Path | None = None) -> Images:
    """Open a subject's images: the dataset's own, or those of an HDF5 file or a folder `elsewhere`.

    Raises
    ------
    DataError
        If what lies there is missing or malformed, or lacks an image of the subject.
    """
    if elsewhere is None:
        return ImageFiles(FROM_DATASET, subject.stimuli, tuple(stimulus.path for stimulus in subject.stimuli))
    if elsewhere.is_dir():
        return _open_folder(subject, elsewhere)
    if elsewhere.suffix.lower() in SUFFIXES:
        return _open_brick(subject, elsewhere)
    if not elsewhere.exists():
        raise DataError(f"{elsewhere} is missing")
    raise DataError(
        f"{elsewhere} holds no images that can be read",
        hint=f"name NSD's nsd_stimuli.hdf5, or a folder of images with a CSV file of their {subject.ids.name}s",
    )


def _open_brick(subject: Subject, path: Path) -> ImageBrick:
    if subject.ids.n is None:
        raise DataError(
            f"{path} has a row for each number of an image; the images of {subject.name} are called by words",
            hint=f"name a folder of images with a CSV file of their {subject.ids.name}s",
        )
    with open_hdf5(path) as file:
        brick = find_dataset(file, _DATASET)
        if brick is None:
            have = list_some([*list_datasets(file)], 10) or "none"
            raise DataError(
                f"{path} has no dataset {_DATASET}; its datasets: {have}", hint="is it NSD's nsd_stimuli.hdf5?"
            )
        _check_brick(path, brick, subject)
    return ImageBrick(path, subject.stimuli)


def _check_brick(path: Path, brick: Any, subject: Subject) -> None:
    shape: tuple[int, ...] = brick.shape or ()
    if len(shape) != 4 or shape[-1] != 3 or brick.dtype != "uint8":
        raise DataError(
            f"{_DATASET} of {path} is {brick.dtype} of shape {shape}; (73000, 425, 425, 3) uint8 was expected",
            hint=_brick_hint(shape),
        )
    # As many as are held at once: of an absurd shape, even one image.
    check_memory(_BLOCK * math.prod(shape[1:]), remedy=f"{path} has images of {shape[1]} x {shape[2]} pixels")
    last = max(subject.stimuli, key=lambda stimulus: stimulus.nsd_id)
    if last.nsd_id >= shape[0]:
        raise DataError(
            f"{_DATASET} of {path} has {shape[0]} rows, one for each NSD id; "
            f"{subject.name} needs NSD id {last.nsd_id} ({last.path.name})"
        )


def _brick_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 4 and shape[-1] == 3:
        return "write RGB levels from 0 (black) to 255 (white) as uint8: of floats within 0 to 1, 255 times these"
    if len(shape) == 3 or (len(shape) == 4 and shape[-1] == 1):
        return "write greyscale as RGB: the same level three times, as uint8 from 0 (black) to 255 (white)"
    return "take the file from NSD's own archive"


def _open_folder(subject: Subject, folder: Path) -> ImageFiles:
    table = _find_table(folder, subject.ids.column)
    kind = subject.ids
    rows = read_table(table, ("file", kind.column))
    ids = [kind.parse(word, f"{table}, {file}") for file, word in rows]
    files = [rows[place][0] for place in find_stimuli(ids, subject.stimuli, str(table), kind.name)]
    owners: dict[str, StimulusId] = {}
    for file, stimulus in zip(files, subject.stimuli, strict=True):
        _check_inside(table, file)
        other = owners.setdefault(str(PurePosixPath(file)), stimulus.id)
        if other != stimulus.id:
            raise DataError(f"{table} names {file} twice, for {kind.name}s {other} and {stimulus.id}")
    return ImageFiles("folder", subject.stimuli, tuple(folder / file for file in files), folder)


def _find_table(folder: Path, column: str) -> Path:
    """Return the CSV file of a folder's ids."""
    with reading(folder):
        tables = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    if folder / "ids.csv" in tables:
        return folder / "ids.csv"
    if len(tables) != 1:
        there = ", ".join(path.name for path in tables) or "none"
        raise DataError(
            f"{folder} must say which image is which in ids.csv, or in the only CSV file it holds; found {there}",
            hint=f"write ids.csv with the columns file and {column}",
        )
    return tables[0]


def _check_inside(table: Path, file: str) -> None:
    """Refuse a name that leads out of the folder: a table from elsewhere must not choose what is read."""
    name = PurePosixPath(file)
    if not name.parts or name.is_absolute() or ".." in name.parts or "\0" in file:
        raise DataError(f"{table}: {file!r} is no file below its folder")
