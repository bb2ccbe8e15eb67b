"""From COCO's images to the stimuli and back: points, boxes, outlines, masks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from algocli.dataset.ids import find_stimuli
from algocli.dataset.nsd.annotations import adapt
from algocli.dataset.nsd.coco import CocoImage, Crop, area, read_coco_images
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError

shares = st.floats(0, 0.45)
sizes = st.integers(50, 700)
crops = st.builds(Crop, shares, shares, shares, shares)


@st.composite
def points_inside(draw):
    frame = draw(crops).of(draw(sizes), draw(sizes))
    within = st.floats(0, 1)
    share = np.array([draw(within), draw(within)])
    return frame, np.array([frame.x0, frame.y0]) + share * [frame.x1 - frame.x0, frame.y1 - frame.y0]


@given(points_inside())
def test_from_coco_to_the_stimulus_and_back_is_the_identity(case):
    frame, point = case
    there = frame.to_stimulus(point)
    assert ((there >= -1e-9) & (there <= 425 + 1e-9)).all()
    np.testing.assert_allclose(frame.to_coco(there)[0], point, rtol=0, atol=1e-9)


def test_the_corners_of_what_is_left_are_the_corners_of_the_stimulus():
    # Of 640 x 480 an eighth is cut off left and right: 80 pixels each, which leaves a square.
    frame = Crop(0, 0, 0.125, 0.125).of(640, 480)
    np.testing.assert_allclose(
        frame.to_stimulus([(80, 0), (560, 480), (320, 240)]), [(0, 0), (425, 425), (212.5, 212.5)]
    )
    assert frame.holds([(79, 5), (80, 0), (560, 480), (561, 3)]).tolist() == [False, True, True, False]


def test_a_box_is_cut_at_the_edge_and_dropped_outside():
    frame = Crop(0, 0, 0.125, 0.125).of(640, 480)
    assert frame.box((40, 48, 80, 96)) == pytest.approx((0, 42.5, 35.41666667, 85))
    assert frame.box((0, 0, 80, 480)) is None
    assert frame.box((600, 10, 20, 20)) is None


@given(
    st.lists(st.tuples(st.floats(-20, 660), st.floats(-20, 500)), min_size=3, max_size=3),
    st.lists(st.tuples(st.floats(1, 424), st.floats(1, 424)), min_size=20, max_size=20),
)
def test_a_point_of_the_stimulus_is_in_the_cut_outline_where_it_was_in_coco(triangle, probes):
    frame = Crop(0.05, 0.1, 0.2, 0.1).of(640, 480)
    mapped = frame.polygon(triangle)
    before = Outline(np.array(triangle)).contains_points(frame.to_coco(probes))
    after = Outline(mapped).contains_points(probes) if len(mapped) else np.zeros(len(probes), bool)
    # Points next to an edge may fall to either side.
    corners = np.array(triangle)
    edges = np.roll(corners, -1, axis=0) - corners
    offsets = frame.to_coco(probes)[:, None] - corners
    across = np.abs(edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0])
    clear = (across > 1e-3 * (1 + np.hypot(*edges.T))).all(axis=1)
    np.testing.assert_array_equal(after[clear], before[clear])


def test_an_outline_within_keeps_its_area_times_the_scale():
    frame = Crop(0, 0, 0.125, 0.125).of(640, 480)
    square = [(100, 100), (200, 100), (200, 200), (100, 200)]
    assert area(frame.polygon(square)) == pytest.approx(100 * 100 * (425 / 480) ** 2)


def stimulus(nsd_id, row=0):
    from pathlib import Path

    return Stimulus(row, "train", nsd_id, Path(f"train-{row + 1:04d}_nsd-{nsd_id:05d}.png"))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "nsd_stim_info_merged.csv"
    path.write_text(
        ",cocoId,cocoSplit,cropBox,loss,nsdId,flagged,BOLD5000,shared1000\n"
        '0,532481,val2017,"(0, 0, 0.1671875, 0.1671875)",0.1,0,False,False,False\n'
        '7,245764,train2017,"(0.06, 0.0125, 0, 0)",0.2,7,False,False,True\n'
        "9,12,train2017,nonsense,0.2,9,False,False,True\n"
    )
    return path


def test_the_table_tells_where_an_image_comes_from(table):
    assert read_coco_images(table, [stimulus(7), stimulus(0)]) == [
        CocoImage(7, 245764, "train2017", Crop(0.06, 0.0125, 0, 0)),
        CocoImage(0, 532481, "val2017", Crop(0, 0, 0.1671875, 0.1671875)),
    ]


@pytest.mark.parametrize(("nsd_id", "told"), [(8, "lacks 1 of the subject"), (9, "'nonsense' is no crop")])
def test_a_table_without_what_is_needed_is_refused(table, nsd_id, told):
    with pytest.raises(DataError, match=told):
        read_coco_images(table, [stimulus(nsd_id)])


def test_a_table_with_fewer_lines_is_told_to_be_incomplete(table):
    with pytest.raises(DataError, match="lacks 2 of the subject's 3 images; the first is NSD id 8") as caught:
        read_coco_images(table, [stimulus(7), stimulus(8), stimulus(11)])
    assert caught.value.hint == "it is not complete: NSD's own has a line for each of its 73,000 images"


def test_ids_of_another_subject_and_those_that_are_not_complete_are_told_apart():
    wanted = [stimulus(7), stimulus(8)]
    for ids, hint in (([7, 9], "was it made for another subject? choose one with -s"), ([7], "it is not complete")):
        with pytest.raises(DataError, match="the list lacks 1 of the subject's 2 images") as caught:
            find_stimuli(ids, wanted, "the list")
        assert caught.value.hint == hint


def write(path, **content):
    path.write_text(json.dumps({"images": [{"id": 5, "width": 640, "height": 480}], **content}))
    return path


def adapted(path, annotation):
    path = write(path, annotations=[{"id": 1, "image_id": 5, "category_id": 3, **annotation}], categories=[{"id": 3}])
    result = adapt(path, [stimulus(77, 4)], [CocoImage(77, 5, "val2017", Crop(0, 0, 0.125, 0.125))])
    return result, (result.content["annotations"] or [None])[0]


def test_an_annotation_comes_out_in_the_stimulus_under_its_nsd_id(tmp_path):
    square = [100.0, 100.0, 200.0, 100.0, 200.0, 200.0, 100.0, 200.0]
    result, new = adapted(tmp_path / "a.json", {"bbox": [100, 100, 100, 100], "segmentation": [square], "area": 1e4})
    scale = 425 / 480
    assert (new["image_id"], new["category_id"]) == (77, 3)
    assert new["bbox"] == pytest.approx([20 * scale, 100 * scale, 100 * scale, 100 * scale])
    assert new["area"] == pytest.approx(1e4 * scale**2)
    assert result.content["images"][0]["file_name"] == "train-0005_nsd-00077.png"
    assert result.content["categories"] == [{"id": 3}]
    assert (result.n_images, result.n_kept, result.n_outside) == (1, 1, 0)


def test_what_was_cut_off_is_counted_and_left_out(tmp_path):
    result, new = adapted(tmp_path / "a.json", {"bbox": [0, 0, 50, 50], "segmentation": [[0, 0, 50, 0, 50, 50]]})
    assert new is None
    assert (result.n_kept, result.n_outside) == (0, 1)


def test_key_points_that_were_cut_off_count_as_not_labelled(tmp_path):
    _, new = adapted(tmp_path / "a.json", {"keypoints": [10, 10, 2, 320, 240, 1, 0, 0, 0], "num_keypoints": 2})
    assert new["keypoints"] == [0, 0, 0, 212.5, 212.5, 1, 0, 0, 0]
    assert new["num_keypoints"] == 1


def test_captions_stay_as_they_are(tmp_path):
    _, new = adapted(tmp_path / "a.json", {"caption": "A dog."})
    assert new == {"id": 1, "image_id": 77, "category_id": 3, "caption": "A dog."}


def runs(mask):
    counts, value = [0], False
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(0)
            value = not value
        counts[-1] += 1
    return counts


def test_the_mask_of_a_crowd_is_cut_and_scaled(tmp_path):
    mask = np.zeros((480, 640), dtype=bool)
    mask[120:, 320:] = True
    segmentation = {"counts": runs(mask), "size": [480, 640]}
    _, new = adapted(tmp_path / "a.json", {"iscrowd": 1, "segmentation": segmentation})
    expected = np.zeros((425, 425), dtype=bool)
    middles = (np.arange(425) + 0.5) * 480 / 425
    expected[np.ix_(middles >= 120, middles + 80 >= 320)] = True
    assert new["segmentation"] == {"counts": runs(expected), "size": [425, 425]}
    assert new["area"] == expected.sum()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[]", "no annotations of COCO"),
        ('{"images": [{"id": 1}], "annotations": []}', "no annotations"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, text, told):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=told):
        adapt(tmp_path / "a.json", [], [])


def test_annotations_of_other_images_are_refused_with_where_most_come_from(tmp_path):
    path = write(tmp_path / "a.json", annotations=[])
    with pytest.raises(DataError, match="knows none of the subject's 1 images") as caught:
        adapt(path, [stimulus(3)], [CocoImage(3, 999, "train2017", Crop(0, 0, 0, 0))])
    assert "instances_train2017.json" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        ({"segmentation": [[300, 200, 350]]}, "an outline of annotation 1 has 3 numbers"),
        (
            {"segmentation": [[300, 200, 350, 200, float("nan"), 250]]},
            "an outline of annotation 1 is no list of finite",
        ),
        ({"segmentation": [300, 200, 350, 200, 350, 250]}, "an outline of annotation 1 is no list"),
        (
            {"segmentation": {"counts": [5, 5], "size": [480, 640]}},
            "the mask of annotation 1 is damaged: runs of 480 x 640 pixels",
        ),
        ({"segmentation": {"size": [480, 640]}}, "the mask of annotation 1 has no list of counts"),
        ({"bbox": [300, 200, 50]}, "the bbox of annotation 1 has 3 numbers"),
        ({"bbox": []}, "the bbox of annotation 1 has 0 numbers"),
        ({"bbox": [300, 200, 10**400, 50]}, "the bbox of annotation 1 is no list of finite numbers"),
        ({"keypoints": [300, 200]}, "the keypoints of annotation 1 has 2 numbers"),
    ],
)
def test_a_broken_annotation_is_named_with_what_is_wrong_in_it(tmp_path, annotation, told):
    with pytest.raises(DataError, match=f"a.json: {told}"):
        adapted(tmp_path / "a.json", annotation)


def test_an_outline_of_fewer_than_three_points_encloses_nothing(tmp_path):
    result, _ = adapted(tmp_path / "a.json", {"segmentation": [[], [300, 200], [300, 200, 350, 250]]})
    assert (result.n_kept, result.n_outside) == (0, 1)


@pytest.mark.parametrize("nothing", [[], None])
def test_a_box_that_nobody_outlined_is_kept(tmp_path, nothing):
    _, new = adapted(tmp_path / "a.json", {"bbox": [80, 0, 480, 480], "segmentation": nothing})
    assert new["bbox"] == [0, 0, 425, 425]
    assert new["segmentation"] == nothing


@pytest.mark.parametrize(
    "image", [{"width": 0, "height": 9}, {"width": "9", "height": 9}, {"width": 9, "height": None}]
)
def test_an_image_without_a_size_is_refused(tmp_path, image):
    (tmp_path / "a.json").write_text(json.dumps({"images": [{"id": 5, **image}], "annotations": []}))
    with pytest.raises(DataError, match="no annotations of COCO's"):
        adapt(tmp_path / "a.json", [stimulus(77)], [CocoImage(77, 5, "val2017", Crop(0, 0, 0, 0))])


def test_a_coco_id_of_thousands_of_digits_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text(f'nsdId,cocoId,cocoSplit,cropBox\n7,{"9" * 5000},val2017,"(0, 0, 0, 0)"')
    with pytest.raises(DataError, match=r"'9{20}' is no COCO id"):
        read_coco_images(tmp_path / "t.csv", [stimulus(7)])


def test_a_table_with_an_unclosed_quote_is_not_told_whole(tmp_path):
    (tmp_path / "t.csv").write_text('"nsdId' + ",9" * 5000)
    with pytest.raises(DataError, match="has no column nsdId") as refused:
        read_coco_images(tmp_path / "t.csv", [stimulus(7)])
    assert len(refused.value.message) < 500
