"""What a network is once it is built, how a user asks for it, and what its sources do alike.

Among these are networks that no list names, whose code is not known: what somebody's callable gives, taken with care.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal

from algocli.compute.choices import did_you_mean
from algocli.errors import AlgocliError, DataError, UsageError, first_line
from algocli.features.networks.checkpoints import split_part
from algocli.features.networks.preprocessing import TUTORIAL, Transform, is_tutorials
from algocli.features.networks.stated import stated_transform
from algocli.features.networks.weights import PRETRAINED, random_seed

if TYPE_CHECKING:
    import torch

# As the tutorial prepared images; as a network's own weights ask for; or the latter but for the tutorial's networks.
TransformName = Literal["auto", "tutorial", "model"]
# What draws the values that a network begins with.
_DRAWS = {
    *("uniform_", "normal_", "trunc_normal_", "orthogonal_"),
    *("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"),
}
# Seconds without an answer after which pretrained weights count as out of reach.
DOWNLOAD_TIMEOUT = 10.0


@dataclass(frozen=True)
class Network:
    """A whole network as it was built, and what is to be known of it."""

    model: str
    module: torch.nn.Module
    architecture: str
    transform: Transform = TUTORIAL
    # How the images were prepared that its weights were evaluated on; None where nothing is known of that.
    asks_for: Transform | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    # Reads the weights that are still to be loaded; None where the network came with its own.
    read_weights: Callable[[], Mapping[str, torch.Tensor]] | None = None
    weights_source: str = ""
    # What to call the weights where that says more than what was asked for.
    weights: str = ""
    # What torch.fx is to leave in one piece.
    tracing: Mapping[str, Any] = field(default_factory=dict)
    # Whether the name alone does not say what is computed, so that the code enters the key.
    is_custom: bool = False
    # The side of its images where that was asked for, and is another than its own.
    image_size: int | None = None
    # What its weights ask for of images of another side, where its source knows better than to keep all proportions.
    restate: Callable[[int], Transform | None] | None = None
    # What of a module's output its layer is, where modules yield more than that: such a network is watched, not traced.
    hidden: Callable[[Any], Any] | None = None
    # What is to be told of how it was built.
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A network that can be named, how large it is, and what weights of it there are.

    Parameters
    ----------
    image_size
        The side of its images in pixels, as its usual weights ask for; None where that is not known.
    n_parameters
        None where it was not counted.
    weights
        Their names, as `weights=` takes them; there may be none.
    joint
        What stands between its name and that of weights where both are written in one.
    """

    model: str
    image_size: int | None
    n_parameters: int | None
    weights: tuple[str, ...]
    joint: str = "."

    @property
    def spellings(self) -> tuple[str, ...]:
        """Its name, alone and with that of each of its weights."""
        return (self.model, *(f"{self.model}{self.joint}{name}" for name in self.weights))


@dataclass(frozen=True)
class NetworkRequest:
    """A network as a user asks for it: the name without its source, and the rest."""

    name: str
    weights: str
    transform: TransformName
    trust_remote_code: bool = False

    @property
    def entry(self) -> str | None:
        """The name of the pretrained weights asked for, None where they are random or a file."""
        named = not self.is_drawn and not self.is_file
        return self.weights if named else None

    @property
    def is_drawn(self) -> bool:
        """Whether the weights are random ones."""
        return random_seed(self.weights) is not None

    @property
    def is_file(self) -> bool:
        """Whether the weights are a file or a folder: nothing else looks like a path or is there."""
        if self.weights == PRETRAINED or self.is_drawn:
            return False
        return "/" in self.weights or bool(Path(self.weights).suffix) or split_part(Path(self.weights))[0].exists()


