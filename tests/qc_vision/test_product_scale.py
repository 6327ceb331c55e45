"""The scale by the product's width: against a drawn camera on drawn baskets, and when there is none."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from qc_vision.calibration import Calibration
from qc_vision.density import DensityReading
from qc_vision.photo import Photo, decode
from qc_vision.product_scale import scale_by_width
from qc_vision.record import InspectionRecord
from qc_vision.severity import Severity
from qc_vision.spec import Limit, ProductSpec, load_spec
from tests.qc_vision.drawn import make_map
from tests.qc_vision.drawn_basket import CELL_PX, SIZE_PX, Stand, see
from tests.qc_vision.fakes import encode_weave, make_inspector

BIN = load_spec("hyacinth_bin")
ROUND_BINS = {
    "at eye level": Stand(above_deg=0),
    "as the protocol asks": Stand(),
    "from above": Stand(above_deg=25),
    "near": Stand(distance_mm=800),
    "far": Stand(distance_mm=2000),
    "narrow": Stand(rim=220, base=187),
    "wide": Stand(rim=300, base=272),
    "another lens": Stand(focal_share=0.70),
    "beside the middle": Stand(aside_mm=200),
}


@pytest.fixture(scope="module")
def photo() -> Photo:
    _, packed = cv2.imencode(".png", np.zeros((SIZE_PX[1], SIZE_PX[0], 3), np.uint8))
    return decode(packed.tobytes())


def scaled(photo: Photo, stand: Stand) -> Calibration:
    assert BIN.rim_width_mm is not None
    low_mm, high_mm = BIN.rim_width_mm
    found = scale_by_width(photo, see(stand), low_mm=low_mm, high_mm=high_mm)
    assert found is not None
    return found


def true_px_per_mm(stand: Stand, *, share: float, aside_rad: float, along: tuple[float, float]) -> float:
    """Of a step of a millimetre on the wall: level and upright, at a height and an angle off its front."""
    radius = stand.radius(share)
    turn = aside_rad + np.array([-0.5, 0.5]) * along[0] / radius
    height = stand.height * share + np.array([-0.5, 0.5]) * along[1]
    ends = stand.project(np.column_stack([radius * np.sin(turn), -radius * np.cos(turn), height]))
    return float(np.linalg.norm(ends[1] - ends[0]))


@pytest.mark.parametrize("stand", ROUND_BINS.values(), ids=ROUND_BINS.keys())
def test_the_true_scale_of_a_drawn_bin_lies_within_the_stated_uncertainty(photo: Photo, stand: Stand) -> None:
    scale = scaled(photo, stand)
    assert scale.method == "product"
    assert scale.px_per_mm is not None
    assert scale.relative_uncertainty is not None
    for share in (0.25, 0.5, 0.75):
        for aside_rad in (0.0, 0.4):
            for along in ((1.0, 0.0), (0.0, 1.0)):
                true = true_px_per_mm(stand, share=share, aside_rad=aside_rad, along=along)
                assert abs(scale.px_per_mm / true - 1) < scale.relative_uncertainty


def test_its_uncertainty_is_large_and_mostly_that_of_the_product(photo: Photo) -> None:
    scale = scaled(photo, Stand())
    assert scale.relative_uncertainty is not None
    assert 0.2 < scale.relative_uncertainty < 0.35
    assert scale.error_budget is not None
    assert max(scale.error_budget, key=scale.error_budget.__getitem__) == "product"
    # 210 to 312 mm: a rectangular distribution
    assert scale.error_budget["product"] == pytest.approx(51 / 261 / math.sqrt(3))


def test_a_product_agreed_to_the_centimetre_gives_a_surer_scale(photo: Photo) -> None:
    agreed = scale_by_width(photo, see(Stand()), low_mm=255, high_mm=265)
    assert agreed is not None
    assert agreed.relative_uncertainty is not None
    assert agreed.relative_uncertainty < scaled(photo, Stand()).relative_uncertainty  # type: ignore[operator]


def test_a_basket_that_is_cut_off_or_not_alone_gives_none(photo: Photo) -> None:
    whole = see(Stand(distance_mm=1500))
    two = np.maximum(whole.basket, np.roll(whole.basket, 60, axis=1))
    grey = np.zeros((SIZE_PX[1], SIZE_PX[0]), np.float32)
    none = np.zeros_like(two)
    for weave_map in (
        see(Stand(distance_mm=300)),
        make_map(grey, basket=two, stride=CELL_PX),
        make_map(grey, basket=none, stride=CELL_PX),
    ):
        assert scale_by_width(photo, weave_map, low_mm=210, high_mm=312) is None


def inspected(spec: ProductSpec) -> InspectionRecord:
    return make_inspector().inspect(encode_weave(), spec=spec).record


def rows_of(record: InspectionRecord) -> DensityReading:
    return next(reading for reading in record.density if reading.direction == "weft")


def test_without_a_card_a_spec_that_tells_the_width_gives_densities_that_say_how_coarse_they_are() -> None:
    record = inspected(BIN)
    assert record.scale.method == "product"
    assert record.size is not None
    assert record.size.missing == "no_scale"  # what the scale came from is not measured by it
    for reading in record.density:
        assert reading.per_10cm is not None
        assert reading.per_10cm_interval is not None
        low, high = reading.per_10cm_interval
        assert high - low > 0.3 * reading.per_10cm
    assert "no_scale" not in {reason.code for reason in record.reasons}


@pytest.mark.parametrize(("share", "verdict"), [(0.95, "review"), (0.5, "pass")])
def test_a_coarse_scale_passes_only_what_lies_far_from_the_limit(share: float, verdict: str) -> None:
    rows = rows_of(inspected(BIN)).per_10cm
    assert rows is not None
    limit = Limit(
        code="MAJ-DENS",
        characteristic="weft_density",
        unit="per_10cm",
        severity=Severity.MAJOR,
        source="proposal",
        below=share * rows,
    )
    widths = [limit for limit in BIN.limits if limit.characteristic == "rim_width"]
    record = inspected(replace(BIN, limits=(limit, *widths)))
    assert record.verdict == verdict
    assert ("MAJ-DENS" in {reason.code for reason in record.reasons}) == (verdict == "review")


def test_a_spec_that_tells_no_width_leaves_it_without_a_scale() -> None:
    record = inspected(load_spec("mendong"))
    assert (record.scale.method, record.scale.missing) == ("none", "no_card")
