"""Starts a run from shipped versions: reads the network's weights back out of their ONNX files."""

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from qc_vision.errors import ModelError
from qc_vision.message import Message
from training.network import WeaveNet
from training.render.fault import CODES

PREFIX = "network."


def mean_weights(folders: Sequence[Path]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The mean of several versions' weights: where one was trained on from the other they lie in one valley, whose
    middle is often better than either (Wortsman et al. 2022, "Model soups"). Errors as in `shipped_weights`."""
    states, news = zip(*(shipped_weights(folder) for folder in folders), strict=True)
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if first.is_floating_point() else first
        for name, first in states[0].items()
    }
    return mean, tuple(dict.fromkeys(name for new in news for name in new))


def shipped_weights(folder: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state of `WeaveNet` with all weights of the file that fit, and the names of those left as they are
    at the start of a run. Heads may be new; ModelError where the encoder itself is another, or the file missing."""
    try:
        stored = {i.name: i for i in onnx.load(str(folder / "weave.onnx")).graph.initializer}
    except (OSError, DecodeError) as wrong:
        raise ModelError(
            Message(
                id=f"Versi {folder.name} tidak dapat dibaca dari {folder.parent} ({wrong}). Sebutkan versi yang ada; di "
                "berkas latihan itu warm_start, dan [] berarti mulai dari nol.",
                en=f"Version {folder.name} cannot be read from {folder.parent} ({wrong}). Name versions that are there; in a "
                "run file that is warm_start, and [] means from nothing.",
            )
        ) from wrong
    state = WeaveNet(len(CODES)).state_dict()
    new = []
    for name, ours in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        found = stored.get(PREFIX + name)
        if found is None or tuple(found.dims) != tuple(ours.shape):
            new.append(name)
        else:
            state[name] = torch.from_numpy(numpy_helper.to_array(found).copy())
    foreign = [name for name in new if name.startswith("encoder.")]
    if foreign:
        raise ModelError(
            Message(
                id=f"{folder.name} berasal dari jaringan lain ({len(foreign)} bobot tidak cocok, mis. {foreign[0]}).",
                en=f"{folder.name} is of another network ({len(foreign)} weights do not fit, e.g. {foreign[0]}).",
            )
        )
    return state, tuple(new)
