"""Makes a feature store of what is said of a subject's images: a column a category, or the mean of captions' vectors.

A store is keyed by what its rows follow from, so that no caption is encoded again where they are there already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from algocli.compute.caches import filling
from algocli.compute.choices import check_choice
from algocli.compute.remarks import counted, gather, list_some
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import by_id
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import ids_digest
from algocli.errors import UsageError
from algocli.features.imports.formats.matrix import Made, Matrix, of_array
from algocli.features.imports.recipes import check_wishes
from algocli.features.imports.stores import import_features
from algocli.features.networks.weights import PRETRAINED
from algocli.features.store.commands import WORDS
from algocli.features.store.keys import Dtype
from algocli.features.store.library import readable_stores, store_folders
from algocli.features.store.shards import FeatureStore
from algocli.features.words.categories import Measure, measure_each
from algocli.features.words.encoders import open_encoder
from algocli.features.words.encoding import TextEncoder, Tokens, mean_vectors, tokenise_each
from algocli.features.words.gathering import Said, gather_captions, gather_shown
from algocli.features.words.saying import Shown

_MEASURES: Mapping[Measure, str] = {
    "presence": "1 where an image shows any of it, else 0",
    "count": "how many of it an image shows, a crowd as one",
    "share": "how much of the image it covers, 0 to 1, overlaps once",
}
# What has to be the same for all subjects.
_HOW = ("measure", "columns", "overlaps", "encoder", "weights", "pooling")


def import_words(
    subjects: Sequence[Subject],
    files: Sequence[Path],
    name: str,
    cache_dir: Path,
    *,
    coco: Path | None = None,
    measure: Measure | None = None,
    encoder: str | None = None,
    weights: str | None = None,
    device: str = "auto",
    dtype: Dtype | None = None,
    force: bool = False,
    track: Track = silent,
    note: Note = unheard,
) -> list[FeatureStore]:
    """Bring the stores of some subjects' words, called `name`, to completion and return them.

    Parameters
    ----------
    files
        COCO's annotations, or tables of labels or captions.
    coco
        The table that says where each image was cut out of COCO's; None where files call images as the subjects do.
    measure
        What a category's number is; by default whether an image shows any of it.
    encoder, weights
        The text encoder that captions go through; None where categories are meant. See `open_encoder`.
    dtype, force
        As `algocli.features.imports.stores.import_features` takes them.

    Raises
    ------
    UsageError
        If the wishes do not fit together.
    DataError, StorageError
        If a file cannot be read or lacks an image, or the cache cannot be written.
    """
    check_wishes(name, dtype)
    ordered = sorted(subjects, key=lambda subject: by_id(subject.id))
    told = {"files": [str(file.resolve()) for file in files], "coco": None if coco is None else str(coco.resolve())}
    if encoder is None:
        if weights is not None:
            raise UsageError("weights=... are a text encoder's: name it with encoder=...")
        matrices = _of_categories(ordered, files, coco, measure or "presence", told, track, note)
    else:
        if measure is not None:
            raise UsageError("measure=... is for categories, and encoder=... makes features of captions: not both")
        opened = open_encoder(encoder, weights or PRETRAINED, device)
        matrices = _of_captions(ordered, files, coco, opened, told, track, note)
    _refuse_mixture(cache_dir, name, ordered, matrices[0].made)
    with filling(cache_dir, note):
        return [
            import_features(
                subject, matrix, range(matrix.n_rows), name, cache_dir, dtype=dtype, force=force, track=track, note=note
            )
            for subject, matrix in zip(ordered, matrices, strict=True)
        ]


def _of_categories(
    subjects: Sequence[Subject],
    files: Sequence[Path],
    coco: Path | None,
    measure: Measure,
    told: Mapping[str, Any],
    track: Track,
    note: Note,
) -> list[Matrix]:
    check_choice("measure", measure, get_args(Measure))
    said, categories = gather_shown(subjects, files, coco, track)
    note(f"{counted(len(categories), 'categories')} ({list_some(categories)}), {_MEASURES[measure]}")
    rows = [one.rows(files) for one in said]
    remarks = [
        (one.subject.id, "", text)
        for one, shown in zip(said, rows, strict=True)
        for text in _tell_shown(one, shown, measure)
    ]
    for line in gather(remarks):
        note(line)
    # Shares of old counted twice what two things of a category cover.
    overlaps = {"overlaps": "once"} if measure == "share" else {}
    about = {**told, "measure": measure, "columns": list(categories), **overlaps}
    how = {word: about[word] for word in ("measure", "columns")}
    matrices = []
    for one, shown in zip(said, rows, strict=True):
        numbers = measure_each(shown, categories, measure)
        made = Made(_digest(one.subject, len(numbers), how, numbers.tobytes()), about)
        matrices.append(replace(of_array(files[0], None, numbers), made=made))
    return matrices


def _of_captions(
    subjects: Sequence[Subject],
    files: Sequence[Path],
    coco: Path | None,
    encoder: TextEncoder,
    told: Mapping[str, Any],
    track: Track,
    note: Note,
) -> list[Matrix]:
    said = gather_captions(subjects, files, coco, track)
    note(f"{encoder.name}: of each caption {encoder.pooling}, of each image the mean of its captions")
    about = {**told, "encoder": _whole(encoder.name), "weights": _whole(encoder.weights), "pooling": encoder.pooling}
    matrices, remarks = [], []
    for one in said:
        captions = one.rows(files)
        tokens, n_cut = tokenise_each(encoder, captions)
        remarks += [(one.subject.id, "", text) for text in _tell_captions(one, captions, n_cut, encoder)]
        made = Made(_digest(one.subject, len(captions), {"encoder": encoder.digest}, repr(tokens).encode()), about)
        vectors = _Vectors(encoder, tokens, track)
        shape = (len(captions), encoder.n_features)
        matrices.append(Matrix(files[0], None, shape, np.dtype(np.float32), vectors.read, made=made))
    for line in gather(remarks):
        note(line)
    return matrices


def _whole(name: str) -> str:
    """Return a name with its path, where it is one, from the root: it is to be read from other folders too."""
    rest = name.removeprefix("hf:")
    folder = Path(rest).expanduser()
    return f"{name.removesuffix(rest)}{folder.resolve()}" if folder.exists() else name


@dataclass(frozen=True)
class _Vectors:
    """The vectors of a subject's images, all made when the first is asked for."""

    encoder: TextEncoder
    captions: Sequence[Sequence[Tokens]]
    track: Track

    @cached_property
    def _all(self) -> NDArray[np.float32]:
        return mean_vectors(self.encoder, self.captions, self.track)

    def read(self, rows: Sequence[int]) -> NDArray[np.float32]:
        return self._all[list(rows)]


