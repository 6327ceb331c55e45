"""Memory goes back to the system: measured in a process of its own, since it cannot be undone in this one."""

import platform
import subprocess
import sys

import pytest

LEFT_BEHIND = """
import re, sys
from pathlib import Path
from service.memory import give_back_early

def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e3

if sys.argv[1] == "early":
    give_back_early()
bytearray(30_000_000)  # from here on glibc keeps what is smaller
before_mb = resident_mb()
small = []
for _ in range(2):
    large = []
    for _ in range(20):
        large.append(bytearray(8_000_000))
        small.append(bytearray(100_000))
    del large
print(resident_mb() - before_mb)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="elsewhere nothing is changed")
def test_large_arrays_leave_nothing_behind_though_small_ones_stay() -> None:
    def left_mb(when: str) -> float:
        done = subprocess.run(
            [sys.executable, "-c", LEFT_BEHIND, when], env={}, capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    assert left_mb("early") < 10 < 100 < left_mb("never")
