"""Faults as things that happen to the strands of a wall, and where on the wall they show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.traced.wall import Dent, Values, Wall
from training.traced.weave import Fabric, Mesh, Strand

KINDS = {
    "run": ("MAJ-HOLE", 0.13),
    "through": ("MAJ-HOLE", 0.08),
    "stake_gone": ("MAJ-HOLE", 0.03),
    "broken": ("MAJ-BROKEN", 0.1),
    "slit": ("MAJ-GAP", 0.06),
    "spread": ("MAJ-GAP", 0.08),
    "parted": ("MAJ-GAP", 0.05),
    "loose": ("MIN-LOOSE", 0.06),
    "skipped": ("MIN-PATTERN", 0.11),
    "stain": ("MAJ-STAIN", 0.06),
    "mould": ("CRT-MOLD", 0.05),
    "colour": ("MIN-COLOR", 0.05),
    "stake_colour": ("MIN-COLOR", 0.03),
    "rim": ("MAJ-RIM", 0.08),
    "dent": ("MAJ-SHAPE", 0.09),
}
"""What happens, by its code, and how often."""
LARGEST = 0.16
"""Half the extent of a fault, at most, as a share of the wall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`kind`: a key of KINDS, at `row` and `stake` of the wall; `rows`, `stakes`: half its extent; `strength` in
    [0, 1]; `tint` where it has a colour; `seed` of its edge."""

    kind: str
    row: float
    stake: float
    rows: float
    stakes: float
    strength: float
    tint: tuple[float, float, float]
    seed: int

    @property
    def code(self) -> str:
        return KINDS[self.kind][0]


TINTS = {
    "stain": (
        (0.03, 0.025, 0.02),
        (0.1, 0.06, 0.03),
        (0.02, 0.03, 0.05),
        (0.45, 0.43, 0.4),
        (0.12, 0.02, 0.02),
    ),
    "mould": ((0.6, 0.62, 0.58), (0.1, 0.14, 0.08), (0.02, 0.02, 0.02)),
    "colour": (
        pale_to_dark := ((0.05, 0.03, 0.015), (0.7, 0.62, 0.45), (0.18, 0.2, 0.06), (0.28, 0.08, 0.03))
    ),
    "stake_colour": pale_to_dark,
}


def draw_fault(kind: str, wall: Wall, row: float, stake: float, rng: np.random.Generator) -> Fault:
    """A fault of that kind at about that place; larger where stakes stand closer than rows."""
    wide = max(1.0, wall.pitch / wall.step)
    row = float(np.floor(row) + 0.5)
    rows, stakes = {
        "run": (0.5 + rng.choice([0, 0, 1, 1.5]), rng.uniform(1.2, 4.0) * wide),
        "through": (rng.uniform(0.8, 2.4), rng.uniform(0.7, 2.2) * wide),
        "broken": (0.5, rng.uniform(0.6, 1.4) * wide),
        "slit": (rng.uniform(0.5, 1.0), rng.uniform(2, 6) * wide),
        "stake_gone": (rng.uniform(1.5, 6), 0.5),
        "spread": (rng.uniform(1.5, 4.0), rng.uniform(2.5, 8) * wide),
        "parted": (rng.uniform(2.5, 8), rng.uniform(1.5, 4.0)),
        "loose": (1.0, 1.0),
        "skipped": (0.5, float(rng.integers(2, 5)) / 2),
        "stain": (s := rng.uniform(0.9, 4.0), s * wall.pitch / wall.step),
        "mould": (s := rng.uniform(1.5, 4.0), s * wall.pitch / wall.step),
        "stake_colour": (rng.uniform(2, 9), 0.5),
        "colour": (0.5 if rng.random() < 0.6 else rng.uniform(1, 3), rng.uniform(2, 7) * wide),
        "rim": (2.0, rng.uniform(2, 6) * wide),
        "dent": (s := max(2.5, rng.uniform(0.2, 0.7) / wall.pitch), s * wall.pitch / wall.step),
    }[kind]
    tints = TINTS.get(kind, ((0.0, 0.0, 0.0),))
    return Fault(
        kind=kind,
        row=float(wall.rows) if kind == "rim" else row,
        stake=float(np.round(stake) if kind.startswith("stake_") else stake),
        rows=max(0.5, min(float(rows), LARGEST * wall.rows)),
        stakes=max(0.5, min(float(stakes), LARGEST * wall.stakes)),
        strength=float(rng.uniform(0.5, 0.95)),
        tint=tints[rng.integers(len(tints))],
        seed=int(rng.integers(1 << 30)),
    )


def _far(fault: Fault, wall: Wall, rows: Values, stakes: Values) -> Values:
    """1 on the edge of its ellipse, whose edge is bent a little."""
    down, across = (rows - fault.row) / fault.rows, wall.apart(stakes, fault.stake) / fault.stakes
    rng = np.random.default_rng(fault.seed)
    angle = np.arctan2(down, across)
    bent = sum(rng.uniform(-0.14, 0.14) * np.sin(k * angle + rng.uniform(0, 6.3)) for k in (1, 2, 3, 5))
    return np.asarray(np.hypot(down, across) / (1 + bent))


def _across(fault: Fault, wall: Wall, stakes: Values) -> Values:
    """1 over its stakes, falling to 0 beside them."""
    return _smooth(wall.apart(stakes, fault.stake), fault.stakes)


def _along(fault: Fault, rows: Values) -> Values:
    """1 over its rows, falling to 0 above and below."""
    return _smooth(rows - fault.row, fault.rows)


def _smooth(away: Values, half: float) -> Values:
    x = np.clip(1 - (np.abs(away) - half * 0.8) / (half * 0.4), 0, 1)
    return np.asarray(x * x * (3 - 2 * x))


def shows(fault: Fault, wall: Wall, rows: Values, stakes: Values) -> NDArray[np.bool_]:
    """Where on the wall it shows. What stands out from the wall shows by itself and nowhere here."""
    away = wall.apart(stakes, fault.stake)
    if fault.kind in ("run", "broken", "skipped", "colour", "stake_gone", "stake_colour"):
        return (np.abs(rows - fault.row) < fault.rows) & (np.abs(away) < fault.stakes + 0.1)
    if fault.kind == "slit":
        return np.abs(rows - _edge(fault)) < _opening(fault) * _across(fault, wall, stakes)
    if fault.kind == "spread":
        return (np.abs(rows - fault.row) < 0.8 * fault.rows) & (_across(fault, wall, stakes) > 0.4)
    if fault.kind == "parted":
        return (np.abs(away) < 0.8 * fault.stakes) & (_along(fault, rows) > 0.4)
    if fault.kind == "rim":
        return (rows > wall.rows - 0.7) & (np.abs(away) < fault.stakes)
    if fault.kind == "loose":
        return np.zeros(rows.shape, bool)
    return _far(fault, wall, rows, stakes) < {"dent": 0.7, "mould": 0.75}.get(fault.kind, 1.0)


def _edge(fault: Fault) -> float:
    return fault.row + 0.5


def _opening(fault: Fault) -> float:
    """Half the width of a slit, in rows."""
    return 0.35 + 0.4 * fault.strength


def moved(fault: Fault, wall: Wall, strand: Strand) -> Strand:
    """Rows pushed aside by a slit, or pulled apart; stakes pulled apart, and the weft's waves with them."""
    if fault.kind == "parted" and strand.family in ("weft", "stake"):
        x = wall.apart(strand.stake, fault.stake)
        return replace(strand, stake=strand.stake + _pull(fault, x, fault.stakes) * _along(fault, strand.row))
    if strand.family == "rim" and fault.kind == "rim" and not rim_is_gone(fault):
        lift = _across(fault, wall, strand.stake) * (0.6 + fault.strength)
        return replace(strand, row=strand.row + lift, off=strand.off + 0.5 * lift * wall.pitch)
    if strand.family != "weft" or fault.kind not in ("slit", "spread"):
        return strand
    across = _across(fault, wall, strand.stake)
    if fault.kind == "slit":
        x = strand.row - _edge(fault)
        return replace(
            strand,
            row=strand.row
            + np.sign(x) * _opening(fault) * across * np.exp(-np.maximum(np.abs(x) - 0.5, 0) / 2),
        )
    return replace(strand, row=strand.row + _pull(fault, strand.row - fault.row, fault.rows) * across)


