"""Tokens: which numbers of a transformer's layer belong to its class token, its registers, and each patch of the image.

How many there are and where they stand is told by the network, never guessed from a size. A source of networks answers
for the classes of its library with one function, `read_tokens(module, side)`: what tells the tokens of a layer of such
a module, by the layer's name within it and the shape of what it yields for one image of that side; None where the
module is none of its. It is asked for every module of every network, so that those within somebody's own are known too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from algocli.compute.choices import did_you_mean, said
from algocli.errors import UsageError

if TYPE_CHECKING:
    import torch

Shape = tuple[int, ...]
Grid = tuple[int, int]
# What can be kept of a layer, in the order in which it is stored: whatever it yields, or some of its tokens; the mean
# is that of its patches.
ALL = "all"
PARTS = ("class", "registers", "patches", "mean")


@dataclass(frozen=True)
class Tokens:
    """How the numbers of a layer are made of tokens.

    Parameters
    ----------
    axes
        A letter for each axis of what the layer yields for one image: t for tokens, or y and x for the rows and columns
        of patches where these lie on a grid, and c for whatever each token consists of.
    grid
        Rows and columns of patches.
    class_tokens, registers
        Their places among the tokens; all others are patches, row by row.

    Examples
    --------
    >>> Tokens("tc", (14, 14), class_tokens=(0,)).count
    197
    """

    axes: str
    grid: Grid
    class_tokens: tuple[int, ...] = ()
    registers: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many tokens there are."""
        return len(self.class_tokens) + len(self.registers) + prod(self.grid)

    @property
    def patches(self) -> tuple[int, ...]:
        """The places of the patches, row by row."""
        return tuple(sorted({*range(self.count)} - {*self.class_tokens, *self.registers}))

    @property
    def parts(self) -> tuple[str, ...]:
        """The kinds of tokens that there are."""
        has = {"class": self.class_tokens, "registers": self.registers, "patches": self.grid}
        return tuple(part for part, some in has.items() if some)

    @property
    def identity(self) -> dict[str, Any]:
        """What a key keeps of it."""
        places = {"class": list(self.class_tokens), "registers": list(self.registers)}
        return {"axes": self.axes, "grid": list(self.grid), **{part: some for part, some in places.items() if some}}

    def by_token(self, output: torch.Tensor) -> torch.Tensor:
        """Turn what the layer yields, (n, *shape), into (n, n_tokens, n_numbers)."""
        where = [place + 1 for place, axis in enumerate(self.axes) if axis in "tyx"]
        return output.movedim(where, list(range(1, len(where) + 1))).flatten(1, len(where)).flatten(2)

    @property
    def content(self) -> str:
        """Say in words what there is: '1 class token and 14 x 14 patches'."""
        named = {"class token": len(self.class_tokens), "register": len(self.registers)}
        special = [f"{n} {name}{'s' if n > 1 else ''}" for name, n in named.items() if n]
        return " and ".join([*([", ".join(special)] if special else []), f"{' x '.join(map(str, self.grid))} patches"])

    def words(self, shape: Shape) -> str:
        """Say it of a layer of that shape: '1 + 4 + 16 x 16 tokens x 384' has a class token and four registers."""
        special = [len(self.class_tokens), len(self.registers)] if self.registers else [len(self.class_tokens)]
        counted = [*map(str, special if any(special) else []), " x ".join(map(str, self.grid))]
        rest = [str(length) for axis, length in zip(self.axes, shape, strict=True) if axis == "c"]
        return f"{' + '.join(counted)} tokens x {' x '.join(rest)}"


