"""What is done with each of many images: the operation of a form, or steps of a record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ....workflow.operations import OPERATIONS, Operation
from ....workflow.recipe import load
from ....workflow.record import Record
from ...layers.metadata import METADATA

if TYPE_CHECKING:
    from napari.layers import Layer

# stands for a record that is chosen as a file
FILE = "file"


def offered(operation: Operation, layers: Iterable[Layer]) -> list[tuple[str, Any]]:
    """Choices by their texts: None is the operation as chosen in its form, then come records.

    Parameters
    ----------
    operation : Operation
        Of the form.
    layers : iterable of Layer
        Of the viewer; the steps of results are offered, those of the topmost first.
    """
    found: list[tuple[str, Any]] = [(f"{operation.title}, as chosen in the form", None)]
    known: list[Any] = []
    for layer in reversed(list(layers)):
        record = _record_of(layer)
        # several layers may come of one run
        if record is not None and record.steps not in known:
            known.append(record.steps)
            titles = [OPERATIONS[one.operation].title for one in record.steps]
            found.append((f"As {layer.name}: {', '.join(titles)}", record))
    return [*found, ("A record (file)", FILE)]


def _record_of(layer: Layer) -> Record | None:
    """Record of a layer whose steps other images can go through."""
    about = layer.metadata.get(METADATA)
    if not about:
        return None
    try:
        record = load(about)
    except ValueError:
        return None
    # what was drawn was drawn on this image
    return None if any(one.drawn for one in record.steps) else record
