"""Turning a sample turns its truth with it."""

import numpy as np
import pytest

from training.data import _changed, collate, samples_of, turned
from training.render.scene import Renderer


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
