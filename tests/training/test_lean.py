"""A graph with less to do says the same; held to what the runtime makes of it."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from training.lean import make_lean


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convolutions that halve an even side, as the encoder's do."""
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    for kernel in (3, 5):
        layers += [Conv2dSame(4, 4, kernel, stride=2, bias=False), nn.BatchNorm2d(4), nn.ReLU6()]
    network = nn.Sequential(*layers).eval()
    height, width = torch.export.Dim("height", min=2, max=64), torch.export.Dim("width", min=2, max=64)
    path = tmp_path_factory.mktemp("graph") / "as_exported.onnx"
    program = torch.onnx.export(
        network,
        (torch.rand(1, 4, 64, 96),),
        dynamo=True,
        dynamic_shapes=({2: 32 * height, 3: 32 * width},),
        optimize=False,
        verbose=False,
    )
    onnx.save(program.model_proto, str(path))
    return path


def test_a_lean_graph_says_the_same_at_every_size_and_pads_and_normalises_within_its_convolutions(
    graph: Path, tmp_path: Path
) -> None:
    lean = onnx.load(str(graph))
    make_lean(lean)
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "as_run.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED

    sessions = [ort.InferenceSession(str(graph)), ort.InferenceSession(lean.SerializeToString(), options)]

    for shape in ((1, 4, 64, 96), (1, 4, 224, 32)):
        photo = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        before, after = (session.run(None, {session.get_inputs()[0].name: photo})[0] for session in sessions)
        np.testing.assert_allclose(after, before, atol=1e-5)
    steps = {node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node}
    assert not steps & {"Pad", "BatchNormalization", "Shape"}


def test_weights_keep_their_names_and_values_and_a_lean_graph_stays_as_it_is(graph: Path) -> None:
    lean = onnx.load(str(graph))
    weights = {weight.name: weight.raw_data for weight in lean.graph.initializer if "weight" in weight.name}
    make_lean(lean)
    once = lean.SerializeToString()
    make_lean(lean)

    kept = {weight.name: weight.raw_data for weight in lean.graph.initializer}
    assert weights
    assert weights.items() <= kept.items()
    assert lean.SerializeToString() == once
