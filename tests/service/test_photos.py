"""The photo store, in a folder and in a bucket behind a real S3 server: one set of promises."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from obstore.store import S3Store

from qc_vision.decision import Verdict
from qc_vision.errors import StorageError
from service.app import create_app
from service.cli import main
from service.intake import Intake
from service.photo_bucket import open_photos
from service.photos import PhotoAltered, PhotoFolder, PhotoStore
from service.purge import Retention, purge
from service.record_commands import open_evidence
from service.settings import Settings
from service.verify import Verified, verify
from tests.service.fakes import FakeInspector, photo_of
from tests.service.signed_in import signed_in
from tests.service.test_lots import inspect

JPEG = b"a photo, or what passes for one"
NAME = hashlib.sha256(JPEG).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A photo store, and how another program writes into it past us."""

    photos: PhotoStore
    settings: Settings
    overwrite: Callable[[str, bytes], object]


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, settings: Settings) -> Place:
    if request.param == "folder":
        folder = PhotoFolder(settings.data_dir / "photos")
        return Place(
            photos=open_photos(settings),
            settings=settings,
            overwrite=lambda name, data: folder.path(name).write_bytes(data),
        )
    in_bucket: Settings = request.getfixturevalue("s3_settings")
    raw = raw_store(in_bucket)
    return Place(
        photos=open_photos(in_bucket),
        settings=in_bucket,
        overwrite=lambda name, data: raw.put(f"of/us/{name[:2]}/{name}.jpg", data),
    )


def raw_store(settings: Settings) -> S3Store:
    assert settings.photos_url is not None
    return S3Store(
        settings.photos_url.split("/")[2],
        endpoint=settings.s3_endpoint,
        region="us-east-1",
        access_key_id="a",
        secret_access_key="b",
        client_options={"allow_http": True},
    )


def test_what_is_kept_is_named_by_its_hash_and_read_back(place: Place) -> None:
    assert place.photos.save(JPEG) == NAME
    assert place.photos.read(NAME) == JPEG
    assert place.photos.read("0" * 64) is None


def test_the_same_bytes_are_kept_once_and_all_names_are_listed(place: Place) -> None:
    names = {place.photos.save(content) for content in (JPEG, b"another", JPEG)}

    assert sorted(place.photos.names()) == sorted(names)


def test_what_was_changed_behind_our_back_is_not_handed_out(place: Place) -> None:
    place.photos.save(JPEG)
    place.overwrite(NAME, b"another basket")

    with pytest.raises(PhotoAltered) as caught:
        place.photos.read(NAME)

    assert caught.value.found == hashlib.sha256(b"another basket").hexdigest()


def test_what_is_removed_is_gone_and_may_be_removed_again(place: Place) -> None:
    place.photos.save(JPEG)

    place.photos.remove(NAME)
    place.photos.remove(NAME)

    assert place.photos.read(NAME) is None
    assert list(place.photos.names()) == []


def test_nobody_replaces_a_photo_in_a_bucket_by_saving_another_under_its_name(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = open_photos(s3_settings)
    photos.save(JPEG)
    monkeypatch.setattr("service.photo_bucket._key", lambda _: f"{NAME[:2]}/{NAME}.jpg")

    photos.save(b"another basket")

    assert photos.read(NAME) == JPEG


def test_inspections_are_kept_read_verified_and_purged(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with signed_in(create_app(place.settings, inspector=FakeInspector())) as client:
        inspect(client, "A-1", Verdict.FAIL)
        photo = client.get("/v1/inspections").json()["inspections"][0]["links"]["thumbnail"]
        shown = client.get(photo)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
        assert shown.content.startswith(b"\xff\xd8\xff")
        assert client.get("/readyz").status_code == 200

        evidence = open_evidence(place.settings)
        with evidence.store.reading() as connection:
            found = verify(connection, photos=evidence.photos, checkpoints=())
        assert isinstance(found, Verified)
        assert found.photos == 3

        kept = Retention(photos=timedelta(days=1), records=timedelta(days=9), audit=timedelta(days=9))
        removed = purge(
            evidence.store,
            evidence.photos,
            Intake(place.settings.data_dir / "intake"),
            kept,
            by="R-1",
            now=datetime.now(UTC) + timedelta(days=2),
        )
        assert removed.photos == 3
        assert list(place.photos.names()) == []
        assert client.get(photo).status_code == 410
        with evidence.store.reading() as connection:
            found = verify(connection, photos=evidence.photos, checkpoints=())
        assert isinstance(found, Verified)
        assert found.purged == 3
        evidence.store.close()


def test_the_command_verifies_photos_in_a_bucket_named_by_the_environment(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with signed_in(create_app(s3_settings, inspector=FakeInspector())) as client:
        client.post("/v1/inspections", files=[("photos", ("a.jpg", photo_of(Verdict.PASS)))])
    for name in ("photos_url", "s3_endpoint", "s3_region", "s3_access_key_id", "s3_secret_access_key"):
        monkeypatch.setenv(f"QC_{name.upper()}", str(getattr(s3_settings, name)))

    assert main(["record", "verify", "--data", str(s3_settings.data_dir)]) == 0
    (first, *_) = open_photos(s3_settings).names()
    open_photos(s3_settings).remove(first)
    assert main(["record", "verify", "--data", str(s3_settings.data_dir)]) == 3
    assert "Berkas foto hilang" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed",
    [{"photos_url": "s3://not-there/x"}, {"s3_endpoint": "http://127.0.0.1:9"}],
    ids=["no such bucket", "nobody listens"],
)
def test_a_store_that_fails_says_so_in_both_languages_and_never_counts_as_purged(
    s3_settings: Settings, changed: dict[str, str]
) -> None:
    photos = open_photos(s3_settings.model_copy(update=changed))

    for ask in (
        photos.check,
        lambda: photos.save(JPEG),
        lambda: photos.read(NAME),
        lambda: list(photos.names()),
    ):
        with pytest.raises(StorageError) as caught:
            ask()
        said = caught.value.message
        assert "Penyimpanan foto" in said.id
        assert "QC_PHOTOS_URL" in said.en
        assert "secret-of-tests" not in str(said)
