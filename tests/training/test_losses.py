"""How cells weigh in the training: faults count at the scale that they are judged at."""

import numpy as np
import pytest
import torch

from training.data import Sample, collate
from training.losses import ELSEWHERE, losses
from training.network import PITCH_BINS, Maps

CELLS = 16


def _sample(step_px: float, *, faulty: bool, sure: bool = True) -> Sample:
    steps = np.zeros((4, CELLS, CELLS), np.float32)
    steps[1], steps[2] = step_px, 2 * step_px
    defects = np.zeros((3, CELLS, CELLS), np.float32)
    defects[0, 4:8, 4:8] = faulty
    ones = np.ones((CELLS, CELLS), np.float32)
    return Sample(
        rgb=np.zeros((4 * CELLS, 4 * CELLS, 3), np.uint8),
        basket=ones,
        judged=ones,
        read=ones * (step_px > 0),
        steps=steps,
        crests=np.zeros((2, CELLS, CELLS), np.float32),
        defects=defects,
        sure=ones * (sure or defects[0] == 0),
        known=np.ones(4, np.float32),
    )


def _maps(n: int, fault: torch.Tensor) -> Maps:
    half = CELLS // 2
    return Maps(
        surface=torch.zeros(n, 2, CELLS, CELLS),
        fault=fault,
        defects=torch.zeros(n, 3, CELLS, CELLS),
        crests=torch.zeros(n, 2, CELLS, CELLS),
        angle=torch.zeros(n, 2, 2, half, half),
        pitch=torch.zeros(n, 2, PITCH_BINS, half, half),
        features=torch.zeros(n, 24, CELLS, CELLS),
    )


@pytest.mark.parametrize(
    ("step_px", "weight"), [(24.0, 1.0), (3.0, ELSEWHERE), (120.0, ELSEWHERE), (0.0, 1.0)]
)
def test_a_missed_fault_pulls_less_where_strands_lie_too_near_or_too_far_for_the_second_look(
    step_px: float, weight: float
) -> None:
    """Against a photo at the right scale in the same batch; uncounted weave (steps of 0) counts in full."""
    fault = torch.zeros(2, 1, CELLS, CELLS, requires_grad=True)
    batch = collate([_sample(step_px, faulty=True), _sample(24.0, faulty=True)])
    losses(_maps(2, fault), batch)["fault"].backward()
    pull = fault.grad[:, 0, 5, 5]
    assert float(pull[0] / pull[1]) == pytest.approx(weight, rel=1e-4)


def test_the_photo_loss_of_a_photo_at_another_scale_weighs_less_as_well() -> None:
    def of(step_px: float) -> float:
        batch = collate([_sample(step_px, faulty=True), _sample(24.0, faulty=False)])
        fault = torch.zeros(2, 1, CELLS, CELLS, requires_grad=True)
        losses(_maps(2, fault), batch)["photo"].backward()
        return float(fault.grad[0].abs().sum() / fault.grad[1].abs().sum())

    assert of(24.0) == pytest.approx(1.0, rel=1e-4)
    assert of(3.0) == pytest.approx(ELSEWHERE, rel=1e-3)


def test_a_fault_that_nobody_could_see_pulls_neither_its_cells_nor_its_photo() -> None:
    fault = torch.zeros(2, 1, CELLS, CELLS, requires_grad=True)
    batch = collate([_sample(24.0, faulty=True, sure=False), _sample(24.0, faulty=True)])
    parts = losses(_maps(2, fault), batch)
    (parts["fault"] + parts["photo"]).backward()
    assert not fault.grad[0, 0, 4:8, 4:8].any()
    assert fault.grad[1, 0, 4:8, 4:8].all()
    fault.grad = None
    losses(_maps(2, fault), batch)["photo"].backward()
    assert not fault.grad[0].any()


def test_no_loss_of_density_where_nobody_counted() -> None:
    batch = collate([_sample(0.0, faulty=False)])
    parts = losses(_maps(1, torch.zeros(1, 1, CELLS, CELLS)), batch)
    assert float(parts["angle"]) == float(parts["pitch"]) == float(parts["crests"]) == 0.0
