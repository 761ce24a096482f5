"""What deploy.py reports in one line with exit status 2. Any other ValueError is a bug and keeps its traceback."""

from __future__ import annotations


class UsageError(ValueError):
    """A flag or an environment variable is wrong; the message names it and the fix. Nothing was made."""
