"""What only a person can check (moisture, smell, sharp tips, insects, handles): readings against the spec."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qc_vision.message import Message
from qc_vision.rule import Rule, RuleStatus
from qc_vision.spec import HumanCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReading:
    """One human check, done on an item or on its lot. `code` is the spec's; `holds` what the person says;
    `value` what an instrument showed, in the unit of the spec's check. `at`: when it was done."""

    id: str
    code: str
    at: datetime
    by: str
    holds: bool | None = None
    value: float | None = None


def judge_check(check: HumanCheck, readings: Sequence[CheckReading], *, now: datetime) -> Rule:
    """The rule of one check, by its latest reading. Readings dated after `now` are not believed."""
    of_check = [reading for reading in readings if reading.code == check.code]
    done = [reading for reading in of_check if reading.at <= now]
    if not done:
        return _rule(check, "missing", _IN_FUTURE if of_check else _NOT_DONE, of_check)
    latest = max(done, key=lambda reading: reading.at)
    until = None if check.valid_days is None else latest.at + timedelta(days=check.valid_days)
    if until is not None and now > until:
        return _rule(check, "missing", _EXPIRED, [latest])
    status, note = _judge(check, latest)
    return _rule(check, status, note, [latest], valid_until=until if status == "holds" else None)


def _judge(check: HumanCheck, reading: CheckReading) -> tuple[RuleStatus, Message]:
    if reading.holds is False:
        return "fails", _REFUSED
    if check.hold_above is None or check.fail_above is None:
        return ("holds", _HELD) if reading.holds else ("missing", _NOT_DONE)
    if reading.value is None:
        return "missing", _NO_VALUE
    note = _reading_note(check, reading.value)
    if reading.value > check.fail_above:
        return "fails", note
    # a value that is not a number is in no range: it holds nothing
    return ("holds" if reading.value <= check.hold_above else "missing"), note


_NOT_DONE = Message(id="Belum diperiksa.", en="Not checked yet.")
_IN_FUTURE = Message(
    id="Tanggalnya di masa depan; periksa jam, lalu catat lagi.",
    en="Its date lies in the future; set the clock and enter it again.",
)
_EXPIRED = Message(
    id="Sudah terlalu lama; periksa lagi sebelum dikirim.",
    en="Too long ago; check again before it is shipped.",
)
_NO_VALUE = Message(id="Angkanya belum dicatat.", en="The value has not been entered.")
_REFUSED = Message(id="Diperiksa: tidak memenuhi.", en="Checked: not met.")
_HELD = Message(id="Diperiksa: memenuhi.", en="Checked: met.")
_UNITS = {"percent": "%", "kg": "kg"}


def _reading_note(check: HumanCheck, value: float) -> Message:
    assert check.unit is not None
    shown, met, refused = f"{value:g}", f"{check.hold_above:g}", f"{check.fail_above:g}"
    unit = _UNITS[check.unit]
    return Message(
        id=f"Terukur {_comma(shown)} {unit}; memenuhi sampai {_comma(met)}, ditolak di atas {_comma(refused)}.",
        en=f"Measured {shown} {unit}; met up to {met}, refused above {refused}.",
    )


def _comma(figure: str) -> str:
    """As Bahasa Indonesia writes it: 12,5."""
    return figure.replace(".", ",")


def _rule(
    check: HumanCheck,
    status: RuleStatus,
    note: Message,
    readings: Sequence[CheckReading],
    *,
    valid_until: datetime | None = None,
) -> Rule:
    what = check.message
    return Rule(
        code=f"human_check_{check.code}",
        status=status,
        message=Message(id=f"{what.id} {note.id}", en=f"{what.en} {note.en}"),
        evidence=tuple(reading.id for reading in readings),
        valid_until=valid_until,
    )
