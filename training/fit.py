"""Trains the network: one script, read from top to bottom."""

import random
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from qc_vision.errors import StorageError
from qc_vision.message import Message
from training.augment import apply, photometric
from training.checkpoint import load_checkpoint, of_another_network, save_checkpoint
from training.data import Sample, collate, samples_of, turned
from training.losses import losses
from training.network import WeaveNet
from training.render.cache import Shard
from training.render.fault import CODES
from training.run import Run
from training.sets import LabelledPhoto, crop_sample, read_set
from training.warm import mean_weights

CHECKPOINT_EVERY = 100
WINDOWS = "windows"
"""Folder of the path-traced shards, in that of the renders."""


def fit(
    run: Run,
    *,
    renders: Path,
    sets: Path,
    models: Path,
    out: Path,
    device: str = "cpu",
    stop_after: int | None = None,
) -> Path:
    """Runs `run` to its end (or for `stop_after` steps of it), going on from `out`/checkpoint.pt where
    there is one; returns that path."""
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    rng = np.random.default_rng(run.seed)
    torch.manual_seed(run.seed)
    random.seed(run.seed)
    augment = photometric(run.seed)

    network = WeaveNet(len(CODES)).to(device, memory_format=torch.channels_last)
    if run.warm_start:
        state, new = mean_weights([models / version for version in run.warm_start])
        network.load_state_dict(state)
        if new:
            versions = " and ".join(run.warm_start)
            tqdm.write(f"{versions} lack {len(new)} weights of this network; they start afresh")
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(run.average))
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    rest = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    optimizer = torch.optim.AdamW(
        [{"params": encoder, "lr": run.encoder_learning_rate}, {"params": rest, "lr": run.learning_rate}],
        weight_decay=run.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, run))

    first = 0
    if checkpoint.exists():
        kept = load_checkpoint(checkpoint, device=device)
        try:
            network.load_state_dict(kept["network"])
            average.load_state_dict(kept["average"])
            optimizer.load_state_dict(kept["optimizer"])
            schedule.load_state_dict(kept["schedule"])
            rng.bit_generator.state = kept["rng"]
            first = kept["step"]
        except (KeyError, RuntimeError, ValueError) as wrong:
            raise of_another_network(checkpoint, wrong) from wrong

    labelled = {name: [p for p in read_set(sets / name) if p.split == "train"] for name in run.sets}
    last = run.steps if stop_after is None else min(run.steps, first + stop_after)
    progress = tqdm(range(first, last), initial=first, total=run.steps, unit="step", smoothing=0.02)
    smooth: dict[str, float] = {}
    network.train()
    for step in progress:
        samples = _draw(run, renders, labelled, rng)
        augment.set_random_seed(
            run.seed + step
        )  # of its own for each step, so that a resumed run draws alike
        for sample in samples:
            sample.rgb = apply(augment, sample.rgb)
        batch = collate(samples, device=device)

        parts = losses(network(batch.photo), batch)
        loss = sum(parts.values())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)

        for name, value in parts.items():
            smooth[name] = 0.98 * smooth.get(name, value.item()) + 0.02 * value.item()
        if step % 20 == 0:
            progress.set_postfix({k: f"{v:.3f}" for k, v in smooth.items()})
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == last:
            save_checkpoint(
                checkpoint,
                {
                    "run": asdict(run),
                    "step": step + 1,
                    "network": network.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "rng": rng.bit_generator.state,
                    "losses": smooth,
                },
            )
    return checkpoint


def _draw(
    run: Run, renders: Path, labelled: dict[str, list[LabelledPhoto]], rng: np.random.Generator
) -> list[Sample]:
    """One batch: labelled photos by their weights, the rest from a shard of renders and one of path-traced pictures, or
    from two of renders."""
    samples = [
        crop_sample(photos[rng.integers(len(photos))], rng)
        for name, photos in labelled.items()
        for _ in range(rng.binomial(run.batch, run.sets[name]) if photos else 0)
    ][: run.batch]
    rendered = run.batch - len(samples)
    traced = rng.binomial(rendered, run.traced) if run.traced else rendered // 2
    first = renders / WINDOWS if run.traced else renders
    for folder, share in ((first, traced), (renders, rendered - traced)):
        if share == 0:
            continue
        shard = _any_shard(folder, rng)
        rendered_ones = (sample for i in rng.permutation(len(shard)) for sample in samples_of(shard[i]))
        samples += [turned(sample, rng) for sample in islice(rendered_ones, share)]
    return samples


def _any_shard(renders: Path, rng: np.random.Generator) -> Shard:
    """A shard of the cache as it is now: a renderer beside the training adds new ones and clears old ones."""
    while shards := sorted(renders.glob("*.npz")):
        try:
            return Shard(shards[rng.integers(len(shards))])
        except FileNotFoundError:
            continue
    raise _nothing_rendered(renders)


def _nothing_rendered(folder: Path) -> StorageError:
    how = "training.traced.blender, qc-train cut" if folder.name == WINDOWS else "qc-train render"
    return StorageError(
        Message(
            id=f"Belum ada gambar di {folder}. Jalankan dulu: {how}",
            en=f"There are no rendered pictures in {folder}. Run first: {how}",
        )
    )


def _rate(step: int, run: Run) -> float:
    """Warm-up over 100 steps, then level, then a straight fall over the last `cooldown` of the run."""
    left = (run.steps - step) / (run.steps * run.cooldown)
    return max(0.0, min((step + 1) / 100, 1.0, left))
