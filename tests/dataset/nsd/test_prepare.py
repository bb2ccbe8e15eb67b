"""A challenge folder from NSD in miniature: against a direct computation, and as `data` sees it."""

from __future__ import annotations

import json
import shutil

import h5py
import nibabel
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from algocli.cli import app
from tests.dataset.nsd.miniature import N_SESSIONS, N_TEST_SESSIONS, SIDES, betas, pixels, plan, write_nsd
from tests.support.challenge import write_tiny_challenge

SUBJECT = 6
DEAD = {"lh": (4, 11), "rh": ()}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """NSD, a folder with masks, and the masks themselves."""
    home = tmp_path_factory.mktemp("nsd")
    masks = write_tiny_challenge(home / "given", [SUBJECT], image_size=8) / f"subj{SUBJECT:02d}/roi_masks"
    whole = {side: np.load(masks / f"{side}.all-vertices_fsaverage_space.npy") for side in SIDES}
    write_nsd(home / "nsd", SUBJECT, whole, DEAD)
    return home / "nsd", home / "given", whole


def prepare(nsd, given, out, *words):
    where = ["--nsd", str(nsd), "--masks", str(given), "-o", str(out), "-s", str(SUBJECT)]
    return CliRunner().invoke(app, ["prepare", *where, "--test-sessions", str(N_TEST_SESSIONS), *words])


@pytest.fixture(scope="module")
def prepared(places, tmp_path_factory):
    nsd, given, _ = places
    out = tmp_path_factory.mktemp("out") / "challenge"
    result = prepare(nsd, given, out, "--json")
    assert result.exit_code == 0, result.stderr
    return out / f"subj{SUBJECT:02d}", json.loads(result.stdout)["subjects"][0]


def split_ids():
    sessions = plan(SUBJECT)
    first = N_SESSIONS - N_TEST_SESSIONS
    train = sorted({i for session in sessions[:first] for i in session})
    test = sorted({i for session in sessions[first:] for i in session} - set(train))
    return {"train": train, "test": test}


def by_hand(side, vertices, split):
    """Average z-scored betas image by image, with nothing but numpy."""
    sessions = range(N_SESSIONS - N_TEST_SESSIONS)
    sessions = sessions if split == "train" else range(N_SESSIONS - N_TEST_SESSIONS, N_SESSIONS)
    found = {i: [] for i in split_ids()[split]}
    for session in sessions:
        values = betas(SUBJECT, side, session, vertices).astype(np.float64)
        scores = (values - values.mean(axis=0)) / values.std(axis=0)
        for shown, score in zip(plan(SUBJECT)[session], scores, strict=True):
            if shown in found:
                found[shown].append(score)
    return np.array([np.mean(found[i], axis=0) for i in split_ids()[split]])


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("side", SIDES)
def test_responses_are_the_means_of_z_scored_betas(prepared, places, side, split):
    folder, _ = prepared
    word = {"train": "training", "test": "test"}[split]
    found = np.load(folder / f"{word}_split/{word}_fmri/{side}_{word}_fmri.npy")
    expected = by_hand(side, np.flatnonzero(places[2][side]), split)
    kept = np.delete(np.arange(expected.shape[1]), DEAD[side])
    assert (found.dtype, found.shape) == (np.float32, (len(expected), len(kept)))
    np.testing.assert_allclose(found, expected[:, kept], rtol=0, atol=2e-5)


@pytest.mark.parametrize("side", SIDES)
def test_vertices_without_betas_are_in_no_mask(prepared, places, side):
    folder, row = prepared
    given, whole = places[1] / f"subj{SUBJECT:02d}/roi_masks", places[2][side]
    vertices = np.delete(np.flatnonzero(whole), DEAD[side])
    mask = np.load(folder / f"roi_masks/{side}.all-vertices_fsaverage_space.npy")
    np.testing.assert_array_equal(np.flatnonzero(mask), vertices)
    codes = np.load(given / f"{side}.streams_fsaverage_space.npy")
    np.testing.assert_array_equal(np.load(folder / f"roi_masks/{side}.streams_challenge_space.npy"), codes[vertices])
    assert row["n_dropped"] == {"left": 2, "right": 0}


def test_images_are_those_of_the_ids_in_their_order(prepared):
    folder, row = prepared
    for split, ids in split_ids().items():
        word = {"train": "training", "test": "test"}[split]
        paths = sorted((folder / f"{word}_split/{word}_images").iterdir())
        assert [path.name for path in paths] == [f"{split}-{k + 1:04d}_nsd-{i:05d}.png" for k, i in enumerate(ids)]
        for path, nsd_id in zip(paths, ids, strict=True):
            with Image.open(path) as image:
                np.testing.assert_array_equal(np.asarray(image), pixels(nsd_id))
    assert (row["n_train"], row["n_test"]) == (len(split_ids()["train"]), 7)


