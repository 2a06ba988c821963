"""Which widget edits a parameter, and how a value goes into it and comes out again."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, get_origin

import yaml
from magicgui.widgets import CheckBox, ComboBox, LineEdit
from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QWidget

from napari_pyama.parameters import Parameter
from napari_pyama.widgets.check_list import CheckList
from napari_pyama.widgets.numbers import NumberBox, WholeNumberBox

_UNLIMITED: Final = 1e12
"""Stands for a limit where a parameter has none."""
_INT_TAG: Final = "tag:yaml.org,2002:int"


@dataclass(frozen=True, slots=True)
class Editor:
    """A widget and the way between a parameter's value and what the widget holds."""

    native: QWidget
    on_changed: Callable[[Callable[..., None]], Any]
    """Connects a callback to the widget's signal."""
    show: Callable[[Any], None]
    read: Callable[[], Any]


def editor_for(parameter: Parameter) -> Editor:
    """Make the editor that fits a parameter's type, with its limits, step and tooltip."""
    editor = _editor(parameter)
    editor.native.setToolTip(parameter.help)
    if isinstance(editor.native, QComboBox):
        editor.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    if isinstance(editor.native, QAbstractSpinBox | QComboBox):
        editor.native.installEventFilter(_WheelScrollsForm(editor.native))
    return editor


def _editor(parameter: Parameter) -> Editor:
    if get_origin(parameter.kind) is tuple and parameter.choices:
        return _several(CheckList(parameter.choices))
    if parameter.choices:
        return _plain(ComboBox(choices=parameter.choices, value=parameter.choices[0]))
    if parameter.kind is bool:
        return _plain(CheckBox(value=False))
    if parameter.kind in (int, float):
        return _number_editor(parameter)
    if parameter.kind is str:
        return _text_editor(parameter)
    return _yaml_editor()


def _plain(widget: ValueWidget[Any]) -> Editor:
    def show(value: Any) -> None:
        widget.value = value

    return _of_widget(widget, show, widget.get_value)


def _text_editor(parameter: Parameter) -> Editor:
    """Edit text; where there may be none, an empty line is none."""
    widget = LineEdit()

    def show(value: str | None) -> None:
        widget.value = value or ""

    def read() -> str | None:
        return None if parameter.optional and not widget.value else widget.value

    return _of_widget(widget, show, read)


def _of_widget(
    widget: ValueWidget[Any], show: Callable[[Any], None], read: Callable[[], Any]
) -> Editor:
    return Editor(widget.native, widget.changed.connect, show, read)


def _several(widget: CheckList) -> Editor:
    return Editor(widget, widget.itemChanged.connect, widget.check, widget.checked)


def _number_editor(parameter: Parameter) -> Editor:
    kind = WholeNumberBox if parameter.kind is int else NumberBox
    lower = -_UNLIMITED if parameter.lower is None else parameter.lower
    upper = _UNLIMITED if parameter.upper is None else parameter.upper
    box = kind(*map(parameter.kind, (lower, upper, parameter.step or 1)))
    return Editor(box, box.valueChanged.connect, box.setValue, box.value)


def _yaml_editor() -> Editor:
    """Edit anything else as a line of YAML: ``{1: max, GFP: 3}``, ``[area, perimeter]``."""
    widget = LineEdit()

    def show(value: Any) -> None:
        text: str = yaml.safe_dump(_plain_data(value), default_flow_style=True, width=10_000)
        widget.value = text.removesuffix("...\n").strip()

    def read() -> Any:
        return yaml.load(widget.value, Loader=_PlainNumbers)

    return _of_widget(widget, show, read)


def _plain_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain_data(item) for item in value]
    return value


class _PlainNumbers(yaml.SafeLoader):
    """YAML as people mean it: ``010`` is no number of base 8, ``1:30`` none of base 60."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _INT_TAG]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_PlainNumbers.add_implicit_resolver(
    _INT_TAG, re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)


class _WheelScrollsForm(QObject):
    """Keeps the mouse wheel from changing a value that the user only scrolls past."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Leave wheel events over a widget without focus to the form."""
        wheel = event is not None and event.type() == QEvent.Type.Wheel
        if wheel and not watched.hasFocus():  # type: ignore[union-attr]
            event.ignore()  # type: ignore[union-attr]
            return True
        return False
