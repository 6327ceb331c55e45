"""Asks for known vulnerabilities of what constraints.txt pins, and says for how many of them it got an answer.

pip-audit itself ends well where an index knows none of the packages ("No known vulnerabilities found"), as one without
advisories does: that is told apart here. Exit status 1 where a vulnerability is known, 0 where none is or
nobody could be asked, with words that say which.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATABASES = {"pypi": "the package index's advisories", "osv": "osv.dev"}


def ask(database: str) -> list[dict[str, Any]]:
    """What pip-audit's JSON says of each pin; empty where the database is not reached."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(ROOT / "constraints.txt"), "-s", database]
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    run = subprocess.run([*command, *options], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        found: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError):
        return []
    return found


def tell(answers: list[dict[str, Any]], *, pins: int, asked: str) -> tuple[list[str], int]:
    """Lines for people, and the exit status."""
    answered = [answer for answer in answers if "vulns" in answer]
    if not answered:
        return [f"NOT AUDITED: {asked} told nothing of any of the {pins} pinned packages."], 0
    lines = [f"{len(answered)} of {pins} pinned packages audited against {asked}."]
    without = sorted(answer["name"] for answer in answers if "vulns" not in answer)
    if without:
        lines.append(f"NOT AUDITED, unknown there: {', '.join(without)}.")
    known = [(answer, one) for answer in answered for one in answer["vulns"]]
    for answer, one in known:
        mended = ", ".join(one["fix_versions"]) or "no version yet"
        lines.append(f"VULNERABLE: {answer['name']} {answer['version']}: {one['id']}; mended in {mended}.")
    return lines, 1 if known else 0


def main() -> int:
    """Asks one database after the other until one answers."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = len({line.partition("==")[0] for line in lines if line and not line.startswith("#")})
    status = 0
    for database, words in DATABASES.items():
        answers = ask(database)
        said, status = tell(answers, pins=pins, asked=words)
        print("\n".join(said), flush=True)
        if any("vulns" in answer for answer in answers):
            break
    return status


if __name__ == "__main__":
    sys.exit(main())
