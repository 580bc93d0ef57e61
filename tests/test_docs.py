"""The code of the documentation runs, and its reference has every public name."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

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


def test_the_script_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = blocks(DOCS.parent / "README.md")
    code = next(code for language, code, _ in found if language == "python")
    names = {"__name__": "__main__"}
    exec(compile(code, "README.md", "exec"), names)
    assert len(names["table"]) > 80
    assert names["heatmap"].data.shape == names["image"].shape
    assert (tmp_path / "particles.ome.tif").is_file()


def module_of(name):
    """A module beside the pages, which are no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference():
    return module_of("reference")


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


CHARTS = re.findall(
    r"^```mermaid\n(.*?)```", (DOCS / "architecture.md").read_text("utf-8"), re.M | re.S
)


def test_flowcharts_are_drawn_without_a_script():
    flowchart = module_of("flowchart")
    assert len(CHARTS) == 3
    for chart in CHARTS:
        drawn = ElementTree.fromstring(flowchart.draw(chart))
        words = {one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")}
        shown, edges = flowchart.parse(chart)
        assert words == {text for text, _ in shown.values()} | {e.label for e in edges if e.label}
    # the arrow back does not lengthen the way
    _, circle = flowchart.parse("flowchart LR\na --> b\nb --> c\nc --> a")
    assert flowchart.rows_of(["a", "b", "c"], circle) == {"a": 0, "b": 1, "c": 2}
    with pytest.raises(ValueError, match="no edge"):
        flowchart.parse("flowchart LR\na === b")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ('<script src="https://cdn.example.org/a.js"></script>', True),
        ('<script type="module">import x from "https://cdn.example.org/a.mjs"</script>', True),
        ('<link rel="stylesheet" href="//fonts.example.org/a.css">', True),
        ("@font-face {src: url(https://fonts.example.org/a.woff2)}", True),
        ('<img alt="" src="http://example.org/a.png">', True),
        ('<a href="https://napari.org">napari</a> <img src="_images/a.png">', False),
        ('<script src="_static/a.js"></script> <link href="_static/a.css">', False),
        ('<svg xmlns="http://www.w3.org/2000/svg"></svg>', False),
    ],
)
def test_a_page_that_loads_from_another_host_is_found(text, refused):
    assert bool(module_of("hosts").loaded(text)) == refused
