"""DSPy's adapters, reading a completion as all of this project does: no thoughts, and no word for nothing.

    with reading_replies():
        predict(question=...)

The prompts are DSPy's, letter by letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from memoryqa.errors import missing_extras_named
from memoryqa.replies.form import END_MARK, FORMAT, STOP, form_of
from memoryqa.replies.reading import json_object, last_reply, without_nulls, without_thoughts

with missing_extras_named("memoryqa.replies.adapter"):
    import dspy
    import json_repair
    from dspy.utils.callback import BaseCallback
    from dspy.utils.exceptions import AdapterParseError

    from memoryqa.replies.schema import response_format


class FormatListener(Protocol):
    """A callback of DSPy's that counts the replies which did not follow the format."""

    def on_format_missed(self) -> None: ...


class ReplyJSONAdapter(dspy.JSONAdapter):
    """DSPy's JSON format, in which null is nothing and not the text "None"."""

    def _prepare_response_format(self, lm: dspy.LM, lm_kwargs: dict[str, Any], signature: Any) -> None:
        if lm_kwargs.get(STOP) == [END_MARK]:  # the chat format's, which has asked first
            del lm_kwargs[STOP]
        super()._prepare_response_format(lm, lm_kwargs, signature)

    def _call_postprocess(self, processed: Any, signature: Any, *rest: Any) -> list[dict[str, Any]]:
        return _with_reason(super()._call_postprocess, processed, signature, *rest)

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        text = without_thoughts(completion)
        found = json_object(text)
        if found is None:
            found = _repaired(text)
        if found is not None and any(found.get(name, "") is None for name in signature.output_fields):
            text = _without_nulls(found, signature)
        return _checked(super().parse, signature, text, completion)


class StructuredAdapter(ReplyJSONAdapter):
    """DSPy's JSON format, whose schema the server of `lm` is asked to enforce."""

    def __init__(self, lm: dspy.LM, callbacks: list[BaseCallback] | None = None) -> None:
        super().__init__(callbacks=callbacks)
        self._form, self._model = form_of(lm), lm.model

    def _prepare_response_format(self, lm: dspy.LM, lm_kwargs: dict[str, Any], signature: Any) -> None:
        lm_kwargs[FORMAT] = response_format(signature, bounds_texts=self._form.bounds_texts)

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        if json_object(without_thoughts(completion)) is None and not _is_cut():
            self._form.ignored(self._model)
        return super().parse(signature, completion)


class _ChatReplies(dspy.ChatAdapter):
    """DSPy's chat format, stopped at its end mark where the LM takes that.

    A reply that does not follow it is asked for once more in JSON, unless it was cut: it would be cut in JSON too, and
    be paid for twice.
    """

    def __call__(self, lm: dspy.LM, lm_kwargs: dict[str, Any], *call: Any, **named: Any) -> list[dict[str, Any]]:
        return super().__call__(lm, _with_stop(lm, lm_kwargs), *call, **named)

    async def acall(self, lm: dspy.LM, lm_kwargs: dict[str, Any], *call: Any, **named: Any) -> list[dict[str, Any]]:
        return await super().acall(lm, _with_stop(lm, lm_kwargs), *call, **named)

    def _call_postprocess(self, processed: Any, signature: Any, *rest: Any) -> list[dict[str, Any]]:
        return _with_reason(super()._call_postprocess, processed, signature, *rest)

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        if (reply := last_reply()) is not None and reply.is_in_question:
            name = type(self).__name__
            raise AdapterParseError(name, signature, completion, message="it may be a thought that the stop cut")
        return _checked(super().parse, signature, without_thoughts(completion), completion)

    def _make_json_adapter_fallback(self) -> dspy.JSONAdapter:
        if _is_cut():
            raise
        _announce()
        return ReplyJSONAdapter(
            use_native_function_calling=self.use_native_function_calling, parallel_tool_calls=self.parallel_tool_calls
        )


