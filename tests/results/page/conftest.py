"""The page of a report, written once for all tests that read it."""

from __future__ import annotations

import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.results.page.frame import write_page
from algocli.results.page.report_page import build_report_page
from algocli.results.report import summarise
from tests.browser import browser

__all__ = ["browser"]

TITLE = 'V1 <script>alert(1)</script> & "more" </title>'


@pytest.fixture(scope="session")
def report_path(tmp_path_factory, tiny_challenge, run):
    """Both subjects' page."""
    challenge = Challenge(tiny_challenge)
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(build_report_page(summarise(challenge, run), run, challenge, title=TITLE), path)
    return path
