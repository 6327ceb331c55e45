"""All that is true of a rendered photo beyond what the network learns: which strand lies on top, how the wall is
turned, how large things are in mm, every fault by itself, the camera and the card.

Put together when asked for, and never stored: a shard of the cache holds `Picture`s alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.render.camera import Camera
from training.render.fabric import LOBED, FabricPlan
from training.render.shape import Face
from training.render.truth import LaidCard, Picture, Truth, Window

NO_STRAND, WEFT, WARP = 0, 1, 2
BRAID_MM = {"hyacinth": (12.5, 25.0)}
ROPE_MM = {"hyacinth": (5.0, 10.0), "mendong": (4.2, 7.1), "banana": (5.0, 10.0)}
FLAT_MM = {"hyacinth": (6.7, 12.5), "mendong": (3.3, 5.0)}
OTHER_MM = 4.0, 12.0
"""How far rows lie apart. Hyacinth: braid of three 4 to 8 rows per 10 cm, rope 10 to 20, pressed stem 8 to 15; mendong:
rope 14 to 24, strip 20 to 30; banana: rope 10 to 20. What is known of such strands, until a buyer's samples are
measured; of palm, willow and all the rest less is known than that."""
STAKES_MM = 50.0
"""No farther apart than this do stakes stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WovenFace:
    """What drawing a face leaves behind, all of it over a box of the canvas: where the weft lies on top (None: nobody
    knows), and where no strand shows at all (`bare`)."""

    layer: int
    window: Window
    face: Face
    weft: Tensor | None
    bare: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class WovenBasket:
    """`pitch` of the rows in canvas px where the basket is nearest, `aspect` of the stakes' pitch to it. `scanned`: a
    surface of real weave, which nobody has counted strand by strand."""

    plan: FabricPlan
    shape: str
    scanned: bool
    pitch: float
    aspect: float
    faces: tuple[WovenFace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketTruth:
    """One basket, and how the camera sees it: photo px per mm where it is nearest, and the focal length in photo px
    (infinite: from afar)."""

    plan: FabricPlan
    shape: str
    scanned: bool
    row_mm: float
    stake_mm: float
    px_per_mm: float
    focal_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One fault: `mask` (n, n) of the pixels that show it, the longest extent of what they show on the wall
    (`severity_mm`), its area there, and the number of its basket, from 1."""

    code: str
    basket: int
    mask: NDArray[np.bool_]
    severity_mm: float
    area_mm2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTruth:
    """A printed card: `corners` (4, 2), (x, y) px, clockwise, perhaps outside the photo; sides of the markers in its
    corners in px, along its first and its second edge; the share of it that is in view."""

    corners: NDArray[np.float64]
    marker_px: tuple[float, float]
    visible: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All that is true of one photo, on its own n x n pixels.

    `basket` (n, n) uint8: which of `baskets` shows, from 1, else 0. `strand` (n, n) uint8: WEFT, WARP, or NO_STRAND in
    gaps, on rims and handles, and on weave that nobody has counted. `steps_px` (4, n, n): image vectors (x, y)
    from one row to the next and from one stake to the next; `pitch_mm` (2, n, n): their lengths on the wall; 0 where
    nobody knows. `normal` (3, n, n): of the wall, not of its strands, x right, y down, z towards the camera, of length
    1; 0 off the wall.
    """

    picture: Picture
    basket: NDArray[np.uint8]
    strand: NDArray[np.uint8]
    steps_px: NDArray[np.float32]
    pitch_mm: NDArray[np.float32]
    normal: NDArray[np.float32]
    instances: tuple[Instance, ...]
    baskets: tuple[BasketTruth, ...]
    cards: tuple[CardTruth, ...]
    camera: Camera

    @property
    def waves_per_px(self) -> NDArray[np.float32]:
        """(4, n, n): wave vectors (x, y) of rows and of stakes, in strands per px and square to them, which steps are
        only where the two families cross at right angles; 0 where nobody knows."""
        rx, ry, sx, sy = self.steps_px
        area = rx * sy - ry * sx
        waves = np.stack([sy, -sx, -ry, rx]) / np.where(area == 0, 1, area)
        return np.where(area == 0, 0, waves).astype(np.float32)


def survey(
    picture: Picture,
    truth: Truth,
    woven: list[WovenBasket],
    *,
    camera: Camera,
    oversampling: int,
    rng: np.random.Generator,
) -> Survey:
    """Puts together what drawing left behind. `rng` draws how large each basket is in mm, on which no pixel depends."""
    n = truth.layer.shape[0]
    strand = torch.zeros(n, n, dtype=torch.uint8)
    steps, pitch_mm, normal = torch.zeros(4, n, n), torch.zeros(2, n, n), torch.zeros(3, n, n)
    baskets = [_measured(basket, oversampling, rng) for basket in woven]
    for basket, facts in zip(woven, baskets, strict=True):
        mm_per_px = facts.row_mm / basket.pitch
        for w in basket.faces:
            inner = (slice(None), *w.window)
            shown = truth.layer[w.window] == w.layer
            normal[inner] = torch.where(shown, _unit(w.face), normal[inner])
            if not basket.scanned:
                own = truth.steps[inner].nan_to_num(0.0, 0.0, 0.0)
                steps[inner] = torch.where(shown, own, steps[inner])
                pitch_mm[inner] = torch.where(shown, _lengths(w.face, own) * mm_per_px, pitch_mm[inner])
            if w.weft is not None:
                on_top = torch.where(w.weft, WEFT, WARP).masked_fill(w.bare, NO_STRAND).to(torch.uint8)
                strand[w.window] = torch.where(shown, on_top, strand[w.window])
    thinned = (..., slice(None, None, oversampling), slice(None, None, oversampling))
    return Survey(
        picture=picture,
        basket=truth.basket[thinned].numpy(),
        strand=strand[thinned].numpy(),
        steps_px=(steps[thinned] / oversampling).numpy(),
        pitch_mm=pitch_mm[thinned].numpy(),
        normal=normal[thinned].numpy(),
        instances=tuple(_instances(truth, woven, baskets, oversampling)),
        baskets=tuple(baskets),
        cards=tuple(_card(card, truth, oversampling) for card in truth.cards),
        camera=camera,
    )


def _measured(basket: WovenBasket, oversampling: int, rng: np.random.Generator) -> BasketTruth:
    weave, material = basket.plan.weave, basket.plan.material
    known = BRAID_MM if weave == "braid" else ROPE_MM if weave in LOBED else FLAT_MM
    low, high = (min(mm, STAKES_MM / basket.aspect) for mm in known.get(material, OTHER_MM))
    row_mm = math.exp(rng.uniform(math.log(low), math.log(high)))
    return BasketTruth(
        plan=basket.plan,
        shape=basket.shape,
        scanned=basket.scanned,
        row_mm=row_mm,
        stake_mm=row_mm * basket.aspect,
        px_per_mm=basket.pitch / row_mm / oversampling,
        focal_px=basket.faces[0].face.focal / oversampling if basket.faces else math.inf,
    )


def _unit(face: Face) -> Tensor:
    """(3, h, w) normal of length 1."""
    x, y, z = (torch.as_tensor(v, dtype=torch.float32).expand(face.mask.shape) for v in face.normal)
    return F.normalize(torch.stack([x, y, z]), dim=0)


def _wall(face: Face) -> Tensor:
    """(2, 2, h, w) how far one gets on the wall, along and down it, per canvas px to the right and downwards."""
    by_y_along, by_x_along = torch.gradient(face.along)
    by_y_down, by_x_down = torch.gradient(face.down)
    along, down = face.stretch
    return torch.stack(
        [
            torch.stack([by_x_along * along, by_y_along * along]),
            torch.stack([by_x_down * down, by_y_down * down]),
        ]
    )


def _lengths(face: Face, steps: Tensor) -> Tensor:
    """(2, h, w) lengths on the wall of both steps (4, h, w), in units of the face."""
    return torch.einsum("ijhw,fjhw->fihw", _wall(face), steps.unflatten(0, (2, 2))).norm(dim=1)


def _instances(
    truth: Truth, woven: list[WovenBasket], baskets: list[BasketTruth], oversampling: int
) -> Iterator[Instance]:
    """Every fault of which something is left to be seen."""
    laid = {w.layer: (number, w) for number, b in enumerate(woven, start=1) for w in b.faces}
    for fault in truth.faults:
        seen = truth.seen(fault)
        if not seen.any():
            continue
        number, w = laid[fault.layer]
        whole = torch.zeros_like(truth.layer, dtype=torch.float32)
        whole[fault.window] = seen.float()
        mm_per_px = baskets[number - 1].row_mm / woven[number - 1].pitch
        extent, area = _size(seen, w.face if fault.window == w.window else None)
        yield Instance(
            code=fault.code,
            basket=number,
            mask=F.max_pool2d(whole[None], oversampling)[0].numpy() > 0,
            severity_mm=extent * mm_per_px,
            area_mm2=area * mm_per_px**2,
        )


def _size(seen: Tensor, face: Face | None) -> tuple[float, float]:
    """Longest extent and area of what is seen, on the face; None: of what stands off it, in the picture."""
    if face is None:
        y, x = torch.where(seen)
        places, area = torch.stack([x, y], 1).float(), float(seen.sum())
    else:
        per_along, per_down = (float(v[seen].mean()) if isinstance(v, Tensor) else v for v in face.stretch)
        places = torch.stack([face.along[seen] * per_along, face.down[seen] * per_down], 1).float()
        (ax, ay), (dx, dy) = _wall(face)[..., seen]
        area = float((ax * dy - ay * dx).abs().sum())
    hull = torch.from_numpy(cv2.convexHull(places.numpy())[:, 0])
    return float(torch.cdist(hull, hull).max()), area


def _card(card: LaidCard, truth: Truth, oversampling: int) -> CardTruth:
    (a, b, c, _) = card.corners
    area = math.dist(a, b) * math.dist(b, c)
    return CardTruth(
        corners=card.corners / oversampling,
        marker_px=(card.marker[0] / oversampling, card.marker[1] / oversampling),
        visible=min(1.0, float((truth.layer == card.layer).sum()) / area),
    )
