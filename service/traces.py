"""Traces of requests and of grading, for an OpenTelemetry collector that the settings name; without one, none are made.

No span holds what a person sent: of an address its pattern, of an error its class, of an upload how it ended.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from qc_vision.inspection import SOFTWARE
from service.settings import Settings

PARENT = "traceparent"
"""Where W3C Trace Context keeps the names of a trace and of a span in it."""
W3C = TraceContextTextMapPropagator()
SEND_EVERY_MS = 1000.0
"""As much is lost where a process is killed."""
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Makes spans; a thread of its own sends them, so that nobody waits for a collector. `stop` sends the last ones."""

    tracer: Tracer
    stop: Callable[[], None]

    @contextmanager
    def span(self, name: str, *, kind: SpanKind, parent: str | None = None) -> Iterator[Span]:
        """A span around the block, of the trace of `parent`, as `span_under_way` gave it, or of a new one."""
        with self.tracer.start_as_current_span(
            name,
            context=W3C.extract({} if parent is None else {PARENT: parent}),
            kind=kind,
            # an error's words may repeat the values of a row
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span


NO_TRACES = Traces(tracer=NoOpTracer(), stop=lambda: None)


def traces_of(settings: Settings) -> Traces:
    """Traces as the settings want them. Their extra is installed: `read_settings` has looked."""
    if settings.otlp_endpoint is None:
        return NO_TRACES
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}/v1/traces", timeout=TIMEOUT_S)
    provider = TracerProvider(
        resource=Resource.create({"service.name": "qc-service", "service.version": SOFTWARE})
    )
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=SEND_EVERY_MS))
    return Traces(tracer=provider.get_tracer("qc_service"), stop=provider.shutdown)


def span_under_way() -> str | None:
    """The span around the caller, for another process to go on from; None where none is made."""
    carrier: dict[str, str] = {}
    W3C.inject(carrier)
    return carrier.get(PARENT)


def fail(span: Span, wrong: BaseException) -> None:
    """Marks the span as failed, by the error's class."""
    span.set_attribute("error.type", type(wrong).__qualname__)
    span.set_status(StatusCode.ERROR)
