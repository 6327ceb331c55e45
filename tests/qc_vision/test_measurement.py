"""Measurements: which characteristic a region becomes, how sure, and what is said to be missing."""

import math
from dataclasses import replace

import pytest

from qc_vision.basket_colour import BasketColour
from qc_vision.basket_size import BasketSize
from qc_vision.calibration import NO_SCALE, Calibration
from qc_vision.card_colour import ColourCorrection
from qc_vision.decision import decide
from qc_vision.defects import DefectRegion
from qc_vision.density import DensityReading
from qc_vision.measurement import UNITS_OF, Measurement, ScoreThresholds, measure
from qc_vision.quantity import Quantity
from qc_vision.spec import load_spec

CODES = (
    "MAJ-HOLE",
    "MAJ-GAP",
    "MAJ-BROKEN",
    "MIN-LOOSE",
    "MIN-PATTERN",
    "MAJ-STAIN",
    "CRT-MOLD",
    "MIN-COLOR",
    "MAJ-RIM",
    "MAJ-SHAPE",
)
THRESHOLDS = {code: ScoreThresholds(review=0.4, fail=0.8) for code in CODES}
CARD = Calibration(method="card", px_per_mm=4.0, relative_uncertainty=0.01, tilt_deg=3.0)

REGION = DefectRegion(
    code="MAJ-HOLE",
    score=0.9,
    box=(0.0, 0.0, 20.0, 20.0),
    polygon=((0.0, 0.0), (20.0, 0.0), (20.0, 20.0)),
    area_px=200.0,
    area_pitch2=2.0,
    width_pitch=1.0,
    max_feret_pitch=3.0,
    area_mm2=None,
    width_mm=None,
    max_feret_mm=None,
)
READING = DensityReading(
    direction="weft",
    angle_deg=90.0,
    pitch_px=20.0,
    pitch_px_interval=(19.0, 21.0),
    per_10cm=20.0,
    per_10cm_interval=(19.0, 21.0),
    confident=True,
)

SIZE = BasketSize(
    height=Quantity(value=300.0, unit="mm", expanded_uncertainty=9.0),
    rim_width=Quantity(value=260.0, unit="mm", expanded_uncertainty=12.0),
    base_width=Quantity(value=220.0, unit="mm", expanded_uncertainty=16.0),
    lean=Quantity(value=1.0, unit="deg", expanded_uncertainty=1.6),
)


def measure_all(
    *regions: DefectRegion, readings: tuple[DensityReading, ...] = (), scale: Calibration = NO_SCALE
) -> tuple[Measurement, ...]:
    return measure(
        regions=regions,
        thresholds=THRESHOLDS,
        readings=readings,
        openness=None,
        uniformity_cv=None,
        scale=scale,
    )


def of(measurements: tuple[Measurement, ...], characteristic: str) -> list[Measurement]:
    return [m for m in measurements if m.characteristic == characteristic]


@pytest.mark.parametrize(
    ("code", "characteristic", "value", "unit"),
    [
        ("MAJ-HOLE", "hole_diameter", 1.0, "pitch"),
        ("MAJ-GAP", "gap_width", 1.0, "pitch"),
        ("MIN-LOOSE", "loose_end_length", 3.0, "pitch"),
        ("MIN-PATTERN", "pattern_length", 3.0, "pitch"),
        ("MAJ-RIM", "rim_length", 3.0, "pitch"),
        ("MAJ-SHAPE", "shape_length", 3.0, "pitch"),
        ("MAJ-STAIN", "stain_area", 2.0, "pitch2"),
        ("CRT-MOLD", "mould_area", 2.0, "pitch2"),
        ("MIN-COLOR", "colour_area", 2.0, "pitch2"),
    ],
)
def test_a_region_is_measured_by_what_its_code_is_judged_by(
    code: str, characteristic: str, value: float, unit: str
) -> None:
    (found,) = of(measure_all(replace(REGION, code=code)), characteristic)
    assert found.quantity is not None
    assert (found.quantity.value, found.quantity.unit, found.region) == (value, unit, 0)
    # a fifth either way, until sizes have been checked against a card
    assert found.quantity.expanded_uncertainty == pytest.approx(0.2 * value)


def test_with_a_scale_a_size_is_stated_in_millimetres_too() -> None:
    hole = replace(REGION, width_mm=5.0, max_feret_mm=15.0, area_mm2=50.0)
    sizes = {m.quantity.unit: m.quantity.value for m in of(measure_all(hole), "hole_diameter") if m.quantity}
    assert sizes == {"pitch": 1.0, "mm": 5.0}


