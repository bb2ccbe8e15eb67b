from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.processes import run


def test_peak_memory_holds_what_a_process_had_and_gave_back(tmp_path: Path) -> None:
    finished = run(["-c", "held = b'x' * 300_000_000; del held; print('done')"], tmp_path / "log")
    assert finished.stdout == "done\n"
    # The upper bound is loose, as a process inherits the peak of whoever runs these tests: a wrong unit is far beyond.
    assert 300e6 < finished.peak_bytes < 100e9


def test_a_process_that_fails_ends_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"ended with 3"):
        run(["-c", "raise SystemExit(3)"], tmp_path / "log")


def test_measuring_memory_starts_from_a_small_process(tmp_path: Path) -> None:
    # A process inherits the peak of the one that started it: what measures must not have imported numpy.
    code = "import sys, tests.benchmarks.__main__; print(any(name.startswith('numpy') for name in sys.modules))"
    assert run(["-c", code], tmp_path / "log").stdout == "False\n"
