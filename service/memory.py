"""How the C library keeps memory and gives it back, where it is glibc; elsewhere nothing is changed.

The figures behind the sizes are in tests/bench/README.md.
"""

import ctypes
from contextlib import suppress

M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3
"""Of malloc.h."""
ARENAS = 2
LARGE_BYTES = 1 << 20
GRADING = {
    "glibc.malloc.hugetlb": 1,  # large pages where the system has them: many times fewer page faults
    "glibc.malloc.mmap_threshold": 8 << 20,
    "glibc.malloc.trim_threshold": 32 << 20,
    "glibc.malloc.arena_max": ARENAS,
}


def give_back_early() -> None:
    """Lets arrays from 1 MB on go back as soon as they are dropped, and threads share their small ones.

    glibc raises that size with every large array that goes, up to 32 MB; what is smaller then lies between what is still
    used, and stays. To be called before any such array is made.
    """
    with suppress(AttributeError, OSError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        library.mallopt(M_ARENA_MAX, ARENAS)


def suit_graders() -> None:
    """Lets processes that are started from now on use arrays again while they grade; they are to `give_back` after each
    photo. Can only be told from outside, and changes nothing where GLIBC_TUNABLES are set already."""
    tunables = ":".join(f"{name}={value}" for name, value in GRADING.items())
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).setenv(b"GLIBC_TUNABLES", tunables.encode(), 0)


def give_back() -> None:
    """Gives all that lies unused back to the system; some milliseconds."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
