"""The wheel as a stranger installs it."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"


def run(*words, **options):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # with the tools that are installed: no network
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_manifest_samples_model_and_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "napari_visual_ccc/napari.yaml",
        "napari_visual_ccc/icon.svg",
        "napari_visual_ccc/py.typed",
        "napari_visual_ccc/report/templates/classifier.html.j2",
        "napari_visual_ccc/report/templates/demo.html.j2",
        "napari_visual_ccc/samples/nanoparticles.png",
        "napari_visual_ccc/samples/samples.json",
        "napari_visual_ccc/samples/README.md",
        "napari_visual_ccc/samples/models/nanoshapes.safetensors",
        "napari_visual_ccc/web/static/index.html",
        "napari_visual_ccc/web/static/page.js",
    ):
        assert name in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not any(name.startswith(("tests", "benchmarks", "docs")) for name in names)


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size < 8e6


def test_the_manifest_is_valid_in_the_source_and_the_editable_install():
    assert "valid" in run(sys.executable, "-m", "npe2", "validate", "napari-visual-ccc").lower()
    path = ROOT / "src/napari_visual_ccc/napari.yaml"
    assert "valid" in run(sys.executable, "-m", "npe2", "validate", path).lower()
    assert (ROOT / "napari.yaml").read_text() == path.read_text()


def test_the_manifest_is_valid_in_a_clean_environment(wheel, tmp_path):
    home = tmp_path / "clean"
    venv.create(home, with_pip=False, symlinks=sys.platform != "win32")
    python = home / PYTHON
    # the wheel alone is installed; its dependencies are seen where they are already
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index",
        "--quiet", wheel,
    )  # fmt: skip
    import napari

    dependencies = Path(napari.__file__).parents[1]
    code = (
        f"import sys; sys.path.append({str(dependencies)!r})\n"
        "import napari_visual_ccc, pathlib\n"
        f"assert pathlib.Path(napari_visual_ccc.__file__).is_relative_to({str(home)!r})\n"
        "from npe2 import PluginManifest\n"
        "manifest = PluginManifest.from_distribution('napari-visual-ccc')\n"
        "manifest.validate_imports()\n"
        "print(len(manifest.contributions.widgets), len(manifest.contributions.sample_data))\n"
        "from npe2.cli import main\n"
        "sys.argv = ['npe2', 'validate', 'napari-visual-ccc']\n"
        "main()\n"
    )
    said = run(python, "-W", "ignore", "-c", code)
    assert "13 5" in said
    assert "valid" in said.lower()


def test_versions_agree():
    import napari_visual_ccc

    assert importlib.metadata.version("napari-visual-ccc") == napari_visual_ccc.__version__
    for name in ("CHANGELOG.md", "CITATION.cff"):
        assert napari_visual_ccc.__version__ in (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_speaks_of_what_there_is():
    from napari_visual_ccc import samples
    from napari_visual_ccc.workflow import operations

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in (*operations.OPERATIONS, *samples.NAMES):
        assert f"`{name}`" in text, name
    for line in text.splitlines():
        if "](" in line and "](http" not in line:
            target = line.split("](")[1].split(")")[0].split("#")[0]
            assert not target or (ROOT / target).exists(), target


def test_links_of_the_readme_resolve_on_other_sites():
    """The hub and PyPI show the README without the files beside it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((\S+?)\)", text)
    assert [target for target in targets if not target.startswith("https://")] == []
    mine = "https://(?:raw.githubusercontent|github).com/napari-visual-ccc/napari-visual-ccc/"
    paths = [re.sub(f"{mine}(?:(?:blob|tree)/)?main/", "", one) for one in targets]
    paths = [path for path in paths if not path.startswith("https://")]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_imported_package_is_declared():
    """What comes along with another package today need not tomorrow."""
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {plain_name(re.match(r"[\w.-]+", one)[0]) for group in groups for one in group}
    imported = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    known = importlib.metadata.packages_distributions()
    imported = (imported & set(known)) - {*sys.stdlib_module_names, "napari_visual_ccc"}
    assert {"PIL", "torch", "yaml"} <= imported
    assert [one for one in imported if not {plain_name(name) for name in known[one]} & names] == []


def plain_name(name):
    return re.sub(r"[-_.]+", "-", name).lower()
