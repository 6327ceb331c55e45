"""Starts a run from a shipped version: reads the network's weights back out of its ONNX file."""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from qc_vision.errors import ModelError
from qc_vision.message import Message
from training.network import WeaveNet
from training.render.fault import CODES

PREFIX = "network."


def shipped_weights(folder: Path) -> dict[str, Tensor]:
    """The state of `WeaveNet` as exported; ModelError where the file is of another network."""
    stored = {i.name: i for i in onnx.load(str(folder / "weave.onnx")).graph.initializer}
    state = WeaveNet(len(CODES), pretrained=False).state_dict()
    missing = []
    for name, ours in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        found = stored.get(PREFIX + name)
        if found is None or tuple(found.dims) != tuple(ours.shape):
            missing.append(name)
        else:
            state[name] = torch.from_numpy(numpy_helper.to_array(found).copy())
    if missing:
        raise ModelError(
            Message(
                id=f"{folder.name} berasal dari jaringan lain ({len(missing)} bobot tidak cocok, mis. {missing[0]}).",
                en=f"{folder.name} is of another network ({len(missing)} weights do not fit, e.g. {missing[0]}).",
            )
        )
    return state
