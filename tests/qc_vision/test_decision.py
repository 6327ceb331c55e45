"""The decision rule: guard bands, what fails, what asks a person, and properties that always hold."""

import random
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qc_vision.decision import Decision, Grade, Verdict, decide
from qc_vision.measurement import UNITS_OF, Characteristic, Measurement
from qc_vision.quantity import Quantity
from qc_vision.severity import Severity
from qc_vision.spec import HumanCheck, Limit, ProductSpec, Sentence, load_spec

WORSE = {Verdict.PASS: 0, Verdict.REVIEW: 1, Verdict.FAIL: 2}


def limit(
    characteristic: Characteristic,
    severity: Severity,
    *,
    unit: str | None = None,
    above: float | None = None,
    below: float | None = None,
    code: str = "MAJ-GAP",
) -> Limit:
    return Limit(
        code=code,
        characteristic=characteristic,
        unit=unit or UNITS_OF[characteristic][0],  # type: ignore[arg-type]
        severity=severity,
        source="proposal",
        above=above,
        below=below,
    )


def spec_of(*limits: Limit, minor_allowed: int = 1) -> ProductSpec:
    return ProductSpec(
        id="trial",
        revision=1,
        title=Sentence(id="Uji", en="Trial"),
        material="any",
        minor_allowed=minor_allowed,
        limits=limits,
        human_checks=(HumanCheck(code="smell", message=Sentence(id="Bau", en="Smell")),),
    )


def measured(
    characteristic: Characteristic,
    value: float,
    *,
    u: float = 0.0,
    unit: str | None = None,
    certain: bool = True,
    region: int | None = None,
) -> Measurement:
    quantity = Quantity(value=value, unit=unit or UNITS_OF[characteristic][0], expanded_uncertainty=u)
    return Measurement(characteristic=characteristic, quantity=quantity, certain=certain, region=region)


GAP = (limit("gap_width", Severity.MINOR, above=3.0), limit("gap_width", Severity.MAJOR, above=5.0))
SPEC = spec_of(*GAP)


def outcome(decision: Decision) -> tuple[str, str | None]:
    return decision.verdict.value, decision.grade.value if decision.grade else None


@pytest.mark.parametrize(
    ("value", "u", "certain", "expected"),
    [
        (2.0, 0.5, True, ("pass", "A")),
        (3.0, 0.0, True, ("pass", "A")),  # on the limit still conforms
        (3.2, 0.5, True, ("pass", "B")),  # a doubtful minor one, and one is allowed
        (4.0, 0.5, True, ("pass", "B")),  # a proven minor one
        (4.8, 0.5, True, ("review", None)),  # 5.0 lies inside 4.3 to 5.3
        (5.2, 0.5, True, ("review", None)),  # and inside 4.7 to 5.7
        (5.5, 0.5, True, ("review", None)),  # the whole interval must lie beyond, not touch
        (5.6, 0.5, True, ("fail", "C")),
        (9.0, 0.5, False, ("review", None)),  # however large, it may not be there
    ],
)
def test_a_nonconformity_is_proven_only_where_the_whole_interval_lies_beyond_the_limit(
    value: float, u: float, certain: bool, expected: tuple[str, str | None]
) -> None:
    assert outcome(decide([measured("gap_width", value, u=u, certain=certain)], SPEC)) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(24.0, "pass"), (20.5, "review"), (19.5, "review"), (18.0, "fail")]
)
def test_a_limit_below_is_guarded_on_both_sides_too(value: float, expected: str) -> None:
    spec = spec_of(limit("weft_density", Severity.MAJOR, below=20.0, code="MAJ-DENS"))
    assert decide([measured("weft_density", value, u=1.0)], spec).verdict == expected


