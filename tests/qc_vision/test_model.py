"""A model that is not what training exported does not start, and says why in both languages."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qc_vision.errors import ModelError
from qc_vision.model import OUTPUTS, champion_folder, load_model


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "version"
    shutil.copytree(champion_folder(), folder)
    return folder


def _flip_a_bit(folder: Path) -> None:
    weights = bytearray((folder / "weave.onnx").read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / "weave.onnx").write_bytes(weights)


def _another_golden_answer(folder: Path) -> None:
    with np.load(folder / "golden.npz") as golden:
        kept = dict(golden)
    kept["surface"] = kept["surface"] + np.float16(0.1)
    np.savez(folder / "golden.npz", **kept)


def _unknown_key(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "colour": "blue"}))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "altered weights": (_flip_a_bit, "sha256"),
    "missing weights": (lambda folder: (folder / "weave.onnx").unlink(), "weave.onnx"),
    "missing manifest": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json"),
    "broken manifest": (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json"),
    "unknown key": (_unknown_key, "colour"),
    "missing golden sample": (lambda folder: (folder / "golden.npz").unlink(), "golden.npz"),
    "broken golden sample": (lambda folder: (folder / "golden.npz").write_bytes(b"no"), "golden.npz"),
    "other answers than exported": (_another_golden_answer, "differs by"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_is_not_as_exported_is_refused_by_name(copied: Path, fault: str) -> None:
    spoil, named = FAULTS[fault]
    spoil(copied)
    with pytest.raises(ModelError) as refused:
        load_model(copied)
    assert named in refused.value.message.en
    assert named in refused.value.message.id


def test_the_shipped_model_starts_and_gives_probabilities() -> None:
    model = load_model()
    maps = model.run(np.full((96, 128, 3), 128, np.uint8))
    assert set(maps) == set(OUTPUTS)
    assert maps["surface"].shape == (2, 24, 32)
    assert maps["defects"].shape == (len(model.manifest.codes), 24, 32)
    for name in ("surface", "defects", "pitch"):
        assert maps[name].min() >= 0
        assert maps[name].max() <= 1
    assert np.allclose(maps["pitch"].sum(axis=1), 1, atol=1e-4)


def test_every_code_has_two_thresholds_in_order() -> None:
    manifest = load_model().manifest
    assert set(manifest.thresholds) == set(manifest.codes)
    assert all(0 < t.review <= t.fail <= 1 for t in manifest.thresholds.values())
