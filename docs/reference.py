"""Pages of the reference, written from the catalogue, the stub and the command line."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import click

import napari_visual_ccc as ccc
from napari_visual_ccc.cli.main import cli
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.columns import COLUMNS
from napari_visual_ccc.workflow.operations import FAMILIES, OPERATIONS

INTRODUCTION = """\
# Reference

Functions are grouped by the widget that has them. Positional parameters are data, keyword-only
parameters are the fields of the form and the options of the command line. Every image may be an
array (numpy or dask), a `Micrograph`, a result or a layer of one; the last three bring their pixel
size and their info bar.
"""

STUB = ast.parse(Path(ccc.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
NAME = ccc.__name__


def write(folder: Path) -> None:
    """Write all pages; a page that has not changed keeps its time, so that it is not built anew."""
    folder.mkdir(exist_ok=True)
    texts = pages()
    for path in folder.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Text of every page by its file name."""
    families = {f"{family}.md": _family(family) for family in FAMILIES}
    others = {
        "index.md": _index(),
        "scripts.md": _scripts(),
        "objects.md": _objects(),
        "commands.md": _commands(),
        "columns.md": _columns(),
    }
    return {**families, **others}


def of_the_stub(app, what, name, obj, options, given, returned):
    """Signature of a function as the stub has it: an operation returns its result."""
    function = name.removeprefix(f"{NAME}.")
    for node in STUB.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return f"({ast.unparse(node.args)})", ast.unparse(node.returns)
    return None


def _index() -> str:
    contents = {
        "Operations": FAMILIES,
        "Beside them": ("scripts", "objects", "commands", "columns"),
    }
    trees = (
        f"\n```{{toctree}}\n:caption: {caption}\n" + "\n".join(names) + "\n```\n"
        for caption, names in contents.items()
    )
    return INTRODUCTION + "".join(trees)


def _family(family: str) -> str:
    names = [name for name, operation in OPERATIONS.items() if operation.family == family]
    rows = "".join(f"| [`{name}`](#{name}) | {signature.summary(name)} |\n" for name in names)
    text = f"# {FAMILIES[family]}\n\n| Function | What it does |\n|---|---|\n{rows}"
    return text + "".join(map(_operation, names))


def _operation(name: str) -> str:
    operation = OPERATIONS[name]
    doors = [f"*Plugins → Visual-CCC → {FAMILIES[operation.family]}*: **{operation.title}**"]
    if cli.get_command(click.Context(cli), name) is not None:
        doors.append(f"command line: `visual-ccc {name}`")
    return f"\n({name})=\n## {name}\n\n{'; '.join(doors)}.\n\n{_auto('function', f'{NAME}.{name}')}"


def _scripts() -> str:
    text = "# Files, models and records\n\nFunctions of scripts that no widget has.\n"
    for name in ccc._ELSEWHERE:
        text += f"\n({name})=\n## {name}\n\n{_auto('function', f'{NAME}.{name}')}"
    text += "\n## Samples\n\nMicrographs that ship with the package.\n\n"
    for name in ("load", "masks", "facts"):
        text += _auto("function", f"{NAME}.samples.{name}")
    return text


def _objects() -> str:
    """Classes that functions take and return: those that the stub imports."""
    text = "# Values and results\n\nClasses that functions take and return.\n"
    for node in STUB.body:
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        for alias in node.names:
            if alias.name[0].isupper():
                target = f"{NAME}.{node.module}.{alias.name}"
                text += f"\n## {alias.name}\n\n{_auto('class', target, ':members:')}"
    return text


def _auto(kind: str, target: str, *options: str) -> str:
    lines = "".join(f"   {option}\n" for option in options)
    return f"```{{eval-rst}}\n.. auto{kind}:: {target}\n{lines}```\n"


def _columns() -> str:
    text = (
        "# Glossary of table columns\n\n`<unit>` is the unit of the image, such as `nm`; `px` "
        "without a pixel size. `<name>` is the name of a class or region, `<n>` a number.\n"
    )
    for topic, columns in COLUMNS.items():
        text += f"\n## {topic}\n\n| Column | Unit | Definition | Source |\n|---|---|---|---|\n"
        for one in columns:
            words = (f"`{one.name}`", one.unit, one.definition, one.source)
            text += f"| {' | '.join(word.replace('|', chr(92) + '|') for word in words)} |\n"
    return text


def _commands() -> str:
    text = (
        "# Command line\n\nOptions of operations are the parameters of the functions of the same "
        "name, with the same defaults.\n"
    )
    context = click.Context(cli, info_name="visual-ccc")
    for name in cli.list_commands(context):
        text += _help(name, cli.get_command(context, name), context)
    return text


def _help(name: str, found: click.Command, above: click.Context) -> str:
    context = click.Context(found, info_name=name, parent=above, terminal_width=76)
    shown = inspect.cleandoc(found.get_help(context))
    text = f"\n## {context.command_path}\n\n```text\n{shown}\n```\n"
    if isinstance(found, click.Group):
        for one in found.list_commands(context):
            inner = _help(one, found.get_command(context, one), context)
            text += inner.replace("\n## ", "\n### ", 1)
    return text
