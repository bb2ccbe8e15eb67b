"""Attention's query, key and value as layers: 'blocks.3.attn:query', by whatever 'blocks.3.attn' projects its tokens.

They are what is projected of each token, before any norm, rotation or scaling: of one projection for all three its
first, second and last third, of three projections what each yields, and of torch's own attention, and torchvision's in
windows, which compute them within, its input times its weights.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch
from torch import fx

from algocli.features.networks.tokens import is_kind

WORDS = ("query", "key", "value")
# How three projections of one module are called.
_SEPARATE = (("q", "k", "v"), ("q_proj", "k_proj", "v_proj"), WORDS, ("to_q", "to_k", "to_v"))
_WINDOWED = (
    "torchvision.models.swin_transformer.ShiftedWindowAttention",
    "torchvision.models.swin_transformer.ShiftedWindowAttentionV2",
)
# In code that parts what one projection yields into thirds, and these into heads; others have the heads first.
_THIRDS = re.compile(r"\b3\s*,\s*(self\.)?(num_heads|n_heads|nhead|heads)\b")


@dataclass(frozen=True)
class Part:
    """A query, key or value.

    Parameters
    ----------
    module
        Whose call has it: a projection, or attention that computes it within.
    place
        0, 1 or 2, of query, key and value; None where the module yields nothing else.
    weight, bias
        By which the module's input is projected; None where it is the module's output.
    """

    module: str
    place: int | None
    weight: str | None = None
    bias: str | None = None

    def of_call(self, module: torch.nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> Any:
        """Return it of a call of the module."""
        if self.weight is None:
            return output if self.place is None else third(output, self.place)
        bias = None if self.bias is None else attrgetter(self.bias)(module)
        tokens = self._input(module, inputs, named)
        return project(tokens, attrgetter(self.weight)(module), bias, self.place or 0, _is_first(module))

    def insert(self, network: torch.nn.Module, graph: fx.Graph) -> tuple[fx.Node, fx.Node] | None:
        """Add it to a graph; return its node, and that which it belongs to, or None where it is not to be had."""
        calls = [node for node in graph.nodes if self._is_called(node)]
        if len(calls) != 1:
            return None
        call, module = calls[0], network.get_submodule(self.module)
        if self.weight is None and self.place is None:
            return call, call
        arguments: tuple[Any, ...] = (call, self.place)
        if self.weight is not None:
            with graph.inserting_before(call):
                weight = graph.get_attr(f"{self.module}.{self.weight}")
                bias = None if self.bias is None else graph.get_attr(f"{self.module}.{self.bias}")
            tokens = self._input(module, call.args, call.kwargs)
            arguments = (tokens, weight, bias, self.place or 0, _is_first(module))
        with graph.inserting_after(call):
            return graph.call_function(third if self.weight is None else project, arguments), call

    def _is_called(self, node: fx.Node) -> bool:
        """Say whether a node calls the module, or does what it does with its weights."""
        if node.op == "call_module":
            return node.target == self.module
        weight = self.weight or "weight"
        used = [one for one in node.all_input_nodes if one.op == "get_attr"]
        # Not those that were added for another of the three.
        is_own = node.op == "call_function" and node.target is not project
        return is_own and any(one.target == f"{self.module}.{weight}" for one in used)

    def _input(self, module: torch.nn.Module, inputs: tuple[Any, ...], named: Any) -> Any:
        if isinstance(module, torch.nn.MultiheadAttention) and self.place is not None:
            return inputs[self.place] if len(inputs) > self.place else named[WORDS[self.place]]
        return inputs[0]


def find_parts(network: torch.nn.Module) -> dict[str, Part]:
    """Return the queries, keys and values of a network, by name."""
    found = {}
    for name, module in network.named_modules():
        if name:
            for word, part in zip(WORDS, _parts_of(name, module), strict=False):
                found[f"{name}:{word}"] = part
    return found


def third(output: torch.Tensor, place: int) -> torch.Tensor:
    """Return a third of what a projection yields, (..., 3 n) to (..., n)."""
    return output.chunk(3, -1)[place]


def project(
    tokens: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, place: int, images_first: bool
) -> torch.Tensor:
    """Project tokens by a third of the rows of a weight, (3 n, n_numbers), as attention does it within."""
    projected = torch.nn.functional.linear(
        tokens, weight.chunk(3)[place], None if bias is None else bias.chunk(3)[place]
    )
    return projected if images_first else projected.transpose(0, 1)


def _parts_of(name: str, module: torch.nn.Module) -> Iterator[Part]:
    if isinstance(module, torch.nn.MultiheadAttention):
        # Of keys and values of another size it has three weights.
        if module.in_proj_weight is not None:
            bias = None if module.in_proj_bias is None else "in_proj_bias"
            yield from (Part(name, place, "in_proj_weight", bias) for place in range(3))
        return
    if is_kind(module, *_WINDOWED):
        # The second version leaves out the bias of the key.
        has_bias = [attrgetter("qkv.bias")(module) is not None] * 3
        has_bias[1] &= not hasattr(module, "logit_scale")
        yield from (Part(name, place, "qkv.weight", "qkv.bias" if has_bias[place] else None) for place in range(3))
        return
    children = {child: part for child, part in module.named_children() if isinstance(part, torch.nn.Linear)}
    if "qkv" in children and children["qkv"].out_features % 3 == 0 and _is_in_thirds(module):
        yield from (Part(f"{name}.qkv", place) for place in range(3))
        return
    for names in _SEPARATE:
        if set(names) <= children.keys():
            yield from (Part(f"{name}.{child}", None) for child in names)
            return


def _is_in_thirds(module: torch.nn.Module) -> bool:
    with suppress(OSError, TypeError):
        return bool(_THIRDS.search(inspect.getsource(type(module))))
    return False


def _is_first(module: torch.nn.Module) -> bool:
    """Say whether the first axis of a module's input is that of images."""
    return bool(getattr(module, "batch_first", True))
