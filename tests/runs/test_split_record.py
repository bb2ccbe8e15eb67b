"""A run's record knows which images it was scored on."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.errors import DataError
from algocli.results.held_out import held_out
from algocli.runs.subject_run import digest_split
from tests.results.by_hand import write_run


def test_held_out_rows_that_are_not_the_records_are_refused(tmp_path):
    run = write_run(tmp_path)
    share = run.subject(1)
    rows, folds = share.validation_rows().copy(), share.validation_folds().copy()
    record = {"finished_at": 1e9, "held_out": {"digest": digest_split(rows, folds)}}
    share.finish(record)
    np.testing.assert_array_equal(held_out(run, 1).rows, np.sort(rows))
    share.save("validation_rows", rows[::-1].copy())
    share.finish(record)
    with pytest.raises(DataError, match="damaged split"):
        held_out(run, 1)
