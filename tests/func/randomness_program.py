"""What `record_randomness.py` runs on torch, and `test_randomness.py` on adjoint: random functions
inside vmap, in every mode of its `randomness`, from the same seed.
"""

from __future__ import annotations

import importlib
from typing import Any

CASES = (
    "torch.rand(2)",
    "torch.randn(3) + x",
    "torch.randint(0, 10, (2,))",
    "torch.randperm(4)",
    "torch.rand_like(x)",
    "torch.randn_like(x)",
    "torch.randint_like(x, 9)",
    "torch.normal(0.0, 1.0, (2,))",
    "torch.normal(x, 2.0)",
    "torch.normal(x, x + 1)",
    "torch.normal(1.0, x + 1)",
    "torch.bernoulli(x)",
    "torch.bernoulli(x, 0.3)",
    "torch.bernoulli(torch.full((3,), 0.5)) + x",
    "torch.multinomial(x + 1, 2)",
    "torch.multinomial(x + 1, 5, replacement=True)",
    "torch.multinomial(torch.ones(5), 2)",
    "torch.poisson(x + 1)",
    "torch.rand(2, generator=torch.Generator().manual_seed(5))",
    "torch.rand_like(torch.zeros(3)) + x",
    "x.clone().uniform_()",
    "x.clone().normal_()",
    "x.clone().random_(0,10)",
    "x.clone().bernoulli_(0.4)",
    "x.clone().bernoulli_(x)",
    "x.clone().exponential_()",
    "x.clone().cauchy_()",
    "x.clone().log_normal_()",
    "x.clone().geometric_(0.5)",
    "torch.zeros(3).uniform_() + x",
    "F.dropout(x + 1)",
    "F.dropout(torch.ones(3)) + x",
    "F.dropout(x + 1, inplace=True)",
    "F.dropout(x, training=False)",
    "F.alpha_dropout(x, 0.5, training=True)",
    "F.feature_alpha_dropout(x.reshape(1, 3, 1) + 1, 0.5, True)",
    "F.dropout1d(x.reshape(1, 3, 1) + 1)",
    "F.dropout2d(x.reshape(1, 3, 1, 1) + 1)",
    "F.dropout3d(x.reshape(1, 3, 1, 1, 1) + 1)",
    "F.gumbel_softmax(x)",
    "F.gumbel_softmax(x, hard=True)",
    "F.scaled_dot_product_attention(*[x.reshape(1, 3, 1)] * 3, dropout_p=0.5)",
    "nn.init.xavier_uniform_(x.clone().reshape(3, 1))",
    "nn.Linear(3, 2)(x)",
    "vmap(lambda y: y + torch.rand(2), randomness='different')(x)",
    "vmap(lambda y: y + torch.rand(2), randomness='same')(x)",
    "vmap(lambda y: y + torch.rand(2))(x)",
)
MODES = ("error", "same", "different")


def run(text: str, randomness: str, torch: Any) -> Any:
    """The values of all examples, or the class of the error."""
    names = {
        "torch": torch,
        "nn": importlib.import_module(f"{torch.__name__}.nn"),
        "F": importlib.import_module(f"{torch.__name__}.nn.functional"),
        "vmap": torch.func.vmap,
    }
    function = eval(f"lambda x: {text}", names)
    x = torch.arange(12.0).reshape(4, 3) / 12
    torch.manual_seed(0)
    try:
        found = torch.func.vmap(function, randomness=randomness)(x)
    except RuntimeError as error:
        return str(error)[:60]
    return [round(value, 4) for value in found.detach().reshape(-1).tolist()]
