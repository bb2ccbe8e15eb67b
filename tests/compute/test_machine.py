"""What is told of this machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from algocli.compute import machine

ROOT = Path(__file__).parents[2]


def test_the_packages_are_those_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", word)[0] for word in project["dependencies"]}
    assert set(machine.NEEDED) == names
    extras = {
        re.split(r"[^\w-]", word)[0]
        for key in set(project["optional-dependencies"]) - {"dev"}
        for word in project["optional-dependencies"][key]
    }
    assert extras <= set(machine.WELCOME)


def test_a_version_is_the_packages_own_word() -> None:
    assert machine.versions()["numpy"] == np.__version__


def test_numpys_matrix_library_is_told() -> None:
    # Of conda's packages it lies elsewhere than beside numpy; there is one, whatever it is called.
    libraries = machine.matrix_libraries()
    assert libraries
    assert all(library["threads"] >= 1 for library in libraries)


def test_of_what_may_be_secret_only_that_it_is_set_is_told() -> None:
    variables = {
        "ALGOCLI_CACHE_DIR": "/scratch",
        "ALGOCLI_TOKEN": "hidden",
        "HTTPS_PROXY": "http://name:hidden@proxy",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "OMP_NUM_THREADS": "4",
        "HOME": "/home/me",
    }
    told = machine.environment(variables)
    assert told == {
        "ALGOCLI_CACHE_DIR": "/scratch",
        "ALGOCLI_TOKEN": "(set)",
        "HTTPS_PROXY": "(set)",
        "OMP_NUM_THREADS": "4",
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [("processor : 0\nmodel name\t: Some CPU @ 3 GHz\n", "Some CPU @ 3 GHz"), ("processor: 0\n", None)],
)
def test_the_processor_is_named_as_its_maker_names_it(tmp_path: Path, text: str, name: str | None) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    told = machine.processor(tmp_path / "cpuinfo")
    assert told == name if name else told
