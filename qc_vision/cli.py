"""The command `qc-vision`: parse, call, print. Rows for programs on stdout, words for people on stderr.

Heavy imports stand inside the commands that need them, so that `--help` answers at once.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qc_vision.message import Message

DONE, NONCONFORMING, CANNOT, USAGE, INTERRUPTED = 0, 1, 1, 2, 130

Row = dict[str, Any]

GRADE_HELP = """\
Nilai foto keranjang. / Grade photos of baskets.

example:
  qc-vision grade photos/ --csv grades.csv --overlay seen/
  find . -name '*.jpg' | qc-vision grade - --json
"""
DENSITY_HELP = """\
Ukur jarak helai pada satu foto. / Read the strand density of one photo.

example:
  qc-vision density basket.jpg --quad "100,100 400,100 400,300 100,300" --json
"""
MODEL_HELP = """\
Tampilkan model yang dipakai. / Show the model in use.

example:
  qc-vision model
"""
CSV_COLUMNS = (
    "path",
    "verdict",
    "grade",
    "defect_score",
    "defects",
    "reasons",
    "message_id",
    "message_en",
    "weft_pitch_px",
    "warp_pitch_px",
    "openness",
    "uniformity_cv",
    "spec",
    "model",
    "sha256",
    "error",
)
VERDICT_WORDS = {
    "pass": "LOLOS / pass",
    "fail": "TIDAK LOLOS / fail",
    "review": "PERIKSA / review",
    "retake": "FOTO ULANG / retake",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code: 0 it ran, 1 it could not go on (or, where asked for, a
    photo does not conform), 2 it was called wrongly."""
    arguments = _parser().parse_args(argv)
    from qc_vision.errors import QcVisionError, SpecError

    try:
        return int(arguments.run(arguments))
    except SpecError as wrong:
        return _refuse(wrong.message, USAGE)
    except QcVisionError as wrong:
        return _refuse(wrong.message, CANNOT)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the reader of our stdout has left (`| head`): no complaint, and none from the interpreter's flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def grade(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from qc_vision.batch import Outputs, expand, grade_many, make_folder
    from qc_vision.errors import StorageError
    from qc_vision.message import Message
    from qc_vision.spec import load_spec

    spec = load_spec(arguments.spec)
    try:
        sources = expand(_from_stdin(arguments.paths))
        for folder in (arguments.overlay, arguments.maps):
            if folder:
                make_folder(folder)
        if arguments.csv:
            make_folder(arguments.csv.absolute().parent)
    except StorageError as wrong:
        return _refuse(wrong.message, USAGE)
    if not sources:
        nothing = Message(
            id="Tidak ada foto ditemukan. Sebutkan foto, atau folder berisi JPEG, PNG, atau WebP.",
            en="No photo was found. Name photo files, or a folder that holds JPEG, PNG or WebP.",
        )
        return _refuse(nothing, USAGE)

    outputs = Outputs(overlays=arguments.overlay, maps=arguments.maps)
    rows = grade_many(sources, spec=spec, outputs=outputs, workers=arguments.workers)
    shown = tqdm(rows, total=len(sources), unit="foto", file=sys.stderr, disable=None)
    kept = _keep_csv(shown, arguments.csv) if arguments.csv else shown
    failed = 0
    for row in kept:
        failed += row.get("verdict") == "fail"
        if arguments.json:
            print(json.dumps(row, ensure_ascii=False, allow_nan=False), flush=True)
        elif not arguments.csv:
            print(_line(row), flush=True)
    return NONCONFORMING if arguments.exit_code and failed else DONE


def density(arguments: argparse.Namespace) -> int:
    from pydantic import TypeAdapter

    from qc_vision.batch import cannot_read
    from qc_vision.calibration import NO_SCALE
    from qc_vision.density import DensityReading, read_density
    from qc_vision.inspection import DECODED_SIDE_PX
    from qc_vision.model import load_model
    from qc_vision.perception import Perceiver
    from qc_vision.photo import decode

    try:
        data = arguments.photo.read_bytes()
    except OSError as wrong:
        raise cannot_read(arguments.photo, wrong) from wrong
    photo = decode(data, min_side_px=DECODED_SIDE_PX)
    weave_map = Perceiver(load_model()).perceive(photo)
    readings = read_density(weave_map, scale=NO_SCALE, quad=arguments.quad)
    if arguments.json:
        plain = TypeAdapter(tuple[DensityReading, ...]).dump_python(readings, mode="json")
        print(json.dumps({"path": str(arguments.photo), "density": plain}, allow_nan=False))
        return DONE
    for reading in readings:
        low, high = reading.pitch_px_interval
        word = "pakan / weft" if reading.direction == "weft" else "lungsi / warp"
        doubt = "" if reading.confident else "  (tidak pasti / not confident)"
        print(
            f"{word:14} {reading.pitch_px:7.2f} px  [{low:.2f}, {high:.2f}]  {reading.angle_deg:5.1f}°{doubt}"
        )
    if not readings:
        print("Tidak ada anyaman terbaca. / No weave could be read.", file=sys.stderr)
    return DONE


