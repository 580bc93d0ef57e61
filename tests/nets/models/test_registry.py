from __future__ import annotations

import pytest

from napari_visual_ccc.nets.models.base import Architecture
from napari_visual_ccc.nets.models.registry import ARCHITECTURES, architecture


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_classifier_can_be_explained(name):
    design = architecture(name)
    assert design.parts.stride >= 1
    assert 0 <= design.parts.first_centre < design.input_px


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match=r"there are lite0-linear, .*timm:NAME"):
        architecture("resnet9000")


def test_a_network_without_classes_needs_no_parts():
    design = Architecture(lambda classes, side: None, 64)
    with pytest.raises(ValueError, match="could be explained"):
        _ = design.parts
