"""Kills a running service again and again while photos are being sent, then counts what was lost or doubled.

The service is the real one, in processes of its own, with a grader that answers at once: more kills fall between
two writes. Services and their workers are forked from one process that has imported everything, so that a kill and
the next start take a second. From the root of the repository:

    python -m tests.bench.bench_kill --kills 500 --seed 1
"""

import argparse
import json
import math
import random
import socket
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import urlopen

import httpx2
from sqlalchemy import select

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.doctor import Health, examine
from service.photo_bucket import open_photos
from service.problems import SET_ASIDE
from service.settings import Settings
from service.tables import INSPECTIONS, LEDGER, UPLOADS
from service.uploads import State
from service.verify import Verified, verify
from service.workplace import open_records
from tests.service.fakes import FakeInspector, photo_of
from tests.service.nursery import kill_service, start_service
from tests.service.signed_in import new_pass

PHOTOS = [photo_of(verdict) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.REVIEW)]
CLIENTS = 4
LONGEST_S = 1.0
"""A kill falls at an even chance within this time after the service was first seen to answer, or while it starts."""
ANSWER_S = 20.0
START_S = 600.0
"""Far longer than a lease, for machines that are busy with something else."""
WHOLE_SHARE = 0.7
"""So often all processes are killed at once; else only the service, whose workers must notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What stood at the end. `mended`: what the doctor found and mended; `wrong`: what it could not. `set_aside`: kept
    for people, because ten kills in a row fell on the same photos; among the acknowledged ones or not."""

    kills: int
    acknowledged: int
    lost: int
    set_aside: int
    doubled: int
    chain_holds: bool
    entries: int
    mended: dict[str, str]
    wrong: dict[str, str]


class Senders:
    """Threads that send item after item, each again under its own key until it is acknowledged."""

    def __init__(self, address: str, token: str, *, seed: int) -> None:
        # one for all: each would load the system's certificates
        self._client = httpx2.Client(
            base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=ANSWER_S
        )
        self._stopped = threading.Event()
        self.acknowledged: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=self._send_on, args=(n, random.Random(seed + n)), daemon=True)
            for n in range(CLIENTS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Lets each finish the item that it has begun."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def _send_on(self, number: int, chance: random.Random) -> None:
        count = 0
        while not self._stopped.is_set():
            count += 1
            ref = f"K-{number}-{count}"
            photos = chance.sample(PHOTOS, chance.randint(1, 2))
            if id := self._persist(ref, photos, at_once=chance.random() < 0.5):
                self.acknowledged[ref] = id

    def _persist(self, ref: str, photos: list[bytes], *, at_once: bool) -> str | None:
        """The id under which the item was acknowledged; None where it was set aside before."""
        headers = {"Idempotency-Key": f"key-of-{ref}"}
        if at_once:
            headers["Prefer"] = "respond-async"
        while True:
            with suppress(httpx2.HTTPError):
                answer = self._client.post(
                    "/v1/inspections",
                    files=[("photos", (f"{n}.jpg", photo)) for n, photo in enumerate(photos)],
                    data={"item": json.dumps({"ref": ref})},
                    headers=headers,
                )
                if answer.status_code in (201, 202):
                    return str(answer.json()["id"])
                if answer.json()["type"].endswith(f":{SET_ASIDE.code}"):
                    return None
                if answer.status_code not in (409, 503, 507):
                    raise AssertionError(f"{answer.status_code}: {answer.text}")
            time.sleep(0.05)


def kill_under_load(folder: Path, *, kills: int, seed: int, minutes: float = math.inf) -> Outcome:
    """Starts, kills and starts again, `kills` times or until that time is over; then lets everything be graded, and counts."""
    settings = settings_of(folder, port=free_port())
    store = open_records(settings)
    token = new_pass(store, "R-1", PassKind.TOKEN)
    senders = Senders(f"http://127.0.0.1:{settings.port}", token, seed=seed)
    chance = random.Random(seed)
    service = start_service(settings)
    senders.start()
    end = time.monotonic() + 60 * minutes
    done = 0
    try:
        while done < kills and time.monotonic() < end:
            if chance.random() < 0.9:
                wait_until_ready(settings.port)
            time.sleep(chance.uniform(0, LONGEST_S))
            kill_service(service, whole=chance.random() < WHOLE_SHARE)
            done += 1
            service = start_service(settings)
        senders.stop()
        _wait_until_graded(senders, settings.port, token)
    finally:
        kill_service(service, whole=True)
    with store.reading() as connection:
        kept = connection.execute(select(INSPECTIONS.c.id, INSPECTIONS.c.ref)).all()
        entered = connection.execute(
            select(LEDGER.c.row_id).where(LEDGER.c.table_name == "inspections")
        ).all()
        aside = set(
            connection.execute(select(UPLOADS.c.id).where(UPLOADS.c.state == State.SET_ASIDE.value)).scalars()
        )
        chain = verify(connection, photos=open_photos(settings), checkpoints=())
    store.close()
    refs = Counter(row.ref for row in kept)
    findings = list(examine(settings, repair=True, load=FakeInspector, abandoned_s=0.0))
    return Outcome(
        kills=done,
        acknowledged=len(senders.acknowledged),
        lost=len(
            {(ref, id) for ref, id in senders.acknowledged.items() if id not in aside}
            - {(row.ref, row.id) for row in kept}
        ),
        set_aside=len(aside),
        doubled=sum(count - 1 for count in refs.values()) + len(entered) - len(set(entered)),
        chain_holds=isinstance(chain, Verified),
        entries=chain.entries if isinstance(chain, Verified) else 0,
        mended={f.what: f.message.en for f in findings if f.health is Health.MENDED},
        wrong={f.what: f.message.en for f in findings if f.health is Health.WRONG},
    )


def settings_of(folder: Path, *, port: int = 0) -> Settings:
    return Settings(data_dir=folder, port=port, workers=2, max_upload_bytes=2_000_000)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_ready(port: int) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return
        time.sleep(0.02)
    raise AssertionError("the service did not come up again")


def _wait_until_graded(senders: Senders, port: int, token: str) -> None:
    wait_until_ready(port)
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}
    ) as client:
        for id in senders.acknowledged.values():
            end = time.monotonic() + START_S
            while client.get(f"/v1/uploads/{id}").json().get("state") in ("waiting", "working"):
                assert time.monotonic() < end, f"{id} is never graded"
                time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=math.inf, help="ends earlier, with fewer kills")
    options = parser.parse_args()
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_under_load(
            Path(folder), kills=options.kills, seed=options.seed, minutes=options.minutes
        )
    print(json.dumps({**asdict(outcome), "seconds": round(time.monotonic() - begun_s)}, indent=1))


if __name__ == "__main__":
    main()
