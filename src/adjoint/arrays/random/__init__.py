"""Floor 0: torch's CPU random stream: the generator, and samplers that give torch's numbers.

Each sampler takes the generator first and consumes exactly the words that torch consumes, so
draws of any kinds may be mixed. Knows NumPy arrays only.
"""

from adjoint.arrays.random.common import memory_order
from adjoint.arrays.random.continuous import cauchy, exponential, log_normal, normal, uniform
from adjoint.arrays.random.discrete import (
    bernoulli,
    bernoulli_tensor,
    draw_seed,
    geometric,
    integers,
    multinomial,
    permutation,
    random_full,
)
from adjoint.arrays.random.generator import DEFAULT_SEED, Generator, default_generator

__all__ = [
    "DEFAULT_SEED",
    "Generator",
    "bernoulli",
    "bernoulli_tensor",
    "cauchy",
    "default_generator",
    "draw_seed",
    "exponential",
    "geometric",
    "integers",
    "log_normal",
    "memory_order",
    "multinomial",
    "normal",
    "permutation",
    "random_full",
    "uniform",
]
