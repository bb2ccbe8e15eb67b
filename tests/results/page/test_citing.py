"""What a page asks to be cited."""

from __future__ import annotations

from pathlib import Path

import pytest

import algocli
from algocli.results.page.frame import WORKS

CITATION = Path(algocli.__file__).parent.parent / "CITATION.cff"


@pytest.mark.skipif(not CITATION.is_file(), reason="the package is installed without its CITATION.cff")
def test_a_page_cites_what_the_citation_file_does():
    program, challenge, data = WORKS.values()
    assert algocli.__version__ in program
    lines = [line.strip() for line in CITATION.read_text(encoding="utf-8").splitlines()]
    titles = [line.removeprefix("title: ").strip('"') for line in lines if line.startswith("title: ")]
    assert titles[1].lower() in challenge.lower()
    assert titles[2].lower() in data.lower()
    families = [line.split("family-names: ")[1].split(",")[0] for line in lines if "family-names: " in line]
    assert families
    assert all(name in challenge + data for name in families)
    assert next(line.removeprefix("doi: ") for line in lines if line.startswith("doi: ")) in data