def test_a_region_whose_size_is_not_known_is_missing_as_not_confident() -> None:
    hole = replace(REGION, width_pitch=None, max_feret_pitch=None, area_pitch2=None)
    (found,) = of(measure_all(hole), "hole_diameter")
    assert (found.quantity, found.missing) == (None, "not_confident")


@pytest.mark.parametrize(
    ("score", "certain"), [(0.39, None), (0.4, False), (0.79, False), (0.8, True), (1.0, True)]
)
def test_the_score_against_both_thresholds_says_whether_a_region_counts_and_is_certain(
    score: float, certain: bool | None
) -> None:
    found = of(measure_all(replace(REGION, score=score)), "hole_diameter")
    assert [m.certain for m in found] == ([] if certain is None else [certain])


def test_a_region_keeps_its_place_in_the_record_when_one_before_it_is_left_out() -> None:
    (found,) = of(measure_all(replace(REGION, score=0.1), REGION), "hole_diameter")
    assert found.region == 1


@pytest.mark.parametrize(
    ("code", "characteristic"),
    [("MAJ-HOLE", "hole_count"), ("MAJ-BROKEN", "broken_count"), ("MIN-LOOSE", "loose_end_count")],
)
def test_a_count_is_given_of_the_certain_regions_and_of_all(code: str, characteristic: str) -> None:
    sure, perhaps = replace(REGION, code=code), replace(REGION, code=code, score=0.5)
    found = of(measure_all(sure, perhaps, perhaps), characteristic)
    assert [(m.quantity.value, m.certain) for m in found if m.quantity] == [(1.0, True), (3.0, False)]
    (none,) = of(measure_all(), characteristic)
    assert none.quantity == Quantity(value=0.0, unit="count")


def test_the_scale_s_own_uncertainty_comes_on_top_of_a_size_and_twice_of_an_area() -> None:
    coarse = replace(CARD, relative_uncertainty=0.15)
    hole = replace(REGION, width_mm=5.0, max_feret_mm=15.0, area_mm2=50.0)
    stain = replace(hole, code="MAJ-STAIN")
    (width,) = [
        m.quantity
        for m in of(measure_all(hole, scale=coarse), "hole_diameter")
        if m.quantity and m.quantity.unit == "mm"
    ]
    (area,) = [
        m.quantity
        for m in of(measure_all(stain, scale=coarse), "stain_area")
        if m.quantity and m.quantity.unit == "mm2"
    ]
    # JCGM 100, 5.1.6: relative uncertainties of factors add in squares, times the power of each factor
    assert width.expanded_uncertainty == pytest.approx(5.0 * 0.25)
    assert area.expanded_uncertainty == pytest.approx(50.0 * math.hypot(0.2, 0.3))


def test_beyond_the_reach_of_the_scale_a_size_is_told_in_strands_only() -> None:
    hole = replace(REGION, width_mm=5.0, max_feret_mm=15.0, area_mm2=50.0)  # its middle lies at (10, 10)
    near = replace(CARD, valid_region=((0.0, 0.0), (30.0, 0.0), (30.0, 30.0), (0.0, 30.0)))
    far = replace(CARD, valid_region=((50.0, 0.0), (80.0, 0.0), (80.0, 30.0), (50.0, 30.0)))
    units = {m.quantity.unit for m in of(measure_all(hole, scale=near), "hole_diameter") if m.quantity}
    assert units == {"pitch", "mm"}
    told = [
        (m.quantity and m.quantity.unit, m.missing) for m in of(measure_all(hole, scale=far), "hole_diameter")
    ]
    assert told == [("pitch", None), (None, "far_from_card")]


def test_a_confident_reading_with_a_scale_is_a_density_with_its_uncertainty_at_k_2() -> None:
    (found,) = of(measure_all(readings=(READING,), scale=CARD), "weft_density")
    assert found.quantity is not None
    assert (found.quantity.value, found.quantity.unit) == (20.0, "per_10cm")
    # +- 1 holds 90 % of a normal distribution, that is 1.645 standard deviations
    assert found.quantity.expanded_uncertainty == pytest.approx(2 / 1.645, rel=1e-3)