def test_noise_ceilings_follow_from_the_ratios_and_the_repeats(prepared, places):
    folder, row = prepared
    assert row["repeats"] == [1, 3, 3]
    ratios = np.random.default_rng(0).uniform(0.2, 1, (163_842, 1, 1)).astype(np.float32).ravel().astype(np.float64)
    squares = np.delete(ratios[np.flatnonzero(places[2]["lh"])], DEAD["lh"]) ** 2
    noise = (1 / 3 + 3 / 2 + 3) / 7
    found = np.load(folder / "test_split/noise_ceiling/lh_noise_ceiling.npy")
    np.testing.assert_allclose(found, squares / (squares + noise), rtol=1e-12)


def test_data_accepts_the_folder(prepared):
    result = CliRunner().invoke(app, ["data", "--data-dir", str(prepared[0].parent), "--deep"])
    assert result.exit_code == 0, result.output


def test_a_second_call_writes_the_same_bytes_and_no_image_again(prepared, places, tmp_path):
    folder, _ = prepared
    shutil.copytree(folder.parent, tmp_path / "out")
    victim = next((tmp_path / "out").rglob("train-0002*.png"))
    victim.unlink()
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.png")}
    assert prepare(places[0], places[1], tmp_path / "out").exit_code == 0
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    for path in folder.rglob("*"):
        if path.is_file():
            assert (tmp_path / "out" / path.relative_to(folder.parent)).read_bytes() == path.read_bytes()


@pytest.fixture
def copy(places, tmp_path):
    shutil.copytree(places[0], tmp_path / "nsd")
    return tmp_path / "nsd"


def remove_a_session(nsd):
    next(nsd.rglob("rh.betas_session02.mgh")).unlink()


def cut_a_session(nsd):
    path = next(nsd.rglob("lh.betas_session03.mgh"))
    path.write_bytes(path.read_bytes()[:100_000])


def take_another_surface(nsd):
    path = next(nsd.rglob("lh.betas_session01.mgh"))
    nibabel.save(nibabel.MGHImage(np.zeros((10_242, 1, 1, 8), np.float32), np.eye(4)), path)


def lose_a_trial(nsd):
    path = next(nsd.rglob("*.csv"))
    path.write_text(path.read_text().replace(f"40,40,40,{trial_of(40)}", "40,40,40,999999"))


def trial_of(nsd_id):
    return [i for session in plan(SUBJECT) for i in session].index(nsd_id) + 1


def lose_the_images(nsd):
    next(nsd.rglob("*.hdf5")).write_bytes(b"nothing")


def take_other_images(nsd):
    path = next(nsd.rglob("*.hdf5"))
    with h5py.File(path, "w") as file:
        file.create_dataset("imgBrick", (50, 425, 425, 3), "f4")


def take_a_folder_of_images(nsd):
    path = next(nsd.rglob("*.hdf5"))
    with h5py.File(path, "w") as file:
        file.create_group("imgBrick")


def lose_all_betas(nsd):
    path = next(nsd.rglob("lh.betas_session02.mgh"))
    nibabel.save(nibabel.MGHImage(np.full((163_842, 1, 1, 8), np.nan, np.float32), np.eye(4)), path)


def lose_a_trials_betas(nsd):
    path = next(nsd.rglob("rh.betas_session02.mgh"))
    content = bytearray(path.read_bytes())
    start = 284 + 5 * 163_842 * 4
    content[start : start + 163_842 * 4] = bytes(163_842 * 4)
    path.write_bytes(content)


def never_write_an_image(nsd):
    path = next(nsd.rglob("*.hdf5"))
    with h5py.File(path, "w") as file:
        brick = file.create_dataset("imgBrick", (50, 425, 425, 3), "u1", chunks=(1, 425, 425, 3))
        for nsd_id in set(range(50)) - {trial_shows(0)}:
            brick[nsd_id, 0] = 1


def blacken_an_image(nsd):
    path = next(nsd.rglob("*.hdf5"))
    with h5py.File(path, "r+") as file:
        file["imgBrick"][trial_shows(0)] = 0


def trial_shows(trial):
    return [i for session in plan(SUBJECT) for i in session][trial]


def name_an_image_twice(nsd):
    path = next(nsd.rglob("*.csv"))
    path.write_text(path.read_text() + "\n49,49,49,0,0,0")


