"""What this machine is: its system, its processor, the libraries that multiply matrices, and what bears on them."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_CPUINFO = Path("/proc/cpuinfo")
# What algocli needs, and what it uses where it is there, as pyproject.toml has it; and whom they multiply with.
NEEDED = (
    *("typer", "rich", "numpy", "torch", "torchvision", "h5py", "zarr", "scikit-learn", "scipy", "pillow"),
    *("nilearn", "nibabel", "matplotlib", "jinja2"),
)
WELCOME = (
    *("timm", "transformers", "open_clip_torch", "himalaya", "pyarrow", "imagecodecs", "safetensors", "threadpoolctl"),
    *("submitit", "distributed", "s3fs", "gcsfs", "adlfs"),
)
# What changes where things lie, how fast they run, or what is printed, by the beginnings of names.
_TELLING = (
    *("ALGOCLI_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_", "KMP_", "GOTO_"),
    *("CUDA_VISIBLE_DEVICES", "PYTORCH_", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME", "NILEARN_"),
    *("MPLBACKEND", "MPLCONFIGDIR", "LANG", "LC_", "PYTHONPATH", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONOPTIMIZE"),
    *("PYTHONWARNINGS", "TERM", "COLUMNS", "NO_COLOR", "TMPDIR", "SLURM_JOB_ID", "SLURM_CPUS_PER_TASK"),
    *("HDF5_USE_FILE_LOCKING", "ZARR_"),
)
# Whose values may hold a password, or are nobody's business.
_SECRET = ("http_proxy", "https_proxy", "all_proxy")
_SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "KEY")


def processor(cpuinfo: Path = _CPUINFO) -> str:
    """Return the processor's name as its maker writes it, or else its family."""
    try:
        lines = [line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line]
        return next(value.strip() for name, value in lines if name.strip() == "model name")
    except (OSError, ValueError, StopIteration):
        # `platform.processor` would start a program to ask.
        return platform.machine()


def system() -> str:
    """Return which system runs, with its version."""
    told = os.uname()
    return f"{told.sysname} {told.release} on {told.machine}, {' '.join(platform.libc_ver()).strip() or 'no glibc'}"


def versions() -> dict[str, str | None]:
    """Return the version of each package that is needed or welcome; None where it is not installed."""
    return {name: _version(name) for name in (*NEEDED, *WELCOME)}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def where_is(program: str) -> str:
    """Return the path of a program that a shell would start, or say that there is none."""
    return shutil.which(program) or "not on the PATH"


def matrix_libraries() -> list[dict[str, Any]]:
    """Return what numpy and scipy multiply with: library, version, kernels and threads, in words of threadpoolctl's."""
    import numpy as np  # noqa: F401 - loads the library that is asked about
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    return [
        {
            "of": Path(pool["filepath"]).parent.name.partition(".")[0],
            "library": pool["internal_api"],
            "version": pool["version"],
            "kernels": pool.get("architecture"),
            "threads": pool["num_threads"],
        }
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]


def environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return those variables of the environment that bear on the work; of what may be secret, only that it is set."""
    told = {}
    for name in sorted(variables):
        if name.lower() in _SECRET or (name.startswith(_TELLING) and any(word in name for word in _SECRET_WORDS)):
            told[name] = "(set)"
        elif name.startswith(_TELLING):
            told[name] = variables[name]
    return told


def python() -> str:
    """Return which Python runs, and where it is."""
    return f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
