"""Traces the light of planned photos with Blender's Cycles as a Python module (`bpy`, GPL; a separate tool, never a
dependency).

    python -m training.traced.blender training/renders/traced --first 0 --count 300

wants an environment of its own with `bpy` and numpy. Writes SEED.npz, a faulty picture beside its sound twin (`seen`), and
goes on where it stopped.
"""

import argparse
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Quaternion, Vector
from numpy.typing import NDArray

from training.traced.fault import dents, loosened, shows
from training.traced.materials import checked, light_up, plain, plant_fibre, printed, saying
from training.traced.opening import Opening, without
from training.traced.parts import Copied, edges, handle, others_of_its_kind, woven
from training.traced.plan import SIZE_PX, Plan, plan
from training.traced.seen import END, OTHER, OUTSIDE, PART, Traced, write_pair
from training.traced.wall import Wall
from training.traced.weave import Mesh, joined, tube, weave

SAMPLES = 6
"""Paths a pixel; the rest is left to the denoiser."""
BACKDROPS = Path(__file__).parents[2] / "datasets" / "backgrounds"
SAYS = {"surface": OUTSIDE, "bottom": PART, "edges": PART, "handle": PART, "ends": END}
"""What a thing's pixels show, by its name. `surface` and `bottom` are the bare forms under the strands, seen instead of
these where the truth is asked for."""
WOVEN, UNWOVEN = ("strands", "base"), ("surface", "bottom")
SURROUNDINGS = ("ground", "back")


def trace(seed: int, *, sound: bool, threads: int) -> Traced:
    planned = plan(seed)
    faults = () if sound else planned.faults
    wall = planned.wall.dented(dents(faults, planned.wall))
    rng = np.random.default_rng(planned.things)
    _empty(seed, threads)
    fibre = plant_fibre(rng)
    basket = [
        _put("strands", woven(planned, wall, faults), fibre),
        _bare("surface", wall, planned.opening),
    ]
    if planned.base is not None and planned.base_fabric is not None:
        strands = weave(planned.base, planned.base_fabric)
        basket.append(_put("base", joined([tube(planned.base, strand) for strand in strands]), fibre))
        basket.append(_bare("bottom", planned.base))
    for name, strands in (
        ("ends", [end for fault in faults for end in loosened(fault, wall, planned.fabric)]),
        ("edges", edges(planned, wall, faults, rng)),
    ):
        if strands:
            basket.append(_put(name, joined([tube(wall, strand) for strand in strands]), fibre))
    if (arc := handle(planned, rng)) is not None:
        basket.append(_put("handle", arc, fibre))
    _surround(planned, rng)
    for copy in others_of_its_kind(planned, rng):
        for thing in basket:
            _again(thing, copy)
    light_up(rng, planned.view.target)
    _look_from(planned)

    light = _render(truth=False)
    for thing in bpy.data.objects:
        if thing.type == "MESH":
            _tell(thing)
    told = _render(truth=True)
    part = (np.round(told[..., 2] * 10) * (told[..., 3] > 0.5)).astype(np.uint8)
    place = told[..., :2] * 1000
    marks = part == END
    for fault in faults:
        here = (OUTSIDE, PART) if fault.kind == "rim" else (OUTSIDE,)
        row, stake = place.reshape(-1, 2).T.astype(np.float64)
        marks |= np.isin(part, here) & shows(fault, wall, row, stake).reshape(part.shape)
    return Traced(
        light=light[..., :3].astype(np.float16),
        place=place.astype(np.float32),
        part=part,
        marks=marks,
        code=faults[0].code if faults else "",
        weave=planned.fabric.weave,
    )


def _empty(seed: int, threads: int) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("world")
    scene.render.engine = "CYCLES"
    scene.render.threads_mode = "FIXED"
    scene.render.threads = threads
    scene.cycles.device = "CPU"
    scene.cycles.seed = seed % (1 << 30)
    scene.cycles.max_bounces = 4
    scene.cycles.diffuse_bounces = 3
    scene.cycles.glossy_bounces = 1
    scene.cycles.transmission_bounces = 0
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.denoising_quality = scene.cycles.denoising_prefilter = "FAST"
    scene.view_settings.view_transform = "Raw"
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.render.image_settings.color_mode = "RGBA"


def _put(name: str, mesh: Mesh, material: Any) -> Any:
    """A mesh as a thing of the scene. Three values go with each of its corners: see `materials`."""
    made = bpy.data.meshes.new(name)
    made.vertices.add(len(mesh.places))
    made.vertices.foreach_set("co", mesh.places.astype(np.float32).ravel())
    made.loops.add(mesh.faces.size)
    made.loops.foreach_set("vertex_index", mesh.faces.ravel())
    made.polygons.add(len(mesh.faces))
    made.polygons.foreach_set(
        "loop_start", np.arange(0, mesh.faces.size, mesh.faces.shape[1], dtype=np.int32)
    )
    made.update(calc_edges=True)
    made.polygons.foreach_set("use_smooth", np.ones(len(mesh.faces), bool))
    nothing = np.zeros(len(mesh.places))
    length, share, plies = mesh.along.T
    for value, columns in (
        ("tint", (*mesh.colour.T, nothing + 1)),
        ("along", (length, share, mesh.mould, plies)),
        # as colours are kept: small, so that nothing clips them
        ("place", (mesh.row / 1000, mesh.stake / 1000, nothing, nothing + 1)),
    ):
        colours = made.attributes.new(value, "FLOAT_COLOR", "POINT").data
        colours.foreach_set("color", np.column_stack(columns).astype(np.float32).ravel())
    made.materials.append(material)
    thing = bpy.data.objects.new(name, made)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _bare(name: str, wall: Wall, opening: Opening | None = None) -> Any:
    """The form itself, unwoven, which says where on the wall one looks; no light falls on it."""
    rows, stakes = 3 * wall.rows + 1, 3 * wall.stakes + 1
    grid = np.meshgrid(np.linspace(0, wall.rows, rows), np.linspace(0, wall.stakes, stakes), indexing="ij")
    row, stake = (values.ravel() for values in grid)
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(stakes - 1), indexing="ij")
    first = (i * stakes + j).ravel()
    first = first[without(opening, wall, row[first], stake[first])]
    mesh = Mesh(
        places=wall.at(row, stake),
        faces=np.column_stack([first, first + 1, first + stakes + 1, first + stakes]).astype(np.int32),
        colour=np.zeros((len(row), 3)),
        along=np.zeros((len(row), 3)),
        row=row,
        stake=stake,
        mould=np.zeros(len(row)),
    )
    thing = _put(name, mesh, plain("bare", (0, 0, 0)))
    thing.hide_render = True
    return thing


