"""The command that makes features again, read back from what was recorded of them."""

from __future__ import annotations

from typing import Any

import pytest

from algocli.features.commands import Request, command, describe, import_dtype, options, request_of
from algocli.features.preprocessing import Transform

IMPORTED = {"model": "mine", "layer": "import", "weights": "import", "identity": {"source": "import"}}


def recipe(weights: str = "pretrained", **identity: Any) -> dict[str, Any]:
    usual = {"dtype": "float16", "numerics": "float32", "post": "flatten", "transform": Transform().identity()}
    return {"model": "alexnet", "layer": "features.2", "weights": weights, "identity": usual | identity}


@pytest.mark.parametrize(
    ("named", "said", "request_"),
    [
        (recipe(), "", Request()),
        (recipe("random:3"), "--weights random:3", Request("random:3")),
        (recipe("my weights.pth"), "--weights 'my weights.pth'", Request("my weights.pth")),
        (recipe(dtype="float32"), "--dtype float32", Request(dtype="float32")),
        (recipe(numerics="bfloat16"), "--numerics bfloat16", Request(numerics="bfloat16")),
        (recipe(transform=Transform(300).identity()), "--transform model", Request(transform="model")),
        (recipe(post={"pool": 7}), "--pool 7", Request(pool=7)),
        (
            recipe(post={"project": 50, "seed": 2, "matrix": "ab"}),
            "--project 50 --project-seed 2",
            Request(project=50, project_seed=2),
        ),
        (recipe(post={"project": 50, "seed": 0, "matrix": "ab"}), "--project 50", Request(project=50)),
    ],
)
def test_what_was_asked_for_is_read_back_and_said(named: dict[str, Any], said: str, request_: Request) -> None:
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
