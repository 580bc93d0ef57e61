"""The code of the documentation runs, and its reference has every public name."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.cli.main import main

DOCS = Path(__file__).parents[1] / "docs"
MARK = "<!-- run by tests/test_docs.py -->"
PAGES = sorted(path for path in DOCS.glob("*.md") if path.read_text("utf-8").startswith(MARK))
TUTORIALS = re.findall(r"^tutorial\S*$", (DOCS / "tutorials.md").read_text("utf-8"), re.MULTILINE)


def blocks(path):
    """Language and text of the code blocks of a page that are run, and their line."""
    text = path.read_text("utf-8")
    for found in re.finditer(r"^```(python|sh)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield found[1], found[2], text[: found.start()].count("\n") + 2


def test_all_tutorials_are_run():
    assert TUTORIALS
    assert {f"{name}.md" for name in TUTORIALS} <= {path.name for path in PAGES}
    assert all(list(blocks(path)) for path in PAGES)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:.*low contrast image")
def test_the_code_of_a_page_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for language, code, line in blocks(path):
        if language == "python":
            # lines of a traceback are those of the page
            exec(compile("\n" * (line - 1) + code, path.name, "exec"), names)
            continue
        for command in code.splitlines():
            program, *words = shlex.split(command, comments=True)
            assert program == "visual-ccc"
            assert main(words) == 0, f"{path.name}, {command}"


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("docs_reference", DOCS / "reference.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_reference"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["docs_reference"]


def test_the_reference_has_every_public_function(reference):
    text = "\n".join(reference.pages().values())
    shown = set(re.findall(r"^\.\. autofunction:: napari_visual_ccc\.(\w+)$", text, re.MULTILINE))
    assert set(ccc.__all__) - {"__version__"} <= shown


def test_the_glossary_has_every_column(reference):
    from napari_visual_ccc.workflow.columns import COLUMNS

    text = reference.pages()["columns.md"]
    assert all(f"| `{one.name}` |" in text for columns in COLUMNS.values() for one in columns)


def test_signatures_of_the_reference_say_what_a_script_gets(reference):
    shown, returned = reference.of_the_stub(
        None, "function", "napari_visual_ccc.threshold", None, None, "", ""
    )
    assert shown.startswith("(image: Image, spacing: ")
    assert returned == "Result"
    assert reference.of_the_stub(None, "class", "collections.abc.Sized", None, None, "", "") is None


def test_every_page_is_in_a_list_of_contents():
    listed = set()
    for path in DOCS.glob("*.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
            listed |= {line for line in tree.split("\n") if line and not line.startswith(":")}
    assert {path.stem for path in DOCS.glob("*.md")} - {"index"} <= listed
