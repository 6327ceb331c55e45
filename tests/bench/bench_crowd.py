"""Many phones at once: 64 clients send 12-megapixel photos, one after the other, to the real service over HTTP.

    python -m tests.bench.bench_crowd --minutes 5

The bare loop: as many processes as workers read, grade, draw and keep the same photos, with neither service nor
record; half of it before, half after, since a machine that warms up or is lent to others drifts. Between them the
service under the crowd; a client that is told the queue is full waits as long as it is told; one that hears no answer
has failed. At the end all that was acknowledged is graded, and counted. Clients share the cores with the service.
Prints figures; asserts nothing. Linux only (/proc).
"""

import argparse
import http.client
import io
import itertools
import json
import multiprocessing
import os
import re
import selectors
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
from PIL import Image
from sqlalchemy import func, select

from service.accounts import PassKind
from service.crew import load_shipped
from service.grading import SentPhoto, grade_item
from service.item import Item
from service.photos import PhotoFolder
from service.settings import Settings
from service.store import Store, now
from service.tables import INSPECTIONS
from service.uploads import count_open
from service.workplace import open_records
from tests.service.running import Running, running
from tests.service.signed_in import new_pass

SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"
SIZE = (4000, 3000)
BOUNDARY = "a-photo-of-a-basket"
BASKET = "CROWD"
ANSWER_S = 300.0
LOOK_EVERY_S = 0.5
MEMORY = re.compile(r"^(Rss|Pss):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`acknowledged_s`: from the first byte sent to the answer, of those that were accepted; `told_busy`: answers
    that named a time to come again. Rates in photos per second; `share`: of the bare loop's. `failures`: the first few.
    `clients_cpu_s`: processor time that the clients took from the same cores."""

    clients: int
    workers: int
    photo_mb: float
    seconds: float
    acknowledged: int
    told_busy: int
    failed: int
    failures: list[str]
    lost: int
    doubled: int
    acknowledged_s: dict[str, float]
    rss_peak_mib: float
    pss_peak_mib: float
    graded_per_s: float
    bare_per_s: tuple[float, float]
    share: float
    clients_cpu_s: float


@dataclass(slots=True)
class Crowd:
    """What the clients have seen so far."""

    took_s: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    told_busy: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def photos_of_12_megapixels() -> list[bytes]:
    """The sample photos as a phone would send them: 4000 × 3000, with its noise, 3 to 5 MB."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 4, (SIZE[1], SIZE[0], 1)).astype(np.float32)
    made = []
    for path in sorted(SAMPLES.glob("*.jpg")):
        with Image.open(path) as sample:
            large = cv2.resize(np.asarray(sample.convert("RGB")), SIZE, interpolation=cv2.INTER_CUBIC)
        packed = io.BytesIO()
        grainy = np.clip(large.astype(np.float32) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(grainy).save(packed, "JPEG", quality=92)
        made.append(packed.getvalue())
    return made


def grade_alone(photos: Sequence[bytes], folder: Path, seconds: float) -> float:
    """Photos per second that one process grades, draws and keeps as files, with nothing around it."""
    cv2.setNumThreads(1)
    inspector, kept = load_shipped(Settings()), PhotoFolder(folder)
    graded, begun_s = 0, 0.0
    for number, data in enumerate(itertools.cycle(photos)):
        photo = SentPhoto(id=f"{number}", filename=None, read=partial(bytes, data))
        grade_item(
            [photo],
            Item(),
            inspector=inspector,
            photos=kept,
            inspection_id=photo.id,
            came_at=now(),
            came_before=lambda _photo: False,
            clock=now,
        )
        if not begun_s:
            begun_s = time.monotonic()  # the first photo warms up
            continue
        graded += 1
        if time.monotonic() - begun_s >= seconds:
            break
    return graded / (time.monotonic() - begun_s)


def bare_per_s(photos: Sequence[bytes], folder: Path, *, workers: int, seconds: float) -> float:
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        rates = pool.map(grade_alone, *zip(*[(photos, folder, seconds)] * workers, strict=True))
        return sum(rates)


def send_on(
    number: int, *, url: str, token: str, photos: Sequence[bytes], crowd: Crowd, stopped: threading.Event
) -> None:
    """One client: a photo, its acknowledgement, the next; under a new key each, kept until it is accepted."""
    at = urlsplit(url)
    line = http.client.HTTPConnection(at.hostname or "", at.port, timeout=ANSWER_S)
    for count in itertools.count():
        name = f"C-{number}-{count}"
        body = form_of(name, photos[(number + count) % len(photos)])
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Idempotency-Key": name,
            "Prefer": "respond-async",
        }
        status = 0
        while status != 202:
            if stopped.is_set():
                return
            if has_ended(line):
                line.close()  # and opened anew by the request
            begun_s = time.perf_counter()
            try:
                # a queue that is full says so before it has taken the photo, and hangs up
                with suppress(BrokenPipeError, ConnectionResetError):
                    line.request("POST", "/v1/inspections", body=body, headers=headers)
                with line.getresponse() as answer:
                    status, said = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as wrong:
                crowd.failures.append(repr(wrong))
                line.close()
                continue
            if status == 202:
                crowd.took_s.append(time.perf_counter() - begun_s)
                crowd.accepted.append(json.loads(said)["id"])
            elif status == 503:
                crowd.told_busy.append(name)
                stopped.wait(float(answer.headers["Retry-After"]))
            else:
                crowd.failures.append(said.decode())


def has_ended(line: http.client.HTTPConnection) -> bool:
    """Whether the service closed the line while it lay idle: any client looks before it sends on an old line."""
    if line.sock is None:
        return False
    with selectors.DefaultSelector() as looking:
        looking.register(line.sock, selectors.EVENT_READ)
        return bool(looking.select(timeout=0))


def form_of(name: str, photo: bytes) -> bytes:
    """An upload of the one basket of this bench, told from others by its maker: a few photos stand for many, which of
    different baskets would be refused as copies and laid upon each other, as those of a crowd are not."""
    item = {"ref": BASKET, "maker": name}
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{{}}"'
    return b"".join(
        [
            f"{part.format('item')}\r\n\r\n{json.dumps(item)}\r\n".encode(),
            f'{part.format("photos")}; filename="{name}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'.encode(),
            photo,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        ]
    )


def memory_mib(first_pid: int) -> tuple[float, float]:
    """RSS and PSS of a process and all that it started; RSS counts what they share more than once."""
    session = os.getsid(first_pid)
    rss_kib = pss_kib = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(folder.name)) == session:
                said = dict(MEMORY.findall((folder / "smaps_rollup").read_text("ascii")))
                rss_kib, pss_kib = rss_kib + int(said["Rss"]), pss_kib + int(said["Pss"])
    return rss_kib / 1024, pss_kib / 1024


