from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.workflow import recipe, signature
from napari_visual_ccc.workflow.files.script import to_script
from napari_visual_ccc.workflow.record import make_record
from napari_visual_ccc.workflow.run import execute
from tests.models import CLASSES, saved


def recorded(image, steps, **source):
    """Run steps one after the other as the viewer does; give the last result and its record."""
    previous, current, name = None, image, "discs"
    for operation, parameters in steps:
        result = getattr(ccc, operation)(current, **parameters)
        output = result.layers[0].name if result.layers else ""
        made = make_record(
            operation,
            {**signature.defaults(operation), **parameters},
            {signature.inputs(operation)[0]: name},
            source={"name": "discs", "path": "", **source},
            previous=previous,
            result=result,
        )
        previous = made.of(output).plain()
        if result.layers:
            current, name = result.layer().data, output
    return result, previous


CHAIN = [
    ("denoise", {"method": "gaussian", "strength": 0.7}),
    ("threshold", {"sigma": 0.0}),
    ("watershed_split", {"tolerance": 2.0}),
]


def test_replay_gives_the_same_array(discs):
    result, record = recorded(discs, CHAIN)
    assert [step["operation"] for step in record["steps"]] == [name for name, _ in CHAIN]
    np.testing.assert_array_equal(ccc.replay(record, discs).labels, result.labels)


def test_a_record_survives_yaml_and_json(discs, tmp_path):
    result, record = recorded(discs, CHAIN)
    path = tmp_path / "how.yaml"
    path.write_text(recipe.to_yaml(record), encoding="utf-8")
    np.testing.assert_array_equal(ccc.replay(path, discs).labels, result.labels)
    assert recipe.load(json.loads(json.dumps(record))) == recipe.load(record)


def test_a_record_of_a_script_may_exceed_the_limits_of_the_form(discs):
    with pytest.raises(ValueError, match="noisy is 2000"):
        signature.checked("image_quality", {"noisy": 2000.0})
    _, record = recorded(discs, [("image_quality", {"noisy": 2000.0, "saturated": 150.0})])
    # the name of 0.1.0
    for name in ("image_quality", "quality"):
        record["steps"][0]["operation"] = name
        (flags,) = ccc.replay(record, discs).table["flags"]
        assert "noisy" in flags and "saturated" not in flags
        assert "noisy=2000.0" in to_script(record)


def test_the_hash_of_the_model_is_recorded_and_checked(discs, tmp_path):
    path = saved(tmp_path)
    result, record = recorded(discs, [("explain", {"model": path, "target": CLASSES[1]})])
    assert record["model"]["hash"] == result.prediction.model["hash"]
    np.testing.assert_array_equal(ccc.replay(record, discs).data, result.data)
    record["steps"][0]["model"]["hash"] = "0" * 64
    with pytest.raises(ValueError, match="give the recorded model"):
        ccc.replay(record, discs)


def test_yaml_cannot_run_code(tmp_path, discs):
    path = tmp_path / "evil.yaml"
    path.write_text("!!python/object/apply:os.system ['touch /tmp/vccc-evil']")
    with pytest.raises(ValueError, match=r"evil\.yaml: the recipe is not YAML"):
        ccc.replay(path, discs)


def test_a_slice_of_a_stack_is_replayed_from_the_stack(discs):
    stack = np.stack([255 - discs, discs])
    result = ccc.classify(stack[1])
    record = make_record(
        "classify", {}, {"image": "stack"}, source={"name": "stack"}, result=result
    ).of(plane=[1])
    np.testing.assert_array_equal(ccc.replay(record, stack).probabilities, result.probabilities)


def test_a_pixel_size_without_a_unit_is_in_that_of_the_image(discs):
    _, record = recorded(discs, [("threshold", {})], spacing=[2.0, 2.0], unit="nm")
    for image in (discs, Micrograph(discs, (5.0, 5.0), "nm")):
        table = ccc.replay(record, image, spacing=(3.0, 3.0)).table
        assert table["area_nm2"].sum() == 9 * discs.size


def test_a_unit_alone_converts_the_pixel_size(discs):
    _, record = recorded(discs, [("threshold", {})], spacing=[2.0, 2.0], unit="nm")
    table = ccc.replay(record, discs, unit="um").table
    np.testing.assert_allclose(table["area_µm2"].sum(), 4e-6 * discs.size)
    for unit in ("foo", "s", "1/nm"):
        with pytest.raises(ValueError, match="unit is"):
            ccc.replay(record, discs, unit=unit)
    with pytest.raises(ValueError, match="of which unit"):
        ccc.replay(record, discs, spacing=(3.0, 3.0), unit="foo")


def test_a_record_is_replayed_on_a_result_or_a_layer_of_one(discs):
    mask = ccc.threshold(Micrograph(discs, (2.0, 2.0), "nm"))
    outcome = run(execute("region_table", {"labels": mask}))
    for image in (mask, mask.layer(), np.asarray(mask.layer().data).tolist()):
        again = ccc.replay(outcome.record, image)
        pd.testing.assert_frame_equal(again.table, outcome.result.table)


@pytest.mark.parametrize("plane", [[5], [0, 1], "ab", [-1]])
def test_a_slice_that_is_not_there_is_refused(discs, plane):
    record = {"steps": [{"operation": "classify", "plane": plane}], "source": {}}
    with pytest.raises(ValueError, match="slice"):
        ccc.replay(record, np.stack([discs] * 2))


def test_a_file_that_is_no_record_is_named(tmp_path, discs):
    (tmp_path / "a.md").write_text("no record", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.md: not a record; give the YAML file"):
        ccc.replay(tmp_path / "a.md", discs)


LAUGHS = "\n".join(
    ["a0: &a0 [ha,ha,ha]", *(f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 30))]
)
STEP = "{operation: threshold}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{LAUGHS}\nsource: {{name: *a29}}\nsteps: [{STEP}]", "refers to a part of itself .*a0"),
        (f"&a {{source: *a, steps: [{STEP}]}}", "refers to a part of itself"),
        ("[" * 20_000, "is not YAML"),
        ("steps: " + "{a: " * 900 + "}" * 900, "nested far deeper"),
        (f"steps: [{', '.join([STEP] * 1001)}]", "1,001 steps; at most 1000"),
        ("steps: [{operation: threshold, inputs: {image: [1]}}]", "names with names of layers"),
        (
            f'source: {{path: "a\\0b"}}\nsteps: [{STEP}]',
            "source must be a name, a path and a pixel",
        ),
        ("steps: [{operation: classify, parameters: {model: 5}}]", "model is 5; it must be a path"),
        ("steps: [{operation: explain, parameters: {model: [1]}}]", "it must be a path"),
        (f"steps: [{{operation: {'x' * 9999}}}]", r"not exist: 'x{1,40}\.\.\.x{1,40}'$"),
        ("# " + "x" * (1 << 26), "more than 67,108,864 letters"),
    ],
)
def test_hostile_records_are_refused_at_once(tmp_path, discs, text, words):
    path = tmp_path / "a.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=words):
        ccc.replay(path, discs)
