"""Requests to models as recorded steps: a request that was answered is not made again after a crash."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, cast

from agents import FileSearchTool, FunctionTool, Model, ModelProvider, ModelResponse, RunConfig, Usage, WebSearchTool
from agents.run_config import CallModelData, ModelInputData
from agents.version import __version__
from pydantic import TypeAdapter

from hitl_nb.integrations.openai_agents.sdk_states import check_version
from hitl_nb.integrations.openai_agents.stretches import Stretch, current_stretch, inside_call
from hitl_nb.integrations.recorded_calls import record_async_model_request

RESPONSES: TypeAdapter[Any] = TypeAdapter(ModelResponse)
READING_TOOLS = (FunctionTool, FileSearchTool, WebSearchTool)
"""Tools that have no effect in a request: the SDK calls them after it, or they only read."""


@dataclass
class Request:
    """A request that the SDK is about to make.

    Attributes:
        key: The identity of the request in the stretch.
        tries: Number of tries so far. The SDK repeats requests that failed, if its settings say so.
        is_answered: Whether the model has answered. A later request in the same task is another one.
    """

    key: str
    tries: int = 0
    is_answered: bool = False


_next_request: ContextVar[Request | None] = ContextVar("hitl_nb_openai_request", default=None)
"""The request that the current task makes next; None outside of runs with the configuration of a stretch."""


class RecordedProvider(ModelProvider):
    """A provider whose models record the requests of stretches.

    Args:
        provider: The provider that has the models.
    """

    def __init__(self, provider: ModelProvider) -> None:
        self.provider = provider

    def get_model(self, model_name: str | None) -> Model:
        """Return the model of a name."""
        return record_requests(self.provider.get_model(model_name))

    async def aclose(self) -> None:
        """Close the provider that has the models."""
        await self.provider.aclose()


def make_run_config(config: RunConfig, stretch: Stretch, check_agent: Callable[[Any], None]) -> RunConfig:
    """Return a configuration with which a stretch records its requests to models, and tells them of edits.

    Args:
        config: The configuration of the user.
        stretch: The stretch.
        check_agent: Called with each agent before it makes a request. It raises if the agent cannot be reviewed.
    """
    own_filter = config.call_model_input_filter

    async def begin_request(data: CallModelData[Any]) -> ModelInputData:
        check_agent(data.agent)
        filtered: Any = data.model_data if own_filter is None else own_filter(data)
        if isawaitable(filtered):
            filtered = await filtered
        _next_request.set(Request(stretch.count_request(inside_call.get())))
        return dataclasses.replace(filtered, input=[_add_note(item, stretch) for item in filtered.input])

    model = record_requests(config.model) if isinstance(config.model, Model) else config.model
    provider = RecordedProvider(config.model_provider)
    return dataclasses.replace(config, model=model, model_provider=provider, call_model_input_filter=begin_request)


def record_requests(model: Model) -> Model:
    """Make a model record the requests of stretches. Other requests are made as before.

    Returns:
        The model itself: the SDK distinguishes models by their class, so none is put around it.
    """
    if "get_response" not in vars(model):
        respond = model.get_response

        async def get_response(*args: Any, **kwargs: Any) -> ModelResponse:
            request, stretch = _next_request.get(), current_stretch.get()
            if stretch is None or request is None or request.is_answered:
                return await respond(*args, **kwargs)
            acts = not all(isinstance(tool, READING_TOOLS) for tool in kwargs.get("tools") or ())
            response = await _record(request, lambda: respond(*args, **kwargs), acts=acts)
            stretch.calls.update(getattr(item, "call_id", None) or "" for item in response.output)
            return response

        vars(model).update(get_response=get_response)
    return model


def _add_note(item: Any, stretch: Stretch) -> Any:
    """Return an item of the input of a model, with a note if it is the result of a call that somebody edited.

    The history of the SDK has the arguments of the model. The result itself is not changed, because it can be the
    output of the run.
    """
    if item.get("type") != "function_call_output" or stretch.find_edited(item["call_id"]) is None:
        return item
    note, output = stretch.answers[item["call_id"]].message, item["output"]
    told = f"{note}\n\n{output}" if isinstance(output, str) else [{"type": "input_text", "text": note}, *output]
    return {**item, "output": told}


async def _record(request: Request, respond: Callable[[], Any], *, acts: bool) -> ModelResponse:
    """Make a request as a step, or return the recorded response.

    Args:
        request: The request.
        respond: Makes it.
        acts: Whether the provider may execute tools with effects in it. Then it is not made again without a question.
    """
    fresh: list[ModelResponse] = []

    async def make_request() -> tuple[str, Any]:
        fresh.append(await respond())
        return __version__, RESPONSES.dump_python(fresh[0], mode="json", exclude_unset=True)

    request.tries += 1
    key = f"{request.key}/{request.tries}"
    found: Any = await record_async_model_request(key, make_request, idempotent=not acts)
    request.is_answered = True
    if fresh:
        return fresh[0]
    if not isinstance(found, tuple):  # after a crash, a person may have given a text as the response
        return _make_response(str(found))
    version, recorded = cast("tuple[str, Any]", found)
    check_version(version, "an answer of the model")
    return RESPONSES.validate_python(recorded)


def _make_response(text: str) -> ModelResponse:
    """Return a response of a model that is a text."""
    content: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    message: dict[str, Any] = {"id": "hitl_nb", "type": "message", "role": "assistant", "status": "completed"}
    output = [{**message, "content": [content]}]
    return RESPONSES.validate_python({"output": output, "usage": Usage(), "response_id": None})
