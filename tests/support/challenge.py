"""A challenge folder small enough to be written anew for every test that spoils it.

File names, shapes and types are spelled out here as the organisers have them, not taken from the package: what
reads them is what is tested.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_FSAVERAGE = 163_842
N_FSAVERAGE5 = 10_242
MAPPINGS = {
    "prf-visualrois": "Unknown V1v V1d V2v V2d V3v V3d hV4",
    "floc-bodies": "Unknown EBA FBA-1 FBA-2 mTL-bodies",
    "floc-faces": "Unknown OFA FFA-1 FFA-2 mTL-faces aTL-faces",
    "floc-places": "Unknown OPA PPA RSC",
    "floc-words": "Unknown OWFA VWFA-1 VWFA-2 mfs-words mTL-words",
    "streams": "Unknown early midventral midlateral midparietal ventral lateral parietal",
}
# As in the released data, no one has these; the last one is absent on the right only.
ABSENT = {("floc-faces", 4, "lh"), ("floc-faces", 4, "rh"), ("floc-faces", 5, "lh"), ("floc-faces", 5, "rh")}
ABSENT_RIGHT = ("floc-words", 3, "rh")


def write_tiny_challenge(
    folder: Path,
    subjects: Sequence[int] = (1, 6),
    *,
    n_train: int = 12,
    n_test: int = 4,
    image_size: int = 425,
    known_test: bool = True,
    n_vertices: int = 30,
) -> Path:
    """Write a sound challenge and return its folder.

    Subject s has `n_vertices` + s left and 10 more right vertices, all within fsaverage5. Training ids are 1000 s + 3 i
    and test ids 1000 s + 3 i + 1. `known_test` adds test responses and noise ceilings. Nothing depends on the clock.
    """
    for subject in subjects:
        rng = np.random.default_rng(subject)
        home = folder / f"subj{subject:02d}"
        _write_images(home / "training_split/training_images", "train", n_train, 1000 * subject, image_size, rng)
        _write_images(home / "test_split/test_images", "test", n_test, 1000 * subject + 1, image_size, rng)
        masks = home / "roi_masks"
        masks.mkdir()
        for roi_class, names in MAPPINGS.items():
            np.save(masks / f"mapping_{roi_class}.npy", dict(enumerate(names.split())), allow_pickle=True)  # type: ignore[arg-type]
        for side, n in (("lh", n_vertices + subject), ("rh", n_vertices + 10 + subject)):
            _write_masks(masks, side, n, rng)
            save(home / f"training_split/training_fmri/{side}_training_fmri.npy", responses(rng, n_train, n))
            if known_test:
                save(home / f"test_split/test_fmri/{side}_test_fmri.npy", responses(rng, n_test, n))
                ceilings = rng.uniform(0.0, 0.8, n)
                ceilings[0] = 0.0
                save(home / f"test_split/noise_ceiling/{side}_noise_ceiling.npy", ceilings)
    return folder


def responses(rng: np.random.Generator, n_stimuli: int, n_vertices: int) -> NDArray[np.float32]:
    """Return responses that look z-scored and averaged over repeats."""
    return (0.7 * rng.standard_normal((n_stimuli, n_vertices))).astype(np.float32)


def save(path: Path, array: NDArray[Any]) -> None:
    """Save an array, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def png(pixels: NDArray[np.uint8], *, colour_type: int = 2) -> bytes:
    """Encode pixels, (height, width, channels) of 8 bits, as a PNG, by the specification and not by Pillow."""
    height, width = pixels.shape[:2]
    lines = np.zeros((height, 1 + pixels[0].size), dtype=np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def patchwork(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Return an image of 5 x 5 coloured patches with a little noise: different for every call, and quick to pack."""
    patches = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
    side = -(-size // 5)
    pixels = patches.repeat(side, axis=0).repeat(side, axis=1)[:size, :size].copy()
    pixels[rng.integers(0, size, 50), rng.integers(0, size, 50)] ^= 16
    return pixels


def _write_images(folder: Path, split: str, count: int, first_id: int, size: int, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    for row in range(count):
        name = f"{split}-{row + 1:04d}_nsd-{first_id + 3 * row:05d}.png"
        (folder / name).write_bytes(png(patchwork(rng, size)))


def _write_masks(folder: Path, side: str, n_vertices: int, rng: np.random.Generator) -> None:
    vertices = np.sort(rng.choice(N_FSAVERAGE5, n_vertices, replace=False))
    # The organisers' generator adds two masks, so some vertices hold 2.
    _save_sparse(folder / f"{side}.all-vertices_fsaverage_space.npy", vertices, 1 + np.arange(n_vertices) % 3 // 2)
    for roi_class, names in MAPPINGS.items():
        codes = np.arange(n_vertices, dtype=np.int64) % len(names.split())
        for absent_class, code, absent_side in (*ABSENT, ABSENT_RIGHT):
            if (absent_class, absent_side) == (roi_class, side):
                codes[codes == code] = 0
        np.save(folder / f"{side}.{roi_class}_challenge_space.npy", codes)
        _save_sparse(folder / f"{side}.{roi_class}_fsaverage_space.npy", vertices, codes)


def _save_sparse(path: Path, vertices: NDArray[np.int64], values: NDArray[np.int64]) -> None:
    """Save a map on fsaverage of which the disk keeps only the beginning: the rest is a hole of zeros."""
    start = np.zeros(N_FSAVERAGE5, dtype=np.int64)
    start[vertices] = values
    header = {"descr": "<i8", "fortran_order": False, "shape": (N_FSAVERAGE,)}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        n_header = stream.tell()
        stream.write(start.tobytes())
        stream.truncate(n_header + 8 * N_FSAVERAGE)
