"""The thread that hands out events, signs checkpoints and removes parts that nobody finished, while the service runs."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx2

from qc_vision.epcis import Naming
from qc_vision.errors import QcVisionError
from service.checkpoints import append_checkpoint, sign_checkpoint
from service.ledger import Head, read_head
from service.outbox import Posts, Target, deliver, post_checkpoint
from service.parts import Parts
from service.settings import Settings
from service.signing import Keyring
from service.store import Store

EVERY_S = 5.0
CHECKPOINT_EVERY = timedelta(days=1)
POST_AGAIN_AFTER = timedelta(minutes=10)
TIMEOUT_S = 20.0


def targets_of(settings: Settings) -> Sequence[Target]:
    """Whom the settings want told."""
    targets = []
    if settings.capture_url is not None:
        targets.append(Target(name="capture", url=settings.capture_url))
    if settings.webhook_url is not None and settings.webhook_secret is not None:
        targets.append(Target(name="webhook", url=settings.webhook_url, secret=settings.webhook_secret))
    return targets


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Sends the body; returns the answer's status. Raises OSError where no answer comes."""
    try:
        return httpx2.post(url, content=body, headers=dict(headers), timeout=TIMEOUT_S).status_code
    except httpx2.HTTPError as wrong:
        raise OSError(str(wrong)) from wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class _Untaken:
    """A signed checkpoint that a webhook has not taken; `due`: when it is tried next."""

    token: str
    at: datetime
    due: datetime


class Courier:
    """Works until stopped; what it could not do it tries again on its next round."""

    def __init__(
        self,
        store: Store,
        *,
        targets: Sequence[Target],
        naming: Naming,
        keyring: Keyring,
        checkpoints: Path,
        parts: Parts,
        clock: Callable[[], datetime],
        post: Posts = post,
    ) -> None:
        self._store = store
        self._targets = targets
        self._naming = naming
        self._keyring = keyring
        self._checkpoints = checkpoints
        self._parts = parts
        self._clock = clock
        self._post = post
        self._signed: tuple[datetime, Head] | None = None
        self._untaken: dict[Target, _Untaken] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=TIMEOUT_S + EVERY_S)

    def make_round(self) -> None:
        """One round: what expired is removed, every target is given what is due, and a checkpoint is signed where a day
        has passed."""
        self._parts.remove_expired()
        for target in self._targets:
            deliver(self._store, target, naming=self._naming, now=self._clock(), post=self._post)
        self._sign()
        self._post_checkpoints()

    def _sign(self) -> None:
        at = self._clock()
        with self._store.reading() as connection:
            head = read_head(connection)
        if self._signed is not None and (head == self._signed[1] or at - self._signed[0] < CHECKPOINT_EVERY):
            return
        token = sign_checkpoint(head, self._keyring, at=at)
        append_checkpoint(self._checkpoints, token)
        self._signed = (at, head)
        # one that was not taken may be left behind: a later one binds all that it bound
        self._untaken = {
            t: _Untaken(token=token, at=at, due=at) for t in self._targets if t.secret is not None
        }

    def _post_checkpoints(self) -> None:
        now = self._clock()
        for target, untaken in list(self._untaken.items()):
            if target.secret is None or now < untaken.due:
                continue
            if post_checkpoint(
                target.url, target.secret, untaken.token, at=untaken.at, now=now, post=self._post
            ):
                del self._untaken[target]
            else:
                self._untaken[target] = replace(untaken, due=now + POST_AGAIN_AFTER)

    def _work(self) -> None:
        while not self._stopped.wait(EVERY_S):
            try:
                self.make_round()
            except QcVisionError:
                # a full disk or a locked database: the requests that meet it say so; the next round tries again
                continue
