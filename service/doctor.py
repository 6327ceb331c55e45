"""Looks at everything that the service stands on, says what is wrong and what to do, and mends what is safe.

Safe: steps of the schema, leases that ran out, files that nobody names. Evidence is never touched.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from qc_vision.refusal_limits import load_refusal_limits
from service.checkpoints import read_checkpoints
from service.crew import load_shipped
from service.grading import Inspects
from service.intake import Intake
from service.leftovers import compare_photos, find_bundles, find_halves, find_unfinished, remove_orphans
from service.parts import Parts, parts_of
from service.photo_bucket import open_photos
from service.photos import PhotoStore, prepare_folder
from service.second_factor import list_unreadable
from service.secret_box import KEY_FILE, SecretBox
from service.settings import Settings
from service.signing import Keyring
from service.store import Store, find_revisions, open_database
from service.tables import UPLOADS
from service.uploads import State, list_in_hand, list_late_holders, release
from service.verify import Break, verify

ROOM_FOR_UPLOADS = 10
"""Free space below so many of the largest uploads is too little."""
ABANDONED_S = 3600.0
"""An original that no upload names for so long is not just about to be accepted."""
SHOWN = 3


class Health(StrEnum):
    """`wrong` is for people; `mended` was wrong until now."""

    OK = "ok"
    MENDED = "mended"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was looked at, how it stands and, where it is wrong, what to do."""

    what: str
    health: Health
    message: Message


def examine(
    settings: Settings,
    *,
    repair: bool,
    load: Callable[[], Inspects] | None = None,
    abandoned_s: float = ABANDONED_S,
) -> Iterator[Finding]:
    """Findings, one after the other. Changes something only where `repair` is set."""
    yield _try("settings", lambda: _look_at_settings(settings))
    yield _try("model", lambda: _look_at_model(load or partial(load_shipped, settings)))
    yield _try("disk", lambda: _look_at_disk(settings))
    yield _try("keys", lambda: _look_at_keys(settings))
    schema = _try("database", lambda: _look_at_schema(settings, repair=repair))
    yield schema
    if schema.health is Health.WRONG:
        return  # nothing below can be read
    store = open_database(settings.database)
    try:
        yield from _look_into(store, settings, repair=repair, abandoned_s=abandoned_s)
    finally:
        store.close()


def _look_into(store: Store, settings: Settings, *, repair: bool, abandoned_s: float) -> Iterator[Finding]:
    photos, intake = open_photos(settings), Intake(settings.data_dir / "intake")
    # leases first: while one is held, nobody can tell an orphan from a photo whose record is about to come
    yield _try("leases", lambda: _look_at_leases(store, repair=repair))
    yield _try("uploads", lambda: _look_at_uploads(store, intake))
    yield _try("set aside", lambda: _look_at_set_aside(store, intake))
    yield _try("parts", lambda: _look_at_parts(parts_of(settings), repair=repair))
    yield _try("second factors", lambda: _look_at_second_factors(store, settings))
    yield _try("ledger", lambda: _look_at_ledger(store, settings))
    yield _try("photos", lambda: _look_at_photos(store, photos))
    yield _try("orphan photos", lambda: _look_at_orphans(store, photos, settings, repair=repair))
    yield _try("originals", lambda: _look_at_originals(store, intake, repair=repair, age_s=abandoned_s))
    yield _try("unfinished", lambda: _look_at_unfinished(settings, repair=repair, age_s=abandoned_s))


def _look_at_settings(settings: Settings) -> Finding:
    limits = load_refusal_limits(settings.refusal_limits).version
    return _ok(
        "settings",
        f"terbaca, data di {settings.data_dir}, batas penolakan {limits}",
        f"read, data in {settings.data_dir}, refusal limits {limits}",
    )


def _look_at_model(load: Callable[[], Inspects]) -> Finding:
    load()
    return _ok("model", "bisa dipakai", "loads")


def _look_at_disk(settings: Settings) -> Finding:
    prepare_folder(settings.data_dir)
    free = shutil.disk_usage(settings.data_dir).free
    needed = ROOM_FOR_UPLOADS * settings.max_upload_bytes
    said = f"{free / 1e9:.1f} GB"
    if free < needed:
        return _wrong(
            "disk",
            f"tinggal {said} kosong, seharusnya {needed / 1e9:.1f} GB. Kosongkan disk, atau jalankan "
            "'qc-service record purge'.",
            f"only {said} free, expected {needed / 1e9:.1f} GB. Clear the disk, or run 'qc-service record purge'.",
        )
    return _ok("disk", f"bisa ditulis, {said} kosong", f"writable, {said} free")


def _look_at_keys(settings: Settings) -> Finding:
    count = Keyring(settings.data_dir / "keys").check()
    if not count:
        return _ok("keys", "belum ada, dibuat saat pertama dipakai", "none yet, made when first used")
    return _ok("keys", f"{count} terbaca", f"{count} readable")


