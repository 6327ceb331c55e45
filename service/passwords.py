"""Passwords: Argon2id, and the refusal of those that are guessed first."""

import threading
from functools import cache
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from qc_vision.errors import QcVisionError
from qc_vision.message import Message

LENGTH = (12, 128)
"""ASVS 4.0.3, 2.1.1 and 2.1.2."""
LEAST_SCORE = 3
"""Of zxcvbn's 0-4: more than 10^8 guesses."""
AT_ONCE = 2
"""Hashes computed at the same time in one process, each in 19 MiB: a flood of sign-ins waits in line."""


class WeakPassword(QcVisionError):
    """Too short, too long, or among the first that are guessed."""


class Hashes(Protocol):
    def hash(self, password: str) -> str: ...

    def verify(self, hash: str, password: str) -> bool: ...

    def __hash__(self) -> int: ...


class Argon2id:
    """Argon2id with 19 MiB, 2 passes, 1 lane: the least that OWASP's Password Storage Cheat Sheet asks for."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._turn = threading.BoundedSemaphore(AT_ONCE)

    def hash(self, password: str) -> str:
        with self._turn:
            return self._hasher.hash(password)

    def verify(self, hash: str, password: str) -> bool:
        try:
            with self._turn:
                return self._hasher.verify(hash, password)
        except VerificationError:
            return False


@cache
def decoy(hashes: Hashes) -> str:
    """A hash of nothing, verified where an account is unknown, so that the answer takes as long."""
    return hashes.hash("")


def refuse_weak(password: str, *, code: str) -> None:
    """Raises WeakPassword unless the password is long enough and not easily guessed, knowing the account."""
    from zxcvbn import zxcvbn  # its word lists take a while to load

    if not LENGTH[0] <= len(password) <= LENGTH[1]:
        raise WeakPassword(WRONG_LENGTH)
    # what it reads is cut off where it would take long; a long password is judged by its beginning
    if zxcvbn(password[:72], user_inputs=[code, "keranjang", "anyaman", "mutu"])["score"] < LEAST_SCORE:
        raise WeakPassword(GUESSED)


WRONG_LENGTH = Message(
    id=f"Kata sandi harus {LENGTH[0]} sampai {LENGTH[1]} huruf. Beberapa kata sembarang mudah diingat.",
    en=f"A password has {LENGTH[0]} to {LENGTH[1]} characters. A few words at random are easy to remember.",
)
GUESSED = Message(
    id="Kata sandi ini mudah ditebak. Pakai beberapa kata yang tidak berhubungan.",
    en="This password is guessed early. Use a few words that have nothing to do with each other.",
)
