"""Feeds altered photos to the photo decoder, led by what code they reach (atheris, libFuzzer), for some minutes.

    python -m tests.bench.fuzz_photo --minutes 10

A finding is anything but a photo or a PhotoError, more than 10 s for one file, or more than 1 GiB of memory; the
file that led to it is kept in `--findings`. Linux only. Prints figures; asserts nothing.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FILE_S = 10
MEMORY_MIB = 1024
FILE_BYTES = 32_768
STAT = re.compile(r"^stat::(\w+):\s+(\d+)$", re.MULTILINE)


def fuzz(*, minutes: float, seed: int, findings: Path) -> dict[str, int | float | list[str]]:
    """Runs the fuzzer in a process of its own, for whatever it finds ends it."""
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        options = [
            f"-max_total_time={round(60 * minutes)}",
            f"-seed={seed}",
            f"-timeout={FILE_S}",
            f"-rss_limit_mb={MEMORY_MIB}",
            f"-max_len={FILE_BYTES}",
            f"-artifact_prefix={findings}/",
            "-print_final_stats=1",
            corpus,
        ]
        run = subprocess.run(
            [sys.executable, "-m", "tests.bench.fuzz_photo", "--inside", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        kept = len(list(Path(corpus).iterdir()))
    stats = {name: int(value) for name, value in STAT.findall(run.stderr)}
    assert stats, run.stderr[-4000:]
    return {
        "minutes": minutes,
        "executions": stats["number_of_executed_units"],
        "files_that_reached_new_code": kept,
        "slowest_s": stats["slowest_unit_time_sec"],
        "peak_mib": stats["peak_rss_mb"],
        "findings": sorted(path.name for path in findings.iterdir()),
    }


def fuzz_here(options: list[str]) -> None:
    """The fuzzer itself; never returns."""
    import atheris

    with atheris.instrument_imports(include=["PIL", "qc_vision.photo"]):
        from tests.qc_vision.test_photo import PNG, VALID, decode_or_refuse, mend_png

    def alter(data: bytes, most: int, seed: int) -> bytes:
        altered = atheris.Mutate(data, len(data))
        # half the time with its checksums set right, else little of a PNG is ever read
        return mend_png(altered)[:most] if seed % 2 and altered.startswith(PNG[:8]) else altered

    for number, photo in enumerate(VALID):
        Path(options[-1], f"seed-{number}").write_bytes(photo)
    atheris.Setup([sys.argv[0], *options], decode_or_refuse, custom_mutator=alter)
    atheris.Fuzz()


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        fuzz_here(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    asked = parser.parse_args()
    print(json.dumps(fuzz(minutes=asked.minutes, seed=asked.seed, findings=asked.findings)))


if __name__ == "__main__":
    main()
