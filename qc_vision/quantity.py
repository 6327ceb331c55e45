"""A measured value with its unit and how far it may be off."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A value, its unit, and its expanded uncertainty (coverage factor k = 2, GUM / JCGM 100).

    Units in use: `1` (a ratio), `count`, `px`, `pitch` (strand pitches of the same basket), `pitch2`,
    `mm`, `mm2`, `deg`, `per_10cm`, `dE00` (CIEDE2000). The uncertainty has the unit of the value.
    """

    value: float
    unit: str
    expanded_uncertainty: float = 0.0

    @property
    def low(self) -> float:
        return self.value - self.expanded_uncertainty

    @property
    def high(self) -> float:
        return self.value + self.expanded_uncertainty
