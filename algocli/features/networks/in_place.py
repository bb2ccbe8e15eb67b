"""What a traced network does in place: found, told apart from what cannot be undone, and rewritten.

A layer that the next operation writes into would be stored as that operation left it.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import torch
from torch import fx

# relu_ and add_, which write into their input; neither requires_grad_ nor __add__.
_MARKED = re.compile(r"(?!_|requires_grad_)\w+[a-z0-9]_")


def leaves_its_mark(node: fx.Node, network: torch.nn.Module) -> bool:
    """Say whether something else sees what a node does in place: a graph without it would compute another number."""
    if not _is_in_place(node, network):
        return False
    order = list(node.graph.nodes)
    later = [
        user for source in node.all_input_nodes[:1] for user in source.users if order.index(user) > order.index(node)
    ]
    return not node.users or bool(later) or (node.op != "call_module" and _pure(node) is None)


def _is_in_place(node: fx.Node, network: torch.nn.Module) -> bool:
    if node.op == "call_module":
        module = network.get_submodule(str(node.target))
        # Dropout does nothing here, in place or not.
        return bool(getattr(module, "inplace", False)) and not isinstance(module, torch.nn.modules.dropout._DropoutNd)
    name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
    if node.op == "call_function" and _inplace_argument(node)[1]:
        return True
    return node.op in ("call_method", "call_function") and bool(_MARKED.fullmatch(name))


def keep_input(node: fx.Node, network: torch.nn.Module) -> None:
    """Have a node return what it would write into its input: an activation would rectify the layer asked for."""
    if not _is_in_place(node, network):
        return
    if node.op == "call_module":
        network.get_submodule(str(node.target)).inplace = False  # type: ignore[assignment]
        return
    place, given = _inplace_argument(node)
    if given:
        # It is the last argument wherever there is one.
        node.args, node.kwargs = node.args[:place], {**node.kwargs, "inplace": False}
    else:
        node.target = _pure(node) or node.target


def _pure(node: fx.Node) -> Any:
    """Return what a call in place is called where it returns a new tensor; None where there is no such thing."""
    if node.op == "call_function" and _inplace_argument(node)[1]:
        return node.target
    if node.op == "call_method":
        bare = str(node.target).removesuffix("_")
        return bare if hasattr(torch.Tensor, bare) else None
    return getattr(torch, getattr(node.target, "__name__", "").removesuffix("_"), None)


def _inplace_argument(node: fx.Node) -> tuple[int, bool]:
    """Return the place and the value of a function's argument `inplace`; False where it has none."""
    if node.op != "call_function" or not callable(node.target):
        return 0, False
    try:
        place = list(inspect.signature(node.target).parameters).index("inplace")
    except (TypeError, ValueError):
        return 0, False
    return place, bool(node.args[place] if len(node.args) > place else node.kwargs.get("inplace", False))
