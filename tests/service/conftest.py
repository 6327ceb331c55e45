"""The service around a fake inspector, in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.service.browser import address, page, store
from tests.service.fakes import FakeInspector
from tests.service.s3 import s3_endpoint, s3_settings
from tests.service.signed_in import signed_in

__all__ = ["address", "client", "page", "s3_endpoint", "s3_settings", "settings", "store"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", port=0, max_upload_bytes=2_000_000)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, inspector=FakeInspector())
    with signed_in(app, raise_server_exceptions=False) as client:
        yield client