def model(arguments: argparse.Namespace) -> int:
    from pydantic import TypeAdapter

    from qc_vision.model import ModelManifest, load_model

    manifest = load_model().manifest
    print(
        json.dumps(
            TypeAdapter(ModelManifest).dump_python(manifest, mode="json"), indent=2, ensure_ascii=False
        )
    )
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qc-vision",
        description="Pemeriksaan mutu keranjang anyaman. / Quality inspection of woven baskets.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    one = _command(commands, "grade", GRADE_HELP)
    one.set_defaults(run=grade)
    one.add_argument("paths", nargs="+", metavar="PATH", help="photos, folders, or - for a list on stdin")
    one.add_argument("--spec", default="default", metavar="NAME|FILE", help="product spec (default: default)")
    form = one.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object per photo on stdout")
    form.add_argument("--csv", type=Path, metavar="FILE", help="write one CSV row per photo")
    one.add_argument(
        "--overlay", type=Path, metavar="DIR", help="write each photo with what was found drawn in"
    )
    one.add_argument("--maps", type=Path, metavar="DIR", help="write STEM.basket.png and STEM.defect.png")
    one.add_argument("--workers", type=_count, metavar="N", help="processes (default: one per core)")
    one.add_argument("--exit-code", action="store_true", help="exit with 1 when a photo does not conform")

    two = _command(commands, "density", DENSITY_HELP)
    two.set_defaults(run=density)
    two.add_argument("photo", type=Path, metavar="PHOTO")
    two.add_argument(
        "--quad", type=_quad, metavar="CORNERS", help="four corners x,y in px of the upright photo"
    )
    two.add_argument("--json", action="store_true", help="one JSON object on stdout")

    three = _command(commands, "model", MODEL_HELP)
    three.set_defaults(run=model)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, help_text: str
) -> argparse.ArgumentParser:
    first_line = help_text.splitlines()[0]
    return commands.add_parser(
        name,
        help=first_line,
        description=help_text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1 on")
    return int(text)


def _quad(text: str) -> "NDArray[np.float64]":
    import numpy as np

    try:
        corners = np.array([[float(v) for v in pair.split(",")] for pair in text.replace(";", " ").split()])
    except ValueError:
        corners = np.empty(0)
    if corners.shape != (4, 2) or not np.isfinite(corners).all():
        raise argparse.ArgumentTypeError(f'found {text!r}, expected four corners: "x0,y0 x1,y1 x2,y2 x3,y3"')
    return corners


def _from_stdin(paths: Iterable[str]) -> Iterator[str]:
    """The paths, with `-` replaced by the lines of stdin."""
    for path in paths:
        if path == "-":
            yield from (line for line in sys.stdin.read().splitlines() if line.strip())
        else:
            yield path


def _keep_csv(rows: Iterable[Row], path: Path) -> Iterator[Row]:
    """Passes rows on, and writes each to a CSV file as soon as it is there."""
    from qc_vision.batch import cannot_write

    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, CSV_COLUMNS)
            writer.writeheader()
            for row in rows:
                writer.writerow(_flat(row))
                file.flush()
                yield row
    except OSError as wrong:
        raise cannot_write(path, wrong) from wrong


def _flat(row: Row) -> Row:
    """A row of the CSV: the record's main figures, codes joined by spaces."""
    if "error" in row:
        words = row["error"]["message"]
        return {
            "path": row["path"],
            "error": row["error"]["code"],
            "message_id": words["id"],
            "message_en": words["en"],
        }
    pitch = {reading["direction"]: round(reading["pitch_px"], 2) for reading in row["density"]}
    return {
        "path": row["path"],
        "verdict": row["verdict"],
        "grade": row["grade"],
        "defect_score": round(row["defect_score"], 4),
        "defects": " ".join(defect["code"] for defect in row["defects"]),
        "reasons": " ".join(reason["code"] for reason in row["reasons"]),
        "message_id": " ".join(reason["message"]["id"] for reason in row["reasons"]),
        "message_en": " ".join(reason["message"]["en"] for reason in row["reasons"]),
        "weft_pitch_px": pitch.get("weft"),
        "warp_pitch_px": pitch.get("warp"),
        "openness": row["openness"],
        "uniformity_cv": row["uniformity_cv"],
        "spec": f"{row['spec']['id']} {row['spec']['revision']}",
        "model": row["model"]["version"],
        "sha256": row["photo"]["sha256"],
    }


def _line(row: Row) -> str:
    """One photo for a person: verdict, grade, path, and below it the reasons in both languages."""
    if "error" in row:
        words = row["error"]["message"]
        return f"{'GALAT / error':21} -  {row['path']}\n    {words['id']}\n    {words['en']}"
    reasons = [f"\n    {r['message']['id']}\n    {r['message']['en']}" for r in row["reasons"]]
    return f"{VERDICT_WORDS[row['verdict']]:21} {row['grade'] or '-'}  {row['path']}" + "".join(reasons)


def _refuse(message: "Message", code: int) -> int:
    print(f"{message.id}\n{message.en}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
