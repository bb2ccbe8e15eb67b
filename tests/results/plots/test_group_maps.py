"""Maps of a group: means over those who have a response at a vertex, and how many do."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from algocli.errors import MissingStep, UsageError
from algocli.results import group_places
from algocli.results.drawing.maps import draw_map
from algocli.results.drawing.style import DARK
from algocli.results.plots import group_maps
from algocli.results.plots.group_layers import plot_group_best_layer
from algocli.results.plots.group_maps import plot_group_accuracy, plot_group_difference
from algocli.results.plots.request import Wishes
from algocli.results.scoring import VertexScores
from algocli.runs.p_values import KeptP, keep, state
from tests.results.by_hand import n_vertices
from tests.results.plots.groups import SIDES, SUBJECTS, mean_where, r_of, stacked, write_group, write_group_run
from tests.support.challenge import MAPPINGS

ALL = Wishes(dpi=50)
STREAMS = MAPPINGS["streams"].split()[1:]


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """All three subjects have the stream 'early' at most places, so that it overlaps, and other streams by chance."""
    challenge = write_group(tmp_path_factory.mktemp("group") / "data")
    for subject, side in product(SUBJECTS, SIDES.values()):
        path = challenge.folder / f"subj{subject:02d}/roi_masks/{side}.streams_challenge_space.npy"
        codes = np.load(path)
        np.save(path, np.where(np.random.default_rng(subject).random(len(codes)) < 0.7, 1, codes))
    return challenge


@pytest.fixture
def run(tmp_path):
    return write_group_run(tmp_path, "early")


def panel(shown, name):
    [found] = [one for one in shown.panels if one.name == name]
    return found


def n_here(hemisphere):
    return np.isfinite(stacked(lambda s, h: np.ones(n_vertices(s, h)), hemisphere)).sum(axis=0)


@pytest.mark.parametrize("hemisphere", SIDES)
def test_the_mean_is_over_those_who_have_a_response_and_they_are_counted(group, run, hemisphere):
    shown = plot_group_accuracy(group, run, ALL)
    full = stacked(lambda s, h: r_of(run, s, h), hemisphere)
    n = np.isfinite(full).sum(axis=0)
    assert set(n) == {0, 1, 2, 3}
    np.testing.assert_allclose(panel(shown, "mean over subjects").values[hemisphere], mean_where(full))
    counted = panel(shown, "subjects with a response")
    codes = counted.values[hemisphere]
    np.testing.assert_array_equal(np.isnan(codes), n == 0)
    told = [counted.key.names[int(code)] for code in codes[n > 0]]
    assert told == [str(count) for count in n[n > 0]]


def test_the_caption_counts_what_is_left_out(group, run):
    n = np.concatenate([n_here(h) for h in SIDES])
    shown = plot_group_accuracy(group, run, ALL)
    few = f"fewer than 2 of the 3 subjects have a response are left out: {(n == 1).sum()} of {(n > 0).sum()}"
    assert few in shown.caption
    assert f"at {(n == 3).sum()} all have one" in shown.caption
    assert f"{(n_here('left') > 1).sum()} of {(n_here('left') > 1).sum()} left" in shown.caption
    assert shown.title == "Encoding accuracy, 3 subjects"


def test_where_all_have_all_vertices_a_sentence_says_it(group, run, monkeypatch):
    monkeypatch.setattr(group_places, "vertices_on_mesh", lambda subject, side: np.arange(subject.n_vertices(side)))
    monkeypatch.setattr(type(group.subject(1)), "n_vertices", lambda self, side: 20)
    monkeypatch.setattr(group_maps, "read_scores", lambda subject, share, side: VertexScores(np.ones(20), None, None))
    [alone] = plot_group_accuracy(group, run, ALL).panels
    assert alone.key is None
    assert np.isfinite(alone.values["left"]).sum() == 20
    assert "All 3 subjects have a response at every vertex." in plot_group_accuracy(group, run, ALL).caption


def test_a_difference_is_averaged_subject_by_subject(group, run, tmp_path):
    late = write_group_run(tmp_path, "late", "features.12")
    shown = plot_group_difference(group, run, late, Wishes(hemispheres=("right",)))
    full = stacked(lambda s, h: r_of(run, s, h) - r_of(late, s, h), "right")
    assert list(shown.panels[0].values) == ["right"]
    np.testing.assert_allclose(shown.panels[0].values["right"], mean_where(full))
    assert shown.key.low == -shown.key.high


def p_of(subject, hemisphere):
    return np.random.default_rng([subject, len(hemisphere)]).uniform(size=n_vertices(subject, hemisphere)) ** 6


def test_only_vertices_that_half_of_their_subjects_show_have_a_colour(group, run):
    with pytest.raises(MissingStep, match="no p values are kept"):
        plot_group_accuracy(group, run, ALL, only_significant=True)
    for subject in SUBJECTS:
        share = run.subject(subject)
        keep(share, KeptP({h: p_of(subject, h) for h in SIDES}, 1000, 0), state(share))
    shown = plot_group_accuracy(group, run, ALL, only_significant=True)

    def better(subject, hemisphere):
        q = false_discovery_control(np.concatenate([p_of(subject, h) for h in SIDES])) <= 0.05
        return np.split(q, [n_vertices(subject, "left")])[list(SIDES).index(hemisphere)]

    for h in SIDES:
        n_showing = np.nansum(stacked(better, h), axis=0)
        mean = mean_where(stacked(lambda s, side: r_of(run, s, side), h))
        expected = np.where(2 * n_showing >= n_here(h), mean, np.nan)
        np.testing.assert_allclose(panel(shown, "mean over subjects").values[h], expected)
        assert 0 < np.isfinite(expected).sum() < np.isfinite(mean).sum()
        counted = panel(shown, "subjects better than chance")
        here = n_here(h) > 0
        told = [int(counted.key.names[int(code)]) for code in counted.values[h][here]]
        np.testing.assert_array_equal(told, n_showing[here])


def test_an_outline_is_where_half_of_those_who_have_the_roi_have_it(group, run):
    shown = plot_group_accuracy(group, run, Wishes(outlined=("streams",)))
    n_outlined = 0
    for (h, side), (code, roi) in product(SIDES.items(), enumerate(STREAMS, start=1)):
        codes = [np.load(group.folder / f"subj{s:02d}/roi_masks/{side}.streams_challenge_space.npy") for s in SUBJECTS]
        full = stacked(lambda s, _, codes=codes, code=code: codes[s - 1] == code, h)
        n_having = sum((one == code).any() for one in codes)
        expected = np.flatnonzero(np.nansum(full, axis=0) >= max(n_having, 1) / 2)
        np.testing.assert_array_equal(shown.outlines[h].get(roi, []), expected)
        n_outlined += len(expected) > 0
    assert n_outlined > 0
    assert "Outlines: in at least half of the subjects who have the ROI." in shown.caption


def test_the_best_layer_is_that_of_the_largest_mean_and_its_stability_that_of_resamples(group, run, tmp_path):
    late = write_group_run(tmp_path, "late", "features.12")
    shown = plot_group_best_layer(group, [run, late], ALL, 0.0)
    best, stable = panel(shown, "best layer"), panel(shown, "how stable")
    for h in SIDES:
        full = np.stack([stacked(lambda s, side, one=one: r_of(one, s, side), h) for one in (run, late)])
        mean = np.stack([mean_where(layer) for layer in full])
        ceiling = mean_where(stacked(lambda s, side: ceiling_of(group, s, side), h))
        told = np.isfinite(mean[0])
        np.testing.assert_array_equal(np.isfinite(best.values[h]), told)
        has = told & (mean.max(axis=0) > 0) & (ceiling > 0)
        np.testing.assert_array_equal(best.values[h][has], mean[:, has].argmax(axis=0))
        np.testing.assert_array_equal(np.isfinite(stable.values[h]), has)
        agreed = has & (np.isnan(full[0]) | ((full[1] > full[0]) == (mean[1] > mean[0]))).all(axis=0)
        assert agreed.any()
        assert (stable.values[h][agreed] == 100).all()
        assert (stable.values[h][has & ~agreed] < 100).all()


def ceiling_of(group, subject, hemisphere):
    return np.load(group.folder / f"subj{subject:02d}/test_split/noise_ceiling/{SIDES[hemisphere]}_noise_ceiling.npy")


def test_a_group_map_is_the_same_picture_twice_with_a_key_for_each_panel(group, run):
    wishes = Wishes(dpi=50, theme=DARK)
    figures = [draw_map(plot_group_accuracy(group, run, wishes), dpi=50, theme=DARK) for _ in range(2)]
    first, second = (np.asarray(axes.images[0].get_array()) for axes in (figures[0].axes[0], figures[1].axes[0]))
    np.testing.assert_array_equal(first, second)
    [legend] = figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["1", "2", "3"]
    assert "mean r over subjects" in [axes.get_title() for axes in figures[0].axes]


def test_a_dataset_without_places_is_refused(group, run):
    class Nowhere:
        """A dataset whose subjects say nothing of where they are."""

        folder, subject_ids = group.folder, group.subject_ids

        def subject(self, which):
            subject = group.subject(which)

            class Lost(type(subject)):
                def places(self, side):
                    return None

            lost = object.__new__(Lost)
            lost.__dict__.update(subject.__dict__)
            return lost

        def subjects(self, which=None):
            return [self.subject(one) for one in which or self.subject_ids]

    with pytest.raises(UsageError, match="nothing says where on a cortex the responses of subject 1 are"):
        plot_group_accuracy(Nowhere(), run, ALL)


def test_more_subjects_than_colours_are_a_scale(tmp_path, monkeypatch):
    monkeypatch.setattr(group_maps, "_MOST_COUNTED", 7)
    subjects = tuple(range(1, 9))

    def near(subject, hemisphere):
        return 100 + 4 * subject + np.arange(n_vertices(subject, hemisphere))

    many = write_group(tmp_path / "many", subjects, near)
    shown = plot_group_accuracy(many, write_group_run(tmp_path, "many-run", subjects=subjects), ALL)
    counted = panel(shown, "subjects with a response")
    n = np.isfinite(stacked(lambda s, h: np.ones(n_vertices(s, h)), "left", subjects, near)).sum(axis=0)
    np.testing.assert_array_equal(counted.values["left"][n > 0], n[n > 0])
    assert (counted.key.low, counted.key.high) == (0, 8)
    # Of a group of eight a mean takes four.
    mean = panel(shown, "mean over subjects").values["left"]
    np.testing.assert_array_equal(np.isfinite(mean), n >= 4)
    assert {3, 4} < set(n.tolist())
