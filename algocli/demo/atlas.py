"""Where each region of visual cortex begins on the sphere, how large it grows, and who lacks it.

Places are (longitude, latitude) in degrees on fsaverage's sphere. Sizes count vertices of the full fsaverage, averaged
over those subjects of the real challenge that have the region. Both come in pairs, left and right.
"""

from __future__ import annotations

from dataclasses import dataclass

from algocli.dataset.challenge.layout import OFFICIAL_SIZES
from algocli.dataset.sides import HEMISPHERES, Hemisphere

Place = tuple[float, float]

# Most subjects' left hemisphere as released; every other count is in proportion to it.
N_REAL = OFFICIAL_SIZES[1].n_vertices["left"]


@dataclass(frozen=True)
class Region:
    """A piece of cortex: where it starts to grow, how large it gets, and how much that differs between subjects."""

    sizes: dict[Hemisphere, int]
    places: dict[Hemisphere, Place]
    spread: float


def _region(sizes: tuple[int, int], left: Place, right: Place, spread: float = 0.25) -> Region:
    return Region(dict(zip(HEMISPHERES, sizes, strict=True)), {"left": left, "right": right}, spread)


# The calcarine sulcus, which V1 lies along: where it starts at the occipital pole, the centre of gaze, where it leads,
# how many degrees of it are early cortex, and its lower lip.
FOVEA: dict[Hemisphere, Place] = {"left": (-85, -29), "right": (-117, -33)}
CALCARINE: dict[Hemisphere, Place] = {"left": (-48, -24), "right": (-157, -33)}
CALCARINE_LENGTH = 24.0
LINGUAL: dict[Hemisphere, Place] = {"left": (-51, -51), "right": (-151, -47)}

# Streams are the same in every subject. Each of the three that lead away from early cortex takes the part of the
# sphere that its place is nearest to, with the middle stage growing first.
N_EARLY: dict[Hemisphere, int] = {"left": 5169, "right": 5302}
MIDDLE_STREAMS = {
    "midventral": _region((867, 1050), (-99, -52), (-105, -55), 0),
    "midlateral": _region((1096, 1190), (-113, -24), (-88, -33), 0),
    "midparietal": _region((853, 1133), (-85, 0), (-103, -14), 0),
}
LATE_STREAMS = {
    "ventral": _region((4973, 4853), (-90, -75), (-130, -76), 0),
    "lateral": _region((3128, 3577), (-129, -26), (-70, -36), 0),
    "parietal": _region((2343, 2317), (-90, 14), (-112, 8), 0),
}

# V1 grows from the calcarine, V2 from the rim of V1, V3 from that of V2, above it (d) and below (v).
EARLY_AREAS: dict[str, dict[Hemisphere, int]] = {
    "V1v": {"left": 710, "right": 700},
    "V1d": {"left": 788, "right": 723},
    "V2v": {"left": 662, "right": 710},
    "V2d": {"left": 590, "right": 665},
    "V3v": {"left": 524, "right": 566},
    "V3d": {"left": 606, "right": 638},
}
EARLY_SPREAD = 0.1
LATE_AREAS = {
    "hV4": _region((530, 516), (-96, -51), (-108, -52), 0.1),
    "EBA": _region((3362, 3973), (-122, -24), (-78, -33), 0.1),
    "FBA-1": _region((483, 720), (-116, -62), (-108, -70)),
    "FBA-2": _region((607, 500), (-124, -69), (-117, -77)),
    "mTL-bodies": _region((0, 138), (-152, -45), (-68, -72)),
    "OFA": _region((530, 575), (-108, -46), (-96, -49)),
    "FFA-1": _region((523, 565), (-104, -63), (-98, -66)),
    "FFA-2": _region((333, 467), (-113, -69), (-108, -74)),
    "OPA": _region((1878, 1982), (-105, -2), (-89, -9), 0.15),
    "PPA": _region((1420, 1445), (-26, -66), (-177, -53), 0.1),
    "RSC": _region((416, 732), (-35, -22), (-165, -16), 0.15),
    "OWFA": _region((627, 622), (-103, -46), (-99, -48)),
    "VWFA-1": _region((860, 458), (-118, -54), (-85, -59)),
    "VWFA-2": _region((312, 443), (-133, -57), (-75, -68)),
    "mfs-words": _region((262, 300), (-108, -76), (-144, -77)),
    "mTL-words": _region((4, 63), (-166, -34), (-28, -46), 0),
}

_LACKING = {"FBA-1": "2L 2R 4L 7L 7R", "FBA-2": "1L", "FFA-2": "1L", "VWFA-2": "3R 4R 8R", "mfs-words": "1R 3R"}
_ONLY_IN = {"mTL-bodies": "6R 8R", "mTL-words": "6L 7R", "mTL-faces": "", "aTL-faces": ""}


def is_absent(roi: str, subject: int, hemisphere: Hemisphere) -> bool:
    """Say whether one hemisphere of a subject of the real challenge has no vertex in a ROI."""
    here = f"{subject}{hemisphere[0].upper()}"
    if roi in _ONLY_IN:
        return here not in _ONLY_IN[roi].split()
    return here in _LACKING.get(roi, "").split()
