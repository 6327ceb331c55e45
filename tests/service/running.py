"""A service that listens: an app in a thread, or `qc-service run` with the shipped model in processes of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from starlette.types import ASGIApp

from service.server import Patience, server_of

START_S = 180.0
QC_SERVICE = (sys.executable, "-m", "service.cli")


@contextmanager
def served(app: ASGIApp, *, patience: Patience | None = None) -> Iterator[str]:
    """The address of an app that a thread serves as `qc-service run` does it."""
    server = server_of(app, patience=patience)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Where it listens, and its first process."""

    url: str
    pid: int


@contextmanager
def running(
    data_dir: Path, *, command: Sequence[str] = QC_SERVICE, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """The service on a free port, ready; ended with all its processes. `env` is added to this process's own."""
    arguments = [*command, "run", "--port", "0", "--data", str(data_dir)]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            arguments,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            url = next((line.split()[-1] for line in lines if "The service is ready." in line), None)
            if url is None:
                said.seek(0)
                raise AssertionError(f"the service ended before it was ready: {said.read()}")
            _wait_until_ready(url)
            yield Running(url=url, pid=process.pid)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_ready(url: str) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with suppress(OSError), urlopen(f"{url}/readyz", timeout=10):
            return
        time.sleep(0.01)
    raise AssertionError("the service is not ready")
