"""Fields of the parameters of `ccc.batch`, made from its signature, and their last values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_origin

from magicgui.widgets import ComboBox, Container, LineEdit, PushButton
from qtpy.QtCore import QUrl

from ....core.units import METRES
from ....workflow import signature
from ....workflow.batch.pool import PROCESSES, THREADS
from ....workflow.batch.run import batch
from ....workflow.signature import Parameter
from ..fields import field_of
from ..number import Number
from .session import recalled

# a choice of the scheduler, whose address is typed
CLUSTER = "dask scheduler"


class Place(Container):
    """A path that is typed, dropped, or chosen in a dialog.

    Parameters
    ----------
    name, label, tooltip, hint : str
        Of the field; the hint is read while it is empty.
    **ask : callable
        Text of a button → what asks for a path, and gives an empty text if none is chosen.
    """

    def __init__(
        self, name: str, label: str, tooltip: str, hint: str, **ask: Callable[[], str]
    ) -> None:
        self.line = LineEdit(tooltip=tooltip)
        self.line.native.setPlaceholderText(hint)
        self.buttons = [PushButton(text=f"{text}…") for text in ask]
        super().__init__(
            widgets=[self.line, *self.buttons], layout="horizontal", labels=False, name=name,
            label=label,
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)
        for button, function in zip(self.buttons, ask.values(), strict=True):
            button.native.setAutoDefault(False)
            button.changed.connect(lambda _, function=function: self._choose(function))

    def _choose(self, ask: Callable[[], str]) -> None:
        if chosen := ask():
            self.line.value = chosen

    @property
    def value(self) -> str:
        """The path; that of a file which was dropped is one as well."""
        text = str(self.line.value).strip()
        return QUrl(text).toLocalFile() if text.startswith("file://") else text

    @value.setter
    def value(self, path: str) -> None:
        self.line.value = path


class Scheduler(Container):
    """Threads or processes of this machine, or the address of a dask scheduler."""

    def __init__(self, parameter: Parameter) -> None:
        self.kind = ComboBox(choices=[THREADS, PROCESSES, CLUSTER], tooltip=parameter.help)
        self.address = LineEdit(visible=False, tooltip="Address of a dask scheduler, or its file")
        self.address.native.setPlaceholderText("tcp://node1:8786")
        super().__init__(
            widgets=[self.kind, self.address], layout="horizontal", labels=False,
            name=parameter.name, label=parameter.options["label"],
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)
        self.kind.changed.connect(self._show_address)

    def _show_address(self) -> None:
        self.address.visible = self.kind.value == CLUSTER

    @property
    def value(self) -> str:
        """What `ccc.batch` takes."""
        if self.kind.value != CLUSTER:
            return str(self.kind.value)
        return str(self.address.value).strip()

    @value.setter
    def value(self, scheduler: str) -> None:
        is_local = scheduler in (THREADS, PROCESSES)
        self.kind.value = scheduler if is_local else CLUSTER
        if not is_local:
            self.address.value = scheduler


class Workers(Number):
    """A number of workers, whose 0 is said in words."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(
            name=parameter.name, label=parameter.name.capitalize(), value=parameter.default,
            min=0, max=10_000, tooltip=parameter.help,
        )  # fmt: skip
        self.native.setDecimals(0)
        self.native.setSpecialValueText("one a core")


class Size(Container):
    """A pixel size with its unit; empty for that of each file.

    That of a voxel are three numbers with spaces between them: slices, rows, columns.
    """

    def __init__(self, parameter: Parameter, unit: Parameter) -> None:
        self.line = LineEdit(tooltip=parameter.help)
        self.line.native.setPlaceholderText("that of each file")
        self.unit = ComboBox(choices=list(METRES), value=unit.default, tooltip="Unit")
        super().__init__(
            widgets=[self.line, self.unit], layout="horizontal", labels=False,
            name=parameter.name, label=parameter.options["label"],
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)

    @property
    def value(self) -> float | tuple[float, ...] | None:
        """Side of a pixel, or (z, y, x).

        Raises
        ------
        ValueError
            If a text is no number.
        """
        text = str(self.line.value)
        try:
            sides = tuple(float(one) for one in text.replace(",", ".").split())
        except ValueError:
            raise ValueError(f"the pixel size is {text!r}; write a number") from None
        return sides if len(sides) > 1 else next(iter(sides), None)

    @value.setter
    def value(self, size: float | tuple[float, ...] | None) -> None:
        sides = size if isinstance(size, tuple) else () if size is None else (size,)
        self.line.value = " ".join(f"{one:g}" for one in sides)


class Tick(Container):
    """A check box in the column of the fields."""

    def __init__(self, parameter: Parameter) -> None:
        self.box: Any = field_of(parameter)
        # its text stands beside it; a row without a label would begin where the labels do
        super().__init__(
            widgets=[self.box], layout="horizontal", labels=False, name=parameter.name, label=" ",
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)

    @property
    def value(self) -> bool:
        """Whether it is checked."""
        return bool(self.box.value)

    @value.setter
    def value(self, checked: bool) -> None:
        self.box.value = checked


def fields_of_batch() -> dict[str, Any]:
    """Make the fields of the parameters that a person chooses, with their last values."""
    known = signature.parameters_of(batch)
    fields: dict[str, Any] = {}
    for name, parameter in known.items():
        if name == "scheduler":
            fields[name] = Scheduler(parameter)
        elif name == "spacing":
            fields[name] = Size(parameter, known["unit"])
        elif name == "workers":
            fields[name] = Workers(parameter)
        elif parameter.plain_type is bool:
            fields[name] = Tick(parameter)
        elif parameter.plain_type in (int, float) or get_origin(parameter.type) is Literal:
            fields[name] = field_of(parameter)
    last = recalled()
    for name in fields.keys() & last.keys():
        fields[name].value = last[name]
    if "unit" in last:
        fields["spacing"].unit.value = last["unit"]
    return fields


def are_more() -> list[str]:
    """Names of the fields that are shown on demand."""
    known = signature.parameters_of(batch)
    return [name for name, one in known.items() if one.options.get("more")]


def values_of_batch(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Values of all parameters of `ccc.batch` but ``report``: of the fields, else the defaults.

    Raises
    ------
    ValueError
        If a text is none that its parameter takes.
    """
    values = {key: one.default for key, one in signature.parameters_of(batch).items()}
    del values["report"]
    values |= {name: field.value for name, field in fields.items()}
    if not values["scheduler"]:
        raise ValueError("type the address of the dask scheduler, or choose threads")
    return values | {"unit": fields["spacing"].unit.value, "workers": int(values["workers"])}
