"""The catalogue of materials: whole, of true binomials, and in step with what specs may name."""

import re
from typing import get_args, get_type_hints

import pytest

from qc_vision.materials import load_catalogue
from qc_vision.spec import ProductSpec, load_spec, shipped_specs

CATALOGUE = load_catalogue()


def test_every_material_that_a_spec_may_name_is_in_the_catalogue() -> None:
    names = set(get_args(get_type_hints(ProductSpec)["material"])) - {"any", "campuran"}
    assert set(CATALOGUE.materials) == names


@pytest.mark.parametrize("code", CATALOGUE.materials)
def test_a_material_has_binomial_names_a_customs_heading_and_a_source(code: str) -> None:
    material = CATALOGUE.materials[code]
    assert material.species
    assert all(re.fullmatch(r"[A-Z][a-z]+ [a-z]+", name) for name in material.species)
    assert re.fullmatch(r"4602\d\d", material.hs_heading)
    assert material.source
    assert material.name.id
    assert material.name.en


def test_only_frames_that_grew_are_plants() -> None:
    plants = {code for code, frame in CATALOGUE.frames.items() if frame.plant}
    assert plants == {"wood", "rattan", "bamboo"}


def test_customs_tells_whole_stems_from_braid_and_rope() -> None:
    assert {code for code, c in CATALOGUE.constructions.items() if c.wickerwork} == {"whole_stem"}


@pytest.mark.parametrize("name", shipped_specs())
def test_a_shipped_spec_of_one_material_has_the_customs_heading_of_it(name: str) -> None:
    spec = load_spec(name)
    heading = CATALOGUE.materials[spec.material].hs_heading if spec.material in CATALOGUE.materials else None
    assert spec.hs_code == heading
