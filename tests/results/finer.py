"""A stand-in for the larger surfaces, which are not to be had without a network.

fsaverage5 with every face cut in four, once or twice: the same folds, the same numbers of vertices, and the vertices in
the order of the real ones. Written as the files that nilearn would have fetched.
"""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nilearn.datasets import fetch_surf_fsaverage
from nilearn.surface import load_surf_data, load_surf_mesh

N_CUTS = {"fsaverage6": 1, "fsaverage": 2}


def write_surface(place: Path, surface: str) -> Path:
    """Write the inflated and flat meshes and the sulcal depths of both hemispheres into a folder within `place`."""
    folder = place / surface
    folder.mkdir(parents=True)
    files = fetch_surf_fsaverage("fsaverage5")
    for hemisphere in ("left", "right"):
        mesh = load_surf_mesh(files[f"infl_{hemisphere}"])
        flat = load_surf_mesh(files[f"flat_{hemisphere}"])
        depth = load_surf_data(files[f"sulc_{hemisphere}"])
        points, faces, patch = np.asarray(mesh.coordinates), np.asarray(mesh.faces), np.asarray(flat.faces)
        columns = np.column_stack([points, flat.coordinates, depth])
        for _ in range(N_CUTS[surface]):
            columns, faces, patch = cut_in_four(columns, faces, patch)
        save(folder / f"infl_{hemisphere}.gii.gz", columns[:, :3], faces)
        save(folder / f"flat_{hemisphere}.gii.gz", columns[:, 3:6], patch)
        save(folder / f"sulc_{hemisphere}.gii.gz", columns[:, 6])
    return folder


def cut_in_four(columns, faces, patch):
    """Put a vertex, with the mean of its neighbours' columns, on every edge; the old ones keep their numbers."""
    edges = np.unique(numbers(faces))
    pairs = np.stack(np.divmod(edges, 1 << 32), axis=1)
    finer = np.concatenate([columns, columns[pairs].mean(axis=1)])
    return finer, *(
        quarters(triangles, len(columns) + np.searchsorted(edges, numbers(triangles))) for triangles in (faces, patch)
    )


def numbers(faces):
    """Return one number for each edge of each face, (3, n_faces): those between its corners 0-1, 1-2 and 2-0."""
    ends = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)]).astype(np.int64), axis=0)
    return (ends[0] << 32 | ends[1]).T


def quarters(faces, middles):
    (a, b, c), (ab, bc, ca) = faces.T, middles
    return np.concatenate([np.stack(small, axis=1) for small in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])


def save(path: Path, data, faces=None) -> None:
    intents = {"NIFTI_INTENT_SHAPE" if faces is None else "NIFTI_INTENT_POINTSET": np.float32}
    arrays = [
        nib.gifti.GiftiDataArray(np.asarray(data, kind), intent=intent, datatype="NIFTI_TYPE_FLOAT32")
        for intent, kind in intents.items()
    ]
    if faces is not None:
        triangles = np.asarray(faces, np.int32)
        arrays.append(nib.gifti.GiftiDataArray(triangles, intent="NIFTI_INTENT_TRIANGLE", datatype="NIFTI_TYPE_INT32"))
    nib.save(nib.GiftiImage(darrays=arrays), path)
