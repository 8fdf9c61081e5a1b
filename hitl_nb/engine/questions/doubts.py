"""Effects in doubt: a step had begun when its process died, so nobody knows whether the effect of the step happened.

People are asked about all such steps together, before any code of the run is executed again. An answer belongs to one
try of one call. It says nothing about the next try.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import reprlib
import sys
import typing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from hitl_nb.engine.call_keys.keys import identify_call
from hitl_nb.engine.questions.answers import add_note, read_comments_at_decision
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.engine.snapshot.pickles.defined_names import resolve_name
from hitl_nb.errors import CannotPause, HitlError, InvalidEdit
from hitl_nb.records import Doubt, Question, Step, effect_happened, now
from hitl_nb.review.decision import Decision, LiveQuestion, to_decision
from hitl_nb.values.models import build_model
from hitl_nb.values.schemas import resolve_schema

if TYPE_CHECKING:
    from hitl_nb.engine.run.session import Session

SECRET = re.compile(r"password|passwd|secret|credential|api_?key|(^|_)token$|^auth(orization)?$", re.IGNORECASE)
_MAX_TEXT_CHARS = 200
"""Maximum number of characters that are shown of one argument."""


class _ShortRepr(reprlib.Repr):
    def __init__(self, longest: int) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxdict = self.maxdeque = 10
        self.maxstring = self.maxother = self.maxlong = longest


_SMALL = (bool, float, type(None))
_brief, _full = _ShortRepr(40), _ShortRepr(_MAX_TEXT_CHARS)


@dataclass(frozen=True)
class EffectAnswer:
    """People's answer about a step whose process died during the call: did the step take effect?

    Attributes:
        took_effect: True if the call took effect.
        result: The result of the call, if it took effect.
    """

    took_effect: bool
    result: Any = None


class Doubts(PendingCall):
    """The questions about effects in doubt (steps whose process died), saved as the call for which the run waits.

    The engine asks them, not a call of the agent. So no value is returned to the code. The answers are read when the
    run continues.
    """


def describe_call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Describe a call as text for people, and return its arguments.

    Values of arguments that are named like a secret are replaced by "…".

    Args:
        function: The function that is called.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Returns:
        (text such as `pay(10, to='Ann')`, {name of an argument: its value as text}). If the arguments do not fit the
        function, the text has "..." in their place and the dictionary is empty.
    """
    try:
        bound = _read_signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):  # the call itself will raise the error
        return f"{function.__qualname__}(...)", {}
    names = list(bound.signature.parameters)
    hidden = {name for name in names if SECRET.search(name)}
    arguments = {name: "…" if name in hidden else _shorten(value, _full) for name, value in bound.arguments.items()}
    if "." in function.__qualname__ and names[:1] == ["self"]:
        arguments.pop("self", None)
    shown = [
        "…" if name in hidden else _shorten(value, _brief)
        for name, value in zip([*names, *[""] * len(args)], args, strict=False)
    ]
    shown += [f"{name}={'…' if SECRET.search(name) else _shorten(value, _brief)}" for name, value in kwargs.items()]
    return f"{function.__qualname__}({', '.join(shown)})", arguments


_signatures: WeakKeyDictionary[Any, inspect.Signature] = WeakKeyDictionary()
"""Function -> its signature. A cache, because computing a signature takes a tenth of the time of a step."""


def _read_signature(function: Any) -> inspect.Signature:
    """Return the signature of a function.

    Raises:
        TypeError: The object cannot be called.
        ValueError: The signature is not known.
    """
    try:
        found = _signatures.get(function)
    except TypeError:  # the object cannot be weakly referenced
        return inspect.signature(function)
    if found is None:
        found = _signatures[function] = inspect.signature(function)
    return found


def _shorten(value: Any, brief: _ShortRepr) -> str:
    if type(value) in _SMALL:
        return repr(value)
    text = " ".join(brief.repr(value).split())
    if " at 0x" in text:  # an address in memory, which differs on the next try
        text = type(value).__name__
    return text if len(text) <= brief.maxother else text[: brief.maxother - 3] + "..."


def name_doubt_place(step: Step) -> str:
    """Return the name under which the question whether one try of a step took effect is recorded."""
    return f"{step.key}/doubt:{step.tries}"


def build_doubt_question(step: Step, ns: dict[str, Any], *, noticed: datetime, died: bool) -> LiveQuestion:
    """Build the question whether a step took effect. People answer it by an edit.

    No answer is preselected, and the question cannot be approved as it is.

    Args:
        step: The record of the step.
        ns: Namespace of the notebook.
        noticed: Time at which it was noticed that the step had not ended.
        died: True if the process died; False if the run was interrupted.
    """
    call = step.call or f"{step.name}()"
    returns = find_return_type(step, ns)
    ended = "process ended" if died else "run was interrupted"
    value = {"happened": None}
    recorded = (
        " Steps that it called are recorded: if it is called again, they are not." if step.pauses is not None else ""
    )
    question = Question(
        title=f"Did {call} happen?"[:200].replace("\n", " "),
        kind="json",
        value=value,
        type_name="dict",
        schema=_make_answer_schema(returns),
        context=(
            f"The {ended} while `{step.name}` was being called. Nobody can know from here whether it took effect. "
            f"Look it up before you choose: after a wrong answer it happens twice, or not at all.{recorded}"
        ),
        allow=("edit",),
        position=name_doubt_place(step),
        doubt=Doubt(
            call=call,
            step=step.name,
            arguments=step.arguments,
            began=step.began_at or step.started_at,
            noticed=noticed,
            died=died,
            idempotency_key=step.idempotency_key,
        ),
    )
    return LiveQuestion(question, dict(value))


