"""Faults of public bug reports: each has a test that holds its right value, marked by its name."""

from __future__ import annotations

import ast
from pathlib import Path

# what `pytest -m case` runs; S are the reports, E are siblings of them, v is tried in the viewer
CASES = """
S01 S02a S02b S03 S03v S04v S05 S06a S06b S07 S08 S09 S10 S11 S12 S13 S14 S15 S16 S17v S18v S19 S20
S21 S22 S23 S24 S25 S26 S27 S28 E01c E04a E05b E06b E07b E13 E15 E18b E18c E18d E19a E19b E19c
"""


def test_each_case_has_a_test():
    texts = [path.read_text("utf-8") for path in Path(__file__).parent.rglob("test_*.py")]
    marked = [
        name.value
        for text in texts
        if "mark.case" in text
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.case"
        for name in call.args
    ]
    assert len(CASES.split()) == 44
    assert set(marked) == set(CASES.split())
