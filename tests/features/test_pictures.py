"""Images of the user's own: which files count, in which order, and what is told of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.conversions import Conversion
from algocli.errors import DataError
from algocli.features.pictures import BATCH_SIZE, PictureFeatures, Pictures, list_pictures
from algocli.features.rebuilding import RebuiltLayer, rebuild
from tests.features.by_hand import extract_one
from tests.features.stand_in import stand_in
from tests.support.pictures import GREY, grey, orientation_block, stored_as, write_png, write_tiff


def picture(path: Path, value: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 30, 3), value, np.uint8)).save(path)
    return path


@pytest.fixture
def layer(subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RebuiltLayer:
    monkeypatch.setattr("algocli.features.networks.backbones.load_backbone", lambda *_asked, **_options: stand_in())
    (found,) = rebuild([extract_one(subject, stand_in(), tmp_path / "cache", dtype="float32")], "cpu")
    return found


def test_files_stay_as_they_are_named_and_folders_are_sorted(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    inside = [picture(folder / name) for name in ("2.PNG", "10.jpg", "a.jpeg")]
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_text("nor this")
    picture(folder / "deeper/x.png")
    alone = picture(tmp_path / "z.png")
    found = list_pictures([alone, folder, alone])
    assert found.paths == (alone, inside[1], inside[0], inside[2], alone)
    assert [path.name for path in found.passed_over] == ["deeper", "notes.txt"]


def test_an_empty_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty holds no images"):
        list_pictures([tmp_path / "empty"])
    with pytest.raises(DataError, match=r"gone\.png is missing"):
        list_pictures([tmp_path / "gone.png"])


def test_a_picture_has_the_features_that_the_store_would_have_of_it(subject: Subject, layer: RebuiltLayer) -> None:
    paths = tuple(stimulus.path for stimulus in subject.stimuli)
    (part,) = PictureFeatures(Pictures(paths), [layer]).parts()
    store = extract_one(subject, stand_in(), subject.layout.folder.parents[1] / "cache", dtype="float32")
    assert len(paths) > BATCH_SIZE
    np.testing.assert_allclose(part[0], store.read(), atol=1e-6)


def test_grey_and_transparent_pictures_count_as_rgb(tmp_path: Path, layer: RebuiltLayer) -> None:
    plain = picture(tmp_path / "plain.png")
    with Image.open(plain) as image:
        image.convert("L").save(tmp_path / "grey.png")
        image.convert("RGBA").save(tmp_path / "transparent.png")
        image.quantize(2).save(tmp_path / "palette.gif")
    paths = tuple(tmp_path / name for name in ("plain.png", "grey.png", "transparent.png", "palette.gif"))
    (part,) = PictureFeatures(Pictures(paths), [layer]).parts()
    for row in part[0][1:]:
        np.testing.assert_array_equal(row, part[0][0])


def test_many_pictures_come_in_parts(tmp_path: Path, layer: RebuiltLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = tuple(picture(tmp_path / f"{value}.png", value) for value in range(0, 250, 50))
    (whole,) = PictureFeatures(Pictures(paths), [layer]).parts()
    monkeypatch.setattr("algocli.features.pictures.FEATURES_BYTES", 2 * 4 * layer.reduce.n_features)
    parts = [part[0] for part in PictureFeatures(Pictures(paths), [layer]).parts()]
    assert [len(part) for part in parts] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(parts), whole[0])


def test_a_file_that_is_no_image_is_named(tmp_path: Path, layer: RebuiltLayer) -> None:
    (tmp_path / "bad.png").write_text("no image")
    with pytest.raises(DataError, match=r"bad\.png is no readable image"):
        list(PictureFeatures(Pictures((picture(tmp_path / "good.png"), tmp_path / "bad.png")), [layer]).parts())


def test_what_was_converted_is_known_and_has_the_features_of_what_a_person_sees(
    tmp_path: Path, layer: RebuiltLayer
) -> None:
    numbers = (np.arange(24 * 20).reshape(24, 20) * 130).astype(np.uint16)
    opacity = np.where(np.arange(20) < 9, 0, 255).astype(np.uint8)[None].repeat(24, axis=0)
    upright = grey(np.floor(numbers / 65535 * 255 + 0.5))
    given = {
        "deep.png": (write_png(tmp_path / "deep.png", numbers, bits=16, colour_type=0), upright),
        "clear.png": (
            write_png(tmp_path / "clear.png", np.dstack([upright, opacity]), colour_type=6),
            np.where(opacity[..., None] == 0, np.uint8(GREY), upright),
        ),
        "turned.png": (
            write_png(
                tmp_path / "turned.png",
                stored_as(upright, 6),
                colour_type=2,
                before=[(b"eXIf", orientation_block(6))],
            ),
            upright,
        ),
        "shares.tif": (write_tiff(tmp_path / "shares.tif", (upright[..., 0] / 255).astype(np.float32)), upright),
    }
    plain = []
    for name, (_, pixels) in given.items():
        plain.append(tmp_path / f"plain {name}.png")
        Image.fromarray(pixels).save(plain[-1])
    features = PictureFeatures(Pictures(tuple(path for path, _ in given.values())), [layer])
    (found,) = features.parts()
    (expected,) = PictureFeatures(Pictures(tuple(plain)), [layer]).parts()
    np.testing.assert_array_equal(found[0], expected[0])
    assert features.converted == {
        Conversion.SIXTEEN_BITS: ["deep.png"],
        Conversion.SHARES: ["shares.tif"],
        Conversion.LAID: ["clear.png"],
        Conversion.TURNED: ["turned.png"],
    }
