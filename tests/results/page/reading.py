"""Reads a page as a parser of the standard library does: its elements, ids and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "input", "br", "hr", "link", "stop", "path", "rect"}


@dataclass
class ReadTable:
    """A table's id, and the text of its cells, row by row; `foot` counts its last rows that are never sorted."""

    ident: str
    rows: list[list[str]] = field(default_factory=list)

    def row(self, name: str) -> list[str]:
        """Return the cells beside a row's head."""
        [found] = [cells[1:] for cells in self.rows if cells and cells[0] == name]
        return found


class ReadPage(HTMLParser):
    """A page's elements with their attributes, their text, and its tables."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.tables: dict[str, ReadTable] = {}
        self.open: list[tuple[str, bool]] = []
        self._table: ReadTable | None = None
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.elements.append((tag, given))
        if tag == "table":
            self._table = self.tables.setdefault(given["id"], ReadTable(given["id"]))
        elif tag == "tr" and self._table is not None:
            self._table.rows.append([])
        elif tag in ("td", "th") and self._table is not None:
            self._table.rows[-1].append("")
        if tag not in VOID:
            # What only a screen reader says, or only a sorted table shows, is no part of a cell's text.
            aside = given.get("class") in ("unseen", "of-class", "mark")
            self.open.append((tag, aside))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1][0] == tag, f"</{tag}> closes <{self.open[-1][0]}>"
        self.open.pop()
        if tag == "table":
            self._table = None

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.open:
            self.text.setdefault(self.open[-1][0], []).append(data)
        in_cell = self._table is not None and any(tag in ("td", "th") for tag, _ in self.open)
        if in_cell and not any(aside for _, aside in self.open):
            self._table.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [given for name, given in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        """Every element's id."""
        return [given["id"] for _, given in self.elements if given.get("id")]
