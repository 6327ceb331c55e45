"""All settings of the service, and the only reader of the environment (`QC_HOST`, `QC_PORT`, ...) and `.env`."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.caller import Role

PREFIX = "QC_"
OF_TESTS = "QC_TEST_"
"""Variables that tell the tests where a database is; they are no settings."""
SENDS_TRACES = "opentelemetry-exporter-otlp-proto-http"
"""The package of the extra `otel`."""
_ROLE = f"({'|'.join(Role)})"


class Settings(BaseSettings):
    """`data_dir` holds the records, the photos and the keys. `workers`: photos graded at the same time, each
    by a process with a model of its own. A request waits `wait_s` for its verdict, then it is told where it will
    be; with `max_open_uploads` in hand the service takes no more. Of photos that come in parts, at most `max_parts_bytes`
    may be announced and not yet accepted, `max_account_parts_bytes` by one account; a part that nobody went on with for
    `keep_parts_hours` is removed.

    `refusal_limits`: a TOML file laid over the limits by which photos are to be taken again.

    `database_url`: SQLAlchemy's, for PostgreSQL; without it a SQLite file in `data_dir`. `photos_url`: `s3://bucket/prefix`,
    without it a folder in `data_dir`; `s3_...` fall back to the usual `AWS_...` variables.
    `checkpoint_file` belongs on a disk that somebody else keeps. `public_url`: where others reach the service, without a slash
    at its end; events and certificates name things below it. Events go to `capture_url` (EPCIS) and, signed
    with `webhook_secret`, to `webhook_url`. `keep_photos_days`, `keep_records_days`, `keep_audit_days`: what
    `record purge` removes is older; all are proposals, to be set by whoever answers for the data.

    `backup_public_key` seals backups, `backup_key` opens them and belongs elsewhere than on the server.
    `oidc_issuer`: the OpenID Connect provider through which accounts linked to it may sign in, as `oidc_client_id`; the
    page's button says `oidc_name`. `second_factor_roles`: joined by commas; who has one and signs in with a password must have
    turned on a second factor. `otlp_endpoint`: the OpenTelemetry collector that is sent traces, over HTTP.

    A setting with `repr=False` may hold a password: it is neither printed nor logged."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, dotenv_filtering="match_prefix", frozen=True, extra="forbid"
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    data_dir: Path = Path("data")
    max_upload_bytes: int = Field(default=120_000_000, gt=0)
    max_photos: int = Field(default=8, ge=1)
    workers: int = Field(default=1, ge=1)
    wait_s: float = Field(default=120.0, gt=0)
    max_open_uploads: int = Field(default=500, ge=1)
    max_parts_bytes: int = Field(default=4_000_000_000, ge=1)
    max_account_parts_bytes: int = Field(default=500_000_000, ge=1)
    keep_parts_hours: int = Field(default=48, ge=1)
    refusal_limits: Path | None = None
    database_url: str | None = Field(default=None, repr=False)
    photos_url: str | None = Field(default=None, pattern="^s3://[^/@]+(/.*)?$")
    s3_endpoint: str | None = Field(default=None, pattern="^https?://")
    s3_region: str | None = None
    s3_access_key_id: str | None = Field(default=None, repr=False)
    s3_secret_access_key: str | None = Field(default=None, repr=False)
    checkpoint_file: Path | None = None
    public_url: str = Field(default="http://127.0.0.1:8000", pattern="^https?://.*[^/]$")
    keep_photos_days: int = Field(default=730, ge=1)
    keep_records_days: int = Field(default=3650, ge=1)
    keep_audit_days: int = Field(default=730, ge=1)
    capture_url: str | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = Field(default=None, pattern="^whsec_[A-Za-z0-9+/]{32,}={0,2}$", repr=False)
    backup_public_key: str | None = Field(default=None, pattern="^age1[02-9ac-hj-np-z]{58}$")
    backup_key: str | None = Field(default=None, repr=False)
    oidc_issuer: str | None = Field(
        default=None, pattern=r"^(https://[^?#]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[^?#]*)?)$"
    )
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = Field(default=None, repr=False)
    oidc_name: str = Field(default="OpenID", max_length=40)
    second_factor_roles: str | None = Field(default=None, pattern=f"^{_ROLE}(,{_ROLE})*$")
    otlp_endpoint: str | None = Field(default=None, pattern="^https?://[^?#@]*[^/?#@]$")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'records.sqlite'}"

    @property
    def roles_with_second_factor(self) -> frozenset[Role]:
        return frozenset(Role(name) for name in (self.second_factor_roles or "").split(",") if name)

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https:")

    @property
    def checkpoints(self) -> Path:
        return self.checkpoint_file or self.data_dir / "checkpoints.jsonl"


class SettingsRefused(QcVisionError):
    """Settings that do not hold: an unknown variable, or a value of another kind than expected."""