def _pull(fault: Fault, away: Values, half: float) -> Values:
    return np.asarray((0.45 + 0.55 * fault.strength) * away * np.exp(-((away / half) ** 2)))


def rim_is_gone(fault: Fault) -> bool:
    """Or lifted off, else."""
    return fault.seed % 2 == 0


def left(fault: Fault, wall: Wall, strand: Strand) -> list[Strand]:
    """What a hole or a break leaves of a strand."""
    taken = {
        "run": ("weft",),
        "broken": ("weft",),
        "through": ("weft", "stake"),
        "stake_gone": ("stake",),
        "rim": ("rim",) if rim_is_gone(fault) else (),
    }.get(fault.kind, ())
    if strand.family not in taken:
        return [strand]
    rng = np.random.default_rng([fault.seed, strand.index])
    if fault.kind == "through":
        gone = _far(fault, wall, strand.row, strand.stake) < 1 + rng.uniform(-0.12, 0.12)
    elif fault.kind == "rim":
        gone = np.abs(wall.apart(strand.stake, fault.stake)) < fault.stakes
    elif fault.kind == "stake_gone":
        near = np.abs(wall.apart(np.array([float(strand.index)]), fault.stake)) < fault.stakes
        gone = near & (np.abs(strand.row - fault.row) < fault.rows)
    else:
        ragged = rng.uniform(-0.3, 0.3, 2)
        away = wall.apart(strand.stake, fault.stake)
        near = np.abs(strand.index + 0.5 - fault.row) < fault.rows
        gone = near & (away > -fault.stakes + ragged[0]) & (away < fault.stakes + ragged[1])
    return [strand] if not gone.any() else strand.cut(~gone)


