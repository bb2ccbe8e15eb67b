"""Transformers of each family, small enough to be built and run in no time, as networks of one's own."""

from __future__ import annotations

from typing import Any

import timm
import torch
import torchvision

_SMALL: dict[str, Any] = {"embed_dim": 24, "depth": 2, "num_heads": 2, "num_classes": 5}


def _of_timm(name: str, side: int, **how: Any) -> Any:
    network = timm.create_model(name, img_size=side, **{**_SMALL, **how})
    # What weights of full size ask for is not what this one takes.
    network.pretrained_cfg["input_size"] = (3, side, side)
    return network


def dinov2() -> Any:
    """One class token, four registers, 4 x 4 patches; positions of the patches alone."""
    return _of_timm("vit_small_patch14_reg4_dinov2", 56)


def clip() -> Any:
    """One class token and 3 x 3 patches."""
    return _of_timm("vit_base_patch16_clip_224", 48)


def large() -> Any:
    """One class token and 28 x 28 patches."""
    return _of_timm("vit_base_patch16_clip_224", 448)


def distilled() -> Any:
    """Two class tokens and 3 x 3 patches."""
    return _of_timm("deit_tiny_distilled_patch16_224", 48)


def classless() -> Any:
    """3 x 3 patches alone, pooled by attention."""
    return _of_timm("vit_base_patch16_siglip_224", 48)


def as_many() -> Any:
    """4 x 4 patches of 16 numbers each, and nothing else."""
    return _of_timm("vit_base_patch16_siglip_224", 64, embed_dim=16)


def eva() -> Any:
    """One class token and 4 x 4 patches, rotated positions, one projection with parts of a bias."""
    return _of_timm("eva02_tiny_patch14_224", 56)


def dinov3() -> Any:
    """One class token, four registers and 4 x 4 patches, of the same class as `eva`."""
    return _of_timm("vit_small_patch16_dinov3", 64)


def registered() -> Any:
    """One register, no class token, and 4 x 4 patches, of that class too."""
    return _of_timm("vit_medium_patch16_rope_reg1_gap_256", 64)


def apart() -> Any:
    """The same with three projections."""
    return _of_timm("eva02_base_patch14_224", 56)


def flexible() -> Any:
    """Four registers, no class token, and as many patches as an image has."""
    network = timm.create_model("naflexvit_base_patch16_gap", **_SMALL)
    network.pretrained_cfg["input_size"] = (3, 48, 48)
    return network


def dynamic() -> Any:
    """As `clip`, for images of any size; its positions are made for another than it is fed."""
    network = timm.create_model("vit_base_patch16_clip_224", img_size=64, dynamic_img_size=True, **_SMALL)
    network.pretrained_cfg["input_size"] = (3, 48, 48)
    return network


def swin() -> Any:
    """28 x 28 patches, halved before the second stage; windows that are shifted."""
    network = timm.create_model(
        "swin_tiny_patch4_window7_224", img_size=112, embed_dim=12, depths=(2, 2), num_heads=(2, 2), num_classes=5
    )
    network.pretrained_cfg["input_size"] = (3, 112, 112)
    return network


def of_torchvision() -> Any:
    """torchvision's: one class token and 3 x 3 patches."""
    network = torchvision.models.VisionTransformer(
        image_size=48, patch_size=16, num_layers=2, num_heads=2, hidden_dim=24, mlp_dim=48, num_classes=5
    )
    return _fed(network, 48)


def swin_of_torchvision() -> Any:
    """torchvision's: 28 x 28 patches, halved before the second stage."""
    network = torchvision.models.SwinTransformer(
        [4, 4], embed_dim=12, depths=[2, 2], num_heads=[2, 2], window_size=[7, 7], num_classes=5
    )
    return _fed(network, 112)


def within() -> Any:
    """One of timm's within somebody's own."""
    return Around(dinov2())


class Around(torch.nn.Module):
    """Calls a network and adds a number to what it yields."""

    def __init__(self, trunk: Any) -> None:
        super().__init__()
        self.trunk = trunk
        self.pretrained_cfg = trunk.pretrained_cfg

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Run it."""
        output: torch.Tensor = self.trunk(images)
        return output + 1


class Last(timm.models.vision_transformer.VisionTransformer):
    """Has its class token behind the patches."""

    def _pos_embed(self, x: torch.Tensor) -> torch.Tensor:
        assert self.cls_token is not None
        return torch.cat([x, self.cls_token.expand(x.shape[0], -1, -1)], dim=1) + self.pos_embed


def last() -> Any:
    """One class token and 3 x 3 patches, in an order of its own."""
    return _fed(Last(img_size=48, **_SMALL), 48)


class Reordered(Around):
    """Runs the blocks of one of timm's on tokens that it joins itself, the class token behind the patches."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Run them."""
        patches = self.trunk.patch_embed(images)
        tokens = torch.cat([patches, self.trunk.cls_token.expand(len(images), -1, -1)], 1)
        output: torch.Tensor = self.trunk.blocks(tokens)
        return output


def reordered() -> Any:
    """One class token and 3 x 3 patches, in an order of its own, in blocks of timm's."""
    return Reordered(clip())


class Featured(Around):
    """Takes a network's features by its method."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Take them, of images in a size of its own."""
        larger = torch.nn.functional.interpolate(images, (48, 48), mode="bilinear")
        output: torch.Tensor = self.trunk.forward_features(larger)
        return output


def featured() -> Any:
    """One class token and 3 x 3 patches of images that somebody's own makes larger."""
    network = Featured(clip())
    network.pretrained_cfg["input_size"] = (3, 40, 40)
    return network


class Merged(torch.nn.Module):
    """Leaves one token out, so that there are as many as patches."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Leave out the last."""
        return tokens[:, :-1]


def merged() -> Any:
    """As `clip`, with a token less after its first block."""
    network = clip()
    network.blocks[0] = torch.nn.Sequential(network.blocks[0], Merged())
    return network


def _fed(network: Any, side: int) -> Any:
    network.pretrained_cfg = {"input_size": (3, side, side), "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    return network
