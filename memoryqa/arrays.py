"""Names for the numpy arrays that the library's rooms hand to one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Vectors = npt.NDArray[np.float32]  # one vector a row, of unit length unless the function says otherwise
Matrix = npt.NDArray[np.float32] | npt.NDArray[np.float16]  # vectors as the cache keeps them
