"""Those who work while the service runs: worker processes that are replaced when they fail, or threads."""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from uuid import uuid4

from qc_vision.errors import ModelError, QcVisionError
from qc_vision.message import Message
from service.dependencies import Crew
from service.grading import Inspects
from service.memory import give_back
from service.reception import Bell
from service.settings import Settings
from service.traces import Traces, traces_of
from service.uploads import count_crash, list_holders, list_late_holders, release
from service.worker import Worker, Workplace
from service.workplace import open_workplace

IDLE_S = 0.1
"""How often an idle worker process looks at the queue."""
WATCH_S = 0.25
AFTER_TROUBLE_S = 1.0
LONGEST_PAUSE_S = 30.0
LOOK_AROUND_S = 5.0
"""How often a service looks for what another one on the same machine left when it was killed."""
START_S = 120.0
"""How long a worker may take to load its model; 2 s on the office machine."""
STOP_S = 20.0
FINISH_S = 8.0
"""A worker that is asked to stop finishes the photo it has, within this time; who stops containers gives ten seconds."""
POLITENESS = 5
"""Workers let those go first who take photos in: a grade may come later, who waits at the door with a bad line may not."""


def load_shipped(settings: Settings) -> Inspects:
    """An inspector with the shipped model, which refuses by the limits of the settings. Raises ModelError, LimitsError."""
    from qc_vision.inspection import load_inspector
    from qc_vision.refusal_limits import load_refusal_limits

    return load_inspector(limits=load_refusal_limits(settings.refusal_limits))


@contextmanager
def working(crew: Crew) -> Iterator[Crew]:
    """The crew, at work inside the block."""
    crew.start()
    try:
        yield crew
    finally:
        crew.stop()


class Threads:
    """One thread per inspector, woken by the bell. For an app that is given its inspectors."""

    def __init__(self, at: Workplace, inspectors: Sequence[Inspects], *, bell: Bell, traces: Traces) -> None:
        self._workers = [Worker(at, inspector, name=draw_name(), traces=traces) for inspector in inspectors]
        self._bell = bell
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(worker,), name="worker", daemon=True)
            for worker in self._workers
        ]

    @property
    def size(self) -> int:
        return len(self._workers)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._bell.ring()
        for thread in self._threads:
            thread.join(timeout=STOP_S)

    def _work(self, worker: Worker) -> None:
        while not self._stopped.is_set():
            rings = self._bell.rings
            try:
                worked = worker.work_once()
            except QcVisionError:
                # a full disk or a lost database: the upload is safe and is taken again when its lease is over
                worked = False
                self._stopped.wait(AFTER_TROUBLE_S)
            if worked:
                self._bell.ring()
            else:
                self._bell.wait(since=rings, timeout_s=AFTER_TROUBLE_S)


@dataclass(slots=True, kw_only=True)
class _Seat:
    """A place in the crew, and who sits there. `name` is told by the worker once it is ready."""

    process: BaseProcess
    words: Connection
    name: str | None = None
    failures: int = 0
    not_before_s: float = 0.0


