import inspect

import numpy as np
import pytest
import tifffile

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers import LabelsLayer, Placement
from napari_visual_ccc.core.progress import Progress
from napari_visual_ccc.workflow.operations import OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_function_takes_report_and_says_so(name):
    function = getattr(ccc, name)
    parameters = inspect.signature(function).parameters
    assert parameters["report"].kind is inspect.Parameter.KEYWORD_ONLY
    assert "report" in function.__doc__
    # sections begin at the margin, as numpydoc reads them
    assert "\nParameters\n---" in function.__doc__
    assert "\nNotes\n---" in function.__doc__
    shown = str(inspect.signature(function))
    assert "Steps" not in shown
    assert "Annotated" not in shown
    assert "'min'" not in shown
    # a report that is none is refused before anything else is looked at
    with pytest.raises(ValueError, match="report is 3; give True, or a function"):
        function(report=3)


def test_every_other_long_function_takes_report():
    for name in ("batch", "replay", "fetch_model"):
        assert "report" in inspect.signature(getattr(ccc, name)).parameters


def test_a_function_gets_the_progress(discs):
    seen = []
    labels = ccc.label_objects(ccc.threshold(discs, report=seen.append), report=seen.append)
    assert seen and all(isinstance(one, Progress) for one in seen)
    np.testing.assert_array_equal(labels.labels > 0, ccc.threshold(discs).labels > 0)


def test_results_carry_the_record_of_all_steps(discs):
    first = ccc.threshold(discs, method="otsu")
    second = ccc.label_objects(first)
    assert [step.operation for step in second.record.steps] == ["threshold", "label_objects"]
    again = ccc.replay(second.record, discs)
    np.testing.assert_array_equal(again.labels, second.labels)


def test_a_file_is_an_input(discs, tmp_path):
    file = tmp_path / "discs.tif"
    tifffile.imwrite(file, discs)
    expected = ccc.threshold(ccc.read(file))
    for given in (file, str(file)):
        found = ccc.threshold(given)
        np.testing.assert_array_equal(found.labels, expected.labels)
        assert found.record.source == expected.record.source
    table = ccc.region_table(expected, str(file)).table
    assert "intensity_mean" in table
    with pytest.raises(FileNotFoundError, match=r"none\.tif"):
        ccc.kmeans(tmp_path / "none.tif")


def test_prompts_are_read_from_a_file(discs, tmp_path):
    """As at the command line: points of a CSV, or an image of labels."""
    points, labels = tmp_path / "points.csv", tmp_path / "labels.tif"
    points.write_text("axis-0,axis-1\n20,30\n")
    tifffile.imwrite(labels, np.pad(np.ones((9, 9), np.uint8), ((16, 95), (26, 125))))
    expected = ccc.look_at(discs, np.array([[20, 30]]))
    found = ccc.look_at(discs, str(points))
    assert found.tables["patches"].equals(expected.tables["patches"])
    assert found.record.last.inputs["example"] == str(points)
    assert len(ccc.look_at(discs, labels).tables["patches"])
    with pytest.raises(FileNotFoundError, match=r"none\.csv: no such file"):
        ccc.look_at(discs, tmp_path / "none.csv")


def test_a_map_coarser_than_the_image_says_what_its_lengths_are_in():
    labels = np.zeros((16, 16), int)
    labels[4:8, 4:8] = 1
    layer = LabelsLayer(labels, name="classes", placement=Placement(32))
    assert ccc.region_table(layer).table["area_px2"].tolist() == [16]
    assert "32 x 32 pixels of the image" in ccc.region_table(layer).notes[-1]
    assert ccc.region_table(layer, spacing=64, unit="nm").notes == ()
