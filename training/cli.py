"""`qc-train`: render, cut, sheet, fit, export, blend, calibrate, evaluate, promote, import. Thin: parse, call, print."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qc_vision.errors import QcVisionError

ROOT = Path(__file__).parents[1]
RENDERS, CHECKPOINTS = ROOT / "training" / "renders", ROOT / "training" / "checkpoints"


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        arguments.call(arguments)
    except QcVisionError as wrong:
        print(f"{wrong.message.id}\n{wrong.message.en}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Dihentikan; yang sudah tersimpan tetap ada. / Stopped; what was saved stays.", file=sys.stderr)
        return 130
    return 0


def render(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from training.render.cache import SHARD_SEEDS, fill
    from training.render.scene import Renderer
    from training.run import load_run

    run = load_run(arguments.run)
    shards = fill(
        arguments.renders,
        first_seed=run.render_seed,
        seeds=run.renders,
        kept=run.kept,
        renderer=Renderer(),
    )
    for _ in tqdm(shards, total=-(-run.renders // SHARD_SEEDS), unit="shard"):
        pass


def cut(arguments: argparse.Namespace) -> None:
    from training.fit import WINDOWS
    from training.traced.cut import cut as cut_pairs

    for path in cut_pairs(arguments.traced, arguments.renders / WINDOWS):
        print(path)


def sheet(arguments: argparse.Namespace) -> None:
    from training.render.sheet import contact_sheet

    contact_sheet(arguments.seed, arguments.out)
    print(arguments.out)


def draw_set(arguments: argparse.Namespace) -> None:
    from training.render.labelled import write_labelled

    write_labelled(
        arguments.out, seeds=list(range(arguments.seed, arguments.seed + arguments.photos)), side_px=384
    )
    print(arguments.out)


def fit(arguments: argparse.Namespace) -> None:
    import torch

    from training.fit import fit as run_fit
    from training.run import load_run

    torch.set_num_threads(arguments.threads)
    run = load_run(arguments.run)
    out = arguments.out or CHECKPOINTS / arguments.run.stem
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(
        run_fit(
            run,
            renders=arguments.renders,
            sets=ROOT / "datasets",
            models=ROOT / "models",
            out=out,
            device=device,
        )
    )


def export(arguments: argparse.Namespace) -> None:
    from training.export import export as write

    facts: dict[str, str | int | float] = {"run": arguments.run_name, "commit": _commit()}
    print(write(arguments.checkpoint, version=arguments.version, models=ROOT / "models", training=facts))


def blend(arguments: argparse.Namespace) -> None:
    from training.export import blend as write

    parts = [ROOT / "models" / part for part in arguments.parts]
    print(write(parts, version=arguments.version, models=ROOT / "models", training={"commit": _commit()}))


def calibrate(arguments: argparse.Namespace) -> None:
    from qc_vision.model import load_model
    from training.calibrate import calibrate as choose
    from training.export import write_manifest

    chosen = choose(
        arguments.model,
        photos=arguments.photos,
        fail_risk=arguments.fail_risk,
        review_risk=arguments.review_risk,
    )
    manifest = load_model(arguments.model).manifest
    facts = {
        "calibration_photos": arguments.photos,
        "fail_risk": arguments.fail_risk,
        "review_risk": arguments.review_risk,
        "interval_readings": chosen.interval_readings,
    }
    calibrated = replace(
        manifest,
        thresholds=chosen.thresholds,
        interval_factor=chosen.interval_factor,
        training={**manifest.training, **facts},
    )
    write_manifest(arguments.model, calibrated)
    thresholds = next(iter(chosen.thresholds.values()))
    print(f"review from {thresholds.review:.3f}, fail from {thresholds.fail:.3f}")
    print(f"intervals x {chosen.interval_factor:.2f} ({chosen.interval_readings} confident readings)")


def evaluate(arguments: argparse.Namespace) -> None:
    import torch

    from qc_vision.inspection import load_inspector
    from qc_vision.model import champion_folder
    from qc_vision.spec import load_spec
    from training.evaluate.measure import PARTS
    from training.evaluate.measure import evaluate as measure
    from training.evaluate.sheet import write_sheets
    from training.evaluate.table import as_text, save

    torch.set_num_threads(arguments.threads)
    folder = arguments.model or champion_folder()
    backgrounds = ROOT / "datasets" / "backgrounds"  # beside a checkout only
    evaluation = measure(
        arguments.folders,
        inspector=load_inspector(folder),
        spec=load_spec("default"),
        negatives=[*arguments.negatives, *([backgrounds] if backgrounds.is_dir() else [])],
        parts=arguments.only or PARTS,
        baselines=not arguments.no_baselines,
        bank_cache=CHECKPOINTS / "patchcore.npz",
        limit=arguments.limit,
    )
    print(as_text(evaluation))
    if arguments.save:
        save(evaluation, arguments.save, model=folder.name)
    if arguments.pictures:
        write_sheets(evaluation, arguments.pictures)


def promote(arguments: argparse.Namespace) -> None:
    from qc_vision.model import load_model

    load_model(ROOT / "models" / arguments.version)
    (ROOT / "models" / "champion").write_text(arguments.version + "\n", "utf-8")
    print(f"{arguments.version} is the champion")


def import_photos(arguments: argparse.Namespace) -> None:
    from training.importer import SetFacts, import_set

    facts = SetFacts(
        name=arguments.name,
        licence=arguments.licence,
        origin=arguments.origin,
        test_share=arguments.test_share,
    )
    print(
        import_set(
            arguments.photos,
            facts=facts,
            coco=arguments.coco,
            density=arguments.density,
            index=arguments.index,
            out=arguments.out,
        )
    )


def _commit() -> str:
    import subprocess

    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 -- git is where the developer keeps it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qc-train", description="Render weaves, train, measure and ship the model"
    )
    commands = parser.add_subparsers(required=True)

    def command(name: str, call: object, text: str, example: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, epilog=f"example: qc-train {example}")
        made.set_defaults(call=call)
        return made

    night = ROOT / "training" / "runs" / "night.toml"
    c = command("render", render, "fill the cache of rendered pictures (goes on where it stopped)", "render")
    c.add_argument("run", type=Path, nargs="?", default=night)
    c.add_argument("--renders", type=Path, default=RENDERS)
    c = command("cut", cut, "cut path-traced pictures into windows to train on", "cut")
    c.add_argument("--traced", type=Path, default=RENDERS / "traced", help="folder that the tracer filled")
    c.add_argument("--renders", type=Path, default=RENDERS)
    c = command(
        "sheet", sheet, "write a contact sheet of renders with their truth drawn on", "sheet --seed 100"
    )
    c.add_argument("--seed", type=int, default=0)
    c.add_argument("--out", type=Path, default=Path("sheet.png"))
    c = command(
        "draw-set", draw_set, "write rendered photos with label files, ready to import", "draw-set drawn"
    )
    c.add_argument("out", type=Path)
    c.add_argument("--seed", type=int, default=800_000_000)
    c.add_argument("--photos", type=int, default=12)
    c = command("fit", fit, "train; goes on from its checkpoint", "fit training/runs/night.toml")
    c.add_argument("run", type=Path, nargs="?", default=night)
    c.add_argument("--renders", type=Path, default=RENDERS)
    c.add_argument(
        "--out", type=Path, default=None, help="folder of the checkpoint, default training/checkpoints/RUN"
    )
    c.add_argument("--threads", type=int, default=1)
    c = command(
        "export",
        export,
        "write a checkpoint into models/ and prove parity",
        "export training/checkpoints/night/checkpoint.pt 2026.12.1",
    )
    c.add_argument("checkpoint", type=Path)
    c.add_argument("version")
    c.add_argument("--run-name", default="night")
    c = command(
        "blend",
        blend,
        "write the mean of versions that were trained one from another",
        "blend 2026.12.3 2026.12.1 2026.12.2",
    )
    c.add_argument("version")
    c.add_argument("parts", nargs="+", help="versions under models/")
    c = command(
        "calibrate",
        calibrate,
        "choose the thresholds of a version for a stated risk",
        "calibrate models/2026.12.1",
    )
    c.add_argument("model", type=Path)
    c.add_argument("--photos", type=int, default=400)
    c.add_argument("--fail-risk", type=float, default=0.005)
    c.add_argument("--review-risk", type=float, default=0.03)
    c = command(
        "evaluate",
        evaluate,
        "measure a version on folders with truth, beside two baselines",
        "evaluate rendered photos planted --save metrics.json --pictures failures",
    )
    c.add_argument("folders", type=Path, nargs="+")
    c.add_argument("--model", type=Path, default=None, help="default: the champion")
    c.add_argument(
        "--only",
        nargs="+",
        default=None,
        choices=["density", "defects", "masks", "verdicts"],
        help="leave out the other parts and the work that they alone need",
    )
    c.add_argument(
        "--negatives",
        type=Path,
        nargs="+",
        default=[],
        help="folders of photos without a basket, beside datasets/backgrounds",
    )
    c.add_argument("--no-baselines", action="store_true", help="the model alone")
    c.add_argument("--limit", type=int, default=None, help="so many photos of each folder, for a quick look")
    c.add_argument("--save", type=Path, default=None, help="figures as JSON, and three CSV files beside it")
    c.add_argument("--pictures", type=Path, default=None, help="folder for sheets of the worst cases")
    c.add_argument("--threads", type=int, default=1)
    c = command("promote", promote, "make a version the champion", "promote 2026.12.1")
    c.add_argument("version")
    c = command(
        "import",
        import_photos,
        "bring labelled photos into datasets/",
        "import photos/ --name village1 --coco labels.json",
    )
    c.add_argument("photos", type=Path)
    c.add_argument("--name", required=True)
    c.add_argument("--licence", required=True)
    c.add_argument("--origin", required=True)
    c.add_argument("--coco", type=Path, default=None, help="COCO polygons")
    c.add_argument("--density", type=Path, default=None, help="table of hand counts (csv or tsv)")
    c.add_argument("--index", type=Path, default=None, help="csv: path,basket[,lot,village,phone]")
    c.add_argument("--test-share", type=float, default=0.2)
    c.add_argument("--out", type=Path, default=ROOT / "datasets")
    return parser


if __name__ == "__main__":
    sys.exit(main())