class Processes:
    """Worker processes of one thread each, watched: who ends or hangs is replaced, and its upload knows of it.

    `context` makes the processes: never by a fork of this one, whose threads and database would go along.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Inspects] | None = None,
        context: SpawnContext | ForkServerContext | None = None,
    ) -> None:
        self._settings = settings
        self._load = load or partial(load_shipped, settings)
        self._context = context or multiprocessing.get_context("spawn")
        self._seats: list[_Seat] = []
        self._stopped = threading.Event()
        self._at: Workplace | None = None
        self._gone: set[str] = set()
        self._look_around_at_s = 0.0
        self._watch = threading.Thread(target=self._watch_over, name="crew", daemon=True)

    @property
    def size(self) -> int:
        return self._settings.workers

    def begin(self) -> None:
        """Lets everybody load the model, and returns at once: `start` waits for them. Raises StorageError."""
        # before them, so that not all of them step the schema up
        self._at = open_workplace(self._settings)
        self._seats = [self._seat() for _ in range(self._settings.workers)]

    def start(self) -> None:
        """Starts everybody and waits until they are ready. Raises what kept one from it."""
        if not self._seats:
            self.begin()
        try:
            self._release_the_dead()
            for seat in self._seats:
                self._greet(seat, timeout_s=START_S)
        except BaseException:
            self._end()
            raise
        self._watch.start()

    def stop(self) -> None:
        """Ends everybody; what one was grading waits for the next start."""
        self._stopped.set()
        self._watch.join(timeout=STOP_S)
        self._end()

    def _end(self) -> None:
        for seat in self._seats:
            seat.process.terminate()
        last_s = time.monotonic() + FINISH_S
        for seat in self._seats:
            seat.process.join(timeout=max(0.0, last_s - time.monotonic()))
            seat.process.kill()
            seat.process.join()
            if seat.name is not None and self._at is not None:
                with suppress(QcVisionError), self._at.store.changing() as connection:
                    release(connection, seat.name)
        if self._at is not None:
            self._at.store.close()

    def _seat(self, *, failures: int = 0) -> _Seat:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_work, args=(self._settings, self._load, theirs), name="qc-worker", daemon=True
        )
        process.start()
        theirs.close()
        return _Seat(process=process, words=ours, failures=failures)

    def _greet(self, seat: _Seat, *, timeout_s: float) -> None:
        """Learns the worker's name. Raises its error, or ModelError where it ended or said nothing."""
        try:
            word = seat.words.recv() if seat.words.poll(timeout_s) else None
        except (EOFError, OSError):
            word = None
        if isinstance(word, Message):
            raise ModelError(word)
        if word is None:
            raise ModelError(NEVER_READY)
        seat.name = str(word)

    def _watch_over(self) -> None:
        while not self._stopped.wait(WATCH_S):
            for number, seat in enumerate(self._seats):
                with suppress(QcVisionError):  # the database is away: looked at again in a moment
                    self._look_after(number, seat)
            with suppress(QcVisionError):
                self._stop_who_hangs()
                self._release_the_forsaken()

    def _look_after(self, number: int, seat: _Seat) -> None:
        alive = seat.process.is_alive()
        if seat.name is None:
            # also of one that ended at once: what it held must be known
            with suppress(ModelError):
                self._greet(seat, timeout_s=0)
        if alive:
            return
        if seat.name is not None and self._at is not None:
            with self._at.store.changing() as connection:
                if count_crash(connection, seat.name):
                    seat.failures = 0  # the photo's fault, not the worker's
        self._replace(number, seat)

    def _replace(self, number: int, seat: _Seat) -> None:
        """A new worker, after a pause that doubles while each ends without having held anything."""
        seat.name = None
        if seat.not_before_s == 0.0:
            seat.not_before_s = time.monotonic() + min(WATCH_S * 2**seat.failures, LONGEST_PAUSE_S)
        if time.monotonic() >= seat.not_before_s:
            seat.words.close()
            self._seats[number] = self._seat(failures=min(seat.failures + 1, 10))

    def _stop_who_hangs(self) -> None:
        if self._at is None:
            return
        with self._at.store.reading() as connection:
            late = set(list_late_holders(connection, now_s=time.time()))
        for seat in self._seats:
            if seat.name in late:
                seat.process.kill()

    def _release_the_dead(self) -> None:
        """Frees what workers of an earlier run on this machine held, so that it need not wait for their leases."""
        self._release(self._list_the_dead())

    def _release_the_forsaken(self) -> None:
        """The same for another service on this machine that was killed. Where it lives, it counts the crash itself: so
        only who was dead at the last look, too."""
        if time.monotonic() < self._look_around_at_s:
            return
        self._look_around_at_s = time.monotonic() + LOOK_AROUND_S
        dead = self._list_the_dead()
        self._release(dead & self._gone)
        self._gone = dead

    def _list_the_dead(self) -> set[str]:
        assert self._at is not None
        with self._at.store.reading() as connection:
            return {
                name for name in list_holders(connection, place=self._at.intake.place()) if _is_dead(name)
            }

    def _release(self, names: set[str]) -> None:
        assert self._at is not None
        if names:
            with self._at.store.changing() as connection:
                for name in names:
                    release(connection, name)


def draw_name() -> str:
    """A worker's name: its machine, its process, and something that no other has."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid4().hex[:12]}"


def _is_dead(name: str) -> bool:
    host, pid, _ = name.rsplit(":", 2)
    if host != socket.gethostname()[:60]:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _work(settings: Settings, load: Callable[[], Inspects], words: Connection) -> None:
    """The life of a worker process: until it is asked to stop, or the service that started it ends, however that ends."""
    import cv2

    cv2.setNumThreads(1)
    os.nice(POLITENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the service stops its workers itself
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked_to_stop.append(number))
    name, traces = draw_name(), traces_of(settings)
    try:
        worker = Worker(open_workplace(settings), load(), name=name, traces=traces)
    except QcVisionError as wrong:
        words.send(wrong.message)
        raise SystemExit(1) from wrong
    with suppress(BrokenPipeError):  # the service has ended meanwhile, which is seen below
        words.send(name)
    service = multiprocessing.parent_process()
    while service is not None and service.is_alive() and not asked_to_stop:
        try:
            worked = worker.work_once()
        except QcVisionError:
            worked = False
            time.sleep(AFTER_TROUBLE_S)
        if worked:
            give_back()
        else:
            time.sleep(IDLE_S)
    traces.stop()


NEVER_READY = Message(
    id="Proses penilai berhenti sebelum siap. Jalankan 'qc-service doctor' untuk melihat sebabnya.",
    en="A grading process ended before it was ready. Run 'qc-service doctor' to see why.",
)
