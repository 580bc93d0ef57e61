from __future__ import annotations

import warnings

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.workflow.choices import GIVEN, ignored, without_effect
from napari_visual_ccc.workflow.operations import OPERATIONS
from napari_visual_ccc.workflow.run import execute
from napari_visual_ccc.workflow.signature import defaults, inputs, parameters

# choices of the catalogue with what they belong to
PAIRS = [
    (name, key, other, allowed)
    for name in OPERATIONS
    for key, parameter in parameters(name).items()
    for other, allowed in parameter.options.get("applies", {}).items()
]


def another(name, key):
    """A value of a parameter that is not its default."""
    parameter = parameters(name)[key]
    values = getattr(parameter.plain_type, "__args__", ())
    if values:
        return next(one for one in values if one != parameter.default)
    if isinstance(parameter.default, bool):
        return not parameter.default
    if isinstance(parameter.default, str):
        return "0.5"
    if isinstance(parameter.default, int | float):
        return parameter.default + 1
    return "x" if "Path" in str(parameter.type) else 1


@pytest.mark.parametrize(("name", "key", "other", "allowed"), PAIRS)
def test_every_choice_without_an_effect_is_named(name, key, other, allowed):
    known, there = defaults(name), set(inputs(name))
    assert other in known or other in there
    met, given = {}, {inputs(name)[0]}
    for one, values in parameters(name)[key].options["applies"].items():
        if one in there:
            given = given | {one} if values == GIVEN else given
        else:
            met[one] = another(name, one) if values == GIVEN else values[0]
    value = another(name, key)
    if met.get("classes") == 2:
        met["method"] = "otsu"
    assert ignored(name, {**met, key: value}, given) == ()
    assert ignored(name, known) == ()
    if other in there:
        unmet, given = met, given - {other} if allowed == GIVEN else given | {other}
    elif allowed == GIVEN:
        unmet = {**met, other: parameters(name)[other].default or 0}
    elif allowed == (None,):
        unmet = {**met, other: "x"}
    else:
        choices = getattr(parameters(name)[other].plain_type, "__args__", (True, False, 3))
        unmet = {**met, other: next(one for one in choices if one not in allowed)}
    if other == "classes":
        unmet["method"] = "otsu"
    (note,) = [one for one in ignored(name, {**unmet, key: value}, given) if one.startswith(key)]
    assert note.startswith(f"{key}=")
    assert other in note


def test_scripts_warn_of_a_keyword_that_has_no_effect(discs):
    note = "value=10.0 has no effect: it belongs to method='manual'"
    with pytest.warns(UserWarning, match="threshold: value=10.0 has no effect") as warned:
        found = ccc.threshold(discs, method="otsu", value=10)
    assert note in found.notes
    # at the line of the script
    assert warned[0].filename == __file__
    with pytest.warns(UserWarning, match="radius=50.0 has no effect: it belongs to method='roll"):
        ccc.subtract_background(discs, method="polynomial", radius=50)
    with pytest.warns(UserWarning, match="degree=3"):
        ccc.subtract_background(discs, method="plane", degree=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ccc.threshold(discs, method="otsu", value=0)
        ccc.threshold(discs, method="manual", value=200, classes=2)
        # a record has every parameter
        again = ccc.replay(found.record, discs)
    assert not any("no effect" in one for one in again.notes)
    np.testing.assert_array_equal(again.labels, found.labels)


def test_a_choice_that_depends_on_one_without_effect_follows_its_default():
    # classes belong to otsu: with another method there are two, and a side to choose
    assert ignored("threshold", {"method": "li", "classes": 3, "objects": "dark"}) == (
        "classes=3 has no effect: it belongs to method='otsu'",
    )
    assert without_effect("threshold", {"classes": 3})["objects"] == "it belongs to classes=2"
    known = ignored("train", {"epochs": 50, "model": "lite0-linear"})
    assert known == ("epochs=50 has no effect: it belongs to another model",)
    assert ignored("look_at", {"hits": 5}) == ("hits=5 has no effect: it needs folder",)
    assert ignored("concordance_folder", {"labels": "x", "clusters": 4}) == (
        "clusters=4 has no effect: it is for calls without labels",
    )


def test_values_of_a_preset_are_no_choices():
    assert ignored("sam_masks", {"preset": "batch"}, ["image", "prompts"]) == ()
    outcome = run(execute("threshold", {"image": np.eye(20) * 200}, {"value": 5.0}))
    assert outcome.ignored == ("value=5.0 has no effect: it belongs to method='manual'",)
