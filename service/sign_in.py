"""What is done with a password: sign in, another password, a second factor. Tries are counted before, in the database, and
slow for unknown names.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.account_tables import ACCOUNTS, ATTEMPTS, IDENTITIES, SECOND_FACTORS
from service.accounts import Pass, PassKind, end_other_sessions, make_pass
from service.audit import Act, note, note_refusal
from service.openid import Identity
from service.passwords import Hashes, decoy, refuse_weak
from service.second_factor import Enrolment, begin, confirm, find_factor, remove, use_code
from service.secret_box import SecretBox
from service.store import Store

WINDOW = timedelta(minutes=15)
AT_MOST = {"account": 10, "address": 50}
"""Tries within WINDOW: 40 an hour for one account, where ASVS 4.0.3 (2.2.1) allows 100. WINDOW is longer than
a proof of identity is fresh (`openid.FRESH`): so long it is remembered that it was used."""

SECOND_FACTOR = "second factor"
"""What the audit says of a refusal that a password alone did not cause."""


class SignInRefused(QcVisionError):
    """Code or password is wrong; which one is not said."""


class SecondFactorWanted(QcVisionError):
    """The password is right, and the account wants a code beside it: send all three."""


class SecondFactorRefused(QcVisionError):
    """The password is right, the code is wrong or was used already."""


class TooManyTries(QcVisionError):
    """Tried too often; wait."""


class IdentityUnknown(QcVisionError):
    """The provider vouches for somebody who has no account here; `subject`: how it calls them."""

    def __init__(self, subject: str) -> None:
        super().__init__(UNLINKED)
        self.subject = subject


class OldPasswordWrong(QcVisionError):
    """Who changes a password must know the old one, even signed in."""


class PasswordWrong(QcVisionError):
    """Who turns a second factor on or off must know the password, even signed in."""


class CodeWrong(QcVisionError):
    """Whoever is signed in sent a code that is wrong or was used already."""


def sign_in(
    store: Store,
    code: str,
    password: str,
    second: str | None = None,
    *,
    address: str,
    hashes: Hashes,
    box: SecretBox,
    now: datetime,
) -> Pass:
    """A session of the account. `second`: a code of its app or a recovery code, for an account with a second factor.

    Raises TooManyTries before the password is looked at, SignInRefused before the code is, then SecondFactorWanted or
    SecondFactorRefused. Each of them is a try.
    """
    held, known = _count_try(store, {"account": code, "address": address}, code, now=now)
    if not _is_right(held, password, hashes):
        note_refusal(store, Act.SIGN_IN_REFUSED, account=known, now=now)
        raise SignInRefused(WRONG)
    with store.changing() as connection:
        wanted = find_factor(connection, code) is not None
        given = second is not None and use_code(connection, code, second, box=box, now=now)
        if given or not wanted:
            _forget_tries(connection, code)
            made = make_pass(connection, PassKind.SESSION, code, by=code, now=now)
            note(connection, Act.SIGNED_IN, account=code, by=code, now=now)
            return made
    if second is None:
        raise SecondFactorWanted(WANTED)
    note_refusal(store, Act.SIGN_IN_REFUSED, account=code, now=now, detail=SECOND_FACTOR)
    raise SecondFactorRefused(WRONG_CODE)


def sign_in_by_identity(store: Store, identity: Identity, *, now: datetime) -> Pass:
    """A session of the account that the identity is linked to, once. Raises SignInRefused or IdentityUnknown."""
    proof = _key("nonce", identity.nonce)
    with store.changing(alone=ATTEMPTS) as connection:
        used = connection.execute(select(ATTEMPTS.c.id).where(ATTEMPTS.c.key == proof)).first() is not None
        linked = (IDENTITIES.c.issuer == identity.issuer, IDENTITIES.c.subject == identity.subject)
        query = select(ACCOUNTS).join(IDENTITIES, IDENTITIES.c.account == ACCOUNTS.c.code).where(*linked)
        row = connection.execute(query).first()
        made = None
        if not used:
            connection.execute(insert(ATTEMPTS).values(key=proof, at=now.isoformat()))
        if not used and row is not None and row.disabled_at is None:
            made = make_pass(connection, PassKind.SESSION, row.code, by=row.code, now=now, by_identity=True)
            note(connection, Act.SIGNED_IN, account=row.code, by=row.code, now=now, detail="identity")
    if made is not None:
        return made
    why = "used" if used else "unlinked" if row is None else "disabled"
    code = None if row is None else row.code
    note_refusal(store, Act.SIGN_IN_REFUSED, account=code, now=now, detail=f"identity: {why}")
    if row is None:
        raise IdentityUnknown(identity.subject)
    raise SignInRefused(NOT_THIS_WAY)


def count_sender(store: Store, address: str, *, now: datetime) -> None:
    """Counts a try from an address of the network. Raises TooManyTries."""
    _count_try(store, {"address": address}, "", now=now)


def change_password(
    store: Store, code: str, *, old: str, new: str, session: str, hashes: Hashes, now: datetime
) -> None:
    """Sets the account's password and ends its sessions and links, except the `session` that asks (its secret).

    Raises OldPasswordWrong, TooManyTries, or WeakPassword.
    """
    held, _ = _count_try(store, {"account": code}, code, now=now)
    if not _is_right(held, old, hashes):
        note_refusal(store, Act.SIGN_IN_REFUSED, account=code, by=code, now=now, detail="password change")
        raise OldPasswordWrong(WRONG_OLD)
    refuse_weak(new, code=code)
    hashed = hashes.hash(new)
    with store.changing() as connection:  # tries stay counted: who knows the password might be guessing codes
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.code == code).values(password_hash=hashed))
        end_other_sessions(connection, code, session)
        note(connection, Act.PASSWORD_CHANGED, account=code, by=code, now=now)


def begin_second_factor(
    store: Store, code: str, password: str, *, hashes: Hashes, box: SecretBox, now: datetime
) -> Enrolment:
    """A new secret for the account's app, for whoever knows the password.

    Raises PasswordWrong, TooManyTries, or AccountError where a second factor is on.
    """
    _ask_password(store, code, password, hashes=hashes, now=now)
    with store.changing(alone=SECOND_FACTORS) as connection:
        return begin(connection, code, box=box)


def confirm_second_factor(
    store: Store, code: str, entered: str, *, session: str, box: SecretBox, now: datetime
) -> Sequence[str]:
    """Turns the second factor on, by a first code of the app, and ends the account's other sessions and links.

    Returns the recovery codes. Raises CodeWrong, TooManyTries, or AccountError where nothing was begun.
    """
    _count_try(store, {"account": code}, code, now=now)
    with store.changing(alone=SECOND_FACTORS) as connection:
        codes = confirm(connection, code, entered, box=box, now=now)
        if codes is not None:
            _forget_tries(connection, code)
            end_other_sessions(connection, code, session)
            return codes
    raise _code_wrong(store, code, now=now)


def turn_off_second_factor(
    store: Store,
    code: str,
    password: str,
    entered: str,
    *,
    session: str,
    hashes: Hashes,
    box: SecretBox,
    now: datetime,
) -> None:
    """Turns the second factor off for whoever has both, and ends the account's other sessions and links.

    Raises PasswordWrong, CodeWrong, TooManyTries, or AccountError where none is on.
    """
    _ask_password(store, code, password, hashes=hashes, now=now)
    with store.changing() as connection:
        if find_factor(connection, code) is None or use_code(connection, code, entered, box=box, now=now):
            remove(connection, code, by=code, now=now)
            _forget_tries(connection, code)
            end_other_sessions(connection, code, session)
            return
    raise _code_wrong(store, code, now=now)


def _ask_password(store: Store, code: str, password: str, *, hashes: Hashes, now: datetime) -> None:
    held, _ = _count_try(store, {"account": code}, code, now=now)
    if not _is_right(held, password, hashes):
        note_refusal(store, Act.SIGN_IN_REFUSED, account=code, by=code, now=now, detail=SECOND_FACTOR)
        raise PasswordWrong(WRONG_PASSWORD)


def _code_wrong(store: Store, code: str, *, now: datetime) -> CodeWrong:
    note_refusal(store, Act.SIGN_IN_REFUSED, account=code, by=code, now=now, detail=SECOND_FACTOR)
    return CodeWrong(WRONG_CODE)


def _count_try(
    store: Store, tried: dict[str, str], code: str, *, now: datetime
) -> tuple[str | None, str | None]:
    """The hash that the account's password has, and its code where it is known. Raises TooManyTries."""
    keys = {name: _key(name, value) for name, value in tried.items()}
    with store.changing(alone=ATTEMPTS) as connection:
        too_often = _count(connection, keys, now=now)
        row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.code == code)).first()
    known = None if row is None else code
    if too_often:
        note_refusal(store, Act.LOCKED_OUT, account=known, now=now)
        raise TooManyTries(WAIT)
    return (None if row is None or row.disabled_at is not None else row.password_hash), known


