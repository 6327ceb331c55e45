"""Memory goes back to the system: measured in processes of their own, since it cannot be undone in this one."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="elsewhere nothing is changed")

LEFT_BEHIND = """
import re, sys
from pathlib import Path
from service.memory import give_back, give_back_early

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
        large.append(bytearray(7_000_000))
        small.append(bytearray(100_000))
    del large
if sys.argv[1] == "after":
    give_back()
print(resident_mb() - before_mb)
"""


TUNABLES = """
import multiprocessing, os
from service.memory import suit_graders

suit_graders()
grader = multiprocessing.get_context("spawn").Process(target=os.system, args=("echo $GLIBC_TUNABLES",))
grader.start()
grader.join()
"""


def said(script: str, *words: str, env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *words], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def left_mb(when: str, env: dict[str, str]) -> float:
    return float(said(LEFT_BEHIND, when, env=env))


def test_large_arrays_leave_nothing_behind_though_small_ones_stay() -> None:
    assert left_mb("early", {}) < 10 < 100 < left_mb("never", {})


def test_a_grader_keeps_arrays_until_it_gives_them_back() -> None:
    suited = {"GLIBC_TUNABLES": said(TUNABLES, env={})}
    assert left_mb("after", suited) < 10 < 100 < left_mb("never", suited)


def test_tunables_of_whoever_runs_the_service_are_left_alone() -> None:
    theirs = {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}
    assert said(TUNABLES, env=theirs) == theirs["GLIBC_TUNABLES"]
    assert "glibc.malloc.hugetlb=1" in said(TUNABLES, env={})