def _again(thing: Any, copied: Copied) -> None:
    copy = thing.copy()
    copy.location = copied.at
    copy.rotation_euler = (0, 0, copied.turned_rad)
    copy.scale = (copied.scale,) * 3
    bpy.context.scene.collection.objects.link(copy)


def _surround(planned: Plan, rng: np.random.Generator) -> None:
    """Ground, what stands behind, what lies in the basket, a tag on it."""
    papers = sorted(BACKDROPS.glob("*.jpg"))
    ground = _plane("ground", 60, (0, 0, -0.02))
    ground.data.materials.append(printed("ground", papers[rng.integers(len(papers))], rng.uniform(3, 9), rng))
    form, wall = planned.form, planned.wall
    if rng.random() < 0.55:
        away = planned.view.target - planned.view.eye
        around = math.atan2(away[1], away[0])
        far = (2.2 if form is None else max(form.a, form.b)) * rng.uniform(1.3, 4)
        back = _plane("back", 60, (far * math.cos(around), far * math.sin(around), 0))
        back.rotation_euler = (math.pi / 2, 0, around + math.pi / 2 + rng.normal(0, 0.3))
        back.data.materials.append(
            printed("back", papers[rng.integers(len(papers))], rng.uniform(4, 12), rng)
        )
    if form is not None and rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 5))):
            radius = rng.uniform(0.2, 0.6) * form.b
            at = (*rng.normal(0, 0.25, 2) * form.b, radius + rng.uniform(0.1, 0.6) * form.height)
            bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=4, radius=radius, location=at)
            bpy.context.object.scale = (1, rng.uniform(0.6, 1), rng.uniform(0.5, 1))
            bpy.ops.object.shade_smooth()
            bpy.context.object.data.materials.append(plain("cloth", tuple(rng.uniform(0.03, 0.8, 3))))
    if rng.random() < 0.2:
        row = np.array([rng.uniform(0.3, 0.9) * wall.rows])
        stake = np.array([rng.uniform(0, 1) * wall.stakes])
        outward = wall.outward(row, stake)[0]
        tag = _plane("tag", rng.uniform(0.2, 0.9), wall.at(row, stake)[0] + outward * wall.pitch)
        tag.rotation_euler = Vector(outward).to_track_quat("Z", "Y").to_euler()
        tag.data.materials.append(
            plain("tag", tuple(rng.uniform(0.3, 0.9, 3))) if rng.random() < 0.4 else checked("tag", rng)
        )


def _plane(name: str, size: float, at: Any) -> Any:
    bpy.ops.mesh.primitive_plane_add(size=size, location=tuple(float(v) for v in at))
    bpy.context.object.name = name
    return bpy.context.object


def _look_from(planned: Plan) -> None:
    view, scene = planned.view, bpy.context.scene
    camera = bpy.data.cameras.new("camera")
    camera.sensor_fit = "AUTO"
    camera.angle = view.field_rad
    camera.clip_start = 0.01
    thing = bpy.data.objects.new("camera", camera)
    thing.location = view.eye
    turned = Vector(view.eye - view.target).to_track_quat("Z", "Y") @ Quaternion((0, 0, 1), view.roll_rad)
    thing.rotation_euler = turned.to_euler()
    scene.collection.objects.link(thing)
    scene.camera = thing
    long, short = SIZE_PX
    scene.render.resolution_x, scene.render.resolution_y = (short, long) if view.upright else (long, short)


def _tell(thing: Any) -> None:
    """From here on the thing shines with what is true of it, or is gone."""
    name = thing.name.split(".")[0]
    thing.hide_render = name in (*WOVEN, *SURROUNDINGS)
    if not thing.hide_render:
        thing.data.materials.clear()
        thing.data.materials.append(saying(SAYS.get(name, OTHER)))


def _render(*, truth: bool) -> NDArray[np.float32]:
    """(h, w, 4) linear RGBA, the first row on top."""
    scene = bpy.context.scene
    scene.cycles.samples = 1 if truth else SAMPLES
    scene.cycles.use_denoising = not truth
    scene.render.film_transparent = truth
    scene.cycles.pixel_filter_type = "BOX" if truth else "BLACKMAN_HARRIS"
    scene.cycles.filter_width = 0.01 if truth else 1.5
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "picture.exr")
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(scene.render.filepath)
        image.colorspace_settings.name = "Non-Color"
        width, height = image.size
        values = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(values)
        bpy.data.images.remove(image)
    return values.reshape(height, width, 4)[::-1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=0, help="seed")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for seed in range(asked.first, asked.first + asked.count):
        path = asked.out / f"{seed}.npz"
        if not path.exists():
            pair = (trace(seed, sound=sound, threads=asked.threads) for sound in (False, True))
            write_pair(path, *pair)


if __name__ == "__main__":
    main()