@contextmanager
def impatient() -> Iterator[None]:
    """Give up on a host that does not answer: a download itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def undrawn() -> Iterator[None]:
    """Leave out the drawing of weights, which takes a second for AlexNet: they are about to be loaded.

    Only the functions of torch.nn.init are stood in for, each as a whole: one of them draws until every value is
    within its bounds, and would not end where what it draws with did nothing.
    """
    from torch.nn import init

    def left_out(tensor: torch.Tensor, *_args: Any, **_options: Any) -> torch.Tensor:
        return tensor

    drawing = {name: getattr(init, name) for name in _DRAWS}
    try:
        for name in _DRAWS:
            setattr(init, name, left_out)
        yield
    finally:
        for name, function in drawing.items():
            setattr(init, name, function)


def choose_transform(model: str, wish: TransformName, asks_for: Transform | None) -> Transform:
    """Return how images are prepared for a network.

    Parameters
    ----------
    asks_for
        What its weights ask for; None where nothing is known of that.

    Raises
    ------
    UsageError
        If its own is wished for and not known.
    """
    if wish == "model" and asks_for is None:
        raise UsageError(f"{model} comes with no transform of its own", hint="leave out transform='model'")
    if wish == "tutorial" or asks_for is None or (wish == "auto" and is_tutorials(model)):
        return TUTORIAL
    return asks_for


@contextmanager
def told_as(what: str, hint: str | None) -> Iterator[None]:
    """Tell what a network that runs within a `with` block raises, which may be an error of any kind.

    Raises
    ------
    UsageError
        In its place; errors of our own pass unchanged.
    """
    try:
        yield
    except AlgocliError:
        raise
    except Exception as error:
        raise UsageError(f"{what}: {first_line(error)}", hint=hint) from error


def out_of_reach(what: str, error: BaseException, hint: str) -> DataError:
    """Return the error of a download that failed."""
    reason = str(getattr(error, "reason", error)).strip() or type(error).__name__
    return DataError(f"{what} cannot be downloaded: {reason.splitlines()[0]}", hint=hint)


def fetch_elsewhere(model: str) -> str:
    """Say how weights come to a machine that cannot fetch them."""
    return (
        f"`algocli fetch-weights {quote(model)} --to DIR` where there is a network; copied here, weights=DIR takes it"
    )


def file_or_fetched(model: str) -> str:
    """Say how to go on where pretrained weights cannot be fetched: with a file that is here, or one from elsewhere."""
    return f"pass a checkpoint: weights=FILE; or {fetch_elsewhere(model)}"


def no_entry(model: str, name: str, names: list[str]) -> UsageError:
    """Return the error of a network that has no weights of this name; those that it has are listed."""
    listed = ", ".join(["pretrained", *names, "random", "random:SEED"])
    return UsageError(
        f"{model} has no weights '{name}'{did_you_mean(name, [*names, 'pretrained', 'random'])}",
        hint=f"use {listed} or a file",
    )


def as_network(model: str, architecture: str, network: Any, request: NetworkRequest) -> Network:
    """Return what somebody's code gives as a network of its own.

    Raises
    ------
    UsageError
        If it is none, or has no such weights or transform.
    """
    if not is_network(network):
        raise UsageError(f"{model} gives {type(network).__name__}; a torch.nn.Module was expected")
    # Compiled, its layers are those of what was compiled, whose names and numbers are the same.
    network = getattr(network, "_orig_mod", network)
    if is_program(network):
        raise UsageError(
            f"{model} gives a TorchScript program, whose inner layers are out of reach",
            hint="give the torch.nn.Module that it was made of, or one that calls it and has its output for a layer",
        )
    stated = stated_transform(network)
    transform = choose_transform(model, request.transform, stated)
    if request.entry not in (None, PRETRAINED):
        raise UsageError(
            f"{model} has no weights '{request.weights}'", hint="use pretrained (what it comes with), random or a file"
        )
    return Network(model, network, architecture, transform, stated, is_custom=True)


def call(build: Callable[..., Any], request: NetworkRequest) -> Any:
    """Call with `pretrained`, as most such functions have it, or without where one does not."""
    try:
        return build(pretrained=bool(request.entry))
    except TypeError as error:
        if "unexpected keyword argument 'pretrained'" not in str(error):
            raise
    return build()


def is_network(value: Any) -> bool:
    """Say whether a value is a network of torch's."""
    import torch

    return isinstance(value, torch.nn.Module)


def is_program(value: Any) -> bool:
    """Say whether a network has been compiled into TorchScript."""
    import torch

    return isinstance(value, torch.jit.ScriptModule)


def refused(model: str, error: Exception) -> UsageError:
    """Return the error of code that fails, whatever it raises."""
    first = (str(error).strip().splitlines() or [""])[0]
    return UsageError(f"{model} cannot be built: {type(error).__name__}: {first}")
