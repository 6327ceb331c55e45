"""Time-based one-time codes (TOTP, RFC 6238) as authenticator apps make them: HMAC-SHA-1, 6 digits, 30 seconds.

Data in, data out: which steps were used already is for whoever keeps the secret to know.
"""

import hmac
import struct
from datetime import datetime

DIGITS = 6
STEP_S = 30
SKEW_STEPS = 1
"""A code of the step before or after the clock's is taken too (RFC 6238, 5.2 and 6)."""


def step_at(moment: datetime) -> int:
    """The number of the step, counted from 1970."""
    return int(moment.timestamp()) // STEP_S


def code_of(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of one step: RFC 4226, 5.3 (dynamic truncation)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack_from(">I", digest, offset)
    return f"{(number & 0x7FFFFFFF) % 10**digits:0{digits}}"


def find_step(secret: bytes, code: str, *, now: datetime) -> int | None:
    """The step around `now` whose code this is, None where it is of none. As slow for any code."""
    around = range(step_at(now) - SKEW_STEPS, step_at(now) + SKEW_STEPS + 1)
    held = [step for step in around if hmac.compare_digest(code_of(secret, step).encode(), code.encode())]
    return max(held, default=None)
