"""Whether a long ledger is as quick as a short one: one request appended, a page listed, a lot's board read.

    python tests/bench/bench_million.py --plot million.svg
    python tests/bench/bench_million.py --url postgresql+pg8000://... --sizes 1000 10000 100000

A record is one kept row with its entry in the ledger. A lot of 200 baskets is filled by the functions that the
service uses, with ids as it draws them: the lot, its memberships, and for each basket its inspection, the record of a
photo, who took it and the event; two of each 40 baskets need a person, who has decided on all but those of the last
lots. The lots before the last two are the first under other names and ids, inserted a lot at a time, which fills a
store in minutes. Prints medians of wall and of processor time in milliseconds and, on Linux, of the KiB that the
process read and wrote meanwhile, which no other work on the machine blurs; and how fast all of it is verified.
Asserts nothing.
"""

import argparse
import json
import re
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Table, insert, select, true

from qc_vision.decision import Verdict
from qc_vision.disposition import Action, dispose
from qc_vision.epcis import Naming, disposition_event, inspection_event
from qc_vision.identifier import new_id
from qc_vision.lot import form_lot
from qc_vision.record import SpecRef
from qc_vision.sampling import plan_lot
from qc_vision.severity import Severity
from qc_vision.spec import load_spec
from service.dossier import disposition_body, lot_body, read_lot_file, verdict_of
from service.facts import Draft, Kind, WantedFacts, append_fact, list_facts
from service.item import GradedPhoto, Item, ItemInspection
from service.ledger import Head, Tail, Value, hash_entry, hash_row, read_head
from service.outbox import surroundings_of, tell
from service.store import Store, Wanted, append_inspection, open_database, read_inspections
from service.tables import INSPECTIONS, KEPT, LEDGER
from service.verify import Verified, verify
from service.waiting import list_waiting
from tests.service.fakes import FakeInspector, photo_of

FORMED_AT = datetime(2026, 5, 4, 8, tzinfo=UTC)
SPEC = load_spec("mendong")
NAMING = Naming(base="https://example.id/id", vocabulary="https://example.id/terms#")
BASKETS = 200
REPEATS = 15
PAGE = 21
CPU = "_cpu"
MEASURES = ("", CPU, "_kib")
"""What is added to the name of a work: wall time, processor time, KiB read and written."""
HEX_DIGITS = 32
NAME = re.compile(
    r"(LOT-0000001|(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f]))"
)
"""The first lot, an id that the service drew, or that of an event; not a SHA-256."""
OWN_IO = Path("/proc/self/io")
QUEUE = 10
"""Inspections read of the queue: as many as wait in the shortest ledger."""