def _is_right(held: str | None, password: str, hashes: Hashes) -> bool:
    return hashes.verify(held or decoy(hashes), password) and held is not None


def _forget_tries(connection: Connection, code: str) -> None:
    connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.key == _key("account", code)))


def _count(connection: Connection, keys: dict[str, str], *, now: datetime) -> bool:
    """Whether one of the keys was tried too often; else this try is counted."""
    connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.at < (now - WINDOW).isoformat()))
    for name, key in keys.items():
        tried = select(func.count()).select_from(ATTEMPTS).where(ATTEMPTS.c.key == key)
        if connection.execute(tried).scalar_one() >= AT_MOST[name]:
            return True
    connection.execute(insert(ATTEMPTS), [{"key": key, "at": now.isoformat()} for key in keys.values()])
    return False


def _key(name: str, value: str) -> str:
    return hashlib.sha256(f"{name}:{value}".encode()).hexdigest()


WRONG = Message(
    id="Kode atau kata sandi salah. Coba lagi, atau minta tautan baru kepada pengelola.",
    en="Code or password is wrong. Try again, or ask the administrator for a new link.",
)
WANTED = Message(
    id="Akun ini memakai faktor kedua. Masukkan kode 6 angka dari aplikasi, atau satu kode pemulihan.",
    en="This account has a second factor. Enter the 6 digits from the app, or a recovery code.",
)
WRONG_CODE = Message(
    id="Kode salah atau sudah dipakai. Tunggu kode berikutnya di aplikasi; periksa juga jam ponsel.",
    en="The code is wrong or was used already. Wait for the app's next one; check the phone's clock too.",
)
WRONG_PASSWORD = Message(id="Kata sandi salah. Coba lagi.", en="The password is wrong. Try again.")
WRONG_OLD = Message(
    id="Kata sandi lama salah. Coba lagi, atau minta tautan baru kepada pengelola.",
    en="The old password is wrong. Try again, or ask the administrator for a new link.",
)
UNLINKED = Message(
    id="Identitas ini belum dihubungkan ke akun. Berikan kode berikut kepada pengelola.",
    en="This identity is not linked to an account yet. Give the following code to the administrator.",
)
NOT_THIS_WAY = Message(
    id="Masuk ditolak. Coba lagi dari halaman masuk, atau hubungi pengelola.",
    en="The sign-in is refused. Try again from the sign-in page, or ask the administrator.",
)
WAIT = Message(
    id="Terlalu banyak percobaan masuk. Tunggu 15 menit, lalu coba lagi.",
    en="Too many tries to sign in. Wait 15 minutes, then try again.",
)
