"""A regression is one object: nobody asks which it is, and one more is known by registering it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import algocli
from algocli.compute.track import Note
from algocli.encoding.fields import Fields
from algocli.encoding.memory import Size, bytes_needed
from algocli.encoding.regressions.models import LinearModel, Model
from algocli.encoding.regressions.registry import find_regression, forms, known_arrays, regressions
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.view import View
from algocli.encoding.settings import Settings
from algocli.errors import UsageError
from tests.encoding.regressions.newcomer import Mean, registered

PACKAGE = Path(algocli.__file__).parent
# A branch on which regression it is, or on what kind of model.
BRANCH = re.compile(r"regression\s*(?:==|!=|\bin\b|\bnot in\b)\s*[(\[{\"']|isinstance\([^)]*\w*Model\b")


def test_nobody_outside_the_regressions_asks_which_it_is() -> None:
    home = PACKAGE / "encoding/regressions"
    found = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in PACKAGE.rglob("*.py")
        # A partition's command offers two regressions by name, and remarks on one.
        if home not in path.parents and path != PACKAGE / "cli/partition.py"
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if BRANCH.search(line)
    ]
    assert found == []


def test_regressions_are_found_by_their_files_the_plain_ones_first() -> None:
    assert forms() == ("ols", "ridge", "banded", "blend", "fields", "python:MODULE:CALLABLE")


def test_every_file_that_defines_a_regression_can_be_named() -> None:
    files = (PACKAGE / "encoding/regressions").glob("*.py")
    defining = {path.stem for path in files if "\nREGRESSION = " in path.read_text()}
    assert defining == {form.partition(":")[0] for form in forms()}


@pytest.mark.parametrize("one", regressions(), ids=lambda one: one.name)
def test_every_regression_says_in_a_line_what_it_is(one: Regression) -> None:
    assert one.help
    assert "\n" not in one.help


@pytest.mark.parametrize("one", regressions(), ids=lambda one: one.name)
def test_arrays_of_a_run_have_fits_first_and_vertices_last(one: Regression) -> None:
    assert all((array.axes[0], array.axes[-1]) == ("n_fits", "n_vertices") for array in one.arrays)


def test_what_speaks_for_layers_is_an_array_of_the_run() -> None:
    described = known_arrays()
    comparing = [one.per_layer for one in regressions() if one.per_layer is not None]
    assert [described[words.array].axes for words in comparing] == [("n_fits", "n_layers", "n_vertices")] * 2


def test_a_name_imports_its_own_file_alone() -> None:
    code = (
        "import sys; from algocli.encoding.regressions.registry import forms;"
        "from algocli.encoding.settings import Settings;"
        "forms(); Settings(('a',), regression='ols'); home = 'algocli.encoding.regressions.';"
        "print(*sorted(name.removeprefix(home) for name in sys.modules if name.startswith(home)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["models", "ols", "registry", "regression", "view"]


def test_one_that_is_registered_is_known_until_it_is_forgotten() -> None:
    with registered(Mean()):
        assert find_regression("mean") is not None
        assert Settings(("a",), regression="mean").default_name == "a_pca100_mean_holdout0.1_seed4"
    with pytest.raises(UsageError, match="'mean' is not known"):
        Settings(("a",), regression="mean")


def test_one_that_says_nothing_of_penalties_refuses_them() -> None:
    with registered(Mean()), pytest.raises(UsageError, match="mean has no penalty to choose"):
        Settings(("a",), regression="mean", alpha_by="kfold")


def test_one_of_the_same_name_takes_the_place_of_ours() -> None:
    class Other(Mean):
        name = "ols"

    with registered(Other()):
        assert forms().count("ols") == 1
        assert isinstance(find_regression("ols"), Other)


def test_the_memory_that_a_newcomer_promises_is_counted() -> None:
    class Hungry(Mean):
        def n_bytes(self, settings: Fields, held: object) -> int:
            return 10**12

    with registered(Hungry()):
        assert bytes_needed(Settings(("a",), regression="mean"), Size(100, 10, 50)) > 10**12


def test_a_newcomer_needs_no_more_than_a_name_two_lines_and_a_fit() -> None:
    class Least(Regression):
        name, help, title = "least", "the least there is", "least"

        def fit(
            self, settings: Fields, views: Sequence[View], responses: NDArray[np.float32], note: Note
        ) -> Iterator[Model]:
            for view in views:
                rows = responses[view.components[0].fit]
                weights = np.zeros((len(view.components[0].variances), responses.shape[1]), np.float32)
                yield LinearModel(weights, np.median(rows, axis=0).astype(np.float32))

    with registered(Least()):
        assert "least" in forms()
