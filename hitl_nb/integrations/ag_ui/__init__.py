"""AG-UI on hitl_nb: a run of an agent as events of the protocol, with people's decisions as answers to its interrupts.

Tested with ag-ui-protocol 1.0. Install it with `pip install "hitl_nb[ag_ui]"`.
"""

from hitl_nb.integrations.ag_ui.events import events

__all__ = ["events"]
