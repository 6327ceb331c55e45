"""All that a planned basket is made of, as meshes: walls with their faults, rims, handles. Knows nothing of Blender."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.traced.fault import Fault, left, moved, painted, skips
from training.traced.plan import Plan
from training.traced.wall import Wall
from training.traced.weave import Mesh, Strand, joined, rope_ring, sweep, tube, weave


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """Where a further basket of the same make stands (dm), how far it is turned, and how large it is."""

    at: tuple[float, float, float]
    turned_rad: float
    scale: float = 1.0


def woven(planned: Plan, wall: Wall, faults: Sequence[Fault]) -> Mesh:
    """The wall with its faults."""
    meshes = []
    for strand in weave(wall, planned.fabric, skipped=skips(faults)):
        pieces = [strand] if planned.opening is None else planned.opening.left(wall, strand)
        for fault in faults:
            pieces = [moved(fault, wall, piece) for piece in pieces]
            pieces = [rest for piece in pieces for rest in left(fault, wall, piece)]
        for piece in pieces:
            mesh = tube(wall, piece)
            for fault in faults:
                painted(fault, wall, mesh, family=piece.family)
            meshes.append(mesh)
    return joined(meshes)


def edges(planned: Plan, wall: Wall, faults: Sequence[Fault], rng: np.random.Generator) -> list[Strand]:
    """Rim and foot of a basket, or the border of a mat."""
    if not wall.closed:
        return _mat_edge(planned, wall, rng)
    radius, tint = planned.rim_radius, planned.fabric.weft if rng.random() < 0.6 else planned.fabric.other
    lobe = radius * rng.uniform(1.2, 3.0)
    seed = int(rng.integers(1 << 30))
    high = wall.rows + 0.4 * radius / wall.pitch
    rim = rope_ring(
        wall,
        high,
        radius=radius,
        lobe=lobe,
        tint=tint,
        spread=planned.fabric.spread,
        rng=np.random.default_rng(seed),
    )
    for fault in faults:
        rim = [piece for strand in rim for piece in left(fault, wall, moved(fault, wall, strand))]
    if rng.random() < 0.5:
        rim += rope_ring(
            wall,
            0.3,
            radius=radius * 0.8,
            lobe=lobe,
            tint=tint,
            spread=planned.fabric.spread,
            rng=np.random.default_rng(seed + 1),
        )
    return rim + ([] if planned.opening is None else planned.opening.edge(wall))


def _mat_edge(planned: Plan, wall: Wall, rng: np.random.Generator) -> list[Strand]:
    """A folded border: flat strands along the four edges."""
    if rng.random() < 0.2:
        return []
    width = planned.rim_radius * rng.uniform(1.0, 2.5)
    t = np.linspace(0, 1, 80)
    strands = []
    for row, stake in (
        (np.zeros(80), t * wall.stakes),
        (np.full(80, float(wall.rows)), t * wall.stakes),
        (t * wall.rows, np.zeros(80)),
        (t * wall.rows, np.full(80, float(wall.stakes))),
    ):
        strands.append(
            Strand(
                family="rim",
                index=0,
                row=row,
                stake=stake,
                off=np.full(80, planned.fabric.weft_thick * wall.pitch * 0.6),
                width=np.full(80, width),
                thick=np.full(80, width * 0.35),
                tone=np.exp(rng.normal(0, 0.05) + 0.05 * np.sin(t * 60)),
                tint=planned.fabric.stake,
            )
        )
    return strands


def handle(planned: Plan, rng: np.random.Generator) -> Mesh | None:
    """An arc across the mouth, or two ears; part of the basket."""
    if planned.form is None or rng.random() > 0.35:
        return None
    form = planned.form
    t = np.linspace(0, np.pi, 60)
    thick = planned.rim_radius * rng.uniform(0.7, 1.3)
    lines = []
    if rng.random() < 0.5:
        rise = rng.uniform(0.5, 1.3) * form.a
        lines.append(np.column_stack([form.a * np.cos(t), 0 * t, form.height + rise * np.sin(t)]))
    else:
        half, rise = form.b * rng.uniform(0.25, 0.45), rng.uniform(0.2, 0.6) * form.a
        for side in (-1, 1):
            lines.append(
                np.column_stack(
                    [
                        side * (form.a * 1.02 + 0.1 * np.sin(t)),
                        half * np.cos(t),
                        form.height + rise * np.sin(t),
                    ]
                )
            )
    turn = rng.uniform(0, 2 * np.pi) if form.squareness == 2.0 and form.a == form.b else 0.0
    cos, sin = math.cos(turn), math.sin(turn)
    meshes = []
    for line in lines:
        line = line @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        outward = np.cross(np.gradient(line, axis=0), [sin, -cos, 0.02])
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        ribs = 1 + 0.12 * np.sin(np.arange(60) * 2.6)
        strand = Strand(
            family="rim",
            index=0,
            row=np.zeros(60),
            stake=np.zeros(60),
            off=np.zeros(60),
            width=thick * 1.4 * ribs,
            thick=thick * 1.2 * ribs,
            tone=0.9 + 0.1 * ribs,
            tint=planned.fabric.other,
        )
        mesh = sweep(line, outward, strand, row=np.zeros(60), stake=np.zeros(60))
        meshes.append(mesh)
    return joined(meshes)


def others_of_its_kind(planned: Plan, rng: np.random.Generator) -> list[Copied]:
    """None, mostly; or one nearby, a heap of them side by side, or a stack of which each stands in the one below."""
    form = planned.form
    if form is None or (chance := rng.random()) > 0.3:
        return []
    away = planned.view.target - planned.view.eye
    ahead = math.atan2(away[1], away[0])
    far = 2 * max(form.a, form.b)
    loose = form.squareness == 2.0

    def beside(around: float, times: float, height: float = 0.0) -> Copied:
        return Copied(
            at=(times * far * math.cos(around), times * far * math.sin(around), height),
            turned_rad=rng.uniform(0, 6.3) if loose else 0.0,
        )

    if chance < 0.12:
        return [beside(ahead + rng.normal(0, 0.9), rng.uniform(1.05, 1.4))]
    if chance < 0.2:
        heap = [beside(ahead + side * rng.uniform(1.2, 1.9), rng.uniform(1.02, 1.12)) for side in (-1, 1)]
        heap += [beside(ahead + rng.normal(0, 0.2), rng.uniform(1.02, 1.2))] if rng.random() < 0.5 else []
        # a further layer on top, so that rims and feet meet
        layer = [
            Copied(at=(c.at[0], c.at[1], form.height * 1.02 + planned.rim_radius), turned_rad=c.turned_rad)
            for c in (Copied(at=(0, 0, 0), turned_rad=0.0), *heap)
            if rng.random() < 0.6
        ]
        return heap + layer
    step = max(3 * planned.rim_radius, form.height * rng.uniform(0.1, 0.35))
    # a straight wall leaves no room for another: each is a little smaller
    return [
        Copied(at=(0, 0, number * step), turned_rad=rng.uniform(0, 6.3) if loose else 0.0, scale=0.97**number)
        for number in range(1, int(rng.integers(2, 5)))
    ]
