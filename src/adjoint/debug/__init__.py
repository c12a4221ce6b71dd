"""Floor 5: explanations: where a NaN came from, why a gradient is what it is, what is alive."""

from ..arrays.ghosts.array import UnknownValues
from .blame import Blame, blame
from .explanation import Explanation, explain_grad
from .leaks import Leak, Leaks, leaks
from .memory import memory, memory_peak
from .prediction import Prediction, predict_memory
