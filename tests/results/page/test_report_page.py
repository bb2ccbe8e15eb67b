"""The page of a report: that it says what the report says, needs nothing else, and can be read by all."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DataError
from algocli.results.certainty import Asked
from algocli.results.data import Gathered
from algocli.results.drawing.charts import draw_rois
from algocli.results.page.frame import write_page
from algocli.results.page.report_page import build_report_page
from algocli.results.plots.ceilings import plot_ceiling
from algocli.results.plots.request import Wishes
from algocli.results.report import summarise
from algocli.runs.run import Run
from tests.results.blends import LAYERS as BLENDED
from tests.results.blends import write_blend, write_recipe
from tests.results.by_hand import write_run
from tests.results.official import official_percent
from tests.results.page.conftest import TITLE
from tests.results.page.reading import ReadPage
from tests.support.damage import replace_array


@pytest.fixture(scope="module")
def page(report_path):
    return ReadPage(report_path)


def test_the_table_has_the_rows_of_the_report(page, tiny_challenge, run):
    report = summarise(Challenge(tiny_challenge), run)
    for subject in (1, 6):
        table = page.tables[f"rois-{subject}"]
        for roi in report.rois_of(subject):
            cells = []
            for hemisphere in ("left", "right"):
                row = report.row(subject, hemisphere, roi)
                if row.n_vertices:
                    cells += [str(row.n_vertices), f"{row.median_r:.3f}", f"{row.mean_r:.3f}", f"{row.accuracy:.1f}"]
                    cells.append("–" if row.adjusted_accuracy is None else f"{row.adjusted_accuracy:.1f}")
                else:
                    cells += ["–"] * 5
            assert table.row(roi) == cells


def test_the_headline_is_the_official_score_of_all_vertices(page, tiny_challenge, run):
    percents = []
    for subject in (1, 6):
        for side, hemisphere in (("lh", "left"), ("rh", "right")):
            r = np.load(run.folder / f"subj{subject:02d}/{hemisphere}_correlation.npy")
            nc = np.load(tiny_challenge / f"subj{subject:02d}/test_split/noise_ceiling/{side}_noise_ceiling.npy")
            percents.append(official_percent(r, nc))
    assert f"<strong>{np.concatenate(percents).mean():.1f} %</strong>" in page.source


def test_without_noise_ceilings_the_headline_is_the_median_r(tmp_path, run):
    report = summarise(tmp_path / "gone", run, subjects=[1])
    shown = build_report_page(report, run, Gathered([], tmp_path))
    r = [np.load(run.folder / f"subj01/{h}_correlation.npy") for h in ("left", "right")]
    assert (shown.headline.value, shown.headline.name) == (f"{np.median(np.concatenate(r)):.3f}", "median r")
    assert not any(part.maps or part.pictures for part in shown.subjects)


def test_several_subjects_have_medians_over_those_who_have_the_roi(page, tiny_challenge, run):
    report = summarise(Challenge(tiny_challenge), run)
    both = sorted(report.row(subject, "left", "V1v").median_r for subject in (1, 6))
    assert page.tables["rois-all"].row("V1v")[:3] == [
        "2",
        f"{sum(both) / 2:.3f}",
        f"{both[0]:.3f} to {both[1]:.3f}",
    ]
    assert page.tables["rois-all"].row("aTL-faces")[:2] == ["–", "–"]


def test_a_group_row_and_a_group_cortex_come_before_each_subject(page, tiny_challenge, run):
    report = summarise(Challenge(tiny_challenge), run)
    medians = [report.row(n, "left", "All vertices").median_r for n in (1, 6)]
    assert page.tables["subjects"].row("Median over subjects")[1] == f"{np.mean(medians):.3f}"
    assert [cells[0] for cells in page.tables["subjects"].rows[2:]] == [
        "Median over subjects",
        "Subject 1",
        "Subject 6",
    ]
    brains = [given["id"] for given in page.all("section") if given.get("class") == "brain"]
    assert brains == ["map-group", "map-1", "map-6"]


def test_charts_of_several_subjects_have_one_scale(challenge, run):
    report = summarise(challenge, run)
    charts = [draw_rois(report, n, title="") for n in (1, 6)]
    limits = {chart.figure.axes[0].get_ylim() for chart in charts}
    assert len(limits) == 1
    highest = max(row.median_r for chart in charts for row in chart.drawn if row.median_r is not None)
    assert highest < limits.pop()[1] < 1.1 * highest
    densities = [chart for _, chart in plot_ceiling(challenge, run, Wishes((1, 6)))]
    assert len({(c.figure.axes[0].get_xlim(), c.figure.axes[0].get_ylim()) for c in densities}) == 1
    assert len({c.figure.axes[0].collections[0].norm.vmax for c in densities}) == 1


@pytest.mark.parametrize(
    ("counts", "said"), [([200] * 8, "8 x 200"), ([984, 878, 984], "3 x 878 to 984"), ([1200], "1,200")]
)
def test_held_out_images_are_told_subject_by_subject(tmp_path, counts, said):
    run = write_run(tmp_path, subjects=tuple(range(1, len(counts) + 1)))
    for number, n in enumerate(counts, start=1):
        replace_array(run.subject(number), "validation_rows", np.arange(n))
    shown = build_report_page(summarise(tmp_path / "gone", run), run, Gathered([], tmp_path))
    [figure] = [figure for figure in shown.figures if figure.name == "held-out images"]
    assert figure.value == said


def test_layer_weights_and_transform_stand_under_the_title(tmp_path):
    identity = {"transform": {"resize": [224, "bilinear"], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}
    recipe = {"model": "alexnet", "layer": "features.2", "weights": "random:3", "identity": identity}
    run = write_run(tmp_path, subjects=(1,))
    home = tmp_path / "features" / run.settings.features[0]
    home.mkdir(parents=True)
    identity |= {"weights": "d1", "dtype": "float16", "numerics": "float32"}
    (home / "recipe.json").write_text(json.dumps(recipe))
    write_page(
        build_report_page(summarise(tmp_path / "gone", run), run, Gathered([], tmp_path)), tmp_path / "page.html"
    )
    header = ReadPage(tmp_path / "page.html").source.partition("<header>")[2].partition("</header>")[0]
    for told in ("alexnet features.2", "random:3", "224 x 224 squeezed, bilinear, ImageNet mean and std"):
        assert f"<dd>{told}</dd>" in header


def test_cells_are_coloured_by_their_numbers_to_one_scale(page, tiny_challenge, run):
    report = summarise(Challenge(tiny_challenge), run)
    full = max(abs(r) for row in report.rows for r in (row.median_r, row.mean_r) if r is not None)
    for subject in (1, 6):
        row = report.row(subject, "left", "V1v")
        sign = "warm" if row.median_r > 0 else "cold"
        heat = f"--heat: {100 * round(abs(row.median_r) / full, 2):g}%"
        assert f'<td data-key="{row.median_r}" class="{sign}" style="{heat}">' in page.source


def test_one_subject_alone_has_no_table_over_subjects(challenge, run):
    shown = build_report_page(summarise(challenge, run, subjects=[1], rois=["EBA"]), run, challenge)
    assert (shown.overview, shown.maps, shown.is_folded) == ((), (), False)


def test_a_page_asks_for_nothing_from_elsewhere(page):
    assert not re.findall(r'(?:src|href|action|data|poster)="(?!data:|#)[^"]*"', page.source)
    assert "url(http" not in page.source
    assert "@import" not in page.source
    [policy] = [given["content"] for given in page.all("meta") if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert not page.all("link")


def test_a_title_with_tags_in_it_stays_text(page):
    assert "".join(page.text["title"]) == TITLE
    assert TITLE in page.text["h1"]
    assert not [text for text in page.text["script"] if text.startswith("alert")]


def test_every_picture_has_words_in_its_place(page):
    assert page.all("img")
    assert all(given["alt"] for given in page.all("img"))
    assert all(given.get("aria-label") for given in page.all("canvas"))


def test_every_id_is_one_elements_alone_and_every_link_leads_somewhere(page):
    assert len(page.ids) == len(set(page.ids))
    links = [given["href"] for given in page.all("a")]
    assert len(links) == 7  # past the links; summary, two subjects, how sure, provenance, citing
    assert all(link.removeprefix("#") in page.ids for link in links)
    named = [
        given[name] for _, given in page.elements for name in ("aria-labelledby", "aria-controls") if name in given
    ]
    assert all(name in page.ids for names in named for name in names.split())


def test_headings_leave_no_level_out(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_the_same_report_has_the_same_bytes(tmp_path, challenge, run):
    for name in ("first.html", "second.html"):
        report = summarise(challenge, run, subjects=[1], rois=["EBA"])
        write_page(build_report_page(report, Run(run.folder), challenge), tmp_path / name)
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "second.html").read_bytes()


def test_the_last_command_makes_the_page_again(challenge, run):
    report = summarise(challenge, run, subjects=[6], rois=["FFA-1"])
    shown = build_report_page(report, run, challenge, title="it's", asked=Asked(seed=3), rois=["FFA-1"])
    assert shown.repeat[-1] == (
        "algocli report --run a-run -s 6 --roi FFA-1 --seed 3 --title 'it'\"'\"'s' --html report.html"
    )


def test_a_blend_also_shows_its_best_layers(tmp_path, challenge):
    for number, name in enumerate(BLENDED):
        write_recipe(tmp_path, name, "alexnet", f"features.{number}")
    blend = write_blend(tmp_path)
    replace_array(blend.subject(1), "validation_rows", np.arange(5))
    [part] = build_report_page(summarise(challenge, blend, rois=["EBA"]), blend, challenge).subjects
    assert [shown.title for _, shown in part.maps] == [
        "Encoding accuracy, subject 1",
        "Best layer of alexnet, subject 1",
    ]


def test_data_that_is_gone_is_asked_for_by_its_subject(tmp_path):
    with pytest.raises(DataError, match="data of subject 3 is gone"):
        Gathered([], tmp_path).subject(3)
