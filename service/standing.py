"""Whether a lot's certificate still states what is on record, at a cost that does not depend on who asks how often."""

from collections import OrderedDict
from threading import Lock
from typing import Literal

from sqlalchemy import Connection, func, select

from service.certificate import Certificate, state_certificate
from service.dossier import read_lot_file
from service.facts import Fact, Kind, find_fact, items_of
from service.tables import FACTS, INSPECTIONS

Since = Literal["unchanged", "changed", "unknown"]
REMEMBERED = 256
"""Certificates whose lots were judged anew; a lot of 200 baskets takes some 20 ms, which anybody may ask for."""


class Standing:
    """Compares certificates with what is on record now, and judges a lot anew only where something was entered since.

    What it remembers of a certificate holds until the next entry about its lot, so that no answer is ever stale.
    """

    def __init__(self) -> None:
        self._judged: OrderedDict[tuple[str, int], Since] = OrderedDict()
        self._lock = Lock()

    def compare(self, connection: Connection, fact: Fact, certificate: Certificate) -> Since:
        """Whether all that is on record today, had it been known at the moment of issue, would have stated what the
        certificate, kept as `fact`, does; unknown where it was purged. So what merely ages changes nothing."""
        if any(
            find_fact(connection, kind, certificate.lot) is None for kind in (Kind.LOT, Kind.LOT_DECISION)
        ):
            return "unknown"
        entered = _last_entered(connection, certificate.lot)
        if entered < fact.seq:
            return "unchanged"
        key = certificate.id, entered
        with self._lock:
            judged = self._judged.get(key)
        if judged is None:
            judged = _judge(connection, certificate)
            with self._lock:
                self._judged[key] = judged
                if len(self._judged) > REMEMBERED:
                    self._judged.popitem(last=False)
        return judged


def _judge(connection: Connection, certificate: Certificate) -> Since:
    file = read_lot_file(connection, certificate.lot, now=certificate.issued_at, later_too=True)
    if file is None or file.decided is None:
        return "unknown"
    again = state_certificate(
        file,
        file.decided,
        id=certificate.id,
        url=certificate.url,
        issued_at=certificate.issued_at,
        head=certificate.head,
    )
    return "unchanged" if again == certificate and not file.changed_since_decided else "changed"


def _last_entered(connection: Connection, lot: str) -> int:
    """The number of the last entry that a certificate of the lot may hang on: all that `read_lot_file` reads."""
    items = items_of(lot)
    of_facts, of_inspections = select(func.max(FACTS.c.seq)), select(func.max(INSPECTIONS.c.seq))
    about = (
        of_facts.where(FACTS.c.lot == lot, FACTS.c.kind != Kind.CERTIFICATE.value),
        of_facts.where(FACTS.c.item.in_(items)),  # also where an inspection came from, and went
        of_facts.where(FACTS.c.kind == Kind.MODEL_WITHDRAWAL.value),
        of_inspections.where(INSPECTIONS.c.ref.in_(items)),
    )
    return max(connection.execute(query).scalar() or 0 for query in about)
