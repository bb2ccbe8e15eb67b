"""What a regression is: what it is fitted on, and everything that the program asks of one, whichever it is.

A new one is a file beside this with a class of this kind and, under the name REGRESSION, one object of it. What is
said here of settings, memory and new images holds for a plain linear model of one set of components; a regression
says what is otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note
from algocli.encoding.fields import USUAL_ALPHAS, USUAL_DRAWS, USUAL_WINDOWS, Fields
from algocli.encoding.names import number_name
from algocli.encoding.regressions.models import Held, LinearModel, Model, PerLayer, RunArray, Work
from algocli.encoding.regressions.view import Scores, View
from algocli.errors import UsageError
from algocli.features.algebra import ON_CPU, Algebra
from algocli.features.store.shards import FeatureStore


class Regression(ABC):
    """One way to go from components to responses.

    Attributes
    ----------
    name, help
        What a user types, and a line that says what it is.
    title, joining
        What a report calls it, and how it joins several layers, where that is a way of its own.
    keeps_layers_apart
        Whether every layer has components of its own, a view one entry for each.
    one_at_a_time
        Whether a fit needs so much that no other may be in memory.
    refits_components
        Whether its penalties are chosen by how well images are predicted that had no part in the components.
    has_penalties, searches
        Which of the settings it reads beside those that all do.
    has_gains
        Whether it tells how each fitted image's response enters a prediction (`gains`).
    n_roles
        Where it does not: in how many ways an image moves scores of folds, predicted and fitted on among them.
    needs_torch, runs_code
        Whether it loads torch, and whether it runs code that a user named.
    reads_features
        Whether it is fitted on features as they are stored, of all layers or of the first (`n_read`): a view then has
        `stored.AsStored` for their components, and the scores that it predicts from are features, some of them still to
        be read (`stored.FeatureRows`).
    usual_components
        How many a variance partition takes unless told otherwise: with penalties, where truncation costs little of what
        would be found among all; else what `train` takes.
    arrays, per_layer, packages
        What it leaves in a run, and the packages that it needs beside what everything does.
    """

    name: str
    help: str
    title: str
    joining: str = ""
    keeps_layers_apart: bool = False
    one_at_a_time: bool = False
    refits_components: bool = False
    has_penalties: bool = False
    searches: bool = False
    has_gains: bool = False
    n_roles: int = 2
    needs_torch: bool = False
    runs_code: bool = False
    reads_features: bool = False
    usual_components: int = 100
    arrays: tuple[RunArray, ...] = ()
    per_layer: ClassVar[PerLayer | None] = None
    packages: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        """What a user may type, as a list of choices has it."""
        return self.name

    def named(self, name: str) -> Regression | None:
        """Return the regression that goes by a name, if it is this, or one of this kind.

        Raises
        ------
        UsageError
            If the name is of this kind and malformed.
        """
        return self if name == self.name else None

    def check(self, settings: Fields) -> None:
        """Refuse settings that it does not read, or that do not go together.

        Raises
        ------
        UsageError
            If there are any.
        """
        if not self.has_penalties and (settings.alpha_by, settings.alphas) != ("gcv", USUAL_ALPHAS):
            raise UsageError(f"{self.name} has no penalty to choose", hint="add regression='ridge'")
        if settings.n_components is None and settings.join == "components":
            raise UsageError(
                "all components of several layers are more than there are images",
                hint="join='features' puts the features side by side, of which n_components=None has all; or use "
                "n_components=500",
            )
        of_fields = settings.windows, settings.image_width, settings.field_layers, settings.field_per_layer
        if not self.reads_features and of_fields != (USUAL_WINDOWS, None, None, False):
            raise UsageError(f"{self.name} looks through no windows", hint="add regression='fields'")
        if not self.searches and (settings.n_iter, settings.search_seed) != (USUAL_DRAWS, None):
            raise UsageError(f"{self.name} searches for no shares", hint="add regression='banded'")

    def check_components(self, settings: Fields, n_fit: int, n_components: int) -> None:  # noqa: B027 - most take any
        """Refuse more components than a model fitted on so many images can do with.

        Raises
        ------
        UsageError
            If they are too many.
        """

    def look_at(self, settings: Fields, stores: Sequence[FeatureStore]) -> str:
        """Refuse features that it cannot be fitted on, and say what is to be known of them, or nothing.

        Raises
        ------
        UsageError
            If there are any.
        """
        return ""

    def suited(self, settings: Fields) -> Regression:
        """Return what fits models of some settings: this, or another that goes by the same name."""
        return self

    def n_read(self, settings: Fields) -> int:
        """Return how many layers, from the first on, are fitted on as they are stored."""
        return len(settings.features) if self.reads_features else 0

    def takes_components(self, settings: Fields) -> bool:
        """Say whether anything is fitted on components, those of the layers that are not fitted on as they are."""
        return self.n_read(settings) < len(settings.features)

    def n_columns(self, settings: Fields, stores: Sequence[FeatureStore]) -> int:
        """Return how many columns a fit has beside components."""
        return 0

    def words(self, settings: Fields) -> str:
        """Return its part of a run's name, without an underscore."""
        words = self.name
        if settings.alpha_by != "gcv":
            words += f"-{settings.alpha_by}"
        if settings.alphas != USUAL_ALPHAS:
            low, high, n = settings.alphas
            words += f"-{number_name(low)}-{number_name(high)}-{n}"
        return words

    def facts(self, settings: Fields) -> dict[str, str]:
        """Return what a report says of its settings, by what they are called there."""
        if not self.has_penalties:
            return {}
        low, high, n_alphas = settings.alphas
        chosen_by = {"gcv": "generalised cross-validation", "kfold": "inner folds"}[settings.alpha_by]
        without = "of all images" if settings.former_penalties else "of the other images alone"
        return {
            "Penalties": f"{n_alphas} from {low:g} to {high:g}, relative to a component's mean variance",
            "Penalty chosen by": f"{chosen_by}, with components {without}" if self.refits_components else chosen_by,
        }

    def seconds(self, settings: Fields, layers: Sequence[tuple[int, int]], work: Work) -> float | None:
        """Estimate how long fits on features as they are stored take; None where components are nearly all of it.

        `layers` has how many channels, and features, each has.
        """
        return None

    def foretell(
        self, settings: Fields, stores: Sequence[FeatureStore], n_train: int, n_vertices: Sequence[int], device: str
    ) -> str:
        """Say what is to be known before it begins, or nothing.

        Parameters
        ----------
        n_vertices
            Of each hemisphere.

        Raises
        ------
        UsageError
            If what it needs is not there.
        """
        return ""

    def provenance(self) -> Mapping[str, Any]:
        """Return what a record says of it beside the settings; what differs there is another regression.

        Raises
        ------
        UsageError
            If what it needs is not there.
        """
        return {}

    def versions(self) -> Mapping[str, str]:
        """Return the versions of the packages that it needs beside what everything does."""
        return {name: version(name) for name in self.packages}

    def n_bytes(self, settings: Fields, held: Held) -> int:
        """Return what the fitting of a hemisphere takes at the most."""
        return held.total

    def n_inner_folds(self, settings: Fields) -> int:
        """Return how many more sets of components a view has, in `inner`, at the most."""
        return 0

    def make_inner_folds(
        self, settings: Fields, n_train: int, grams: Sequence[Any], fit: NDArray[np.int64], algebra: Algebra
    ) -> list[Any]:
        """Return what a view of some images and kernels needs beside components: nothing, or folds within these."""
        return []

    @abstractmethod
    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield one model for each view, in their order.

        Parameters
        ----------
        views
            One entry a fit; each knows the rows of `responses` that it was fitted on.
        responses : (n_train, n_vertices)
        note
            Told how long work gets on.
        """

    def fits_some(self, settings: Fields) -> bool:
        """Say whether `fit_some` fits some vertices by themselves; otherwise all take one go."""
        return False

    def fit_some(self, settings: Fields, view: View) -> Callable[[NDArray[np.floating]], Model]:
        """Return what fits some vertices' model to their responses, as `fit` would."""
        raise NotImplementedError(f"{self.name} does not fit some vertices")

    def predict(self, model: Any, scores: Scores, algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from a view's scores."""
        predicted: NDArray[np.float32] = model.predict(scores if self.keeps_layers_apart else scores[0], algebra)
        return predicted

    def tell(self, model: Any, settings: Fields) -> Iterator[str]:
        """Say what is worth saying of the last fit of a hemisphere."""
        yield from ()

    def as_linear(self, model: Any) -> LinearModel | None:
        """Return a model as a linear one of all layers' components side by side; None where it has no such form."""
        return LinearModel(model.weights, model.intercept)

    def gains(self, model: Any, view: View, vertices: NDArray[np.int64]) -> list[NDArray[np.floating]] | None:
        """Return by how much a component counts, the more of it there is in the responses.

        With scores S of the fitted images, a prediction of scores s is s diag(gain) S'y beside a constant: how each
        fitted image's response enters it.

        Returns
        -------
        list of (n_components, n_vertices) or (n_components, 1)
            One entry for each of the view's components; None where the regression has no such form (`has_gains`).
        """
        return None

    def recall(
        self, settings: Fields, arrays: Callable[[str], NDArray[Any] | None], number: int, view: View
    ) -> Model | None:
        """Return a model that the run has kept, in its linear form where it has one; None where it is fitted again.

        Parameters
        ----------
        arrays
            Returns the run's arrays of a hemisphere by name, None for what is not there.
        number
            Of the fit, among those that predict the test images.
        view
            The fit's components, found anew.
        """
        return None

    def tell_again(self) -> str:
        """Say what it is to fit a trained model once more for new images; nothing where it takes no time."""
        return ""
