import inspect

import numpy as np
import pytest

import napari_visual_ccc as ccc
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
    assert "Steps" not in str(inspect.signature(function).return_annotation)
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
