"""The tables of accounts. They may be changed and stand outside the ledger; AUDIT alone is append-only until a purge."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from service.tables import METADATA

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("code", String(32), primary_key=True),
    Column("roles", String(80), nullable=False),
    Column("password_hash", Text),
    Column("created_at", String(32), nullable=False),
    Column("disabled_at", String(32)),
    Column("groups", Text),
)
"""Who may act, by code, never by name. `roles` and `groups`: joined by commas; no groups: all. Without a password nobody signs in."""

PASSES = Table(
    "passes",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("kind", String(8), nullable=False),
    Column("account", String(32), ForeignKey("accounts.code"), nullable=False, index=True),
    Column("created_at", String(32), nullable=False),
    Column("seen_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("by_identity", Boolean, nullable=False, default=False),
)
"""Sessions, tokens of machines and one-time links: of each only the hash of its secret. `by_identity`: a session that
an OpenID Connect provider opened."""

IDENTITIES = Table(
    "identities",
    METADATA,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("account", String(32), ForeignKey("accounts.code"), nullable=False, index=True),
)
"""Who may open an account through an OpenID Connect provider, linked by the administrator."""

SECOND_FACTORS = Table(
    "second_factors",
    METADATA,
    Column("account", String(32), ForeignKey("accounts.code"), primary_key=True),
    Column("secret", Text, nullable=False),
    Column("confirmed_at", String(32)),
    Column("last_step", Integer),
)
"""What accounts share with an authenticator app. `secret`: sealed, under a key that is not in the database. It is asked for
once it was confirmed; `last_step`: of the last code taken, for a code is good once."""

RECOVERY_CODES = Table(
    "recovery_codes",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("account", String(32), ForeignKey("accounts.code"), nullable=False, index=True),
)
"""What stands for a code of the app once each, as hashes; a used one is gone."""

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, index=True),
    Column("at", String(32), nullable=False),
)
"""Recent tries to sign in, by the hash of who tried or from where; removed once they are old."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("at", String(32), nullable=False),
    Column("what", String(24), nullable=False),
    Column("account", String(32)),
    Column("by", String(32), nullable=False),
    Column("detail", String(200), nullable=False),
    # what was refused lately, without reading all there ever was
    Index("ix_audit_what_at", "what", "at"),
    # what happened to one account lately
    Index("ix_audit_account_seq", "account", "seq"),
)
"""Each sign-in, refusal and change of what an account may do. No passwords, no addresses of machines. A line goes only after
a purge on record names a later moment."""