def test_critical_fails_as_major_does() -> None:
    spec = spec_of(limit("mould_area", Severity.CRITICAL, above=0.3, code="CRT-MOLD"))
    decision = decide([measured("mould_area", 1.0)], spec)
    assert outcome(decision) == ("fail", "C")
    assert decision.findings[0].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("proven", "doubtful", "expected"),
    [(1, 0, "pass"), (2, 0, "pass"), (3, 0, "fail"), (2, 1, "review"), (1, 1, "pass"), (0, 3, "review")],
)
def test_minor_ones_fail_by_number_and_ask_where_the_doubtful_could_tip_it(
    proven: int, doubtful: int, expected: str
) -> None:
    sure = [measured("gap_width", 4.0, region=n) for n in range(proven)]
    perhaps = [measured("gap_width", 4.0, region=10 + n, certain=False) for n in range(doubtful)]
    assert decide(sure + perhaps, spec_of(*GAP, minor_allowed=2)).verdict == expected


def test_of_several_limits_on_one_thing_only_the_worst_is_told() -> None:
    spec = spec_of(*GAP, limit("gap_width", Severity.MINOR, unit="mm", above=3.0))
    both = [measured("gap_width", 9.0, region=0), measured("gap_width", 4.0, unit="mm", region=0)]
    (finding,) = decide(both, spec).findings
    assert (finding.severity, finding.value, finding.limit, finding.unit) == (
        Severity.MAJOR,
        9.0,
        5.0,
        "pitch",
    )


def test_a_size_in_two_units_is_one_minor_nonconformity_not_two() -> None:
    spec = spec_of(*GAP, limit("gap_width", Severity.MINOR, unit="mm", above=3.0), minor_allowed=1)
    both = [measured("gap_width", 4.0, region=0), measured("gap_width", 4.0, unit="mm", region=0)]
    assert outcome(decide(both, spec)) == ("pass", "B")


def test_a_certain_count_under_the_limit_and_a_doubtful_one_over_it_ask_a_person() -> None:
    spec = spec_of(limit("hole_count", Severity.MAJOR, above=2, code="MAJ-HOLE"))
    counts = [measured("hole_count", 1), measured("hole_count", 3, certain=False)]
    (finding,) = (decision := decide(counts, spec)).findings
    assert (decision.verdict, finding.value) == (Verdict.REVIEW, 3.0)


def missing(characteristic: Characteristic, reason: str) -> Measurement:
    return Measurement(characteristic=characteristic, quantity=None, missing=reason)  # type: ignore[arg-type]


def test_a_limit_on_what_was_not_measured_asks_a_person_once_per_reason() -> None:
    spec = spec_of(
        limit("weft_density", Severity.MAJOR, below=20.0),
        limit("weft_density", Severity.MINOR, below=22.0),
        limit("warp_density", Severity.MINOR, below=20.0),
        limit("uniformity_cv", Severity.MINOR, above=0.2),
    )
    decision = decide(
        [
            missing("weft_density", "no_scale"),
            missing("warp_density", "no_scale"),
            missing("uniformity_cv", "not_confident"),
        ],
        spec,
    )
    assert outcome(decision) == ("review", None)
    assert [finding.code for finding in decision.findings] == ["no_scale", "not_confident"]
    assert all(finding.severity is Severity.INFO for finding in decision.findings)


def test_what_was_not_measured_is_no_matter_where_the_spec_does_not_limit_it() -> None:
    assert outcome(decide([missing("weft_density", "no_scale")], SPEC)) == ("pass", "A")


def test_a_proven_fault_fails_although_something_else_was_not_measured() -> None:
    spec = spec_of(*GAP, limit("weft_density", Severity.MAJOR, below=20.0))
    decision = decide([measured("gap_width", 9.0), missing("weft_density", "no_scale")], spec)
    assert outcome(decision) == ("fail", "C")
    assert [finding.code for finding in decision.findings] == ["MAJ-GAP", "no_scale"]


def test_a_small_fault_under_a_limit_in_millimetres_asks_for_a_scale_and_no_fault_asks_for_none() -> None:
    spec = spec_of(*GAP, limit("gap_width", Severity.MAJOR, unit="mm", above=5.0))
    decision = decide([measured("gap_width", 1.0, region=0)], spec)
    assert [finding.code for finding in decision.findings] == ["no_scale"]
    assert outcome(decide([], spec)) == ("pass", "A")


