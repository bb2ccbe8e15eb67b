"""HDF5 files that take numbers from elsewhere: refused by name, whichever way they go about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.dataset.hdf5 import find_dataset, list_datasets, open_hdf5, refuse_unwritten
from algocli.errors import DataError

SHAPE = (6, 4)
NUMBERS: NDArray[np.float32] = np.arange(24, dtype="f4").reshape(SHAPE)


def plain(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["deep/x"] = NUMBERS
    return path


def raw(path: Path, source: Path, name: str = "x") -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset(name, SHAPE, "f4", external=[(str(source), 0, NUMBERS.nbytes)])
    return path


def virtual(path: Path, source: str, inner: str = "deep/x", name: str = "x") -> Path:
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[:] = h5py.VirtualSource(source, inner, SHAPE)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset(name, layout)
    return path


def growing(path: Path, source: str, inner: str) -> Path:
    """Write a virtual dataset of as many blocks of two rows as there are."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    space = h5py.h5s.create_simple((6, 4), (h5py.h5s.UNLIMITED, 4))
    space.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), (2, 4), (2, 4))
    plan.set_virtual(space, source.encode(), inner.encode(), h5py.h5s.create_simple((2, 4)))
    with h5py.File(path, "w", libver="latest") as file:
        h5py.h5d.create(
            file.id, b"x", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((6, 4), (h5py.h5s.UNLIMITED, 4)), plan
        )
    return path


def linked(path: Path, **links: h5py.SoftLink | h5py.ExternalLink) -> Path:
    with h5py.File(path, "w") as file:
        for name, link in links.items():
            file[name] = link
    return path


def read(path: Path, name: str = "x") -> NDArray[np.float32] | None:
    with open_hdf5(path) as file:
        list_datasets(file)
        dataset = find_dataset(file, name)
        if dataset is None:
            return None
        refuse_unwritten(dataset, range(SHAPE[0]), "it")
        array: NDArray[np.float32] = dataset[()]
        return array


def numbered(folder: Path) -> None:
    for block in range(3):
        with h5py.File(folder / f"part{block}.h5", "w") as file:
            file["x"] = NUMBERS[2 * block : 2 * block + 2]


def through_a_symlink(home: Path, away: Path) -> Path:
    (home / "near.h5").symlink_to(plain(away / "far.h5"))
    return virtual(home / "a.h5", "near.h5")


def in_a_group(home: Path, away: Path) -> Path:
    path = linked(home / "a.h5", g=h5py.ExternalLink(str(plain(away / "far.h5")), "/deep"))
    with h5py.File(path, "a") as file:
        file["x"] = h5py.SoftLink("/g/x")
    return path


def one_in_another(home: Path, away: Path) -> Path:
    virtual(home / "inner.h5", str(plain(away / "far.h5")))
    return virtual(home / "a.h5", "inner.h5", "x")


def one_in_the_same(home: Path, away: Path) -> Path:
    path = virtual(home / "a.h5", str(plain(away / "far.h5")), name="inner")
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[:] = h5py.VirtualSource(".", "inner", SHAPE)
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("x", layout)
    return path


def raw_in_virtual(home: Path, away: Path) -> Path:
    raw(home / "inner.h5", text(away))
    return virtual(home / "a.h5", "inner.h5", "x")


def link_in_virtual(home: Path, away: Path) -> Path:
    linked(home / "inner.h5", x=h5py.ExternalLink(str(plain(away / "far.h5")), "/deep/x"))
    return virtual(home / "a.h5", "inner.h5", "x")


def blocks_elsewhere(home: Path, away: Path) -> Path:
    numbered(away)
    return growing(home / "a.h5", f"{away}/part%b.h5", "x")


def with_a_percent_sign(home: Path, away: Path) -> Path:
    plain(away / "100%.h5")
    return virtual(home / "a.h5", f"{away}/100%%.h5")


