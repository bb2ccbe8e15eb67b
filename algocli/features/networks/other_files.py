"""What a file is that is no checkpoint of torch's, and what to do with it: told by how it begins, whatever its name."""

from __future__ import annotations

import zipfile
from codecs import getincrementaldecoder
from pathlib import Path

from algocli.compute.opening import open_file
from algocli.errors import DataError, first_line

AGAIN = "copy the file again"
# By where in the file and how each begins.
_BEGINS = {
    (0, b"\x89HDF\r\n\x1a\n"): ("an HDF5 file, as Keras writes it", "save the weights of a network of torch's"),
    (0, b"\x1f\x8b"): ("compressed by gzip", "unpack it, and name what was in it"),
    (0, b"BZh"): ("compressed by bzip2", "unpack it, and name what was in it"),
    (0, b"\xfd7zXZ"): ("compressed by xz", "unpack it, and name what was in it"),
    (0, b"\x28\xb5\x2f\xfd"): ("compressed by zstd", "unpack it, and name what was in it"),
    (0, b"\x93NUMPY"): ("an array of numpy's", "save a state dict with torch.save"),
    (0, b"\x89PNG"): ("a picture", "name the file of weights"),
    (0, b"\xff\xd8\xff"): ("a picture", "name the file of weights"),
    (257, b"ustar"): ("an archive of tar", "unpack it, and name the checkpoint that was in it"),
}
_LONGEST_SIGN = 300
_SHOWN = 60


def no_checkpoint(path: Path) -> DataError:
    """Return the error that tells what a file is that neither torch.save nor safetensors wrote."""
    with open_file(path) as stream:
        beginning = stream.read(_LONGEST_SIGN)
    what, hint = "", AGAIN
    for (place, sign), told in _BEGINS.items():
        if beginning[place:].startswith(sign):
            what, hint = told
    text = _text(beginning)
    if text:
        what, hint = f"a text that begins with {text[:_SHOWN]!r}", "was it downloaded whole? name the file of weights"
    return DataError(
        f"{path} is no checkpoint: neither torch.save nor safetensors wrote it{what and f'; it is {what}'}", hint=hint
    )


def refuse_other_zips(path: Path) -> None:
    """Refuse zip files that torch.save did not write.

    Raises
    ------
    DataError
        If it is one, saying whose; or if it is damaged.
    """
    with open_file(path) as stream:
        # Where its list of contents is damaged, zipfile raises nearly anything.
        try:
            with zipfile.ZipFile(stream) as archive:
                names = archive.namelist()
        except Exception as error:
            raise DataError(f"{path} is a damaged zip archive: {first_line(error).lower()}", hint=AGAIN) from error
    if any(name.endswith("/constants.pkl") for name in names):
        raise DataError(
            f"{path} is a TorchScript program, not a checkpoint",
            hint="where you trust it, save its weights: torch.save(torch.jit.load(FILE).state_dict(), ANOTHER_FILE)",
        )
    if names and all(name.endswith(".npy") for name in names):
        raise DataError(f"{path} is an archive of numpy's, not a checkpoint", hint="save a state dict with torch.save")
    if not any(name.endswith("/data.pkl") for name in names):
        first = f", of {names[0]}{' and more' if len(names) > 1 else ''}" if names else ", with nothing in it"
        raise DataError(
            f"{path} is a zip archive that torch.save did not write{first}",
            hint="unpack it, and name the checkpoint that was in it",
        )


def _text(beginning: bytes) -> str:
    """Return the first line of what is text to its end, or nothing."""
    try:
        # The last letter may be cut in the middle.
        lines = getincrementaldecoder("utf-8")().decode(beginning).split("\n")
    except UnicodeDecodeError:
        return ""
    first = lines[0].strip()
    return first if all(line.replace("\t", "").replace("\r", "").isprintable() for line in lines) else ""
