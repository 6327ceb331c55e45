"""Kills a running service again and again while photos are being sent, then counts what was lost or doubled.

The service is the real one, in processes of its own, with a grader that answers at once: more kills fall between
two writes. From the root of the repository:

    python -m tests.bench.bench_kill --kills 100 --seed 1
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2
import uvicorn
from sqlalchemy import select

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.app import create_app, open_records
from service.cli import listen
from service.crew import Processes, working
from service.doctor import Health, examine
from service.photo_bucket import open_photos
from service.settings import Settings
from service.tables import INSPECTIONS, LEDGER
from service.verify import Verified, verify
from tests.service.fakes import FakeInspector, photo_of
from tests.service.signed_in import new_pass

PHOTOS = [photo_of(verdict) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.REVIEW)]
CLIENTS = 4
LONGEST_S = 1.5
"""A kill falls at an even chance within this time after the service was first seen to answer, or while it starts."""
WHOLE_SHARE = 0.7
"""So often all processes are killed at once; else only the service, whose workers must notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What stood at the end. `mended`: what the doctor found and mended; `wrong`: what it could not."""

    kills: int
    acknowledged: int
    lost: int
    doubled: int
    chain_holds: bool
    entries: int
    mended: dict[str, str]
    wrong: dict[str, str]


class Senders:
    """Threads that send item after item, each again under its own key until it is acknowledged."""

    def __init__(self, address: str, token: str, *, seed: int) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"}
        self._stopped = threading.Event()
        self.acknowledged: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=self._send_on, args=(n, random.Random(seed + n))) for n in range(CLIENTS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Lets each finish the item that it has begun."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _send_on(self, number: int, chance: random.Random) -> None:
        count = 0
        while not self._stopped.is_set():
            count += 1
            ref = f"K-{number}-{count}"
            photos = chance.sample(PHOTOS, chance.randint(1, 2))
            self.acknowledged[ref] = self._persist(ref, photos, at_once=chance.random() < 0.5)

    def _persist(self, ref: str, photos: list[bytes], *, at_once: bool) -> str:
        headers = {**self._headers, "Idempotency-Key": f"key-of-{ref}"}
        if at_once:
            headers["Prefer"] = "respond-async"
        while True:
            with suppress(httpx2.HTTPError):
                answer = httpx2.post(
                    f"{self._address}/v1/inspections",
                    files=[("photos", (f"{n}.jpg", photo)) for n, photo in enumerate(photos)],
                    data={"item": json.dumps({"ref": ref})},
                    headers=headers,
                    timeout=20,
                )
                if answer.status_code in (201, 202):
                    return str(answer.json()["id"])
                if answer.status_code not in (409, 503, 507):
                    raise AssertionError(f"{answer.status_code}: {answer.text}")
            time.sleep(0.05)


def kill_under_load(folder: Path, *, kills: int, seed: int) -> Outcome:
    """Starts, kills and starts again, `kills` times; then lets everything be graded, and counts."""
    settings = settings_of(folder)
    store = open_records(settings)
    token = new_pass(store, "R-1", PassKind.TOKEN)
    port = free_port()
    senders = Senders(f"http://127.0.0.1:{port}", token, seed=seed)
    chance = random.Random(seed)
    service = _start(folder, port)
    senders.start()
    for _ in range(kills):
        if chance.random() < 0.9:
            wait_until_ready(port)
        time.sleep(chance.uniform(0, LONGEST_S))
        if chance.random() < WHOLE_SHARE:
            os.killpg(service.pid, signal.SIGKILL)
        else:
            service.kill()
        service.wait()
        service = _start(folder, port)
    senders.stop()
    _wait_until_graded(senders, port, token)
    service.terminate()
    service.wait()
    with store.reading() as connection:
        kept = connection.execute(select(INSPECTIONS.c.id, INSPECTIONS.c.ref)).all()
        entered = connection.execute(
            select(LEDGER.c.row_id).where(LEDGER.c.table_name == "inspections")
        ).all()
        chain = verify(connection, photos=open_photos(settings), checkpoints=())
    store.close()
    refs = Counter(row.ref for row in kept)
    findings = list(examine(settings, repair=True, load=FakeInspector, abandoned_s=0.0))
    return Outcome(
        kills=kills,
        acknowledged=len(senders.acknowledged),
        lost=len(set(senders.acknowledged.items()) - {(row.ref, row.id) for row in kept}),
        doubled=sum(count - 1 for count in refs.values()) + len(entered) - len(set(entered)),
        chain_holds=isinstance(chain, Verified),
        entries=chain.entries if isinstance(chain, Verified) else 0,
        mended={f.what: f.message.en for f in findings if f.health is Health.MENDED},
        wrong={f.what: f.message.en for f in findings if f.health is Health.WRONG},
    )


def settings_of(folder: Path) -> Settings:
    return Settings(data_dir=folder, port=0, workers=2, max_upload_bytes=2_000_000)


def serve(folder: Path, port: int) -> None:
    """As `qc-service run` does it, with another grader."""
    settings = settings_of(folder)
    with listen("127.0.0.1", port) as listener, working(Processes(settings, load=FakeInspector)) as crew:
        config = uvicorn.Config(create_app(settings, crew=crew), log_level="error", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.bench.bench_kill", "--serve", str(folder), "--port", str(port)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_ready(port: int) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with suppress(httpx2.HTTPError):
            if httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the service did not come up again")


def _wait_until_graded(senders: Senders, port: int, token: str) -> None:
    wait_until_ready(port)
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}
    ) as client:
        for id in senders.acknowledged.values():
            end = time.monotonic() + 150  # longer than a lease
            while client.get(f"/v1/uploads/{id}").json().get("state") in ("waiting", "working"):
                assert time.monotonic() < end, f"{id} is never graded"
                time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve, options.port)
        return
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_under_load(Path(folder), kills=options.kills, seed=options.seed)
    print(json.dumps({**asdict(outcome), "seconds": round(time.monotonic() - begun_s)}, indent=1))


if __name__ == "__main__":
    main()