def _look_at_schema(settings: Settings, *, repair: bool) -> Finding:
    path = settings.data_dir / "records.sqlite"
    if settings.database_url is None and not path.exists() and not repair:
        return _wrong(
            "database",
            f"{path} belum ada. Benar map datanya? Layanan membuatnya saat mulai.",
            f"{path} is not there yet. Is it the right folder? The service makes it when it starts.",
        )
    found, expected = find_revisions(settings.database)
    if found == expected:
        return _ok("database", f"terhubung, revisi {found}", f"reachable, revision {found}")
    if repair:
        open_database(settings.database).close()
        return _mended(
            "database", f"dari revisi {found} ke {expected}", f"from revision {found} to {expected}"
        )
    return _wrong(
        "database",
        f"revisi {found}, seharusnya {expected}. Buat cadangan, lalu jalankan layanan versi ini atau --repair.",
        f"revision {found}, expected {expected}. Make a copy, then start this version of the service or --repair.",
    )


def _look_at_leases(store: Store, *, repair: bool) -> Finding:
    now_s = time.time()
    with store.reading() as connection:
        late = list_late_holders(connection, now_s=now_s)
    if not late:
        return _ok("leases", "tidak ada yang macet", "none is stuck")
    if repair:
        with store.changing() as connection:
            for worker in list_late_holders(connection, now_s=now_s):
                release(connection, worker)
        return _mended(
            "leases",
            f"kiriman dari {len(late)} penilai yang berhenti menunggu lagi",
            f"what {len(late)} workers held that ended waits again",
        )
    return _wrong(
        "leases",
        f"{len(late)} penilai berhenti di tengah. Jalankan layanan, atau --repair.",
        f"{len(late)} workers ended midway. Start the service, or --repair.",
    )


def _look_at_uploads(store: Store, intake: Intake) -> Finding:
    with store.reading() as connection:
        uploads = list_in_hand(connection, place=intake.place(), states=[State.WAITING, State.WORKING])
    lost = [upload.id for upload in uploads if not intake.holds(upload.bundle, count=len(upload.photos))]
    if lost:
        return _wrong(
            "uploads",
            f"foto asli hilang untuk {_some(lost)}. Pulihkan map 'intake' dari cadangan, atau foto ulang.",
            f"originals are gone of {_some(lost)}. Restore the folder 'intake' from a copy, or take new photos.",
        )
    return _ok("uploads", f"{len(uploads)} menunggu dinilai", f"{len(uploads)} wait to be graded")


def _look_at_set_aside(store: Store, intake: Intake) -> Finding:
    with store.reading() as connection:
        aside = list_in_hand(connection, place=intake.place(), states=[State.SET_ASIDE])
    if aside:
        ids = _some([upload.id for upload in aside])
        return _wrong(
            "set aside",
            f"{ids} menghentikan penilaian. Lihat keranjangnya, foto ulang; coba lagi: 'qc-service doctor --again ID'.",
            f"{ids} stopped the grading. Look at the basket, take new photos; to try again: 'qc-service doctor "
            "--again ID'.",
        )
    return _ok("set aside", "tidak ada", "none")


def _look_at_parts(parts: Parts, *, repair: bool) -> Finding:
    # a running service removes them itself, some seconds after their time is over
    expired = parts.remove_expired() if repair else parts.count_expired()
    if expired and repair:
        return _mended("parts", f"{expired} yang ditinggalkan dihapus", f"{expired} abandoned ones removed")
    if expired:
        return _wrong(
            "parts",
            f"{expired} foto setengah terkirim ditinggalkan. Jalankan layanan, atau --repair.",
            f"{expired} photos half sent were abandoned. Start the service, or --repair.",
        )
    under_way = list(parts.list())
    said = f"{sum(part.offset_bytes for part in under_way) / 1e6:.1f} MB"
    count = len(under_way)
    return _ok("parts", f"{count} foto setengah terkirim, {said}", f"{count} photos half sent, {said}")


def _look_at_second_factors(store: Store, settings: Settings) -> Finding:
    key = settings.data_dir / "keys" / KEY_FILE
    with store.reading() as connection:
        count, unreadable = list_unreadable(connection, box=SecretBox(key))
    if unreadable:
        return _wrong(
            "second factors",
            f"milik {_some(unreadable)} tidak terbaca dengan {key}. Pulihkan berkas itu dari cadangan; kalau tidak ada: "
            "'qc-service account second-factor remove KODE'.",
            f"those of {_some(unreadable)} cannot be read with {key}. Restore that file from a copy; where there is none: "
            "'qc-service account second-factor remove CODE'.",
        )
    return _ok("second factors", f"{count} aktif dan terbaca", f"{count} on and readable")


