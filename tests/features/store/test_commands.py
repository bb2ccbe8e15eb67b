"""The command that makes features again, read back from what was recorded of them."""

from __future__ import annotations

from typing import Any

import pytest

from algocli.features.networks.preprocessing import TUTORIAL, Transform
from algocli.features.store.commands import (
    LayerRequest,
    command,
    describe,
    import_dtype,
    options,
    preparation,
    request_of,
)

IMPORTED = {"model": "mine", "layer": "import", "weights": "import", "identity": {"source": "import"}}


def recipe(weights: str = "pretrained", **identity: Any) -> dict[str, Any]:
    usual = {"dtype": "float16", "numerics": "float32", "post": "flatten", "transform": Transform().identity()}
    return {"model": "alexnet", "layer": "features.2", "weights": weights, "identity": usual | identity}


@pytest.mark.parametrize(
    ("named", "said", "request_"),
    [
        (recipe(), "", LayerRequest()),
        (recipe("random:3"), "--weights random:3", LayerRequest("random:3")),
        (recipe("my weights.pth"), "--weights 'my weights.pth'", LayerRequest("my weights.pth")),
        (recipe(dtype="float32"), "--dtype float32", LayerRequest(dtype="float32")),
        (recipe(numerics="bfloat16"), "--numerics bfloat16", LayerRequest(numerics="bfloat16")),
        (recipe(transform=Transform(300).identity()), "--transform model", LayerRequest(transform="model")),
        (recipe(post={"pool": 7}), "--pool 7", LayerRequest(pool=7)),
        (
            recipe(post={"project": 50, "seed": 2, "matrix": "ab"}),
            "--project 50 --project-seed 2",
            LayerRequest(project=50, project_seed=2),
        ),
        (recipe(post={"project": 50, "seed": 0, "matrix": "ab"}), "--project 50", LayerRequest(project=50)),
        (
            recipe(post={"tokens": "class+patches", "layout": {"axes": "tc", "grid": [4, 4], "class": [0]}, "pool": 2}),
            "--tokens class+patches --pool 2",
            LayerRequest(tokens="class+patches", pool=2),
        ),
        (
            recipe(transform=Transform(300).identity(), image_size=300),
            "--image-size 300",
            LayerRequest(image_size=300),
        ),
    ],
)
def test_what_was_asked_for_is_read_back_and_said(named: dict[str, Any], said: str, request_: LayerRequest) -> None:
    assert request_of(named) == request_
    assert " ".join(options(named)) == said
    assert command(named, 3) == " ".join(f"algocli extract --model alexnet -l features.2 {said} -s 3".split())


@pytest.mark.parametrize(
    ("about", "dtype", "words"),
    [
        ({}, "float32", "FILE --name mine"),
        ({"file": "/my data/a.h5", "dataset": "x"}, "float32", "'/my data/a.h5' --dataset x --name mine"),
        ({"file": "a.npy", "ids_file": "/ids.csv"}, "float32", "a.npy --name mine --ids /ids.csv"),
        ({"file": "a.npy", "row_key": "row"}, "float32", "a.npy --name mine --key row"),
        ({"file": "a.npy", "file_dtype": "float64"}, "float16", "a.npy --name mine --dtype float16"),
        ({"file": "a.npy", "file_dtype": "float16"}, "float16", "a.npy --name mine"),
        ({"file": "a.npy", "file_dtype": "float16"}, "float32", "a.npy --name mine --dtype float32"),
    ],
)
def test_an_import_is_repeated_with_what_it_was_given(about: dict[str, Any], dtype: str, words: str) -> None:
    named = IMPORTED | {"identity": {"source": "import", "dtype": dtype}}
    assert command(named, 2, about) == f"algocli import-features {words} -s 2"
    assert describe(named) == "mine"


def test_a_file_of_half_precision_stays_so() -> None:
    assert [import_dtype(name) for name in ("float16", "float32", "float64", "uint8")] == ["float16"] + ["float32"] * 3


RESNETS = Transform(224, resize_size=232, keep_aspect=True)
NVIDIA = "torchhub:NVIDIA/DeepLearningExamples:torchhub:nvidia_resnet50"


@pytest.mark.parametrize(
    ("model", "used", "asks_for", "said"),
    [
        # Made before it was recorded what weights ask for.
        ("resnet50", TUTORIAL, ..., "--transform tutorial"),
        ("resnet50", RESNETS, ..., ""),
        ("timm/resnet10t", TUTORIAL, ..., "--transform tutorial"),
        ("alexnet", TUTORIAL, ..., ""),
        ("alexnet", RESNETS, ..., "--transform model"),
        (NVIDIA, TUTORIAL, ..., ""),
        ("python:mine:net", TUTORIAL, ..., "--transform tutorial"),
        ("resnet50", TUTORIAL, RESNETS, "--transform tutorial"),
        ("resnet50", RESNETS, RESNETS, ""),
        ("alexnet", TUTORIAL, RESNETS, ""),
        ("alexnet", RESNETS, RESNETS, "--transform model"),
        ("python:mine:net", TUTORIAL, None, ""),
        ("python:mine:net", TUTORIAL, RESNETS, "--transform tutorial"),
        ("python:mine:net", RESNETS, RESNETS, ""),
        # Either word gives this.
        ("python:mine:net", TUTORIAL, TUTORIAL, ""),
    ],
)
def test_the_transform_is_said_where_the_model_would_not_have_it(
    model: str, used: Transform, asks_for: Any, said: str
) -> None:
    named = recipe(transform=used.identity()) | {"model": model}
    if asks_for is not ...:
        named["asks_for"] = asks_for and asks_for.constants
    assert " ".join(options(named)) == said
    assert request_of(named).transform == ("tutorial" if used == TUTORIAL else "model")


def test_a_preparation_that_the_weights_do_not_ask_for_is_told() -> None:
    told = "images for alexnet: 224 x 224 squeezed, bilinear, ImageNet mean and std"
    assert preparation(recipe() | {"asks_for": RESNETS.constants}) == (
        f"{told}; its weights ask for: shorter side 232, centre 224, bilinear, ImageNet mean and std"
    )
    assert preparation(recipe() | {"asks_for": None}) == f"{told}; nothing is known of how it was trained"
    assert preparation(recipe() | {"asks_for": TUTORIAL.constants}) is None
    # Not recorded, or made elsewhere.
    assert preparation(recipe()) is None
    assert preparation(IMPORTED | {"asks_for": None}) is None


@pytest.mark.parametrize(
    "transform",
    [
        TUTORIAL,
        RESNETS,
        Transform(299, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 342, keep_aspect=True, interpolation="bicubic"),
        Transform(224, resize_size=256),
        Transform(224, resize_size=224, keep_aspect=True),
    ],
)
def test_a_transform_is_read_back_from_a_record(transform: Transform) -> None:
    again = Transform.from_constants(transform.identity())
    assert again.constants == transform.constants
    assert again.identity() == transform.identity()
