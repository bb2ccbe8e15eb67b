"""`report --html` and `compare --html` as a shell sees them."""

from __future__ import annotations

import json
import os

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.results.by_hand import write_run
from tests.results.compared import write_challenge, write_compared_run


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    write_run(folder)
    return folder


@pytest.fixture
def report(tiny_challenge, cache):
    def invoke(*words):
        folders = ["--data-dir", str(tiny_challenge), "--cache-dir", str(cache)]
        return CliRunner().invoke(app, ["report", *folders, *words])

    return invoke


def test_a_page_is_written_beside_the_table(report, tmp_path):
    path = tmp_path / "new" / "page.html"
    asked = ["-s", "1", "--roi", "EBA"]
    plain, result = report(*asked), report(*asked, "--html", str(path), "--title", "Mine")
    assert result.exit_code == 0
    assert result.stdout == plain.stdout
    assert f"wrote {path}" in result.stderr
    assert "<title>Mine</title>" in path.read_text()


def test_a_page_is_written_beside_the_json(report, tmp_path):
    result = report("-s", "6", "--roi", "EBA", "--json", "--quiet", "--html", str(tmp_path / "page.htm"))
    assert json.loads(result.stdout)["run"] == "a-run"
    assert result.stderr == ""
    assert (tmp_path / "page.htm").read_text().startswith("<!doctype html>")


def test_another_ending_is_refused_before_anything_is_printed(report, tmp_path):
    result = report("--html", str(tmp_path / "page.pdf"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert ".html or .htm" in result.stderr


def test_a_folder_or_file_in_the_way_is_told_before_anything_is_printed(report, tmp_path):
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("folder.html", "file/page.html"):
        result = report("--html", str(tmp_path / name))
        assert result.exit_code == 3
        assert result.stdout == ""
        assert "cannot write" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told_before_anything_is_printed(report, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    result = report("--html", str(tmp_path / "closed/page.html"))
    assert result.exit_code == 3
    assert result.stdout == ""


def test_a_heading_without_a_page_is_refused(report):
    result = report("--title", "Mine")
    assert result.exit_code == 2
    assert "--html" in result.stderr


def test_runs_compared_have_a_page_too(tmp_path):
    data = write_challenge(tmp_path / "challenge")
    for name, noise in (("plain", 1.2), ("better", 0.5)):
        write_compared_run(tmp_path, data, name, noise=noise, subjects=[1])
    path = tmp_path / "page.html"
    words = ["plain", "better", "--cache-dir", str(tmp_path), "--resamples", "20"]
    result = CliRunner().invoke(app, ["compare", *words, "--roi", "EBA", "--html", str(path)])
    assert result.exit_code == 0
    assert f"wrote {path}" in result.stderr
    assert "algocli compare plain better -s 1 --roi EBA --resamples 20 --html compare.html" in path.read_text()


def test_a_page_and_a_table_of_one_name_are_refused(report, tmp_path):
    result = report("--html", str(tmp_path / "page.html"), "--csv", str(tmp_path / "." / "page.html"))
    assert result.exit_code == 2
    assert not (tmp_path / "page.html").exists()
