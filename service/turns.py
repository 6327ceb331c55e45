"""Whose turn it is to send photos: a place in the queue is taken before they come, and who finds none hears when to try.

Were places counted only once photos have come, all of a crowd would send theirs for the one that is free.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, select

from service.reception import refuse_beyond
from service.store import Store
from service.tables import INSPECTIONS
from service.uploads import count_open

SOONEST_S, LATEST_S = 5.0, 60.0
LOOKED_BACK = 10
"""The pace is that of so many inspections."""
FIRST_PACE_S = 2.0
"""Of a service that has hardly graded yet: about what one photo takes."""


class Turns:
    """The places of a queue of `most` uploads, those on their way to this process included."""

    def __init__(self, store: Store, *, most: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._most = most
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._on_their_way = 0
        self._last_turn_s = 0.0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place, held inside the block. Raises RequestRefused, with the time to come again, where there is none."""
        with self._lock:
            ahead = self._on_their_way
            self._on_their_way += 1
        try:
            self._refuse_beyond(ahead)
            yield
        finally:
            with self._lock:
                self._on_their_way -= 1

    def _refuse_beyond(self, ahead: int) -> None:
        # `ahead` was counted first: who is accepted meanwhile counts twice rather than not at all
        with self._store.reading() as connection:
            others = ahead + count_open(connection)
            if others < self._most:
                return
            pace_s = _pace_s(connection)
        refuse_beyond(others, self._most, come_again_s=self._next_turn_s(pace_s))

    def _next_turn_s(self, pace_s: float) -> int:
        """Seconds until a place should be free for who asks now: those who are sent away come one after the other, as
        fast as places become free."""
        with self._lock:
            now_s = self._clock_s()
            self._last_turn_s = min(max(self._last_turn_s, now_s) + pace_s, now_s + LATEST_S)
            return math.ceil(max(self._last_turn_s - now_s, SOONEST_S))


def _pace_s(connection: Connection) -> float:
    """Seconds from one inspection to the next, of the last ones."""
    latest = select(INSPECTIONS.c.created_at).order_by(INSPECTIONS.c.seq.desc()).limit(LOOKED_BACK)
    ended = [datetime.fromisoformat(at) for at in connection.execute(latest).scalars()]
    if len(ended) < 2:
        return FIRST_PACE_S
    # workers end in another order than that of their clocks
    return (max(ended) - min(ended)).total_seconds() / (len(ended) - 1)
