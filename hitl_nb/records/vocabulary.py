"""Words and values that records are made of: actions, identities, statuses."""

from __future__ import annotations

from typing import Literal

FORMAT = 2
"""Newest version of the stored layout that this code knows. A store with a newer version is refused."""

Action = Literal["approve", "edit", "reject", "respond"]

ACTIONS: tuple[Action, ...] = ("approve", "edit", "reject", "respond")

KindName = str
"""Name of a kind of value. `kinds/registry.py` lists all kinds."""

SCRIPT = "script:"
"""Prefix of the script's name, in place of a notebook's path, for runs of scripts that write through a server."""

AGENT = "agent:"
"""Prefix of an agent's name as the author of a text or a comment."""

CHANGED_SINCE = "Changed since this agent began:"
"""Beginning of a note that names the inputs of a waiting agent that have changed."""

Authn = Literal["login", "token", "anonymous"]

By = Literal["person", "policy", "deadline", "script"]

Known = Literal["login", "token", "anonymous", "unsigned", "policy", "deadline", "script"]
"""How the identity of the decider is known.

"login", "token" and "anonymous": a server signed that they logged in, that they had only its token, or that it knew no
name. "unsigned": no server signed. The other values: no person decided.
"""

Speaker = Literal["login", "token", "anonymous", "agent", "unsigned"]
"""How the identity of an author is known: as in `Known`. "agent": a program wrote it as an agent."""

Surface = Literal["page", "shared"]
"""Where a decision was made.

"page": in its own page, which no other document can control. "shared": possibly by a script in another document of the
server's origin, such as the HTML of a notebook in JupyterLab.
"""

PolicyVerdict = Literal["pass", "ask", "block"]
"""Verdict of a policy on a question, the strictest last: nobody is asked, people are asked, or it is rejected."""

GuardrailVerdict = Literal["pass", "escalate", "block"]

TimelineAction = Literal["remind", "overdue", "escalate", "reject", "approve"]
"""Actions of the clock on an open proposal. "reject" and "approve" decide it and end the timeline.

Actions at the same time are taken in this order, but "reject" before "approve".
"""

Identity = Literal["login", "local"]
"""Whose votes count where people are named: "login" for users that a server knows by login, "local" also for the OS
user."""

ShownInNotices = Literal["title", "summary"]

RunStatus = Literal["running", "waiting", "ready", "failed", "finished", "cancelled"]

ProposalStatus = Literal["open", "decided", "expired", "superseded"]

CommentState = Literal["open", "resolved", "accepted", "dismissed"]

COMMENT_STATES: tuple[CommentState, ...] = ("open", "resolved", "accepted", "dismissed")

WorkspaceStatus = Literal["open", "done", "closed"]

RUN_TRANSITIONS: dict[str, frozenset[str]] = {
    "running": frozenset({"running", "waiting", "failed", "finished", "cancelled"}),
    "waiting": frozenset({"ready", "cancelled", "waiting"}),
    "ready": frozenset({"running", "cancelled"}),
    "failed": frozenset({"running", "cancelled"}),
    "finished": frozenset({"running"}),  # statements were added below
    "cancelled": frozenset(),
}
"""Allowed changes of a run's status."""
