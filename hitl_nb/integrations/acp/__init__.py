"""The Agent Client Protocol (ACP) on hitl_nb: people decide in JupyterLab what an agent of a chat may do.

Tested with agent-client-protocol 0.12. Install it with `pip install "hitl_nb[acp]"`.
"""

from hitl_nb.integrations.acp.jupyter_ai import JupyterAiCards
from hitl_nb.integrations.acp.permissions import PermissionCards

__all__ = ["JupyterAiCards", "PermissionCards"]
