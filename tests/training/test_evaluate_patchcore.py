"""The memory bank: what is far from it is odd, and few patches stand for many."""

from pathlib import Path

import numpy as np
import torch

from qc_vision.photo import Photo
from training.evaluate.cells import CellMap
from training.evaluate.patchcore import PatchCore, build, choose_coreset, embed, fill_bank
from training.network import WeaveNet
from training.render.scene import Renderer


def test_the_coreset_keeps_the_rare_kind() -> None:
    generator = torch.Generator().manual_seed(1)
    common = torch.randn(2000, 24, generator=generator) * 0.1
    rare = torch.randn(3, 24, generator=generator) * 0.1 + 5
    chosen = choose_coreset(torch.cat([common, rare]), size=20, generator=generator)
    assert len(chosen) == 20
    assert (chosen.mean(1) > 2).any()


def test_a_coreset_covers_better_than_chance() -> None:
    generator = torch.Generator().manual_seed(2)
    patches = torch.randn(3000, 8, generator=generator) ** 3
    chosen = choose_coreset(patches, size=60, generator=generator)
    by_chance = patches[torch.randperm(len(patches), generator=generator)[:60]]
    assert torch.cdist(patches, chosen).amin(1).max() < torch.cdist(patches, by_chance).amin(1).max()


def test_a_patch_of_another_kind_is_odd_and_what_lies_off_the_basket_is_not() -> None:
    encoder = WeaveNet(defect_kinds=1, pretrained=True).encoder.eval()
    y, x = np.indices((256, 256))
    weave = (128 + 60 * np.sin(x / 3) * np.sin(y / 3)).astype(np.uint8)[..., None].repeat(3, axis=2)
    with torch.inference_mode():
        bank = embed(encoder, weave).flatten(1).T
    spoilt = weave.copy()
    spoilt[96:144, 144:192] = (200, 30, 30)
    spoilt[:, :64] = 255  # off the basket
    photo = Photo(
        pixels=spoilt, width=256, height=256, reduction=1, sha256="", perceptual_hash="", format="png"
    )
    on_basket = np.ones((64, 64), np.float16)
    on_basket[:, :16] = 0
    oddness = PatchCore(bank, encoder).judge(photo, CellMap(values=on_basket, px_per_cell=4.0))
    heat = oddness.heat.spread((256, 256))
    peak_y, peak_x = np.unravel_index(int(heat.argmax()), heat.shape)
    assert 80 <= peak_y <= 160
    assert 128 <= peak_x <= 208
    assert heat[:, :64].max() == 0
    assert oddness.score > 0


def test_a_photo_without_a_basket_is_not_odd() -> None:
    photo = Photo(
        pixels=np.zeros((64, 64, 3), np.uint8),
        width=64,
        height=64,
        reduction=1,
        sha256="",
        perceptual_hash="",
        format="png",
    )
    nobody = CellMap(values=np.zeros((16, 16), np.float16), px_per_cell=4.0)
    assert PatchCore(torch.zeros(1, 1), torch.nn.Identity()).judge(photo, nobody).score == 0


def test_the_bank_holds_weave_from_renders() -> None:
    encoder = WeaveNet(defect_kinds=1, pretrained=True).encoder.eval()
    renders = [Renderer(side_px=128).render(seed) for seed in (9, 12)]
    bank = fill_bank(encoder, renders, size=50)
    assert bank.shape[0] == 50
    assert bool(torch.isfinite(bank).all())


def test_a_kept_bank_is_used_again_unless_something_else_made_it(tmp_path: Path) -> None:
    cache = tmp_path / "bank.npz"
    first = build(cache=cache, photos=1)
    with np.load(cache) as kept:
        bank, made_by = kept["bank"], str(kept["made_by"])
    np.savez(cache, bank=bank * 0 + 7, made_by=made_by)
    assert float(build(cache=cache, photos=1).bank[0, 0]) == 7
    np.savez(cache, bank=bank * 0 + 7, made_by="another renderer")
    assert torch.equal(build(cache=cache, photos=1).bank, first.bank)
