"""algocli demo: the pipeline on images of its own, however few."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from algocli.cli import app


@pytest.mark.slow
def test_a_demo_of_few_images_has_as_many_components_as_these_allow(tmp_path, monkeypatch):
    monkeypatch.setattr("algocli.cli.demo._weights", lambda _quiet: ["--weights", "random:0"])
    sizes = ["--train", "20", "--test", "3", "--vertices", "300"]
    result = CliRunner().invoke(app, ["demo", str(tmp_path / "demo"), "--run", "-s", "1", *sizes])
    assert result.exit_code == 0, result.output
    # 18 images are not held out, and what is left of them without their mean has rank 17.
    assert "$ algocli train --pca 17 " in result.stdout
    assert result.stdout.splitlines()[-1].endswith("ready")
