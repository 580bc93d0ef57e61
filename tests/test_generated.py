"""What is generated from the catalogue is up to date."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow.operations import FAMILIES, OPERATIONS

ROOT = Path(__file__).parents[1]


def test_the_stub_and_the_readme_are_those_of_the_catalogue():
    words = [sys.executable, str(ROOT / "scripts" / "generate.py"), "--check"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_name_has_a_type():
    tree = ast.parse(Path(ccc.__file__).with_suffix(".pyi").read_text("utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names}
        if isinstance(node, ast.AnnAssign):
            names.add(node.target.id)
    assert set(ccc.__all__) <= names


def test_results_and_their_layers_are_typed_as_inputs():
    tree = ast.parse(Path(ccc.__file__).with_suffix(".pyi").read_text("utf-8"))
    aliases = [node for node in tree.body if isinstance(node, ast.AnnAssign)]
    (image,) = [node.value for node in aliases if node.target.id == "Image"]
    kinds = {node.id for node in ast.walk(image) if isinstance(node, ast.Name)}
    assert kinds == {"Micrograph", "Result", "Layer", "_Array"}


def test_every_family_has_the_name_of_its_widget():
    assert {operation.family for operation in OPERATIONS.values()} == set(FAMILIES)
    manifest = Path(ccc.__file__).with_name("napari.yaml").read_text("utf-8")
    for title in FAMILIES.values():
        assert f"display_name: {title}" in manifest
