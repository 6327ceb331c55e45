"""Times a photo over a line that breaks again and again: in parts, and as one form, which starts anew each time.

The service is the real one with a grader that answers at once; the line is slowed to what a village has. From the root
of the repository:

    python -m tests.bench.bench_bad_line --photo-mb 6 --breaks-every-mb 1 --mbit-per-s 8
"""

import argparse
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx2

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.app import create_app
from service.settings import Settings
from service.workplace import open_records
from tests.service.bad_line import BadLine
from tests.service.fakes import FakeInspector, photo_of
from tests.service.parts_sender import begin, finish, go_on
from tests.service.running import served
from tests.service.signed_in import new_pass

GIVEN_UP_AFTER = 5
"""Tries of a whole form, none of which gets further than the one before."""


def send_in_parts(client: httpx2.Client, photo: bytes) -> httpx2.Response:
    """As the page does it, without its pauses: announce, which tells how far it is, and go on there."""
    id = os.urandom(16).hex()
    while True:
        with suppress(httpx2.HTTPError):
            at = int(begin(client, len(photo), id=id).headers["Upload-Offset"])
            if at < len(photo):
                go_on(client, f"/v1/parts/{id}", at, photo[at:])
                continue
            return finish(client, [id], key=id)


def send_whole(client: httpx2.Client, photo: bytes) -> httpx2.Response | None:
    for _ in range(GIVEN_UP_AFTER):
        with suppress(httpx2.HTTPError):
            return client.post("/v1/inspections", files={"photos": ("a.jpg", photo)})
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo-mb", type=float, default=6.0)
    parser.add_argument("--breaks-every-mb", type=float, default=1.0)
    parser.add_argument("--mbit-per-s", type=float, default=8.0)
    options = parser.parse_args()
    photo = photo_of(Verdict.PASS) + os.urandom(int(options.photo_mb * 1e6))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), port=0)
        store = open_records(settings)
        headers = {"Authorization": f"Bearer {new_pass(store, 'R-1', PassKind.TOKEN)}"}
        store.close()
        with served(create_app(settings, inspector=FakeInspector())) as address:
            port = httpx2.URL(address).port or 0
            for how, breaks_after in (
                ("in parts, no break", None),
                ("in parts", int(options.breaks_every_mb * 1e6)),
                ("as one form", int(options.breaks_every_mb * 1e6)),
            ):
                speed = options.mbit_per_s * 1e6 / 8
                with (
                    BadLine(port, breaks_after_bytes=breaks_after, bytes_per_s=speed) as line,
                    httpx2.Client(base_url=line.address, headers=headers, timeout=120) as client,
                ):
                    begun_s = time.monotonic()
                    send = send_whole if how == "as one form" else send_in_parts
                    answer = send(client, photo)
                    said = {
                        "how": how,
                        "arrived": answer is not None and answer.status_code == 201,
                        "seconds": round(time.monotonic() - begun_s, 1),
                        "breaks": line.cuts,
                        "sent_mb": round(line.went_up_bytes / 1e6, 1),
                    }
                    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
