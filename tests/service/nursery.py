"""Processes forked from one that has imported everything: a service and its workers start in a tenth of a second."""

import logging
import multiprocessing
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess

from service.app import create_app
from service.cli import listen
from service.crew import Processes, working
from service.server import serve
from service.settings import Settings
from tests.service.fakes import FakeInspector

SERVER_ENDS_S = 1.0


def nursery() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def start_service(settings: Settings) -> ForkServerProcess:
    """The service at the port of the settings, with worker processes whose grader answers at once."""
    service = nursery().Process(target=_serve, args=(settings,))
    try:
        service.start()
    except (ConnectionRefusedError, EOFError):
        # a service that was killed while it asked for a worker takes the server of forks with it; the next start
        # makes another
        time.sleep(SERVER_ENDS_S)
        service.start()
    return service


def kill_service(service: ForkServerProcess, *, whole: bool) -> None:
    """SIGKILL to the service and, where `whole`, to its workers, which else must notice."""
    if whole:
        with suppress(ProcessLookupError):  # it leads no group yet
            os.killpg(service.pid, signal.SIGKILL)
    service.kill()
    service.join()


@dataclass(frozen=True, slots=True)
class _JoiningInspector:
    """Loads the grader in a worker, which first joins the service's group of processes."""

    group: int

    def __call__(self) -> FakeInspector:
        with suppress(OSError):  # the service has been killed meanwhile
            os.setpgid(0, self.group)
        return FakeInspector()


def _serve(settings: Settings) -> None:
    """As `qc-service run` does it."""
    os.setpgrp()
    # Python says of this server that a child reuses its parent's, but starts another, which imports all again
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[attr-defined]
    crew = Processes(settings, load=_JoiningInspector(os.getpid()), context=nursery())
    with listen(settings.host, settings.port) as listener, working(crew):
        logging.disable()
        serve(create_app(settings, crew=crew), listener)
