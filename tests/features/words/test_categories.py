"""Categories as features: what of COCO's objects is left in a stimulus, in numbers that were worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

import algocli
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import AlgocliError
from algocli.features.store.commands import command
from algocli.features.store.library import read_recipe
from tests.features.words import by_hand


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    return by_hand.subject_of(tmp_path_factory.mktemp("words") / "data")


@pytest.fixture
def keep(subject, tmp_path):
    """Import as a notebook does; returns the only store and what was said."""
    files, coco, said = by_hand.write_instances(tmp_path), by_hand.write_origins(tmp_path / "info.csv"), []

    def run(given=files, name="categories", **options):
        options = {"coco": coco, "cache_dir": tmp_path / "cache", "note": said.append, **options}
        (store,) = algocli.import_words(subject, given, name, **options).stores
        return store, said

    return run


@pytest.mark.parametrize(
    ("options", "expected", "atol"),
    [
        ({}, by_hand.PRESENCE, 0),
        ({"measure": "count"}, by_hand.COUNT, 0),
        # The edge of a crowd's mask falls between pixels of the stimulus.
        ({"measure": "share"}, by_hand.SHARE, 1e-6),
        ({"measure": "share", "dtype": "float16"}, by_hand.SHARE, 1e-3),
    ],
)
def test_objects_within_the_crop_become_numbers_by_category(keep, options, expected, atol):
    store, said = keep(**options)
    np.testing.assert_allclose(store.read(), by_hand.as_numbers(expected), rtol=0, atol=atol)
    about = store.manifest["provenance"]["words"]
    assert about["columns"] == ["person", "cat", "dog", "zebra"]
    assert about.get("overlaps") == ("once" if options.get("measure") == "share" else None)
    assert any("2 of 6 images show none of them, and have zeros: train-0003" in line for line in said)
    assert any("1 crowd counts as one" in line for line in said) == (options.get("measure") == "count")


def test_a_crowd_alone_covers_what_its_mask_does(keep, tmp_path):
    only = by_hand.write_coco(
        tmp_path / "crowd.json", by_hand.COCO_IDS, [by_hand.right_half(40, 1)], categories=by_hand.CATEGORIES
    )
    store, _ = keep([only], measure="share")
    # Half of 425 columns of pixels, each taken where its middle lies.
    assert store.read()[1, 0] in (np.float32(212 / 425), np.float32(213 / 425))


def test_a_store_says_which_command_makes_it_and_is_made_once(keep, tmp_path):
    first, _ = keep(measure="count")
    again, said = keep(measure="count")
    assert again.folder == first.folder
    assert said[-1].endswith("categories is complete, nothing to do")
    written = command(read_recipe(first.folder.parent), 1, first.manifest["provenance"])
    files = " ".join(str(tmp_path / f"instances_{split}2017.json") for split in ("train", "val"))
    assert written == (
        f"algocli import-words {files} --coco {tmp_path}/info.csv --name categories --measure count -s 1"
    )
    with pytest.raises(AlgocliError, match="holds other features of subject 1 already"):
        keep(measure="presence")
    replaced, _ = keep(measure="presence", force=True)
    np.testing.assert_array_equal(replaced.read(), by_hand.PRESENCE)


def test_annotations_that_the_program_adapted_are_the_same_by_their_file_names(keep, subject, tmp_path):
    from algocli.dataset.nsd.annotations import adapt
    from algocli.dataset.nsd.coco import read_coco_images

    origins = read_coco_images(tmp_path / "info.csv", subject.stimuli)
    adapted = []
    for file in by_hand.write_instances(tmp_path):
        adapted.append(tmp_path / f"adapted_{file.name}")
        adapted[-1].write_text(json.dumps(adapt(file, subject.stimuli, origins).content))
    store, _ = keep(adapted, coco=None, measure="share")
    np.testing.assert_allclose(store.read(), by_hand.as_numbers(by_hand.SHARE), rtol=0, atol=1e-6)


def test_a_table_of_labels_serves_images_by_id_or_name(keep, subject, tmp_path):
    table = tmp_path / "labels.csv"
    lines = [
        "1000,cat",
        "train-0002_nsd-01003.png,dog",
        "1006,",
        "1009,dog",
        "1009,dog",
        "nsd-01001,cat",
        "1004,dog",
        "5,eel",
    ]
    table.write_text("\n".join(["nsd_id,label", *lines]))
    store, _ = keep(table, coco=None, measure="count")
    assert store.manifest["provenance"]["words"]["columns"] == ["cat", "dog", "eel"]
    np.testing.assert_array_equal(store.read(), [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 2, 0], [1, 0, 0], [0, 1, 0]])
    table.write_text("\n".join(["nsd_id,label", *lines[:5]]))
    alone, said = keep(table, "training", coco=None)
    assert len(alone.read()) == 4
    assert any("there will be no test predictions" in line for line in said)


def test_words_that_another_subject_has_in_another_way_are_not_mixed(tmp_path):
    by_hand.subject_of(tmp_path / "data")
    by_hand.write_tiny_challenge(tmp_path / "data", (6,), n_train=4, n_test=2, image_size=16)
    table, data = tmp_path / "labels.csv", Challenge(tmp_path / "data")
    ids = [stimulus.id for subject in data.subjects() for stimulus in subject.stimuli]
    table.write_text("\n".join(["id,label", *(f"{one},{'odd' if one % 2 else 'even'}" for one in ids)]))
    options = {"cache_dir": tmp_path / "cache"}
    algocli.import_words(data.subject(1), table, "parity", **options)
    with pytest.raises(AlgocliError, match="subject 1's features, whose measure is presence, not count"):
        algocli.import_words(data.subject(6), table, "parity", measure="count", **options)
    assert (
        len(algocli.import_words(data.subjects(), table, "parity", measure="count", force=True, **options).stores) == 2
    )


REFUSED = {
    "val alone": "instances_val2017.json lacks 4 of the 6 images of subj01; the first is NSD id 1000",
    "captions": "has no categories of objects",
    "another table": "lacks 6 of the subject's 6 images",
    "no table": "calls its images as COCO does, 000000000050.jpg",
    "twice": "is named twice",
    "copied": "both say what train-0001_nsd-01000.png shows of person",
    "no area": "nothing says how large the cat of an image is",
    "no column": "has no column called label, or labels",
    "encoder's": "weights=... are a text encoder's",
    "unknown": "annotation 1 is of none of the categories that are named",
}


@pytest.mark.parametrize(("case", "told"), REFUSED.items())
def test_what_does_not_fit_is_told_in_a_sentence(keep, tmp_path, case, told):
    train, val = by_hand.write_instances(tmp_path)
    given, options = [train, val], {}
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["id,label", *(f"{one},cat" for one in by_hand.NSD_IDS)]))
    if case == "val alone":
        given = [val]
    elif case == "captions":
        given = [by_hand.write_captions(tmp_path / "captions.json", {one: ["a cat"] for one in by_hand.COCO_IDS})]
    elif case == "another table":
        options["coco"] = by_hand.write_origins(tmp_path / "other.csv", tuple(one + 10 for one in by_hand.NSD_IDS))
    elif case == "no table":
        options["coco"] = None
    elif case == "twice":
        given = [train, val, train]
    elif case == "copied":
        given = [train, val, tmp_path / "copy.json"]
        given[-1].write_text(train.read_text())
    elif case == "no area":
        given, options = [table], {"coco": None, "measure": "share"}
    elif case == "no column":
        table.write_text("id,word\n1000,cat\n")
        given, options = [table], {"coco": None}
    elif case == "encoder's":
        options["weights"] = "random"
    else:
        train.write_text(train.read_text().replace('"category_id": 17', '"category_id": 99'))
    with pytest.raises(AlgocliError) as refused:
        keep(given, **options)
    assert told in refused.value.message
    assert "\n" not in refused.value.message
    assert not (tmp_path / "cache" / "features").exists()
