"""Figures for a Prometheus server: requests and refusals as counted here, the rest as the store tells it."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

from qc_vision.inspection import SOFTWARE
from qc_vision.record import record_from_json
from service.outbox import Target, count_waiting
from service.store import Store
from service.tables import INSPECTIONS, RECORDS, UPLOADS

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Upper ends of the classes of latency: from a page to the longest wait for a free inspector."""


class Metrics:
    """What this process counted since it started. `route` is the pattern of an address, never what it names."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "qc_requests",
            "Requests answered; uploads are POST /v1/inspections.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._refusals = Counter(
            "qc_refusals",
            "Problem documents sent, by the code of their type.",
            ("code",),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "qc_request_seconds",
            "From the first byte asked to the last one answered.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )

    def count(self, method: str, route: str, *, status: int, seconds: float, refusal: str | None) -> None:
        """Counts an answered request; `refusal`: the code of the problem it was answered with."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        if refusal is not None:
            self._refusals.labels(refusal).inc()

    def tell(self, store: Store, targets: Sequence[Target]) -> bytes:
        """Everything in the text format of Prometheus 0.0.4. Raises StorageError."""
        kept = CollectorRegistry()
        with store.reading() as connection:
            kept.register(_Kept(lambda: _read(connection, targets)))
            return generate_latest(self.registry) + generate_latest(kept)


class _Kept(Collector):
    def __init__(self, read: Callable[[], Iterator[GaugeMetricFamily]]) -> None:
        self._read = read

    def describe(self) -> Sequence[GaugeMetricFamily]:
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return self._read()


def _read(connection: Connection, targets: Sequence[Target]) -> Iterator[GaugeMetricFamily]:
    verdicts = GaugeMetricFamily("qc_inspections_kept", "Inspections in the store.", labels=["verdict"])
    for verdict, number in connection.execute(
        select(INSPECTIONS.c.verdict, func.count()).group_by(INSPECTIONS.c.verdict)
    ):
        verdicts.add_metric([verdict], number)
    yield verdicts

    uploads = GaugeMetricFamily("qc_uploads", "Uploads accepted, by how far they are.", labels=["state"])
    for state, number in connection.execute(select(UPLOADS.c.state, func.count()).group_by(UPLOADS.c.state)):
        uploads.add_metric([state], number)
    yield uploads

    latest = connection.execute(
        select(RECORDS.c.record)
        .join(INSPECTIONS, INSPECTIONS.c.id == RECORDS.c.inspection_id)
        .order_by(INSPECTIONS.c.seq.desc())
        .limit(1)
    ).scalar()
    model = GaugeMetricFamily(
        "qc_model_info", "The model of the latest record.", labels=["version", "software"]
    )
    if latest is not None:
        model.add_metric([record_from_json(latest).model.version, SOFTWARE], 1)
    yield model

    waiting = GaugeMetricFamily(
        "qc_events_waiting", "Events of the outbox that a target has not taken yet.", labels=["target"]
    )
    for target in targets:
        waiting.add_metric([target.name], count_waiting(connection, target))
    yield waiting
