"""From an image file to what a network is fed: decoded and resized on the CPU, normalised on the device.

The two halves meet at uint8 pixels: a quarter of the bytes to queue and to copy to a GPU, and rows x columns x
channels is already the channels-last layout in which convolutions run fastest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algocli.errors import DataError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Transform:
    """Bilinear resize without a crop, division by 255, then (x - mean) / std per channel."""

    size: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def decode(self, path: Path) -> NDArray[np.uint8]:
        """Read an image as (size, size, 3) uint8; greyscale and palette images become RGB.

        Raises
        ------
        DataError
            If the file is missing, truncated or no image.
        """
        try:
            with Image.open(path) as image:
                return self._resize(image)
        # Pillow tells a broken chunk as SyntaxError and a broken stream as OSError, ValueError or EOFError.
        except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
            raise DataError(f"{path} is no readable image: {error}", hint="copy the image again") from error

    def _resize(self, image: Image.Image) -> NDArray[np.uint8]:
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        return np.asarray(rgb.resize((self.size, self.size), Image.Resampling.BILINEAR))

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn (n, size, size, 3) uint8 into (n, 3, size, size) float32, channels last in memory."""
        import torch

        mean, std = (torch.tensor(values, device=pixels.device) for values in (self.mean, self.std))
        return pixels.to(torch.float32).div_(255).sub_(mean).div_(std).permute(0, 3, 1, 2)

    def identity(self) -> dict[str, Any]:
        """Return what makes this transform itself: its constants, and what it does to a fixed image.

        The digest of the output catches what the constants cannot: another library's way to resize.
        """
        import torch

        pixels = torch.from_numpy(self._resize(_probe_image()).copy())[None]
        output = self.normalise(pixels).contiguous().numpy()
        return {
            "resize": [self.size, "bilinear"],
            "mean": list(self.mean),
            "std": list(self.std),
            "probe": hashlib.sha256(output.tobytes()).hexdigest(),
        }


TUTORIAL = Transform()


def _probe_image() -> Image.Image:
    """Draw a fixed 425 x 425 image with smooth ramps and fine detail in every channel."""
    y, x = np.mgrid[0:425, 0:425].astype(np.int64)
    channels = [(3 * x + 5 * y) % 256, (x * y // 7) % 256, ((x ^ y) * 3) % 256]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8), mode="RGB")
