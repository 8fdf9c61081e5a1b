"""`TokenPrinter`: shows the text of a model while it comes, in the output of the cell."""

from __future__ import annotations

import sys


class TokenPrinter:
    """Writes the parts of a model's texts to standard output as they come. Texts are separated by line ends.

    The output of an agent's cell is kept when the run pauses, so the text is there after a resume, too.

    Args:
        shows: Whether anything is written. None: only in a notebook.
    """

    def __init__(self, shows: bool | None = None) -> None:
        self._shows = is_in_notebook() if shows is None else shows
        self._text = ""
        self._ends_line = True

    @property
    def shows(self) -> bool:
        """Whether anything is written. If not, the framework need not stream."""
        return self._shows

    def write(self, token: str, text_id: str) -> None:
        """Write a part of a text.

        Args:
            token: The part.
            text_id: Identifies the text among those of the models that work side by side.
        """
        if not self._shows or not token:
            return
        if text_id != self._text:
            self.end_text()
            self._text = text_id
        sys.stdout.write(token)
        sys.stdout.flush()
        self._ends_line = token.endswith("\n")

    def end_text(self) -> None:
        """End the line, so that what follows begins a new one."""
        if not self._ends_line:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._ends_line = True


def is_in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
