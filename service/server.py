"""The server: uvicorn, with limits for lines on which nothing comes, or so little that it is meant to hold them.

uvicorn itself waits for ever: for the end of headers, of a body, and for somebody to take an answer. hypercorn (MIT)
has a limit of silence alone, granian (BSD-3) one for headers; both would wait for ever for a body that trickles.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.middleware import IDLE_LINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a line may take, and how many there may be.

    `headers_s`: until the headers of a request have come. `silence_s`: without a byte, where a body is to come or an
    answer to be taken. A body has `grace_s` and a second more for every `slowest_bytes_per_s` of it. The last two and
    `headers_s` are those of Apache's mod_reqtimeout: a tenth of what the worst mobile lines bring. `silence_s` is
    longer than a part's own (`tus.IDLE_S`), which keeps what has come and says so.

    After a last answer to a body that is still coming, the line lingers: for `linger_s`, while a byte comes in each
    `linger_silence_s`, up to `linger_bytes`. The first two are nginx's; with the third, two photos of a phone, they meet at
    the pace of a line of 2 Mbit/s.
    """

    headers_s: float = 20.0
    silence_s: float = 60.0
    grace_s: float = 20.0
    slowest_bytes_per_s: float = 500.0
    linger_s: float = 30.0
    linger_silence_s: float = 5.0
    linger_bytes: int = 8_000_000
    look_every_s: float = 1.0
    most_lines: int = 500


def server_of(app: ASGIApp, *, patience: Patience | None = None) -> uvicorn.Server:
    """A server that writes no log of its own; the app logs its requests."""
    config = uvicorn.Config(
        app,
        http=_line_of(patience or Patience()),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_LINE_S,
    )
    return uvicorn.Server(config)


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serves until a signal ends it."""
    server_of(app).run(sockets=[listener])


def _line_of(patience: Patience) -> type[asyncio.Protocol]:
    def line(*args: Any, **kwargs: Any) -> "Line":
        return Line(*args, patience=patience, **kwargs)

    # uvicorn only calls it
    return cast("type[asyncio.Protocol]", line)


class Lingering:
    """A transport as uvicorn sees it, which closes in stages where more is to come (RFC 9112, 9.6).

    At the first `close` it ends only what it sends: were it closed with bytes unread, the kernel would reset the line,
    and the answer would be lost to a sender that is still sending. A second `close` closes it.
    """

    def __init__(self, transport: asyncio.Transport, *, more_to_come: Callable[[], bool]) -> None:
        self._transport = transport
        self._more_to_come = more_to_come
        self.lingers = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing() or not self._more_to_come():
            self._transport.close()
            return
        self.lingers = True
        self._transport.write_eof()
        self._transport.resume_reading()


class Line(H11Protocol):
    """One connection, looked at every so often; closed, without an answer, where it is too slow.

    Where there are too many, one that only lingers makes room, else the one that has waited longest for its headers.
    """

    transport: Lingering  # type: ignore[assignment]

    def __init__(self, *args: Any, patience: Patience, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience = patience
        self._next_look: asyncio.TimerHandle | None = None
        self._looked_s = self._heard_s = self._taken_s = self._began_s = self.loop.time()
        self._stage: object = None
        self._arrived_bytes = 0
        self._untaken_bytes = 0
        self._dropped_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Lingering(transport, more_to_come=self._is_owed_more))  # type: ignore[arg-type]
        self._look()
        if len(self.connections) > self._patience.most_lines:
            lines: list[Line] = [line for line in self.connections if isinstance(line, Line)]
            idle = [line for line in lines if line.transport.lingers or line._awaits_headers]
            min(idle, key=lambda line: (not line.transport.lingers, line._began_s)).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._heard_s = self.loop.time()
        self._arrived_bytes += len(data)
        if not self.transport.lingers:
            super().data_received(data)
            return
        self._dropped_bytes += len(data)
        if self._dropped_bytes > self._patience.linger_bytes:
            self.transport.abort()

    def _is_owed_more(self) -> bool:
        """Whether there is, or may be, something of a request that nobody has read."""
        return self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    @property
    def _awaits_headers(self) -> bool:
        """Also between two requests, where uvicorn closes a line on which nothing at all comes."""
        return self.conn.their_state is h11.IDLE

    def _look(self) -> None:
        now_s = self.loop.time()
        if self._is_untaken(now_s) or self._is_too_slow(now_s):
            self.transport.abort()
            return
        self._looked_s = now_s
        self._next_look = self.loop.call_later(self._patience.look_every_s, self._look)

    def _is_untaken(self, now_s: float) -> bool:
        """Whether nothing of what was sent has been taken for too long; also of a last answer."""
        untaken_bytes = self.transport.get_write_buffer_size()
        if untaken_bytes == 0 or untaken_bytes < self._untaken_bytes:
            self._taken_s = now_s
        self._untaken_bytes = untaken_bytes
        return now_s - self._taken_s > self._patience.silence_s

    def _is_too_slow(self, now_s: float) -> bool:
        stage = (self.conn.their_state, self.cycle, self.transport.lingers)
        if stage != self._stage:
            self._stage, self._arrived_bytes = stage, 0
            self._began_s = self._heard_s = now_s
        if self.transport.lingers:
            is_silent = now_s - self._heard_s > self._patience.linger_silence_s
            return is_silent or now_s - self._began_s > self._patience.linger_s
        if self._awaits_headers:
            return now_s - self._began_s > self._patience.headers_s
        if self.conn.their_state is not h11.SEND_BODY:
            return False
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:
            # it is the service that lets them wait
            self._began_s += now_s - self._looked_s
            self._heard_s = now_s
            return False
        allowed_s = self._patience.grace_s + self._arrived_bytes / self._patience.slowest_bytes_per_s
        return now_s - self._heard_s > self._patience.silence_s or now_s - self._began_s > allowed_s
