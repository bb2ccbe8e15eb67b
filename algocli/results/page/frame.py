"""What all pages of results share: a part for each subject, what to cite, and around them links, style and script."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import ClassVar

from markupsafe import Markup

from algocli import __version__
from algocli.compute.files import in_utf8, publish
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import HEMISPHERES
from algocli.errors import StorageError, UsageError
from algocli.results.drawing.brain_map import BrainMap
from algocli.results.page.filling import asset, fill, theme_style
from algocli.results.page.pictures import Picture
from algocli.results.page.tables import Table
from algocli.results.page.viewer import turnable, viewer_assets
from algocli.results.telling import NOT_TEST, SCORED_ON

SUFFIXES = (".html", ".htm")
# What a paper that shows these results should cite; the program itself in its present version.
WORKS = {
    "The program": f"algocli {__version__}: encoding models of the human visual cortex.",
    "The challenge": (
        "Gifford, A. T., Lahner, B., Saba-Sadiya, S., Vilas, M. G., Lascelles, A., Oliva, A., Kay, K., Roig, G., "
        "and Cichy, R. M. (2023). The Algonauts Project 2023 Challenge: How the Human Brain Makes Sense of Natural "
        "Scenes. arXiv:2301.03198."
    ),
    "The data": (
        "Allen, E. J., St-Yves, G., Wu, Y., Breedlove, J. L., Prince, J. S., Dowdle, L. T., Nau, M., Caron, B., "
        "Pestilli, F., Charest, I., Hutchinson, J. B., Naselaris, T., and Kay, K. (2022). A massive 7T fMRI "
        "dataset to bridge cognitive neuroscience and artificial intelligence. Nature Neuroscience 25, 116-126. "
        "doi:10.1038/s41593-021-00962-x."
    ),
}


@dataclass(frozen=True)
class SubjectPart:
    """What a page shows of one subject; maps come with an id of their own. `about` is its outcome in a few words.

    Each of the `folded` tables is behind a line to press.
    """

    number: SubjectId
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]
    maps: tuple[tuple[str, BrainMap], ...]
    about: str = ""
    folded: tuple[Table, ...] = ()

    @property
    def ident(self) -> str:
        """The part's id."""
        return f"subject-{self.number}"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What any page of results shows, and the template that says where.

    The title may hold any letters. `overview` has tables over several subjects, `pictures` charts and `maps` cortices
    of them; `how_sure` what its figures mean and rest on, by their names, `repeat` the commands to type. Where there
    are several subjects, the part of each is folded.
    """

    template: ClassVar[str]

    title: str
    overview: tuple[Table, ...]
    pictures: tuple[Picture, ...]
    subjects: tuple[SubjectPart, ...]
    how_sure: tuple[tuple[str, str], ...]
    repeat: tuple[str, ...]
    notes: tuple[str, ...]
    maps: tuple[tuple[str, BrainMap], ...] = ()

    @property
    def is_folded(self) -> bool:
        """Say whether the parts of subjects are folded away."""
        return len(self.subjects) > 1


@dataclass(frozen=True)
class Frame:
    """Links to parts of the page by their ids, and what goes into its style and script elements."""

    links: dict[str, str]
    style: Markup
    meshes: Markup
    script: Markup

    @property
    def policy(self) -> str:
        """What a browser may do with the page: run its own script and no other, and load nothing."""
        digest = b64encode(sha256(self.script.encode()).digest()).decode()
        return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:"


def check_page(path: Path) -> None:
    """Refuse a page's file name that has another ending, or whose folder cannot be written.

    Raises
    ------
    UsageError
        If the ending is none of a page's.
    StorageError
        If a folder has that name, or the folder around it is a file or may not be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"a page cannot be written as {path}", hint=f"end it in {' or '.join(SUFFIXES)}")
    if path.is_dir():
        raise StorageError(f"cannot write {path}: a folder stands where the file should go", hint="choose another name")
    # Folders that are missing will be made, below the last one that is there.
    around = next(folder for folder in path.absolute().parents if folder.exists())
    if not around.is_dir():
        raise StorageError(f"cannot write {path}: {around} is no folder", hint="choose another folder")
    if not os.access(around, os.W_OK | os.X_OK):
        raise StorageError(
            f"cannot write {path}: no permission to write in {around}",
            hint="choose another folder, or change its permissions",
        )


def write_page(page: Page, path: Path) -> None:
    """Write a page as one file that needs no other file and no network; the same content gives the same bytes.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    text = fill(
        page.template,
        page=page,
        frame=frame(page),
        turnable=turnable,
        works=WORKS,
        scored_on=SCORED_ON,
        not_test=NOT_TEST,
        version=__version__,
    )
    publish(path, lambda stream: stream.write(in_utf8(text).encode()))


def frame(page: Page) -> Frame:
    """Return what surrounds the parts of a page; what turns cortices is there where any is shown."""
    links = {
        "summary": "Summary",
        **{part.ident: f"Subject {part.number}" for part in page.subjects},
        "how-sure": "How sure",
        "provenance": "Provenance",
        "citing": "Citing",
    }
    style, script, meshes = [theme_style(), asset("page.css")], [asset("theme_switch.js"), asset("page.js")], Markup("")
    maps = [shown for _, shown in chain(page.maps, *(part.maps for part in page.subjects))]
    if maps:
        hemispheres = [h for h in HEMISPHERES if any(h in shown.hemispheres for shown in maps)]
        viewer = viewer_assets(maps[0].surface, hemispheres)
        style.append(viewer.style)
        script.append(viewer.script)
        meshes = viewer.meshes
    return Frame(links, Markup("\n").join(style), meshes, Markup("\n").join(script))