def loosened(fault: Fault, wall: Wall, fabric: Fabric) -> list[Strand]:
    """Ends that stand out of the wall: of a broken strand, now and then of a hole; or a loose end by itself."""
    rng = np.random.default_rng([fault.seed, 9])
    if fault.kind == "loose":
        starts = [(fault.stake, rng.choice([-1, 1]), rng.uniform(1.5, 5))]
    elif fault.kind == "broken" or (fault.kind in ("run", "through") and rng.random() < 0.5):
        starts = [
            (fault.stake + side * fault.stakes, -side, rng.uniform(0.4, 1.2))
            for side in (-1, 1)
            if rng.random() < 0.7
        ]
    else:
        starts = []
    ends = []
    for stake, way, pitches in starts:
        t = np.linspace(0, 1, 14)
        length = pitches * wall.pitch
        thin = fabric.weft_width * wall.pitch * rng.uniform(0.35, 0.8)
        lift = rng.uniform(0.3, 1.0) * length
        ends.append(
            Strand(
                family="end",
                index=0,
                row=fault.row + rng.uniform(-1, 1) * pitches * 0.6 * t**1.5 * np.ones(14),
                stake=stake + way * length / wall.step * t * rng.uniform(0.5, 1.0),
                off=0.5 * fabric.weft_thick * wall.pitch + lift * t**1.3 * (1 - 0.4 * t),
                width=thin * (1 - 0.6 * t),
                thick=thin * 0.5 * (1 - 0.6 * t),
                tone=np.full(14, rng.uniform(0.8, 1.3)),
                tint=fabric.weft,
            )
        )
    return ends


def dents(faults: Sequence[Fault], wall: Wall) -> tuple[Dent, ...]:
    return tuple(
        Dent(
            row=f.row,
            stake=f.stake,
            reach=f.rows,
            depth=(1 if f.seed % 2 else -1) * (0.25 + 0.45 * f.strength) * f.rows * wall.pitch,
        )
        for f in faults
        if f.kind == "dent"
    )


def skips(faults: Sequence[Fault]) -> tuple[tuple[int, int, int], ...]:
    return tuple(
        (int(f.row), round(f.stake - f.stakes), round(f.stake + f.stakes))
        for f in faults
        if f.kind == "skipped"
    )


def painted(fault: Fault, wall: Wall, mesh: Mesh, *, family: str) -> None:
    """Changes the mesh's colours; mould goes by itself, since its specks are finer than the mesh."""
    if fault.kind == "stain":
        soft = 0.1 + 0.4 * (fault.seed % 100) / 100
        alpha = np.clip((1 - _far(fault, wall, mesh.row, mesh.stake)) / soft + 0.5, 0, 1) * fault.strength
    elif (fault.kind, family) in (("colour", "weft"), ("stake_colour", "stake")):
        alpha = shows(fault, wall, mesh.row, mesh.stake) * fault.strength * 0.9
    elif fault.kind == "mould":
        alpha = np.clip(1.3 - _far(fault, wall, mesh.row, mesh.stake), 0, 1)
        mesh.mould = np.maximum(mesh.mould, alpha)
        return
    else:
        return
    mesh.colour = mesh.colour * (1 - alpha[:, None]) + alpha[:, None] * np.asarray(fault.tint)
