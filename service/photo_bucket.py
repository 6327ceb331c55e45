"""Photos in a bucket of an S3-compatible store, through obstore (an extra); and where the settings keep photos.

Write-once is the store's own promise: an object is created with `If-None-Match: *`, so that no other process can
replace it either.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from qc_vision.errors import StorageError
from qc_vision.message import Message
from service.photos import PhotoFolder, PhotoStore, checked
from service.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

TIMEOUT = timedelta(seconds=30)
"""Of one request; all tries of it together take at most twice as long."""
TRIES = 3
NO_BUCKET = "NoSuchBucket"
"""The error code of a missing bucket (Amazon S3 API reference, Error responses)."""

Got = TypeVar("Got")


class PhotoBucket:
    """JPEGs in `store`, under the same names as in a folder. `place` names it to people."""

    def __init__(self, store: "S3Store", *, place: str) -> None:
        self._store = store
        self._place = place

    def save(self, jpeg: bytes) -> str:
        from obstore.exceptions import AlreadyExistsError

        name = hashlib.sha256(jpeg).hexdigest()
        # the same name is the same bytes
        with suppress(AlreadyExistsError):
            self._asked(lambda: self._store.put(_key(name), jpeg, mode="create"))
        return name

    def read(self, name: str) -> bytes | None:
        try:
            data = self._asked(lambda: bytes(self._store.get(_key(name)).bytes()))
        except FileNotFoundError:
            return None
        return checked(name, data)

    def remove(self, name: str) -> None:
        # some stores answer that there is none for what is gone already
        with suppress(FileNotFoundError):
            self._asked(lambda: self._store.delete(_key(name)))

    def names(self) -> Iterator[str]:
        pages = iter(self._store.list())
        while (page := self._asked(lambda: next(pages, None))) is not None:
            yield from (PurePosixPath(found["path"]).stem for found in page)

    def check(self) -> None:
        self._asked(lambda: next(iter(self._store.list(chunk_size=1)), None))

    def _asked(self, ask: Callable[[], Got]) -> Got:
        """What `ask` gets. Lets through that there is no such object, or is one already."""
        from obstore.exceptions import AlreadyExistsError, BaseError

        try:
            return ask()
        except AlreadyExistsError:
            raise
        except FileNotFoundError as wrong:
            # a bucket that is not there is no photo that was purged
            if NO_BUCKET in str(wrong):
                raise self._fails(NO_BUCKET) from wrong
            raise
        except BaseError as wrong:
            raise self._fails(str(wrong).partition("\n")[0]) from wrong

    def _fails(self, why: str) -> StorageError:
        return StorageError(
            Message(
                id=f"Penyimpanan foto {self._place} tidak menjawab seperti seharusnya ({why}). Periksa "
                "QC_PHOTOS_URL, QC_S3_..., dan jaringan.",
                en=f"The photo store {self._place} does not answer as it should ({why}). Check "
                "QC_PHOTOS_URL, QC_S3_... and the network.",
            )
        )


def open_photos(settings: Settings) -> PhotoStore:
    """The photo store of these settings: a folder of the data folder, or what `photos_url` names.

    Raises StorageError where the extra is missing.
    """
    if settings.photos_url is None:
        return PhotoFolder(settings.data_dir / "photos")
    url = urlsplit(settings.photos_url)
    return PhotoBucket(_open_bucket(settings, url.netloc, url.path.strip("/")), place=settings.photos_url)


def _open_bucket(settings: Settings, bucket: str, prefix: str) -> "S3Store":
    try:
        from obstore.store import S3Store
    except ImportError as wrong:
        raise StorageError(
            Message(
                id="Foto di S3 perlu paket tambahan: pip install 'qc_vision[s3]'.",
                en="Photos in S3 need an extra: pip install 'qc_vision[s3]'.",
            )
        ) from wrong
    stated = {
        "region": settings.s3_region,
        "endpoint": settings.s3_endpoint,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": settings.s3_secret_access_key,
    }
    config: S3Config = {name: value for name, value in stated.items() if value is not None}  # type: ignore[assignment]
    return S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options={
            "allow_http": (settings.s3_endpoint or "").startswith("http://"),
            "timeout": TIMEOUT,
        },
        retry_config={"max_retries": TRIES - 1, "retry_timeout": 2 * TIMEOUT},
    )


def _key(name: str) -> str:
    return f"{name[:2]}/{name}.jpg"
