"""Grades, serves an upload and verifies, as somebody does who has no network; run by `test_no_network.py`.

python -m tests.service.cut_off FOLDER [--raise-loopback]
"""

import argparse
import fcntl
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import httpx2

from service.accounts import PassKind
from service.settings import Settings
from service.workplace import open_records
from tests.service.running import QC_SERVICE, running
from tests.service.signed_in import new_pass

PHOTO = sorted((Path(__file__).parents[2] / "datasets" / "samples").glob("*.jpg"))[0]
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
GRADE_S = 300.0


def raise_loopback() -> None:
    """A new network namespace has a loopback that is down (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--raise-loopback", action="store_true")
    asked = parser.parse_args()
    if asked.raise_loopback:
        raise_loopback()
    subprocess.run([sys.executable, "-m", "qc_vision.cli", "grade", str(PHOTO), "--json"], check=True)
    settings = Settings(data_dir=asked.folder)
    store = open_records(settings)
    token = new_pass(store, "R-1", PassKind.TOKEN)
    store.close()
    with (
        running(settings.data_dir) as service,
        httpx2.Client(
            base_url=service.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=GRADE_S,
            trust_env=False,
        ) as client,
    ):
        sent = client.post("/v1/inspections", files=[("photos", ("basket.jpg", PHOTO.read_bytes()))])
        assert sent.is_success, sent.text
        end = time.monotonic() + GRADE_S
        while (state := client.get(f"/v1/uploads/{sent.json()['id']}").json()["state"]) != "done":
            assert state in ("waiting", "working"), state
            assert time.monotonic() < end, state
            time.sleep(0.1)
    subprocess.run([*QC_SERVICE, "record", "verify", "--data", str(settings.data_dir)], check=True)


if __name__ == "__main__":
    main()