def read_settings(laid_over: Mapping[str, Any] | None = None, *, env_file: Path = Path(".env")) -> Settings:
    """The settings of the environment, then of `env_file` where there is one; `laid_over` wins over both.

    Raises SettingsRefused, which names every variable at fault, what was found and what was expected.
    """
    try:
        _refuse_unknown({**dotenv_values(env_file), **os.environ})
        settings = Settings(**{"_env_file": env_file, **(laid_over or {})})
    except ValidationError as wrong:
        faults = [_fault(error) for error in wrong.errors()]
        raise _refused(faults) from wrong
    except (OSError, UnicodeDecodeError) as wrong:
        raise _refused(
            [Message(id=f"{env_file} tidak terbaca ({wrong})", en=f"{env_file} cannot be read ({wrong})")]
        ) from wrong
    _refuse_alone(settings)
    _refuse_without_extra(settings)
    return settings


def variable_of(setting: str) -> str:
    """The environment's name of a setting."""
    return f"{PREFIX}{setting.upper()}"


def _refuse_unknown(stated: Mapping[str, str | None]) -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    names = {name.upper() for name in stated if name.upper().startswith(PREFIX)}
    faults = []
    for name in sorted(names - known):
        if name.startswith(OF_TESTS):
            continue
        # a misspelt limit that counts for nothing would be noticed too late
        near = get_close_matches(name, known, n=1)
        faults.append(
            Message(
                id=f"{name} tidak dikenal" + (f", mungkin {near[0]}" if near else ""),
                en=f"{name} is unknown" + (f", perhaps {near[0]}" if near else ""),
            )
        )
    if faults:
        raise _refused(faults)


def _refuse_alone(settings: Settings) -> None:
    """Refuses settings that mean nothing without another."""
    needs = {
        "oidc_issuer": "oidc_client_id",
        "oidc_client_id": "oidc_issuer",
        "oidc_client_secret": "oidc_issuer",
    }
    faults = [
        Message(
            id=f"{variable_of(stated)} memerlukan {variable_of(needed)}, yang kosong",
            en=f"{variable_of(stated)} needs {variable_of(needed)}, which is empty",
        )
        for stated, needed in needs.items()
        if getattr(settings, stated) is not None and getattr(settings, needed) is None
    ]
    if faults:
        raise _refused(faults)


def _refuse_without_extra(settings: Settings) -> None:
    """Refuses traces where what sends them is not installed: it is imported only where they are wanted."""
    if settings.otlp_endpoint is None:
        return
    try:
        distribution(SENDS_TRACES)
    except PackageNotFoundError as wrong:
        name = variable_of("otlp_endpoint")
        raise _refused(
            [
                Message(
                    id=f"{name} memerlukan paket tambahan (pip install 'qc_vision[otel]')",
                    en=f"{name} needs an extra (pip install 'qc_vision[otel]')",
                )
            ]
        ) from wrong


def _refused(faults: list[Message]) -> SettingsRefused:
    return SettingsRefused(
        Message(
            id=f"Pengaturan tidak sah: {'; '.join(f.id for f in faults)}. Perbaiki di lingkungan, di .env, "
            "atau di pilihan perintah.",
            en=f"Invalid settings: {'; '.join(f.en for f in faults)}. Mend the environment, .env or the "
            "options.",
        )
    )


def _fault(error: ErrorDetails) -> Message:
    setting = str(error["loc"][0]) if error["loc"] else ""
    name = variable_of(setting)
    expected = _expected(error)
    field = Settings.model_fields.get(setting)
    shown = repr(error["input"])[:80]
    hidden = Message(id=f"({len(str(error['input']))} huruf)", en=f"({len(str(error['input']))} characters)")
    found = Message(id=shown, en=shown) if field is None or field.repr else hidden
    return Message(
        id=f"{name}: ditemukan {found.id}, seharusnya {expected.id}",
        en=f"{name}: found {found.en}, expected {expected.en}",
    )


def _expected(error: ErrorDetails) -> Message:
    limits = error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_from_float" | "int_type":
            return Message(id="bilangan bulat", en="a whole number")
        case "float_parsing" | "float_type":
            return Message(id="bilangan", en="a number")
        case "bool_parsing" | "bool_type":
            return Message(id="true atau false", en="true or false")
        case "greater_than_equal":
            return Message(id=f"paling kecil {limits['ge']}", en=f"at least {limits['ge']}")
        case "less_than_equal":
            return Message(id=f"paling besar {limits['le']}", en=f"at most {limits['le']}")
        case "greater_than":
            return Message(id=f"lebih dari {limits['gt']}", en=f"more than {limits['gt']}")
        case "string_pattern_mismatch":
            return Message(id=f"yang cocok dengan {limits['pattern']}", en=f"a match of {limits['pattern']}")
        case _:
            return Message(id=f"yang sah ({error['msg']})", en=f"a valid one ({error['msg']})")
