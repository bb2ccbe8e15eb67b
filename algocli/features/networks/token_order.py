"""Whether tokens stand where a network's class has them: code of one's own may put them in another order.

Before attention lets them meet, what changes in a corner of the image changes the token of the patch there most.
"""

from __future__ import annotations

from typing import Any

import torch

from algocli.features.networks.tokens import ReadTokens, Tokens


def in_place(network: torch.nn.Module, part: torch.nn.Module, read: ReadTokens, images: torch.Tensor) -> bool:
    """Say whether three corners of an image come to the tokens of their patches; so it is where nothing can be seen.

    Parameters
    ----------
    part
        The module of the network that has the tokens.
    read
        What tells them.
    images : (1, n_channels, side, side)
        One without detail.
    """
    heard: list[tuple[Tokens, torch.Tensor]] = []

    def hear(_module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        given = inputs[0] if inputs else None
        if not heard and isinstance(given, torch.Tensor) and len(given) == len(corners):
            tokens = read("", tuple(given.shape[1:]))
            if tokens is not None:
                heard.append((tokens, tokens.by_token(given).clone()))

    corners = images.repeat(4, 1, 1, 1)
    # A quarter of a quarter: what else than its patch it touches, it touches less.
    side = max(1, images.shape[-1] // 64)
    corners[1, :, :side, :side] += 1
    corners[2, :, :side, -side:] += 1
    corners[3, :, -side:, :side] += 1
    hooks = [module.register_forward_pre_hook(hear) for module in part.modules()]
    try:
        network(corners)
    finally:
        for hook in hooks:
            hook.remove()
    if not heard:
        return True
    tokens, given = heard[0]
    changed = (given[1:] - given[:1]).abs().sum(-1).argmax(-1).tolist()
    rows, columns = tokens.grid
    return changed == [tokens.patches[place] for place in (0, columns - 1, (rows - 1) * columns)]
