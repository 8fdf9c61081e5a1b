"""Names and constant values that records use: actions, identities and statuses."""

from __future__ import annotations

from typing import Literal

FORMAT = 2
"""Newest format of a store that this code can read. A store with a newer format is refused."""

Action = Literal["approve", "edit", "reject", "respond"]

ACTIONS: tuple[Action, ...] = ("approve", "edit", "reject", "respond")

KindName = str
"""Name of a kind of value. `kinds/registry.py` lists all kinds."""

SCRIPT = "script:"
"""Prefix in `Run.notebook` for runs of scripts that write through a server: the script's name follows."""

AGENT = "agent:"
"""Prefix of an agent's name as the author of a text or a comment."""

CHANGED_SINCE = "Changed since this agent began:"
"""Beginning of a note on a proposal that names the inputs whose values have changed since the agent was started."""

Authn = Literal["login", "token", "anonymous"]

By = Literal["person", "policy", "deadline", "script"]

Known = Literal["login", "token", "anonymous", "unsigned", "policy", "deadline", "script"]
"""How the identity of the person who decided is known.

"login": a server signed that the person was logged in. "token": a server signed that the person had only the server's
token. "anonymous": a server signed the decision, but knew no name. "unsigned": no server signed the decision. "policy",
"deadline", "script": no person decided.
"""

Speaker = Literal["login", "token", "anonymous", "agent", "unsigned"]
"""How the identity of a comment's author is known: as in `Known`, or "agent" for a comment that an agent wrote."""

Surface = Literal["page", "shared"]
"""Kind of the browser page in which a decision was made.

"page": the separate review page, which no other document can control. "shared": a page such as JupyterLab. There, a
script in another document of the same server could have made the decision, for example in a notebook's HTML output.
"""

PolicyVerdict = Literal["pass", "ask", "block"]
"""Verdict of a policy on a question, in the order of strictness.

"pass": the question is approved and nobody is asked. "ask": people are asked. "block": the question is rejected.
"""

GuardrailVerdict = Literal["pass", "escalate", "block"]

TimelineAction = Literal["remind", "overdue", "escalate", "reject", "approve"]
"""Automatic actions on an open proposal at a planned time. "reject" and "approve" decide it and end the timeline.

Actions that are planned for the same time are taken in this order, and "reject" is taken before "approve".
"""

Identity = Literal["login", "local"]
"""Whose votes count if the terms name people.

"login": only votes of users who logged in to a server. "local": also votes of the user of the operating system.
"""

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
    "finished": frozenset({"running"}),  # run again, after statements were added at the end of its cell
    "cancelled": frozenset(),
}
"""Allowed changes of a run's status: for each status, the statuses that may follow it."""