def test_a_fault_out_of_the_scale_s_reach_asks_for_the_card_next_to_it() -> None:
    spec = spec_of(*GAP, limit("gap_width", Severity.MAJOR, unit="mm", above=5.0))
    far = Measurement(characteristic="gap_width", quantity=None, region=0, missing="far_from_card")
    decision = decide([measured("gap_width", 1.0, region=0), far], spec)
    assert outcome(decision) == ("review", None)
    assert [finding.code for finding in decision.findings] == ["far_from_card"]
    assert outcome(decide([measured("gap_width", 1.0, region=0), far], SPEC)) == ("pass", "A")


def test_a_fault_of_unknown_size_asks_a_person() -> None:
    lost = Measurement(characteristic="gap_width", quantity=None, region=0, missing="not_confident")
    decision = decide([lost, measured("gap_width", 1.0, region=1)], SPEC)
    assert [finding.code for finding in decision.findings] == ["not_confident"]


def test_a_finding_tells_value_limit_unit_and_advice_in_both_languages() -> None:
    (finding,) = decide([measured("gap_width", 5.75, u=0.25)], SPEC).findings
    assert finding.message.id == "Celah: 5,75 lebar helai, paling banyak 5."
    assert finding.message.en == "Gap: 5.75 strand pitches, at most 5."
    assert finding.advice is not None
    assert "Rapatkan" in finding.advice.id
    assert "row" in finding.advice.en


def test_a_doubtful_finding_tells_its_uncertainty_and_asks_only_in_a_review() -> None:
    (asking,) = decide([measured("gap_width", 5.0, u=0.5)], spec_of(GAP[1])).findings
    assert (
        asking.message.id == "Mungkin celah: 5 ± 0,5 lebar helai, paling banyak 5. Perlu dilihat pendamping."
    )
    (telling,) = decide([measured("gap_width", 3.0, u=0.5)], SPEC).findings
    assert telling.message.en == "Perhaps gap: 3 ± 0.5 strand pitches, at most 3. Not certain."


def test_shares_are_told_in_percent() -> None:
    spec = spec_of(limit("openness", Severity.MINOR, above=0.02, code="MAJ-OPEN"))
    (finding,) = decide([measured("openness", 0.045)], spec).findings
    assert finding.message.id == "Anyaman terbuka: 4,5 %, paling banyak 2 %."
    assert (finding.value, finding.limit, finding.unit) == (0.045, 0.02, "1")


@pytest.mark.parametrize("name", ["mendong", "hyacinth_bin", "hyacinth_basket", "banana_sheath"])
def test_a_sound_photo_without_scale_passes_the_default_spec_and_is_reviewed_under_a_product_spec(
    name: str,
) -> None:
    sound = [
        measured("hole_count", 0),
        measured("openness", 0.001, u=0.001),
        measured("uniformity_cv", 0.08, u=0.03),
        missing("weft_density", "no_scale"),
        missing("warp_density", "no_scale"),
    ]
    assert outcome(decide(sound, load_spec("default"))) == ("pass", "A")
    decision = decide(sound, load_spec(name))
    assert decision.verdict is Verdict.REVIEW
    assert [finding.code for finding in decision.findings] == ["no_scale"]


LIMITED = tuple(UNITS_OF)


@st.composite
def measurements(draw: st.DrawFn) -> list[Measurement]:
    """Any mix, near the limits of the shipped specs, with sizes in one or two units."""
    found = []
    for _ in range(draw(st.integers(0, 8))):
        characteristic = draw(st.sampled_from(LIMITED))
        unit = draw(st.sampled_from(UNITS_OF[characteristic]))
        value = draw(st.floats(0, 30) | st.sampled_from([0.02, 0.2, 0.3, 0.8, 2.0, 5.0, 21.25]))
        found.append(
            measured(
                characteristic,
                value,
                unit=unit,
                u=value * draw(st.sampled_from([0.0, 0.2, 0.5])),
                certain=draw(st.booleans()),
                region=draw(st.none() | st.integers(0, 2)),
            )
        )
    if draw(st.booleans()):
        found.append(
            missing(draw(st.sampled_from(LIMITED)), draw(st.sampled_from(["no_scale", "not_confident"])))
        )
    return found


