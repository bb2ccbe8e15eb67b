"""What networks need of this machine: a device, weights that are here already, hosts that others come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from algocli.compute.threads import in_threads
from algocli.errors import first_line

# What each host is asked for.
HOSTS = {
    "https://download.pytorch.org": "torchvision's weights",
    "https://huggingface.co": "weights of timm, transformers and open_clip",
    "https://github.com": "torch.hub's repositories",
}
# A host that takes longer, in seconds, is as good as none to whoever waits for a diagnosis.
_PATIENCE = 5.0


def devices() -> dict[str, Any]:
    """Ask torch, which takes seconds to load, for what it can compute on: 'cpu', and each GPU by its name.

    Returns
    -------
    `auto`, the device that is taken where none is named; `threads` of the cpu; `cuda`, one line a GPU; and `others`,
    which torch could use and this program does not.
    """
    import torch

    names = [
        f"{torch.cuda.get_device_name(n)}, {torch.cuda.get_device_properties(n).total_memory / 1e9:.0f} GB"
        for n in range(torch.cuda.device_count())
    ]
    from algocli.features.networks.devices import usable

    others = {"xpu": torch.xpu.is_available()}
    return {
        "auto": usable()[0],
        "threads": torch.get_num_threads(),
        "cuda_version": torch.version.cuda,
        "cuda": names,
        "others": [name for name, is_there in others.items() if is_there],
    }


def kept_weights() -> list[Path]:
    """Return the files of weights that torch has fetched before and keeps."""
    # As torch.hub.get_dir has it, which would load torch.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "torch"
    home = Path(os.environ.get("TORCH_HOME") or cache).expanduser()
    try:
        return sorted(path for path in (home / "hub/checkpoints").iterdir() if path.suffix in (".pth", ".pt"))
    except OSError:
        return []


def place_of(url: str) -> Path:
    """Return the file in which torch keeps weights that it fetches from there."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def unreachable(hosts: Sequence[str] = tuple(HOSTS)) -> dict[str, str | None]:
    """Ask each host for a word, all at the same time; return why there was none, None where there was."""
    return dict(zip(hosts, in_threads(_ask, hosts, n_threads=max(1, len(hosts))), strict=True))


def _ask(host: str) -> str | None:
    try:
        # As torch.hub fetches: through the proxies that the environment names.
        with urlopen(Request(host, method="HEAD"), timeout=_PATIENCE):  # noqa: S310 - no scheme but those above
            return None
    except HTTPError:
        # It answers, whatever it thinks of the question.
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        text = getattr(reason, "strerror", None) or first_line(reason if isinstance(reason, Exception) else error)
        return str(text).lower()
