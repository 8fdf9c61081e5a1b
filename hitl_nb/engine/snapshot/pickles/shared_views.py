"""Pickle objects that only show another object (proxies and views) together with that same object, not with a copy.

cloudpickle copies the mapping behind a proxy or a view, so the copy would not show a later change. Proxies and views
have no attribute for the object behind them, so the garbage collector is asked. `os.environ` belongs to the process,
and its values may be secrets. So only its name is saved.

pandas needs the opposite. With copy-on-write, two objects that share memory have separate values, and pandas' count of
the sharing objects is not part of a pickle. So such objects are saved with copies.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, cast

from hitl_nb.settings import ENVIRONMENT_TYPE

Reducer = Callable[[Any], Any]


def view_reducers() -> dict[type, Reducer]:
    """Return functions that make `__reduce__` tuples, by type: for proxies and views of dicts, and for `os.environ`."""
    empty: tuple[dict[Any, Any], ...] = ({}, OrderedDict())
    views = {type(view()): view.__name__ for one in empty for view in (one.keys, one.values, one.items)}
    return {
        ENVIRONMENT_TYPE: _reduce_environment,
        MappingProxyType: _reduce_proxy,
        **{kind: _view_reducer(name) for kind, name in views.items()},
    }


def frame_reducers() -> dict[type, Reducer]:
    """Return functions that make `__reduce__` tuples, by type: for the classes that hold values of pandas' objects.

    The result is empty if pandas is not imported or does not use copy-on-write.
    """
    managers: Any = sys.modules.get("pandas.core.internals.managers")
    if managers is None or not _copies_on_write():
        return {}
    return dict.fromkeys((managers.BlockManager, managers.SingleBlockManager), _reduce_manager)


def _mapping_behind(shown: Any) -> Any:
    (mapping,) = gc.get_referents(shown)
    return mapping


def _reduce_proxy(proxy: Any) -> Any:
    mapping = _mapping_behind(proxy)
    owner = _class_of(mapping)
    return (MappingProxyType, (mapping,)) if owner is None else (vars, (owner,))


def _class_of(mapping: Any) -> type | None:
    """Return the class whose attributes are in this same dict (as shown by `vars(cls)`); None if there is none."""
    if not isinstance(mapping, dict) or ("__module__" not in mapping and "__doc__" not in mapping):
        return None
    return next(
        (
            one
            for one in gc.get_referrers(cast("dict[str, Any]", mapping))
            if isinstance(one, type) and _mapping_behind(vars(one)) is mapping
        ),
        None,
    )


def _view_of(mapping: Any, name: str) -> Any:
    return getattr(mapping, name)()


def _view_reducer(name: str) -> Reducer:
    return lambda view: (_view_of, (_mapping_behind(view), name))


def _environment(name: str) -> Any:
    return getattr(os, name)


def _reduce_environment(environment: Any) -> Any:
    for name in ("environ", "environb"):
        if environment is getattr(os, name, None):
            return (_environment, (name,))
    raise TypeError("it is an environment that is not os.environ; keep a dict of what you need of it")


def _copies_on_write() -> bool:
    pandas = cast(Any, sys.modules["pandas"])
    return int(pandas.__version__.split(".")[0]) >= 3 or pandas.options.mode.copy_on_write is True


def _reduce_manager(manager: Any) -> Any:
    if any(block.refs.has_reference() for block in manager.blocks):
        manager = manager.copy(deep=True)
    return manager.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
