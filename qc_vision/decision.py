"""From measurements and a spec to a verdict, with every reason."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from qc_vision.advice import advice_for
from qc_vision.measurement import UNITS_OF, Characteristic, Measurement, Missing
from qc_vision.message import Message
from qc_vision.quantity import Quantity
from qc_vision.severity import Severity
from qc_vision.spec import Limit, ProductSpec


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 -- a verdict, not a password
    FAIL = "fail"
    REVIEW = "review"
    RETAKE = "retake"


class Grade(StrEnum):
    """A: no nonconformity, not even a doubtful one. B: passes with minor ones. C: fails."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One reason of a verdict. `code` is a defect code of the domain (`MAJ-HOLE`), a retake reason
    (`blurred`), `no_scale`, `far_from_card` or `not_confident`; `value` against `limit` in `unit` where something was
    measured."""

    code: str
    severity: Severity
    value: float | None
    limit: float | None
    unit: str | None
    message: Message
    advice: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    verdict: Verdict
    grade: Grade | None
    findings: tuple[Finding, ...]


UNITS = {
    "pitch": Message(id="lebar helai", en="strand pitches"),
    "pitch2": Message(id="lebar helai persegi", en="square strand pitches"),
    "mm": Message(id="mm", en="mm"),
    "mm2": Message(id="mm2", en="mm2"),
    "count": Message(id="buah", en="in number"),
    "1": Message(id="%", en="%"),
    "per_10cm": Message(id="helai per 10 cm", en="strands per 10 cm"),
    "deg": Message(id="derajat", en="degrees"),
    "dE00": Message(id="beda warna (dE00)", en="difference of colour (dE00)"),
}
MISSING: dict[Missing, Message] = {
    "no_scale": Message(
        id="Tidak ada skala di foto, jadi ukuran dalam cm tidak bisa dinilai.",
        en="There is no scale in the photo, so sizes in centimetres cannot be judged.",
    ),
    "far_from_card": Message(
        id="Cacat atau anyaman terlalu jauh dari kartu untuk diukur; tempelkan kartu di dekatnya, lalu foto lagi.",
        en="A defect or the weave lies too far from the card to be measured; hold the card next to it and retake the photo.",
    ),
    "not_confident": Message(
        id="Sebagian anyaman tidak terbaca cukup pasti; foto lebih dekat bisa membantu.",
        en="A part of the weave could not be read surely enough; a closer photo may help.",
    ),
}
AT_MOST = Message(id="paling banyak", en="at most")
AT_LEAST = Message(id="paling sedikit", en="at least")
ASK = Message(id=" Perlu dilihat pendamping.", en=" A person must look.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    """A value that is beyond a limit (`proven`), or may be."""

    limit: Limit
    quantity: Quantity
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blank:
    """Something that the spec limits and that was not measured; `severity` of the worst limit on it."""

    reason: Missing
    severity: Severity


def decide(measurements: Sequence[Measurement], spec: ProductSpec) -> Decision:
    """The verdict of one photo under a spec, with a finding for every reason.

    The decision rule (after ISO 14253-1, guard bands as wide as the expanded uncertainty U):

    - A nonconformity is proven where the whole interval value +- U lies beyond the limit and the thing
      measured is certainly there. It is doubtful where only a part of the interval does, or where the
      thing may not be there at all.
    - Several limits on one thing (a hole; the number of holes) give one finding, for the worst limit,
      and a second one where a limit of more weight is in doubt.
    - fail: a proven critical or major nonconformity, or more proven minor ones than the spec allows.
    - review: it would fail if all doubts came true. What the spec limits and nobody measured is a doubt
      of its worst limit's severity. A doubt that cannot change the verdict is told but asks nobody, so a
      clearer fault never does better than a doubtful one.
    - pass otherwise.

    The order of the measurements does not matter.
    """
    hits = _find_hits(measurements, spec)
    blanks = _find_blanks(measurements, spec)
    verdict, grade = _judge(hits, blanks, spec)
    asks = verdict is Verdict.REVIEW
    return Decision(
        verdict=verdict,
        grade=grade,
        findings=(
            *(_tell_hit(hit, asks=asks) for hit in hits),
            *(_tell_blank(reason, asks=asks) for reason in sorted({blank.reason for blank in blanks})),
        ),
    )


def _judge(hits: Sequence[_Hit], blanks: Sequence[_Blank], spec: ProductSpec) -> tuple[Verdict, Grade | None]:
    possible = [hit.limit.severity for hit in hits] + [blank.severity for blank in blanks]
    if _fails([hit.limit.severity for hit in hits if hit.proven], spec):
        return Verdict.FAIL, Grade.C
    if _fails(possible, spec):
        return Verdict.REVIEW, None
    return Verdict.PASS, Grade.B if Severity.MINOR in possible else Grade.A


def _fails(severities: Sequence[Severity], spec: ProductSpec) -> bool:
    heavy = Severity.CRITICAL in severities or Severity.MAJOR in severities
    return heavy or severities.count(Severity.MINOR) > spec.minor_allowed


def _find_hits(measurements: Sequence[Measurement], spec: ProductSpec) -> list[_Hit]:
    """The worst hits of every thing measured: proven ones first, heavy before light."""
    by_thing: dict[tuple[Characteristic, int | None], list[_Hit]] = defaultdict(list)
    for measurement in measurements:
        for limit in spec.limits:
            hit = _compare(measurement, limit)
            if hit is not None:
                by_thing[measurement.characteristic, measurement.region].append(hit)
    worst: list[_Hit] = []
    for hits in by_thing.values():
        proven = _worst(hit for hit in hits if hit.proven)
        doubtful = _worst(hit for hit in hits if not hit.proven)
        if proven:
            worst.append(proven)
        if doubtful and (proven is None or doubtful.limit.severity.rank < proven.limit.severity.rank):
            worst.append(doubtful)
    return sorted(worst, key=lambda hit: (not hit.proven, _weight(hit)))


def _compare(measurement: Measurement, limit: Limit) -> _Hit | None:
    quantity = measurement.quantity
    if quantity is None or (measurement.characteristic, quantity.unit) != (limit.characteristic, limit.unit):
        return None
    if limit.above is not None:
        possible, whole = quantity.high > limit.bound, quantity.low > limit.bound
    else:
        possible, whole = quantity.low < limit.bound, quantity.high < limit.bound
    return _Hit(limit=limit, quantity=quantity, proven=whole and measurement.certain) if possible else None


def _worst(hits: Iterable[_Hit]) -> _Hit | None:
    return min(hits, key=_weight, default=None)


def _weight(hit: _Hit) -> tuple[int, str, str, float, float, float]:
    """Sorts the heaviest first. All that a finding tells takes part, so that the order is always the same."""
    limit, quantity = hit.limit, hit.quantity
    excess = abs(quantity.value - limit.bound)
    return limit.severity.rank, limit.code, limit.unit, -excess, quantity.value, quantity.expanded_uncertainty


def _find_blanks(measurements: Sequence[Measurement], spec: ProductSpec) -> list[_Blank]:
    """Things that the spec limits and that were not measured, each once, at its worst limit.

    A characteristic without any measurement was looked for and not found: a basket without holes has no
    diameter of holes.
    """
    units: dict[tuple[Characteristic, int | None], set[str]] = defaultdict(set)
    reasons: dict[tuple[Characteristic, int | None], Missing] = {}
    for measurement in measurements:
        thing = measurement.characteristic, measurement.region
        if measurement.quantity is not None:
            units[thing].add(measurement.quantity.unit)
        else:
            reasons[thing] = measurement.missing or "not_confident"
    blanks: dict[tuple[Characteristic, int | None], _Blank] = {}
    for limit in sorted(spec.limits, key=lambda limit: limit.severity.rank):
        for thing in units.keys() | reasons.keys():
            if thing[0] == limit.characteristic and limit.unit not in units[thing] and thing not in blanks:
                # a region's size in strand pitches says nothing of its size in mm
                in_mm = limit.unit in ("mm", "mm2") and len(UNITS_OF[limit.characteristic]) > 1
                why = reasons.get(thing, "not_confident")
                if in_mm and why != "far_from_card":
                    why = "no_scale"
                blanks[thing] = _Blank(reason=why, severity=limit.severity)
    return list(blanks.values())


def _tell_hit(hit: _Hit, *, asks: bool) -> Finding:
    words = advice_for(hit.limit.code)
    return Finding(
        code=hit.limit.code,
        severity=hit.limit.severity,
        value=hit.quantity.value,
        limit=hit.limit.bound,
        unit=hit.limit.unit,
        message=_sentence(hit, words.name if words else Message(id=hit.limit.code, en=hit.limit.code), asks),
        advice=words.advice if words else None,
    )


def _sentence(hit: _Hit, name: Message, asks: bool) -> Message:
    """`asks`: a doubtful hit ends with the wish that a person look."""
    unit = UNITS[hit.limit.unit]
    most = AT_MOST if hit.limit.above is not None else AT_LEAST
    scale = 100 if hit.limit.unit == "1" else 1
    value, bound = _figure(scale * hit.quantity.value), _figure(scale * hit.limit.bound)
    if hit.limit.unit == "1":
        bound += " %"
    if hit.proven:
        start, end = name, Message(id="", en="")
    else:
        start = Message(id=f"Mungkin {name.id.lower()}", en=f"Perhaps {name.en.lower()}")
        end = ASK if asks else Message(id=" Belum pasti.", en=" Not certain.")
        if hit.quantity.expanded_uncertainty:
            value += f" ± {_figure(scale * hit.quantity.expanded_uncertainty)}"
    comma = str.maketrans(".", ",")  # Bahasa Indonesia writes 0,8
    return Message(
        id=f"{start.id}: {value.translate(comma)} {unit.id}, {most.id} {bound.translate(comma)}.{end.id}",
        en=f"{start.en}: {value} {unit.en}, {most.en} {bound}.{end.en}",
    )


def _figure(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _tell_blank(reason: Missing, *, asks: bool) -> Finding:
    words = MISSING[reason]
    return Finding(
        code=reason,
        severity=Severity.INFO,
        value=None,
        limit=None,
        unit=None,
        message=Message(id=words.id + ASK.id, en=words.en + ASK.en) if asks else words,
        advice=None,
    )
