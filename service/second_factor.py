"""An account's second factor: a secret shared with an authenticator app, and recovery codes for whoever lost that.

Every function works inside the caller's transaction. Whether the password was right is asked before, in `sign_in`.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from qc_vision.errors import StorageError
from qc_vision.message import Message
from service.account_tables import PASSES, RECOVERY_CODES, SECOND_FACTORS
from service.accounts import AccountError, PassKind
from service.audit import Act, note
from service.one_time_codes import find_step
from service.secret_box import SecretBox

ISSUER = "Mutu Keranjang"
"""What the app calls this service."""
SECRET_BYTES = 20
"""As long as the hash: RFC 4226, 4 (R6)."""
RECOVERY_BYTES = 15
"""120 random bits: from 112 on a plain hash will do (ASVS 5.0, 6.5.2)."""
RECOVERY_COUNT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A second factor that is on. `recovery_codes`: how many are left."""

    since: datetime
    recovery_codes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A secret to be put into an app, shown once: `key` to type, in groups of four, or `uri` (`otpauth:`) to open."""

    key: str
    uri: str


def find_factor(connection: Connection, code: str) -> Factor | None:
    """The account's second factor, None where it is not on."""
    row = connection.execute(select(SECOND_FACTORS).where(*_on(code))).first()
    if row is None:
        return None
    left = select(func.count()).select_from(RECOVERY_CODES).where(RECOVERY_CODES.c.account == code)
    return Factor(
        since=datetime.fromisoformat(row.confirmed_at),
        recovery_codes=connection.execute(left).scalar_one(),
    )


def list_unreadable(connection: Connection, *, box: SecretBox) -> tuple[int, list[str]]:
    """How many second factors are on, and the codes of the accounts whose secret `box` cannot read, in order."""
    on = select(SECOND_FACTORS.c.account, SECOND_FACTORS.c.secret)
    rows = connection.execute(
        on.where(SECOND_FACTORS.c.confirmed_at.is_not(None)).order_by(SECOND_FACTORS.c.account)
    ).all()
    return len(rows), [row.account for row in rows if not _reads(box, row.secret)]


def begin(connection: Connection, code: str, *, box: SecretBox) -> Enrolment:
    """A new secret, which counts for nothing until `confirm`. Raises AccountError where a second factor is on."""
    if find_factor(connection, code) is not None:
        raise AccountError(ALREADY_ON)
    secret = secrets.token_bytes(SECRET_BYTES)
    connection.execute(delete(SECOND_FACTORS).where(SECOND_FACTORS.c.account == code))
    connection.execute(insert(SECOND_FACTORS).values(account=code, secret=box.seal(secret)))
    key = base64.b32encode(secret).decode()
    said = urlencode({"secret": key, "issuer": ISSUER}, quote_via=quote)
    return Enrolment(key=_in_fours(key, " "), uri=f"otpauth://totp/{quote(f'{ISSUER}:{code}')}?{said}")


def confirm(
    connection: Connection, code: str, entered: str, *, box: SecretBox, now: datetime
) -> Sequence[str] | None:
    """Turns on what was begun, by a first code of the app: the recovery codes, shown once. None where it is wrong.

    Raises AccountError where nothing was begun.
    """
    begun = select(SECOND_FACTORS.c.secret).where(
        SECOND_FACTORS.c.account == code, SECOND_FACTORS.c.confirmed_at.is_(None)
    )
    sealed = connection.execute(begun).scalar()
    if sealed is None:
        raise AccountError(NOT_BEGUN)
    step = find_step(box.unseal(sealed), _plain(entered), now=now)
    if step is None:
        return None
    values = {"confirmed_at": now.isoformat(), "last_step": step}
    connection.execute(update(SECOND_FACTORS).where(SECOND_FACTORS.c.account == code).values(values))
    made = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_COUNT)]
    rows = [{"sha256": _hash(one), "account": code} for one in made]
    connection.execute(insert(RECOVERY_CODES), rows)
    note(connection, Act.SECOND_FACTOR_ON, account=code, by=code, now=now)
    return [_in_fours(one, "-") for one in made]


def use_code(connection: Connection, code: str, entered: str, *, box: SecretBox, now: datetime) -> bool:
    """Whether this is a code of the account's app, or a recovery code, that was not used yet; it is used by this."""
    typed = _plain(entered)
    row = connection.execute(select(SECOND_FACTORS).where(*_on(code))).first()
    step = None if row is None else find_step(box.unseal(row.secret), typed, now=now)
    if step is None:
        once = (RECOVERY_CODES.c.account == code, RECOVERY_CODES.c.sha256 == _hash(typed))
        recovered = connection.execute(delete(RECOVERY_CODES).where(*once)).rowcount == 1
        if recovered:
            note(connection, Act.RECOVERY_CODE_USED, account=code, by=code, now=now)
        return recovered
    # of two who send the same code at once, one finds it used
    unused = (*_on(code), SECOND_FACTORS.c.last_step < step)
    return connection.execute(update(SECOND_FACTORS).where(*unused).values(last_step=step)).rowcount == 1


def remove(connection: Connection, code: str, *, by: str, now: datetime) -> None:
    """Turns the second factor off; its recovery codes go with it. Raises AccountError where none is on."""
    if find_factor(connection, code) is None:
        raise AccountError(NOT_ON)
    connection.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.account == code))
    connection.execute(delete(SECOND_FACTORS).where(SECOND_FACTORS.c.account == code))
    note(connection, Act.SECOND_FACTOR_OFF, account=code, by=by, now=now)


def remove_lost(connection: Connection, code: str, *, by: str, now: datetime) -> None:
    """The same for whoever lost the phone; whoever has it now loses the sessions too."""
    remove(connection, code, by=by, now=now)
    connection.execute(
        delete(PASSES).where(PASSES.c.account == code, PASSES.c.kind == PassKind.SESSION.value)
    )


def _reads(box: SecretBox, sealed: str) -> bool:
    try:
        box.unseal(sealed)
    except StorageError:
        return False
    return True


def _on(code: str) -> tuple[ColumnElement[bool], ...]:
    return SECOND_FACTORS.c.account == code, SECOND_FACTORS.c.confirmed_at.is_not(None)


def _plain(entered: str) -> str:
    """What was typed, however it was grouped."""
    return re.sub(r"[\s-]", "", entered).upper()


def _in_fours(text: str, between: str) -> str:
    return between.join(text[at : at + 4] for at in range(0, len(text), 4))


def _hash(recovery_code: str) -> str:
    return hashlib.sha256(recovery_code.encode()).hexdigest()


ALREADY_ON = Message(
    id="Faktor kedua akun ini sudah aktif. Matikan dulu bila ingin memakai aplikasi lain.",
    en="This account's second factor is on already. Turn it off first to use another app.",
)
NOT_BEGUN = Message(
    id="Belum ada kunci yang menunggu kode pertama. Mulai lagi dengan kata sandi.",
    en="There is no key that waits for its first code. Begin anew, with the password.",
)
NOT_ON = Message(
    id="Akun itu tidak memakai faktor kedua. Lihat: qc-service account list.",
    en="That account has no second factor. See: qc-service account list.",
)
