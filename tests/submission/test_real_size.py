"""A submission of the real size, and a sound zip's bytes changed thousands of times: within time, size and memory."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.challenge.layout import OFFICIAL_SIZES
from algocli.dataset.sides import HEMISPHERES
from algocli.submission.package import Prediction, package
from algocli.submission.shapes import ExpectedShapes, SubjectShape
from algocli.submission.validate import LIMIT, validate

pytestmark = pytest.mark.slow

MOST_BYTES = 500 * 2**20

# Its own process, so that its memory is its own.
PACK = """
import resource, sys
import numpy as np
from pathlib import Path
from algocli.submission.package import Prediction, package
from algocli.submission.shapes import ExpectedShapes

expected = ExpectedShapes.official()
def reader(member):
    return lambda: np.random.default_rng(member.subject).standard_normal(member.shape, dtype=np.float32)
made = package([Prediction(m.subject, m.hemisphere, reader(m)) for m in expected.members], Path(sys.argv[1]), expected)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, made.n_bytes, made.rounded_bits, made.rounding_loss)
"""
MUTATE = """
import resource, sys
from pathlib import Path
from hypothesis import given, settings, strategies as st
from algocli.submission.shapes import ExpectedShapes, SubjectShape
from algocli.submission.validate import validate

sound = Path(sys.argv[1]).read_bytes()
path = Path(sys.argv[1]).with_name("mutated.zip")
tiny = ExpectedShapes({1: SubjectShape(n_test=6, n_vertices={"left": 10, "right": 13}, n_train=40)})
edits = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 6)), min_size=1, max_size=6)
verdicts = []

@settings(max_examples=2000, deadline=None, database=None, derandomize=True)
@given(edits)
def mutate(edits):
    content = bytearray(sound)
    for place, new, n_old in edits:
        start = int(place * len(content))
        content[start : start + n_old] = new
    path.write_bytes(content)
    verdicts.append(validate(path, tiny).ready)

mutate()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, len(verdicts), verdicts.count(False))
"""


def run(code: str, *words: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=900, check=True)
    return [float(word) for word in done.stdout.split()]


def test_a_zip_of_the_real_size_is_small_enough_and_made_in_little_memory(tmp_path: Path) -> None:
    peak, n_bytes, bits, loss = run(PACK, str(tmp_path / "real.zip"))
    assert sum(size.n_vertices[h] for size in OFFICIAL_SIZES.values() for h in HEMISPHERES) == 315_997
    assert n_bytes < LIMIT
    assert peak < MOST_BYTES
    assert 0 < bits < 12
    assert loss < 1e-9
    assert validate(tmp_path / "real.zip", ExpectedShapes.official()).ready


def test_two_thousand_mutations_end_in_a_verdict_each_within_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    expected = ExpectedShapes({1: SubjectShape(n_test=6, n_vertices={"left": 10, "right": 13}, n_train=40)})
    arrays = {m.hemisphere: rng.standard_normal(m.shape).astype(np.float32) for m in expected.members}
    given = [Prediction(1, h, partial(arrays.__getitem__, h)) for h in HEMISPHERES]
    package(given, tmp_path / "sound.zip", expected)
    peak, n_verdicts, n_refused = run(MUTATE, str(tmp_path / "sound.zip"))
    assert n_verdicts >= 2000
    assert n_refused > 1000
    assert peak < MOST_BYTES
