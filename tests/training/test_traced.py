"""Planned baskets, their walls, strands and faults; and windows cut from traced pictures. Tracing itself wants Blender."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.render.cache import Shard
from training.render.fault import CODES
from training.traced.cut import PAIRS, WINDOWS, cut, window
from training.traced.fault import KINDS, dents, draw_fault, left, loosened, moved, painted, shows
from training.traced.opening import Opening, without
from training.traced.parts import edges, others_of_its_kind, woven
from training.traced.plan import WEAVE_SHARES, Plan, plan
from training.traced.seen import OUTSIDE, Traced, read_pair, write_pair
from training.traced.wall import Form, Wall, base_of, mat, side_wall
from training.traced.weave import Fabric, Strand, tube, weave

ROUND = Form(a=1.5, b=1.5, height=2.0, squareness=2.0, taper=0.0, belly=0.0)
WALL = side_wall(ROUND, pitch=0.1, aspect=1.2)
SEEDS = range(40)


def fabric(kind: str) -> Fabric:
    return Fabric(
        weave=kind,
        weft_width=0.9,
        weft_thick=0.3,
        stake_width=0.7,
        swell=0.1,
        unruly=0.0,
        uneven=0.0,
        spread=0.05,
        weft=(0.4, 0.3, 0.2),
        stake=(0.3, 0.2, 0.1),
        other=(0.1, 0.1, 0.1),
        other_share=0.0,
        band=1,
        checked=False,
        ply=0.0,
        lay=0,
        seed=3,
    )


def points(wall: Wall, count: int = 200) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    return rng.uniform(0, wall.rows, count), rng.uniform(0, wall.stakes, count)


def test_a_round_wall_is_round_and_its_steps_are_as_long_as_it_says() -> None:
    row, stake = points(WALL)
    places = WALL.at(row, stake)
    assert np.hypot(*places[:, :2].T) == pytest.approx(1.5, rel=1e-3)
    assert np.linalg.norm(WALL.at(row + 1, stake) - places, axis=1) == pytest.approx(WALL.pitch)
    arc = 2 * 1.5 * np.arcsin(np.linalg.norm(WALL.at(row, stake + 1) - places, axis=1) / 3.0)
    assert arc == pytest.approx(WALL.step, rel=2e-2)
    assert WALL.stakes * WALL.step == pytest.approx(2 * np.pi * 1.5, rel=1e-3)


def test_outward_is_away_from_the_middle_and_a_mat_looks_up() -> None:
    row, stake = points(WALL)
    radial = WALL.at(row, stake) * (1, 1, 0) / 1.5
    assert (WALL.outward(row, stake) * radial).sum(1) == pytest.approx(1, abs=2e-3)
    flat = mat(3, 2, pitch=0.1, aspect=1.0, bend=0.0, turn_rad=0.4)
    assert flat.outward(*points(flat))[:, 2] == pytest.approx(1)
    bottom = base_of(ROUND, pitch=0.1)
    assert bottom.outward(*points(bottom))[:, 2] == pytest.approx(1)


@pytest.mark.parametrize("kind", ["plain", "twill21", "twill22"])
def test_weft_passes_over_and_under_as_its_tile_says(kind: str) -> None:
    strands = [s for s in weave(WALL, fabric(kind)) if s.family == "weft"]
    floats = {"plain": 1, "twill21": 2, "twill22": 2}[kind]
    for strand in strands[1:4]:
        over = np.interp(np.arange(12), strand.stake, strand.off) > 0
        runs = np.diff(np.flatnonzero(np.diff(over.astype(int))))
        assert runs.max() == floats
    assert len(strands) == WALL.rows


@pytest.mark.parametrize("kind", WEAVE_SHARES)
@pytest.mark.parametrize("aspect", [0.83, 1.2, 3.1])
def test_a_row_goes_on_where_it_began(kind: str, aspect: float) -> None:
    """Round the basket: a seam would be a fault that nobody marked."""
    wall = side_wall(ROUND, pitch=0.1, aspect=aspect)
    for strand in weave(wall, replace(fabric(kind), unruly=0.1)):
        if strand.family == "weft":
            assert strand.off[0] == pytest.approx(strand.off[-1], abs=1e-6)
            assert strand.row[0] == pytest.approx(strand.row[-1], abs=1e-6)


@pytest.mark.parametrize("kind", WEAVE_SHARES)
def test_every_weave_makes_a_skin_round_its_strands(kind: str) -> None:
    for strand in weave(WALL, fabric(kind))[:: WALL.rows // 2]:
        mesh = tube(WALL, strand)
        assert np.isfinite(mesh.places).all()
        assert mesh.faces.min() == 0
        assert mesh.faces.max() == len(mesh.places) - 1
        centre = (
            WALL.at(strand.row, strand.stake) + WALL.outward(strand.row, strand.stake) * strand.off[:, None]
        )
        rings = mesh.places.reshape(len(centre), -1, 3)
        far = np.linalg.norm(rings[1:-1] - centre[1:-1, None], axis=2).max(1)
        assert far == pytest.approx(np.maximum(strand.width, strand.thick)[1:-1] / 2, rel=0.05)


def test_plies_of_a_cord_pass_as_often_as_stated_along_it_and_around_it() -> None:
    cord = replace(fabric("plain"), ply=0.04, lay=3)
    strand = weave(WALL, cord)[5]
    length, share, plies = tube(WALL, strand).along.reshape(len(strand.row), -1, 3).transpose(2, 0, 1)
    assert (plies[-1] - plies[0]) * 0.04 == pytest.approx(length[-1] - length[0])
    assert plies[7] - plies[7, 0] == pytest.approx(3 * share[7])
    stake = next(strand for strand in weave(WALL, cord) if strand.family == "stake")
    assert (tube(WALL, stake).along[:, 2] == 0).all()


def test_a_hole_takes_strands_where_it_shows_and_nowhere_else() -> None:
    for seed in range(20):
        for kind, families in (
            ("run", {"weft"}),
            ("broken", {"weft"}),
            ("through", {"weft", "stake"}),
            ("stake_gone", {"stake"}),
        ):
            fault = draw_fault(kind, WALL, 10.2, 30.0, np.random.default_rng(seed))
            lost = 0
            for strand in weave(WALL, fabric("plain")):
                rest = left(fault, WALL, strand)
                kept = set(np.concatenate([s.stake + 1000 * s.row for s in rest])) if rest else set()
                gone = np.array([k not in kept for k in strand.stake + 1000 * strand.row])
                lost += gone.sum()
                assert not gone.any() or strand.family in families
                near = np.abs(strand.row[gone] - fault.row) <= 1.3 * fault.rows + 0.2
                assert near.all()
                assert (np.abs(strand.stake[gone] - fault.stake) <= 1.4 * fault.stakes + 1).all()
            assert lost > 0
            shown = shows(fault, WALL, *points(WALL, 40000))
            assert 0 < shown.mean() < 0.2


@pytest.mark.parametrize("kind", ["slit", "spread"])
def test_rows_are_pushed_apart_at_the_fault_only(kind: str) -> None:
    fault = draw_fault(kind, WALL, 10.2, 30.0, np.random.default_rng(2))
    wefts = [s for s in weave(WALL, fabric("plain")) if s.family == "weft"]
    after = [moved(fault, WALL, s) for s in wefts]
    at = int(np.argmin(np.abs(wefts[0].stake - fault.stake)))
    rows = np.array([s.row[at] for s in after])
    assert np.diff(rows).max() > 1.3
    assert (np.diff(rows) > 0).all()
    away = int(np.argmin(np.abs(wefts[0].stake - ((fault.stake + WALL.stakes / 2) % WALL.stakes))))
    assert np.array([s.row[away] for s in after]) == pytest.approx([s.row[away] for s in wefts])


def test_stakes_are_parted_at_the_fault_only() -> None:
    fault = draw_fault("parted", WALL, 10.2, 30.0, np.random.default_rng(2))
    stakes = [s for s in weave(WALL, fabric("plain")) if s.family == "stake"]
    after = [moved(fault, WALL, s) for s in stakes]
    at = int(np.argmin(np.abs(stakes[0].row - fault.row)))
    assert np.diff([s.stake[at] for s in after]).max() > 1.3
    assert (np.diff([s.stake[at] for s in after]) > 0).all()
    assert [s.stake[0] for s in after] == pytest.approx([s.stake[0] for s in stakes])


def test_a_rim_is_gone_or_lifted_at_its_fault_and_sound_elsewhere() -> None:
    planned = next(p for p in map(plan, range(100)) if p.form is not None)
    wall, ways = planned.wall, set()
    for seed in range(8):
        fault = draw_fault("rim", wall, 1.0, wall.stakes / 2, np.random.default_rng(seed))
        sound, faulty = (edges(planned, wall, faults, np.random.default_rng(0)) for faults in ((), (fault,)))

        def height(rim: list[Strand], stake: float) -> float:
            """Of the highest strand there, in rows; 0 where there is none."""
            near = [s.row[np.abs(s.stake - stake) < 1] for s in rim]
            return max((float(rows.max()) for rows in near if len(rows)), default=0.0)

        assert height(faulty, 1.0) == height(sound, 1.0) > 0
        ways.add(np.sign(height(faulty, fault.stake) - height(sound, fault.stake)))
    assert ways == {-1.0, 1.0}


def test_an_opening_leaves_no_strand_within_its_bound_edge_and_no_wall() -> None:
    opening = Opening(
        row=10.0, stake=30.0, rows=3.0, stakes=5.0, squareness=3.0, bound_dm=0.08, twists=2, tint=(0.1,) * 3
    )
    for strand in weave(WALL, fabric("plain")):
        for rest in opening.left(WALL, strand):
            assert (opening.far(WALL, rest.row, rest.stake) >= 1).all()
    for edge in opening.edge(WALL):
        assert opening.far(WALL, edge.row, edge.stake) == pytest.approx(1, abs=0.3)
    row, stake = points(WALL, 40000)
    missing = 1 - without(opening, WALL, row, stake).mean()
    assert 0.8 < missing * WALL.rows * WALL.stakes / (4 * 3 * 5) < 1  # of the rectangle round it


def test_faults_lie_clear_of_an_opening() -> None:
    openings = 0
    for planned in map(plan, range(150)):
        if planned.opening is None:
            continue
        openings += 1
        for fault in planned.faults:
            row, stake = np.array([fault.row]), np.array([fault.stake])
            assert planned.opening.far(planned.wall, row, stake)[0] > 1
    assert openings > 5


def test_others_stand_beside_or_in_the_first_and_never_below_the_ground() -> None:
    rng = np.random.default_rng(0)
    for planned in map(plan, range(100)):
        for other in others_of_its_kind(planned, rng):
            assert planned.form is not None
            apart = np.hypot(*other.at[:2])
            assert other.at[2] >= 0
            assert apart > 2 * max(planned.form.a, planned.form.b) or other.at[2] > 0


def test_paint_changes_colours_and_a_dent_changes_the_wall_at_the_fault_only() -> None:
    rng = np.random.default_rng(5)
    strand = weave(WALL, fabric("plain"))[10]
    for kind, family in (("stain", "weft"), ("colour", "weft"), ("stake_colour", "stake"), ("mould", "weft")):
        fault = draw_fault(kind, WALL, 10.5, 30.0, rng)
        before, after = tube(WALL, strand), tube(WALL, strand)
        painted(fault, WALL, after, family=family)
        changed = (before.colour != after.colour).any(1) | (after.mould > 0)
        assert changed.any()
        assert not changed[np.abs(after.stake - 30.0) > 2 * fault.stakes + 1].any()
    dented = WALL.dented(dents([draw_fault("dent", WALL, 10.5, 30.0, rng)], WALL))
    row, stake = np.array([10.5, 10.5]), np.array([30.0, 5.0])
    apart = np.linalg.norm(dented.at(row, stake) - WALL.at(row, stake), axis=1)
    assert apart[0] > 0.9 * WALL.pitch
    assert apart[1] < 1e-3


def test_a_loose_end_stands_out_of_the_wall() -> None:
    fault = draw_fault("loose", WALL, 10.5, 30.0, np.random.default_rng(1))
    (end,) = loosened(fault, WALL, fabric("plain"))
    assert end.off[-1] > end.off[0] > 0


def test_plans_repeat_and_their_faults_lie_on_the_wall_before_the_camera() -> None:
    kinds = set()
    for seed in SEEDS:
        planned = plan(seed)
        assert [
            getattr(planned, f.name) for f in fields(Plan) if f.name in ("faults", "things", "rim_radius")
        ] == [
            getattr(plan(seed), f.name) for f in fields(Plan) if f.name in ("faults", "things", "rim_radius")
        ]
        for fault in planned.faults:
            kinds.add(fault.kind)
            assert fault.code in CODES
            if fault.kind == "rim":
                continue
            row, stake = np.array([fault.row]), np.array([fault.stake])
            toward = planned.view.eye - planned.wall.at(row, stake)[0]
            assert planned.wall.outward(row, stake)[0] @ toward > 0
    assert len(kinds) > len(KINDS) / 2


def test_every_plan_can_be_woven() -> None:
    for seed in range(6):
        planned = plan(seed)
        mesh = woven(planned, planned.wall, planned.faults)
        assert np.isfinite(mesh.places).all()
        assert mesh.places[:, 2].min() > -0.3
        assert all(
            np.isfinite(s.row).all() for s in edges(planned, planned.wall, (), np.random.default_rng(0))
        )


def traced(*, faulty: bool, row_px: float = 12.0, stake_px: float = 16.0, part: int = OUTSIDE) -> Traced:
    """A flat wall that fills a picture of 400 by 320 px; its fault a square in the middle."""
    y, x = np.mgrid[0:320, 0:400].astype(np.float32)
    light = np.repeat((0.3 + 0.2 * np.cos(2 * np.pi * y / row_px))[..., None], 3, axis=2)
    marks = np.zeros((320, 400), bool)
    if faulty:
        marks[140:180, 180:220] = True
        light[marks] = 0.02
    return Traced(
        light=light.astype(np.float16),
        place=np.stack([y / row_px, x / stake_px], 2).astype(np.float32),
        part=np.full((320, 400), part, np.uint8),
        marks=marks,
        code="MAJ-HOLE" if faulty else "",
        weave="plain",
    )


def test_a_window_knows_how_far_strands_lie_apart() -> None:
    seen = 0
    for seed in range(12):
        *_, sound = window(traced(faulty=True), traced(faulty=False), np.random.default_rng(seed))
        rows, stakes = (np.hypot(*sound.steps[k : k + 2]) for k in (0, 2))
        read = rows > 0
        assert read.any()
        assert stakes[read] / rows[read] == pytest.approx(16 / 12, rel=0.02)
        assert 9.5 < np.median(rows[read]) < 20.1  # no smaller than that the whole picture fills the window
        assert sound.steps[0][read] == pytest.approx(
            0, abs=0.1
        )  # rows lie below one another, mirrored or not
        seen += 1
        assert np.abs(sound.crests).max() <= 1
        assert sound.judged.min() == 1
    assert seen == 12


def test_a_faulty_window_comes_with_its_twin_taken_by_the_same_camera() -> None:
    pairs = 0
    for seed in range(12):
        pictures = window(traced(faulty=True), traced(faulty=False), np.random.default_rng(seed))
        again = window(traced(faulty=True), traced(faulty=False), np.random.default_rng(seed))
        assert all((a.rgb == b.rgb).all() for a, b in zip(pictures, again, strict=True))
        if len(pictures) == 2:
            pairs += 1
            faulty, sound = pictures
            hole = CODES.index("MAJ-HOLE")
            assert faulty.defects[hole].max() == 1
            assert faulty.defects.sum() == pytest.approx(faulty.defects[hole].sum())
            assert not sound.defects.any()
            there = np.kron(faulty.defects[hole] > 0.9, np.ones((4, 4), bool))
            far = np.abs(faulty.rgb.astype(int) - sound.rgb).mean(2)
            assert far[there].mean() > 5 * far[~there].mean()
    assert pairs > 6
    (alone,) = window(traced(faulty=False), traced(faulty=False), np.random.default_rng(0))
    assert not alone.defects.any()


def test_pairs_become_shards_once_and_a_damaged_one_is_left_out(tmp_path: Path) -> None:
    pairs, shards = tmp_path / "traced", tmp_path / "windows"
    pairs.mkdir()
    for seed in range(PAIRS + 3):
        write_pair(pairs / f"{seed}.npz", traced(faulty=True), traced(faulty=False))
    (pairs / "4.npz").write_bytes((pairs / "4.npz").read_bytes()[:2000])
    made = list(cut(pairs, shards))
    assert len(made) == WINDOWS // 2
    assert all(len(Shard(path)) == 2 * (PAIRS - 1) for path in made)
    assert list(cut(pairs, shards)) == []
    made[-1].unlink()  # as if the cutting had been stopped before it
    assert list(cut(pairs, shards)) == made
    for seed in range(PAIRS + 3, 2 * PAIRS):
        write_pair(pairs / f"{seed}.npz", traced(faulty=True), traced(faulty=False))
    assert len(list(cut(pairs, shards))) == WINDOWS // 2
    faulty, sound = read_pair(pairs / "0.npz")
    assert (faulty.code, sound.code) == ("MAJ-HOLE", "")
    assert (faulty.marks == traced(faulty=True).marks).all()
