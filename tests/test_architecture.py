"""What keeps the code easy to find: sizes, places, words, and imports that stay light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import napari_visual_ccc as ccc

SOURCE = Path(ccc.__file__).parent
ROOT = Path(__file__).parents[1]
MODULES = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}
# a start of the command line and packages that only name what is in them
UNTESTED = {"cli/__main__.py"}

FILE_LINES, FUNCTION_LINES = 350, 60
# modules of one folder; engine/ holds the science, whose domains must stay small
FOLDER, DOMAIN = 12, 8


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Names of functions and their lengths in lines, docstrings left out."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            described = ast.get_docstring(node) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if described else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_no_file_is_too_long():
    long = {name for name, path in MODULES.items() if lines(path) > FILE_LINES}
    assert long == set()


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_no_function_is_too_long():
    long = {
        f"{name}: {function}"
        for name, path in MODULES.items()
        for function, length in functions(path)
        if length > FUNCTION_LINES
    }
    assert long == set()


def test_no_folder_is_too_full():
    modules: dict[str, int] = {}
    for path in MODULES.values():
        folder = path.parent.relative_to(SOURCE).as_posix()
        modules[folder] = modules.get(folder, 0) + (path.name != "__init__.py")
    full = {
        folder
        for folder, count in modules.items()
        if count > (DOMAIN if folder.startswith("engine/") else FOLDER)
    }
    assert full == set()


def test_every_module_is_in_a_room():
    assert [path.name for path in SOURCE.glob("*.py")] == ["__init__.py"]
    assert [path.name for path in (SOURCE / "engine").glob("*.py")] == ["__init__.py"]


def test_every_module_has_a_test_file_of_its_name():
    missing = {
        name
        for name, path in MODULES.items()
        if path.name != "__init__.py"
        and not (ROOT / "tests" / Path(name).parent / f"test_{path.name}").exists()
    }
    assert missing == UNTESTED


def test_words_of_the_field_are_used():
    unclear = re.compile(r"\blabel bars?\b|\btold\b|\bstrange\b", re.IGNORECASE)
    texts = [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        # records of 0.1.0 are upgraded by the names of that time
        *(path for name, path in MODULES.items() if name != "workflow/upgrade.py"),
    ]
    found = {
        path.relative_to(SOURCE if path.is_relative_to(SOURCE) else ROOT).as_posix()
        for path in texts
        if unclear.search(path.read_text("utf-8"))
    }
    assert found == set()


def test_only_the_explanations_know_grad_cam_and_only_training_an_optimiser():
    texts = {name: path.read_text("utf-8") for name, path in MODULES.items()}
    assert {name for name, text in texts.items() if "pytorch_grad_cam" in text} <= {
        "engine/explanation/occlude.py",
        "engine/explanation/weights.py",
    }
    optimising = {name for name, text in texts.items() if "torch.optim" in text}
    assert {Path(name).parent.as_posix() for name in optimising} == {"nets/training"}


def test_the_engine_opens_no_file():
    files = {
        "open", "read_text", "read_bytes", "write_text", "write_bytes", "read_csv", "to_csv",
        "imread", "imwrite", "imsave", "memmap", "fromfile", "tofile", "savez",
    }  # fmt: skip
    opened = set()
    for name, path in MODULES.items():
        if not name.startswith("engine/"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func
                word = getattr(called, "attr", None) or getattr(called, "id", "")
                if word in files:
                    opened.add(f"{name}: {word}")
    assert opened == set()


def fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_and_reading_the_catalogue_are_light():
    heavy = {
        "torch", "sklearn", "skimage", "scipy", "napari", "qtpy", "pandas", "cv2", "dask", "timm",
    }  # fmt: skip
    shown = f"print(sorted({heavy} & set(sys.modules)))\n"
    code = (
        f"import sys\nimport napari_visual_ccc as ccc\n{shown}"
        f"import napari_visual_ccc.io.read\n{shown}"
        "from napari_visual_ccc.workflow import operations, signature\n"
        "for name in operations.OPERATIONS:\n"
        f"    signature.parameters(name), signature.summary(name), getattr(ccc, name)\n{shown}"
    )
    assert fresh(code).split("\n") == ["[]"] * 3


def test_only_widgets_know_the_viewer_and_qt():
    code = """
import importlib, pkgutil, sys
import napari_visual_ccc as package
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if ".widgets" not in module.name and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(sorted({"napari", "qtpy", "magicgui", "superqt"} & set(sys.modules)))
"""
    assert fresh(code) == "[]"
