"""A folder that only one thread or process at a time changes; the lock ends with its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.photos import cannot_write


@contextmanager
def alone_in(folder: Path, *, mode: int = 0o777) -> Iterator[None]:
    """Waits until nobody else holds the folder; makes it, with `mode`, where it is missing.

    The folder itself is locked: what lies on a disk that is only read can be used all the same.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as wrong:
        raise cannot_write(folder, wrong) from wrong
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
