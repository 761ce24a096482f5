"""How far the words of a turn reach: the ranking's windows."""

from __future__ import annotations

import math

import numpy as np

from memoryqa.arrays import Floats, Ints

_SMALLEST_SHARE = 0.0125  # of an occurrence; what would be less is nothing


class Windows:
    """How an occurrence of a term is spread over the passages of other turns around it: less, the more is said between.

    A passage inherits `before * exp(-tokens / scale)` of an occurrence in a passage before it, where `tokens` are those
    from that passage up to this one, and `after * exp(...)` of one behind it. So a long answer lends nothing, and a
    burst of short messages reads as one.
    """

    def __init__(self, before: float, after: float, scale_tokens: float) -> None:
        self.before, self.after = before, after
        distance = np.arange(max(1, math.ceil(-scale_tokens * math.log(_SMALLEST_SHARE))) + 1)
        self._decay = np.exp(-distance / scale_tokens)
        self._decay[-1] = 0.0
        self.decays: list[float] = self._decay.tolist()  # the same by tokens, as far as it is more than nothing

    def decay(self, tokens: Ints) -> Floats:
        """exp(-tokens / scale), 0 when that is next to nothing; tokens >= 0."""
        return self._decay[np.minimum(tokens, len(self._decay) - 1)]
