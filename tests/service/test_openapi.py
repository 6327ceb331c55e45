"""Whatever a client may send by the OpenAPI description, and what it may not: never a 5xx, always the answer described.

Schemathesis makes the requests, a few of each operation for each role; `python -m tests.bench.bench_openapi` makes more.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as tries
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.app import create_app
from service.caller import Role
from service.settings import Settings
from service.workplace import open_records
from tests.service.fakes import FakeInspector, photo_of
from tests.service.running import served
from tests.service.signed_in import new_pass

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SIGNED_OUT = None
EXAMPLES = 3
ANSWER_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A service with something in it. `known`: values of path parameters that stand for what is there."""

    address: str
    schema: BaseSchema
    tokens: dict[Role, str]
    known: dict[str, str]


@contextmanager
def opened_api(folder: Path) -> Iterator[Api]:
    settings = Settings(data_dir=folder, port=0, wait_s=20)
    store = open_records(settings)
    tokens = {role: new_pass(store, f"R-{n}", PassKind.TOKEN, role) for n, role in enumerate(Role)}
    store.close()
    with served(create_app(settings, inspector=FakeInspector())) as address:
        described = httpx2.get(f"{address}/openapi.json", timeout=ANSWER_S).json()
        schema = schemathesis.openapi.from_dict(described)
        yield Api(address=address, schema=schema, tokens=tokens, known=_fill(address, tokens))


def _fill(address: str, tokens: dict[Role, str]) -> dict[str, str]:
    """Puts a group, a maker, a lot, an inspection and facts about them on record; returns what they are called."""

    def send(role: Role, method: str, path: str, **body: object) -> httpx2.Response:
        answer = httpx2.request(
            method,
            f"{address}{path}",
            headers={"Authorization": f"Bearer {tokens[role]}"},
            timeout=ANSWER_S,
            **body,
        )
        assert answer.is_success, answer.text
        return answer

    send(Role.ADMIN, "PUT", "/v1/groups/KLS", json={"village": "Kebasen"})
    send(Role.ADMIN, "PUT", "/v1/makers/P-1", json={"group": "KLS"})
    send(
        Role.REVIEWER,
        "POST",
        "/v1/lots",
        json={"id": "L-1", "group": "KLS", "spec": "mendong", "units": ["A", "B"]},
    )
    inspection = send(
        Role.INSPECTOR,
        "POST",
        "/v1/inspections",
        files=[("photos", ("a.jpg", photo_of(Verdict.FAIL)))],
        data={"item": json.dumps({"ref": "A", "spec": "mendong", "maker": "P-1"})},
    ).json()["id"]
    return {
        "inspection_id": inspection,
        "upload_id": inspection,
        "number": "1",
        "ref": "A",
        "lot_id": "L-1",
        "group": "KLS",
        "spec_id": "mendong",
        "maker": "P-1",
        "subject": inspection,
        "name": "1",
    }


def labels_of(api: Api) -> list[str]:
    """All operations, such as `GET /v1/lots`."""
    return [operation.ok().label for operation in api.schema.get_all_operations()]


def try_operation(api: Api, label: str, role: Role | None, *, examples: int, seeded: int) -> int:
    """Sends that many requests of the operation, some of them not as described, and checks every answer; returns how
    many it sent. Raises what schemathesis finds."""
    sent = 0
    operation = api.schema.find_operation_by_label(label)
    made = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @seed(seeded)
    @tries(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=made, known=st.booleans())
    def send(case: schemathesis.Case, known: bool) -> None:
        nonlocal sent
        sent += 1
        if known:
            for name in set(case.path_parameters or {}) & set(api.known):
                case.path_parameters[name] = api.known[name]
        headers = {} if role is SIGNED_OUT else {"Authorization": f"Bearer {api.tokens[role]}"}
        answer = case.call(api.address, headers=headers, allow_redirects=False, timeout=ANSWER_S)
        case.validate_response(answer, checks=CHECKS)

    send()
    return sent


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with opened_api(tmp_path_factory.mktemp("api") / "data") as api:
        yield api


@pytest.mark.parametrize("role", [SIGNED_OUT, *Role])
def test_every_answer_is_as_described_whatever_is_sent(api: Api, role: Role | None) -> None:
    for number, label in enumerate(labels_of(api)):
        try_operation(api, label, role, examples=EXAMPLES, seeded=number)
