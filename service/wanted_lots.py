"""Which lots to list, as conditions of queries: by product, by the verdict on record, by when they were formed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import ColumnElement, exists

from service.body_path import BodyPath
from service.facts import Kind, corrected
from service.tables import FACTS


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLots:
    """None: any. `verdict`: the one on record, `open` while there is none. `formed_since` is within, `formed_until` no
    longer."""

    spec: str | None = None
    verdict: Literal["open", "accepted", "rejected"] | None = None
    formed_since: datetime | None = None
    formed_until: datetime | None = None


def lots_like(wanted: WantedLots) -> Iterator[ColumnElement[bool]]:
    """What must hold of a row of FACTS of kind `lot`."""
    if wanted.spec is not None:
        yield BodyPath(FACTS.c.body, "lot", "spec", "id") == wanted.spec
    if wanted.verdict is not None:
        decision = FACTS.alias("decision")
        of_lot = (decision.c.kind == Kind.LOT_DECISION.value, decision.c.subject == FACTS.c.subject)
        said = (BodyPath(decision.c.body, "verdict") == wanted.verdict, ~corrected(decision))
        yield ~exists().where(*of_lot) if wanted.verdict == "open" else exists().where(*of_lot, *said)
    if wanted.formed_since is not None:
        yield FACTS.c.at >= wanted.formed_since.astimezone(UTC).isoformat()
    if wanted.formed_until is not None:
        yield FACTS.c.at < wanted.formed_until.astimezone(UTC).isoformat()
