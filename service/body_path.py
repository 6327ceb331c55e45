"""What the body of a fact says at a path, as part of a query, in SQLite and in PostgreSQL."""

from typing import Any

from sqlalchemy import JSON, ColumnElement, String, cast, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class BodyPath(FunctionElement[str]):
    """The text at `path` of a body, NULL where the body says nothing there: `BodyPath(FACTS.c.body, "lot", "group")`."""

    type = String()
    inherit_cache = False

    def __init__(self, body: ColumnElement[str], *path: str) -> None:
        self.path = path
        super().__init__(body)


@compiles(BodyPath)
def _in_sqlite(element: BodyPath, compiler: SQLCompiler, **more: Any) -> str:
    (body,) = element.clauses
    return compiler.process(func.json_extract(body, ".".join(("$", *element.path))), **more)


@compiles(BodyPath, "postgresql")
def _in_postgresql(element: BodyPath, compiler: SQLCompiler, **more: Any) -> str:
    (body,) = element.clauses
    return compiler.process(func.json_extract_path_text(cast(body, JSON), *element.path), **more)