STEADY = settings(max_examples=120, deadline=None, derandomize=True, database=None)
"""The same examples on every run, nothing left in the checkout, and no failure on a busy computer."""
SPECS = [load_spec("default"), load_spec("mendong"), SPEC, spec_of(*GAP, minor_allowed=0)]


def worsen(measurement: Measurement, factor: float) -> Measurement:
    """Further out by a factor, uncertainty in proportion. Densities get worse as they fall."""
    quantity = measurement.quantity
    assert quantity is not None
    grows = 1 / factor if measurement.characteristic.endswith("density") else factor
    return replace(
        measurement,
        quantity=replace(
            quantity,
            value=quantity.value * grows,
            expanded_uncertainty=quantity.expanded_uncertainty * grows,
        ),
    )


@STEADY
@given(measurements(), st.sampled_from(SPECS), st.floats(1, 20), st.data())
def test_making_a_value_worse_never_improves_the_verdict(
    before: list[Measurement], spec: ProductSpec, factor: float, data: st.DataObject
) -> None:
    places = [n for n, m in enumerate(before) if m.quantity is not None]
    assume(places)
    place = data.draw(st.sampled_from(places))
    after = [*before]
    after[place] = worsen(before[place], factor)
    assert WORSE[decide(after, spec).verdict] >= WORSE[decide(before, spec).verdict]


@STEADY
@given(measurements(), st.sampled_from(SPECS), st.data())
def test_becoming_certain_of_a_thing_never_improves_the_verdict(
    before: list[Measurement], spec: ProductSpec, data: st.DataObject
) -> None:
    assume(before)
    place = data.draw(st.integers(0, len(before) - 1))
    doubted, certain = [*before], [*before]
    doubted[place] = replace(before[place], certain=False)
    certain[place] = replace(before[place], certain=True)
    assert WORSE[decide(certain, spec).verdict] >= WORSE[decide(doubted, spec).verdict]


@STEADY
@given(measurements(), st.sampled_from(SPECS), st.integers(0, 9))
def test_the_order_of_the_measurements_does_not_matter(
    found: list[Measurement], spec: ProductSpec, seed: int
) -> None:
    shuffled = random.Random(seed).sample(found, len(found))
    assert decide(shuffled, spec) == decide(found, spec)


@STEADY
@given(measurements(), st.sampled_from(SPECS))
def test_grade_and_verdict_agree(found: list[Measurement], spec: ProductSpec) -> None:
    decision = decide(found, spec)
    grades = {
        Verdict.PASS: {Grade.A, Grade.B},
        Verdict.FAIL: {Grade.C},
        Verdict.REVIEW: {None},
    }
    assert decision.grade in grades[decision.verdict]
    assert (decision.grade is Grade.A) == (not decision.findings)


def test_an_unread_minor_point_lowers_the_grade_and_is_told_but_does_not_stop_a_pass() -> None:
    spec = spec_of(limit("uniformity_cv", Severity.MINOR, above=0.2))
    unread = Measurement(characteristic="uniformity_cv", quantity=None, missing="not_confident")
    decision = decide([unread], spec)
    assert (decision.verdict, decision.grade) == (Verdict.PASS, Grade.B)
    assert [f.code for f in decision.findings] == ["not_confident"]


def test_an_unread_major_point_asks_a_person() -> None:
    spec = spec_of(limit("openness", Severity.MAJOR, above=0.05))
    unread = Measurement(characteristic="openness", quantity=None, missing="not_confident")
    assert decide([unread], spec).verdict is Verdict.REVIEW
