"""The base class of the editors in `editors.py` and `grid_editor.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import Any

ui: Any = import_module("ipywidgets")  # it has no types


class ValueEditor(ABC):
    """Base class of editors: the controls of one value.

    Attributes:
        widget: The widget to display.
        controls: The controls that a person changes.
        shows_changes: Whether the editor itself shows at each part what was proposed for it.
    """

    shows_changes: bool = False

    def __init__(self) -> None:
        self.widget: Any = ui.VBox([])
        self.controls: list[Any] = []
        self._watcher: Callable[[], None] | None = None

    @abstractmethod
    def read_value(self) -> Any:
        """Return the JSON in the controls.

        Raises:
            InvalidEdit: The input is not valid JSON.
        """

    @abstractmethod
    def read_draft(self) -> Any:
        """Return the JSON in the controls. Input that is not yet valid JSON is returned as text."""

    def show_errors(self, wrong: dict[str, str]) -> dict[str, str]:
        """Show error messages at their fields, and remove older messages.

        Args:
            wrong: Path of a field -> message.

        Returns:
            The messages that have no field in this editor.
        """
        return wrong

    def show_changes(self) -> None:
        """Show at each part of the value what was proposed for it. Editors of one part show nothing."""
        return

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each change that a person makes."""
        self._watcher = changed
        for control in self.controls:
            control.observe(self._notify, "value")

    def _notify(self, _: Any = None) -> None:
        if self._watcher:
            self._watcher()
