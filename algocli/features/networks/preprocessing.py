"""From an image to what a network is fed: resized on the CPU, normalised on the device.

The two halves meet at uint8 pixels: a quarter of the bytes to queue and to copy to a GPU, and rows x columns x
channels is already the channels-last layout in which convolutions run fastest.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_choice, check_flag, check_number, check_whole, said
from algocli.errors import UsageError

if TYPE_CHECKING:
    import torch
    from PIL import Image

# Pillow's filters: a report that names one needs no Pillow.
INTERPOLATIONS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")

# Of red, green and blue in the luminance (ITU-R 601), in parts of 2**16.
_WEIGHTS = (19595, 38470, 7471)


@dataclass(frozen=True)
class Transform:
    """Resize, cut out the centre where it is smaller, divide by 255, then (x - mean) / std per channel.

    Parameters
    ----------
    size
        The side, in pixels, of the square that a network is fed.
    mean, std
        Per channel, of pixels between 0 and 1.
    resize_size
        The side that an image is resized to before its centre is cut out; None is `size`, which leaves no crop.
    keep_aspect
        Whether `resize_size` is the shorter side, the longer one following; otherwise it is both.
    interpolation
        A filter of Pillow's, in small letters.
    grey
        Whether a network is fed one channel, the luminance, as Pillow, timm and torchvision weigh it; of three means
        and deviations that differ, its is what these weights make of them.

    Raises
    ------
    UsageError
        If there is no such filter, or a number is none that it can be.
    """

    size: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    resize_size: int | None = None
    keep_aspect: bool = False
    interpolation: str = "bilinear"
    grey: bool = False

    def __post_init__(self) -> None:
        check_choice("interpolation", self.interpolation, INTERPOLATIONS)
        check_flag("keep_aspect", self.keep_aspect)
        check_flag("grey", self.grey)
        for name in ("size", "resize_size"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check_whole(name, getattr(self, name), 1))
        for name in ("mean", "std"):
            values = tuple(check_number(name, value) for value in getattr(self, name))
            if len(values) != 3 or (name == "std" and min(values) <= 0):
                raise UsageError(f"{said(name, values)}: one number for each of three channels was expected")
            object.__setattr__(self, name, (_luminance(values),) * 3 if self.grey else values)

    def at(self, size: int) -> Transform:
        """Return the same for images of another size: of a centre that is cut out, as large a part."""
        around = None if self.resize_size is None else math.floor(size * self.resize_size / self.size)
        return replace(self, size=size, resize_size=around)

    def is_like(self, other: Transform) -> bool:
        """Say whether both do the same but for the sizes of images."""
        return replace(self, size=other.size, resize_size=other.resize_size) == other

    @property
    def n_channels(self) -> int:
        """How many a network is fed."""
        return 1 if self.grey else 3

    def resize(self, image: Image.Image) -> NDArray[np.uint8]:
        """Bring an RGB image to (size, size, 3) uint8."""
        from PIL import Image

        if self.grey:
            image = image.convert("L").convert("RGB")
        width, height = self._resized(image.size)
        resized = image.resize((width, height), Image.Resampling[self.interpolation.upper()])
        if (width, height) != (self.size, self.size):
            # Rounded half to even, as torchvision does: a centre may lie between two pixels.
            left, top = round((width - self.size) / 2), round((height - self.size) / 2)
            resized = resized.crop((left, top, left + self.size, top + self.size))
        return np.asarray(resized)

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn (n, size, size, 3) uint8 into (n, n_channels, size, size) float32, channels last in memory."""
        import torch

        if self.grey:
            # In whole numbers, as Pillow does it; of three channels that are the same each is the luminance.
            weighed = pixels.to(torch.int32) * torch.tensor(_WEIGHTS, dtype=torch.int32, device=pixels.device)
            grey = (weighed.sum(-1, dtype=torch.int32) + 2**15) >> 16
            return grey.to(torch.float32).div_(255).sub_(self.mean[0]).div_(self.std[0])[:, None]
        n, height, width, _ = pixels.shape
        # A whole row at a time: along three channels alone torch would take three numbers a step.
        rows = pixels.view(n, height, 3 * width).to(torch.float32)
        mean, std = (torch.tensor(values, device=pixels.device).repeat(width) for values in (self.mean, self.std))
        return rows.div_(255).sub_(mean).div_(std).view(n, height, width, 3).permute(0, 3, 1, 2)

    def identity(self) -> dict[str, Any]:
        """Return what makes this transform itself: its constants, and what it does to a fixed image.

        The digest of the output catches what the constants cannot: another library's way to resize.
        """
        import torch

        pixels = torch.from_numpy(self.resize(_probe_image()).copy())[None]
        output = self.normalise(pixels).contiguous().numpy()
        return {**self.constants, "probe": hashlib.sha256(output.tobytes()).hexdigest()}

    @property
    def constants(self) -> dict[str, Any]:
        """Return what a record keeps of this transform; two that are alike in this do the same."""
        return {
            "resize": [self.resize_size or self.size, self.interpolation],
            # Only where there is one, so that what was keyed without stays found.
            **({"crop": self.size} if self._crops else {}),
            **({"keep_aspect": True} if self.keep_aspect else {}),
            **({"grey": True} if self.grey else {}),
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @staticmethod
    def from_constants(constants: Mapping[str, Any]) -> Transform:
        """Return the transform that a record tells of."""
        side, interpolation = constants["resize"]
        return Transform(
            constants.get("crop", side),
            _three(constants["mean"]),
            _three(constants["std"]),
            side,
            keep_aspect=constants.get("keep_aspect", False),
            interpolation=interpolation,
            grey=constants.get("grey", False),
        )

    @property
    def words(self) -> str:
        """Say in plain terms what this does to an image."""
        side = self.resize_size or self.size
        shape = f"shorter side {side}" if self.keep_aspect else f"{side} x {side} squeezed"
        shape += f", centre {self.size}" if self._crops else ""
        shape += f", {self.interpolation}" + (", grey" if self.grey else "")
        return f"{shape}, {self._normalisation}"

    @property
    def _normalisation(self) -> str:
        if (self.mean, self.std) == (Transform.mean, Transform.std):
            return "ImageNet mean and std"
        return f"mean {_channels(self.mean)}, std {_channels(self.std)}"

    @property
    def _crops(self) -> bool:
        return self.keep_aspect or self.resize_size not in (None, self.size)

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return width and height after the resize of an image of this width and height."""
        side = self.resize_size or self.size
        if not self.keep_aspect:
            return side, side
        shorter = min(size)
        width, height = (int(side * length / shorter) if length != shorter else side for length in size)
        return width, height


TUTORIAL = Transform()


def is_as_in_tutorial(transform: Transform, size: int | None = None) -> bool:
    """Say whether images are prepared as the challenge's tutorial did it, be it in grey or in a size asked for."""
    return transform.constants == replace(TUTORIAL, size=size or TUTORIAL.size, grey=transform.grey).constants


def is_tutorials(model: str) -> bool:
    """Say whether the challenge's tutorial used this network, and prepared images for it in its own way."""
    repository, _, name = model.rpartition(":")
    return model == "alexnet" or (
        repository.startswith("torchhub:NVIDIA/DeepLearningExamples") and name == "nvidia_resnet50"
    )


def describe_preparation(model: str, used: Transform, asks_for: Transform | None) -> str | None:
    """Say how images are prepared for a network where that is not what its weights ask for, or nobody knows.

    Parameters
    ----------
    asks_for
        How the images were prepared that its weights were evaluated on; None where nothing is known of that.

    Returns
    -------
    One line; None where images are prepared as they should be, and in colour.
    """
    if asks_for is None:
        return f"images for {model}: {used.words}; nothing is known of how it was trained"
    if asks_for.constants == used.constants:
        return f"images for {model}, which takes one channel: {used.words}" if used.grey else None
    return f"images for {model}: {used.words}; its weights ask for: {asks_for.words}"


def structured(side: int) -> NDArray[np.uint8]:
    """Draw smooth ramps and fine detail in every channel, (side, side, 3), by arithmetic of whole numbers alone."""
    y, x = np.mgrid[0:side, 0:side].astype(np.int64)
    channels = [(3 * x + 5 * y) % 256, (x * y // 7) % 256, ((x ^ y) * 3) % 256]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _probe_image() -> Image.Image:
    from PIL import Image

    return Image.fromarray(structured(425), mode="RGB")


def _channels(values: tuple[float, float, float]) -> str:
    rounded = [f"{value:.3g}" for value in values]
    return rounded[0] if len(set(rounded)) == 1 else "/".join(rounded)


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _luminance(colours: tuple[float, ...]) -> float:
    if len(set(colours)) == 1:
        return colours[0]
    return sum(weight * colour for weight, colour in zip(_WEIGHTS, colours, strict=True)) / 2**16
