"""Anyone's estimator with scikit-learn's interface, made by a callable that the user names.

It is fitted on the components of the fitted images, all vertices of a hemisphere at once, and made anew for every fit.
The code runs where a user has named it: for training, and for new images only if he says once more that it may. An
estimator that is linear, and says so by its `coef_`, leaves its weights in the run, and new images need no code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note
from algocli.encoding.fields import Fields
from algocli.encoding.regressions.models import Held, LinearModel, Model, RunArray
from algocli.encoding.regressions.named_code import import_callable, running, source_digest, versions_behind
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.view import Scores, View
from algocli.errors import DataError, UsageError
from algocli.features.algebra import ON_CPU, Algebra
from algocli.features.store.shards import FeatureStore

_EXAMPLE = "python:sklearn.linear_model:LinearRegression"
_DOTTED = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_SPEC = re.compile(rf"python:({_DOTTED}):({_DOTTED})", re.ASCII)
_LONGEST = 100
# Fitted images whose predictions show whether components that were found anew are those that weights are of.
N_PROBES = 8
# How many show whether weights are all that an estimator predicts by.
_N_CHECKED = 64
# How far apart predictions may be, as a share of what those of a vertex vary by: of the same scores, and of scores
# whose every column may have come out otherwise by rounding.
_SAME, _SAME_AGAIN = 1e-3, 1e-2


@dataclass(frozen=True)
class EstimatedModel:
    """A fitted estimator.

    Attributes
    ----------
    intercept : (n_vertices,) float32
        The mean of the fitted responses; not finite where a response is not, and then there is no estimator.
    linear
        The same model as weights of components; None where it has no such form.
    probes : (N_PROBES, n_vertices) float32
        What it predicts of the first fitted images.
    """

    estimator: Any
    intercept: NDArray[np.float32]
    linear: LinearModel | None
    probes: NDArray[np.float32]


class Estimators(Regression):
    """What estimators of others find; the name says which."""

    help = "anyone's estimator with scikit-learn's fit and predict"
    one_at_a_time = True
    runs_code = True
    arrays = (
        RunArray(
            "linear",
            ("n_fits", "n_components + 1", "n_vertices"),
            "weights of components, and the intercept below them",
            lambda model, _: model.linear and np.vstack([model.linear.weights, model.linear.intercept]),
            for_new_images=True,
        ),
        RunArray(
            "linear_probes",
            ("n_fits", "n_probes", "n_vertices"),
            "what these predict of the first fitted images",
            lambda model, _: model.linear and model.probes,
            for_new_images=True,
        ),
    )

    def __init__(self, name: str = "python") -> None:
        self.name = self.title = name
        parts = _SPEC.fullmatch(name)
        self._module, self._callable = (parts[1], parts[2]) if parts else ("", "")

    @property
    def form(self) -> str:
        """What a user may type, as a list of choices has it."""
        return "python:MODULE:CALLABLE"

    def named(self, name: str) -> Regression | None:
        """Return the regression of the callable that a name has."""
        if name.partition(":")[0] != "python":
            return None
        if not _SPEC.fullmatch(name):
            raise UsageError(f"regression='{name}' names no callable", hint=f"as in regression='{_EXAMPLE}'")
        if len(name) > _LONGEST:
            raise UsageError(
                f"regression='{name}' is longer than {_LONGEST} letters, which a run's name has no room for",
                hint="import the callable into a module of a shorter name",
            )
        return Estimators(name)

    def words(self, settings: Fields) -> str:
        """Name module and callable in letters that a run's name may have; no identifier has a dash or a comma."""
        return f"python-{self._module},{self._callable}".replace("_", "-")

    def foretell(
        self, settings: Fields, stores: Sequence[FeatureStore], n_train: int, n_vertices: Sequence[int], device: str
    ) -> str:
        """Say what is not known of an estimator."""
        return f"what {self._callable} itself takes of memory is not known, and comes on top"

    def provenance(self) -> Mapping[str, Any]:
        """Return where its code lies, and a digest of it."""
        self._make()
        return {"module": self._module, "callable": self._callable, "source": source_digest(self._module)}

    def versions(self) -> Mapping[str, str]:
        """Return those of the packages that its estimator's classes come from."""
        return versions_behind(self._make())

    def n_bytes(self, settings: Fields, held: Held) -> int:
        """Count the fitted rows of the responses, which an estimator has in memory, and its weights once more."""
        return held.total + 4 * held.n_fit * held.n_vertices + held.coefficients

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view, each of a new estimator.

        Raises
        ------
        UsageError
            If the callable, or its estimator, fails or returns what it should not.
        DataError
            If predictions are not finite.
        """
        for view in views:
            components = view.components[0]
            yield self._fit(components.scores, np.asarray(responses[components.fit], dtype=np.float32))

    def predict(self, model: EstimatedModel, scores: Scores, algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Let the estimator predict responses, (n_stimuli, n_vertices)."""
        return self._predict(model.estimator, scores[0], len(model.intercept))

    def as_linear(self, model: EstimatedModel) -> LinearModel | None:
        """Return the weights of an estimator that is linear."""
        return model.linear

    def recall(
        self, settings: Fields, arrays: Callable[[str], NDArray[Any] | None], number: int, view: View
    ) -> LinearModel | None:
        """Return the weights that the run has kept, if these are still the components that they weigh."""
        weights, probes = arrays("linear"), arrays("linear_probes")
        scores = view.components[0].scores[:N_PROBES]
        if weights is None or probes is None or weights[number].shape != (scores.shape[1] + 1, probes.shape[2]):
            return None
        model = LinearModel(np.array(weights[number, :-1]), np.array(weights[number, -1]))
        return model if _agree(model.predict(scores), np.asarray(probes[number]), _SAME_AGAIN) else None

    def tell_again(self) -> str:
        """Say that an estimator of chance may not come out the same."""
        return f"{self._callable} is fitted once more: one that draws numbers may predict others than before"

    def _make(self) -> Any:
        call = import_callable(self._module, self._callable)
        with running(f"{self._callable}()"):
            estimator = call()
        if not (callable(getattr(estimator, "fit", None)) and callable(getattr(estimator, "predict", None))):
            raise UsageError(
                f"{self._callable}() returns a {type(estimator).__name__}, which has no fit and predict",
                hint="a class, or a function without arguments, that returns an estimator as scikit-learn has them",
            )
        return estimator

    def _fit(self, scores: NDArray[np.float32], responses: NDArray[np.floating]) -> EstimatedModel:
        means = responses.mean(axis=0, dtype=np.float64).astype(np.float32)
        n_vertices = responses.shape[1]
        if not np.isfinite(means).all() or not n_vertices:
            # Whoever asked tells where it is: no estimator takes such responses.
            return EstimatedModel(None, means, None, np.zeros((0, n_vertices), np.float32))
        estimator, some = self._make(), scores[:_N_CHECKED].copy()
        given = f"it was given components {scores.shape} and the responses of all vertices at once {responses.shape}"
        with running(f"{self._callable}'s fit", given):
            # It may write into both.
            estimator.fit(scores, responses)
        predicted = self._predict(estimator, some, n_vertices)
        return EstimatedModel(estimator, means, _linear_form(estimator, some, predicted), predicted[:N_PROBES])

    def _predict(self, estimator: Any, scores: NDArray[np.float32], n_vertices: int) -> NDArray[np.float32]:
        """Ask an estimator for predictions and refuse what are none, (n_stimuli, n_vertices)."""
        expected = (len(scores), n_vertices)
        if estimator is None:
            return np.zeros(expected, np.float32)
        with running(f"{self._callable}'s predict"):
            answer = np.asarray(estimator.predict(scores.copy()))
        if answer.shape == expected[:1] and n_vertices == 1:
            answer = answer[:, None]
        if answer.shape != expected or answer.dtype.kind not in "fiu":
            raise UsageError(
                f"{self._callable} predicts an array of shape {answer.shape} and type {answer.dtype}; numbers of shape "
                f"{expected}, images by vertices, were expected",
                hint="its fit is given all vertices of a hemisphere at once, its predict answers for all",
            )
        with np.errstate(over="ignore"):
            predicted = answer.astype(np.float32)
        bad = np.flatnonzero(~np.isfinite(predicted).all(axis=0))
        if len(bad):
            raise DataError(
                f"{self._callable} predicts values that are not finite for {len(bad)} of {n_vertices} vertices",
                hint="more regularisation, or fewer components (n_components=50), may keep it from diverging",
            )
        return predicted


