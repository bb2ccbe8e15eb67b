"""Rows of a variance partition: means over ROIs, of each hemisphere and of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES
from algocli.errors import UsageError
from algocli.results.part_rows import TOTAL, PartitionReport
from algocli.results.partition import HemisphereParts, SubjectParts, summarise_parts
from algocli.stats.partition import unions

NAMES = ("A", "B")


def some_parts(subject: Subject, *, ceilings: bool = True) -> SubjectParts:
    rng = np.random.default_rng(subject.number)
    found: SubjectParts = {}
    for hemisphere in HEMISPHERES:
        n = subject.n_vertices(hemisphere)
        parts = {part: rng.uniform(-0.1, 0.3, n) for part in unions(NAMES)}
        total = np.sum(list(parts.values()), axis=0)
        found[hemisphere] = HemisphereParts(parts, total, rng.uniform(0.1, 1, n) if ceilings else None, None)
    return found


@pytest.fixture
def subject(tiny_challenge: Path) -> Subject:
    return Challenge(tiny_challenge).subject(1)


@pytest.fixture
def parts(subject: Subject) -> SubjectParts:
    return some_parts(subject)


@pytest.fixture
def summary(subject: Subject, parts: SubjectParts) -> PartitionReport:
    return summarise_parts(NAMES, [(subject, parts)])


def test_a_rois_row_is_the_mean_over_its_vertices(
    summary: PartitionReport, subject: Subject, parts: SubjectParts
) -> None:
    roi = next(roi for roi in subject.rois if roi.name == "FFA-1")
    vertices = subject.roi_vertices(roi, "left")
    rows = summary.of_roi(1, "FFA-1", "left")
    side = parts["left"]
    assert [row.part for row in rows] == ["A", "B", "A & B", TOTAL]
    assert rows[0].n_vertices == len(vertices)
    assert rows[0].explained == pytest.approx(side.parts[frozenset("A")][vertices].mean())
    assert rows[2].explained == pytest.approx(side.parts[frozenset("AB")][vertices].mean())
    assert rows[3].explained == pytest.approx(side.total[vertices].mean())
    assert side.noise_ceiling is not None
    quotient = side.total[vertices].mean() / side.noise_ceiling[vertices].mean()
    assert rows[3].of_explainable == pytest.approx(quotient)


def test_both_hemispheres_are_pooled_vertex_by_vertex(summary: PartitionReport, parts: SubjectParts) -> None:
    row = summary.of_roi(1, "All vertices")[-1]
    everything = np.concatenate([side.total for side in parts.values()])
    assert row.n_vertices == len(everything)
    assert row.explained == pytest.approx(everything.mean())


def test_parts_sum_to_the_total_in_either_unit(summary: PartitionReport) -> None:
    *parts, total = summary.of_roi(1, "V1v")
    assert sum(row.explained or 0 for row in parts) == pytest.approx(total.explained)
    assert sum(row.of_explainable or 0 for row in parts) == pytest.approx(total.of_explainable)


def test_an_absent_roi_has_no_numbers(summary: PartitionReport) -> None:
    rows = summary.of_roi(1, "aTL-faces")
    assert [(row.n_vertices, row.explained, row.of_explainable) for row in rows] == [(0, None, None)] * 4


def test_without_ceilings_nothing_is_related_to_them(subject: Subject) -> None:
    summary = summarise_parts(NAMES, [(subject, some_parts(subject, ceilings=False))])
    assert not summary.has_ceilings
    assert summary.notes == ()


def test_only_the_rois_that_are_asked_for(subject: Subject, parts: SubjectParts) -> None:
    summary = summarise_parts(NAMES, [(subject, parts)], rois=["ffa-1", "all vertices"])
    assert summary.rois == ("FFA-1", "All vertices")
    with pytest.raises(UsageError, match="no ROI is named 'FFA-9'"):
        summarise_parts(NAMES, [(subject, parts)], rois=["FFA-9"])
