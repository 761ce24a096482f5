"""What the token of a request allows, for routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from memoryqa.serve.tokens import Access

_BEARER = HTTPBearer(auto_error=False, description="a token of the server, where it has any")


async def _given(request: Request, _: Annotated[object, Security(_BEARER)]) -> Access:
    access: Access = request.scope["memoryqa.access"]
    return access


Given = Annotated[Access, Depends(_given)]
"""The access of the request, which guard.py has found out."""
