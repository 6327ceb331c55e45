"""One rendered photo with its truth, from a seed. `render(seed)` is the only door of this package."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.render.backdrop import backdrop, load_backdrops
from training.render.camera import Camera, expose
from training.render.fabric import LOBED, FabricPlan, Surface, hash01, noise_table, plan_fabric, weave_surface
from training.render.fault import CODES, Faults, plant
from training.render.innocent import add_flowers, add_opening, add_strap, cast_shadows, put_things
from training.render.light import light
from training.render.rods import add_fuzz, add_handle, add_loose_ends
from training.render.scan import Scan, dye, load_scans, looks_like, scanned_surface
from training.render.shape import SHAPES, Face
from training.render.survey import Survey, WovenBasket, WovenFace, survey
from training.render.truth import Picture, Truth, Window

SIDE_PX = 256
OVERSAMPLING = 2
DATASETS = Path(__file__).parents[2] / "datasets"
BACKDROPS, SCANS = DATASETS / "backgrounds", DATASETS / "scans"
SCANNED = 0.15
"""Share of the baskets with a surface of real weave. Nobody has counted it strand by strand: only its faults
are truth."""
RAKING = 0.35
"""Share of the baskets with the sun far to one side, so that half a wall lies in its own shade."""
GROUNDED = 0.4
"""Share of the baskets whose walls grow darker towards the ground, or towards whatever they stand against."""
KNOWN_BEST = 0.7
KNOWN_BEST_PX = (20, 48), (28, 84)
"""Canvas px between strands of the finer family in this share of the baskets, whole ones and close-ups: about
what the second look sees."""
SHARES = (0.38, 0.14, 0.26, 0.22)
CODE_SHARES = (0.26, 0.2, 0.14, 0.05, 0.08, 0.09, 0.08, 0.04, 0.03, 0.03)


class Renderer:
    """Holds backdrops and scans; everything else is drawn anew from each seed. `side_px`: a multiple of 32."""

    def __init__(self, backdrops: Path = BACKDROPS, scans: Path = SCANS, *, side_px: int = SIDE_PX) -> None:
        self._photos = load_backdrops(backdrops)
        self._scans = load_scans(scans)
        self._side_px = side_px

    def render(self, seed: int, *, sound: bool = False) -> Picture:
        """The photo of that seed; `sound`: its twin, the same in everything but the faults."""
        photo, _, truth, _ = self._draw(seed, sound=sound)
        return truth.picture(photo, OVERSAMPLING)

    def survey(self, seed: int, *, sound: bool = False) -> Survey:
        """The same photo with all that is true of it."""
        photo, camera, truth, woven = self._draw(seed, sound=sound)
        return survey(
            truth.picture(photo, OVERSAMPLING),
            truth,
            woven,
            camera=camera,
            oversampling=OVERSAMPLING,
            rng=np.random.default_rng([seed, 2]),  # of its own: no picture depends on it
        )

    def _draw(self, seed: int, *, sound: bool) -> tuple[NDArray[np.uint8], Camera, Truth, list[WovenBasket]]:
        rng = np.random.default_rng(seed)
        harm = None if sound else np.random.default_rng([seed, 1])
        n = self._side_px * OVERSAMPLING
        noise = noise_table(rng)
        canvas = backdrop(n, rng, self._photos, noise)
        truth = Truth.empty(n)
        woven: list[WovenBasket] = []
        if rng.random() < 0.92:
            for _ in range(2 if rng.random() < 0.12 else 1):
                canvas, basket = _add_basket(canvas, truth, rng, harm, noise, self._scans)
                woven.append(basket)
        canvas = cast_shadows(canvas, rng)
        canvas = put_things(canvas, truth, rng)
        linear = F.avg_pool2d(canvas.permute(2, 0, 1)[None], OVERSAMPLING)[0].permute(1, 2, 0)
        photo, camera = expose(np.ascontiguousarray(linear.clamp_min(0).numpy()), rng)
        return photo, camera, truth, woven


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basket:
    """What all faces of one basket share. Lengths in canvas px; `pitch` of the rows, `aspect` of a stake's
    pitch to it."""

    plan: FabricPlan
    scan: Scan | None
    pitch: float
    aspect: float
    diagonal: bool
    upright_rows: bool
    disc: bool
    offset: np.ndarray
    wave: np.ndarray
    sun: np.ndarray
    softness: float
    grounded: float
    seen_through: str
    lining: Tensor


def _plan_basket(shape: str, rng: np.random.Generator, scans: list[Scan]) -> _Basket:
    plan, aspect = plan_fabric(rng)
    scan = dye(scans[rng.integers(len(scans))], rng) if scans and rng.random() < SCANNED else None
    if scan:
        plan, aspect = replace(plan, weave="braid", weft_rgb=looks_like(scan)), scan.aspect
    low, high = (14, 130) if shape == "closeup" else (8, 60)
    if rng.random() < KNOWN_BEST:
        low, high = (px / min(1.0, aspect) for px in KNOWN_BEST_PX[shape == "closeup"])
    pitch = math.exp(rng.uniform(math.log(low), math.log(high)))
    turnable = plan.weave in ("plain", "twill21", "twill22", "motif", "figure")
    round_base = plan.weave in ("coil", "braid", "lens", "twined")
    return _Basket(
        plan=plan,
        scan=scan,
        pitch=pitch,
        aspect=min(aspect, 360 / pitch),
        diagonal=shape != "cylinder" and turnable and rng.random() < 0.4,
        upright_rows=plan.weave in LOBED and rng.random() < 0.2,
        disc=shape == "panel" and round_base and rng.random() < 0.6,
        offset=rng.uniform(-40, 40, 2),
        wave=rng.uniform(0, 0.6, 2) * rng.random(),
        sun=rng.normal(0, 1.8 if rng.random() < RAKING else 0.6, 2) + np.array([0.0, -0.5]),
        softness=float(rng.random()),
        grounded=float(rng.uniform(0.2, 0.75)) if rng.random() < GROUNDED else 0.0,
        seen_through=str(
            rng.choice(["dark", "behind", "lining", "plain", "inside"], p=[0.28, 0.22, 0.08, 0.28, 0.14])
        ),
        lining=torch.tensor(rng.uniform(0.05, 0.9, 3), dtype=torch.float32),
    )


def _add_basket(
    canvas: Tensor,
    truth: Truth,
    rng: np.random.Generator,
    harm: np.random.Generator | None,
    noise: Tensor,
    scans: list[Scan],
) -> tuple[Tensor, WovenBasket]:
    """Draws a basket; `harm` draws its faults, None for a sound one."""
    truth.basket_count += 1
    faces: list[WovenFace] = []
    n = canvas.shape[0]
    shape = str(rng.choice(list(SHAPES), p=list(SHARES)))
    basket = _plan_basket(shape, rng, scans)
    behind = canvas
    canvas = canvas.clone()
    for face in SHAPES[shape](n, rng):
        window = _window(face.mask)
        if window is not None:
            faces.append(_draw_face(canvas, behind, truth, face, window, basket, rng, harm, noise))
    pitch, plan = basket.pitch, basket.plan
    if rng.random() < 0.25:
        canvas = add_fuzz(canvas, truth, rng, pitch, plan)
    if harm is not None and harm.random() < 0.16:
        canvas = add_loose_ends(canvas, truth, harm, pitch, plan)
    if rng.random() < 0.14:
        canvas = add_opening(canvas, behind, truth, rng, pitch, plan)
    if rng.random() < 0.1:
        canvas = add_strap(canvas, truth, rng, noise)
    if rng.random() < 0.06:
        canvas = add_flowers(canvas, truth, rng)
    if rng.random() < 0.2:
        canvas = add_handle(canvas, truth, rng, pitch, plan)
    return canvas, WovenBasket(
        plan=plan,
        shape=shape,
        scanned=basket.scan is not None,
        pitch=pitch,
        aspect=basket.aspect,
        faces=tuple(faces),
    )


def _window(mask: Tensor) -> Window | None:
    """The box round a face; None where nothing of it is in view."""
    ys, xs = torch.where(mask.any(1))[0], torch.where(mask.any(0))[0]
    if not len(ys) or not len(xs) or ys[-1] - ys[0] < 8 or xs[-1] - xs[0] < 8:
        return None
    return slice(int(ys[0]), int(ys[-1]) + 1), slice(int(xs[0]), int(xs[-1]) + 1)


def _draw_face(
    canvas: Tensor,
    behind: Tensor,
    truth: Truth,
    whole: Face,
    window: Window,
    basket: _Basket,
    rng: np.random.Generator,
    harm: np.random.Generator | None,
    noise: Tensor,
) -> WovenFace:
    """Weaves one face into `canvas` and `truth`."""
    face = whole.cut(window)
    rows, stakes = _place(face, basket, n=canvas.shape[0])
    faults = Faults(
        rows=rows,
        missing_weft=torch.zeros_like(rows),
        missing_warp=torch.zeros_like(rows),
        forced_gap=torch.zeros_like(rows),
    )
    outside = face.role == "outside"
    if outside and harm is not None and harm.random() < 0.6:
        _plant_some(face.mask, rows, stakes, basket, faults, harm)
    judged = face.mask.float() * outside
    if rng.random() < 0.05:
        bare = _openwork(rows, rng)
        faults.missing_weft = torch.maximum(faults.missing_weft, bare)
        judged = judged * (1 - bare)

    surface = _surface(basket, faults, stakes, noise)
    _damage(surface, faults)
    lit = light(
        surface, face, pitch=basket.pitch, sun=basket.sun, gloss=basket.plan.gloss, softness=basket.softness
    )
    if whole.rim_down is not None:
        lit = lit * _ground_shade(face, basket.grounded)
    lit = torch.where((surface.gap > 0.5)[..., None], _through(surface, behind[window], basket), lit)
    rim = torch.zeros_like(rows)
    marks = [(code, mask * judged) for code, mask in faults.marks]
    if face.rim_down is not None and rng.random() < 0.85:
        lit, rim, open_rim = _rim(lit, face, basket.pitch, basket.plan, rng, harm)
        marks = [(code, mask * (1 - rim)) for code, mask in marks] + [("MAJ-RIM", open_rim * face.mask)]

    mask = face.mask
    canvas[window] = torch.where(mask[..., None], lit, canvas[window])
    layer = truth.lay(mask, part_of_basket=True, window=window)
    truth.judged[window] = torch.where(mask, judged * (1 - rim), truth.judged[window])
    inner = (slice(None), *window)
    steps = _steps(rows, stakes) * (0.0 if basket.scan else 1.0)
    truth.steps[inner] = torch.where(mask[None], steps, truth.steps[inner])
    place = torch.stack([faults.rows, surface.stakes])
    truth.place[inner] = torch.where(mask[None], place, truth.place[inner])
    for code, planted in marks:
        truth.blame(code, planted, window)
    return WovenFace(
        layer=layer, window=window, face=face, weft=surface.weft, bare=(surface.gap > 0.5) | (rim > 0)
    )


def _surface(basket: _Basket, faults: Faults, stakes: Tensor, noise: Tensor) -> Surface:
    if basket.scan:
        return scanned_surface(
            basket.scan, faults.rows, stakes, pitch=basket.pitch, missing=faults.missing_weft
        )
    return weave_surface(
        basket.plan,
        faults.rows,
        stakes,
        noise=noise,
        floats=faults.floats,
        missing_weft=faults.missing_weft,
        missing_warp=faults.missing_warp,
        aspect=basket.aspect,
    )


def _place(face: Face, basket: _Basket, *, n: int) -> tuple[Tensor, Tensor]:
    """Which row and which stake every pixel of a face looks at."""
    along, down = face.along, face.down
    pitch, aspect = basket.pitch, basket.aspect
    if basket.diagonal:
        along, down = (along + down) * 0.7071, (down - along) * 0.7071
    if basket.upright_rows:
        along, down = down, along
    if basket.disc:
        du, dv = along - along[face.mask].mean(), down - down[face.mask].mean()
        around = max(6, round(2 * math.pi * n * 0.22 / (pitch * aspect)))
        rows, stakes = torch.hypot(du, dv) / pitch, torch.atan2(dv, du) * around / (2 * math.pi)
    else:
        rows, stakes = down / pitch + basket.offset[0], along / (pitch * aspect) + basket.offset[1]
    slow = torch.sin(stakes * 0.31 / max(1, 1 / aspect) + basket.offset[0])
    rows = rows + basket.wave[0] * slow * torch.cos(rows * 0.13 + basket.offset[1])
    stakes = stakes + basket.wave[1] * torch.sin(rows * 0.21 + basket.offset[1])
    return rows, stakes


def _plant_some(
    mask: Tensor, rows: Tensor, stakes: Tensor, basket: _Basket, faults: Faults, rng: np.random.Generator
) -> None:
    inner = cv2.erode(mask.numpy().astype(np.uint8), np.ones((25, 25), np.uint8), borderValue=1)
    spots = np.argwhere(inner)
    if not len(spots):
        return
    for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))):
        y, x = (int(v) for v in spots[rng.integers(len(spots))])
        plant(
            faults.rows,
            stakes,
            (float(rows[y, x]), float(stakes[y, x])),
            code=str(rng.choice(CODES, p=CODE_SHARES)),
            plan=basket.plan,
            aspect=basket.aspect,
            rng=rng,
            faults=faults,
        )


def _openwork(rows: Tensor, rng: np.random.Generator) -> Tensor:
    """A band of bare stakes that the weaver meant: no fault, and not judged."""
    first = float(rows.min() + (rows.max() - rows.min()) * rng.random())
    return ((rows > first) & (rows < first + rng.uniform(2, 6))).float()


def _damage(surface: Surface, faults: Faults) -> None:
    surface.gap = torch.maximum(surface.gap, faults.forced_gap)
    surface.height = torch.where(faults.forced_gap > 0.5, -0.8, surface.height)
    for alpha, tint, strength in faults.paint:
        a = (alpha * strength)[..., None]
        surface.rgb = surface.rgb * (1 - a) + torch.tensor(tint).view(1, 1, 3) * a
    if faults.bump is not None:
        surface.height = surface.height + faults.bump


def _ground_shade(face: Face, strength: float) -> Tensor:
    """(h, w, 1): a wall gets less of the sky the nearer it is to the ground."""
    down = face.down[face.mask]
    depth = ((face.down - down.min()) / (down.max() - down.min()).clamp_min(1.0)).clamp(0, 1)
    return (1 - strength * depth**3)[..., None]


def _through(surface: Surface, behind: Tensor, basket: _Basket) -> Tensor:
    """What one sees through a gap."""
    if basket.seen_through == "behind":
        return behind * 0.8
    if basket.seen_through == "lining":
        return (basket.lining.view(1, 1, 3) * 0.5).expand_as(behind)
    if basket.seen_through == "plain":
        return basket.lining.view(1, 1, 3).expand_as(behind)
    if basket.seen_through == "inside":
        return surface.rgb.roll((int(basket.pitch * 0.6), int(basket.pitch * 0.4)), (0, 1)) * 0.22
    return 0.012 + 0.03 * surface.rgb


def _steps(rows: Tensor, stakes: Tensor) -> Tensor:
    """Image vectors (x, y) of one step to the next row at the same stake, and to the next stake: the
    columns of the inverse of the Jacobian of (rows, stakes)."""
    ry, rx = torch.gradient(rows)
    sy, sx = torch.gradient(stakes)
    det = rx * sy - ry * sx
    return torch.stack([sy / det, -sx / det, -ry / det, rx / det])


def _rim(
    lit: Tensor,
    face: Face,
    pitch: float,
    plan: FabricPlan,
    rng: np.random.Generator,
    harm: np.random.Generator | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """A wrapped or braided border along the upper edge; harmed, now and then, on a stretch where it is open."""
    width = pitch * rng.uniform(1.0, 2.4)
    turn = pitch * rng.uniform(0.6, 1.6)
    across = (face.down - face.rim_down) / width
    rim = ((across >= 0) & (across < 1)).float()
    lobe = face.along / turn + rng.uniform(-1, 1) * across
    k = torch.round(lobe)
    body = (1 - (2 * across - 1) ** 2).clamp_min(0).sqrt() * (1 - (2 * (lobe - k)).abs() ** 3 * 0.7)
    tone = (0.35 + 0.75 * body) * (0.85 + 0.3 * hash01(k, 0.0, plan.seed))
    rgb = torch.tensor(plan.weft_rgb if rng.random() < 0.7 else plan.warp_rgb).view(1, 1, 3)
    colour = rgb * tone[..., None]
    overhang = rng.uniform(0, 0.7) * torch.exp(-((across - 1).clamp_min(0) / rng.uniform(0.2, 0.8)))
    lit = lit * (1 - overhang * (across >= 1))[..., None]
    open_rim = torch.zeros_like(rim)
    spots = torch.nonzero(face.mask & (rim > 0))
    if harm is not None and harm.random() < 0.12 and len(spots):
        y, x = (int(v) for v in spots[harm.integers(len(spots))])
        stretch = (face.along - face.along[y, x]).abs() < width * harm.uniform(0.7, 2.0)
        open_rim = rim * stretch
        wire = ((across - 0.5).abs() < 0.1)[..., None]
        bare = torch.where(wire, torch.full_like(colour, 0.15), 0.02 + lit * 0.15)
        colour = torch.where((open_rim > 0)[..., None], bare, colour)
    return torch.where((rim > 0)[..., None], colour * face.shade, lit), rim, open_rim
