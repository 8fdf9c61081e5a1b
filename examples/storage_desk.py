"""The model and the folders of the example for the OpenAI Agents SDK, `storage.ipynb`.

Without `HITL_NB_MODEL`, the SDK's own double for tests answers. So the notebook needs no key and no network, and
gives the same result each time. With it (such as `gpt-5-mini`), it is that model of OpenAI.
"""

from __future__ import annotations

import os
from typing import Any

from agents import Model, set_tracing_disabled
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call

FOLDERS = {
    "/lab/runs-2021": {"gigabytes": 910, "owner": "nobody (left in 2022)", "last opened": "2021-11-03"},
    "/lab/microscope-raw": {"gigabytes": 740, "owner": "Ines", "last opened": "2023-02-17"},
    "/lab/tmp-train": {"gigabytes": 380, "owner": "Jonas", "last opened": "yesterday"},
}


def make_model() -> str | Model:
    """Return the name of the model that the environment names, or a fake model."""
    name = os.environ.get("HITL_NB_MODEL")
    if name:
        return name.removeprefix("openai:")
    set_tracing_disabled(True)
    return ScriptedModel([ModelStep.respond(answer)] * 10)


def answer(call: ModelCall) -> list[Any]:
    """Return what a model would say next: it looks, hands over, deletes all that is large, and reports."""
    results = [str(one["output"]) for one in call.input if one.get("type") == "function_call_output"]
    if not results:
        return [function_call("list_folders", {}, call_id="list")]
    if len(results) == 1:
        return [function_call("transfer_to_cleaner", {}, call_id="hand-over")]
    if len(results) == 2:
        return [
            function_call("remove", {"folder": folder, "how": "delete"}, call_id=f"remove-{n}")
            for n, folder in enumerate(FOLDERS)
        ]
    return [assistant_message("\n".join(f"- {one}" for one in results[2:]))]
