"""`qc-service record` and `qc-service key`: check the evidence, sign where it ends, renew the key.

JSON on stdout, words for people on stderr.
"""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from qc_vision.errors import QcVisionError, StorageError
from qc_vision.message import Message
from service.accounts import find_account
from service.caller import Caller, NotAllowed, Role
from service.checkpoints import append_checkpoint, read_checkpoints, sign_checkpoint
from service.dependencies import naming_of
from service.entries import FilingEntry
from service.facts import Kind, find_fact
from service.intake import Intake
from service.item import FIELD_RULES
from service.ledger import read_head
from service.photo_bucket import open_photos
from service.photos import PhotoStore, cannot_write
from service.purge import Retention, purge
from service.refiling import refile
from service.sealing import make_key
from service.settings import Settings
from service.signing import PUBLISHED_AT, Keyring, SignatureRefused, check_signature
from service.store import Store, find_inspection, open_database
from service.verify import Break, verify

HELD, BROKEN = 0, 3


class EntryRefused(QcVisionError):
    """What was given on the command line names nothing, or breaks a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where the evidence of a service lies."""

    store: Store
    photos: PhotoStore
    keyring: Keyring
    checkpoints: Path


def open_evidence(settings: Settings) -> Evidence:
    """The stores of these settings. Raises StorageError."""
    return Evidence(
        store=open_database(settings.database),
        photos=open_photos(settings),
        keyring=Keyring(settings.data_dir / "keys"),
        checkpoints=settings.checkpoints,
    )


def verify_records(settings: Settings, *, photos: bool) -> int:
    """Verifies everything; prints what held, or the first break. Returns the exit status: 0 or 3."""
    evidence = open_evidence(settings)
    good, bad = read_checkpoints(evidence.checkpoints, evidence.keyring.jwks())
    with evidence.store.reading() as connection:
        outcome = verify(
            connection,
            photos=evidence.photos if photos else None,
            checkpoints=good,
            bad_checkpoints=bad,
        )
    evidence.store.close()
    print(json.dumps(asdict(outcome), ensure_ascii=False))
    if isinstance(outcome, Break):
        place = f"{outcome.table} {outcome.row}"
        print(
            f"{place}: {outcome.what.id} Ditemukan: {outcome.found}; seharusnya: {outcome.expected}.\n"
            f"{place}: {outcome.what.en} Found: {outcome.found}; expected: {outcome.expected}.",
            file=sys.stderr,
        )
        return BROKEN
    if not good:
        print(
            "Semua cocok, tetapi belum ada titik periksa: ujung yang dipotong tidak akan terlihat.\n"
            "Everything holds, but there is no checkpoint yet: a cut-off end would not be seen.",
            file=sys.stderr,
        )
    return HELD


def write_checkpoint(settings: Settings) -> int:
    """Signs where the ledger ends now; adds the line to the file and prints it."""
    evidence = open_evidence(settings)
    with evidence.store.reading() as connection:
        head = read_head(connection)
    evidence.store.close()
    token = sign_checkpoint(head, evidence.keyring, at=datetime.now(UTC))
    append_checkpoint(evidence.checkpoints, token)
    print(token)
    return HELD


def purge_records(settings: Settings, *, by: str) -> int:
    """Removes what was kept long enough; prints how much."""
    evidence = open_evidence(settings)
    retention = Retention(
        photos=timedelta(days=settings.keep_photos_days),
        records=timedelta(days=settings.keep_records_days),
        audit=timedelta(days=settings.keep_audit_days),
    )
    intake = Intake(settings.data_dir / "intake")
    removed = purge(evidence.store, evidence.photos, intake, retention, by=by, now=datetime.now(UTC))
    evidence.store.close()
    print(json.dumps(asdict(removed)))
    if not removed.erased:
        print(
            "Isinya sudah dihapus, tetapi sisanya masih bisa ada di berkas basis data yang sedang dipakai. Hentikan "
            "layanan, lalu jalankan perintah ini lagi.\n"
            "The content is removed, but remains of it may still lie in the database's files, which are in use. Stop "
            "the service, then run this command again.",
            file=sys.stderr,
        )
    return HELD


