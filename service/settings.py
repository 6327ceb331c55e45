"""All settings of the service, and the only reader of the environment (`QC_HOST`, `QC_PORT`, ...)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`data_dir` holds the records, the photos and the keys. `workers`: photos graded at the same time, each
    by a process with a model of its own. A request waits `wait_s` for its verdict, then it is told where it will
    be; with `max_open_uploads` in hand the service takes no more.

    `database_url`: SQLAlchemy's, for PostgreSQL; without it a SQLite file in `data_dir`. `checkpoint_file`
    belongs on a disk that somebody else keeps. `public_url`: where others reach the service, without a slash
    at its end; events and certificates name things below it. Events go to `capture_url` (EPCIS) and, signed
    with `webhook_secret`, to `webhook_url`. `keep_photos_days`, `keep_records_days`: what `record purge`
    removes is older; both are proposals, to be set by whoever answers for the data."""

    model_config = SettingsConfigDict(env_prefix="QC_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    data_dir: Path = Path("data")
    max_upload_bytes: int = Field(default=120_000_000, gt=0)
    max_photos: int = Field(default=8, ge=1)
    workers: int = Field(default=1, ge=1)
    wait_s: float = Field(default=120.0, gt=0)
    max_open_uploads: int = Field(default=500, ge=1)
    database_url: str | None = None
    checkpoint_file: Path | None = None
    public_url: str = Field(default="http://127.0.0.1:8000", pattern="^https?://.*[^/]$")
    keep_photos_days: int = Field(default=730, ge=1)
    keep_records_days: int = Field(default=3650, ge=1)
    capture_url: str | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = Field(default=None, pattern="^whsec_[A-Za-z0-9+/]{32,}={0,2}$")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'records.sqlite'}"

    @property
    def checkpoints(self) -> Path:
        return self.checkpoint_file or self.data_dir / "checkpoints.jsonl"
