"""Settings: from the environment and `.env`, refused at start by name, listed where people look for them."""

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from service.settings import Settings, SettingsRefused, read_settings, variable_of

ROOT = Path(__file__).parents[2]
DEFAULTS = {
    variable_of(name): "" if field.default is None else str(field.default)
    for name, field in Settings.model_fields.items()
}


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def refusal(env_file: Path, text: str) -> SettingsRefused:
    env_file.write_text(text)
    with pytest.raises(SettingsRefused) as caught:
        read_settings(env_file=env_file)
    return caught.value


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("QC_PORT=1\nQC_HOST=file\nQC_WORKERS=3\nOTHER_PROGRAM=x\n")
    monkeypatch.setenv("QC_PORT", "2")
    monkeypatch.setenv("QC_HOST", "environment")

    found = read_settings({"port": 4}, env_file=env_file)

    assert (found.port, found.host, found.workers) == (4, "environment", 3)


def test_an_empty_value_counts_as_not_set(env_file: Path) -> None:
    env_file.write_text("QC_DATABASE_URL=\nQC_PORT=\n")

    assert read_settings(env_file=env_file) == Settings()


@pytest.mark.parametrize(
    ("line", "found", "expected_id", "expected_en"),
    [
        ("QC_PORT=eight", "'eight'", "bilangan bulat", "a whole number"),
        ("QC_PORT=70000", "'70000'", "paling besar 65535", "at most 65535"),
        ("QC_WORKERS=0", "'0'", "paling kecil 1", "at least 1"),
        ("QC_WAIT_S=0", "'0'", "lebih dari 0", "more than 0"),
        ("QC_WAIT_S=long", "'long'", "bilangan", "a number"),
        ("QC_PUBLIC_URL=http://here/", "'http://here/'", "yang cocok dengan", "a match of ^https"),
    ],
)
def test_a_wrong_value_is_told_with_its_name_what_was_found_and_what_is_expected(
    env_file: Path, line: str, found: str, expected_id: str, expected_en: str
) -> None:
    message = refusal(env_file, line).message

    name = line.partition("=")[0]
    assert f"{name}: ditemukan {found}, seharusnya {expected_id}" in message.id
    assert f"{name}: found {found}, expected {expected_en}" in message.en


def test_all_wrong_values_are_told_at_once(env_file: Path) -> None:
    said = refusal(env_file, "QC_PORT=x\nQC_WORKERS=y").message.en

    assert "QC_PORT" in said
    assert "QC_WORKERS" in said


def test_a_secret_is_not_repeated(env_file: Path) -> None:
    said = refusal(env_file, "QC_WEBHOOK_SECRET=hunter2").message

    assert "QC_WEBHOOK_SECRET: found (7 characters)" in said.en
    assert "hunter2" not in str(said)
    assert "hunter2" not in repr(Settings(database_url="postgresql://u:hunter2@h/d"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("QC_OIDC_ISSUER=https://id.example", "QC_OIDC_ISSUER needs QC_OIDC_CLIENT_ID"),
        ("QC_OIDC_CLIENT_ID=qc", "QC_OIDC_CLIENT_ID needs QC_OIDC_ISSUER"),
        ("QC_OIDC_CLIENT_SECRET=hunter2", "QC_OIDC_CLIENT_SECRET needs QC_OIDC_ISSUER"),
        ("QC_OIDC_ISSUER=http://id.example\nQC_OIDC_CLIENT_ID=qc", "QC_OIDC_ISSUER: found"),
    ],
)
def test_a_setting_that_means_nothing_alone_is_refused_by_name(env_file: Path, text: str, named: str) -> None:
    said = refusal(env_file, text).message

    assert named in said.en
    assert "hunter2" not in str(said)


def test_an_unknown_variable_is_refused_with_the_likely_one(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "perhaps QC_KEEP_PHOTOS_DAYS" in refusal(env_file, "QC_KEEP_PHOTO_DAYS=9").message.en
    monkeypatch.setenv("QC_PROT", "1")
    assert "QC_PROT tidak dikenal, mungkin QC_PORT" in refusal(env_file, "").message.id


def test_a_file_that_is_no_text_is_refused(env_file: Path) -> None:
    env_file.write_bytes(b"\xff\xfe\x00QC")
    with pytest.raises(SettingsRefused, match="cannot be read"):
        read_settings(env_file=env_file)


def test_the_readme_lists_every_setting_with_its_default() -> None:
    readme = (ROOT / "service" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(QC_\w+)` \| (?:`(.*?)`)? ?\|", readme, flags=re.MULTILINE)

    assert dict(rows) == DEFAULTS
    assert len(rows) == len(DEFAULTS)


def test_the_example_file_lists_every_setting_with_its_default_and_changes_nothing() -> None:
    example = ROOT / ".env.example"
    lines = [line[1:].partition("=") for line in example.read_text().splitlines() if line.startswith("#QC_")]

    assert {name: value for name, _, value in lines} == DEFAULTS
    assert dotenv_values(example) == {}
