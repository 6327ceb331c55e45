"""Real weave in renders: where it lies, and that nobody claims to have counted it."""

import csv

import cv2
import numpy as np
import pytest
import torch

from training.data import samples_of
from training.render import scene
from training.render.fabric import WEAVES, plan_fabric
from training.render.scan import Scan, dye, load_scans, scanned_surface
from training.render.scene import SCANS, Renderer
from training.render.shape import _homography, grid


@pytest.fixture(scope="module")
def ramp() -> Scan:
    """Two rows and four lobes; red grows from left to right, green from top to bottom."""
    y, x = np.mgrid[0:200, 0:400] + 0.5
    rgb = np.dstack([x / 400, y / 200, np.full_like(x, 0.5)]).astype(np.float32)
    return Scan(rgb=rgb, rows=2.0, stakes=4.0)


def _lay(scan: Scan, rows: list[float], stakes: list[float]) -> np.ndarray:
    surface = scanned_surface(
        scan, torch.tensor([rows]), torch.tensor([stakes]), pitch=100.0, missing=torch.zeros(1, len(rows))
    )
    return surface.rgb[0].numpy()


def test_a_place_on_the_fabric_shows_that_place_of_the_scan(ramp: Scan) -> None:
    laid = _lay(ramp, [0.5, 1.5, 1.0], [1.0, 2.0, 3.5])
    assert laid[:, 0] == pytest.approx([0.25, 0.5, 0.875], abs=0.01)
    assert laid[:, 1] == pytest.approx([0.25, 0.75, 0.5], abs=0.01)


def test_beyond_its_borders_the_scan_goes_on_mirrored(ramp: Scan) -> None:
    inside = _lay(ramp, [0.3, 1.2, 0.7], [0.4, 3.1, 2.2])
    for rows, stakes in (
        ([-0.3, -1.2, -0.7], [0.4, 3.1, 2.2]),
        ([3.7, 2.8, 3.3], [0.4, 3.1, 2.2]),
        ([4.3, 5.2, 4.7], [-0.4, -3.1, -2.2]),
        ([0.3, 1.2, 0.7], [7.6, 4.9, 5.8]),
    ):
        assert _lay(ramp, rows, stakes) == pytest.approx(inside, abs=0.01)


def test_shown_smaller_than_it_is_a_scan_has_its_mean_and_no_aliasing() -> None:
    stripes = np.repeat((np.arange(400) % 2)[None, :, None], 200, 0).repeat(3, 2).astype(np.float32)
    scan = Scan(rgb=stripes, rows=2.0, stakes=4.0)
    rows, stakes = torch.meshgrid(torch.linspace(0.1, 1.9, 30), torch.linspace(0.1, 3.9, 60), indexing="ij")
    laid = scanned_surface(scan, rows, stakes, pitch=15.0, missing=torch.zeros_like(rows))
    assert laid.rgb.numpy() == pytest.approx(0.5, abs=0.05)


def test_a_dyed_scan_is_the_same_weave(ramp: Scan) -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        other = dye(ramp, rng)
        assert other.rgb.shape == ramp.rgb.shape
        assert (other.rows, other.stakes) == (ramp.rows, ramp.stakes)
        grey, own = other.rgb.mean(2).ravel(), ramp.rgb.mean(2)
        turned = [np.flip(own, axes).ravel() for axes in ((), 0, 1, (0, 1))]
        assert max(np.corrcoef(grey, t)[0, 1] for t in turned) > 0.9


def test_the_shipped_scans_are_free_and_whole() -> None:
    scans = load_scans(SCANS)
    assert len(scans) == len(list(SCANS.glob("*.jpg"))) >= 4
    with (SCANS / "sources.tsv").open(encoding="utf-8", newline="") as file:
        assert {line["licence"] for line in csv.DictReader(file, delimiter="\t")} == {"CC-BY-4.0"}
    for scan in scans:
        assert scan.rgb.min() > 0  # none of the atlas's black ground
        assert 0.5 < scan.aspect < 4


def test_scanned_weave_teaches_faults_and_no_density(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "SCANNED", 1.0)
    renderer = Renderer()
    pictures = [renderer.render(seed) for seed in range(12)]
    judged = [p for p in pictures if p.judged.max() > 0.9]
    assert len(judged) >= 8
    assert max(p.defects.max() for p in judged) > 0.8
    for picture in judged:
        assert not picture.steps.any()
        assert not samples_of([picture])[0].read.any()


def test_two_coloured_figures_keep_every_strand_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure is in the tile alone: it is as periodic as the tile, and both families show."""
    monkeypatch.setattr("training.render.fabric.WEAVES", dict.fromkeys(WEAVES, 0.0) | {"figure": 1.0})
    monkeypatch.setattr("training.render.fabric.CALM", 0.0)  # which makes most of them plain
    for seed in range(10):
        plan, _ = plan_fabric(np.random.default_rng(seed))
        tile = np.array(plan.tile)
        assert min(tile.shape) >= 12
        assert 0.1 < tile.mean() < 0.95


def test_the_weaves_shares_add_up_to_all() -> None:
    assert sum(WEAVES.values()) == pytest.approx(1.0, abs=1e-9)


def test_a_face_seen_from_its_own_plane_has_finite_places() -> None:
    """A pixel exactly on the horizon looks infinitely far."""
    x, y = (v.double() for v in grid(64))
    quad = np.array([[16.0, 40.0], [48.0, 40.0], [56.0, 60.0], [8.0, 60.0]])
    target = np.array([[0, 0], [32, 0], [32, 32], [0, 32]], np.float32)
    m = cv2.getPerspectiveTransform(quad.astype(np.float32), target).astype(np.float64)
    y = y - y[0, 0] + float(-m[2, 2] / m[2, 1])  # the first row of pixels lies on the horizon
    along, down, mask = _homography(x, y, quad, (32.0, 32.0))
    assert along.abs().max() < 1e9
    assert down.abs().max() < 1e9
    assert not mask[0].any()