def check_tokens(value: object, name: str = "tokens") -> str:
    """Return what is to be kept of a layer's tokens: 'all', or some of its parts, as in 'class+patches'.

    Raises
    ------
    UsageError
        If it is anything else.

    Examples
    --------
    >>> check_tokens("patches+class")
    'class+patches'
    """
    words = [word.strip() for word in value.split("+")] if isinstance(value, str) else []
    if words == [ALL]:
        return ALL
    wrong = next((word for word in words if word not in PARTS), None)
    if not words or wrong is not None or len(set(words)) < len(words):
        guess = did_you_mean(wrong, PARTS) if wrong else ""
        raise UsageError(
            f"{said(name, value)} is not known{guess}",
            hint=f"{name} is {ALL}, or one or several of {', '.join(PARTS)}, as in class+patches",
        )
    return "+".join(part for part in PARTS if part in words)


# Tells the tokens of a layer by its name within a module, and by its shape; None where they cannot be told.
ReadTokens = Callable[[str, Shape], Tokens | None]


def in_sequence(
    grid: Grid, class_tokens: Sequence[int] = (), registers: Sequence[int] = (), *, embedding: str = ""
) -> ReadTokens:
    """Return what reads the layers of a transformer whose tokens follow one another, the same ones in every block.

    Parameters
    ----------
    class_tokens, registers
        Their places; all others are patches, row by row.
    embedding
        The module that makes tokens of patches, before others join them.
    """
    whole = Tokens("", grid, tuple(class_tokens), tuple(registers))

    def read(layer: str, shape: Shape) -> Tokens | None:
        if embedding and is_inside(layer, embedding):
            # A map of channels with its grid in one row may look like a row of tokens.
            is_square = len(set(shape)) < len(shape)
            told = on_grid(shape, "yxc", grid) or on_grid(shape, "cyx", grid)
            return told or (None if is_square else _along(shape, Tokens("", grid)))
        return _along(shape, whole)

    return read


def on_grid(shape: Shape, axes: str, grid: Grid) -> Tokens | None:
    """Return the tokens of a layer whose axes are known, if rows and columns are as many as the grid has."""
    if len(shape) != len(axes) or (shape[axes.index("y")], shape[axes.index("x")]) != grid:
        return None
    # Of a cube nobody can tell whether it is channels first.
    return None if len(set(shape)) == 1 else Tokens(axes, grid)


def check_patches(side: int, patch: int) -> None:
    """Refuse images that cannot be cut into patches of that side, in pixels."""
    if side % patch or side < patch:
        near = " or ".join(str(patch * n) for n in (side // patch, side // patch + 1) if n)
        raise UsageError(
            f"image_size={side}: images are cut into patches of {patch} x {patch}", hint=f"image_size={near}"
        )


def is_inside(layer: str, module: str) -> bool:
    """Say whether a layer is a module, or within it."""
    return layer == module or layer.startswith(f"{module}.")


def is_kind(module: torch.nn.Module, *classes: str) -> bool:
    """Say whether a module is of one of these classes of a library, or of somebody's own class that runs as it does.

    Whatever redefines one of its methods may order the tokens in another way.
    """
    kinds = type(module).__mro__
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds]
    library = classes[0].partition(".")[0]
    place = next((place for place, name in enumerate(names) if name.startswith(f"{library}.")), None)
    if place is None or names[place] not in classes:
        return False
    redefined = {name for kind in kinds[:place] for name in vars(kind)} | vars(module).keys()
    methods = {name for kind in kinds[place:] for name, value in vars(kind).items() if inspect.isfunction(value)}
    return not {name for name in redefined & methods if not name.startswith("__")}


def _along(shape: Shape, tokens: Tokens) -> Tokens | None:
    """Return the tokens along the one axis that is as long as there are; None where that may be several."""
    places = [place for place, length in enumerate(shape) if length == tokens.count]
    # Of two axes the first is theirs, even where each consists of as many numbers as there are of them.
    if len(shape) < 2 or (places[1:] and len(shape) > 2) or places[:1] not in ([0], [1])[: len(shape) - 1]:
        return None
    axes = "".join("t" if place == places[0] else "c" for place in range(len(shape)))
    return Tokens(axes, tokens.grid, tokens.class_tokens, tokens.registers)
