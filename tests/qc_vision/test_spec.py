"""Specs: the shipped ones hold together, and a file with a fault is refused by the name of its fault."""

from dataclasses import replace
from pathlib import Path

import pytest

from qc_vision.advice import advice_for
from qc_vision.demands import Demands
from qc_vision.errors import SpecError
from qc_vision.severity import Severity
from qc_vision.spec import ALL_DOCUMENTS, ProductSpec, load_spec, shipped_specs

SOUND = """\
id = "sound"
revision = 2
material = "mendong"
minor_allowed = 1

[title]
id = "Uji"
en = "Trial"

[[limits]]
code = "MAJ-GAP"
characteristic = "gap_width"
unit = "mm"
severity = "major"
above = 5
source = "buyer"

[[human_checks]]
code = "smell"
message = { id = "Tidak berbau.", en = "No smell." }
"""


def load(folder: Path, text: str) -> ProductSpec:
    path = folder / "spec.toml"
    path.write_text(text, "utf-8")
    return load_spec(str(path))


def test_a_spec_s_demands_are_joined_with_a_person_s_each_by_the_stricter(tmp_path: Path) -> None:
    spec = load(tmp_path, f'card = "required"\noriginal = true\n{SOUND}')
    assert spec.demands == Demands(card="required", original=True)
    assert spec.demanding(Demands(view="whole")).demands == replace(spec.demands, view="whole")
    assert spec.demanding(Demands(card="registered")).demands == Demands(card="registered", original=True)
    assert spec.demanding(Demands()) == spec


def test_a_spec_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    spec = load(tmp_path, SOUND)
    assert (spec.id, spec.revision, spec.minor_allowed) == ("sound", 2, 1)
    assert spec.title.message().id == "Uji"
    (limit,) = spec.limits
    assert (limit.severity, limit.unit, limit.bound, limit.below) == (Severity.MAJOR, "mm", 5.0, None)
    assert [check.code for check in spec.human_checks] == ["smell"]


@pytest.mark.parametrize(
    ("sound", "faulty", "named"),
    [
        ("above = 5", "abov = 5", ["limits.0.abov", "above", "below"]),
        ("revision = 2", "revision = 2\nextra = 1", ["extra", "minor_allowed"]),
        ('id = "Uji"', 'id = "Uji"\nms = "Cubaan"', ["title.ms", "id, en"]),
        ('en = "No smell."', 'en = "No smell.", nl = "Reuk"', ["human_checks.0.message.nl", "id, en"]),
        ('"gap_width"', '"gap_depth"', ["limits.0.characteristic", "gap_width"]),
        ('unit = "mm"', 'unit = "cm"', ["limits.0.unit", "mm"]),
        ('unit = "mm"', 'unit = "count"', ["gap_width", "pitch", "mm", "count"]),
        ('"major"', '"severe"', ["limits.0.severity", "major"]),
        ('"buyer"', '"rumour"', ["limits.0.source", "proposal"]),
        ('"mendong"', '"rattan"', ["material", "mendong"]),
        ("revision = 2", 'revision = "2"', ["revision", "integer"]),
        ("above = 5", 'above = "5"', ["limits.0.above", "number"]),
        ("above = 5", "above = nan", ["limits.0.above", "finite"]),
        ("above = 5", "above = 5\nbelow = 1", ["gap_width", "either"]),
        ("above = 5", "", ["gap_width", "either"]),
        ("minor_allowed = 1", "", ["minor_allowed", "required"]),
        ("minor_allowed = 1", "minor_allowed = -1", ["minor_allowed", "-1"]),
        ("[title]", "[title", ["line"]),
    ],
)
def test_a_fault_is_refused_with_the_key_and_what_is_allowed(
    tmp_path: Path, sound: str, faulty: str, named: list[str]
) -> None:
    assert sound in SOUND
    with pytest.raises(SpecError) as refused:
        load(tmp_path, SOUND.replace(sound, faulty, 1))
    for word in named:
        assert word in refused.value.message.en
        assert word in refused.value.message.id


FULL = (
    SOUND.replace(
        "minor_allowed = 1", 'minor_allowed = 1\ntwo_persons = true\nframe = "wire"\nconstruction = "braid"'
    )
    + """\
[[human_checks]]
code = "moisture"
message = { id = "Kadar air.", en = "Moisture." }
unit = "percent"
hold_above = 12.0
fail_above = 15
valid_days = 7
source = "buyer"

[sampling]
level = "II"
major = "2.5"
minor = "4.0"
source = "buyer"

[[documents]]
code = "treatment"
valid_days = 21
"""
)


def test_sampling_checks_and_documents_are_read_as_they_are_written(tmp_path: Path) -> None:
    spec = load(tmp_path, FULL)
    assert (spec.two_persons, spec.frame, spec.construction) == (True, "wire", "braid")
    assert spec.sampling is not None
    assert spec.sampling.level == "II"
    assert spec.sampling.aqls == {Severity.MAJOR: "2.5", Severity.MINOR: "4.0"}
    moisture = spec.human_checks[1]
    assert (moisture.unit, moisture.hold_above, moisture.fail_above, moisture.valid_days) == (
        "percent",
        12,
        15,
        7,
    )
    assert [(document.code, document.valid_days) for document in spec.documents] == [("treatment", 21)]


def test_an_older_spec_still_loads_and_asks_for_all_papers(tmp_path: Path) -> None:
    spec = load(tmp_path, SOUND)
    assert (spec.two_persons, spec.sampling, spec.frame) == (False, None, None)
    assert spec.documents == ALL_DOCUMENTS
    assert {document.code for document in spec.documents} == {"lacey_declaration", "treatment"}


