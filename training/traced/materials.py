"""What things are made of and how they are lit, in Blender's terms. Imports `bpy`, as `blender` does and nothing else.

Each corner of a mesh carries `tint` (linear RGB), `along` (dm along its strand, share of the way round it, how mouldy, plies passed by) and
`place` (row and stake, in thousands).
"""

import math
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from training.traced.seen import OUTSIDE, PART


def plain(name: str, rgb: tuple[float, ...]) -> Any:
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    node = made.node_tree.nodes["Principled BSDF"]
    node.inputs["Base Color"].default_value = (*rgb, 1)
    node.inputs["Roughness"].default_value = 0.8
    return made


def printed(name: str, paper: Path, tile_dm: float, rng: np.random.Generator) -> Any:
    """A ground or wall with a photo on it, tiled; or of one colour."""
    if rng.random() < 0.3:
        return plain(name, tuple(rng.uniform(0.05, 0.85) * np.exp(rng.normal(0, 0.15, 3))))
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    image = nodes.new("ShaderNodeTexImage")
    image.image = bpy.data.images.load(str(paper), check_existing=True)
    where = nodes.new("ShaderNodeTexCoord")
    scale = nodes.new("ShaderNodeMapping")
    scale.inputs["Scale"].default_value = (1 / tile_dm,) * 3
    scale.inputs["Rotation"].default_value = (0, 0, rng.uniform(0, 6.3))
    scale.inputs["Location"].default_value = (*rng.uniform(0, 1, 2), 0)
    links.new(where.outputs["Object"], scale.inputs["Vector"])
    links.new(scale.outputs["Vector"], image.inputs["Vector"])
    links.new(image.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    nodes["Principled BSDF"].inputs["Roughness"].default_value = rng.uniform(0.4, 0.9)
    return made


def checked(name: str, rng: np.random.Generator) -> Any:
    """White paper with black squares, as on cards for measuring; or with lines, as on labels."""
    cells = int(rng.integers(6, 14))
    squares = rng.random((cells, cells)) < 0.5
    if rng.random() < 0.4:
        squares = np.repeat(rng.random((cells, 1)) < 0.4, cells, 1)
    grid = np.pad(np.kron(squares, np.ones((4, 4))), 4)
    image = bpy.data.images.new(name, width=len(grid), height=len(grid))
    ink, paper = rng.uniform(0.01, 0.15), rng.uniform(0.6, 0.9)
    shade = np.where(grid > 0, ink, paper)[..., None] * np.ones(3)
    image.pixels.foreach_set(np.dstack([shade, np.ones(grid.shape)]).astype(np.float32).ravel())
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shown, where = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeTexCoord")
    shown.image, shown.interpolation = image, "Closest"
    links.new(where.outputs["Generated"], shown.inputs["Vector"])
    links.new(shown.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    return made


def plant_fibre(rng: np.random.Generator) -> Any:
    """Plant fibre: streaks along the strand, darker spots, plies of twisted cord, mould where the mesh says so."""
    made = bpy.data.materials.new("strand")
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shader = nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = rng.uniform(0.45, 0.85)
    tint, along = nodes.new("ShaderNodeAttribute"), nodes.new("ShaderNodeAttribute")
    tint.attribute_name, along.attribute_name = "tint", "along"

    def noise(scale: tuple[float, float, float], detail: float) -> Any:
        stretch = nodes.new("ShaderNodeMapping")
        stretch.inputs["Scale"].default_value = scale
        links.new(along.outputs["Color"], stretch.inputs["Vector"])
        made_noise = nodes.new("ShaderNodeTexNoise")
        made_noise.inputs["Scale"].default_value = 1.0
        made_noise.inputs["Detail"].default_value = detail
        links.new(stretch.outputs["Vector"], made_noise.inputs["Vector"])
        return made_noise

    def arithmetic(operation: str, a: Any, b: Any) -> Any:
        node = nodes.new("ShaderNodeMath")
        node.operation = operation
        for socket, value in zip(node.inputs, (a, b), strict=False):
            if isinstance(value, float):
                socket.default_value = value
            else:
                links.new(value, socket)
        return node.outputs[0]

    streaks = noise((rng.uniform(2, 8), rng.uniform(12, 40), 0), 3.0)
    spots = noise((rng.uniform(10, 40), rng.uniform(2, 6), 0), 2.0)
    strength, spotty = float(rng.uniform(0.2, 0.9)), float(rng.uniform(0.1, 0.5))
    tone = arithmetic("ADD", arithmetic("MULTIPLY", streaks.outputs["Fac"], strength), 1 - strength / 2)
    tone = arithmetic(
        "MULTIPLY",
        tone,
        arithmetic("ADD", arithmetic("MULTIPLY", spots.outputs["Fac"], spotty), 1 - spotty / 2),
    )
    crest = arithmetic("COSINE", arithmetic("MULTIPLY", along.outputs["Alpha"], 2 * math.pi), 0.0)
    tone = arithmetic("MULTIPLY", tone, arithmetic("ADD", arithmetic("MULTIPLY", crest, 0.18), 0.82))
    tinted = nodes.new("ShaderNodeVectorMath")
    tinted.operation = "SCALE"
    links.new(tint.outputs["Color"], tinted.inputs[0])
    links.new(tone, tinted.inputs["Scale"])

    specks = nodes.new("ShaderNodeTexNoise")
    specks.inputs["Scale"].default_value = float(rng.uniform(12, 40))
    specks.inputs["Detail"].default_value = 4.0
    where = nodes.new("ShaderNodeTexCoord")
    links.new(where.outputs["Object"], specks.inputs["Vector"])
    parts = nodes.new("ShaderNodeSeparateColor")
    links.new(along.outputs["Color"], parts.inputs["Color"])
    mouldy = arithmetic("MULTIPLY", parts.outputs["Blue"], specks.outputs["Fac"])
    grown = arithmetic("MULTIPLY", arithmetic("SUBTRACT", mouldy, float(rng.uniform(0.3, 0.42))), 12.0)
    node = nodes.new("ShaderNodeClamp")
    links.new(grown, node.inputs["Value"])
    mix = nodes.new("ShaderNodeMix")
    mix.data_type = "RGBA"
    mould = [(0.6, 0.62, 0.58), (0.1, 0.14, 0.08), (0.02, 0.02, 0.02)][rng.integers(3)]
    links.new(node.outputs[0], mix.inputs["Factor"])
    links.new(tinted.outputs[0], mix.inputs[6])
    mix.inputs[7].default_value = (*mould, 1)
    links.new(mix.outputs[2], shader.inputs["Base Color"])
    bump = nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = float(rng.uniform(0.1, 0.5))
    bump.inputs["Distance"].default_value = 0.01
    links.new(streaks.outputs["Fac"], bump.inputs["Height"])
    twisted = nodes.new("ShaderNodeBump")
    twisted.inputs["Distance"].default_value = 0.015
    links.new(crest, twisted.inputs["Height"])
    links.new(bump.outputs["Normal"], twisted.inputs["Normal"])
    links.new(twisted.outputs["Normal"], shader.inputs["Normal"])
    return made


def saying(part: int) -> Any:
    """Shines with row, stake and a tenth of `part`; the wall's own inside is PART of the basket only."""
    name = f"says-{part}"
    if (known := bpy.data.materials.get(name)) is not None:
        return known
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.clear()
    place, split = nodes.new("ShaderNodeAttribute"), nodes.new("ShaderNodeSeparateColor")
    place.attribute_name = "place"
    links.new(place.outputs["Color"], split.inputs["Color"])
    side = nodes.new("ShaderNodeNewGeometry")
    said = nodes.new("ShaderNodeMath")
    said.operation = "MULTIPLY_ADD"
    links.new(side.outputs["Backfacing"], said.inputs[0])
    said.inputs[1].default_value = (PART - part) / 10 if part == OUTSIDE else 0.0
    said.inputs[2].default_value = part / 10
    merge = nodes.new("ShaderNodeCombineColor")
    links.new(split.outputs["Red"], merge.inputs["Red"])
    links.new(split.outputs["Green"], merge.inputs["Green"])
    links.new(said.outputs[0], merge.inputs["Blue"])
    shine, out = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    links.new(merge.outputs["Color"], shine.inputs["Color"])
    links.new(shine.outputs["Emission"], out.inputs["Surface"])
    return made


def light_up(rng: np.random.Generator, target: NDArray[np.float64]) -> None:
    """Sky and sun, or one or two lamps in a room, round `target` (dm)."""
    world = bpy.context.scene.world
    world.use_nodes = True
    sky = world.node_tree.nodes["Background"]
    warm = rng.normal(0, 0.12)
    sky.inputs["Color"].default_value = (1 + warm, 1, 1 - warm, 1)
    sun = rng.random() < 0.5
    sky.inputs["Strength"].default_value = rng.uniform(0.25, 0.9) if sun else rng.uniform(0.05, 0.8)
    if sun:
        lamp = bpy.data.lights.new("sun", "SUN")
        lamp.energy, lamp.angle = rng.uniform(1.5, 5), math.radians(rng.choice([0.6, 3, 15]))
        thing = bpy.data.objects.new("sun", lamp)
        thing.rotation_euler = (rng.uniform(0.15, 1.35), 0, rng.uniform(0, 6.3))
        bpy.context.scene.collection.objects.link(thing)
        return
    for _ in range(int(rng.integers(1, 3))):
        lamp = bpy.data.lights.new("lamp", "AREA")
        lamp.size = rng.uniform(0.5, 8)
        far = rng.uniform(6, 14)
        around, above = rng.uniform(0, 6.3), rng.uniform(0.25, 1.4)
        away = np.array(
            [math.cos(around) * math.cos(above), math.sin(around) * math.cos(above), math.sin(above)]
        )
        lamp.energy = 14 * far**2 * rng.uniform(0.5, 2)
        thing = bpy.data.objects.new("lamp", lamp)
        thing.location = target + away * far
        thing.rotation_euler = Vector(away).to_track_quat("Z", "Y").to_euler()
        bpy.context.scene.collection.objects.link(thing)
