"""`RecordedModel`: a model of which each request is a step of the run, and whose text is shown while it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import (
    CompletedStreamedResponse,
    Model,
    ModelRequestContext,
    ModelRequestParameters,
    StreamedResponse,
)
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from hitl_nb.integrations.recorded_calls import record_async_model_request
from hitl_nb.integrations.token_printer import TokenPrinter


class RecordedModel(WrapperModel):
    """A model of which each request is a step.

    Args:
        wrapped: The model.
        printer: Shows its text.
    """

    def __init__(self, wrapped: Model, printer: TokenPrinter) -> None:
        super().__init__(wrapped)
        self.printer = printer

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Send a request, or return the recorded response."""
        arguments = messages, model_settings, model_request_parameters
        if self.printer.shows and can_stream(self.wrapped):
            return await self._record(lambda: self._read_stream(*arguments, None), model_request_parameters)
        return await self._record(lambda: self.wrapped.request(*arguments), model_request_parameters)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Send a request, read the response to its end, and return it as a stream; or return the recorded one."""
        response = await self._record(
            lambda: self._read_stream(messages, model_settings, model_request_parameters, run_context),
            model_request_parameters,
        )
        yield CompletedStreamedResponse(response, model_request_parameters=model_request_parameters, replay_events=True)

    async def compact_messages(
        self, request_context: ModelRequestContext, *, instructions: str | None = None
    ) -> ModelResponse:
        """Let the model shorten messages, or return the recorded response."""
        return await self._record(
            lambda: self.wrapped.compact_messages(request_context, instructions=instructions),
            request_context.model_request_parameters,
        )

    async def _read_stream(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        context: RunContext[Any] | None,
    ) -> ModelResponse:
        """Send a request, show the text while it comes, and return the whole response."""
        async with self.wrapped.request_stream(messages, settings, parameters, context) as stream:
            async for event in stream:
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    self.printer.write(event.part.content, f"{len(messages)}/{event.index}")
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    self.printer.write(event.delta.content_delta, f"{len(messages)}/{event.index}")
        return stream.get()

    async def _record(
        self, send: Callable[[], Awaitable[ModelResponse]], parameters: ModelRequestParameters
    ) -> ModelResponse:
        async def send_as_json() -> str:
            return ModelMessagesTypeAdapter.dump_json([await send()]).decode()

        # If the provider calls tools by itself, the request may have an effect.
        acts = bool(parameters.native_tools)
        return _read_response(await record_async_model_request("model", send_as_json, idempotent=not acts))


def can_stream(model: Model) -> bool:
    """Return whether a model can send its response in pieces."""
    if isinstance(model, WrapperModel):
        return can_stream(model.wrapped)
    if isinstance(model, FallbackModel):
        return all(map(can_stream, model.models))
    if isinstance(model, FunctionModel):
        return model.stream_function is not None
    return type(model).request_stream is not Model.request_stream


def _read_response(text: Any) -> ModelResponse:
    """Return the response of a model from its record. After a crash, a person may have given a plain text instead."""
    try:
        (response,) = ModelMessagesTypeAdapter.validate_json(text)
    except ValueError:
        return ModelResponse(parts=[TextPart(str(text))])
    assert isinstance(response, ModelResponse)
    return response
