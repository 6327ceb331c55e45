"""Inspection cards: what is printed where, as versioned data. Old cards keep working: a version is never edited.

Frame of a card: millimetres, x to the right, y down, origin in its top left corner.
"""

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from qc_vision.errors import CardError
from qc_vision.message import Message

_CLOSED = ConfigDict(extra="forbid", allow_inf_nan=False)

Dictionary = Literal["DICT_4X4_50", "DICT_4X4_100", "DICT_4X4_250", "DICT_4X4_1000", "DICT_5X5_50",
                     "DICT_5X5_100", "DICT_5X5_250", "DICT_5X5_1000", "DICT_6X6_50", "DICT_6X6_100",
                     "DICT_6X6_250", "DICT_6X6_1000", "DICT_ARUCO_ORIGINAL"]  # fmt: skip
"""The marker dictionaries a card may use, by OpenCV's names."""

Point = tuple[float, float]

SERIAL_BASE = 450
"""Two markers tell a serial number, each one digit of this base, each with ids of its own: 0 to 202,499."""
SERIAL_MAX = SERIAL_BASE**2 - 1


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Patch:
    """A printed patch of one colour: `box_mm` (x, y, width, height), `rgb` as sent to the printer (sRGB)."""

    box_mm: tuple[float, float, float, float]
    rgb: tuple[int, int, int]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class SerialMarkers:
    """Where the two digits of the serial number are printed, high then low. The ids of the high digit start at
    `first_id`, those of the low one SERIAL_BASE further on."""

    first_id: int
    marker_mm: float
    positions_mm: tuple[Point, Point]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Bar:
    """The check bar: a person measures it with a ruler and so finds a printer that scales."""

    start_mm: Point
    length_mm: float


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Card:
    """The geometry of one kind of card.

    `ids`: its markers; `marker_mm`: the side of their black squares; `positions_mm`: the top left corner of
    each in the order of `ids`, None where not known: then only the side gives the scale, and all markers
    are taken to lie in one plane with parallel sides. `size_mm`: width and height of the whole card.
    """

    dictionary: Dictionary
    ids: tuple[int, ...]
    marker_mm: float
    positions_mm: tuple[Point, ...] | None = None
    id: str = "foreign"
    version: int = 1
    size_mm: Point | None = None
    serial: SerialMarkers | None = None
    bar: Bar | None = None
    patches: tuple[Patch, ...] = ()

    def __post_init__(self) -> None:
        if not self.ids or len(set(self.ids)) != len(self.ids):
            raise ValueError("'ids' needs at least one marker, each once")
        if not self.marker_mm > 0:
            raise ValueError(f"'marker_mm' is {self.marker_mm}; give the side of the black square, above 0")
        if self.positions_mm is not None and len(self.positions_mm) != len(self.ids):
            raise ValueError(f"'positions_mm' has {len(self.positions_mm)} points for {len(self.ids)} ids")


_ADAPTER: TypeAdapter[Card] = TypeAdapter(Card)


def shipped_cards() -> tuple[Card, ...]:
    """The cards that `qc-vision card` prints, all versions ever printed, told apart by their marker ids."""
    files = resources.files("qc_vision").joinpath("cards").iterdir()
    texts = [f.read_text("utf-8") for f in files if f.name.endswith(".json")]
    return tuple(sorted((_ADAPTER.validate_json(text) for text in texts), key=lambda c: (c.id, c.version)))


def load_card(path: Path) -> Card:
    """The card of a geometry file. Raises CardError where it cannot be read or does not hold together."""
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError as wrong:
        raise CardError(
            Message(
                id=f"Berkas kartu {path} tidak bisa dibaca ({wrong.strerror}). Periksa namanya.",
                en=f"The card file {path} cannot be read ({wrong.strerror}). Check its name.",
            )
        ) from wrong
    except ValidationError as wrong:
        first = wrong.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}"
        wanted = '{"dictionary": "DICT_4X4_50", "ids": [0, 1, 2, 3], "marker_mm": 28.0}'
        raise CardError(
            Message(
                id=f"Berkas kartu {path} tidak cocok ({what}). Contoh yang benar: {wanted}",
                en=f"The card file {path} does not hold together ({what}). A good one: {wanted}",
            )
        ) from wrong


def scaled(card: Card, factor: float) -> Card:
    """The card as a printer made it that prints everything `factor` times as large."""

    def point(at: Point) -> Point:
        return (at[0] * factor, at[1] * factor)

    return replace(
        card,
        marker_mm=card.marker_mm * factor,
        positions_mm=None if card.positions_mm is None else tuple(map(point, card.positions_mm)),
        size_mm=None if card.size_mm is None else point(card.size_mm),
    )


def serial_ids(markers: SerialMarkers, serial: int) -> tuple[int, int]:
    """The ids of the two markers that tell a serial number. Raises CardError outside 0 to SERIAL_MAX."""
    if not 0 <= serial <= SERIAL_MAX:
        raise CardError(
            Message(
                id=f"Nomor seri {serial} tidak bisa dicetak; pakai 0 sampai {SERIAL_MAX}.",
                en=f"Serial number {serial} cannot be printed; use 0 to {SERIAL_MAX}.",
            )
        )
    high, low = divmod(serial, SERIAL_BASE)
    return markers.first_id + high, markers.first_id + SERIAL_BASE + low


def serial_of(markers: SerialMarkers, ids: tuple[int, int]) -> int:
    """The serial number that two markers tell; the inverse of `serial_ids`."""
    high, low = ids[0] - markers.first_id, ids[1] - markers.first_id - SERIAL_BASE
    return high * SERIAL_BASE + low
