"""Tables to take away, as CSV or as Parquet: written in portions, so that memory stays the same however long they are.

Parquet goes through pyarrow, an extra; the file's metadata names the unit of each column of figures (`units`, JSON).
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from fastapi.responses import StreamingResponse

from qc_vision.message import Message
from service.problems import NOT_INSTALLED, RequestRefused

if TYPE_CHECKING:
    import pyarrow

Cell = str | int | float | bool | datetime | None
Row = Sequence[Cell]
TableFormat = Literal["csv", "parquet"]
ListFormat = Literal["json", "csv", "parquet"]
"""What a list can be asked for as: `json` in pages, the others whole."""

TABLES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}, "application/vnd.apache.parquet": {}}},
    501: {"description": "Parquet is not installed on the server"},
}
"""What a list that can be had as a table answers besides JSON, for OpenAPI."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `unit`: of its figures, as people write it; None where it has none."""

    name: str
    kind: Literal["text", "integer", "figure", "yes_or_no", "moment"] = "text"
    unit: str | None = None


def answer_table(
    name: str, columns: Sequence[Column], portions: Iterable[Sequence[Row]], *, format: TableFormat
) -> StreamingResponse:
    """The file `name.csv` or `name.parquet`, sent as it is written. Raises RequestRefused where the extra is missing."""
    written: Iterator[str] | Iterator[bytes]
    if format == "parquet":
        media_type, written = "application/vnd.apache.parquet", write_parquet(columns, portions)
    else:
        media_type, written = "text/csv; charset=utf-8", write_csv(columns, portions)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format}"'}
    return StreamingResponse(written, media_type=media_type, headers=headers)


def write_csv(columns: Sequence[Column], portions: Iterable[Sequence[Row]]) -> Iterator[str]:
    """A line of names, then one per row; moments as RFC 3339, empty where nothing is known."""
    yield _lines([[column.name for column in columns]])
    for rows in portions:
        yield _lines([[_text(cell) for cell in row] for row in rows])


def write_parquet(columns: Sequence[Column], portions: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """One row group per portion, handed on before the next portion is read; moments in UTC to the microsecond.

    Raises RequestRefused at once where pyarrow is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError:
        raise RequestRefused(NOT_INSTALLED, PARQUET_MISSING) from None
    return _row_groups(pyarrow.parquet, _schema(columns), portions)


def _row_groups(parquet: Any, schema: "pyarrow.Schema", portions: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    import pyarrow

    written = _Written()
    with parquet.ParquetWriter(written, schema, compression="zstd") as writer:
        for rows in portions:
            cells = {field.name: [row[place] for row in rows] for place, field in enumerate(schema)}
            writer.write_table(pyarrow.table(cells, schema=schema), row_group_size=max(1, len(rows)))
            yield written.take()
    yield written.take()


def _schema(columns: Sequence[Column]) -> "pyarrow.Schema":
    import pyarrow

    types = {
        "text": pyarrow.string(),
        "integer": pyarrow.int64(),
        "figure": pyarrow.float64(),
        "yes_or_no": pyarrow.bool_(),
        "moment": pyarrow.timestamp("us", tz="UTC"),
    }
    units = {column.name: column.unit for column in columns if column.unit is not None}
    return pyarrow.schema(
        [pyarrow.field(column.name, types[column.kind]) for column in columns],
        # of the file, where every reader finds it: what pyarrow notes of a single column it alone reads
        metadata={"units": json.dumps(units)},
    )


class _Written(io.RawIOBase):
    """What the writer wrote since it was last taken away."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return json.dumps(cell)
    if isinstance(cell, datetime):
        return cell.isoformat()
    # a spreadsheet runs what begins like a formula: an apostrophe keeps it text
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else str(cell)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


PARQUET_MISSING = Message(
    id="Parquet perlu paket tambahan di server: pip install 'qc_vision[parquet]'. Tanpa itu, minta format=csv.",
    en="Parquet needs an extra on the server: pip install 'qc_vision[parquet]'. Without it, ask for format=csv.",
)
