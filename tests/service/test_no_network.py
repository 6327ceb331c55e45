"""Nothing is sent anywhere that nobody asked for, and nothing needs it: the real commands, with the network cut."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALONE = ("unshare", "--map-root-user", "--net")
"""Runs a command where there is no way out at all, not even for what is not Python."""
ASKS = """
import json, os, sys
def tell(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"):
        to = arguments[0] if event.startswith("socket.get") else arguments[1]
        line = json.dumps([event, to[0] if isinstance(to, tuple) else str(to)]) + chr(10)
        os.write(told, line.encode())
told = os.open(os.environ["QC_TEST_ASKED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(tell)
"""


def can_be_alone() -> bool:
    try:
        return subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def test_grading_serving_and_verifying_reach_for_nothing_but_this_machine(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ASKS)  # read by every Python process that is started
    asked = tmp_path / "asked"
    alone = can_be_alone()
    command = [
        *(ALONE if alone else ()),
        *(sys.executable, "-m", "tests.service.cut_off", str(tmp_path / "data")),
        *(("--raise-loopback",) if alone else ()),
    ]

    run = subprocess.run(
        command,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            "QC_TEST_ASKED": str(asked),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    told = [json.loads(line) for line in asked.read_text().splitlines()]
    assert ["socket.connect", "127.0.0.1"] in told
    assert {to for _, to in told} <= {"127.0.0.1", "localhost", "::1"}
