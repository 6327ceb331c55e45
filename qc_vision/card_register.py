"""Which cards there are and how large each was really printed: a small JSON file on this computer.

A printer that scales is found with a ruler: the check bar says 50 mm. What was measured is kept by the card's
serial number, and every later photo that shows that number is read by it.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from qc_vision.card import Card, shipped_cards
from qc_vision.errors import CardError, StorageError
from qc_vision.message import Message

DEFAULT_PATH = Path("~/.qc_vision/cards.json")
"""Beside nothing else: one register a person, whatever folder the command runs in."""
BAR_MIN_SHARE, BAR_MAX_SHARE = 0.5, 1.5
"""A bar measured outside these shares of its length was misread, or read in inches."""


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class MeasuredCard:
    """One printed card and the length of its check bar as measured with a ruler."""

    card: str
    version: int
    serial: int
    measured_bar_mm: float = Field(gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCards:
    """The cards to look for, the first winning, and those of them that somebody has measured."""

    cards: tuple[Card, ...] = field(default_factory=shipped_cards)
    measured: tuple[MeasuredCard, ...] = ()

    def print_scale(self, card: Card, serial: int | None) -> float | None:
        """How much larger than designed a card was printed; None where nobody has measured it."""
        for known in reversed(self.measured):
            if (known.card, known.version, known.serial) == (card.id, card.version, serial) and card.bar:
                return known.measured_bar_mm / card.bar.length_mm
        return None


_ADAPTER: TypeAdapter[tuple[MeasuredCard, ...]] = TypeAdapter(tuple[MeasuredCard, ...])


def load_register(path: Path = DEFAULT_PATH) -> tuple[MeasuredCard, ...]:
    """All measured cards; none where there is no such file. Raises CardError where it is no register."""
    path = path.expanduser()
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except OSError as wrong:
        raise _cannot(path, wrong) from wrong
    except ValidationError as wrong:
        first = wrong.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}"
        raise CardError(
            Message(
                id=f"Daftar kartu {path} rusak ({what}). Perbaiki atau hapus, lalu ukur kartu lagi.",
                en=f"The card register {path} is broken ({what}). Mend or remove it and measure again.",
            )
        ) from wrong


def register_card(card: Card, serial: int, *, measured_bar_mm: float, path: Path = DEFAULT_PATH) -> None:
    """Keeps what was measured; a serial measured before is measured anew. Raises CardError, StorageError."""
    if card.bar is None:
        raise CardError(
            Message(
                id=f"Kartu {card.id} tidak punya garis ukur; pakai kartu cetakan 'qc-vision card'.",
                en=f"Card {card.id} has no check bar; use a card printed by 'qc-vision card'.",
            )
        )
    share = measured_bar_mm / card.bar.length_mm
    if not BAR_MIN_SHARE <= share <= BAR_MAX_SHARE:
        wanted = f"{card.bar.length_mm * BAR_MIN_SHARE:g}-{card.bar.length_mm * BAR_MAX_SHARE:g} mm"
        raise CardError(
            Message(
                id=f"Garis ukur {measured_bar_mm:g} mm tidak masuk akal ({wanted}). Ukur lagi dalam milimeter.",
                en=f"A bar of {measured_bar_mm:g} mm cannot be right ({wanted}). Measure again in millimetres.",
            )
        )
    new = MeasuredCard(card=card.id, version=card.version, serial=serial, measured_bar_mm=measured_bar_mm)
    same = (new.card, new.version, new.serial)
    kept = [c for c in load_register(path) if (c.card, c.version, c.serial) != same]
    path = path.expanduser()
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(_ADAPTER.dump_json((*kept, new), indent=2) + b"\n")
        half.replace(path)
    except OSError as wrong:
        half.unlink(missing_ok=True)
        raise _cannot(path, wrong) from wrong


def _cannot(path: Path, wrong: OSError) -> StorageError:
    return StorageError(
        Message(
            id=f"Daftar kartu {path} tidak bisa dibaca atau ditulis ({wrong.strerror}). Periksa izinnya.",
            en=f"The card register {path} cannot be read or written ({wrong.strerror}). Check permission.",
        )
    )
