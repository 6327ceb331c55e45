"""All that is true of a render, checked against geometry, against counting, and against the picture for training."""

import math
from dataclasses import fields, replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from training.render import fabric
from training.render.fault import CODES
from training.render.scene import Renderer
from training.render.shape import _growth, _nearness, box, cylinder
from training.render.survey import NO_STRAND, WARP, WEFT, Survey, _wall
from training.render.truth import CELL_PX, LaidCard, Picture


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


@pytest.fixture(scope="module")
def surveys(renderer: Renderer) -> list[Survey]:
    return [renderer.survey(seed) for seed in range(40, 64)]


def test_a_survey_is_of_the_very_picture_that_is_trained_on(renderer: Renderer) -> None:
    for seed in (41, 52):
        surveyed, alone = renderer.survey(seed).picture, renderer.render(seed)
        for field in fields(Picture):
            assert np.array_equal(getattr(surveyed, field.name), getattr(alone, field.name))


def test_maps_agree_with_the_cells_of_the_picture(surveys: list[Survey]) -> None:
    for survey in surveys:
        middle = (..., slice(CELL_PX // 2, None, CELL_PX), slice(CELL_PX // 2, None, CELL_PX))
        assert (survey.basket[middle][survey.picture.basket == 1] > 0).all()
        assert not survey.basket[middle][survey.picture.basket == 0].any()
        assert set(np.unique(survey.basket)) <= set(range(len(survey.baskets) + 1))
        judged = (survey.picture.basket == 1) & (survey.picture.judged == 1)
        known = judged & survey.picture.steps.any(0)
        assert np.allclose(survey.steps_px[middle][:, known], survey.picture.steps[:, known], atol=1e-3)
        assert np.allclose(np.linalg.norm(survey.normal[middle][:, judged], axis=0), 1, atol=1e-5)
        assert not survey.strand[survey.basket == 0].any()


def test_plain_weave_changes_the_strand_on_top_at_every_stated_step(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting crossings along a line of so many stated steps gives so many strands, along both families."""
    monkeypatch.setattr(fabric, "WEAVES", {"plain": 1.0})
    monkeypatch.setattr(fabric, "CALM", 1.0)
    right, counted = 0, 0
    for seed in range(400, 420):
        survey = renderer.survey(seed, sound=True)
        ys, xs = np.where(survey.picture.crests.min(0) > 0.95)
        for y, x in zip(ys[::5] * CELL_PX + 2, xs[::5] * CELL_PX + 2, strict=True):
            for first in (0, 2):
                at, seen = np.array([x, y], float), []
                while len(seen) < 6 and (at >= 0).all() and (at < survey.strand.shape[0]).all():
                    column, row = at.astype(int)
                    step = survey.steps_px[first : first + 2, row, column]
                    if survey.strand[row, column] == NO_STRAND or not 5 < np.hypot(*step) < 60:
                        break
                    seen.append(survey.strand[row, column])
                    at = at + step
                if len(seen) == 6:
                    changed = [a != b for a, b in pairwise(seen)]
                    counted += len(changed)
                    right += sum(changed)
    assert counted > 150
    assert right / counted >= 0.7  # strands stray; steps twice as long would give none, chance half


def test_waves_are_one_strand_long_along_their_own_step_and_none_along_the_other(
    surveys: list[Survey],
) -> None:
    for survey in surveys:
        rows, stakes = survey.waves_per_px[:2], survey.waves_per_px[2:]
        for wave, own, other in ((rows, 0, 2), (stakes, 2, 0)):
            known = wave.any(0)
            along = np.einsum("chw,chw->hw", wave, survey.steps_px[own : own + 2])[known]
            across = np.einsum("chw,chw->hw", wave, survey.steps_px[other : other + 2])[known]
            assert np.allclose(along, 1, atol=1e-2)
            assert np.allclose(across, 0, atol=1e-2)


def test_the_round_wall_is_foreshortened_as_its_normals_say() -> None:
    """Seen from afar, lengths on a wall with the unit normal n shrink to P with P P' = I - n n' (in x and y)."""
    seen = 0
    for seed in range(6):
        _, face = cylinder(256, np.random.default_rng(seed))
        normal = torch.nn.functional.normalize(torch.stack([torch.as_tensor(v) for v in face.normal]), dim=0)
        inner = torch.from_numpy(cv2.erode(face.mask.numpy().astype(np.uint8), np.ones((5, 5)))) > 0
        inner &= normal[2] > 0.5
        wall = _wall(face)[..., inner].permute(2, 0, 1)
        shown = torch.linalg.inv(wall)
        x, y = normal[0][inner], normal[1][inner]
        expected = torch.stack([1 - x * x, -x * y, -x * y, 1 - y * y], 1).reshape(-1, 2, 2)
        wrong = (shown @ shown.transpose(1, 2) - expected).abs().amax((1, 2))
        assert wrong.median() < 0.06  # the drawn wall leans by some hundredths, which its normals leave out
        seen += int(inner.sum())
    assert seen > 10_000


def test_depth_summed_over_the_normals_of_a_round_wall_is_a_circle() -> None:
    """Where the radius hardly changes: z falls by n_x / n_z a px, over a row of the picture by r (1 - cos) / cos(above)."""
    checked = 0
    for seed in range(30):
        _, face = cylinder(512, np.random.default_rng(seed))
        x, y, z = (torch.as_tensor(v) for v in face.normal)
        above = math.atan2(float(y[face.mask].max()), float(z[face.mask].max()))
        for row in range(0, 512, 64):
            line = face.mask[row]
            radius = (face.stretch[0] * face.along.abs().max() * 2 / math.pi)[row]
            if line.sum() < 200 or radius[line].std() > 0.01 * radius[line].mean() or line[0] or line[-1]:
                continue
            sine = x[row][line]
            middle = int(sine.abs().argmin())
            depth = torch.cumsum((x / z)[row][line], 0)
            fallen = (depth - depth[middle])[sine.abs() < 0.9]
            circle = radius[line] * (1 - torch.sqrt(1 - sine * sine)) / math.cos(above)
            assert torch.allclose(fallen, circle[sine.abs() < 0.9], atol=float(radius[line].mean()) * 0.06)
            checked += 1
    assert checked >= 3


def test_the_sides_of_a_box_stand_square_to_one_another() -> None:
    for seed in range(20):
        normals = {
            tuple(np.round(np.array(f.normal) / np.linalg.norm(f.normal), 5))
            for f in box(64, np.random.default_rng(seed))
        }
        unit = np.array(sorted(normals))
        cosines = np.abs(unit @ unit.T)
        assert ((cosines < 1e-3) | (cosines > 1 - 1e-3)).all()
        assert np.linalg.matrix_rank(unit, tol=1e-2) == 3


def test_a_plane_photographed_with_a_known_normal_is_told_to_have_it() -> None:
    n, rng = 200, np.random.default_rng(3)
    for _ in range(10):
        normal = np.array([*rng.uniform(-0.6, 0.6, 2), -1.0])  # x right, y down, z away from the camera
        normal /= np.linalg.norm(normal)
        right = np.cross([0, 1, 0], normal)
        right /= np.linalg.norm(right)
        down = np.cross(normal, right)
        corners = np.array([0, 0, 4]) + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ np.array(
            [right, down]
        )
        quad = n * corners[:, :2] / corners[:, 2:] + n / 2  # focal length: the side of the photo
        x, y, toward = _nearness(n, *_growth(quad, (2.0, 2.0), n))
        told = np.array([x, y, -toward]) / np.linalg.norm([x, y, toward])
        assert told @ normal > 0.9999


def test_holes_together_are_what_is_marked_as_a_hole(surveys: list[Survey]) -> None:
    seen = 0
    for survey in surveys:
        for k, code in enumerate(CODES):
            masks = [fault.mask for fault in survey.instances if fault.code == code]
            together = np.any(masks, axis=0) if masks else np.zeros(survey.strand.shape, bool)
            cells = together.reshape(64, CELL_PX, 64, CELL_PX).any((1, 3))
            assert np.array_equal(cells, survey.picture.defects[k] > 0)
            seen += len(masks)
    assert seen > 20


def test_severity_is_the_extent_in_the_picture_over_its_scale(renderer: Renderer) -> None:
    """On close-ups the wall hardly turns away, so both can be measured in the picture, too."""
    ratios, areas = [], []
    for seed in range(30):
        survey = renderer.survey(seed)
        for fault in survey.instances:
            facts = survey.baskets[fault.basket - 1]
            if facts.shape == "closeup":
                _, radius = cv2.minEnclosingCircle(np.argwhere(fault.mask).astype(np.float32))
                ratios.append(fault.severity_mm * facts.px_per_mm / (2 * radius + 1))
                areas.append(fault.area_mm2 * facts.px_per_mm**2 / fault.mask.sum())
    assert len(ratios) > 8
    assert 0.9 < np.median(ratios) < 1.25
    assert 0.7 < np.median(areas) < 1.35
    assert np.min(ratios) > 0.6


def test_every_basket_has_a_plausible_size(surveys: list[Survey]) -> None:
    sizes = [basket for survey in surveys for basket in survey.baskets]
    assert len(sizes) > 15
    for basket in sizes:
        assert 0.1 < basket.row_mm <= 25
        assert basket.stake_mm <= 50.001
        if basket.plan.material == "mendong" and not basket.scanned:
            assert basket.row_mm <= 7.1
    for survey in surveys:
        lengths = np.linalg.norm(survey.steps_px.reshape(2, 2, *survey.strand.shape), axis=1)
        for number, basket in enumerate(survey.baskets, start=1):
            here = (survey.basket == number) & (survey.pitch_mm[0] > 0)
            if here.sum() > 500 and math.isinf(
                basket.focal_px
            ):  # from afar, nothing is larger than on the front
                assert np.percentile(lengths[0][here] / survey.pitch_mm[0][here], 99) < basket.px_per_mm * 1.1


def test_ropes_show_one_family_and_woven_strands_both(surveys: list[Survey]) -> None:
    for survey in surveys:
        for number, basket in enumerate(survey.baskets, start=1):
            shown = set(np.unique(survey.strand[survey.basket == number])) - {NO_STRAND}
            if basket.scanned:
                assert not shown
            elif basket.plan.weave in fabric.LOBED:
                assert shown <= {WEFT}
            elif basket.plan.weave == "plain" and basket.shape == "closeup":
                assert shown == {WEFT, WARP}


@pytest.mark.parametrize("lay", [-1.2, 0.8])
def test_plies_of_a_cord_lie_as_far_apart_as_stated_and_move_no_strand(lay: float) -> None:
    rng = np.random.default_rng(5)
    plain = replace(
        next(
            p
            for p, _ in iter(lambda: fabric.plan_fabric(rng), None)
            if p.weave == "plain" and p.roundness < 3
        ),
        ply=0.0,
        unruly=0.0,
        uneven=0.0,
        weft_cover=1.0,
        paired_stakes=False,
    )
    cord, aspect = replace(plain, ply=0.25, lay=lay), 2.0
    stakes = torch.linspace(0.6, 1.4, 1601).repeat(3, 1)
    rows = torch.tensor([[0.9], [1.0], [1.1]]).expand_as(stakes).contiguous()
    where = {"rows": rows, "stakes": stakes, "noise": torch.full((64, 64), 0.5), "floats": []}
    still = torch.zeros_like(rows)
    lying, twisted = (
        fabric.weave_surface(p, **where, missing_weft=still, missing_warp=still, aspect=aspect)
        for p in (plain, cord)
    )
    bulge = (twisted.height - lying.height).numpy()
    on_top = (lying.weft & twisted.weft).numpy()
    assert on_top[1].mean() > 0.5
    spectra = np.abs(np.fft.rfft(bulge[1, on_top[1]] - bulge[1, on_top[1]].mean(), 1 << 16))
    steps_a_ply = (1 << 16) / spectra.argmax()
    assert steps_a_ply * (0.8 / 1600) * aspect == pytest.approx(0.25, rel=0.05)
    assert bulge[on_top].min() >= -1e-6
    assert bulge[on_top].max() == pytest.approx(fabric.PLY_DEPTH, rel=0.05)
    assert torch.equal(twisted.stakes, lying.stakes)


def test_a_card_lies_where_it_is_said_to_lie(renderer: Renderer) -> None:
    seen = 0
    for seed in (24, 27, 34, 68):
        survey = renderer.survey(seed)
        for card in survey.cards:
            drawn = np.zeros(survey.strand.shape, np.uint8)
            cv2.fillPoly(drawn, [np.round((card.corners - 0.5) * 16).astype(np.int32)], 1, shift=4)
            inside = cv2.erode(drawn, np.ones((5, 5))) > 0
            if card.visible > 0.97 and inside.sum() > 200:
                seen += 1
                assert not survey.basket[inside].any()
                width, height = (np.linalg.norm(card.corners[k + 1] - card.corners[k]) for k in (0, 1))
                assert card.marker_px[0] < width / 2
                assert card.marker_px[1] < height / 2
    assert seen >= 2


def test_the_corners_of_a_card_go_round_it() -> None:
    card = LaidCard.at(np.array([50.0, 40.0]), 0.0, (20.0, 10.0), marker=0.3, layer=1)
    assert card.corners.tolist() == [[30, 30], [70, 30], [70, 50], [30, 50]]
    assert card.marker == pytest.approx((6.0, 3.0))