def _digest(subject: Subject, n_rows: int, how: Mapping[str, Any], said: bytes) -> str:
    """Digest what the rows of a subject's first images follow from."""
    beginning = f"words {ids_digest(subject.stimuli[:n_rows])} {sorted(how.items())}\n"
    return hashlib.sha256(beginning.encode() + said).hexdigest()


def _tell_shown(said: Said[Shown], rows: Sequence[Sequence[Shown]], measure: Measure) -> Iterator[str]:
    """Say what of a subject's images there is to be known before it is a number."""
    yield from _tell_training_alone(said, rows)
    n_different = [len({thing.category for thing in things}) for things in rows]
    yield f"an image shows {np.mean(n_different):.1f} categories on average"
    none = [said.subject.stimuli[place].path.name for place, n in enumerate(n_different) if not n]
    if none:
        show, have = ("shows", "has") if len(none) == 1 else ("show", "have")
        n_all = counted(len(rows), "images")
        yield f"{len(none):,} of {n_all} {show} none of them, and {have} zeros: {list_some(none)}"
    n_crowds = sum(thing.is_crowd for things in rows for thing in things)
    if n_crowds and measure == "count":
        yield "1 crowd counts as one" if n_crowds == 1 else f"{n_crowds:,} crowds count as one each"


def _tell_captions(said: Said[str], rows: Sequence[Sequence[str]], n_cut: int, encoder: TextEncoder) -> Iterator[str]:
    yield from _tell_training_alone(said, rows)
    n_each = [len(captions) for captions in rows]
    each = str(min(n_each)) if min(n_each) == max(n_each) else f"{min(n_each)} to {max(n_each)}"
    yield f"{counted(sum(n_each), 'captions')}, {each} an image"
    if n_cut:
        are = "is" if n_cut == 1 else "are"
        yield f"{counted(n_cut, 'captions')} {are} cut at the {encoder.longest} tokens that {encoder.name} takes"


def _tell_training_alone(said: Said[Any], rows: Sequence[Any]) -> Iterator[str]:
    if len(rows) < len(said.subject.stimuli):
        yield "the files know the training images alone: there will be no test predictions"


def _refuse_mixture(cache_dir: Path, name: str, subjects: Sequence[Subject], made: Made | None) -> None:
    """See that what other subjects have under this name was made in the same way.

    Raises
    ------
    UsageError
        If it was not.
    """
    about = made.about if made else {}
    ids = {subject.id for subject in subjects}
    others = [store for store in readable_stores(store_folders(cache_dir)) if store.name == name]
    for store in others:
        known = store.manifest["provenance"].get(WORDS) or {}
        differing = [word for word in _HOW if known.get(word) != about.get(word)]
        if store.subject not in ids and differing:
            raise UsageError(
                f"name={name!r} is that of subject {store.subject}'s features, made in another way: its "
                f"{differing[0]} differ"
                if differing[0] in ("columns", "overlaps")
                else f"name={name!r} is that of subject {store.subject}'s features, whose {differing[0]} is "
                f"{known.get(differing[0])}, not {about.get(differing[0])}",
                hint="choose another name, or make those of all subjects at once",
            )
