"""What counts as found and as a false alarm, on drawn regions."""

import math

import numpy as np
from numpy.typing import NDArray

from training.evaluate.alarms import HOPELESS, Alarms, count_alarms, operating_floor, share_found

SHAPE = (200, 300)


def square(x: float, y: float, side: float) -> NDArray[np.float64]:
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])


def fault(x: int, y: int, side: int) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def count(regions: list[list[NDArray[np.float64]]], faults: list[NDArray[np.bool_]]) -> Alarms:
    return count_alarms(regions, faults, floors=len(regions), shape=SHAPE)


def test_a_region_on_a_fault_finds_it_and_one_elsewhere_is_false() -> None:
    alarms = count([[], [square(50, 50, 20)], [square(50, 50, 20), square(200, 20, 10)]], [fault(55, 55, 20)])
    assert alarms.found.tolist() == [[False, True, True]]
    assert alarms.false.tolist() == [0, 0, 1]


def test_overlapping_regions_are_one_place() -> None:
    alarms = count([[square(200, 20, 20), square(205, 25, 20), square(210, 30, 20)]], [])
    assert alarms.false.tolist() == [1]


def test_a_region_over_the_whole_photo_finds_nothing() -> None:
    alarms = count([[square(0, 0, 199)]], [fault(55, 55, 10)])
    assert alarms.found.tolist() == [[False]]
    assert alarms.false.tolist() == [1]


def test_an_outline_just_beside_a_fault_still_finds_it() -> None:
    assert count([[square(76, 55, 4)]], [fault(55, 55, 20)]).found.all()
    assert not count([[square(90, 55, 4)]], [fault(55, 55, 20)]).found.any()


def test_a_hopeless_floor_ends_the_search() -> None:
    asked = []

    def regions():  # type: ignore[no-untyped-def]
        for level in range(3):
            asked.append(level)
            yield [square(2 + 12 * i, 5 + 20 * level, 6) for i in range(HOPELESS if level else 1)]

    alarms = count_alarms(regions(), [], floors=3, shape=SHAPE)
    assert asked == [0, 1]
    assert alarms.false.tolist() == [1, HOPELESS, HOPELESS]


def given_alarms(false: list[int], found: list[list[bool]]) -> Alarms:
    return Alarms(false=np.array(false), found=np.array(found, dtype=bool).reshape(-1, len(false)))


def test_the_operating_floor_allows_one_false_alarm_in_five_photos() -> None:
    quiet = [given_alarms([0, 0, 0], []) for _ in range(4)]
    assert operating_floor([*quiet, given_alarms([0, 1, 2], [])]) == 1
    assert operating_floor([*quiet, given_alarms([2, 0, 0], [])]) is None


def test_only_wanted_faults_and_counted_photos_count() -> None:
    noisy = given_alarms([0, 9], [[True, True], [False, True]])
    quiet = given_alarms([0, 0], [[False, False]])
    every = [np.array([True, True]), np.array([True])]
    assert share_found([noisy, quiet], every, counted=[True, True]) == 1 / 3
    assert share_found([noisy, quiet], every, counted=[False, True]) == 2 / 3
    assert (
        share_found([noisy, quiet], [np.array([True, False]), np.array([False])], counted=[True, True]) == 1.0
    )
    assert math.isnan(share_found([quiet], [np.array([False])], counted=[True]))
