"""The shim that sees and disturbs what a program does to the disk: how it is made, and what it can be told to do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("shim.c")
# What can happen beside what a disk can say, which has the system's own numbers.
NOTHING, SHORT, SIGNALS = 0, -1, 1000


def preloading(folder: Path) -> dict[str, str]:
    """Compile the shim into a folder, and return the variables by which a program is started with it.

    None are needed where there is no compiler: nothing can be counted then.
    """
    if shutil.which("cc") is None:
        return {}
    shim = folder / "shim.so"
    words = ["cc", "-shared", "-fPIC", "-O2", "-D_LARGEFILE64_SOURCE", "-o", str(shim), str(_SOURCE), "-ldl"]
    subprocess.run(words, check=True)
    return {"LD_PRELOAD": str(shim)}