def read_effect_answer(decision: Decision, returns: Any) -> EffectAnswer:
    """Return the answer of people to the question whether a step took effect.

    Args:
        decision: The decision about the question that `build_doubt_question` returned.
        returns: Type that the step returns, to which the result is converted. None: the result stays JSON data.

    Raises:
        InvalidEdit: The answer, or its result, is not valid.
    """
    answer = cast("dict[str, Any]", decision.value)
    try:
        happened = effect_happened(answer)
    except ValueError as error:
        raise InvalidEdit({"happened": str(error)}) from None
    if not happened:
        return EffectAnswer(False)
    result = answer.get("result")
    if returns is None:
        return EffectAnswer(True, result)
    try:
        return EffectAnswer(True, build_model(returns, result))
    except InvalidEdit as error:
        raise InvalidEdit({f"result/{path}".rstrip("/"): text for path, text in error.fields.items()}) from None


def find_definition(step: Step, ns: dict[str, Any]) -> Any:
    """Return the function of a recorded step as the notebook or a module defines it now; None if it is not found."""
    if step.module == ns.get("__name__"):
        return resolve_name(step.name, ns)
    module = sys.modules.get(step.module)
    return resolve_name(step.name, vars(module)) if module is not None else None


def find_return_type(step: Step, ns: dict[str, Any]) -> Any:
    """Return the annotated return type of a step's function; None if it has none, or if it has no JSON schema."""
    definition = find_definition(step, ns)
    if definition is None:
        return None
    function = inspect.unwrap(definition)
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        returns = hints.get("return")
        if returns is not None:
            resolve_schema(returns)
    except (NameError, TypeError, AttributeError, ValueError):  # the type cannot be read, or has no JSON schema
        return None
    return returns


def _make_answer_schema(returns: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "happened": {"enum": [True, False, "stop"], "description": "true, false, or stop to end the run"},
            "result": {"description": "The returned value as JSON, if it happened"},
        },
        "required": ["happened"],
        "additionalProperties": False,
    }
    if returns is None:
        return schema
    result = resolve_schema(returns)
    definitions = result.pop("$defs", None)
    needed = [] if result.get("type") == "null" else ["result"]
    return {
        **schema,
        "if": {"properties": {"happened": {"const": True}}, "required": ["happened"]},
        "then": {"properties": {"result": result}, "required": needed},
        **({"$defs": definitions} if definitions else {}),
    }


class EffectsInDoubt:
    """Asks people about the steps of one run that may or may not have taken effect, and reads their answers.

    This is not known (the effect is *in doubt*) if the process died during the call of a step.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._answers: dict[str, EffectAnswer] = {}

    def settle_all(self) -> None:
        """Read people's answers about all steps whose effect is in doubt, and ask people about those without an answer.

        It is called before any code runs. If the state cannot be saved at this point, people are asked about each
        effect when its step is called again.

        Raises:
            Paused: People have to be asked; the run is saved and waits.
        """
        doubtful = [step for step in self.session.known_steps.values() if self.is_in_doubt(step)]
        if doubtful:
            with contextlib.suppress(CannotPause):
                self._settle(doubtful)

    def is_in_doubt(self, step: Step) -> bool:
        """Return whether it is not known if a recorded step took effect.

        That is so if its process died before the step ended, and the step is not idempotent.
        """
        if step.status != "started" or self._may_repeat(step):
            return False
        of_this_try = step.pauses is None or step.pauses == self.session.run_record.pauses
        # If people were asked about it, that was another pause, so its number differs.
        return of_this_try or identify_call(name_doubt_place(step)) in self.session.questions.answers_by_place

    def find_effect_answer(self, step: Step) -> EffectAnswer:
        """Return people's answer about a step whose process died during the call: did the step take effect?

        If there is no answer yet, the run pauses and people are asked.

        Args:
            step: The record of the step.

        Raises:
            Paused: People are asked; the run is saved and waits.
            CannotPause: The run cannot be saved at this point.
            HitlError: The step is called while a resource is opened again, so people cannot be asked.
        """
        session = self.session
        # While the state is loaded, resources are opened. At that time no code of the run is running.
        if step.key not in self._answers and not session.live.is_running:
            raise HitlError(
                f"nobody knows whether {step.call or step.name} happened, which a resource called while it was opened "
                "again: mark that step idempotent=True, or use --restart"
            )
        if step.key not in self._answers:
            with session.turn, session.questions.remember_refusal():
                session.check_going()
                self._settle([step])
        return self._answers[step.key]

    def _may_repeat(self, step: Step) -> bool:
        function = find_definition(step, self.session.saver.ns)
        return bool(getattr(function, "idempotent", step.idempotent))

    def _settle(self, steps: list[Step]) -> None:
        session = self.session
        open_: list[LiveQuestion] = []
        for step in steps:
            asked = build_doubt_question(step, session.saver.ns, noticed=now(), died=session.died)
            answer = session.questions.find_answer(asked)
            if answer is not None:
                try:
                    decision = to_decision(asked, answer, read_comments_at_decision(answer, session.ledger))
                    self._answers[step.key] = read_effect_answer(decision, find_return_type(step, session.saver.ns))
                    continue
                except InvalidEdit as error:
                    add_note([asked], error)
            open_.append(asked)
        if open_:
            session.questions.pause(Doubts(open_), exact=False, judged=session.judge.judge_questions(open_))
