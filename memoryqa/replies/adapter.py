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
from memoryqa.replies.reading import json_object, last_reply, without_nulls, without_thoughts

with missing_extras_named("memoryqa.replies.adapter"):
    import dspy
    import json_repair
    from dspy.utils.exceptions import AdapterParseError


class FormatListener(Protocol):
    """A callback of DSPy's that counts the replies which did not follow the format."""

    def on_format_missed(self) -> None: ...


class ReplyJSONAdapter(dspy.JSONAdapter):
    """DSPy's JSON format, in which null is nothing and not the text "None"."""

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        text = without_thoughts(completion)
        found = json_object(text)
        if found is None:
            found = _repaired(text)
        if found is not None and any(found.get(name, "") is None for name in signature.output_fields):
            text = _without_nulls(found, signature)
        return _checked(super().parse, signature, text, completion)


class ReplyAdapter(dspy.ChatAdapter):
    """DSPy's chat format. A reply that does not follow it is asked for once more in JSON, unless it was cut.

    A cut reply would be cut in JSON too, and be paid for twice.
    """

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        return _checked(super().parse, signature, without_thoughts(completion), completion)

    def _make_json_adapter_fallback(self) -> dspy.JSONAdapter:
        _announce()
        reply = last_reply()
        if reply is not None and reply.is_cut:
            raise
        return ReplyJSONAdapter(
            use_native_function_calling=self.use_native_function_calling, parallel_tool_calls=self.parallel_tool_calls
        )


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
        if reply is not None and reply.is_cut:
            limit = f"{reply.max_tokens:,} tokens" if reply.max_tokens else "the token limit"
            message = f"the reply was cut at {limit}; raise `max_tokens`"
        elif text == completion:
            raise
        else:
            message = "nothing readable follows the model's thoughts"
        raise AdapterParseError(
            adapter_name=error.adapter_name, signature=signature, lm_response=completion, message=message
        ) from error
    return found


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
