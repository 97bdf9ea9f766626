"""Types that several files of this room share."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from worker.graph.inputs import Inputs

UnitKey = tuple[str, int]  # the name of a layer, and the number of a unit in it
Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]  # a class number for each clip, (N,)
ReadClips = Callable[[Sequence[int]], Iterable[tuple[int, Inputs]]]  # yields (number, inputs) in the order asked for
Observe = Callable[[int, int], None]  # called with the passes done and their total; may raise to stop the work
