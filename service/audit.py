"""The audit of who got in, who was refused, and what accounts may do: lines are added, never changed, and go once they
were kept long enough (see `service.purge`).

Changes are kept in the transaction that makes them. Refusals are counted first: whoever sends thousands of them must
not fill the disk. Only codes of accounts are kept, no password, no address of the network.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select

from service.account_tables import AUDIT
from service.store import Store


class Act(StrEnum):
    """What a line of the audit is about; at most 24 letters."""

    ACCOUNT_ADDED = "account_added"
    ROLES_CHANGED = "roles_changed"
    SCOPE_CHANGED = "scope_changed"
    DISABLED = "disabled"
    LINK_MADE = "link_made"
    TOKEN_MADE = "token_made"  # noqa: S105 - an act, no secret
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    PASSWORD_SET = "password_set"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    RECOVERY_CODE_USED = "recovery_code_used"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    SIGN_IN_REFUSED = "sign_in_refused"
    LOCKED_OUT = "locked_out"
    TOKEN_REFUSED = "token_refused"  # noqa: S105
    ROLE_DENIED = "role_denied"
    SCOPE_DENIED = "scope_denied"
    FORGERY_DENIED = "forgery_denied"


NOBODY = "-"
"""`by` of a refusal: whoever it was did not get in."""
AN_HOUR_EACH = 10
A_DAY_IN_ALL = 200
"""Refusals of one act kept: of one account an hour, of all accounts a day. At six acts that is 1200 lines a day."""
LAST = " (more are not written for now)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the audit. `by`: whoever did it, the command line, or `-` for nobody known."""

    at: datetime
    act: str
    account: str | None
    by: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which lines; None: any. `since` is within, `until` no longer."""

    account: str | None = None
    acts: tuple[Act, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


def note(
    connection: Connection, act: Act, *, account: str | None, by: str, now: datetime, detail: str = ""
) -> None:
    """One line of the audit, within the caller's transaction."""
    row = {
        "id": uuid4().hex,
        "at": now.isoformat(),
        "what": act.value,
        "account": account,
        "by": by,
        "detail": detail[:200],
    }
    connection.execute(insert(AUDIT).values(row))


def note_refusal(
    store: Store, act: Act, *, account: str | None, now: datetime, by: str = NOBODY, detail: str = ""
) -> None:
    """One line about a refusal, unless enough of its kind are there; the last one says that no more follow.

    Whoever is refused while others are may add a line too many: each request looks before it writes.
    """
    with store.reading() as connection:
        free = _free(connection, act, account, now=now)
    if free <= 0:
        return
    said = detail[: 200 - len(LAST)] + (LAST if free == 1 else "")
    with store.changing() as connection:
        note(connection, act, account=account, by=by, now=now, detail=said)


def read_audit(connection: Connection, asked: Asked) -> Iterator[Line]:
    """The lines asked for, oldest first."""
    query = select(AUDIT).order_by(AUDIT.c.seq)
    if asked.account is not None:
        query = query.where(AUDIT.c.account == asked.account)
    if asked.acts:
        query = query.where(AUDIT.c.what.in_([act.value for act in asked.acts]))
    if asked.since is not None:
        query = query.where(AUDIT.c.at >= asked.since.isoformat())
    if asked.until is not None:
        query = query.where(AUDIT.c.at < asked.until.isoformat())
    for row in connection.execution_options(yield_per=500).execute(query):
        yield Line(
            at=datetime.fromisoformat(row.at),
            act=row.what,
            account=row.account,
            by=row.by,
            detail=row.detail,
        )


def _free(connection: Connection, act: Act, account: str | None, *, now: datetime) -> int:
    """How many more refusals of the act may be kept now."""
    same = AUDIT.c.what == act.value
    mine = AUDIT.c.account.is_not_distinct_from(account)
    an_hour, a_day = ((now - span).isoformat() for span in (timedelta(hours=1), timedelta(days=1)))
    kept = [
        connection.execute(select(func.count()).select_from(AUDIT).where(*which)).scalar_one()
        for which in ((same, mine, AUDIT.c.at >= an_hour), (same, AUDIT.c.at >= a_day))
    ]
    return min(AN_HOUR_EACH - kept[0], A_DAY_IN_ALL - kept[1])
