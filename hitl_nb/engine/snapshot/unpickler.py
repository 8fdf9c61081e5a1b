"""Load pickles that `pickles/pickler.py` wrote."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

from hitl_nb.engine.missing_names import describe_missing_import
from hitl_nb.engine.position.stack.generators import defer_generator_placement
from hitl_nb.engine.snapshot.pickles.key_rehash import rehash_keys_at_end
from hitl_nb.engine.snapshot.pickles.saved_code import find_code_by_id
from hitl_nb.errors import HitlError


class Unpickler(pickle.Unpickler):
    """Loads data that `Pickler` wrote.

    Args:
        data: The pickle; it may contain several values.
        find: Returns the object of a persistent id.
        buffers: The out-of-band buffers of the pickle, in order; None: there are none.
    """

    def __init__(self, data: bytes, find: Callable[[tuple[Any, ...]], Any], buffers: Any = None) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self.find = find

    def load(self) -> Any:
        """Load the next value.

        Raises:
            HitlError: The value needs a module, or a part of a module, that does not exist any more.
        """
        try:
            with rehash_keys_at_end(), defer_generator_placement():
                return super().load()
        except ImportError as error:
            raise HitlError(describe_missing_import(error)) from error

    def persistent_load(self, pid: Any) -> Any:
        """Return the object of a persistent id."""
        return find_code_by_id(pid) or self.find(pid)

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return the class or function that the stream names by its module and its name in the module.

        Raises:
            HitlError: The module does not have it.
        """
        try:
            return super().find_class(module_name, global_name)
        except AttributeError as error:
            raise HitlError(describe_missing_import(error, f"{global_name} of the module {module_name}")) from error
