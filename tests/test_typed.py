"""While tests run, the package is held to its annotations."""

from __future__ import annotations

import os
from dataclasses import fields, replace

import numpy as np
import pytest

from algocli.encoding.settings import Settings
from algocli.errors import UsageError
from algocli.pipeline.arguments import some_ids
from algocli.stats.correlation import constant_vertices
from algocli.submission.shapes import SubjectShape
from tests.support.typed import WrongType

pytestmark = pytest.mark.skipif(os.environ.get("ALGOCLI_TEST_TYPES") == "0", reason="types are left away")


def test_what_works_with_a_type_that_is_not_announced_is_told() -> None:
    with pytest.raises(WrongType, match="constant_vertices"):
        constant_vertices(np.array([[1], [1]]))


def test_what_is_refused_as_a_mistake_of_the_user_stays_so() -> None:
    with pytest.raises(UsageError, match="subject"):
        some_ids(1.5)  # type: ignore[arg-type]


def test_the_fields_of_a_dataclass_are_judged_once_they_are_made() -> None:
    settings = Settings("features.2")  # type: ignore[arg-type]
    assert settings.features == ("features.2",)
    assert [field.name for field in fields(replace(settings))] == [field.name for field in fields(settings)]
    with pytest.raises(WrongType, match=r"SubjectShape\.n_test"):
        SubjectShape(n_test="6", n_vertices={"left": 1, "right": 1}, n_train=2)  # type: ignore[arg-type]
