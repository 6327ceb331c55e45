"""What is kept, as rows of tables: facts one a row, inspections one a photo."""

import json

from qc_vision.density import DensityReading, Direction
from service.export import Cell, Column, Row
from service.facts import Fact
from service.item import ItemInspection

FACT_COLUMNS = (
    Column("seq", "integer"),
    Column("id"),
    Column("kind"),
    Column("subject"),
    Column("version", "integer"),
    Column("lot"),
    Column("item"),
    Column("at", "moment"),
    Column("by"),
    Column("body"),
)
DENSITY_UNIT = "strands/10 cm"
PHOTO_COLUMNS = (
    Column("inspection_id"),
    Column("photo_number", "integer"),
    Column("record_id"),
    Column("created_at", "moment"),
    Column("inspected_at", "moment"),
    Column("ref"),
    Column("village"),
    Column("maker"),
    Column("spec_id"),
    Column("spec_revision", "integer"),
    Column("item_verdict"),
    Column("verdict"),
    Column("grade"),
    Column("findings"),
    Column("scale_method"),
    *(
        column
        for direction in ("weft", "warp")
        for column in (
            Column(f"{direction}_per_10cm", "figure", DENSITY_UNIT),
            Column(f"{direction}_per_10cm_low", "figure", DENSITY_UNIT),
            Column(f"{direction}_per_10cm_high", "figure", DENSITY_UNIT),
            Column(f"{direction}_pitch_px", "figure", "px"),
            Column(f"{direction}_confident", "yes_or_no"),
        )
    ),
    Column("openness_fraction", "figure", "1"),
    Column("uniformity_cv", "figure", "1"),
    Column("defect_score", "figure", "1"),
    Column("model_version"),
    Column("model_sha256"),
    Column("photo_sha256"),
    Column("software"),
)


def fact_row(fact: Fact) -> Row:
    """A fact in the order of FACT_COLUMNS; its body as JSON."""
    body = json.dumps(fact.body, ensure_ascii=False)
    return (
        *(fact.seq, fact.id, fact.kind.value, fact.subject, fact.version, fact.lot, fact.item),
        *(fact.at, fact.by, body),
    )


def photo_rows(inspection: ItemInspection) -> list[Row]:
    """One row per photo, in the order of PHOTO_COLUMNS. `findings`: their codes."""
    return [_photo_row(inspection, number) for number in range(1, len(inspection.photos) + 1)]


def _photo_row(inspection: ItemInspection, number: int) -> Row:
    record, item = inspection.photos[number - 1].record, inspection.item
    readings = {reading.direction: reading for reading in record.density}
    return (
        *(inspection.id, number, record.id, inspection.created_at, record.inspected_at),
        *(item.ref, item.village, item.maker, record.spec.id, record.spec.revision),
        *(inspection.verdict.value, record.verdict.value, record.grade and record.grade.value),
        " ".join(finding.code for finding in record.reasons),
        record.scale.method,
        *_density(readings, "weft"),
        *_density(readings, "warp"),
        *(record.openness, record.uniformity_cv, record.defect_score),
        *(record.model.version, record.model.sha256, record.photo.sha256, record.software),
    )


def _density(readings: dict[Direction, DensityReading], direction: Direction) -> tuple[Cell, ...]:
    reading = readings.get(direction)
    if reading is None:
        return (None,) * 5
    low, high = reading.per_10cm_interval or (None, None)
    return reading.per_10cm, low, high, reading.pitch_px, reading.confident