@pytest.mark.parametrize(
    ("readings", "scale", "missing"),
    [
        ((READING,), NO_SCALE, "no_scale"),
        ((replace(READING, confident=False),), NO_SCALE, "no_scale"),
        ((), NO_SCALE, "no_scale"),
        ((replace(READING, confident=False),), CARD, "not_confident"),
        ((), CARD, "not_confident"),
        ((replace(READING, per_10cm=None, per_10cm_interval=None),), CARD, "far_from_card"),
    ],
)
def test_a_density_is_missing_without_a_scale_or_without_a_confident_reading(
    readings: tuple[DensityReading, ...], scale: Calibration, missing: str
) -> None:
    (found,) = of(measure_all(readings=readings, scale=scale), "weft_density")
    assert (found.quantity, found.missing) == (None, missing)


def test_openness_and_evenness_are_passed_on_or_missing() -> None:
    share = Quantity(value=0.01, unit="1", expanded_uncertainty=0.002)
    found = measure(
        regions=(), thresholds=THRESHOLDS, readings=(), openness=share, uniformity_cv=None, scale=NO_SCALE
    )
    assert [m.quantity for m in of(found, "openness")] == [share]
    assert [m.missing for m in of(found, "uniformity_cv")] == ["not_confident"]


def test_sizes_of_a_whole_basket_are_measured_or_missing_and_not_asked_of_a_photo_of_its_wall() -> None:
    def names_of(size: BasketSize | None) -> dict[str, str | None]:
        found = measure(
            regions=(), thresholds=THRESHOLDS, readings=(), openness=None, uniformity_cv=None, size=size
        )
        sizes = ("height", "rim_width", "base_width", "lean")
        return {m.characteristic: m.missing for m in found if m.characteristic in sizes}

    assert set(names_of(SIZE).values()) == {None}
    assert set(names_of(BasketSize(missing="too_tilted")).values()) == {"not_confident"}
    unsure = measure(
        regions=(), thresholds=THRESHOLDS, readings=(), openness=None, uniformity_cv=None,
        size=BasketSize(missing="too_tilted"),
    )  # fmt: skip
    limits = tuple(limit for limit in load_spec("hyacinth_bin").limits if limit.code == "MAJ-SIZE")
    decision = decide(unsure, replace(load_spec("hyacinth_bin"), limits=limits))
    assert (decision.verdict, [finding.code for finding in decision.findings]) == (
        "review",
        ["not_confident"],
    )
    for size in (None, BasketSize(missing="no_scale"), BasketSize(missing="cut_off")):
        assert names_of(size) == {}


@pytest.mark.parametrize(
    ("height", "verdict"), [(300.0, "pass"), (360.0, "review"), (368.0, "review"), (380.0, "fail")]
)
def test_a_height_near_its_limit_is_reviewed_and_beyond_it_fails(height: float, verdict: str) -> None:
    limits = [limit for limit in load_spec("hyacinth_bin").limits if limit.code == "MAJ-SIZE"]
    spec = replace(load_spec("hyacinth_bin"), limits=tuple(limits))
    size = replace(SIZE, height=Quantity(value=height, unit="mm", expanded_uncertainty=9.0))
    found = measure(
        regions=(), thresholds=THRESHOLDS, readings=(), openness=None, uniformity_cv=None, size=size
    )
    decision = decide(found, spec)
    assert decision.verdict == verdict
    assert [finding.code for finding in decision.findings] == ([] if verdict == "pass" else ["MAJ-SIZE"])


def test_every_characteristic_comes_in_the_units_that_limits_may_be_given_in() -> None:
    apart = Quantity(value=7.0, unit="dE00", expanded_uncertainty=1.0)
    regions = [
        replace(REGION, code=code, width_mm=5.0, max_feret_mm=15.0, area_mm2=50.0, contrast=apart)
        for code in CODES
    ]
    share = Quantity(value=0.1, unit="1")
    found = measure(
        regions=regions,
        thresholds=THRESHOLDS,
        readings=(READING, replace(READING, direction="warp")),
        openness=share,
        uniformity_cv=share,
        scale=CARD,
        size=SIZE,
        colour=BasketColour(correction=ColourCorrection(method="none"), unevenness=apart),
    )
    units: dict[str, set[str]] = {}
    for measurement in found:
        assert measurement.quantity is not None
        units.setdefault(measurement.characteristic, set()).add(measurement.quantity.unit)
    assert units == {characteristic: set(allowed) for characteristic, allowed in UNITS_OF.items()}
