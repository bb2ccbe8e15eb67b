"""A sweep at work: features are extracted in passes, every model fitted and scored, and what fails is put aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from algocli.compute.track import Note, Track
from algocli.dataset.images import Images
from algocli.dataset.protocol import Subject
from algocli.errors import AlgocliError, StorageError
from algocli.features.store.library import read_recipe
from algocli.features.store.variants import differing, in_fields
from algocli.pipeline.sweep_grid import name_settings
from algocli.pipeline.sweep_networks import Asking
from algocli.pipeline.sweep_plan import Plan, model_settings, plan
from algocli.pipeline.sweep_prepared import Prepared, divide, spare
from algocli.pipeline.training import train
from algocli.results.data import Gathered
from algocli.results.nested import choose_nested
from algocli.results.nested_rows import Nested
from algocli.results.swept import SweptScores, name_models, score_models
from algocli.runs.datasets import Home
from algocli.runs.done import Asked, find_done, is_named
from algocli.runs.run import Run


@dataclass
class Job:
    """A sweep at work: what it extracts, fits and scores, and what failed on the way."""

    subjects: list[Subject]
    sources: Sequence[tuple[Subject, Images]]
    stimuli: Path | None
    prepared: Sequence[Prepared]
    combinations: Sequence[Mapping[str, Any]]
    cache_dir: Path
    asking: Asking
    device: str
    track: Track
    note: Note
    failed: dict[str, AlgocliError] = field(default_factory=dict)
    passes: list[list[Prepared]] = field(default_factory=list)
    # Features that are not complete of some subject.
    lacking: set[str] = field(default_factory=set)

    def plan(self, *, nested: bool) -> Plan:
        """Divide the networks among passes, and say what is to be done."""
        from algocli.features.room import BASE_MEMORY

        self.passes = divide(self.prepared, BASE_MEMORY)
        return plan(self.prepared, self.passes, self.combinations, self._asked(), nested=nested)

    def run(self) -> list[tuple[Run, str]]:
        """Extract what is missing and fit every model; return the runs that there are, with what tells them apart."""
        self.extract()
        layers = [
            layer
            for network in self.prepared
            for layer in network.layers.values()
            if layer.features not in self.lacking
        ]
        features = list(dict.fromkeys(layer.features for layer in layers))
        words = name_settings(self.combinations)
        runs = self.fit(features, words) if features else {}
        kinds = self._kinds(features)
        order = [(name, place) for name in features for place in range(len(words)) if (name, place) in runs]
        return [(runs[key], " ".join(filter(None, [kinds[key[0]], words[key[1]]]))) for key in order]

    def extract(self) -> None:
        """Extract what is missing, pass by pass, and multiply all images with each other."""
        for networks in self.passes:
            self._extract(networks)

    def fit(self, features: Sequence[str], words: Sequence[str]) -> dict[tuple[str, int], Run]:
        """Fit every model; return their runs by features and the place of their settings, which `words` tells apart."""
        runs: dict[tuple[str, int], Run] = {}
        for place, given in enumerate(self.combinations):
            if words[place]:
                self.note(f"settings {place + 1} of {len(words)}: {words[place]}")

            runs.update({(name, place): run for name, run in self.named(features, given).items()})
            left = [name for name in features if (name, place) not in runs]
            if not left:
                continue

            def keep(run: Run, place: int = place) -> None:
                runs[run.settings.features[0], place] = run

            try:
                train(
                    self.subjects, left, each=True, stimuli=self.stimuli, cache_dir=self.cache_dir,
                    device=self.device, made=keep, track=self.track, note=self.note, **given,
                )  # fmt: skip
            except StorageError:
                raise
            except AlgocliError as error:
                self.unfitted(words[place], error)
        return runs

    def named(self, features: Sequence[str], given: Mapping[str, Any]) -> dict[str, Run]:
        """Return by features the runs of other names that have a combination's models: these stay as they are."""
        asked = self._asked()
        wanted = {model_settings(name, given, asked): name for name in features}
        found = {wanted[how]: run for how, run in find_done(wanted, asked).items() if is_named(run)}
        for run in found.values():
            self.note(f"run {run.name} is done already, with the same settings")
        return found

    def unfitted(self, words: str, error: AlgocliError) -> None:
        """Keep why some models of one combination of settings could not be fitted."""
        self.failed[f"models with {words}" if words else "models"] = error

    def score(
        self, runs: Sequence[tuple[Run, str]], rois: Sequence[str] | None, min_ceiling: float, *, nested: bool
    ) -> SweptScores:
        """Score every ROI of the runs; `nested` chooses the best of each in inner folds."""
        models = name_models([run for run, _ in runs], [words for _, words in runs])
        data = Gathered(self.subjects, self.subjects[0].folder.parent)
        chosen = self.choose([run for run, _ in runs], data, rois, min_ceiling) if nested and len(runs) > 1 else None
        return score_models(models, data, data.subject_ids, rois=rois, min_ceiling=min_ceiling, nested=chosen)

    def choose(
        self, runs: Sequence[Run], data: Gathered, rois: Sequence[str] | None, min_ceiling: float
    ) -> Nested | None:
        """Choose the best run of each ROI in inner folds; None, and why, where that cannot be done with these runs."""
        try:
            return choose_nested(
                runs,
                data_dir=data,
                subjects=data.subject_ids,
                rois=rois,
                min_ceiling=min_ceiling,
                n_resamples=None,
                track=self.track,
                note=self.note,
            )
        except StorageError:
            raise
        except AlgocliError as error:
            self.note(f"no choice in inner folds: {error.message}")
            return None

    def _asked(self) -> Asked:
        return Asked(self.subjects, Home.of(self.subjects, self.cache_dir, self.track), self.stimuli, self.track)

    def _extract(self, networks: Sequence[Prepared]) -> None:
        """Pass the images of all subjects through some networks, and multiply them with each other."""
        from algocli.features.extraction import extract_together
        from algocli.features.room import BASE_MEMORY
        from algocli.features.store.gram import gram as products

        wanted = [(network, each) for network in networks for each in network.open(self.asking, self.note)]
        for subject, images in self.sources:
            made = extract_together(
                subject, [each for _, each in wanted], self.cache_dir, images=images,
                spare=spare(networks, BASE_MEMORY), track=self.track, note=self.note,
            )  # fmt: skip
            for (network, _), extracted in zip(wanted, made, strict=True):
                if extracted.fault is not None:
                    self.failed[network.swept.model] = extracted.fault
                for store in extracted.stores:
                    if store.complete:
                        products(store, device=self.asking.device, track=self.track, note=self.note)
                        store.at_hand.clear()
                    else:
                        self.lacking.add(store.name)
        # What has passed makes room for those that follow.
        for network in networks:
            network.wanted = None

    def _kinds(self, features: Sequence[str]) -> dict[str, str]:
        """Say of each of some features what tells it from others of its layer; '' where there are none."""
        recipes = {name: read_recipe(self.cache_dir / "features" / name) for name in features}
        told = {}
        for name, made in recipes.items():
            alike = [r for r in recipes.values() if (r["model"], r["layer"]) == (made["model"], made["layer"])]
            told[name] = in_fields(made, differing(alike)) if len(alike) > 1 else ""
        return told
