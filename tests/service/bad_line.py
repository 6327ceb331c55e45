"""A line between a client and a service that breaks: it passes so many bytes up, then both ends are cut off."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

READ_BYTES = 16384


class BadLine:
    """A port of its own in front of `port`. `breaks_after_bytes` have gone up on one connection: it is cut; None:
    never. `dead`: nobody is let through. `bytes_per_s`: how fast it carries them up; None: as it comes."""

    def __init__(
        self, port: int, *, breaks_after_bytes: int | None = None, bytes_per_s: float | None = None
    ) -> None:
        self.breaks_after_bytes = breaks_after_bytes
        self.dead = False
        self.cuts = 0
        self.went_up_bytes = 0
        self._port = port
        self._bytes_per_s = bytes_per_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a thread that waits in accept is not woken by closing alone
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.dead:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._carry_up, args=(near, far), daemon=True).start()
            threading.Thread(target=self._carry_down, args=(far, near), daemon=True).start()

    def _carry_up(self, near: socket.socket, far: socket.socket) -> None:
        carried = 0
        with suppress(OSError):
            while data := near.recv(READ_BYTES):
                far.sendall(data)
                carried += len(data)
                self.went_up_bytes += len(data)
                if self._bytes_per_s is not None:
                    time.sleep(len(data) / self._bytes_per_s)
                if self.dead or (self.breaks_after_bytes is not None and carried >= self.breaks_after_bytes):
                    self.cuts += 1
                    break
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _carry_down(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(READ_BYTES):
                near.sendall(data)
        with suppress(OSError):
            near.shutdown(socket.SHUT_RDWR)
