"""What one path-traced photo shows: drawn from a seed, the same for a faulty picture and its sound twin."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.traced.fault import KINDS, Fault, draw_fault
from training.traced.opening import Opening, draw_opening
from training.traced.wall import Form, Wall, base_of, mat, side_wall
from training.traced.weave import STAKELESS, Fabric

SIZE_PX = (576, 448)
FIELD_RAD = (0.75, 1.15)
"""Horizontal field of view of a phone's camera, held upright or level, at no zoom and at half as near again."""
WANTED_PX = (8.0, 18.0)
"""How far the finer family's strands lie apart in the picture."""
OPENING_SHARE = 0.16
TWISTED = {"plain": 0.35, "lens": 0.35, "twill21": 0.3, "twill22": 0.3, "wicker": 0.15}
"""Share of the fabrics of each weave whose weft is twisted cord; thick, and over thin stakes in half of the plain ones."""
WEAVE_SHARES = {
    "plain": 0.2,
    "lens": 0.22,
    "wicker": 0.15,
    "twill21": 0.05,
    "twill22": 0.06,
    "double": 0.07,
    "twined": 0.08,
    "rope": 0.09,
    "braid": 0.08,
}
TONES = {
    "hyacinth": ((0.36, 0.24, 0.12), (0.5, 0.36, 0.19), (0.27, 0.17, 0.08), (0.55, 0.43, 0.27)),
    "mendong": ((0.5, 0.44, 0.22), (0.42, 0.4, 0.18), (0.6, 0.53, 0.33)),
    "banana": ((0.2, 0.12, 0.06), (0.33, 0.22, 0.12), (0.14, 0.09, 0.05)),
    "willow": ((0.3, 0.17, 0.08), (0.62, 0.48, 0.3), (0.16, 0.08, 0.04)),
    "dyed": ((0.5, 0.05, 0.04), (0.05, 0.1, 0.3), (0.03, 0.2, 0.08), (0.02, 0.02, 0.02), (0.75, 0.72, 0.65)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """`eye`, `target` in dm; `field_rad` across the longer side; `upright`: the picture's longer side."""

    eye: NDArray[np.float64]
    target: NDArray[np.float64]
    field_rad: float
    upright: bool
    roll_rad: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`wall` without its dents; `base` None for a mat; `opening`: one that is meant, with a bound edge; the rest of what
    stands about is drawn by `things`, a seed."""

    form: Form | None
    fabric: Fabric
    wall: Wall
    base: Wall | None
    base_fabric: Fabric | None
    rim_radius: float
    opening: Opening | None
    faults: tuple[Fault, ...]
    view: View
    things: int


def plan(seed: int) -> Plan:
    rng = np.random.default_rng(seed)
    weave = str(rng.choice(list(WEAVE_SHARES), p=list(WEAVE_SHARES.values())))
    fabric, pitch, aspect = _fabric(weave, rng)
    form = None
    base = base_fabric = None
    if rng.random() < 0.2:
        width, height = rng.uniform(2, 5), rng.uniform(1.5, 4)
        width, height = min(width, 130 * pitch * aspect), min(height, 70 * pitch)
        bend = rng.uniform(0, 0.25) if rng.random() < 0.4 else 0.0
        turn_rad = rng.normal(0, 0.3) if rng.random() < 0.7 else rng.uniform(-0.8, 0.8)
        wall = mat(width, height, pitch=pitch, aspect=aspect, bend=bend, turn_rad=turn_rad)
    else:
        a = rng.uniform(0.8, 2.2)
        low = rng.random() < 0.2
        form = Form(
            a=a,
            b=a * (1.0 if rng.random() < 0.5 else rng.uniform(0.55, 0.95)),
            height=float(
                np.clip(a * (rng.uniform(0.3, 0.6) if low else rng.uniform(0.8, 2.2)), 9 * pitch, 70 * pitch)
            ),
            squareness=2.0 if rng.random() < 0.55 else rng.uniform(3.5, 8),
            taper=rng.uniform(-0.05, 0.3),
            belly=rng.uniform(0, 0.12) if rng.random() < 0.4 else 0.0,
        )
        wall = side_wall(form, pitch=pitch, aspect=aspect)
        base_fabric = replace(
            fabric, weave="wicker", weft_width=0.95, weft_thick=0.6, swell=0.0, stake_width=0.15
        )
        base = base_of(form, pitch=max(pitch, 0.08))
    view = _view(wall, form, rng)
    opening = None
    if form is not None and (chance := np.random.default_rng([seed, 2])).random() < OPENING_SHARE:
        opening = draw_opening(wall, fabric, _stake_before(view, wall), chance)
    faults = _faults(wall, view, form, weave, np.random.default_rng([seed, 1]))
    return Plan(
        form=form,
        fabric=fabric,
        wall=wall,
        base=base,
        base_fabric=base_fabric,
        rim_radius=float(np.clip(pitch * rng.uniform(0.7, 1.6), 0.05, 0.16)),
        opening=opening,
        faults=tuple(fault for fault in faults if opening is None or opening.spares(wall, fault)),
        view=view,
        things=int(rng.integers(1 << 30)),
    )


def _fabric(weave: str, rng: np.random.Generator) -> tuple[Fabric, float, float]:
    """The fabric, its pitch in dm and the aspect of a stake's step to it."""
    (pitch_low, pitch_high), (aspect_low, aspect_high), width, thick, stake, swell = {
        "plain": ((0.05, 0.13), (0.8, 1.5), 0.95, 0.3, 0.8, 0.0),
        "lens": ((0.07, 0.15), (2.4, 5.0), 1.15, 0.5, 0.16, 0.28),
        "wicker": ((0.035, 0.07), (3.0, 8.0), 0.95, 0.85, 0.2, 0.0),
        "twill21": ((0.06, 0.12), (0.9, 1.2), 0.97, 0.25, 0.9, 0.0),
        "twill22": ((0.06, 0.12), (0.9, 1.2), 0.97, 0.25, 0.9, 0.0),
        "double": ((0.09, 0.16), (0.9, 1.8), 0.97, 0.35, 0.4, 0.05),
        "twined": ((0.06, 0.12), (0.9, 2.0), 1.0, 0.5, 0.4, 0.0),
        "rope": ((0.08, 0.16), (0.7, 1.2), 1.0, 0.9, 0.2, 0.0),
        "braid": ((0.1, 0.18), (0.5, 0.8), 1.0, 0.6, 0.2, 0.0),
    }[weave]
    pitch = math.exp(rng.uniform(math.log(pitch_low), math.log(pitch_high)))
    aspect = math.exp(rng.uniform(math.log(aspect_low), math.log(aspect_high)))
    names = list(TONES)
    material = str(rng.choice(names, p=[0.4, 0.18, 0.14, 0.18, 0.1]))
    tones = TONES[material]

    def tone() -> tuple[float, float, float]:
        r, g, b = (
            np.asarray(tones[rng.integers(len(tones))])
            * np.exp(rng.normal(0, 0.2))
            * np.exp(rng.normal(0, 0.06, 3))
        )
        return float(r), float(g), float(b)

    weft = tone()
    mixed = rng.random() < (0.8 if material == "dyed" else 0.3)
    calm = rng.random() < 0.5
    cord = np.random.default_rng(rng.integers(1 << 30))
    twisted = cord.random() < TWISTED.get(weave, 0.0)
    if twisted:
        thick = max(thick, 0.6)
        if weave == "plain" and cord.random() < 0.5:
            stake, aspect = cord.uniform(0.15, 0.4), aspect * cord.uniform(1.2, 2.2)
    fabric = Fabric(
        weave=weave,
        weft_width=width * rng.uniform(0.86, 1.04),
        weft_thick=thick * rng.uniform(0.8, 1.2),
        stake_width=stake * rng.uniform(0.8, 1.1),
        swell=swell * rng.uniform(0.5, 1.4),
        unruly=rng.uniform(0.01, 0.05) if calm else rng.uniform(0.03, 0.12),
        uneven=rng.uniform(0.01, 0.05) if calm else rng.uniform(0.03, 0.14),
        spread=rng.uniform(0.02, 0.1) if calm else rng.uniform(0.08, 0.25),
        weft=weft,
        stake=weft if rng.random() < 0.5 else tone(),
        other=tone(),
        other_share=rng.uniform(0.1, 0.5) if mixed else 0.0,
        band=1 if rng.random() < 0.6 else int(rng.integers(2, 7)),
        checked=mixed and stake >= 0.4 and rng.random() < 0.6,
        ply=pitch * math.exp(cord.uniform(math.log(0.2), math.log(0.6))) if twisted else 0.0,
        lay=int(cord.choice([-3, -2, 2, 3])),
        seed=int(rng.integers(1 << 30)),
    )
    return fabric, pitch, aspect


def _view(wall: Wall, form: Form | None, rng: np.random.Generator) -> View:
    """So near that the finer strands lie as far apart as wanted, but not so far that the basket is lost in the picture."""
    finer = min(wall.pitch, wall.step)
    span = SIZE_PX[0] / math.exp(rng.uniform(*np.log(WANTED_PX))) * finer
    size = float(np.ptp(wall.at(*_all_over(wall)), axis=0).max())
    span = min(span, 1.9 * size)
    field_rad = rng.uniform(*FIELD_RAD)
    around = rng.uniform(0, 2 * np.pi)
    above = min(1.35, rng.uniform(0.6, 1.5) if form is None else abs(rng.normal(0.35, 0.3)))
    radius = 0.0 if form is None else (form.a + form.b) / 4
    if form is None:
        target = np.array([*rng.normal(0, 0.12, 2) * size, 0.0])
    else:
        outward = np.array([math.cos(around), math.sin(around)])
        aside = np.array([-outward[1], outward[0]]) * rng.normal(0, 0.2) * form.a
        target = np.array([*(outward * radius + aside), form.height * rng.uniform(0.35, 0.75)])
    distance = span / 2 / math.tan(field_rad / 2)
    away = np.array([math.cos(around) * math.cos(above), math.sin(around) * math.cos(above), math.sin(above)])
    eye = target + away * (distance + radius)
    eye[2] = max(eye[2], 0.15)
    return View(
        eye=eye, target=target, field_rad=field_rad, upright=rng.random() < 0.5, roll_rad=rng.normal(0, 0.05)
    )


def _stake_before(view: View, wall: Wall) -> float:
    """The stake that faces the camera most."""
    stake = np.linspace(0, wall.stakes, 200)
    row = np.full(200, wall.rows * 0.6)
    toward = view.eye - wall.at(row, stake)
    facing = (toward * wall.outward(row, stake)).sum(1) / np.linalg.norm(toward, axis=1)
    return float(stake[facing.argmax()])


def _all_over(wall: Wall) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    row, stake = np.meshgrid(np.linspace(0, wall.rows, 30), np.linspace(0, wall.stakes, 60))
    return row.ravel(), stake.ravel()


def _faults(
    wall: Wall, view: View, form: Form | None, weave: str, rng: np.random.Generator
) -> tuple[Fault, ...]:
    """One to three of one kind, where they are in view."""
    missing = {"rim"} if form is None else set()
    if weave in STAKELESS:
        missing |= {"stake_gone", "stake_colour"}
    kinds = [kind for kind in KINDS if kind not in missing]
    shares = np.array([KINDS[kind][1] for kind in kinds])
    kind = str(rng.choice(kinds, p=shares / shares.sum()))
    row, stake = rng.uniform(0.06, 0.94, 4000) * wall.rows, rng.uniform(0, 1, 4000) * wall.stakes
    places, outward = wall.at(row, stake), wall.outward(row, stake)
    toward = view.eye - places
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    ahead = (view.target - view.eye) / np.linalg.norm(view.target - view.eye)
    cosine = -(toward @ ahead)
    # within the shorter side, whatever way it lies
    reach = 0.85 * SIZE_PX[1] / SIZE_PX[0] * math.tan(view.field_rad / 2)
    inside = np.sqrt(np.maximum(1 / cosine**2 - 1, 0)) < reach
    good = np.flatnonzero(((toward * outward).sum(1) > 0.4) & inside & (cosine > 0))
    count = int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))
    if not len(good):
        return ()
    spots = rng.choice(good, count)
    return tuple(draw_fault(kind, wall, float(row[i]), float(stake[i]), rng) for i in spots)
