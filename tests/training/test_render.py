"""The renderer's truth, checked against what the pixels themselves say."""

import cv2
import numpy as np
import pytest

from training.render import fabric
from training.render.cache import Shard, fill
from training.render.fault import CODES
from training.render.scene import SIDE_PX, Renderer
from training.render.truth import CELL_PX, Picture


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


@pytest.fixture(scope="module")
def pictures(renderer: Renderer) -> list[Picture]:
    return [renderer.render(seed) for seed in range(24)]


def test_the_same_seed_gives_the_same_picture(renderer: Renderer) -> None:
    first, second = renderer.render(5), renderer.render(5)
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.defects, second.defects)
    assert not np.array_equal(first.rgb, renderer.render(6).rgb)


def test_a_sound_twin_differs_most_where_the_faults_are(renderer: Renderer) -> None:
    seen = 0
    for seed in range(8):
        faulty, sound = renderer.render(seed), renderer.render(seed, sound=True)
        assert sound.defects.max() == 0
        assert np.array_equal(faulty.basket, sound.basket)
        here = cv2.dilate(faulty.defects.max(0), np.ones((9, 9))) > 0
        changed = np.abs(faulty.rgb.astype(int) - sound.rgb).max(2).reshape(64, 4, 64, 4).max((1, 3))
        if here.any() and not here.all():
            seen += 1
            assert changed[here].mean() > changed[~here].mean()  # exposure looks at the whole
    assert seen >= 3


def test_maps_have_the_stated_shapes_and_ranges(pictures: list[Picture]) -> None:
    cells = SIDE_PX // CELL_PX
    for picture in pictures:
        assert picture.rgb.shape == (SIDE_PX, SIDE_PX, 3)
        assert picture.rgb.dtype == np.uint8
        assert picture.steps.shape == (4, cells, cells)
        assert picture.defects.shape == (len(CODES), cells, cells)
        for values in (picture.basket, picture.judged, picture.defects):
            assert np.isfinite(values).all()
            assert values.min() >= 0
            assert values.max() <= 1
        assert np.isfinite(picture.steps).all()


def test_only_basket_is_judged(pictures: list[Picture]) -> None:
    for picture in pictures:
        assert (picture.judged <= picture.basket + 1e-3).all()


def _agreement(grey: np.ndarray, at: tuple[int, int], shift: np.ndarray, side: int) -> float:
    """Correlation of a patch with the patch one shift (x, y) further."""

    def patch(dx: float, dy: float) -> np.ndarray:
        view = np.array([[1, 0, at[0] - side / 2 + dx], [0, 1, at[1] - side / 2 + dy]])
        return cv2.warpAffine(grey, view, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    a, b = patch(0, 0), patch(*shift)
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_the_weave_recurs_after_two_stated_steps_more_than_after_one_and_a_half(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two strands are a whole repeat of the plain weaves, 1.5 of none: the stated pitch is the pixels' own."""
    monkeypatch.setattr(fabric, "WEAVES", {"plain": 0.4, "lens": 0.3, "wicker": 0.3})
    monkeypatch.setattr(fabric, "MIXED", 0.0)  # stems of two colours lie in no order
    better, counted = 0, 0
    for seed in range(400, 490):
        picture = renderer.render(seed, sound=True)
        if picture.judged[18:46, 18:46].min() < 1:
            continue
        grey = cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
        middle = picture.judged.shape[0] // 2
        for k in (0, 2):
            step = picture.steps[k : k + 2, middle, middle]
            length = float(np.hypot(*step))
            if not 6 < length < 32:
                continue
            counted += 1
            at = (SIDE_PX // 2, SIDE_PX // 2)
            better += _agreement(grey, at, 2 * step, 96) > _agreement(grey, at, 1.5 * step, 96)
    assert counted >= 8
    assert better / counted > 0.8


def test_crests_turn_into_valleys_half_a_step_on_and_into_crests_a_step_on(renderer: Renderer) -> None:
    """The drawn strands and the stated steps come from the same place on the fabric by two different ways."""
    counted = 0
    for seed in range(400, 450):
        picture = renderer.render(seed, sound=True)
        ys, xs = np.mgrid[22:42, 22:42]
        for family, k in ((0, 0), (1, 2)):
            steps = picture.steps[k : k + 2, ys, xs]
            length = np.hypot(*steps)
            if picture.judged[22:42, 22:42].min() < 1 or length.min() < 16 or length.max() > 40:
                continue
            if length.std() > 0.04 * length.mean():
                continue
            counted += 1

            def crest(times: float, family=family, steps=steps, ys=ys, xs=xs, picture=picture) -> np.ndarray:
                x, y = (xs + times * steps[0] / CELL_PX), (ys + times * steps[1] / CELL_PX)
                return cv2.remap(
                    picture.crests[family], x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR
                )

            here = picture.crests[family, ys, xs]
            assert np.corrcoef(here.ravel(), crest(0.5).ravel())[0, 1] < -0.6
            assert np.corrcoef(here.ravel(), crest(1.0).ravel())[0, 1] > 0.6
    assert counted >= 3


def test_the_cache_keeps_the_newest_and_does_not_render_again_what_it_cleared(
    tmp_path, renderer: Renderer, monkeypatch
) -> None:
    drawn = []
    picture = renderer.render(1)

    def count(self: Renderer, seed: int, *, sound: bool = False) -> Picture:
        drawn.extend([] if sound else [seed])
        return picture

    monkeypatch.setattr(Renderer, "render", count)
    list(fill(tmp_path, first_seed=0, seeds=128, kept=64, renderer=renderer))
    assert [p.stem for p in sorted(tmp_path.glob("*.npz"))] == ["00000064", "00000096"]
    list(fill(tmp_path, first_seed=0, seeds=160, kept=64, renderer=renderer))
    assert drawn == list(range(160))


def test_a_faulty_picture_lies_beside_its_sound_twin(tmp_path, renderer: Renderer) -> None:
    [path] = fill(tmp_path, first_seed=0, seeds=32, kept=32, renderer=renderer)
    pairs = [pictures for pictures in Shard(path) if len(pictures) == 2]
    assert pairs
    for faulty, sound in pairs:
        assert (faulty.defects.max(0) * faulty.judged).max() > 0.5
        assert sound.defects.max() == 0
        far = cv2.dilate(faulty.defects.max(0), np.ones((9, 9))) == 0
        changed = np.abs(faulty.rgb.astype(float) - sound.rgb).mean(2).reshape(64, 4, 64, 4).mean((1, 3))
        if far.any() and (faulty.defects.max(0) > 0.5).any():
            assert np.median(changed[far]) <= np.median(changed[faulty.defects.max(0) > 0.5])


def test_a_cut_off_render_goes_on_where_it_stopped(tmp_path, renderer: Renderer) -> None:
    first = list(fill(tmp_path, first_seed=0, seeds=32, kept=64, renderer=renderer))
    stamp = first[0].stat().st_mtime_ns
    again = list(fill(tmp_path, first_seed=0, seeds=32, kept=64, renderer=renderer))
    assert again == first
    assert again[0].stat().st_mtime_ns == stamp
    kept = Shard(first[0])
    assert len(kept) == 32
    assert np.array_equal(kept[3][0].rgb, renderer.render(3).rgb)
    assert not list(tmp_path.glob("*.part"))
