"""Types for the names of kinds of values. Any text is accepted; the OpenAPI document lists the registered names."""

from __future__ import annotations

from typing import Annotated

import msgspec

from hitl_nb.kinds.registry import KINDS, text_kinds

KindName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(KINDS)})]
TextKindName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": text_kinds()})]
