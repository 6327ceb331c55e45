"""The limits of refusals are data: all in one file, told apart by version, refused with the range they must lie in."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from qc_vision import refusal_limits
from qc_vision.errors import LimitsError
from qc_vision.refusal_limits import (
    SHIPPED,
    CardLimits,
    OriginLimits,
    QualityLimits,
    ViewLimits,
    load_refusal_limits,
)

FILE = Path(__file__).parents[2] / "qc_vision" / "refusal_limits.toml"
TABLES = {"quality": QualityLimits, "origin": OriginLimits, "card": CardLimits, "view": ViewLimits}
UNITS = ("px", "fraction", "deg", "s", "mm", "quality", "aspect")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ours.toml"


def refusal(file: Path, text: str) -> LimitsError:
    file.write_text(text)
    with pytest.raises(LimitsError) as caught:
        load_refusal_limits(file)
    return caught.value


def test_every_limit_is_in_the_file_with_its_unit_and_where_it_comes_from() -> None:
    stated = tomllib.loads(FILE.read_text("utf-8"))
    assert set(stated) == {"version", *TABLES}
    for table, kind in TABLES.items():
        assert list(stated[table]) == [field.name for field in fields(kind)]
        for name in stated[table]:
            assert re.search(rf"_({'|'.join(UNITS)})(_|$)", name), name
            assert re.search(rf"^#.*\n{name} = ", FILE.read_text("utf-8"), re.MULTILINE), name


def test_a_file_laid_over_states_only_what_differs(file: Path) -> None:
    file.write_text('version = "ours-1"\n[card]\ntilt_max_deg = 25\n')
    ours = load_refusal_limits(file)
    assert (ours.version, ours.card.tilt_max_deg) == ("ours-1", 25)
    assert ours.card.px_per_mm_min == SHIPPED.card.px_per_mm_min
    assert ours.quality == SHIPPED.quality


@pytest.mark.parametrize(
    ("text", "id_words", "en_words"),
    [
        (
            "[quality]\nsharpness_fraction_min = 1.5",
            "quality.sharpness_fraction_min: ditemukan 1.5, seharusnya bilangan dari 0 sampai 1",
            "quality.sharpness_fraction_min: found 1.5, expected a number from 0 to 1",
        ),
        (
            "[quality]\nlong_side_min_px = 0",
            "quality.long_side_min_px: ditemukan 0, seharusnya bilangan bulat dari 1 sampai 100000",
            "quality.long_side_min_px: found 0, expected a whole number from 1 to 100000",
        ),
        (
            "[card]\ntilt_max_deg = 'steep'",
            "card.tilt_max_deg: ditemukan 'steep', seharusnya bilangan dari 0 sampai 90",
            "card.tilt_max_deg: found 'steep', expected a number from 0 to 90",
        ),
        (
            "[origin]\nclock_ahead_max_s = inf",
            "origin.clock_ahead_max_s: ditemukan inf",
            "origin.clock_ahead_max_s: found inf, expected a number from 0 to 31536000",
        ),
        (
            "[origin]\nmessenger_sides_px = [1280, -1]",
            "origin.messenger_sides_px.1: ditemukan -1",
            "origin.messenger_sides_px.1: found -1, expected a whole number from 1 to 100000",
        ),
        (
            "[card]\ntilt_max = 25",
            "card.tilt_max: tidak dikenal, yang ada misfit_fraction_max, tilt_max_deg",
            "card.tilt_max: unknown, there are misfit_fraction_max, tilt_max_deg",
        ),
        (
            "[light]\n",
            "light: tidak dikenal",
            "light: unknown, there are version, quality, origin, card, view",
        ),
        ("card = 3", "card: ditemukan 3, seharusnya tabel", "card: found 3, expected a table"),
        ("[card", "bukan TOML", "no TOML"),
    ],
)
def test_a_wrong_value_is_told_with_its_name_and_range(
    file: Path, text: str, id_words: str, en_words: str
) -> None:
    message = refusal(file, f'version = "ours-1"\n{text}').message
    assert id_words in message.id
    assert en_words in message.en
    assert str(file) in message.en


def test_all_wrong_values_are_told_at_once_and_a_version_is_asked_for(file: Path) -> None:
    said = refusal(file, "[card]\ntilt_max_deg = 91\npx_per_mm_min = -1\n").message.en
    assert "card.tilt_max_deg: found 91" in said
    assert "card.px_per_mm_min: found -1" in said
    assert "version: missing, expected a name of 1 to 80 characters" in said


def test_a_shipped_file_that_lacks_a_value_is_told_with_its_range(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(re.sub("^tilt_max_deg = .*$", "", FILE.read_text("utf-8"), flags=re.MULTILINE))
    monkeypatch.setattr(refusal_limits, "FILE", str(file))
    with pytest.raises(LimitsError) as caught:
        load_refusal_limits()
    assert "card.tilt_max_deg: tidak ada, seharusnya bilangan dari 0 sampai 90" in caught.value.message.id
    assert "card.tilt_max_deg: missing, expected a number from 0 to 90" in caught.value.message.en


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(LimitsError) as caught:
        load_refusal_limits(file)
    assert str(file) in caught.value.message.id
