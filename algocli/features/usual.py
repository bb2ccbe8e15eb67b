"""How features are extracted unless told otherwise; whatever says what is usual, in code or in help, reads it here."""

from __future__ import annotations

from typing import Literal

DTYPE: Literal["float16"] = "float16"
NUMERICS: Literal["float32"] = "float32"
# Images a forward pass: on a cpu what its cache holds, on a GPU what keeps it busy.
BATCH_ON_CPU = 16
BATCH_ON_GPU = 64
