"""An S3-speaking server (moto) on a free port of this machine, with one empty bucket a test."""

from collections.abc import Iterator
from itertools import count
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from service.settings import Settings

NUMBERS = count(1)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_settings(s3_endpoint: str, settings: Settings) -> Settings:
    """The settings of a service that keeps its photos in a bucket of its own."""
    bucket = f"photos-{next(NUMBERS)}"
    urlopen(Request(f"{s3_endpoint}/{bucket}", method="PUT")).close()
    stated = {
        "photos_url": f"s3://{bucket}/of/us",
        "s3_endpoint": s3_endpoint,
        "s3_region": "us-east-1",
        "s3_access_key_id": "key-of-tests",
        "s3_secret_access_key": "secret-of-tests",
    }
    return settings.model_copy(update=stated)
