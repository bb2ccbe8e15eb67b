"""Hidden states of transformers' networks: which outputs of modules they are, and of which tokens."""

from __future__ import annotations

import inspect
import re
from typing import Any

from algocli.features.networks.tokens import ReadTokens, Shape, Tokens, in_sequence, is_kind

_MODELS = "transformers.models"
# Of each kind of transformer, how many tokens stand before its patches: those of classes, then registers if any.
_SEQUENCES = {
    f"{_MODELS}.vit.modeling_vit.ViTModel": 1,
    f"{_MODELS}.vit_msn.modeling_vit_msn.ViTMSNModel": 1,
    f"{_MODELS}.deit.modeling_deit.DeiTModel": 2,
    f"{_MODELS}.beit.modeling_beit.BeitModel": 1,
    f"{_MODELS}.data2vec.modeling_data2vec_vision.Data2VecVisionModel": 1,
    f"{_MODELS}.dinov2.modeling_dinov2.Dinov2Model": 1,
    f"{_MODELS}.dinov2_with_registers.modeling_dinov2_with_registers.Dinov2WithRegistersModel": 1,
    f"{_MODELS}.dinov3_vit.modeling_dinov3_vit.DINOv3ViTModel": 1,
    f"{_MODELS}.clip.modeling_clip.CLIPVisionModel": 1,
    f"{_MODELS}.siglip.modeling_siglip.SiglipVisionModel": 0,
    f"{_MODELS}.ijepa.modeling_ijepa.IJepaModel": 0,
}
_SWINS = (f"{_MODELS}.swin.modeling_swin.SwinModel", f"{_MODELS}.swinv2.modeling_swinv2.Swinv2Model")


def hidden_state(output: Any) -> Any:
    """Return the hidden state that a module yields, alone, or before what else it says of it."""
    state = getattr(output, "last_hidden_state", None)
    if state is not None:
        return state
    return output[0] if isinstance(output, tuple) and output else output


def read_tokens(module: Any, side: int) -> ReadTokens | None:
    """Return what tells the tokens of one of transformers' own vision transformers."""
    if is_kind(module, *_SEQUENCES):
        n_class = next(n for name, n in _SEQUENCES.items() if is_kind(module, name))
        n_side = side // module.config.patch_size
        n_registers = getattr(module.config, "num_register_tokens", 0) if n_class else 0
        embedding = next(name for name, _ in module.named_modules() if "patch_embedding" in name)
        return in_sequence((n_side, n_side), range(n_class), range(n_class, n_class + n_registers), embedding=embedding)
    if is_kind(module, *_SWINS):
        return lambda layer, shape: _read_swin(module.config, side, layer, shape)
    return None


def resize(module: Any, side: int) -> bool:
    """Let a network take images of another side, where it interpolates its positions by itself."""
    if not hasattr(module, "config") or getattr(module, "main_input_name", "") != "pixel_values":
        return False
    if "interpolate_pos_encoding" in inspect.signature(module.forward).parameters:
        module.register_forward_pre_hook(
            lambda _module, images, options: (images, {**options, "interpolate_pos_encoding": True}), with_kwargs=True
        )
    return True


def _read_swin(config: Any, side: int, layer: str, shape: Shape) -> Tokens | None:
    """Return the tokens of the embedding, of a block or of a stage, which stand in a row, not in windows."""
    found = re.fullmatch(
        r"(?:embeddings(?:\.norm|\.dropout)?|encoder\.layers\.(\d+)(\.blocks\.\d+)?|layernorm|encoder)", layer
    )
    if found is None:
        return None
    last = len(config.depths) - 1
    stage = int(found[1]) + (found[2] is None) if found[1] else (last if layer in ("layernorm", "encoder") else 0)
    n_side = side // config.patch_size // 2 ** min(stage, last)
    return in_sequence((n_side, n_side))(layer, shape)