def _look_at_ledger(store: Store, settings: Settings) -> Finding:
    keyring = Keyring(settings.data_dir / "keys")
    # an unused service has no key, and looking must not make one
    jwks = keyring.jwks() if keyring.check() else {"keys": []}
    good, bad = read_checkpoints(settings.checkpoints, jwks)
    with store.reading() as connection:
        outcome = verify(connection, photos=None, checkpoints=good, bad_checkpoints=bad)
    if isinstance(outcome, Break):
        place = f"{outcome.table} {outcome.row}"
        return _wrong(
            "ledger",
            f"{place}: {outcome.what.id} Jangan ubah apa pun; bandingkan dengan cadangan.",
            f"{place}: {outcome.what.en} Change nothing; compare with a copy.",
        )
    return _ok("ledger", f"{outcome.entries} entri cocok", f"{outcome.entries} entries hold")


def _look_at_photos(store: Store, photos: PhotoStore) -> Finding:
    photos.check()
    with store.reading() as connection:
        found = compare_photos(connection, photos)
    if found is None:
        return _not_looked("photos")
    if found.missing:
        return _wrong(
            "photos",
            f"{len(found.missing)} hilang, misalnya {_some(found.missing)}. Pulihkan map 'photos' dari cadangan.",
            f"{len(found.missing)} are gone, for instance {_some(found.missing)}. Restore 'photos' from a copy.",
        )
    return _ok(
        "photos",
        "semua ada; isinya diperiksa 'qc-service record verify'",
        "all there; 'qc-service record verify' checks what is in them",
    )


def _look_at_orphans(store: Store, photos: PhotoStore, settings: Settings, *, repair: bool) -> Finding:
    folder = settings.data_dir / "photos"
    with store.reading() as connection:
        found = compare_photos(connection, photos)
    if found is None:
        return _not_looked("orphan photos")
    halves = find_halves(folder)
    count = len(found.orphans) + len(halves)
    if not count:
        return _ok("orphan photos", "tidak ada", "none")
    if not repair:
        return _wrong(
            "orphan photos",
            f"{count} tanpa catatan. Hapus dengan --repair.",
            f"{count} without a record. Remove them with --repair.",
        )
    # nobody may take an upload meanwhile: see remove_orphans
    with store.changing(alone=UPLOADS) as connection:
        removed = len(remove_orphans(connection, photos))
        if compare_photos(connection, photos) is not None:
            for half in find_halves(folder):
                half.unlink(missing_ok=True)
                removed += 1
    return _mended("orphan photos", f"{removed} dihapus", f"{removed} removed")


def _look_at_originals(store: Store, intake: Intake, *, repair: bool, age_s: float) -> Finding:
    with store.reading() as connection:
        bundles = find_bundles(connection, intake, age_s=age_s)
    if not bundles:
        return _ok("originals", "tidak ada yang tertinggal", "none was left behind")
    if repair:
        for bundle in bundles:
            intake.forget(bundle)
        return _mended("originals", f"{len(bundles)} dihapus", f"{len(bundles)} removed")
    return _wrong(
        "originals",
        f"{len(bundles)} kiriman tertinggal, fotonya mungkin menyebut tempat. Hapus dengan --repair.",
        f"{len(bundles)} left behind, whose photos may name a place. Remove them with --repair.",
    )


def _look_at_unfinished(settings: Settings, *, repair: bool, age_s: float) -> Finding:
    halves = find_unfinished(settings.data_dir, age_s=age_s)
    if not halves:
        return _ok("unfinished", "tidak ada berkas setengah tertulis", "no half-written file")
    if not repair:
        return _wrong(
            "unfinished",
            f"{len(halves)} berkas setengah tertulis. Hapus dengan --repair.",
            f"{len(halves)} half-written files. Remove them with --repair.",
        )
    for half in halves:
        half.unlink(missing_ok=True)
    return _mended("unfinished", f"{len(halves)} dihapus", f"{len(halves)} removed")


def _try(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except QcVisionError as wrong:
        return Finding(what=what, health=Health.WRONG, message=wrong.message)


def _not_looked(what: str) -> Finding:
    return _ok(what, "tidak dilihat: sedang ada yang dinilai", "not looked at: something is being graded")


def _ok(what: str, id: str, en: str) -> Finding:
    return Finding(what=what, health=Health.OK, message=Message(id=id, en=en))


def _mended(what: str, id: str, en: str) -> Finding:
    return Finding(what=what, health=Health.MENDED, message=Message(id=id, en=en))


def _wrong(what: str, id: str, en: str) -> Finding:
    return Finding(what=what, health=Health.WRONG, message=Message(id=id, en=en))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" (+{len(names) - SHOWN})" if len(names) > SHOWN else "")
