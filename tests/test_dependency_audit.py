"""`make audit` never says that all is well where nobody was asked."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SPEC = importlib.util.spec_from_file_location("audit", Path(__file__).parents[1] / ".ci" / "audit.py")
assert SPEC is not None
assert SPEC.loader is not None
audit: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(audit)

# as pip-audit 2.10 writes them
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI and could not be audited"}
FAULT = {"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": [], "description": "..."}
FAULTY = {"name": "faulty", "version": "2.0", "vulns": [FAULT]}


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ([], 0, "NOT AUDITED: osv.dev told nothing of any of the 2 pinned packages."),
        ([UNKNOWN, UNKNOWN], 0, "NOT AUDITED: osv.dev told nothing"),
        (
            [SOUND, UNKNOWN],
            0,
            "1 of 2 pinned packages audited against osv.dev.\nNOT AUDITED, unknown there: unk",
        ),
        ([SOUND, SOUND], 0, "2 of 2 pinned packages audited"),
        ([SOUND, FAULTY], 1, "VULNERABLE: faulty 2.0: PYSEC-2026-1; mended in 2.1."),
    ],
)
def test_what_was_not_audited_is_said_and_only_a_known_fault_fails(
    answers: list[dict[str, Any]], status: int, said: str
) -> None:
    lines, found = audit.tell(answers, pins=2, asked="osv.dev")

    assert found == status
    assert said in "\n".join(lines)
