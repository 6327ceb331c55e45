"""Training goes on after a stop exactly as if it had not been stopped; the shipped file is the network."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from qc_vision.errors import ModelError, SpecError, StorageError
from qc_vision.model import CHECKED, OUTPUTS, champion_folder, load_model
from training.checkpoint import load_checkpoint, save_checkpoint
from training.export import PARITY, Exported, averaged_network, blend
from training.fit import fit
from training.network import MEAN, STD, WeaveNet
from training.render.cache import fill
from training.render.fault import CODES
from training.render.scene import Renderer
from training.run import Run, load_run
from training.warm import mean_weights, shipped_weights

ROOT = Path(__file__).parents[2]
TINY = Run(
    seed=3, steps=4, batch=4, learning_rate=1e-3, encoder_learning_rate=1e-4, weight_decay=1e-4, cooldown=0.5,
    average=0.9, renders=32, kept=32, render_seed=0, warm_start=(), sets={},
)  # fmt: skip


@pytest.fixture(scope="module")
def renders(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("renders")
    list(fill(folder, first_seed=0, seeds=32, kept=32, renderer=Renderer()))
    return folder


def _run(run: Run, renders: Path, out: Path, *, stop_after: int | None = None) -> dict:
    checkpoint = fit(
        run, renders=renders, sets=ROOT / "datasets", models=ROOT / "models", out=out, stop_after=stop_after
    )
    return load_checkpoint(checkpoint)


def test_a_run_that_was_stopped_ends_like_one_that_was_not(tmp_path: Path, renders: Path) -> None:
    """With a labelled set mixed in; the average, which is what is shipped, too."""
    run = replace(TINY, sets={"rendered_sample": 0.5})
    whole = _run(run, renders, tmp_path / "whole")
    _run(run, renders, tmp_path / "parts", stop_after=2)
    parts = _run(run, renders, tmp_path / "parts")
    assert whole["step"] == parts["step"] == 4
    for weights in ("network", "average"):
        for name, tensor in whole[weights].items():
            assert torch.equal(tensor, parts[weights][name]), name


def test_a_run_killed_at_any_moment_goes_on_from_its_last_checkpoint(
    tmp_path: Path, renders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done since is done again, alike."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    whole = _run(TINY, renders, tmp_path / "whole")
    _run(TINY, renders, tmp_path / "parts", stop_after=2)
    with monkeypatch.context() as amid:
        amid.setattr("training.fit.save_checkpoint", killed)
        with pytest.raises(Killed):
            _run(TINY, renders, tmp_path / "parts")
    parts = _run(TINY, renders, tmp_path / "parts")
    for name, tensor in whole["network"].items():
        assert torch.equal(tensor, parts["network"][name]), name


def test_a_share_of_a_batch_is_path_traced(tmp_path: Path, renders: Path) -> None:
    """As much as the run says: all of it where there are no other renders; and what to do where there is none."""
    traced = tmp_path / "traced"
    (traced / "windows").mkdir(parents=True)
    run = replace(TINY, traced=1.0)
    with pytest.raises(StorageError, match="qc-train cut"):
        _run(run, traced, tmp_path / "none")
    shutil.copy(next(renders.glob("*.npz")), traced / "windows" / "0-15-0.npz")
    assert _run(run, traced, tmp_path / "all")["step"] == TINY.steps
    with pytest.raises(StorageError, match="qc-train render"):
        _run(replace(run, traced=0.5), traced, tmp_path / "half")


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path, renders: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    other = {"step": 1, "network": {"w": torch.ones(1)}, "average": {"module.w": torch.ones(1)}}
    for state in (other, {"step": 1}):
        save_checkpoint(checkpoint, state)
        with pytest.raises(ModelError, match="another network"):
            _run(TINY, renders, tmp_path)
        with pytest.raises(ModelError, match="another network"):
            averaged_network(checkpoint)


def test_a_run_that_starts_from_a_version_that_is_gone_says_so(tmp_path: Path, renders: Path) -> None:
    with pytest.raises(ModelError, match=r"2020\.1\.1 cannot be read"):
        _run(replace(TINY, warm_start=("2020.1.1",)), renders, tmp_path)


def test_without_renders_the_training_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="qc-train render"):
        _run(TINY, tmp_path / "empty", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("steps = 30000", "steps = 0", "steps"),
        ("steps = 30000", "stops = 30000", "stops"),
        ("batch = 16", 'batch = "many"', "batch"),
        ("[sets]", "[sets]\na = 0.7\nb = 0.6", "add up to 1.3"),
        ("[sets]", "[sets]\na = 1.4", "sets"),
        ("seed = 3", "seed =", "toml"),
    ],
)
def test_a_wrong_run_file_is_refused_by_its_key(tmp_path: Path, old: str, new: str, named: str) -> None:
    text = (ROOT / "training" / "runs" / "night.toml").read_text("utf-8")
    path = tmp_path / "run.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(SpecError) as caught:
        load_run(path)
    assert named in caught.value.message.en
    assert "tidak dapat dipakai" in caught.value.message.id


def test_training_moves_the_heads_and_leaves_the_ruler_alone(tmp_path: Path, renders: Path) -> None:
    after = _run(replace(TINY, steps=2), renders, tmp_path)["network"]
    torch.manual_seed(TINY.seed)
    before = WeaveNet(len(CODES)).state_dict()
    assert torch.equal(
        before["encoder.blocks.2.0.conv_pw.weight"], after["encoder.blocks.2.0.conv_pw.weight"]
    )
    assert not torch.equal(before["surface.weight"], after["surface.weight"])


def test_every_shipped_run_file_is_valid() -> None:
    for path in (ROOT / "training" / "runs").glob("*.toml"):
        assert load_run(path).steps > 0


def test_the_shipped_file_gives_what_the_network_gives() -> None:
    """Parity of torch and the runtime, on a picture that is not the golden sample."""
    folder = champion_folder()
    network = WeaveNet(len(CODES), pretrained=False)
    weights, new = shipped_weights(folder)
    assert new == ()
    network.load_state_dict(weights)
    rgb = Renderer().render(77).rgb[:224]
    photo = torch.from_numpy(((rgb / 255.0 - MEAN) / STD).astype(np.float32).transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        ours = dict(zip(OUTPUTS, Exported(network.eval())(photo), strict=True))
    theirs = load_model(folder).run(rgb)
    for name in CHECKED:
        assert np.abs(ours[name][0].numpy() - theirs[name]).max() < PARITY, name


def test_what_the_fault_head_says_goes_in_full_to_the_likeliest_code() -> None:
    network = WeaveNet(len(CODES), pretrained=False).eval()
    with torch.no_grad():
        photo = torch.rand(1, 3, 64, 96)
        maps, (_, defects, *_) = network(photo), Exported(network)(photo)
    assert torch.allclose(defects.amax(1), maps.fault[:, 0].sigmoid())
    assert torch.equal(defects.argmax(1), maps.defects.argmax(1))


def test_weights_of_another_encoder_are_refused_and_new_heads_start_afresh(tmp_path: Path) -> None:
    graph = onnx.load(str(champion_folder() / "weave.onnx"))
    weights = graph.graph.initializer
    for name in ("network.surface.weight", "network.encoder.conv_stem.weight"):
        kept = [w for w in weights if w.name != name]
        assert len(kept) == len(weights) - 1
        del weights[:]
        weights.extend(kept)
        onnx.save(graph, str(tmp_path / "weave.onnx"))
        if name.startswith("network.encoder"):
            with pytest.raises(ModelError, match="another network"):
                shipped_weights(tmp_path)
        else:
            assert shipped_weights(tmp_path)[1] == ("surface.weight",)
            with pytest.raises(ModelError, match=r"1 missing, e\.g\. surface\.weight"):
                blend([champion_folder(), tmp_path], version="2020.1.1", models=tmp_path, training={})
            assert not (tmp_path / "2020.1.1").exists()


def test_a_run_may_start_from_the_mean_of_two_versions(tmp_path: Path) -> None:
    graph = onnx.load(str(champion_folder() / "weave.onnx"))
    bias = next(w for w in graph.graph.initializer if w.name == "network.fault.bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 2, bias.name))
    (tmp_path / "other").mkdir()
    onnx.save(graph, str(tmp_path / "other" / "weave.onnx"))

    mean, new = mean_weights([champion_folder(), tmp_path / "other"])

    alone, _ = shipped_weights(champion_folder())
    assert new == ()
    assert mean.keys() == alone.keys()
    assert {name for name in alone if not torch.allclose(mean[name], alone[name])} == {"fault.bias"}
    assert torch.allclose(mean["fault.bias"], alone["fault.bias"] + 1)
    assert all(mean[name].dtype == alone[name].dtype for name in alone)
