"""The JSON schema of a signature's outputs, for servers that enforce one (`response_format`).

What a field's description promises is part of it: "one word: CORRECT or WRONG" is one of two words, "up to 3 queries"
at most three.
"""

from __future__ import annotations

import re
from typing import Any

from memoryqa.errors import missing_extras_named

with missing_extras_named("memoryqa.replies.schema"):
    import dspy
    import pydantic

_CHOICE = re.compile(r"\bone word: (\w+) or (\w+)")
_NUMBER = re.compile(r"\b(?:up to|\d+ to) (\d+)\b")
_ITEM_CHARS = 120  # a query of 3 to 8 words
# What a description calls a text -> characters of it at most: a model that does not end is ended.
_TEXT_CHARS = {"one word": 40, "short phrase": 300, "one sentence": 400, "lines used": 200}


def response_format(signature: type[dspy.Signature], *, bounds_texts: bool) -> dict[str, Any]:
    """The `response_format` of OpenAI's protocol for the outputs of `signature`.

    bounds_texts: give texts their longest length too. An output without a closed schema makes it plain JSON.
    """
    properties = {}
    for name, field in signature.output_fields.items():
        desc = str((field.json_schema_extra or {}).get("desc", ""))
        try:
            found = pydantic.TypeAdapter(field.annotation).json_schema()
        except (pydantic.PydanticUserError, TypeError):
            return {"type": "json_object"}
        if _is_open(found):
            return {"type": "json_object"}
        properties[name] = _bounded(found, desc, bounds_texts)
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "outputs", "strict": True, "schema": schema}}


def _bounded(schema: dict[str, Any], desc: str, bounds_texts: bool) -> dict[str, Any]:
    if schema.get("type") == "array":
        most = {"maxItems": int(found[1])} if (found := _NUMBER.search(desc)) else {}
        items = dict(schema.get("items", {}))
        if bounds_texts and most and items.get("type") == "string":
            items["maxLength"] = _ITEM_CHARS
        return {**schema, "items": items, **most}
    if schema.get("type") != "string":
        return schema
    if choice := _CHOICE.search(desc):
        return {**schema, "enum": [choice[1], choice[2]]}
    longest = next((chars for words, chars in _TEXT_CHARS.items() if words in desc), None)
    return {**schema, "maxLength": longest} if bounds_texts and longest else schema


def _is_open(schema: object) -> bool:
    """Whether a schema allows objects of any keys or refers to others, which strict servers refuse."""
    if isinstance(schema, dict):
        return "$ref" in schema or schema.get("type") == "object" or any(map(_is_open, schema.values()))
    return isinstance(schema, list) and any(map(_is_open, schema))
