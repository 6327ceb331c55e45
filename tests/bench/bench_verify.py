"""How fast the ledger is verified, and whether appending slows as it grows. Prints; asserts nothing.

    python tests/bench/bench_verify.py --entries 200000

Each fact is one kept row with one entry; all on one core, photos left out, rows of about 300 bytes.
"""

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from service.store import Store, open_store
from service.tables import FACTS
from service.verify import Verified, verify

MOMENT = datetime(2026, 5, 4, 8, 30, tzinfo=UTC).isoformat()
BODY = '{"kind":"confirm","reason":"' + "x" * 200 + '"}'
PER_TRANSACTION = 1000


def append(store: Store, *, first: int, count: int) -> float:
    """Appends facts in one transaction; returns the microseconds of one core's time that each took."""
    start = time.process_time()
    with store.writing() as (_, tail):
        for n in range(first, first + count):
            tail.append(
                FACTS,
                {
                    "id": f"{n:032}",
                    "kind": "disposition",
                    "subject": f"{n:032}",
                    "version": 1,
                    "lot": f"LOT-{n // 200}",
                    "item": f"A-{n}",
                    "at": MOMENT,
                    "by": "P-1",
                    "body": BODY,
                },
            )
    return 1e6 * (time.process_time() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200_000)
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "records.sqlite")
        for first in range(0, entries, PER_TRANSACTION):
            each_us = append(store, first=first, count=PER_TRANSACTION)
            if first in (0, 1000) or (first + PER_TRANSACTION) % (entries // 5) == 0:
                print(f"append: {each_us:.0f} us per record, {first + PER_TRANSACTION} kept")
        before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start, start_cpu = time.perf_counter(), time.process_time()
        with store.reading() as connection:
            found = verify(connection, photos=None, checkpoints=())
        seconds, seconds_cpu = time.perf_counter() - start, time.process_time() - start_cpu
        assert isinstance(found, Verified)
        grown_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mib
        print(f"verify: {found.entries / seconds_cpu:.0f} records per second of one core's time")
        print(f"        {found.entries / seconds:.0f} by the clock; peak memory grew by {grown_mib:.1f} MiB")


if __name__ == "__main__":
    main()
