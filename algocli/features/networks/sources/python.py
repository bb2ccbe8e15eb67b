"""Networks of one's own: what a callable of a Python module gives."""

from __future__ import annotations

import importlib
from pathlib import Path

from algocli.compute.choices import did_you_mean
from algocli.compute.foreign import in_reach
from algocli.errors import UsageError
from algocli.features.networks.network import Network, NetworkRequest, as_network, call, is_network, refused

PREFIX = "python:"


def build(request: NetworkRequest) -> Network:
    """Build what a callable of a Python module returns; modules in the current folder are found too.

    Raises
    ------
    UsageError
        If there is no such module or callable, or it gives no network.
    """
    model = f"python:{request.name}"
    module_name, _, name = request.name.partition(":")
    if not module_name or not name:
        raise UsageError(f"{model} is not written as python:MODULE:CALLABLE")
    # As `python -m` finds them.
    with in_reach(Path.cwd(), first=True):
        try:
            module = importlib.import_module(module_name)
            named = getattr(module, name, None)
            network = call(named, request) if callable(named) and not is_network(named) else named
        # It is the user's own code: whatever it raises is told with the place it was raised for.
        except Exception as error:
            raise refused(model, error) from error
    if named is None:
        raise UsageError(f"{module_name} has no callable '{name}'{did_you_mean(name, vars(module))}")
    return as_network(model, model, network, request)
