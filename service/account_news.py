"""What persons should hear of their own account: what was changed in it and who was refused, as the audit has it.

Nobody is written to, since many who weave and check have no mail of their own: it waits on the page for the next
sign-in. A list kept by the service would have to be marked as read on each phone; the sign-ins mark it instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from service.account_tables import AUDIT, PASSES
from service.accounts import hash_secret
from service.audit import Act

TOLD = (
    Act.ROLES_CHANGED,
    Act.SCOPE_CHANGED,
    Act.LINK_MADE,
    Act.TOKEN_MADE,
    Act.PASSWORD_SET,
    Act.PASSWORD_CHANGED,
    Act.SECOND_FACTOR_ON,
    Act.SECOND_FACTOR_OFF,
    Act.RECOVERY_CODE_USED,
    Act.IDENTITY_LINKED,
    Act.IDENTITY_UNLINKED,
    Act.SIGN_IN_REFUSED,
    Act.LOCKED_OUT,
)
LISTED = (*TOLD, Act.SIGNED_IN)
AT_MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing that happened to an account. `by`: whose doing it was, as in the audit. `new`: since the last sign-in
    before this one, or now, by somebody else."""

    at: datetime
    act: Act
    by: str
    new: bool


def list_news(connection: Connection, code: str, session: str) -> Sequence[News]:
    """The latest AT_MOST things, newest first, for whoever is signed in by the `session` (its secret).

    At the first sign-in nothing before it is new; without a session nothing is.
    """
    mine = AUDIT.c.account == code
    started = (
        select(PASSES.c.created_at)
        .where(PASSES.c.sha256 == hash_secret(session), PASSES.c.account == code)
        .scalar_subquery()
    )
    query = select(started, func.max(AUDIT.c.at)).where(
        mine, AUDIT.c.what == Act.SIGNED_IN.value, AUDIT.c.at < started
    )
    signed_in_at, before = connection.execute(query).one()
    since = before or signed_in_at
    lines = (
        select(AUDIT)
        .where(mine, AUDIT.c.what.in_([act.value for act in LISTED]))
        .order_by(AUDIT.c.seq.desc())
        .limit(AT_MOST)
    )
    return [
        News(
            at=datetime.fromisoformat(line.at),
            act=Act(line.what),
            by=line.by,
            new=since is not None
            and line.what in TOLD
            and line.at > since
            and (line.at < signed_in_at or line.by != code),
        )
        for line in connection.execute(lines)
    ]


def count_news(connection: Connection, code: str, session: str) -> int:
    """How much of `list_news` is new."""
    return sum(one.new for one in list_news(connection, code, session))