def lose_the_ratios(nsd):
    path = next(nsd.rglob("lh.ncsnr.mgh"))
    nibabel.save(nibabel.MGHImage(np.full((163_842, 1, 1), np.nan, np.float32), np.eye(4)), path)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (remove_a_session, "lacks rh.betas_session02.mgh"),
        (cut_a_session, "lh.betas_session03.mgh is no whole map"),
        (take_another_surface, "betas on fsaverage, 163842 x 1 x 1 x trials, were expected"),
        (lose_a_trial, "does not say what 1 of subject 6's 40 trials showed"),
        (lose_the_images, "cannot be read as HDF5"),
        (take_other_images, "holds no imgBrick of 425 x 425 RGB images in 8 bits"),
        (take_a_folder_of_images, "holds no imgBrick of 425 x 425 RGB images"),
        (lose_all_betas, "lh.betas_session02.mgh leaves no vertex of the mask"),
        (lose_a_trials_betas, "rh.betas_session02.mgh is 0 at every vertex in trial 6 of 8"),
        (never_write_an_image, f"rows that are needed lack data, NSD id {trial_shows(0)}"),
        (blacken_an_image, f"NSD id {trial_shows(0)} is black all over"),
        (name_an_image_twice, "names NSD id 49 twice"),
        (lose_the_ratios, "lh.ncsnr.mgh: 34 of 34 signal-to-noise ratios are"),
    ],
)
def test_what_is_wrong_in_nsd_is_told_in_a_sentence(copy, places, tmp_path, harm, told):
    harm(copy)
    result = prepare(copy, places[1], tmp_path / "out")
    assert result.exit_code == 3
    assert told in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output


def test_masks_that_are_missing_are_named(places, tmp_path):
    result = prepare(places[0], tmp_path, tmp_path / "out")
    assert result.exit_code == 3
    assert "fsaverage_space.npy is missing" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_split_is_refused_before_anything_is_written(prepared, places, tmp_path):
    shutil.copytree(prepared[0].parent, tmp_path / "out")
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*.npy")}
    result = prepare(places[0], places[1], tmp_path / "out", "--test-sessions", "1")
    assert result.exit_code == 3
    assert "images that do not belong there" in result.stderr
    assert all(path.read_bytes() == content for path, content in before.items())


def test_the_ceilings_of_a_whole_copy_of_nsd_are_found(prepared, places, tmp_path):
    words = ["import-ceilings", str(places[0]), "--data-dir", str(prepared[0].parent), "--repeats", "1,3,3", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    assert [row["is_new"] for row in json.loads(result.stdout)["rows"]] == [False, False]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("rh.all-vertices_fsaverage_space.npy", np.zeros(163_842, np.int64), "marks no vertex"),
        ("mapping_streams.npy", np.zeros(3), "mapping_streams.npy holds an array"),
        ("lh.streams_fsaverage_space.npy", np.full(163_842, None), "holds Python objects"),
    ],
)
def test_masks_that_say_nothing_are_refused_before_anything_is_written(places, tmp_path, name, content, told):
    masks = tmp_path / "masks"
    shutil.copytree(places[1] / f"subj{SUBJECT:02d}/roi_masks", masks)
    np.save(masks / name, content, allow_pickle=True)
    result = prepare(places[0], masks, tmp_path / "out")
    assert result.exit_code == 3
    assert told in result.stderr.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_ratios_of_one_hemisphere_alone_give_no_ceilings(copy, places, tmp_path):
    next(copy.rglob("rh.ncsnr.mgh")).unlink()
    result = prepare(copy, places[1], tmp_path / "out")
    assert result.exit_code == 0
    assert "no noise ceilings: rh.ncsnr.mgh not beside the betas" in result.stderr
    assert not list((tmp_path / "out").rglob("*noise_ceiling.npy"))


def test_responses_that_were_not_prepared_here_are_not_written_over(places, tmp_path):
    official = write_tiny_challenge(tmp_path / "official", [SUBJECT], image_size=8)
    for path in official.rglob("*.png"):
        path.unlink()
    before = {path: path.read_bytes() for path in official.rglob("*.npy")}
    result = prepare(places[0], places[1], official)
    assert result.exit_code == 3
    assert "they would be lost" in result.stderr
    assert all(path.read_bytes() == content for path, content in before.items())


def test_all_subjects_are_those_that_have_betas(places, tmp_path):
    where = ["--nsd", str(places[0]), "--masks", str(places[1]), "-o", str(tmp_path / "out"), "--test-sessions", "2"]
    result = CliRunner().invoke(app, ["prepare", *where, "-s", "all"])
    assert result.exit_code == 0, result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"subj{SUBJECT:02d}"]
