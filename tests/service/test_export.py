"""Tables to take away: read back by other programs, with types and units, in memory that stays the same."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from service.export import Column, Row, write_parquet
from tests.service.test_lots import inspect

COLUMNS = (
    Column("number", "integer"),
    Column("length", "figure", "mm"),
    Column("yes", "yes_or_no"),
    Column("at", "moment"),
    Column("said"),
)
WIB_NOON = datetime.fromisoformat("2026-05-04T12:00:00.000001+07:00")


def parquet(client: TestClient, address: str, folder: Path) -> str:
    answer = client.get(address, params={"format": "parquet"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    path = folder / "table.parquet"
    path.write_bytes(answer.content)
    return str(path)


def query(sql: str, path: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as reader:
        # in UTC, whatever the machine's own zone
        reader.execute("SET TimeZone = 'UTC'")
        return reader.execute(sql, [path]).fetchall()


def test_facts_read_by_another_program_are_those_of_the_api(client: TestClient, tmp_path: Path) -> None:
    for n in range(5):
        client.put(f"/v1/makers/P-{n}", json={"by": "R-1", "group": "KLS"})
    path = parquet(client, "/v1/facts", tmp_path)
    facts = client.get("/v1/facts").json()["facts"]

    rows = query("SELECT seq, id, subject, epoch_us(\"at\"), body->>'group' FROM read_parquet(?)", path)

    assert rows == [
        (f["seq"], f["id"], f["subject"], microseconds(datetime.fromisoformat(f["at"])), "KLS") for f in facts
    ]
    types = dict(query("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(?))", path))
    assert (types["seq"], types["version"], types["at"]) == ("BIGINT", "BIGINT", "TIMESTAMP WITH TIME ZONE")


def microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_inspections_have_a_row_per_photo_with_figures_and_their_units(
    client: TestClient, tmp_path: Path
) -> None:
    failed = inspect(client, "A-1", Verdict.FAIL)
    inspect(client, "B-1")
    path = parquet(client, "/v1/inspections", tmp_path)

    rows = query(
        "SELECT inspection_id, photo_number, ref, verdict, findings, weft_pitch_px, weft_per_10cm, weft_confident,"
        " openness_fraction FROM read_parquet(?) ORDER BY created_at",
        path,
    )

    assert rows[0] == (failed, 1, "A-1", "fail", "MAJ-HOLE", 20.0, None, True, 0.012)
    assert [row[2] for row in rows] == ["A-1", "B-1"]
    ((units,),) = query("SELECT value FROM parquet_kv_metadata(?) WHERE key = 'units'", path)
    assert json.loads(units)["weft_per_10cm"] == "strands/10 cm"
    types = query("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(?))", path)
    figures = {name for name, kind in types if kind == "DOUBLE"}
    assert figures == set(json.loads(units))  # no figure is without a unit


def test_a_table_says_the_same_as_csv(client: TestClient, tmp_path: Path) -> None:
    inspect(client, "A-1", Verdict.FAIL)
    path = parquet(client, "/v1/inspections", tmp_path)
    text = client.get("/v1/inspections", params={"format": "csv"}).text

    (row,) = csv.DictReader(io.StringIO(text))

    names = ", ".join(
        f"CAST({name} AS VARCHAR)" for name in ("ref", "verdict", "photo_number", "weft_pitch_px")
    )
    assert query(f"SELECT {names} FROM read_parquet(?)", path) == [
        (row["ref"], row["verdict"], row["photo_number"], row["weft_pitch_px"])
    ]
    assert row["weft_confident"] == "true"


def test_each_portion_leaves_before_the_next_is_read(tmp_path: Path) -> None:
    asked = 0

    def portions() -> Iterator[list[Row]]:
        nonlocal asked
        for n in range(20):
            asked += 1
            yield [(1000 * n + i, 0.5 * i, i % 2 == 0, WIB_NOON, "anyaman") for i in range(1000)]

    sizes, path = [], tmp_path / "table.parquet"
    with path.open("wb") as file:
        for number, part in enumerate(write_parquet(COLUMNS, portions()), start=1):
            assert asked == min(number, 20)
            sizes.append(len(part))
            file.write(part)

    assert max(sizes[:20]) < 3 * min(sizes[:20])  # none waits for another, but for the index at the end
    groups = query("SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata(?)", str(path))
    assert sorted(groups) == [(n, 1000) for n in range(20)]
    ((count, last, moment),) = query(
        'SELECT count(*), max(number), max(epoch_us("at")) FROM read_parquet(?)', str(path)
    )
    assert (count, last, moment) == (20_000, 19_999, microseconds(WIB_NOON))


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(b"".join(write_parquet(COLUMNS, [])))

    names = query("SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet(?))", str(path))
    assert [name for (name,) in names] == [column.name for column in COLUMNS]


@pytest.mark.parametrize("address", ["/v1/facts", "/v1/inspections"])
def test_without_the_extra_the_answer_says_what_to_install(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    answer = client.get(address, params={"format": "parquet"})

    assert (answer.status_code, answer.headers["content-type"]) == (501, "application/problem+json")
    assert "qc_vision[parquet]" in answer.json()["messages"]["id"]
    assert client.get(address, params={"format": "csv"}).status_code == 200
