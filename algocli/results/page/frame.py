"""What all pages of results share: a part for each subject, and around them links, style, script and meshes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from markupsafe import Markup

from algocli.compute.files import publish
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import HEMISPHERES
from algocli.results.drawing.brain_map import BrainMap
from algocli.results.page.filling import asset, fill, theme_style
from algocli.results.page.pictures import Picture
from algocli.results.page.tables import Table
from algocli.results.page.viewer import turnable, viewer_assets


@dataclass(frozen=True)
class SubjectPart:
    """What a page shows of one subject; maps come with an id of their own."""

    number: SubjectId
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]
    maps: tuple[tuple[str, BrainMap], ...]

    @property
    def ident(self) -> str:
        """The part's id."""
        return f"subject-{self.number}"


class Page(Protocol):
    """A page with a title and a part for each subject."""

    @property
    def title(self) -> str:
        """The page's heading, which may hold any letters."""
        ...

    @property
    def subjects(self) -> tuple[SubjectPart, ...]:
        """The parts, in their order."""
        ...


@dataclass(frozen=True)
class Link:
    """A part of the page, by its id, and what its link says."""

    ident: str
    text: str


@dataclass(frozen=True)
class Frame:
    """Links, and what goes into the page's style and script elements."""

    links: tuple[Link, ...]
    style: Markup
    meshes: Markup
    script: Markup

    @property
    def policy(self) -> str:
        """What a browser may do with the page: run its own script and no other, and load nothing."""
        digest = b64encode(sha256(self.script.encode()).digest()).decode()
        return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:"


def write_page(template: str, page: Page, path: Path) -> None:
    """Write a page as one file that needs no other file and no network.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    text = fill(template, page=page, frame=frame(page.subjects), turnable=turnable)
    publish(path, lambda stream: stream.write(text.encode()))


def frame(subjects: Sequence[SubjectPart]) -> Frame:
    """Return what surrounds the parts of some subjects; what turns cortices is there where any is shown."""
    links = (
        Link("summary", "Summary"),
        *(Link(part.ident, f"Subject {part.number}") for part in subjects),
        Link("provenance", "Provenance"),
        Link("citing", "Citing"),
    )
    style, script, meshes = [theme_style(), asset("page.css")], [asset("theme_switch.js"), asset("page.js")], Markup("")
    maps = [shown for part in subjects for _, shown in part.maps]
    if maps:
        hemispheres = [h for h in HEMISPHERES if any(h in shown.hemispheres for shown in maps)]
        viewer = viewer_assets(maps[0].surface, hemispheres)
        style.append(viewer.style)
        script.append(viewer.script)
        meshes = viewer.meshes
    return Frame(links, Markup("\n").join(style), meshes, Markup("\n").join(script))
