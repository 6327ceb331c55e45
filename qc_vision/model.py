"""The shipped model: its manifest, its weights, and the proof that both are what training exported."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from qc_vision.errors import ModelError
from qc_vision.measurement import ScoreThresholds
from qc_vision.message import Message

PLACES = (Path(__file__).parent / "_models", Path(__file__).parents[1] / "models")
"""Where versions lie: inside an installed wheel, or beside the package in a checkout."""

OUTPUTS = ("surface", "defects", "crests", "angle", "pitch", "features")
CHECKED = OUTPUTS[:-1]


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ModelManifest:
    """Everything one must know to use the weights; travels beside them as `manifest.json`.

    `mean`, `std`: a photo enters as (rgb / 255 - mean) / std, (1, 3, H, W), H and W multiples of
    `size_multiple`. `pitch_first_px`, `pitch_log_step`: centre of the first pitch bin in input px and
    the step of ln(pitch) between bins. `first_look_px`: long side of the whole photo at first sight;
    `strand_px`: strand pitch that the second, closer look aims at; `second_look_px`: its greatest side; `judged_px`:
    strand pitch that faults are looked for at.
    `thresholds`: per defect code, the region scores from which a person should look, and from which
    the machine is sure. `interval_factor`: how much wider than they look the intervals of the pitch must be to
    hold nine truths in ten. `golden_tolerance`: greatest difference allowed at the start-up check.
    """

    version: str
    file: str
    sha256: str
    codes: tuple[str, ...]
    mean: float
    std: float
    size_multiple: int
    pitch_first_px: float
    pitch_log_step: float
    first_look_px: int
    second_look_px: int
    strand_px: float
    judged_px: float
    thresholds: dict[str, ScoreThresholds]
    interval_factor: float
    golden_tolerance: float
    training: dict[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A loaded model. `run` takes (H, W, 3) uint8 sRGB and returns the network's maps without batch axis."""

    manifest: ModelManifest
    session: ort.InferenceSession

    def run(self, rgb: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        maps = self.session.run(list(OUTPUTS), {"photo": self._scale(rgb)})
        return {
            name: np.asarray(value, dtype=np.float32)[0] for name, value in zip(OUTPUTS, maps, strict=True)
        }

    def _scale(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        scaled = (rgb.astype(np.float32) / 255.0 - self.manifest.mean) / self.manifest.std
        return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)


def champion_folder() -> Path:
    """The folder of the version that is in use: the one that `models/champion` names."""
    for place in PLACES:
        pointer = place / "champion"
        if pointer.is_file():
            return place / pointer.read_text("utf-8").strip()
    raise ModelError(
        Message(
            id="Model tidak ditemukan. Pasang ulang qc_vision, atau pulihkan folder models/.",
            en="No model was found. Install qc_vision again, or restore the folder models/.",
        )
    )


def load_model(folder: Path | None = None, *, threads: int = 1) -> Model:
    """Loads a version (default: the champion) after checking its sha256, and runs its golden sample.

    Raises ModelError where a file is missing or altered, or where this machine's outputs differ from
    those that training exported.
    """
    folder = folder or champion_folder()
    manifest = _read_manifest(folder / "manifest.json")
    try:
        weights = (folder / manifest.file).read_bytes()
    except OSError as missing:
        raise _broken(f"{manifest.file}: {missing.strerror}") from missing
    found = hashlib.sha256(weights).hexdigest()
    if found != manifest.sha256:
        raise _broken(f"{manifest.file}: sha256 {found[:12]}…, expected {manifest.sha256[:12]}…")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Nearly every look has a size of its own: a plan of memory per size is hardly used again, and an arena only grows. That
    # pages come anew from the kernel costs some processor time (tests/bench/README.md).
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    model = Model(manifest=manifest, session=session)
    _check_golden(model, folder / "golden.npz")
    return model


def _read_manifest(path: Path) -> ModelManifest:
    try:
        data: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        return TypeAdapter(ModelManifest).validate_python(data)
    except OSError as missing:
        raise _broken(f"{path.name}: {missing.strerror}") from missing
    except (json.JSONDecodeError, ValidationError, UnicodeDecodeError) as wrong:
        raise _broken(f"{path.name}: {wrong}") from wrong


def _check_golden(model: Model, path: Path) -> None:
    """Compares this machine's answer to the golden photo with the one kept at export."""
    try:
        with np.load(path) as golden:
            maps = model.run(golden["photo"])
            worst = max(float(np.abs(maps[name] - golden[name].astype(np.float32)).max()) for name in CHECKED)
    except (OSError, KeyError, ValueError) as wrong:
        raise _broken(f"{path.name}: {wrong}") from wrong
    if not worst <= model.manifest.golden_tolerance:
        raise _broken(f"golden sample differs by {worst:.4f}, allowed {model.manifest.golden_tolerance}")


def _broken(what: str) -> ModelError:
    return ModelError(
        Message(
            id=f"Model rusak atau berubah ({what}). Pasang ulang qc_vision, atau pulihkan folder models/.",
            en=f"The model is damaged or altered ({what}). Install qc_vision again, or restore models/.",
        )
    )
