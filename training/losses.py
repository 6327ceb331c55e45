"""What the network is asked to get right, cell by cell."""

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data import Batch
from training.network import PITCH_BINS, PITCH_FIRST_PX, PITCH_STEP, Maps

TIE = 0.2
CREST_MIN_PX = 9.0
"""Strands closer than this cannot be drawn on cells of 4 px."""
OUTSIDE = 0.4
"""Weight of what is not judged weave: rims, insides, background must not look faulty either, but matter less."""
JUDGED_PX = (7.0, 32.0)
"""Faults are judged where the finer strands lie about 12 px apart, and in the whole photo: within these bounds."""
ELSEWHERE = 0.15
"""Weight of a fault's cells, and of its photo, beyond them."""
FAULTY = 4.0
LOUDEST_CELLS = 8
"""How many cells make up a photo's own score: about the smallest fault worth a look."""
FAULT_WEIGHT, PHOTO_WEIGHT, CODE_WEIGHT, CREST_WEIGHT = 12.0, 0.25, 0.5, 1.5


def losses(maps: Maps, batch: Batch) -> dict[str, Tensor]:
    """Mean losses of one batch, each a scalar."""
    basket_known, judged_known, defects_known, crests_known = (
        batch.known[:, i, None, None] for i in range(4)
    )
    target = torch.stack([batch.basket, batch.judged], 1)
    surface_weight = torch.stack([basket_known, judged_known], 1).expand_as(target)
    surface = F.binary_cross_entropy_with_logits(maps.surface, target, reduction="none")
    surface = (surface * surface_weight).sum() / surface_weight.sum().clamp_min(1.0)
    fault, photo, code = _fault_losses(maps, batch, defects_known)
    angle, pitch, crests = _strand_losses(maps, batch, crests_known)
    return {
        "surface": surface,
        "fault": FAULT_WEIGHT * fault,
        "photo": PHOTO_WEIGHT * photo,
        "code": CODE_WEIGHT * code,
        "crests": CREST_WEIGHT * crests,
        "angle": angle,
        "pitch": pitch,
    }


def _fault_losses(maps: Maps, batch: Batch, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Is a cell faulty; is the photo, by its loudest cells; and which code is it, where one is."""
    logits, target, labelled = maps.fault[:, 0], batch.defects.amax(1), known[:, 0, 0]
    scale = _judged_scale(batch)
    known = known * batch.sure
    where = torch.where(batch.judged > 0.5, 1.0, OUTSIDE) * (1 + (FAULTY - 1) * target) * known * scale
    fault = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    fault = (fault * where).sum() / where.sum().clamp_min(1.0)

    flat = torch.where(batch.judged > 0.5, logits, -12.0).flatten(1)
    loudest = flat.topk(LOUDEST_CELLS, dim=1).values.mean(1)
    faulty = ((target * batch.sure).flatten(1).amax(1) > 0.5).float()
    sure = labelled * ((faulty > 0) | (target.flatten(1).amax(1) < 0.1))
    sure = sure * (scale * batch.judged).mean((1, 2)) / batch.judged.mean((1, 2)).clamp_min(1e-3)
    photo = F.binary_cross_entropy_with_logits(loudest, faulty, reduction="none")
    photo = (photo * sure).sum() / sure.sum().clamp_min(1.0)

    here = (target > 0.4).float()[:, None] * known[:, None]
    code = F.binary_cross_entropy_with_logits(maps.defects, batch.defects, reduction="none").mean(
        1, keepdim=True
    )
    return fault, photo, (code * here).sum() / here.sum().clamp_min(1.0)


def _judged_scale(batch: Batch) -> Tensor:
    """(N, h, w) 1 where strands lie as far apart as they do where faults are judged, or where there are none."""
    n, _, h, w = batch.steps.shape
    finer_px = batch.steps.reshape(n, 2, 2, h, w).norm(dim=2).amin(1)
    fits = (finer_px > JUDGED_PX[0]) & (finer_px < JUDGED_PX[1])
    return torch.where(fits | (finer_px == 0), 1.0, ELSEWHERE)


def _strand_losses(maps: Maps, batch: Batch, crests_known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Direction, pitch and crests of both families; either order counts where both are near 45 degrees."""
    n, _, h4, w4 = batch.steps.shape
    vectors = batch.steps[..., 1::2, 1::2].reshape(n, 2, 2, h4 // 2, w4 // 2)
    read = batch.read[..., 1::2, 1::2]
    steep = vectors[:, :, 1].abs() / vectors.norm(dim=2).clamp_min(1e-3)
    swap = steep[:, 0] < steep[:, 1]
    vectors = torch.where(swap[:, None, None], vectors.flip(1), vectors)
    tie = (steep[:, 0] - steep[:, 1]).abs() < TIE
    straight, crossed = _strand_terms(maps, vectors), _strand_terms(maps, vectors.flip(1))
    choose = tie & (sum(crossed) < sum(straight)).detach()
    total = read.sum().clamp_min(1.0)
    angle, pitch = (torch.where(choose, c, s) for s, c in zip(straight, crossed, strict=True))

    flip = F.interpolate((swap ^ choose)[:, None].float(), scale_factor=2, mode="nearest") > 0.5
    crests = torch.where(flip, batch.crests.flip(1), batch.crests)
    length = batch.steps.reshape(n, 2, 2, h4, w4).norm(dim=2)
    length = torch.where(flip, length.flip(1), length)
    drawn = (length > CREST_MIN_PX) * batch.read[:, None] * crests_known[:, None]
    error = (maps.crests - crests).square()
    return (
        (angle * read).sum() / total,
        (pitch * read).sum() / total,
        (error * drawn).sum() / drawn.sum().clamp_min(1.0),
    )


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