def _linear_form(estimator: Any, scores: NDArray[np.float32], predicted: NDArray[np.float32]) -> LinearModel | None:
    """Return the weights of an estimator that has some and predicts by nothing else; None of any other."""
    coefficients = getattr(estimator, "coef_", None)
    if coefficients is None:
        return None
    shape = scores.shape[1], predicted.shape[1]
    try:
        weights = np.asarray(coefficients, dtype=np.float32)
        intercept = np.asarray(getattr(estimator, "intercept_", 0.0), dtype=np.float32)
        intercept = np.array(np.broadcast_to(intercept.ravel() if intercept.ndim else intercept, shape[1:]))
    except (TypeError, ValueError):
        return None
    weights = weights[:, None] if weights.ndim == 1 else weights
    # scikit-learn has vertices by components, others components by vertices.
    for matrix in (weights.T, weights):
        if matrix.shape == shape:
            model = LinearModel(np.ascontiguousarray(matrix), intercept)
            if _agree(model.predict(scores), predicted, _SAME):
                return model
    return None


def _agree(predicted: NDArray[np.float32], expected: NDArray[np.float32], tolerance: float) -> bool:
    """Say whether predictions, (n_images, n_vertices), are the same but for rounding."""
    if predicted.shape != expected.shape or not np.isfinite(predicted).all():
        return False
    apart = np.abs(predicted - expected).max(axis=0)
    spread = np.abs(expected - expected.mean(axis=0)).max(axis=0)
    # A vertex that nothing predicts varies by less than its mean is rounded by.
    return bool((apart <= tolerance * spread + 1e-5 * np.abs(expected).max(axis=0)).all())


REGRESSION = Estimators()