@pytest.mark.parametrize(
    ("sound", "faulty", "named"),
    [
        ('level = "II"', 'level = "IV"', ["sampling.level", "II"]),
        ('major = "2.5"', 'major = "3.0"', ["sampling.major", "2.5"]),
        ('major = "2.5"', "major = 2.5", ["sampling.major", "2.5"]),
        ('minor = "4.0"', 'minr = "4.0"', ["sampling.minr", "level, major, minor"]),
        ('code = "treatment"', 'code = "passport"', ["documents.0.code", "lacey_declaration"]),
        ("valid_days = 21", "valid_weeks = 3", ["documents.0.valid_weeks", "valid_days"]),
        ('frame = "wire"', 'frame = "steel"', ["steel", "wire"]),
        ('construction = "braid"', 'construction = "knit"', ["knit", "braid"]),
        ("hold_above = 12.0", "hold_above = 16.0", ["moisture", "fail_above"]),
        ("hold_above = 12.0\n", "", ["moisture", "hold_above"]),
        ('unit = "percent"\n', "", ["moisture", "unit"]),
        ('valid_days = 7\nsource = "buyer"', "valid_days = 7", ["moisture", "source"]),
    ],
)
def test_a_fault_in_sampling_checks_or_documents_is_refused_by_name(
    tmp_path: Path, sound: str, faulty: str, named: list[str]
) -> None:
    assert sound in FULL
    with pytest.raises(SpecError) as refused:
        load(tmp_path, FULL.replace(sound, faulty, 1))
    for word in named:
        assert word in refused.value.message.en
        assert word in refused.value.message.id


@pytest.mark.parametrize("name", shipped_specs())
def test_a_shipped_spec_samples_by_the_usual_agreement_marked_as_a_proposal(name: str) -> None:
    scheme = load_spec(name).sampling
    assert scheme is not None
    assert (scheme.level, scheme.major, scheme.minor, scheme.source) == ("II", "2.5", "4.0", "proposal")


def test_a_spec_without_limits_is_refused_since_everything_would_pass(tmp_path: Path) -> None:
    start, end = SOUND.index("[[limits]]"), SOUND.index("[[human_checks]]")
    with pytest.raises(SpecError, match="at least one limit"):
        load(tmp_path, "limits = []\n" + SOUND[:start] + SOUND[end:])


@pytest.mark.parametrize("name", ["nowhere", "", "../specs/default"])
def test_an_unknown_name_is_refused_with_the_list_of_shipped_specs(name: str) -> None:
    with pytest.raises(SpecError) as refused:
        load_spec(name)
    for shipped in ("default", "hyacinth_bin", "hyacinth_basket", "mendong", "banana_sheath"):
        assert shipped in refused.value.message.en
        assert shipped in refused.value.message.id


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.toml"):
        load_spec(str(tmp_path / "none.toml"))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"bytes\.toml"):
        load_spec(str(tmp_path / "bytes.toml"))


def test_five_specs_are_shipped() -> None:
    assert shipped_specs() == ("banana_sheath", "default", "hyacinth_basket", "hyacinth_bin", "mendong")


@pytest.mark.parametrize("name", shipped_specs())
def test_a_shipped_spec_names_itself_and_has_words_for_each_code(name: str) -> None:
    spec = load_spec(name)
    assert spec.id == name
    for limit in spec.limits:
        words = advice_for(limit.code)
        assert words is not None, limit.code
        assert all((words.name.id, words.name.en, words.advice.id, words.advice.en))


@pytest.mark.parametrize("name", shipped_specs())
def test_every_shipped_number_is_marked_as_a_proposal(name: str) -> None:
    assert {limit.source for limit in load_spec(name).limits} == {"proposal"}


@pytest.mark.parametrize("name", shipped_specs())
def test_what_a_camera_cannot_judge_is_a_human_check_in_both_languages(name: str) -> None:
    checks = {check.code: check.message for check in load_spec(name).human_checks}
    assert {"moisture", "smell", "sharp", "insects", "mould_inside", "handle_pull", "size_weight"} <= set(
        checks
    )
    assert all(words.id and words.en and words.id != words.en for words in checks.values())


@pytest.mark.parametrize("name", shipped_specs())
def test_among_limits_on_one_thing_the_heavier_lies_further_out(name: str) -> None:
    spec = load_spec(name)
    for light in (limit for limit in spec.limits if limit.severity is Severity.MINOR):
        for heavy in (limit for limit in spec.limits if limit.severity is Severity.MAJOR):
            if (light.characteristic, light.unit) == (heavy.characteristic, heavy.unit):
                assert heavy.bound > light.bound if light.above is not None else heavy.bound < light.bound


def test_the_default_spec_needs_no_scale_and_the_product_specs_do() -> None:
    for name in shipped_specs():
        units = {limit.unit for limit in load_spec(name).limits}
        assert bool(units & {"mm", "mm2", "per_10cm"}) == (name != "default")


@pytest.mark.parametrize(
    ("name", "target"),
    [("mendong", 25.0), ("hyacinth_basket", 11.5), ("hyacinth_bin", 6.0), ("banana_sheath", 15.0)],
)
def test_rows_8_percent_below_target_are_minor_and_15_percent_below_are_major(
    name: str, target: float
) -> None:
    bounds = {x.severity: x.bound for x in load_spec(name).limits if x.characteristic == "weft_density"}
    # the files round to a hundredth of a strand
    assert bounds[Severity.MINOR] == pytest.approx(0.92 * target, abs=0.01)
    assert bounds[Severity.MAJOR] == pytest.approx(0.85 * target, abs=0.01)


def test_a_code_without_words_has_no_advice() -> None:
    assert advice_for("no_scale") is None
