"""NSD in miniature, in its own formats: betas on fsaverage, the table of all images, the stimuli."""

from __future__ import annotations

from pathlib import Path

import h5py
import nibabel
import numpy as np

N_FSAVERAGE = 163_842
N_SESSIONS, N_TRIALS, N_TEST_SESSIONS = 5, 8, 2
SIDES = ("lh", "rh")


def plan(subject: int) -> list[list[int]]:
    """Return the NSD id that each trial of each session shows: repeats within, across, and into the last sessions."""
    rng = np.random.default_rng(subject)
    early = [int(i) for i in rng.permutation([*range(3, 15), *range(3, 12), 15, 20, 20])]
    # Of the last two sessions' images 40 to 46 are new: shown three times, twice and once; the others are not.
    late = [40, 40, 40, 41, 41, 42, 43, 44, 3, 5, 44, 45, 46, 7, 20, 46]
    sessions = early + [int(i) for i in rng.permutation(late)]
    return [sessions[start : start + N_TRIALS] for start in range(0, N_SESSIONS * N_TRIALS, N_TRIALS)]


def betas(subject: int, side: str, session: int, vertices: np.ndarray) -> np.ndarray:
    """Return a session's betas of some vertices, (n_trials, n_vertices), each session with a scale of its own."""
    rng = np.random.default_rng([subject, SIDES.index(side), session])
    return (3 * session + (1 + session) * rng.standard_normal((N_TRIALS, len(vertices)))).astype(np.float32)


def write_nsd(root: Path, subject: int, masks: dict[str, np.ndarray], dead: dict[str, tuple[int, ...]]) -> Path:
    """Write what belongs to one subject; vertices at the positions `dead` are NaN in one session or never vary."""
    folder = root / f"nsddata_betas/ppdata/subj{subject:02d}/fsaverage/betas_fithrf_GLMdenoise_RR"
    folder.mkdir(parents=True)
    for side in SIDES:
        vertices = np.flatnonzero(masks[side])
        for session in range(N_SESSIONS):
            own = betas(subject, side, session, vertices)
            if dead[side] and session == 1:
                own[2, dead[side][0]] = np.nan
                own[:, dead[side][1]] = 4.5
            whole = np.zeros((N_FSAVERAGE, 1, 1, N_TRIALS), dtype=np.float32)
            whole[vertices, 0, 0] = own.T
            nibabel.save(nibabel.MGHImage(whole, np.eye(4)), folder / f"{side}.betas_session{session + 1:02d}.mgh")
        ratios = np.random.default_rng(SIDES.index(side)).uniform(0.2, 1, (N_FSAVERAGE, 1, 1)).astype(np.float32)
        nibabel.save(nibabel.MGHImage(ratios, np.eye(4)), folder / f"{side}.ncsnr.mgh")
    _write_table(root / "nsddata/experiments/nsd/nsd_stim_info_merged.csv", subject)
    _write_images(root / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5")
    return folder


def _write_table(path: Path, subject: int) -> None:
    trials: dict[int, list[int]] = {nsd_id: [] for nsd_id in range(50)}
    for trial, nsd_id in enumerate((i for session in plan(subject) for i in session), start=1):
        trials[nsd_id].append(trial)
    lines = [f",cocoId,nsdId,{','.join(f'subject{subject}_rep{k}' for k in range(3))}"]
    for nsd_id, own in trials.items():
        # Images of sessions that never took place have trials beyond the last.
        padded = (own + [999_999] * (3 - len(own)))[:3] if own else [0, 0, 0]
        lines.append(f"{nsd_id},{nsd_id},{nsd_id},{','.join(map(str, padded))}")
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines))


def pixels(nsd_id: int) -> np.ndarray:
    """Return an image of NSD's, (425, 425, 3)."""
    coarse = np.random.default_rng(nsd_id).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return coarse.repeat(85, axis=0).repeat(85, axis=1)


def _write_images(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        brick = file.create_dataset("imgBrick", (50, 425, 425, 3), "u1", chunks=(1, 425, 425, 3), compression="gzip")
        for nsd_id in range(50):
            brick[nsd_id] = pixels(nsd_id)