class ReplyAdapter(_ChatReplies):
    """The chat format; for an LM with a structured form JSON of a schema.

    Either is asked for once more in the other when a reply does not follow it, so that no step takes more than two.
    """

    def __call__(self, lm: dspy.LM, lm_kwargs: dict[str, Any], *call: Any, **named: Any) -> list[dict[str, Any]]:
        if not form_of(lm).structured:
            return super().__call__(lm, lm_kwargs, *call, **named)
        try:
            return StructuredAdapter(lm, self.callbacks)(lm, dict(lm_kwargs), *call, **named)
        except AdapterParseError:
            return self._second()(lm, lm_kwargs, *call, **named)

    async def acall(self, lm: dspy.LM, lm_kwargs: dict[str, Any], *call: Any, **named: Any) -> list[dict[str, Any]]:
        if not form_of(lm).structured:
            return await super().acall(lm, lm_kwargs, *call, **named)
        try:
            return await StructuredAdapter(lm, self.callbacks).acall(lm, dict(lm_kwargs), *call, **named)
        except AdapterParseError:
            return await self._second().acall(lm, lm_kwargs, *call, **named)

    def _second(self) -> dspy.ChatAdapter:
        """What asks again, within an `except`; raises for a reply that was cut, and where no second is wanted."""
        if _is_cut() or not self.use_json_adapter_fallback:
            raise
        _announce()
        return _ChatReplies(callbacks=self.callbacks, use_json_adapter_fallback=False)


def reading(adapter: dspy.Adapter | None) -> dspy.Adapter:
    """`adapter`, or for None and DSPy's own ones the adapter here that writes the same prompts."""
    if adapter is None:
        return ReplyAdapter()
    if type(adapter) is dspy.ChatAdapter:
        settings = {name: getattr(adapter, name) for name in ("callbacks", "use_native_function_calling")}
        return ReplyAdapter(**settings, use_json_adapter_fallback=adapter.use_json_adapter_fallback)
    if type(adapter) is dspy.JSONAdapter:
        return ReplyJSONAdapter(callbacks=adapter.callbacks)
    return adapter


def why_unread(error: AdapterParseError) -> str:
    """Why a reply could not be read, in a line for people."""
    first = (error.message or "").splitlines()[:1]
    why = first[0].strip() if first else ""
    if why[:1].islower():  # written here: DSPy's own say which of its classes failed
        return why
    return "its reply is in no form that can be read; try again, or give `structured`"


@contextmanager
def reading_replies() -> Iterator[None]:
    """Within the block, replies are read by the adapters here where DSPy's own were configured."""
    with dspy.context(adapter=reading(dspy.settings.adapter)):
        yield


def _checked(parse: Any, signature: type[dspy.Signature], text: str, completion: str) -> dict[str, Any]:
    """What `parse` reads in `text`; its error has the whole completion, and says so when the reply was cut."""
    reply = last_reply()
    try:
        found: dict[str, Any] = parse(signature, text)
    except AdapterParseError as error:
        if reply is not None and reply.ending:
            message = f"the reply {reply.ending}"
        elif text == completion:
            raise
        else:
            message = "nothing readable follows the model's thoughts"
        raise AdapterParseError(
            adapter_name=error.adapter_name, signature=signature, lm_response=completion, message=message
        ) from error
    return found


def _is_cut() -> bool:
    """Whether the last reply was ended before its end, as the same in another form would be."""
    reply = last_reply()
    return reply is not None and reply.ending is not None


def _with_reason(postprocess: Any, processed: Any, signature: Any, *rest: Any) -> list[dict[str, Any]]:
    """What `postprocess` reads in a completion; its error says what the server sent where it sent no text."""
    try:
        found: list[dict[str, Any]] = postprocess(processed, signature, *rest)
    except AdapterParseError as error:
        reply = last_reply()
        if reply is None or (why := reply.emptiness) is None or reply.is_cut:
            raise
        raise AdapterParseError(error.adapter_name, signature, str(error.lm_response), message=why) from error
    return found


def _with_stop(lm: dspy.LM, lm_kwargs: dict[str, Any]) -> dict[str, Any]:
    """`lm_kwargs` with the end mark as a stop sequence, where form and protocol take one."""
    if not form_of(lm).stops or STOP in lm_kwargs or STOP not in lm.supported_params:
        return lm_kwargs
    return {**lm_kwargs, STOP: [END_MARK]}


def _repaired(text: str) -> dict[str, Any] | None:
    found = json_repair.loads(text)
    return found if isinstance(found, dict) else None


def _without_nulls(found: Mapping[str, Any], signature: type[dspy.Signature]) -> str:
    import json

    read = {}
    for name, value in found.items():
        field = signature.output_fields.get(name)
        is_list = field is not None and str(getattr(field.annotation, "__origin__", field.annotation)).find("list") >= 0
        read[name] = [] if value is None and is_list else without_nulls(value)
    return json.dumps(read)


def _announce() -> None:
    for callback in (*(dspy.settings.callbacks or ()), dspy.settings.lm):
        if hasattr(callback, "on_format_missed"):
            callback.on_format_missed()
