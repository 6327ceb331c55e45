"""How the C library gives memory back to the system, where it is glibc; elsewhere nothing is changed."""

import ctypes
from contextlib import suppress

M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3
"""Of malloc.h."""
LARGE_BYTES = 1 << 20
ARENAS = 2


def give_back_early() -> None:
    """Lets arrays from 1 MB on go back as soon as they are dropped, and threads share their small ones.

    glibc raises that size with every large array that goes, up to 32 MB; what is smaller then lies between what is still
    used, and stays. To be called before any such array is made.
    """
    with suppress(AttributeError, OSError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        library.mallopt(M_ARENA_MAX, ARENAS)