KeptRow = tuple[Table, dict[str, Value]]
TornRow = tuple[Table, dict[str, Value | list[str]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument(
        "--url", help="a database, empty or from an earlier run; else a temporary SQLite file"
    )
    parser.add_argument("--plot", type=Path)
    parser.add_argument(
        "--with", type=Path, dest="earlier", help="what an earlier run printed, for the plot too"
    )
    asked = parser.parse_args()
    earlier = [] if asked.earlier is None else asked.earlier.read_text("utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        store = open_database(asked.url or f"sqlite:///{folder}/records.sqlite")
        measured = list(_measure(store, asked.sizes))
        store.close()
    if asked.plot is not None:
        _plot([*map(json.loads, earlier), *measured], asked.plot)


def _measure(store: Store, sizes: list[int]) -> Iterator[dict[str, float]]:
    lot, samples = _lots_kept(store), _samples()
    decided_lot = _rows_of_decided_lot(samples)
    for size in sizes:
        while (kept := _size(store)) < size:
            lot += 1
            with store.writing() as (connection, tail):
                if kept < size - 2 * len(decided_lot):
                    _keep(connection, _under_new_names(lot, decided_lot))
                else:
                    _fill(connection, tail, samples, lot, decided=False)
        row: dict[str, float] = {"records": kept}
        for name, work in _works(store, samples, lot).items():
            timed = [_timed(work) for _ in range(REPEATS)]
            for measure, values in zip(MEASURES, zip(*timed, strict=True), strict=True):
                row[f"{name}{measure}"] = statistics.median(values)
        row |= _verify(store)
        print(json.dumps({name: round(value, 2) for name, value in row.items()}), flush=True)
        yield row


def _rows_of_decided_lot(samples: dict[Verdict, GradedPhoto]) -> list[TornRow]:
    """What the service keeps of a first lot, in its order, without the numbers of the rows."""
    store = open_database("sqlite://")
    with store.writing() as (connection, tail):
        _fill(connection, tail, samples, 1, decided=True)
        rows = []
        for entry in connection.execute(select(LEDGER).order_by(LEDGER.c.seq)).all():
            table = KEPT[entry.table_name]
            row = connection.execute(select(table).where(table.c.id == entry.row_id)).one()
            rows.append((table, {k: _tear(v) for k, v in row._mapping.items() if k != "seq"}))
    store.close()
    return rows


def _tear(value: Value) -> Value | list[str]:
    """A text in pieces, every second of them a name; whatever names nothing as it is."""
    return NAME.split(value) if isinstance(value, str) and NAME.search(value) else value


def _under_new_names(lot: int, rows: list[TornRow]) -> Iterator[KeptRow]:
    """The rows as those of another lot, each id another one of its kind, the same wherever it stands."""
    names = _Names({_lot(1): _lot(lot)})
    for table, torn in rows:
        row: dict[str, Value] = {}
        for name, pieces in torn.items():
            if isinstance(pieces, list):
                renamed = pieces.copy()
                renamed[1::2] = [names[old] for old in pieces[1::2]]
                row[name] = "".join(renamed)
            else:
                row[name] = pieces
        yield table, row


class _Names(dict[str, str]):
    """New names by old ones."""

    def __missing__(self, old: str) -> str:
        self[old] = new_id() if len(old) == HEX_DIGITS else str(uuid4())
        return self[old]


def _keep(connection: Connection, rows: Iterable[KeptRow]) -> None:
    """Keeps rows with their entries as `Tail` does, but each table at once."""
    head, by_table, entries = read_head(connection), defaultdict(list), []
    for table, row in rows:
        seq = head.seq + 1
        kept = {"seq": seq, **row} if "seq" in table.c else row
        entry: dict[str, Value] = {
            "seq": seq,
            "at": FORMED_AT.isoformat(),
            "table_name": table.name,
            "row_id": row["id"],
            "row_sha256": hash_row(table, kept),
            "prev_hash": head.hash,
        }
        head = Head(seq=seq, hash=hash_entry(entry))
        by_table[table].append(kept)
        entries.append({**entry, "hash": head.hash})
    for table in KEPT.values():
        if by_table[table]:
            connection.execute(insert(table), by_table[table])
    connection.execute(insert(LEDGER), entries)


def _fill(
    connection: Connection, tail: Tail, samples: dict[Verdict, GradedPhoto], lot: int, *, decided: bool
) -> None:
    _form(connection, tail, lot)
    for n in range(BASKETS):
        verdict = {0: Verdict.FAIL, 1: Verdict.REVIEW}.get(n % 40, Verdict.PASS)
        seen = _inspect(connection, tail, samples[verdict], lot, n)
        if decided and verdict is not Verdict.PASS:
            _decide(connection, tail, seen)


def _verify(store: Store) -> dict[str, float]:
    """How many records are verified per second of one core, and the most memory that the process ever held."""
    start = time.process_time()
    with store.reading() as connection:
        found = verify(connection, photos=None, checkpoints=())
    seconds = time.process_time() - start
    assert isinstance(found, Verified), found
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"verified_per_s": found.entries / seconds, "peak_mib": peak_mib}


def _works(store: Store, samples: dict[Verdict, GradedPhoto], lot: int) -> dict[str, Callable[[], object]]:
    """What is timed, by name: each as the route does it, without HTTP, photos and the model."""

    def append() -> None:
        with store.writing() as (connection, tail):
            _inspect(connection, tail, samples[Verdict.PASS], lot, next(again))

    def board() -> None:
        with store.reading() as connection:
            assert read_lot_file(connection, _lot(lot), now=FORMED_AT) is not None

    def lots() -> None:
        with store.reading() as connection:
            list_facts(connection, WantedFacts(kind=Kind.LOT), limit=PAGE)

    def queue() -> None:
        with store.reading() as connection:
            page = [waits.seq for waits in list_waiting(connection, true(), limit=QUEUE)]
            read_inspections(connection, select(INSPECTIONS).where(INSPECTIONS.c.seq.in_(page)))

    again = count(BASKETS)
    middle = _size(store) // 2
    return {
        "append": append,
        "list_page": lambda: store.list(Wanted(), limit=PAGE),
        "list_page_in_the_middle": lambda: store.list(Wanted(), limit=PAGE, before=middle),
        "list_page_of_one_verdict": lambda: store.list(Wanted(verdict=Verdict.FAIL), limit=PAGE),
        "lots_page": lots,
        "lot_page": board,
        "review_queue": queue,
    }


def _timed(work: Callable[[], object]) -> tuple[float, float, float]:
    """Wall and processor time in milliseconds, KiB read and written."""
    start, start_cpu, start_moved = time.perf_counter(), time.process_time(), _moved_kib()
    work()
    moved_kib = _moved_kib() - start_moved
    return 1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - start_cpu), moved_kib


def _moved_kib() -> float:
    """What this process has read and written so far, from a page cache or a disk; nothing where Linux does not tell."""
    if not OWN_IO.exists():
        return 0.0
    counted = dict(line.split(": ") for line in OWN_IO.read_text("ascii").splitlines())
    return (int(counted["rchar"]) + int(counted["wchar"])) / 1024


def _size(store: Store) -> int:
    with store.reading() as connection:
        return read_head(connection).seq


def _lots_kept(store: Store) -> int:
    with store.reading() as connection:
        return len(list_facts(connection, WantedFacts(kind=Kind.LOT)))


def _samples() -> dict[Verdict, GradedPhoto]:
    inspector = FakeInspector()
    return {
        verdict: GradedPhoto(
            record=inspector.inspect(photo_of(verdict), spec=SPEC).record,
            timing_ms={"decode": 1.5},
            photo="a" * 64,
            overlay="b" * 64,
            thumbnail="c" * 64,
        )
        for verdict in Verdict
    }


def _lot(lot: int) -> str:
    return f"LOT-{lot:07}"


def _form(connection: Connection, tail: Tail, lot: int) -> None:
    assert SPEC.sampling is not None
    formed = form_lot(
        id=_lot(lot),
        group="KLS",
        spec=SpecRef(id=SPEC.id, revision=SPEC.revision),
        units=[f"{_lot(lot)}-{n}" for n in range(BASKETS)],
        plan=plan_lot(BASKETS, level=SPEC.sampling.level, aqls=SPEC.sampling.aqls),
        seed="6f1c",
        formed_at=FORMED_AT,
    )
    of_lot = Draft(
        kind=Kind.LOT, subject=formed.id, by="R-1", body=lot_body(formed), at=FORMED_AT, lot=formed.id
    )
    append_fact(connection, tail, of_lot, after=0)
    for unit in formed.units:
        member = replace(of_lot, kind=Kind.MEMBERSHIP, subject=unit, body={}, item=unit)
        append_fact(connection, tail, member, after=0)


def _inspect(connection: Connection, tail: Tail, photo: GradedPhoto, lot: int, n: int) -> ItemInspection:
    inspection = ItemInspection(
        id=new_id(),
        created_at=FORMED_AT,
        item=Item(ref=f"{_lot(lot)}-{n}", village="Kebasen", maker="P-1", spec=SPEC.id),
        verdict=photo.record.verdict,
        photos=(replace(photo, record=replace(photo.record, id=new_id())),),
    )
    append_inspection(tail, inspection)
    taken = Draft(
        kind=Kind.PHOTOGRAPHED,
        subject=inspection.id,
        by="F-1",
        body={},
        at=FORMED_AT,
        lot=_lot(lot),
        item=inspection.item.ref,
    )
    append_fact(connection, tail, taken, after=0)
    seen = verdict_of(inspection, "F-1")
    around = surroundings_of(connection, seen.item_ref)
    event = inspection_event(seen, [photo.record for photo in inspection.photos], NAMING, around)
    tell(tail, event, type="inspection.recorded", at=FORMED_AT, lot=around.lot_id, item=seen.item_ref)
    return inspection


def _decide(connection: Connection, tail: Tail, inspection: ItemInspection) -> None:
    seen = verdict_of(inspection, "F-1")
    disposition = dispose(
        seen,
        id=new_id(),
        action=Action.CONFIRM,
        severity=Severity.MAJOR,
        reason=None,
        by="R-1",
        at=FORMED_AT,
        two_persons=SPEC.two_persons,
    )
    draft = Draft(
        kind=Kind.DISPOSITION,
        subject=inspection.id,
        by="R-1",
        body=disposition_body(disposition),
        at=FORMED_AT,
        lot=surroundings_of(connection, seen.item_ref).lot_id,
        item=seen.item_ref,
    )
    append_fact(connection, tail, draft, after=0, id=disposition.id)
    event = disposition_event(disposition, NAMING, surroundings_of(connection, seen.item_ref))
    tell(tail, event, type="disposition.recorded", at=FORMED_AT, lot=draft.lot, item=seen.item_ref)


def _plot(measured: list[dict[str, float]], path: Path) -> None:
    """Over the number of records, both axes logarithmic: wall time, and processor time dotted."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    records = [row["records"] for row in measured]
    for name in measured[0]:
        if f"{name}{CPU}" in measured[0]:
            (line,) = axes.loglog(
                records, [row[name] for row in measured], marker="o", label=name.replace("_", " ")
            )
            cpu = [row[f"{name}{CPU}"] for row in measured]
            axes.loglog(records, cpu, linestyle=":", color=line.get_color())
    axes.set(xlabel="records kept", ylabel="median time (ms), dotted: processor")
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path)


if __name__ == "__main__":
    main()
