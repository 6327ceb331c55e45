"""Where a photo stops being worth grading: the thresholds of `refusal_limits.toml`, and those laid over them.

What each is measured on, and how sure it is, stands beside it in that file.
"""

import json
import tomllib
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from pydantic_core import ErrorDetails

from qc_vision.errors import LimitsError
from qc_vision.message import Message

_CLOSED = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

Fraction = Annotated[float, Field(ge=0, le=1)]
SidePx = Annotated[int, Field(ge=1, le=100_000)]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class QualityLimits:
    """Of the pixels; see `quality`."""

    long_side_min_px: SidePx
    sharpness_fraction_min: Fraction
    luminance_fraction_min: Fraction
    dark_fraction_max: Fraction
    clipped_fraction_max: Fraction
    glare_fraction_max: Fraction
    basket_fraction_min: Fraction


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class OriginLimits:
    """Of what the file says of its making; see `photo_origin`."""

    messenger_sides_px: tuple[SidePx, ...]
    messenger_jpeg_quality_max: Annotated[int, Field(ge=0, le=100)]
    screen_sides_px: tuple[SidePx, ...]
    screen_aspect_min: Annotated[float, Field(ge=1, le=10)]
    clock_ahead_max_s: Annotated[float, Field(ge=0, le=31_536_000)]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class CardLimits:
    """Of a card, where one is demanded; see `card_sight`."""

    misfit_fraction_max: Fraction
    tilt_max_deg: Annotated[float, Field(ge=0, le=90)]
    px_per_mm_min: Annotated[float, Field(ge=0, le=1000)]
    card_fraction_max: Fraction


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ViewLimits:
    """Of what is in view, where one whole basket is demanded; see `view`."""

    cut_fraction_max: Fraction
    second_fraction_max: Fraction


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class RefusalLimits:
    """All of them. `version` names the file that stated them, or the one laid over it."""

    version: Annotated[str, Field(min_length=1, max_length=80)]
    quality: QualityLimits
    origin: OriginLimits
    card: CardLimits
    view: ViewLimits


TABLES = {"quality": QualityLimits, "origin": OriginLimits, "card": CardLimits, "view": ViewLimits}
FILE = "refusal_limits.toml"


def load_refusal_limits(laid_over: Path | None = None) -> RefusalLimits:
    """The shipped limits, or with those of a `.toml` file laid over them: it states its own `version` and what differs.

    Raises LimitsError that names every value at fault, what was found and the range it must lie in.
    """
    shipped = _parse(resources.files("qc_vision").joinpath(FILE).read_text("utf-8"), FILE)
    if laid_over is None:
        return _checked(shipped, FILE)
    try:
        text = laid_over.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise _refused(
            laid_over, [Message(id=f"tidak terbaca ({wrong})", en=f"unreadable ({wrong})")]
        ) from wrong
    del shipped["version"]  # a file laid over states its own, or nobody could tell one from the other
    return _checked(_laid_over(shipped, _parse(text, laid_over)), laid_over)


def _parse(text: str, file: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise _refused(file, [Message(id=f"bukan TOML ({wrong})", en=f"no TOML ({wrong})")]) from wrong


def _laid_over(stated: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Table by table, key by key."""
    return stated | {
        key: stated[key] | value if key in TABLES and isinstance(value, dict) else value
        for key, value in other.items()
    }


def _checked(stated: dict[str, Any], file: str | Path) -> RefusalLimits:
    try:
        # through JSON: there a strict check still takes a list for a tuple
        return TypeAdapter(RefusalLimits).validate_json(json.dumps(stated, default=str))
    except ValidationError as wrong:
        raise _refused(file, [_fault(error) for error in wrong.errors()]) from wrong


def _fault(error: ErrorDetails) -> Message:
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "unexpected_keyword_argument":
        kind = TABLES[str(error["loc"][0])] if len(error["loc"]) > 1 else RefusalLimits
        known = ", ".join(field.name for field in fields(kind))
        return Message(
            id=f"{where}: tidak dikenal, yang ada {known}", en=f"{where}: unknown, there are {known}"
        )
    expected = _expected(error["loc"])
    if error["type"] == "missing":
        return Message(
            id=f"{where}: tidak ada, seharusnya {expected.id}", en=f"{where}: missing, expected {expected.en}"
        )
    found = repr(error["input"])[:80]
    return Message(
        id=f"{where}: ditemukan {found}, seharusnya {expected.id}",
        en=f"{where}: found {found}, expected {expected.en}",
    )


def _expected(where: tuple[int | str, ...]) -> Message:
    """What belongs at a place of the file, with its range."""
    if where == ("version",):
        return Message(id="nama versi, 1 sampai 80 huruf", en="a name of 1 to 80 characters")
    if len(where) < 2:
        return Message(id="tabel", en="a table")
    schema = TypeAdapter(TABLES[str(where[0])]).json_schema()["properties"][where[1]]
    number = schema.get("items", schema)
    low, high = number["minimum"], number["maximum"]
    if number is not schema and len(where) == 2:
        return Message(
            id=f"daftar bilangan dari {low} sampai {high}", en=f"a list of numbers from {low} to {high}"
        )
    if number["type"] == "integer":
        return Message(
            id=f"bilangan bulat dari {low} sampai {high}", en=f"a whole number from {low} to {high}"
        )
    return Message(id=f"bilangan dari {low} sampai {high}", en=f"a number from {low} to {high}")


def _refused(file: str | Path, faults: list[Message]) -> LimitsError:
    return LimitsError(
        Message(
            id=f"Batas penolakan {file} tidak dapat dipakai: {'; '.join(f.id for f in faults)}. "
            "Perbaiki berkas itu lalu ulangi.",
            en=f"The refusal limits {file} cannot be used: {'; '.join(f.en for f in faults)}. "
            "Mend that file and try again.",
        )
    )


SHIPPED = load_refusal_limits()
"""Checked as soon as anything is imported that refuses by them."""
