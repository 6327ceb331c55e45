"""How long `qc-service run` takes from the command to the first answer of `/readyz`, with the shipped model.

    python -m tests.bench.bench_start --starts 7

The first start makes the data folder, the others find it. Prints seconds; asserts nothing.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from tests.service.running import running


def start_s(data_dir: Path) -> tuple[float, float]:
    """Seconds by the clock, and of processor time of all that ended with this start."""
    begun_s, before = time.perf_counter(), os.times()
    with running(data_dir):
        took_s = time.perf_counter() - begun_s
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return took_s, spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=7)
    starts = parser.parse_args().starts
    with tempfile.TemporaryDirectory() as folder:
        clock, spent = zip(*[start_s(Path(folder) / "data") for _ in range(starts)], strict=True)
    print(
        json.dumps(
            {
                "starts": starts,
                "median_s": round(statistics.median(clock), 2),
                "best_s": round(min(clock), 2),
                "worst_s": round(max(clock), 2),
                "median_core_s": round(statistics.median(spent), 2),
            }
        )
    )


if __name__ == "__main__":
    main()
