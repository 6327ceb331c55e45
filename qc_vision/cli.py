"""The command `qc-vision`: parse, call, print. Rows for programs on stdout, words for people on stderr.

Heavy imports stand inside the commands that need them, so that `--help` answers at once.
"""

import argparse
import csv
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qc_vision.card_register import KnownCards
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
CARD_HELP = """\
Cetak kartu periksa, atau catat kartu yang salah ukuran. / Print an inspection card, or register one off scale.

example:
  qc-vision card --paper a6 --serial 7 --lang id -o card.pdf
  qc-vision card --paper a6 --serial 7 --measured-bar-mm 48.5
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
    "weft_per_10cm",
    "warp_per_10cm",
    "px_per_mm",
    "scale",
    "openness",
    "uniformity_cv",
    "height_mm",
    "rim_width_mm",
    "base_width_mm",
    "lean_deg",
    "spec",
    "model",
    "sha256",
    "error",
)
REGISTER_HELP = "cards whose bar was measured (default: ~/.qc_vision/cards.json)"
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
    from qc_vision.errors import CardError, LimitsError, QcVisionError, SpecError

    try:
        return int(arguments.run(arguments))
    except (CardError, LimitsError, SpecError) as wrong:
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
    from qc_vision.demands import Demands
    from qc_vision.errors import StorageError
    from qc_vision.message import Message
    from qc_vision.refusal_limits import load_refusal_limits
    from qc_vision.spec import load_spec

    limits = load_refusal_limits(arguments.refusal_limits)
    demands = Demands(
        card=arguments.demand_card,
        original=arguments.demand_original,
        view="whole" if arguments.demand_whole else "any",
    )
    spec = load_spec(arguments.spec).demanding(demands)
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
    cards = _known_cards(arguments)
    rows = grade_many(
        sources, spec=spec, outputs=outputs, workers=arguments.workers, cards=cards, limits=limits
    )
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
    from qc_vision.density import DensityReading, read_density
    from qc_vision.inspection import DECODED_SIDE_PX
    from qc_vision.model import load_model
    from qc_vision.perception import Perceiver
    from qc_vision.photo import decode
    from qc_vision.scale import read_scale

    known = _known_cards(arguments)
    try:
        data = arguments.photo.read_bytes()
    except OSError as wrong:
        raise cannot_read(arguments.photo, wrong) from wrong
    photo = decode(data, min_side_px=DECODED_SIDE_PX)
    weave_map = Perceiver(load_model()).perceive(photo)
    scale = read_scale(photo, weave_map, known=known)
    readings = read_density(weave_map, scale=scale, quad=arguments.quad)
    if arguments.json:
        plain = TypeAdapter(tuple[DensityReading, ...]).dump_python(readings, mode="json")
        print(json.dumps({"path": str(arguments.photo), "density": plain}, allow_nan=False))
        return DONE
    for reading in readings:
        low, high = reading.pitch_px_interval
        word = "pakan / weft" if reading.direction == "weft" else "lungsi / warp"
        doubt = "" if reading.confident else "  (tidak pasti / not confident)"
        absolute = "" if reading.per_10cm is None else f"  {reading.per_10cm:.1f} / 10 cm"
        print(
            f"{word:14} {reading.pitch_px:7.2f} px  [{low:.2f}, {high:.2f}]  {reading.angle_deg:5.1f}°{absolute}{doubt}"
        )
    if not readings:
        print("Tidak ada anyaman terbaca. / No weave could be read.", file=sys.stderr)
    return DONE


def card(arguments: argparse.Namespace) -> int:
    from qc_vision.batch import cannot_write, write_whole
    from qc_vision.card import shipped_cards
    from qc_vision.card_register import DEFAULT_PATH, register_card
    from qc_vision.card_sheet import make_sheet
    from qc_vision.message import Message

    if arguments.output is None and arguments.measured_bar_mm is None:
        nothing = Message(
            id="Sebutkan -o kartu.pdf untuk mencetak, atau --measured-bar-mm untuk mencatat hasil ukur.",
            en="Give -o card.pdf to print a card, or --measured-bar-mm to register what was measured.",
        )
        return _refuse(nothing, USAGE)
    of_paper = [c for c in shipped_cards() if c.id == f"qc-{arguments.paper}"]
    newest = max(of_paper, key=lambda c: c.version)
    if arguments.measured_bar_mm is not None:
        register = arguments.card_register or DEFAULT_PATH
        measured = arguments.measured_bar_mm
        register_card(newest, arguments.serial, measured_bar_mm=measured, path=register)
        print(f"{newest.id} v{newest.version} no. {arguments.serial}: {measured:g} mm")
    if arguments.output is not None:
        sheet = make_sheet(newest, serial=arguments.serial, lang=arguments.lang)
        try:
            write_whole(arguments.output, sheet)
        except OSError as wrong:
            raise cannot_write(arguments.output, wrong) from wrong
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
    _card_options(one)
    one.add_argument(
        "--demand-card",
        choices=("required", "registered"),
        default="optional",
        help="ask for another photo where no whole, flat card is seen; 'registered': one whose bar was measured",
    )
    one.add_argument(
        "--demand-original",
        action="store_true",
        help="ask for another photo where a messenger has shrunk this one",
    )
    one.add_argument(
        "--demand-whole",
        action="store_true",
        help="ask for another photo where not one basket is seen, whole",
    )
    one.add_argument(
        "--refusal-limits",
        type=Path,
        metavar="FILE",
        help="TOML laid over the limits by which photos are to be taken again (qc_vision/refusal_limits.toml)",
    )
    one.add_argument("--workers", type=_count, metavar="N", help="processes (default: one per core)")
    one.add_argument("--exit-code", action="store_true", help="exit with 1 when a photo does not conform")

    two = _command(commands, "density", DENSITY_HELP)
    two.set_defaults(run=density)
    two.add_argument("photo", type=Path, metavar="PHOTO")
    two.add_argument(
        "--quad", type=_quad, metavar="CORNERS", help="four corners x,y in px of the upright photo"
    )
    _card_options(two)
    two.add_argument("--json", action="store_true", help="one JSON object on stdout")

    three = _command(commands, "model", MODEL_HELP)
    three.set_defaults(run=model)

    four = _command(commands, "card", CARD_HELP)
    four.set_defaults(run=card)
    four.add_argument(
        "--paper", choices=("a4", "a6", "id1"), default="a6", help="the card's size (default: a6)"
    )
    four.add_argument("--serial", type=_whole, default=0, metavar="N", help="the card's number (default: 0)")
    four.add_argument(
        "--lang", choices=("id", "en"), default="id", help="language of its words (default: id)"
    )
    four.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the card as a PDF")
    four.add_argument(
        "--measured-bar-mm", type=_length, metavar="MM", help="register what the 50 mm bar really measures"
    )
    four.add_argument("--card-register", type=Path, metavar="FILE", help=REGISTER_HELP)
    return parser


def _card_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--card",
        type=Path,
        metavar="FILE",
        help="JSON geometry of the card in the photos, if not one of ours",
    )
    command.add_argument("--card-register", type=Path, metavar="FILE", help=REGISTER_HELP)


def _known_cards(arguments: argparse.Namespace) -> "KnownCards":
    """The cards to look for: the one named, or all that this command prints, as measured here."""
    from qc_vision.card import load_card
    from qc_vision.card_register import DEFAULT_PATH, KnownCards, load_register

    measured = load_register(arguments.card_register or DEFAULT_PATH)
    if arguments.card is None:
        return KnownCards(measured=measured)
    return KnownCards(cards=(load_card(arguments.card),), measured=measured)


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


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 0 on")
    return int(text)


def _length(text: str) -> float:
    try:
        length = float(text)
    except ValueError:
        length = math.nan
    if not (math.isfinite(length) and length > 0):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected millimetres, such as 48.5")
    return length


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
    density = {reading["direction"]: reading["per_10cm"] for reading in row["density"]}
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
        "weft_per_10cm": density.get("weft"),
        "warp_per_10cm": density.get("warp"),
        "px_per_mm": row["scale"]["px_per_mm"],
        "scale": row["scale"]["method"],
        "openness": row["openness"],
        "uniformity_cv": row["uniformity_cv"],
        **{column: quantity["value"] for column, _, quantity in _sizes(row)},
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
    sizes = [
        f"\n    {words}: {quantity['value']:.1f} ± {quantity['expanded_uncertainty']:.1f} {quantity['unit']}"
        for _, words, quantity in _sizes(row)
    ]
    head = f"{VERDICT_WORDS[row['verdict']]:21} {row['grade'] or '-'}  {row['path']}"
    return head + "".join(reasons) + "".join(sizes) + _coarse(row)


def _coarse(row: Row) -> str:
    if row["scale"]["method"] != "product":
        return ""
    off = f"± {100 * row['scale']['relative_uncertainty']:.0f} %"
    return (
        f"\n    Skala kasar dari lebar produk menurut spesifikasi, {off}; dengan kartu periksa lebih teliti."
        f"\n    Coarse scale from the product's width in the spec, {off}; an inspection card does better."
    )


def _sizes(row: Row) -> list[tuple[str, str, Any]]:
    """Column, words and quantity of each size of the whole basket that was measured."""
    size = row["size"]
    if size is None or size["missing"]:
        return []
    return [
        ("height_mm", "Tinggi / height", size["height"]),
        ("rim_width_mm", "Lebar bibir / width at the rim", size["rim_width"]),
        ("base_width_mm", "Lebar alas / width at the base", size["base_width"]),
        ("lean_deg", "Miring / lean", size["lean"]),
    ]


def _refuse(message: "Message", code: int) -> int:
    print(f"{message.id}\n{message.en}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
