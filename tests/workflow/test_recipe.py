from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile

import napari_visual_ccc as ccc
from napari_visual_ccc.core import plain as core_plain
from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.workflow import provenance, recipe, signature
from napari_visual_ccc.workflow.script import to_python
from tests.models import CLASSES, saved


def recorded(image, steps, **source):
    """Run steps one after the other as the viewer does; give the last result and its record."""
    previous, current, name = None, image, "discs"
    for operation, parameters in steps:
        result = getattr(ccc, operation)(current, **parameters)
        output = result.layers[0].name if result.layers else ""
        previous = provenance.provenance(
            operation,
            parameters,
            {signature.inputs(operation)[0]: name},
            source={"name": "discs", "path": "", **source},
            previous=previous,
            result=result,
            output=output,
        )
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


def test_defaults_are_recorded_too(discs):
    _, record = recorded(discs, [("kmeans", {"clusters": 4})])
    parameters = record["steps"][0]["parameters"]
    assert parameters["clusters"] == 4
    assert parameters["seed"] == 0
    assert record["versions"]["napari-visual-ccc"] == ccc.__version__
    assert record["facts"]["inertia"] > 0


def test_the_hash_of_the_model_is_recorded_and_checked(discs, tmp_path):
    path = saved(tmp_path)
    result, record = recorded(discs, [("explain", {"model": path, "target": CLASSES[1]})])
    assert record["model"]["hash"] == result.prediction.model["hash"]
    np.testing.assert_array_equal(ccc.replay(record, discs).data, result.data)
    record["steps"][0]["model"]["hash"] = "0" * 64
    with pytest.raises(ValueError, match="give the recorded model"):
        ccc.replay(record, discs)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"steps": [{"operation": "explode"}], "source": {}}, "explode"),
        ({"something": "else"}, "steps"),
        ({"steps": [], "source": {}}, "no steps"),
        ({"steps": [{"operation": ["threshold"]}], "source": {}}, "does not exist"),
        (
            {"steps": [{"operation": "threshold", "inputs": [1]}], "source": {}},
            "inputs of threshold",
        ),
        ({"steps": [{"operation": "threshold"}], "source": 7}, "no source"),
        (
            {"steps": [{"operation": "threshold", "parameters": {"sigma": "x"}}], "source": {}},
            "sigma",
        ),
        (
            {"steps": [{"operation": "threshold", "parameters": {"colour": 1}}], "source": {}},
            "no parameter 'colour'",
        ),
        (
            {"steps": [{"operation": "kmeans", "parameters": {"clusters": 99}}], "source": {}},
            "between 2 and 20",
        ),
    ],
)
def test_a_record_that_is_wrong_is_refused_in_words(record, words, discs):
    with pytest.raises(ValueError, match=words):
        ccc.replay(record, discs)


def test_yaml_cannot_run_code(tmp_path, discs):
    path = tmp_path / "evil.yaml"
    path.write_text("!!python/object/apply:os.system ['touch /tmp/vccc-evil']")
    with pytest.raises(ValueError, match="not YAML"):
        ccc.replay(path, discs)


def test_a_record_becomes_a_script_that_gives_the_same(discs, tmp_path):
    image = tmp_path / "discs.tif"
    tifffile.imwrite(image, discs)
    result, record = recorded(discs, CHAIN, path=str(image))
    script = tmp_path / "again.py"
    text = to_python(record) + "\nimport numpy as np\nnp.save('again.npy', result_3.labels)\n"
    script.write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), result.labels)


def test_numbers_of_numpy_become_plain():
    found = core_plain.plain({"a": np.float32(1.5), "b": np.arange(2), "c": np.nan, "d": (1, None)})
    assert json.dumps(found) == '{"a": 1.5, "b": [0, 1], "c": null, "d": [1, null]}'


def test_a_slice_of_a_stack_is_replayed_from_the_stack(discs):
    stack = np.stack([255 - discs, discs])
    result = ccc.classify(stack[1])
    record = provenance.provenance(
        "classify", {}, {"image": "stack"}, source={"name": "stack"}, result=result, plane=[1]
    )
    np.testing.assert_array_equal(ccc.replay(record, stack).probabilities, result.probabilities)


def test_a_pixel_size_without_a_unit_is_in_that_of_the_image(discs):
    _, record = recorded(discs, [("threshold", {})], spacing=[2.0, 2.0], unit="nm")
    for image in (discs, Micrograph(discs, (5.0, 5.0), "nm")):
        table = ccc.replay(record, image, spacing=(3.0, 3.0)).table
        assert table["area_nm2"].sum() == 9 * discs.size


def test_a_step_may_say_nothing_of_its_inputs(discs):
    record = {"steps": [{"operation": "threshold", "inputs": None}], "source": None}
    np.testing.assert_array_equal(ccc.replay(record, discs).labels, ccc.threshold(discs).labels)


@pytest.mark.parametrize("side", [100, 2500])
def test_fingerprints_tell_arrays_apart(rng, side):
    data = rng.integers(0, 255, (side, side)).astype(np.uint8)
    other = data.copy()
    assert provenance.fingerprint(data) == provenance.fingerprint(other)
    other[:9] = 1
    assert provenance.fingerprint(data) != provenance.fingerprint(other)


def test_a_script_takes_the_slice_or_level_that_the_record_is_of(discs, tmp_path):
    stack = np.stack([255 - discs, discs])
    tifffile.imwrite(tmp_path / "stack.tif", stack)
    path = str(tmp_path / "stack.tif")
    record = {"steps": [{"operation": "kmeans", "plane": [1]}], "source": {"path": path}}
    found = {}
    exec(to_python(record), found)
    np.testing.assert_array_equal(found["result_1"].labels, ccc.kmeans(discs).labels)
    with tifffile.TiffWriter(tmp_path / "p.ome.tif") as tif:
        size = {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
                "PhysicalSizeY": 2.0, "PhysicalSizeYUnit": "nm"}  # fmt: skip
        tif.write(discs, subifds=1, metadata={"axes": "YX", **size})
        tif.write(discs[::2, ::2], subfiletype=1)
    path = str(tmp_path / "p.ome.tif")
    step = {"operation": "kmeans", "level": 2.0}
    exec(to_python({"steps": [step], "source": {"path": path}}), found)
    expected = ccc.kmeans(discs[::2, ::2], spacing=(4.0, 4.0), unit="nm")
    np.testing.assert_array_equal(found["result_1"].labels, expected.labels)
    assert found["result_1"].table.equals(expected.table)
    with pytest.raises(ValueError, match="an earlier step had made"):
        to_python({"steps": [{"operation": "denoise"}, step], "source": {"path": path}})


@pytest.mark.parametrize("plane", [[5], [0, 1], "ab", [-1]])
def test_a_slice_that_is_not_there_is_refused(discs, plane):
    record = {"steps": [{"operation": "classify", "plane": plane}], "source": {}}
    with pytest.raises(ValueError, match="slice"):
        ccc.replay(record, np.stack([discs] * 2))
