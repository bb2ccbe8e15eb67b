"""A regression that the package does not have, registered for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note
from algocli.encoding.fields import Fields
from algocli.encoding.regressions.models import Model, RunArray
from algocli.encoding.regressions.registry import register, unregister
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.view import Scores, View
from algocli.features.algebra import ON_CPU, Algebra


@contextmanager
def registered(regression: Regression) -> Iterator[None]:
    register(regression)
    try:
        yield
    finally:
        unregister(regression.name)


@dataclass
class Signs:
    """The mean response, and for each vertex the sign of its product with the first component."""

    intercept: NDArray[np.float32]
    signs: NDArray[np.float32]


class Mean(Regression):
    """Predicts the mean, plus or minus one by the sign of the first component: no linear function of it."""

    name = "mean"
    help = "the mean, plus or minus one"
    title = "the mean"
    arrays = (RunArray("sign", ("n_fits", "n_vertices"), "plus or minus one", lambda model, _: model.signs),)

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.float32], note: Note
    ) -> Iterator[Model]:
        for view in views:
            own = view.components[0]
            rows = np.asarray(responses[own.fit])
            yield Signs(rows.mean(axis=0), np.sign(own.scores[:, 0] @ (rows - rows.mean(axis=0))))

    def predict(self, model: Signs, scores: Scores, algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        return np.asarray(model.intercept + np.sign(scores[0][:, :1]) * model.signs, np.float32)

    def tell(self, model: Signs, settings: Fields) -> Iterator[str]:
        yield f"{(model.signs > 0).mean():.0%} of the vertices rise"

    def as_linear(self, model: Signs) -> None:
        return None
