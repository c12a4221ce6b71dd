"""Record torch's random numbers into `random.json`. Run by hand, where torch is installed.

    python tests/golden/record_random.py

Whole arrays are kept up to 64 bytes; of longer ones the first and last values and a checksum of
all bytes.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import torch
from random_packing import pack
from random_program import cases


def draw(gen: torch.Generator, name: str, *args: Any) -> torch.Tensor | None:
    """Run one step on torch."""
    match name, args:
        case "rand" | "randn", (shape, dtype):
            return getattr(torch, name)(shape, generator=gen, dtype=getattr(torch, dtype))
        case "uniform" | "normal" | "exponential" | "geometric" | "cauchy" | "log_normal", _:
            shape, dtype, *parameters = args
            empty = torch.empty(shape, dtype=getattr(torch, dtype))
            return getattr(empty, name + "_")(*parameters, generator=gen)
        case "normal_serial", (shape, dtype, mean, std):
            transposed = torch.empty(shape, dtype=getattr(torch, dtype)).t()
            return transposed.normal_(mean, std, generator=gen)
        case "randint", (shape, low, high, dtype):
            return torch.randint(low, high, shape, generator=gen, dtype=getattr(torch, dtype))
        case "random", (shape, dtype):
            return torch.empty(shape, dtype=getattr(torch, dtype)).random_(generator=gen)
        case "random_from", (shape, low, dtype):
            return torch.empty(shape, dtype=getattr(torch, dtype)).random_(low, None, generator=gen)
        case "randperm", (n, dtype):
            return torch.randperm(n, generator=gen, dtype=getattr(torch, dtype))
        case "bernoulli", (shape, p, dtype):
            return torch.empty(shape, dtype=getattr(torch, dtype)).bernoulli_(p, generator=gen)
        case "bernoulli_tensor", (n, dtype):
            p = (torch.arange(n, dtype=torch.float64) / n).to(getattr(torch, dtype))
            return torch.bernoulli(p, generator=gen)
        case "multinomial", (weights, n, replacement, dtype):
            p = torch.tensor(weights, dtype=getattr(torch, dtype))
            return torch.multinomial(p, n, replacement, generator=gen)
        case "seed", ():
            return torch.empty((), dtype=torch.int64).random_(generator=gen)
        case "manual_seed", (seed,):
            gen.manual_seed(seed)
        case "through_state", ():
            state = gen.get_state()
            gen.manual_seed(0)
            gen.set_state(state)
            return state
        case _:
            raise ValueError(name)
    return None


def to_numpy(tensor: torch.Tensor | None) -> Any:
    """The tensor as an array; bfloat16, which NumPy lacks, as its bits."""
    if tensor is None:
        return None
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.contiguous().numpy()


def record() -> dict[str, Any]:
    """Replay every case on torch."""
    found = []
    for case in cases():
        gen = torch.Generator().manual_seed(case["seed"])
        results = [draw(gen, *step) for step in case["steps"]]
        found.append({**case, "results": [pack(to_numpy(r)) for r in results]})
    capability = torch.backends.cpu.get_cpu_capability()
    source = f"torch {torch.__version__}, {platform.machine()}, {capability}"
    return {"source": source, "cases": found}


if __name__ == "__main__":
    target = Path(__file__).with_name("random.json")
    recording = record()
    lines = ",\n".join(json.dumps(case) for case in recording["cases"])
    text = f'{{"source": {json.dumps(recording["source"])}, "cases": [\n{lines}\n]}}\n'
    target.write_text(text, encoding="utf-8")
    print(f"{target}: {len(recording['cases'])} cases, {target.stat().st_size} bytes")
