"""Sends what the OpenAPI description allows, and what it does not, as each role and as nobody (schemathesis).

    python -m tests.bench.bench_openapi --examples 100

Of each operation for each role so many requests. Prints what was answered with a 5xx, or otherwise than described;
asserts nothing.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from service.caller import Role
from tests.service.test_openapi import SIGNED_OUT, labels_of, opened_api, try_operation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    begun_s = time.monotonic()
    requests, findings = 0, []
    with tempfile.TemporaryDirectory() as folder, opened_api(Path(folder)) as api:
        for label in labels_of(api):
            for role in (SIGNED_OUT, *Role):
                try:
                    requests += try_operation(api, label, role, examples=asked.examples, seeded=asked.seed)
                except (Exception, BaseExceptionGroup) as wrong:  # whatever it is, the others are tried too
                    findings.append(f"{label} as {role or 'nobody'}: {wrong}")
                    print(findings[-1], flush=True)
    print(
        json.dumps(
            {
                "operations": len(labels_of(api)),
                "requests": requests,
                "findings": len(findings),
                "seconds": round(time.monotonic() - begun_s),
            }
        )
    )


if __name__ == "__main__":
    main()
