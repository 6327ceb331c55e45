"""From a photo to its maps: the only place that runs the network.

It looks twice to measure. The first look sees the whole photo small, and finds the basket and roughly how far its
strands lie apart. The second sees the basket alone, scaled so that a strand is as wide as the network
knows best; so a near photo and a far one look alike to it.

Faults are judged from half as close, where a strand's neighbours are in view too, and in a mirror: an eye that tires
of one view sees another one afresh. Only what every view calls faulty is loud.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.enclosed import fill_enclosed
from qc_vision.model import Model, ModelManifest
from qc_vision.photo import Photo
from qc_vision.region import Box
from qc_vision.weave import FeatureMap, FloatMap, StrandField, WeaveMap

SURFACE_STRIDE = 4
STRAND_STRIDE = 8
MARGIN = 0.06
"""Room left around the basket at the second look, as a share of its box."""
MAX_ENLARGEMENT = 4.0
FAINTEST = 1e-3
"""Probabilities below this are alike when views are joined: one view alone cannot silence the others altogether."""
JUDGED_POWER = 2
"""Rims, insides and what lies beside a basket look more like faults than like weave that can be judged: that doubt
counts twice. Chosen among 1, 1.5, 2 and 3 on path-traced and planted photos, see training/LOG.md."""
ENCLOSED_LOGITS = 6.0
"""What lies behind a hole looks neither like weave nor like a fault. But inside the weave a place that is none is far more often
a fault than a place anywhere: so much is added to the logit of the fault there, in proportion to how much less it looks like
weave than its brim. Chosen among 0, 3, 4, 5, 6 and 8, as above."""
SNAP_BOX = 40
SNAP_SCALE = 4
"""The second look's box lies on a grid of so many parts of the photo's long side, its scale on a ladder of so
many steps to the doubling: the same photo, sent again by another messenger, is then seen in the same way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One pass of the network. `origin_px` and `scale` (input px per photo px) place it in the photo."""

    maps: dict[str, NDArray[np.float32]]
    origin_px: tuple[float, float]
    scale: float


class Perceiver:
    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def manifest(self) -> ModelManifest:
        return self._model.manifest

    def perceive(self, photo: Photo) -> WeaveMap:
        """All maps of the photo, in the frame of the full-size upright photo."""
        whole = (0.0, 0.0, float(photo.width), float(photo.height))
        side = max(photo.width, photo.height)
        first = self._look(photo, box=whole, scale=self.manifest.first_look_px / side)
        basket = first.maps["surface"][0]
        box = _box_of(basket if basket.max() > 0.5 else np.ones_like(basket), first, photo)
        pitch_px = self._finer_pitch(first)
        if pitch_px is None:
            second = self._look(photo, box=box, scale=min(self._largest_scale(box), 1.0))
            return _combine(photo, first, second, (second,), self.manifest)
        second = self._look(photo, box=box, scale=self._scale(photo, box, pitch_px, self.manifest.strand_px))
        judged_at = self._scale(photo, box, pitch_px, self.manifest.judged_px)
        views = (
            first,
            self._look(photo, box=box, scale=judged_at),
            self._look(photo, box=box, scale=judged_at, mirrored=True),
        )
        return _combine(photo, first, second, views, self.manifest)

    def _finer_pitch(self, first: Look) -> float | None:
        """How far the strands of the finer family lie apart, in px of the photo; None without weave."""
        pitch = _decode_pitch(first.maps["pitch"], self.manifest)[0]
        weight = cv2.resize(first.maps["surface"][1], pitch.shape[:0:-1], interpolation=cv2.INTER_AREA)
        if weight.max() < 0.5:
            return None
        return float(np.median(np.minimum(pitch[0], pitch[1])[weight > 0.5])) / first.scale

    def _scale(self, photo: Photo, box: Box, pitch_px: float, wanted_px: float) -> float:
        """Input px per photo px at which strands lie `wanted_px` apart, as far as there are pixels for it."""
        return min(
            _snap(wanted_px / pitch_px),
            self._largest_scale(box),
            MAX_ENLARGEMENT / photo.reduction,
        )

    def _largest_scale(self, box: Box) -> float:
        return self.manifest.second_look_px / max(box[2] - box[0], box[3] - box[1])

    def _look(self, photo: Photo, *, box: Box, scale: float, mirrored: bool = False) -> Look:
        """Runs the network over a box of the photo (px), resampled by `scale` and padded to whole cells. What is seen
        `mirrored` is turned back; but its angles and families are those of the mirror image."""
        k = photo.reduction
        x0, y0 = int(box[0] // k), int(box[1] // k)
        crop = photo.pixels[y0 : int(np.ceil(box[3] / k)), x0 : int(np.ceil(box[2] / k))]
        m = self.manifest.size_multiple
        width, height = max(m, round(crop.shape[1] * k * scale)), max(m, round(crop.shape[0] * k * scale))
        shrinks = width < crop.shape[1]
        resized = cv2.resize(
            crop, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
        padded = cv2.copyMakeBorder(resized, 0, -height % m, 0, -width % m, cv2.BORDER_REFLECT_101)
        seen = padded[:, ::-1] if mirrored else padded
        maps = self._model.run(np.ascontiguousarray(seen, dtype=np.uint8))
        if mirrored:
            maps = {name: np.ascontiguousarray(values[..., ::-1]) for name, values in maps.items()}
        return Look(maps=maps, origin_px=(x0 * k, y0 * k), scale=width / (crop.shape[1] * k))


def _snap(scale: float) -> float:
    return float(2 ** (round(np.log2(scale) * SNAP_SCALE) / SNAP_SCALE))


def _box_of(basket: FloatMap, look: Look, photo: Photo) -> Box:
    """The box round everything that is basket, with a margin, in px of the photo."""
    ys, xs = np.nonzero(basket > 0.5)
    cell = SURFACE_STRIDE / look.scale
    x0, x1 = float(xs.min()) * cell, float(xs.max() + 1) * cell
    y0, y1 = float(ys.min()) * cell, float(ys.max() + 1) * cell
    room = MARGIN * max(x1 - x0, y1 - y0)
    grid = max(photo.width, photo.height) / SNAP_BOX
    return (
        max(0.0, min(np.floor((x0 - room) / grid) * grid, photo.width - 1.0)),
        max(0.0, min(np.floor((y0 - room) / grid) * grid, photo.height - 1.0)),
        min(float(photo.width), np.ceil((x1 + room) / grid) * grid),
        min(float(photo.height), np.ceil((y1 + room) / grid) * grid),
    )


def _decode_pitch(pitch: NDArray[np.float32], manifest: ModelManifest) -> tuple[FloatMap, FloatMap]:
    """From (2, B, h, w) probabilities over bins of ln(pitch) to pitch in input px and sigma of its ln.

    The value is the mean within two bins of the highest one, so that a doubt between a strand and its
    double does not end between them; the sigma is that of the whole distribution, and shows the doubt.
    """
    bins = pitch.shape[1]
    position = np.arange(bins, dtype=np.float32).reshape(1, bins, 1, 1)
    peak = pitch.argmax(axis=1)[:, None]
    near = np.where(np.abs(position - peak) <= 2, pitch, 0.0)
    mean = (near * position).sum(1) / np.maximum(near.sum(1), 1e-9)
    spread = np.sqrt((pitch * (position - mean[:, None]) ** 2).sum(1))
    value = manifest.pitch_first_px * np.exp(mean * manifest.pitch_log_step)
    return value.astype(np.float32), (spread * manifest.pitch_log_step).astype(np.float32)


def _combine(
    photo: Photo, first: Look, second: Look, views: Sequence[Look], manifest: ModelManifest
) -> WeaveMap:
    """Lays both looks on one grid over the whole photo; the second counts wherever it looked.

    But basket is only what both call so: close by, marble or gravel looks like weave; from afar, the table does
    not look like a basket.
    """
    cell = SURFACE_STRIDE / second.scale
    size = (int(np.ceil(photo.height / cell)), int(np.ceil(photo.width / cell)))
    seen = _seen(second, cell, size)

    def surface(look: Look, values: NDArray[np.float32]) -> FloatMap:
        return _resample(values, look, SURFACE_STRIDE, cell, size)

    from_afar, close_by = (surface(look, look.maps["surface"][0]) for look in (first, second))
    basket = np.where(seen, np.minimum(from_afar, close_by), from_afar)
    judged = np.where(seen, surface(second, second.maps["surface"][1]), 0.0)
    opinions = (
        _opinion(
            np.stack([surface(view, d) for d in view.maps["defects"]]),
            surface(view, view.maps["surface"][1]),
        )
        for view in views
    )
    # added up as they come: of a small basket in a large photo one opinion takes 100 MB
    doubt = sum(np.log(np.maximum(opinion, FAINTEST)) for opinion in opinions)
    defects = np.exp(doubt / len(views)) * seen
    fields = _strand_fields(second, cell, size, judged, manifest)
    return WeaveMap(
        px_per_cell=cell,
        basket=_fixed(basket),
        weft=fields[0],
        warp=fields[1],
        defects=_fixed(defects),
        codes=manifest.codes,
        crests=FeatureMap(values=_fixed(second.maps["crests"]), origin_px=second.origin_px, px_per_cell=cell),
        features=FeatureMap(
            values=_fixed(second.maps["features"]), origin_px=second.origin_px, px_per_cell=cell
        ),
        interval_factor=manifest.interval_factor,
    )


def _opinion(faults: NDArray[np.float32], judged: FloatMap) -> NDArray[np.float32]:
    """(k, h, w) how likely each fault is, where there is weave to judge or a place that it encloses."""
    whole = fill_enclosed(judged)
    any_fault = faults.max(axis=0).clip(FAINTEST**2, 1 - FAINTEST**2)
    odds = any_fault / (1 - any_fault) * np.exp(ENCLOSED_LOGITS * (whole - judged))
    return np.asarray(faults * (odds / (1 + odds) / any_fault * whole**JUDGED_POWER))


def _strand_fields(
    look: Look, cell: float, size: tuple[int, int], judged: FloatMap, manifest: ModelManifest
) -> tuple[StrandField, StrandField]:
    pitch, sigma = _decode_pitch(look.maps["pitch"], manifest)

    def lay(values: NDArray[np.float32]) -> FloatMap:
        return _resample(values, look, STRAND_STRIDE, cell, size)

    def family(index: int) -> StrandField:
        cos, sin = (lay(v) for v in look.maps["angle"][index])
        return StrandField(
            angle_rad=_fixed(np.mod(np.arctan2(sin, cos) / 2, np.pi)),
            pitch_px=_fixed(lay(pitch[index]) / look.scale),
            pitch_log_sigma=_fixed(lay(sigma[index])),
            direction_score=_fixed(np.clip(np.hypot(cos, sin), 0, 1) * judged),
        )

    return family(0), family(1)


def _seen(look: Look, cell: float, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Cells of the grid that the look covered."""
    h, w = look.maps["surface"].shape[1:]
    k = SURFACE_STRIDE / look.scale
    y = (np.arange(size[0]) + 0.5) * cell
    x = (np.arange(size[1]) + 0.5) * cell
    inside_y = (y >= look.origin_px[1]) & (y < look.origin_px[1] + h * k)
    inside_x = (x >= look.origin_px[0]) & (x < look.origin_px[0] + w * k)
    return np.asarray(inside_y[:, None] & inside_x[None, :])


def _resample(
    values: NDArray[np.float32], look: Look, stride: int, cell: float, size: tuple[int, int]
) -> FloatMap:
    """Brings one map of a look onto the photo's grid (cell centres meet), bilinearly."""
    step = cell * look.scale / stride
    shift = [(0.5 * cell - o) * look.scale / stride - 0.5 for o in look.origin_px]
    affine = np.array([[step, 0, shift[0]], [0, step, shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(values, affine, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, dtype=np.float32)


def _fixed(values: NDArray[np.floating]) -> FloatMap:
    fixed = np.ascontiguousarray(values, dtype=np.float32)
    fixed.flags.writeable = False
    return fixed
