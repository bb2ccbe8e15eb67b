"""The control groups of Linux that this process is in: what a container, a batch system or systemd lets it take."""

from __future__ import annotations

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def groups(controller: str, root: Path = CGROUP, membership: Path = _MEMBERSHIP) -> list[Path]:
    """Return the folders in which limits of this process may stand, in either version of control groups.

    These are of the group that it is in and of all groups above, whose limits bind it too; some may not exist.

    Parameters
    ----------
    controller
        What is limited: 'memory' or 'cpu'.
    """
    folders: list[Path] = []
    for line in _lines(membership):
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        # Version 2 has one tree for all, and names none.
        if names and controller not in names.split(","):
            continue
        home = root / controller if names else root
        # What lies outside the namespace that this process sees is written with dots.
        place = home.joinpath(*(part for part in path.split("/") if part not in ("", "..")))
        folders += [folder for folder in (place, *place.parents) if folder.is_relative_to(home)]
    # A container may see its limits at the root whatever its membership says.
    return list(dict.fromkeys([*folders, root, root / controller]))


def number_in(path: Path) -> int | None:
    """Return the number that a file holds; None where there is none, or no file."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []
