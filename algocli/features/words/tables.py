"""Plain tables of what images show, or of captions: a line each, by the image's file name or id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from algocli.dataset.ids import read_header, read_table
from algocli.dataset.protocol import Subject
from algocli.errors import DataError
from algocli.features.imports.formats.labels import Labels, rank_key
from algocli.features.imports.locating import find_rows
from algocli.features.words.saying import Origins, Shown

# What a column of either is called, the likeliest first.
_CAPTIONS = ("caption", "captions", "text", "sentence", "description")
_LABELS = ("label", "labels", "category", "categories", "object", "class")


class Table:
    """A .csv or .tsv file whose first line names a column of images, and one of labels or captions."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def categories(self) -> tuple[str, ...]:
        """All labels, sorted."""
        labels = sorted({label for _, label in self._lines(_LABELS) if label})
        if not labels:
            raise DataError(f"{self.path} names nothing that an image shows")
        return tuple(labels)

    def captions(self, subject: Subject, origins: Origins) -> dict[int, list[str]]:
        """Return the captions of each image that the table knows."""
        lines = self._lines(_CAPTIONS)
        captions = self._by_place(subject, lines)
        empty = next((place for place, texts in captions.items() if not all(texts)), None)
        if empty is not None:
            raise DataError(f"{self.path}: {subject.stimuli[empty].path.name} has an empty caption")
        return captions

    def shown(self, subject: Subject, origins: Origins) -> dict[int, list[Shown]]:
        """Return what each image that the table knows is labelled with; an empty label says that it shows nothing."""
        by_place = self._by_place(subject, self._lines(_LABELS))
        return {place: [Shown(label) for label in labels if label] for place, labels in by_place.items()}

    def _lines(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Return each line's image, and what is said of it."""
        column = next((name for word in words for name in self._header if name.lower() == word), None)
        ranked = [(rank, name) for name in self._header if name != column and (rank := rank_key(name)) is not None]
        if column is None or not ranked:
            lacking = f"{words[0]}, or {', '.join(words[1:])}" if column is None else "id, or file_name"
            raise DataError(
                f"{self.path} has no column called {lacking}; it has {', '.join(self._header)[:200] or 'none'}",
                hint=f"its first line should name two columns, as in id,{words[0]}",
            )
        return read_table(self.path, (min(ranked)[1], column))

    @cached_property
    def _header(self) -> list[str]:
        return read_header(self.path)

    def _by_place(self, subject: Subject, lines: Sequence[tuple[str, ...]]) -> dict[int, list[str]]:
        said: dict[str, list[str]] = defaultdict(list)
        for name, text in lines:
            said[name].append(text)
        names = tuple(said)
        rows = find_rows(subject, subject.stimuli, Labels(names, self.path.name))
        return {place: said[names[row]] for place, row in enumerate(rows) if row is not None}