def text(away: Path) -> Path:
    path = away / "secrets.txt"
    path.write_bytes(b"root:x:0:0" * 20)
    return path


ELSEWHERE: dict[str, Callable[[Path, Path], Path]] = {
    "raw": lambda home, away: raw(home / "a.h5", text(away)),
    "link": lambda home, away: linked(home / "a.h5", x=h5py.ExternalLink(str(plain(away / "far.h5")), "/deep/x")),
    "relative link": lambda home, away: linked(
        home / "a.h5", x=h5py.ExternalLink(f"../{away.name}/{plain(away / 'far.h5').name}", "/deep/x")
    ),
    "group": in_a_group,
    "virtual": lambda home, away: virtual(home / "a.h5", str(plain(away / "far.h5"))),
    "symlink": through_a_symlink,
    "virtual in virtual": one_in_another,
    "virtual in itself": one_in_the_same,
    "raw in virtual": raw_in_virtual,
    "link in virtual": link_in_virtual,
    "pattern": blocks_elsewhere,
    "percent": with_a_percent_sign,
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def away(tmp_path: Path) -> Path:
    (tmp_path / "away").mkdir()
    return tmp_path / "away"


@pytest.mark.parametrize("how", ELSEWHERE)
def test_numbers_of_another_folder_are_refused_by_name(home: Path, away: Path, how: str) -> None:
    path = ELSEWHERE[how](home, away)
    with pytest.raises(
        DataError, match=r"its numbers lie in .*(away|near\.h5).*, which is not in the folder of"
    ) as caught:
        read(path)
    assert "if you trust it, copy" in str(caught.value.hint)


def test_numbers_of_the_same_folder_or_below_are_read(home: Path) -> None:
    plain(home / "parts" / "near.h5")
    (home / "raw.bin").write_bytes(NUMBERS.tobytes())
    numbered(home)
    virtual(home / "middle.h5", "parts/near.h5")
    for path in (
        linked(home / "a.h5", x=h5py.ExternalLink("parts/near.h5", "deep/x")),
        linked(home / "b.h5", x=h5py.SoftLink("/g/x"), g=h5py.ExternalLink("parts/near.h5", "/deep")),
        virtual(home / "c.h5", str(home / "parts" / "near.h5")),
        virtual(home / "d.h5", "middle.h5", "x"),
        raw(home / "e.h5", home / "raw.bin"),
        growing(home / "f.h5", "part%b.h5", "x"),
    ):
        np.testing.assert_array_equal(read(path), NUMBERS)


def test_a_source_that_is_gone_is_not_read_as_zeros(home: Path) -> None:
    with pytest.raises(DataError, match="never written to the end: 6 of the 6 rows"):
        read(virtual(home / "a.h5", "gone.h5"))
    with pytest.raises(DataError, match="never written to the end: 6 of the 6 rows"):
        read(raw(home / "b.h5", home / "gone.bin"))
    assert read(linked(home / "c.h5", x=h5py.ExternalLink("gone.h5", "/x"))) is None


def test_what_is_no_file_is_not_opened(home: Path) -> None:
    os.mkfifo(home / "pipe.h5")
    for path in (
        virtual(home / "a.h5", "pipe.h5"),
        raw(home / "b.h5", home / "pipe.h5"),
        linked(home / "c.h5", x=h5py.ExternalLink("pipe.h5", "/x")),
        home / "pipe.h5",
    ):
        with pytest.raises(DataError, match=r"pipe\.h5 cannot be read: is a pipe, not a file"):
            read(path)


def test_a_circle_is_left(home: Path) -> None:
    virtual(home / "a.h5", "b.h5", "x")
    for path in (
        virtual(home / "b.h5", "a.h5", "x"),
        linked(home / "c.h5", x=h5py.SoftLink("/y"), y=h5py.SoftLink("/x")),
    ):
        with pytest.raises(DataError, match="from file to file without end"):
            read(path)
