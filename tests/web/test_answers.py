import re
from pathlib import Path

import pytest

from napari_visual_ccc.web import answers


def test_every_status_that_is_raised_is_described():
    raised = set()
    for path in Path(answers.__file__).parent.glob("*.py"):
        raised |= set(
            re.findall(r"Refused\((\d{3})|HTTPException\((\d{3})", path.read_text("utf-8"))
        )
    known = {one or other for one, other in raised}
    assert {"400", "404", "413", "503", "507"} <= known <= set(answers.STATUS)


def test_schemas_are_schemas_and_know_no_other_fields():
    jsonschema = pytest.importorskip("jsonschema")
    for name, one in answers.SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(one)
        assert one["additionalProperties"] is False, name


def test_waiting_is_said_in_a_header():
    told = answers.errors(("503", "429"))
    assert set(told) == {"400", "403", "405", "429", "500", "503"}
    assert all("Retry-After" in told[code]["headers"] for code in ("429", "503"))
