"""All settings of the service, and the only reader of the environment (`QC_HOST`, `QC_PORT`, ...)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`data_dir` holds the records and the photos. `workers`: photos graded at the same time, each with a
    model of its own; a request that finds none free for `wait_s` is asked to come back."""

    model_config = SettingsConfigDict(env_prefix="QC_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    data_dir: Path = Path("data")
    max_upload_bytes: int = Field(default=120_000_000, gt=0)
    max_photos: int = Field(default=8, ge=1)
    workers: int = Field(default=1, ge=1)
    wait_s: float = Field(default=120.0, gt=0)