def refile_inspection(
    settings: Settings, inspection_id: str, *, item: str, maker: str | None, by: str, reason: str
) -> int:
    """Files an inspection under another basket, as the account `by`; prints the fact. Returns the exit status.

    Raises EntryRefused, NotAllowed, FilingRefused.
    """
    entry = _filing_entry(item, maker, reason)
    store = open_database(settings.database)
    with store.writing() as (connection, tail):
        account = find_account(connection, by)
        if account is None or account.disabled or Role.REVIEWER not in account.roles:
            raise NotAllowed(NO_REVIEWER)
        inspection = find_inspection(connection, inspection_id)
        if inspection is None:
            raise EntryRefused(NO_INSPECTION)
        before = find_fact(connection, Kind.FILED, inspection_id)
        fact = refile(
            connection,
            tail,
            inspection,
            entry,
            caller=Caller(code=by, roles=account.roles, groups=account.groups),
            after=0 if before is None else before.version,
            at=datetime.now(UTC),
            naming=naming_of(settings),
        )
    store.close()
    print(json.dumps({"id": fact.id, "inspection": fact.subject, "item": fact.item, "version": fact.version}))
    return HELD


def _filing_entry(item: str, maker: str | None, reason: str) -> FilingEntry:
    try:
        return FilingEntry(item=item, maker=maker, reason=reason)
    except ValidationError as wrong:
        (field, *_) = wrong.errors(include_input=False)[0]["loc"]
        raise EntryRefused(FIELD_FAULTS[str(field)]) from None


def rotate_key(settings: Settings) -> int:
    """Makes a new key and prints the public set, to be given to those who check."""
    keyring = Keyring(settings.data_dir / "keys")
    keyring.rotate()
    print(json.dumps(keyring.jwks()))
    return HELD


def make_backup_key(file: Path) -> int:
    """Writes a new key that opens sealed backups, and prints its public half, which seals them."""
    try:
        print(json.dumps({"QC_BACKUP_PUBLIC_KEY": make_key(file)}))
    except OSError as wrong:  # one that is there is never written over
        raise cannot_write(file, wrong) from wrong
    return HELD


def check_certificate(certificate: Path, keys: Path) -> int:
    """Checks a certificate against published keys, without the service; prints what it states."""
    try:
        token = certificate.read_text("utf-8")
        jwks = json.loads(keys.read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise StorageError(
            Message(
                id=f"Berkas tidak terbaca ({wrong}). Beri berkas .jws dan kunci dari {PUBLISHED_AT}.",
                en=f"A file cannot be read ({wrong}). Give the .jws file and the keys from {PUBLISHED_AT}.",
            )
        ) from wrong
    try:
        signed = check_signature(token, jwks)
    except SignatureRefused as wrong:
        print(f"{wrong.message.id}\n{wrong.message.en}", file=sys.stderr)
        return BROKEN
    print(json.dumps({"kid": signed.kid, **signed.payload}, ensure_ascii=False))
    return HELD


NO_REVIEWER = Message(
    id="'--by' bukan akun pemeriksa (reviewer) yang aktif. Lihat 'qc-service account list'.",
    en="'--by' is no active account with the role reviewer. See 'qc-service account list'.",
)
NO_INSPECTION = Message(
    id="Tidak ada pemeriksaan dengan nomor itu. Nomornya ada di alamat halamannya, /pemeriksaan/NOMOR.",
    en="There is no inspection of that id. It stands in the address of its page, /pemeriksaan/ID.",
)
FIELD_FAULTS = {
    "item": FIELD_RULES["ref"],
    "maker": FIELD_RULES["maker"],
    "reason": Message(
        id="'--reason' kosong atau lebih dari 500 huruf. Tulis mengapa kodenya salah.",
        en="'--reason' is empty, or longer than 500 characters. Write why the code was wrong.",
    ),
}
