from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args, get_origin

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.operations import OPERATIONS


def test_inputs_are_what_is_neither_pixel_size_nor_info_bar_nor_parameter():
    assert signature.inputs("detect_info_bar") == ["image"]
    assert signature.inputs("region_table") == ["labels", "intensity"]
    assert signature.optional_inputs("region_table") == ["intensity"]
    assert signature.input_kinds("occlude") == {"image": "image", "regions": "regions"}
    assert signature.takes_bar("detect_info_bar")
    # a parameter of that name is no input
    assert not signature.takes_bar("train")
    assert signature.calibrated("threshold")
    assert not signature.calibrated("glcm_features")


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_default_passes_its_own_check(name):
    defaults = signature.defaults(name)
    assert signature.checked(name, defaults) == defaults


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"clusters": 1}, "clusters is 1; it must be between 2 and 65535"),
        ({"clusters": "3"}, "clusters is '3'; it must be of type int"),
        ({"clusters": True}, "it must be of type int"),
        ({"clusters": 2.5}, "clusters is 2.5; it must be of type int"),
        ({"clusters": float("nan")}, "it must be of type int"),
        ({"clusters": None}, "it must be of type int"),
        ({"features": "smell"}, "choose intensity, multiscale, texture or network"),
        ({"colour": 1}, "kmeans has no parameter 'colour'; it has clusters"),
    ],
)
def test_a_wrong_choice_is_refused_in_a_sentence(choices, words):
    with pytest.raises(ValueError, match=words):
        signature.checked("kmeans", choices)


FLOATS = [
    (name, key)
    for name in OPERATIONS
    for key, parameter in signature.parameters(name).items()
    if parameter.plain_type is float
]


@pytest.mark.parametrize(("name", "key"), FLOATS)
def test_every_number_is_one_that_float32_holds(name, key):
    odd = (np.inf, -np.inf, np.nan, 1e300, -1e39, 10**400, np.float64(1e300), np.array(np.nan))
    for value in odd:
        with pytest.raises(ValueError, match=rf"^{key} is no number between -1e.38 and 1e.38$"):
            signature.checked(name, {key: value}, limits=False)


def test_a_whole_number_is_not_written_in_hundreds_of_digits():
    with pytest.raises(ValueError, match=r"clusters is 1e.300; it must be of type int"):
        signature.checked("kmeans", {"clusters": 1e300})


def test_a_script_may_exceed_the_limits_of_the_form():
    assert signature.checked("kmeans", {"sample": 10}, limits=False) == {"sample": 10}


def test_values_become_those_of_their_types():
    assert signature.checked("classify", {"model": "a"}) == {"model": Path("a")}
    assert signature.checked("classify", {"model": ""}) == {"model": None}
    found = signature.checked("threshold", {"sigma": 2, "classes": np.int64(3)})
    assert [type(value) for value in found.values()] == [float, int]


@pytest.mark.parametrize(
    ("operation", "given", "expected"),
    [
        ("threshold", {"classes": 3.0}, {"classes": 3}),
        ("threshold", {"classes": np.float32(3)}, {"classes": 3}),
        ("threshold", {"classes": np.array(3)}, {"classes": 3}),
        ("threshold", {"sigma": np.int16(2)}, {"sigma": 2.0}),
        ("region_table", {"exclude_border": 1}, {"exclude_border": True}),
        ("region_table", {"exclude_border": 0.0}, {"exclude_border": False}),
        ("region_table", {"exclude_border": np.int64(1)}, {"exclude_border": True}),
        ("region_table", {"exclude_border": np.True_}, {"exclude_border": True}),
        ("explain", {"target": None}, {"target": ""}),
        ("explain", {"target": np.str_("cube")}, {"target": "cube"}),
    ],
)
def test_numbers_and_none_are_converted_where_nothing_is_lost(operation, given, expected):
    found = signature.checked(operation, given, limits=False)
    assert found == expected
    assert [type(value) for value in found.values()] == [type(v) for v in expected.values()]


def test_a_flag_is_none_of_other_numbers():
    with pytest.raises(ValueError, match="exclude_border is 2; it must be of type bool"):
        signature.checked("region_table", {"exclude_border": 2})


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_choice_with_spaces_has_a_spelling_without(name):
    for key, parameter in signature.parameters(name).items():
        if get_origin(parameter.plain_type) is Literal:
            known = get_args(parameter.plain_type)
            assert len({signature.hyphened(one) for one in known}) == len(known)
            for one in known:
                assert signature.checked(name, {key: signature.hyphened(one)}) == {key: one}
                assert signature.checked(name, {key: one}) == {key: one}


def test_a_choice_of_numbers_is_given_as_a_number():
    for value in (45, 45.0, np.int64(45), "45"):
        assert signature.checked("glcm_features", {"angle": value}) == {"angle": "45"}
    with pytest.raises(ValueError, match="angle is 44; choose all, 0, 45"):
        signature.checked("glcm_features", {"angle": 44})


@pytest.mark.parametrize("name", OPERATIONS)
def test_help_and_tooltips_are_sentences_without_marks_of_restructured_text(name):
    texts = signature.input_help(name)
    texts |= {one.name: one.help for one in signature.parameters(name).values()}
    for text in texts.values():
        assert text.endswith(".")
        assert "`" not in text
        assert " *" not in text
        # not a fragment that needs the name of its field
        assert not text.startswith(("Of the ", "Of these "))


@pytest.mark.parametrize(
    ("name", "key"), [("kmeans", "clusters"), ("threshold", "method"), ("kmeans", "seed")]
)
def test_whole_numbers_without_end_are_refused(name, key):
    # Python spells no number of 5001 digits
    for value in (10**400, -(10**5000)):
        with pytest.raises(ValueError, match=rf"^{key} is no number between -1e.38 and 1e.38$"):
            signature.checked(name, {key: value}, limits=False)
    with pytest.raises(ValueError, match=r"^clusters is 1\.000e.30; it must be between"):
        signature.checked("kmeans", {"clusters": 10**30})


def test_parameters_of_any_function_are_those_that_are_keyword_only():
    found = signature.parameters_of(ccc.batch)
    assert "images" not in found
    assert found["workers"].options == {"min": 0, "more": True}
    assert found["tables"].help == "Format of the tables."