def crowd_in(
    service: Running, token: str, photos: Sequence[bytes], *, clients: int, seconds: float
) -> tuple[Crowd, list[tuple[float, float]]]:
    """Lets all of them send at once for that long; what they saw, and the memory that the service took meanwhile."""
    crowd, stopped = Crowd(), threading.Event()
    threads = [
        threading.Thread(
            target=send_on,
            args=(number,),
            kwargs={"url": service.url, "token": token, "photos": photos, "crowd": crowd, "stopped": stopped},
        )
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    memory = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        memory.append(memory_mib(service.pid))
        time.sleep(LOOK_EVERY_S)
    stopped.set()
    for thread in threads:
        thread.join()
    return crowd, memory


def count_graded(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(INSPECTIONS)).scalar_one()


def wait_until_graded(store: Store) -> None:
    while True:
        with store.reading() as connection:
            if count_open(connection) == 0:
                return
        time.sleep(LOOK_EVERY_S)


def measure(
    folder: Path, *, clients: int, workers: int, minutes: float, bare_s: float, most_open: int
) -> Outcome:
    photos = photos_of_12_megapixels()
    before = bare_per_s(photos, folder / "before", workers=workers, seconds=bare_s / 2)
    data = folder / "data"
    store = open_records(Settings(data_dir=data))
    token = new_pass(store, "R-1", PassKind.TOKEN)
    limits = {"QC_WORKERS": str(workers), "QC_MAX_OPEN_UPLOADS": str(most_open)}
    with running(data, env=limits) as service:
        seconds = 60 * minutes
        cpu_s = time.process_time()
        crowd, memory = crowd_in(service, token, photos, clients=clients, seconds=seconds)
        cpu_s = time.process_time() - cpu_s
        graded = count_graded(store)
        wait_until_graded(store)
    with store.reading() as connection:
        kept = connection.execute(select(INSPECTIONS.c.id, INSPECTIONS.c.maker)).all()
    store.close()
    after = bare_per_s(photos, folder / "after", workers=workers, seconds=bare_s / 2)
    names = Counter(row.maker for row in kept)
    return Outcome(
        clients=clients,
        workers=workers,
        photo_mb=round(statistics.fmean(map(len, photos)) / 1e6, 1),
        seconds=seconds,
        acknowledged=len(crowd.accepted),
        told_busy=len(crowd.told_busy),
        failed=len(crowd.failures),
        failures=crowd.failures[:5],
        lost=len(set(crowd.accepted) - {row.id for row in kept}),
        doubled=sum(count - 1 for count in names.values()),
        acknowledged_s={
            f"p{share}": round(float(np.percentile(crowd.took_s, share)), 2) for share in (50, 90, 99)
        },
        rss_peak_mib=round(max(rss for rss, _ in memory)),
        pss_peak_mib=round(max(pss for _, pss in memory)),
        graded_per_s=round(graded / seconds, 2),
        bare_per_s=(round(before, 2), round(after, 2)),
        share=round(graded / seconds / statistics.fmean((before, after)), 3),
        clients_cpu_s=round(cpu_s, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--bare-seconds", type=float, default=60)
    parser.add_argument("--most-open", type=int, default=500, help="QC_MAX_OPEN_UPLOADS of the service")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = measure(
            Path(folder),
            clients=asked.clients,
            workers=asked.workers,
            minutes=asked.minutes,
            bare_s=asked.bare_seconds,
            most_open=asked.most_open,
        )
    print(json.dumps(asdict(outcome), indent=1))


if __name__ == "__main__":
    main()
