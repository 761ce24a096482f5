"""The bodies that the tuning service accepts. Unknown fields are refused by name."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from tuning.studies.constants import DIRECTIONS, LEASE_SEC, MAX_REPORTS, NAME_PATTERN, PRUNERS, SAMPLERS
from tuning.studies.leases import ERROR_ATTR, LEASE_ATTR, LOST_ATTR, RETRY_ATTR, WORKER_ATTR

MAX_JSON_CHARS = 100_000
MAX_NUMBER = 2**31 - 1
"""Databases keep trial numbers and steps in 32 bits."""
_OURS = {WORKER_ATTR, LEASE_ATTR, LOST_ATTR, RETRY_ATTR, ERROR_ATTR}


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """`value` if it can be sent back: no NaN, no half of a surrogate pair, no endless nesting."""
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if size > MAX_JSON_CHARS:
        raise ValueError(f"takes {size:,} characters of JSON; at most {MAX_JSON_CHARS:,}")
    return value


def _not_ours(attrs: dict[str, Any]) -> dict[str, Any]:
    if taken := sorted(_OURS & attrs.keys()):
        raise ValueError(f"{taken[0]} is set by the service")
    return attrs


JsonObject = Annotated[dict[str, Any], AfterValidator(_storable)]
AttrName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
UserAttrs = Annotated[dict[AttrName, Any], AfterValidator(_storable), AfterValidator(_not_ours)]
LeaseSec = Annotated[float, Field(gt=0, le=86_400)]
Step = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
StudyName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
WorkerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewStudy(_Body):
    """The definition of a study: `space` in the form of tuning.space, or the name of a preset."""

    name: StudyName = Field(examples=["standard"])
    space: JsonObject | None = None
    preset: str | None = None
    directions: list[Literal[DIRECTIONS]] = Field(  # type: ignore[valid-type]
        default=["maximize"], min_length=1, max_length=8
    )
    seed: int = Field(default=0, ge=0, le=2**53)
    sampler: Literal[SAMPLERS] = "tpe"  # type: ignore[valid-type]
    pruner: Literal[PRUNERS] = "none"  # type: ignore[valid-type]
    settings: JsonObject = Field(default={}, description="handed to the workers unchanged")


class Suggest(_Body):
    """Ask for a trial. The same worker gets the same trial, and a longer lease, until that trial has ended."""

    worker_id: WorkerId = Field(examples=["laptop-1"])
    lease_sec: LeaseSec = LEASE_SEC
    n_trials: int | None = Field(
        default=None, ge=1, le=MAX_NUMBER, description="no trial beyond this number: then the answer may be 204"
    )


class Report(_Body):
    """News of a running trial, whose lease it renews: values by step (such as a question's number), attributes.

    A step that was reported before keeps its value.
    """

    values: dict[Step, Annotated[float, Field(allow_inf_nan=False)]] = Field(default={}, max_length=MAX_REPORTS)
    user_attrs: UserAttrs = {}
    lease_sec: LeaseSec = LEASE_SEC


class Complete(_Body):
    """One value per objective; null or NaN makes the trial a failed one, never 0."""

    values: list[float | None] = Field(min_length=1, max_length=8)
    user_attrs: UserAttrs = {}


class Fail(_Body):
    """Why the trial could not be measured; `lost` proposes its parameters once more, to another worker."""

    error: str = Field(min_length=1, max_length=10_000)
    lost: bool = False
