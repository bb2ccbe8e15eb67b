"""Packages that only some work needs, and how to have them."""

from __future__ import annotations


def install_hint(extra: str) -> str:
    """Return how to install what an extra of this package stands for, such as 'timm'.

    From the source and never by name: on the public index the name algocli is another project's.
    """
    return f"pip install -e '.[{extra}]', in the folder of algocli's source"
