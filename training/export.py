"""Writes a trained network into models/: ONNX file, manifest, golden sample; proves that they agree."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from qc_vision.errors import ModelError
from qc_vision.measurement import ScoreThresholds
from qc_vision.message import Message
from qc_vision.model import OUTPUTS, ModelManifest, load_model
from training.checkpoint import load_checkpoint, of_another_network
from training.lean import make_lean
from training.network import MEAN, PITCH_FIRST_PX, PITCH_STEP, STD, WeaveNet
from training.render.fault import CODES
from training.render.scene import Renderer
from training.warm import mean_weights

GOLDEN_SEED = 12
PARITY = 2e-3
"""Greatest difference allowed between torch and the runtime, in probability."""


class Exported(nn.Module):
    """The network with probabilities at its end, as the runtime sees it."""

    def __init__(self, network: WeaveNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor) -> tuple[Tensor, ...]:
        maps = self.network(photo)
        return (
            maps.surface.sigmoid(),
            _named(maps.fault.sigmoid(), maps.defects.sigmoid()),
            maps.crests,
            maps.angle,
            maps.pitch.softmax(2),
            maps.features,
        )


def _named(fault: Tensor, codes: Tensor) -> Tensor:
    """Probability of a fault, given in full to its likeliest code, and in proportion to the others."""
    return fault * codes / codes.amax(1, keepdim=True).clamp_min(1e-6)


def averaged_network(checkpoint: Path) -> tuple[WeaveNet, dict]:
    """The running average of a training run's weights, and what the checkpoint tells of the run. ModelError where it is
    damaged or of another network."""
    kept = load_checkpoint(checkpoint)
    network = WeaveNet(len(CODES), pretrained=False)
    prefix = "module."
    try:
        network.load_state_dict(
            {k.removeprefix(prefix): v for k, v in kept["average"].items() if k.startswith(prefix)}
        )
    except (KeyError, RuntimeError) as wrong:
        raise of_another_network(checkpoint, wrong) from wrong
    return network.eval(), kept


def export(checkpoint: Path, *, version: str, models: Path, training: dict[str, str | int | float]) -> Path:
    """Writes the running average of `checkpoint` as `models`/`version`, see `write_version`."""
    network, kept = averaged_network(checkpoint)
    told = {
        **training,
        "steps": kept["step"],
        **{f"loss_{k}": round(v, 4) for k, v in kept["losses"].items()},
    }
    return write_version(network, version=version, models=models, training=told)


def blend(
    parts: Sequence[Path], *, version: str, models: Path, training: dict[str, str | int | float]
) -> Path:
    """Writes the mean of shipped versions' weights as `models`/`version`, see `write_version`. ModelError where one is of
    another network."""
    weights, missing = mean_weights(parts)
    if missing:
        raise ModelError(
            Message(
                id=f"Tidak semua versi punya semua bobot jaringan ini (kurang {len(missing)}, mis. {missing[0]}). "
                "Pilih versi yang lebih baru.",
                en=f"Not every version has all weights of this network ({len(missing)} missing, e.g. {missing[0]}). "
                "Choose later versions.",
            )
        )
    network = WeaveNet(len(CODES), pretrained=False)
    network.load_state_dict(weights)
    told = {**training, "mean_of": " ".join(part.name for part in parts)}
    return write_version(network.eval(), version=version, models=models, training=told)


def write_version(
    network: WeaveNet, *, version: str, models: Path, training: dict[str, str | int | float]
) -> Path:
    """Exports `network` as `models`/`version` with every threshold wide open (calibrate sets them),
    proves that the runtime gives what torch gives, and returns the folder."""
    folder = models / version
    folder.mkdir(parents=True, exist_ok=True)
    photo = Renderer().render(GOLDEN_SEED).rgb[:, :192]
    normalised = torch.from_numpy(
        ((photo / 255.0 - MEAN) / STD).astype(np.float32).transpose(2, 0, 1)[None].copy()
    )
    wrapped = Exported(network).eval()
    height, width = torch.export.Dim("height", min=2, max=256), torch.export.Dim("width", min=2, max=256)
    program = torch.onnx.export(
        wrapped,
        (normalised,),
        input_names=["photo"],
        output_names=list(OUTPUTS),
        dynamo=True,
        external_data=False,
        dynamic_shapes={"photo": {2: 32 * height, 3: 32 * width}},
        optimize=False,  # keeps every weight under its own name, so that a run can start from the file
        verbose=False,
    )
    weights = folder / "weave.onnx"
    graph = program.model_proto
    make_lean(graph)
    _forget_where_it_was_made(graph)
    onnx.save(graph, str(weights))
    with torch.no_grad():
        expected = {name: value[0].numpy() for name, value in zip(OUTPUTS, wrapped(normalised), strict=True)}
    golden = {name: value.astype(np.float16) for name, value in expected.items() if name != "features"}
    np.savez_compressed(folder / "golden.npz", photo=photo, **golden)
    manifest = ModelManifest(
        version=version,
        file=weights.name,
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        codes=CODES,
        mean=MEAN,
        std=STD,
        size_multiple=32,
        pitch_first_px=PITCH_FIRST_PX,
        pitch_log_step=PITCH_STEP,
        first_look_px=640,
        second_look_px=1600,
        strand_px=24.0,
        judged_px=12.0,
        thresholds={code: ScoreThresholds(review=0.4, fail=0.6) for code in CODES},
        interval_factor=1.0,
        golden_tolerance=PARITY,
        training=training,
    )
    write_manifest(folder, manifest)
    load_model(folder)
    return folder


def _forget_where_it_was_made(model: onnx.ModelProto) -> None:
    """Takes out what the exporter notes for debugging: source lines, with the paths of this machine."""
    graph = model.graph
    del model.metadata_props[:]
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def write_manifest(folder: Path, manifest: ModelManifest) -> None:
    """Replaces the manifest whole."""
    part = folder / "manifest.part"
    part.write_text(json.dumps(asdict(manifest), indent=2) + "\n", "utf-8")
    part.replace(folder / "manifest.json")
