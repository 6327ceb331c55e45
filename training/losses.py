"""What the network is asked to get right, cell by cell."""

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from training.data import Batch
from training.network import PITCH_BINS, PITCH_FIRST_PX, PITCH_STEP, Maps

TIE = 0.2


def losses(maps: Maps, batch: Batch) -> dict[str, Tensor]:
    """Mean losses of one batch, each a scalar."""
    basket_known, judged_known, defects_known = (batch.known[:, i, None, None] for i in range(3))
    target = torch.stack([batch.basket, batch.judged], 1)
    surface_weight = torch.stack([basket_known, judged_known], 1).expand_as(target)
    surface = F.binary_cross_entropy_with_logits(maps.surface, target, reduction="none")
    surface = (surface * surface_weight).sum() / surface_weight.sum().clamp_min(1.0)
    focal = sigmoid_focal_loss(maps.defects, batch.defects, alpha=0.6, gamma=2.0)
    weight = ((0.1 + batch.basket) * defects_known)[:, None].expand_as(focal)
    defects = (focal * weight).sum() / weight.sum().clamp_min(1.0)
    angle, pitch = strand_losses(maps, batch)
    return {"surface": surface, "defects": 100.0 * defects, "angle": angle, "pitch": pitch}


def strand_losses(maps: Maps, batch: Batch) -> tuple[Tensor, Tensor]:
    """Direction and pitch of both families; either order counts where both are near 45 degrees."""
    steps = batch.steps[..., 1::2, 1::2]
    read = batch.read[..., 1::2, 1::2]
    n, _, h, w = steps.shape
    vectors = steps.reshape(n, 2, 2, h, w)
    steep = vectors[:, :, 1].abs() / vectors.norm(dim=2).clamp_min(1e-3)
    swap = steep[:, 0] < steep[:, 1]
    vectors = torch.where(swap[:, None, None], vectors.flip(1), vectors)
    tie = (steep[:, 0] - steep[:, 1]).abs() < TIE
    straight, crossed = _strand_terms(maps, vectors), _strand_terms(maps, vectors.flip(1))
    choose = tie & (sum(crossed) < sum(straight)).detach()
    total = read.sum().clamp_min(1.0)
    angle, pitch = (torch.where(choose, c, s) for s, c in zip(straight, crossed, strict=True))
    return (angle * read).sum() / total, (pitch * read).sum() / total


def _strand_terms(maps: Maps, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Per cell (N, h, w): squared error of the double-angle vector, cross-entropy over pitch bins."""
    length = vectors.norm(dim=2).clamp_min(1e-3)
    cos, sin = vectors[:, :, 0] / length, vectors[:, :, 1] / length
    double = torch.stack([cos * cos - sin * sin, 2 * cos * sin], 2)
    angle = ((maps.angle - double) ** 2).sum(2).mean(1)
    position = (torch.log(length / PITCH_FIRST_PX) / PITCH_STEP).clamp(0, PITCH_BINS - 1)
    bins = torch.arange(PITCH_BINS, device=position.device).view(1, 1, -1, 1, 1)
    target = torch.softmax(-0.5 * ((bins - position[:, :, None]) / 0.6) ** 2, dim=2)
    pitch = -(target * F.log_softmax(maps.pitch, dim=2)).sum(2).mean(1)
    return angle, pitch
