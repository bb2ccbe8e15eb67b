"""What is proposed at the program's border: it never takes the place of the error that it is about."""

from __future__ import annotations

import errno

import pytest
import typer

from algocli.cli import app
from algocli.cli.ways_out import way_out
from algocli.errors import MissingStep, ReadOnly
from algocli.pipeline.defaults import DEFAULT_CACHE


def test_a_disk_that_fails_while_a_way_out_is_sought_leaves_the_error_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("algocli.cli.ways_out.may_only_be_read", fails)
    monkeypatch.setattr("algocli.cli.ways_out.writable_cache", fails)
    context = typer.Context(typer.main.get_command(app), info_name="algocli")
    context.invoked_subcommand = "train"
    context.meta["algocli.given"] = ["train"]
    assert way_out(MissingStep("there are no features", hint="algocli extract"), context) == "algocli extract"
    assert way_out(ReadOnly(f"{DEFAULT_CACHE}/runs may not be written"), context) is None
