"""Whether a worker of a cluster has this version of the package, asked before it does anything.

What asks travels as text: a function that travels by its name could not be found, and its bytes
not be read, on the very workers that are to be refused. The metadata of the installed packages do
not tell: a path before theirs may hold another version.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Mapping
from typing import Any

# what a worker evaluates: built in, so that any version of Python finds it
RUN = "exec(text, here) or here['guarded'](*given)"

_PACKAGE = __name__.partition(".")[0]

# the distribution of the package
_NAME = _PACKAGE.replace("_", "-")

# module that does what is asked for, of the worker's package
_TASK = f"{__package__}.task"


def guarded(python, package, version, task, payload):  # type: ignore[no-untyped-def]
    """Answer with what a worker has; where that is the same, with what the payload asks for.

    Its text is run by itself and by other versions of Python, so it uses nothing from around it.
    """
    import importlib
    import sys

    from distributed import get_worker

    found = {"version": "", "problem": ""}
    found["python"] = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if payload is not None:
        worker = get_worker()
        found.update(name=str(worker.name), address=worker.address)
    if found["python"] != python:
        return found
    try:
        found["version"] = importlib.import_module(package).__version__
    # whatever an environment that is not whole raises
    except Exception as error:  # noqa: BLE001
        found["problem"] = f"{type(error).__name__}: {error}"
        return found
    if payload is not None and found["version"] == version:
        found.update(importlib.import_module(task).answer(payload))
    return found


def asking(payload: bytes | None = None) -> dict[str, Any]:
    """Names for `RUN`: what a worker is asked to do, or only what it has."""
    given = (_python(), _PACKAGE, _version(), _TASK, payload)
    return {"text": _text(), "here": {}, "given": given}


def refusal(found: Mapping[str, Any]) -> str:
    """Say why a worker cannot take part; empty where it can.

    Parameters
    ----------
    found : mapping
        Answer of `guarded`, with the ``name`` and ``address`` of the worker, which are in the
        answers to a payload.
    """
    name, address = found["name"], found["address"]
    worker = f"the worker {address}" if name == address else f"the worker {name} ({address})"
    remedy = "; start it in the same environment as the batch, and the same command goes on"
    if found["python"] != _python():
        return (
            f"{worker} has Python {found['python']}, and the batch has Python {_python()}{remedy}"
        )
    if found["problem"]:
        return f"{worker} cannot load {_NAME} {_version()} ({found['problem']}){remedy}"
    if found["version"] != _version():
        return f"{worker} has {_NAME} {found['version']}, and the batch has {_version()}{remedy}"
    return ""


@functools.cache
def _text() -> str:
    return inspect.getsource(guarded)


def _python() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _version() -> str:
    version: str = sys.modules[_PACKAGE].__version__
    return version
