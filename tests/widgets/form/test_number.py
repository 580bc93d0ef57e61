import pytest
from qtpy.QtWidgets import QDoubleSpinBox

from napari_visual_ccc.widgets.form.fields import field_of
from napari_visual_ccc.widgets.form.number import Number
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.operations import OPERATIONS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1.0, "1"), (100.0, "100"), (-2.5, "-2.5"), (0.05, "0.05"),
        (0.00012, "0.00012"), (1e-9, "0.000000001"), (0.1 + 0.2, "0.3"), (1e9, "1000000000"),
    ],
)  # fmt: skip
def test_a_number_has_the_decimals_of_its_value(qapp, value, text):
    field = Number(min=-1e10, max=1e10, value=value)
    box = field.native
    assert box.text().replace(box.locale().groupSeparator(), "") == text
    field.value = 7.0
    field.value = value
    # the same again, as a preset does
    field.value = value
    assert box.text().replace(box.locale().groupSeparator(), "") == text
    assert field.value == pytest.approx(value, abs=1e-9)


def test_decimals_can_be_typed_and_steps_are_whole(qapp):
    field = Number(min=0.0, max=10.0, value=1.0)
    field.native.lineEdit().setText(field.native.locale().toString(0.00125, "f", 5))
    field.native.interpretText()
    assert field.value == 0.00125
    field.native.stepUp()
    assert field.value == 1.00125


def test_no_form_shows_more_decimals_than_a_number_has(qapp):
    seen = 0
    for name in [one for one in OPERATIONS if not one.endswith("_folder")]:
        for key, parameter in signature.parameters(name).items():
            if parameter.plain_type is not float:
                continue
            native = field_of(parameter).native
            boxes = [native] if isinstance(native, QDoubleSpinBox) else []
            for box in (*boxes, *native.findChildren(QDoubleSpinBox)):
                seen += 1
                text, point = box.text(), box.locale().decimalPoint()
                decimals = text.partition(point)[2]
                assert len(decimals) <= max(
                    3, len(f"{box.value():.9f}".rstrip("0").partition(".")[2])
                )
                assert decimals == decimals.rstrip("0") or len(decimals) <= 2, (name, key, text)
    assert seen > 10
