"""Fills the HTML templates of pages; whatever is put in is escaped unless it is Markup already."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from algocli.results.drawing.style import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent


def fill(template: str, **content: object) -> Markup:
    """Fill a template, named by its file."""
    return Markup(_environment().get_template(template).render(content))  # noqa: S704


def asset(name: str) -> Markup:
    """Return the text of a style sheet or a script of ours."""
    return Markup((_HERE / "assets" / name).read_text(encoding="utf-8"))  # noqa: S704


def theme_style() -> Markup:
    """Return style rules for the colours that are no data: a `Theme`'s `quiet_ink` is `--quiet-ink`.

    They follow the reader's system unless the html element's `data-theme` says `light` or `dark`; print is light.
    """
    light, dark = (_variables(theme) for theme in (LIGHT, DARK))
    return Markup(  # noqa: S704
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{\n"
        f'  :root:not([data-theme="light"]) {{ color-scheme: dark; {dark} }}\n'
        f"}}\n"
        f'@media screen {{ :root[data-theme="dark"] {{ color-scheme: dark; {dark} }} }}\n'
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _variables(theme: Theme) -> str:
    return " ".join(f"--{name.replace('_', '-')}: {colour};" for name, colour in asdict(theme).items())
