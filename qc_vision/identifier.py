"""What records, facts and uploads are called: ids that grow with time, so that an index of them grows at its end.

Of random ids, each of a million lies on another page of an index than the one before.
"""

import secrets
import time


def new_id() -> str:
    """A UUID of version 7 (RFC 9562, section 5.7), 32 hexadecimal digits: the millisecond, then 74 random bits."""
    return time_ordered_id(at_ms=time.time_ns() // 1_000_000, random=secrets.randbits(74))


def time_ordered_id(*, at_ms: int, random: int) -> str:
    """The id of a moment, in milliseconds since 1970, and a number of 74 bits."""
    version, variant = 0x7, 0b10
    return (
        f"{at_ms << 80 | version << 76 | (random >> 62) << 64 | variant << 62 | random & (1 << 62) - 1:032x}"
    )
