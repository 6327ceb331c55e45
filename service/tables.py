"""The tables. Every row of a table in KEPT has one entry in LEDGER, which chains them by hash."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

INSPECTIONS = Table(
    "inspections",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("created_at", String(32), nullable=False),
    Column("ref", String(64), index=True),
    Column("village", String(80), index=True),
    Column("maker", String(32), index=True),
    Column("spec", String(64), nullable=False),
    Column("verdict", String(8), nullable=False, index=True),
)
RECORDS = Table(
    "records",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("inspection_id", String(32), ForeignKey("inspections.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("record", Text, nullable=False),
    Column("timing_ms", Text, nullable=False),
    Column("photo", String(64), nullable=False),
    Column("overlay", String(64), nullable=False),
    Column("thumbnail", String(64), nullable=False),
)
PHOTO_COLUMNS = ("photo", "overlay", "thumbnail")
"""Columns of RECORDS that name a file in the photo store by its sha256."""

FACTS = Table(
    "facts",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("version", Integer, nullable=False),
    Column("lot", String(64)),
    Column("item", String(64)),
    Column("at", String(32), nullable=False),
    Column("by", String(32), nullable=False, index=True),
    Column("body", Text, nullable=False),
    # two people who edit the same version cannot both win
    UniqueConstraint("kind", "subject", "version"),
    # a page of one kind, newest first, without reading all others
    Index("ix_facts_kind_seq", "kind", "seq"),
    # with their kind, or SQLite reads all facts of one kind to find those of one lot
    Index("ix_facts_lot_kind", "lot", "kind"),
    Index("ix_facts_item_kind_seq", "item", "kind", "seq"),
)
"""What people and the service state. A correction is the next `version` of the same kind and subject."""

EVENTS = Table(
    "events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False, unique=True),
    Column("type", String(48), nullable=False),
    Column("at", String(32), nullable=False),
    Column("lot", String(64), index=True),
    Column("item", String(64), index=True),
    Column("body", Text, nullable=False),
)
"""The outbox: what others are told, kept together with what it tells of."""

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False, unique=True),
    Column("event_id", String(64), ForeignKey("events.id"), nullable=False, index=True),
    Column("target", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("detail", String(200), nullable=False),
    # what a target took last, also where it never took anything
    Index("ix_deliveries_target_outcome_seq", "target", "outcome", "seq"),
)
"""Each attempt to hand an event to a target, whether it succeeded or not."""

LEDGER = Table(
    "ledger",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("table_name", String(16), nullable=False),
    Column("row_id", String(64), nullable=False),
    Column("row_sha256", String(64), nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("table_name", "row_id"),
)

WAITING = Table(
    "waiting",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("asked", Boolean, nullable=False),
    Column("undecided", Boolean, nullable=False),
)
"""Which inspections, by their `seq`, wait for a person, and why: no evidence, computed from
what is kept (see `service.waiting`)."""

UPLOADS = Table(
    "uploads",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("key", String(255), unique=True),
    Column("content_sha256", String(64), nullable=False),
    Column("place", String(32), nullable=False),
    Column("bundle", String(32), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("item", Text, nullable=False),
    Column("by", String(32)),
    Column("card", String(12), nullable=False),
    Column("original", Boolean, nullable=False, default=False),
    Column("view", String(12), nullable=False, default="any"),
    Column("created_at", String(32), nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("lease_by", String(120)),
    Column("lease_until_s", Float, nullable=False),
    Column("problem", Text),
    Column("trace", String(55)),
)
"""Work in hand, not evidence: one row per upload from its acceptance on, changed as it is graded. Its `id`
becomes the inspection's. `lease_until_s`: seconds since 1970 before which nobody else may take it."""

UPLOAD_PHOTOS = Table(
    "upload_photos",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("upload_id", String(32), ForeignKey("uploads.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("filename", String(80)),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
)
"""The photos of an upload as they arrived; a photo's `id` becomes its record's."""

PHOTO_MARKS = Table(
    "photo_marks",
    METADATA,
    Column("mark", Integer, primary_key=True, autoincrement=False),
    Column("inspection", Integer, primary_key=True, autoincrement=False, index=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""By what the photo at `position` of the inspection with this `seq` is known again: no evidence, see
`service.repeats`."""

KEPT: dict[str, Table] = {table.name: table for table in (INSPECTIONS, RECORDS, FACTS, EVENTS, DELIVERIES)}
