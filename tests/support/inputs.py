"""One sound file of every layout that a command reads, each with the command that reads it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import safetensors.numpy
import scipy.io
import torch
import zarr
from numpy.typing import NDArray
from PIL import Image

# Bytes beyond what the libraries take; and seconds, after which a command hangs, however busy the machine.
MEMORY, SECONDS = 1_500_000_000, 300
N_IMAGES = 16
FEATURES: NDArray[np.float32] = np.random.default_rng(0).standard_normal((N_IMAGES, 6)).astype("f4")
LEFT = "subj01/training_split/training_fmri/lh_training_fmri.npy"
MASKS = "subj01/roi_masks"


@dataclass(frozen=True)
class Input:
    """A file in a folder that a command gets by `{home}`; the challenge is in `challenge` below it."""

    file: str
    arguments: tuple[str, ...]
    write: Callable[[Path], object] | None = None

    def command(self, home: Path) -> list[str]:
        """Return the command with its paths."""
        filled = [argument.format(home=home, file=home / self.file) for argument in self.arguments]
        return [*filled, "--data-dir", f"{home}/challenge"]

    def job(self, home: Path) -> dict[str, object]:
        """Return the job of reading it, within bounds of memory and time."""
        return {
            "arguments": self.command(home),
            "memory": MEMORY,
            "alarm": SECONDS,
            "real_network": "--weights" in self.arguments,
        }


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("conv1", data=FEATURES, chunks=(4, 6), compression="gzip")
        file["row_names"] = [f"train-{row + 1:04d}" for row in range(3)]


def _zarr(path: Path) -> None:
    array = zarr.create_array(str(path.parents[2]), shape=FEATURES.shape, chunks=(4, 6), dtype="f4")
    array[:] = FEATURES


def _zarr_alone(path: Path) -> None:
    _zarr(path.parent / "c" / "0" / "0")


def _text(path: Path) -> None:
    np.savetxt(path, FEATURES, delimiter="," if path.suffix == ".csv" else "\t")


def _brick(path: Path) -> None:
    pixels = np.random.default_rng(1).integers(1, 255, (1100, 12, 12, 3), dtype="u1")
    with h5py.File(path, "w") as file:
        file.create_dataset("imgBrick", data=pixels, chunks=(100, 12, 12, 3))


def _images(path: Path) -> None:
    """Write a folder of images of one kind, and the list of their ids."""
    folder = path.parent
    ids = [1000 + 3 * row for row in range(12)] + [1001 + 3 * row for row in range(4)]
    for number, nsd_id in enumerate(ids):
        pixels = np.random.default_rng(nsd_id).integers(0, 255, (20, 20, 3), dtype="u1")
        Image.fromarray(pixels).save(folder / f"{number}{path.suffix}")
    with (folder / "ids.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file", "nsd_id"), *((f"{n}{path.suffix}", i) for n, i in enumerate(ids))])


def _ids(path: Path) -> None:
    _images(path.parent / "0.png")


def _state(path: Path) -> None:
    state = {"features.0.weight": torch.zeros(64, 3, 3, 3), "features.0.bias": torch.zeros(64)}
    if path.suffix == ".safetensors":
        safetensors.numpy.save_file({name: tensor.numpy() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path)


def _ceilings(path: Path) -> None:
    for side, n in (("lh", 31), ("rh", 41)):
        np.save(path.with_name(f"{side}_noise_ceiling.npy"), np.full(n, 0.5))


def _map(path: Path) -> None:
    from nibabel.freesurfer.mghformat import MGHImage

    for side in ("lh", "rh"):
        ratios: Any = np.full((163_842, 1, 1), 0.5, dtype="f4")
        MGHImage(ratios, np.eye(4)).to_filename(path.with_name(f"{side}.ncsnr.mgh"))  # type: ignore[no-untyped-call]


def _stim_info(path: Path) -> None:
    names = [f"subject1_rep{repeat}" for repeat in range(3)]
    with path.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["nsdId", "cocoId", "cocoSplit", "cropBox", *names])
        table.writerows([n, n, "train2017", "(0, 0, 0, 0)", n + 1, 0, 0] for n in range(1000, 1050))


def _annotations(path: Path) -> None:
    _stim_info(path.with_name("stim_info.csv"))
    images = [{"id": n, "width": 425, "height": 425} for n in range(1000, 1050)]
    annotations = [{"id": 1, "image_id": 1001, "bbox": [1, 2, 3, 4]}]
    path.write_text(json.dumps({"images": images, "annotations": annotations}))


def _zip(path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for side, n in (("lh", 31), ("rh", 41)):
            with archive.open(f"subj01/{side}_pred_test.npy", "w") as stream:
                np.lib.format.write_array(stream, np.random.default_rng(n).standard_normal((4, n)).astype("f4"))


def _import(name: str, write: Callable[[Path], object], *more: str, of: str = "{file}") -> Input:
    arguments = ("import-features", of, "--name", "x", "--key", "row", *more, "--cache-dir", "{home}/cache")
    return Input(name, arguments, write)


_EXTRACT = ("extract", "--device", "cpu", "--cache-dir", "{home}/cache")
_CHECK = ("data", "--deep")
_WEIGHTS = (*_EXTRACT, "--model", "squeezenet1_1", "-l", "features.0", "--weights", "{file}")
_TEST = "challenge/subj01/test_split"

INPUTS: dict[str, Input] = {
    "image": Input("challenge/subj01/training_split/training_images/train-0002_nsd-01003.png", _EXTRACT),
    "image, checked": Input("challenge/subj01/training_split/training_images/train-0002_nsd-01003.png", _CHECK),
    "responses": Input(f"challenge/{LEFT}", _CHECK),
    "test responses": Input(f"{_TEST}/test_fmri/lh_test_fmri.npy", _CHECK),
    "mask": Input(f"challenge/{MASKS}/lh.all-vertices_fsaverage_space.npy", _CHECK),
    "ROIs": Input(f"challenge/{MASKS}/lh.streams_challenge_space.npy", _CHECK),
    "mapping": Input(f"challenge/{MASKS}/mapping_streams.npy", _CHECK),
    "ceiling": Input(f"{_TEST}/noise_ceiling/lh_noise_ceiling.npy", _CHECK),
    "npy": _import("x.npy", lambda path: np.save(path, FEATURES)),
    "npz": _import("x.npz", lambda path: np.savez_compressed(path, x=FEATURES)),
    "hdf5": _import("x.h5", _hdf5),
    "mat": _import("x.mat", lambda path: scipy.io.savemat(path, {"x": FEATURES}, do_compression=True)),
    "zarr chunk": _import("x.zarr/c/1/0", _zarr, of="{home}/x.zarr"),
    "zarr description": _import("x.zarr/zarr.json", _zarr_alone, of="{home}/x.zarr"),
    "csv": _import("x.csv", _text),
    "tsv": _import("x.tsv", _text),
    "tensor": _import("x.pt", lambda path: torch.save(torch.from_numpy(FEATURES), path)),
    "safetensors": _import("x.safetensors", lambda path: safetensors.numpy.save_file({"x": FEATURES}, path)),
    "brick": Input("brick.hdf5", (*_EXTRACT, "--stimuli", "{file}"), _brick),
    "jpeg": Input("images/0.jpg", (*_EXTRACT, "--stimuli", "{home}/images"), _images),
    "tiff": Input("images/0.tif", (*_EXTRACT, "--stimuli", "{home}/images"), _images),
    "ids": Input("images/ids.csv", (*_EXTRACT, "--stimuli", "{home}/images"), _ids),
    "checkpoint": Input("x.pth", _WEIGHTS, _state),
    "checkpoint, safe": Input("x.safetensors", _WEIGHTS, _state),
    "ceiling to import": Input(
        "lh_noise_ceiling.npy", ("import-ceilings", "{file}", "{home}/rh_noise_ceiling.npy", "--force"), _ceilings
    ),
    "map to import": Input(
        "lh.ncsnr.mgh",
        ("import-ceilings", "{file}", "{home}/rh.ncsnr.mgh", "--force", "--repeats", "4,0,0"),
        _map,
    ),
    "stim_info": Input("stim_info.csv", ("stimuli", "--coco", "{file}"), _stim_info),
    "annotations": Input(
        "instances.json",
        ("stimuli", "--coco", "{home}/stim_info.csv", "--annotations", "{file}", "-o", "{home}/adapted.json"),
        _annotations,
    ),
    "zip": Input("x.zip", ("validate", "{file}", "--partial"), _zip),
    "zip, scored": Input("x.zip", ("score", "{file}"), _zip),
}
