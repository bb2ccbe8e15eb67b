"""The drawn images: natural statistics, and things that are where the scene says."""

import io
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from algocli.demo import drives
from algocli.demo.drives import CHANNELS, N_ENERGY, N_OBJECT, measure_drives, measure_energy
from algocli.demo.images import Picture, draw, encode
from algocli.demo.sketch import PROPERTIES, Thing


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return [draw(0, nsd_id) for nsd_id in range(0, 4000, 100)]


def test_an_image_depends_on_its_seed_and_its_id_alone(pictures: list[Picture]) -> None:
    np.testing.assert_array_equal(draw(0, 300).pixels, pictures[3].pixels)
    assert (draw(1, 300).pixels != pictures[3].pixels).mean() > 0.5


def test_power_falls_with_frequency_as_in_natural_images(pictures: list[Picture]) -> None:
    window = np.hanning(425)[:, None] * np.hanning(425)
    power = np.zeros((425, 425))
    for picture in pictures:
        grey = picture.pixels.mean(axis=2)
        power += np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(425), np.fft.fftfreq(425)[:, None])
    edges = np.geomspace(4 / 425, 0.25, 12)
    rings = [power[(frequency >= low) & (frequency < high)].mean() for low, high in pairwise(edges)]
    slope = np.polyfit(np.log(np.sqrt(edges[1:] * edges[:-1])), np.log(rings), 1)[0]
    assert -3.1 < slope < -1.5


def test_images_are_rich_in_brightness_and_colour(pictures: list[Picture]) -> None:
    deviations = [picture.pixels.astype(float).std() for picture in pictures]
    colours = [len(np.unique(picture.pixels.astype(np.int64) @ [1, 256, 65536])) for picture in pictures]
    means = [picture.pixels.mean() for picture in pictures]
    assert np.median(deviations) > 35
    assert np.median(colours) > 2000
    assert 70 < np.mean(means) < 170


def test_a_png_brings_back_the_pixels(pictures: list[Picture]) -> None:
    with Image.open(io.BytesIO(encode(pictures[0].pixels))) as image:
        np.testing.assert_array_equal(np.asarray(image), pictures[0].pixels)


def test_what_is_visible_adds_up_to_the_whole_picture(pictures: list[Picture]) -> None:
    for picture in pictures:
        assert picture.visible.sum() == pytest.approx(1)
        assert len(picture.visible) == len(picture.things)


def test_every_property_occurs_in_some_images_and_not_in_all_alike(pictures: list[Picture]) -> None:
    objects = np.array([measure_drives(picture)[N_ENERGY:] for picture in pictures])
    amounts = objects.reshape(len(pictures), len(PROPERTIES), -1).sum(axis=2)
    assert (amounts.std(axis=0) > 0).all()


def bars(degrees: float) -> NDArray[np.uint8]:
    """Return a grating of two cycles a degree on the right half; its bars are turned from horizontal, anticlockwise."""
    at = (np.arange(425) - 212) / 425 * 8.4
    turn = np.radians(degrees)
    across = -np.sin(turn) * at - np.cos(turn) * at[:, None]
    grey = 127.5 + 100 * np.cos(2 * np.pi * 2.0 * across)
    grey[:, :212] = 127
    return np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)


def amplitudes(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Return the mean amplitude of each oriented channel, as what the division leaves of it can no longer tell."""
    small = np.asarray(Image.fromarray(pixels).resize((128, 128), Image.Resampling.BOX), dtype=float).mean(axis=2)
    maps = np.abs(np.fft.ifft2(np.fft.fft2(small - small.mean()) * drives._filters()))
    return dict(zip(CHANNELS, maps.mean(axis=(1, 2)).tolist(), strict=False))


@pytest.mark.parametrize("degrees", [0, 45, 90, 135])
def test_a_grating_excites_the_channel_of_its_own_orientation_and_frequency(degrees: int) -> None:
    responses = measure_energy(bars(degrees)).reshape(len(CHANNELS), 16, 16)
    # A channel is divided by what the whole image has of it: compare the grating with the empty half beside it.
    excess = responses[:, 4:12, 10:14].mean(axis=(1, 2)) - responses[:, 4:12, 2:6].mean(axis=(1, 2))
    oriented = {name: value for name, value in zip(CHANNELS, excess, strict=True) if name.endswith("2 cpd")}
    assert oriented[f"{degrees} deg 2 cpd"] > 0.5
    raw = amplitudes(bars(degrees))
    assert max(raw, key=raw.__getitem__) == f"{degrees} deg 2 cpd"


def test_energy_is_found_where_the_contrast_is() -> None:
    image = np.full((425, 425, 3), 128, dtype=np.uint8)
    image[:212] = bars(45)[:212]
    contrast = measure_energy(image)[CHANNELS.index("contrast")].reshape(16, 16)
    assert contrast[:7, 9:].min() > contrast[9:].max()


def test_a_thing_counts_for_its_property_near_its_place() -> None:
    pixels = np.zeros((425, 425, 3), dtype=np.uint8)
    picture = Picture(pixels, (Thing(0.9, 0.1, {"faces": 1.0}),), np.array([0.25]))
    objects = measure_drives(picture)[N_ENERGY:].reshape(len(PROPERTIES), 4, 4)
    faces = objects[PROPERTIES.index("faces")]
    assert objects.size == N_OBJECT
    assert np.unravel_index(faces.argmax(), faces.shape) == (0, 3)
    assert faces.max() <= 0.5
    assert not np.delete(objects, PROPERTIES.index("faces"), axis=0).any()
