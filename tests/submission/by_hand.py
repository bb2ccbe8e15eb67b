"""Zips and .npy files as any other program might write them, right or wrong."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Files = dict[str, bytes]


def npy(array: NDArray[Any], **options: Any) -> bytes:
    """Return the bytes of a .npy file as numpy itself writes them."""
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def write_zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip with the standard library, names as they are."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def header(literal: bytes, version: bytes = b"\x01\x00") -> bytes:
    """Return a .npy header around any text."""
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(literal))
    return b"\x93NUMPY" + version + length + literal
