"""Turning a sample turns its truth with it; faults that nobody could see are not taught."""

import numpy as np
import pytest

from training.data import _changed, collate, samples_of, seen, turned
from training.render.fault import CODES
from training.render.scene import Renderer
from training.render.truth import Picture


@pytest.fixture(scope="module")
def sample():
    renderer = Renderer()
    return next(samples_of([p])[0] for p in map(renderer.render, range(99)) if p.judged.mean() > 0.9)


def test_mirroring_twice_gives_the_sample_back(sample) -> None:
    sign = np.array([-1, 1, -1, 1])
    back = _changed(
        _changed(sample, lambda a: np.flip(a, -1), sign, [0, 1, 2, 3]),
        lambda a: np.flip(a, -1),
        sign,
        [0, 1, 2, 3],
    )
    assert np.array_equal(back.rgb, sample.rgb)
    assert np.array_equal(back.steps, sample.steps)


def test_transposing_swaps_x_and_y_of_every_step(sample) -> None:
    swapped = _changed(sample, lambda a: np.swapaxes(a, -1, -2), np.ones(4, int), [1, 0, 3, 2])
    assert swapped.steps[0, 5, 9] == sample.steps[1, 9, 5]
    assert swapped.steps[1, 5, 9] == sample.steps[0, 9, 5]
    assert np.array_equal(swapped.rgb[5, 9], sample.rgb[9, 5])


def test_turning_keeps_lengths_of_steps(sample) -> None:
    for seed in range(8):
        out = turned(sample, np.random.default_rng(seed))
        before = np.sort(np.hypot(sample.steps[0], sample.steps[1]).ravel())
        after = np.sort(np.hypot(out.steps[0], out.steps[1]).ravel())
        assert np.allclose(before, after)


def test_a_batch_is_normalised_as_the_manifest_says(sample) -> None:
    batch = collate([sample])
    assert batch.photo.shape == (1, 3, *sample.rgb.shape[:2])
    expected = (sample.rgb[3, 4, 1] / 255 - 0.498) / 0.502
    assert abs(float(batch.photo[0, 1, 3, 4]) - expected) < 1e-5


def _pair(*, contrast: float, change: float) -> tuple[Picture, Picture]:
    """A chequered ground of +-`contrast` grey levels, and the same with a square of it lighter by `change`."""
    y, x = np.mgrid[0:128, 0:128]
    ground = 110 + contrast * np.where((x // 8 + y // 8) % 2, 1.0, -1.0)
    spot = np.zeros((32, 32), np.float32)
    spot[12:18, 10:16] = 1
    defects = np.zeros((len(CODES), 32, 32), np.float32)
    defects[3] = spot

    def picture(grey: np.ndarray, planted: np.ndarray) -> Picture:
        return Picture(
            rgb=np.repeat(grey[..., None], 3, 2).clip(0, 255).astype(np.uint8),
            basket=np.ones((32, 32), np.float32),
            judged=np.ones((32, 32), np.float32),
            steps=np.zeros((4, 32, 32), np.float32),
            crests=np.zeros((2, 32, 32), np.float32),
            defects=planted,
        )

    lighter = ground + change * np.kron(spot, np.ones((4, 4)))
    return picture(lighter, defects), picture(ground, defects * 0)


@pytest.mark.parametrize(
    ("contrast", "change", "stands_out"), [(0, 40, True), (60, 120, True), (0, 4, False), (60, 25, False)]
)
def test_a_fault_is_taught_where_it_stands_out_from_what_its_weave_looks_like(
    contrast: float, change: float, stands_out: bool
) -> None:
    faulty, sound = _pair(contrast=contrast, change=change)
    sure = seen(faulty, sound)
    planted = faulty.defects.max(0) > 0.5
    assert sure[~planted].all()
    assert sure[planted].all() if stands_out else not sure[planted].any()


def test_of_a_faulty_picture_and_its_twin_only_what_is_faulty_can_be_unsure() -> None:
    faint, sound = (samples_of(_pair(contrast=60, change=25))[i] for i in (0, 1))
    assert not faint.sure.all()
    assert sound.sure.all()
