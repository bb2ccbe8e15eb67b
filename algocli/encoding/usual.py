"""What an encoding model is unless told otherwise, as the challenge's tutorial has it; code and help read it here."""

from __future__ import annotations

from typing import Literal

N_COMPONENTS = 100
# The lowest penalty, the highest, and how many.
ALPHAS = (1e-2, 1e5, 20)
# Draws of a banded ridge's shares.
N_DRAWS = 50
# The windows on an image that receptive fields are chosen among.
WINDOWS: Literal["coarse", "fine"] = "fine"
HOLDOUT = 0.1
SEED = 4
