"""Record torch's `repr` of tensors into `printing.json`. Run by hand, where torch is installed.

python tests/golden/record_printing.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from printing_cases import build, cases


def tensor_of(case: dict[str, Any]) -> torch.Tensor:
    """The case's tensor, with the history it asks for."""
    array = build(case, np.float32)
    tensor = torch.from_numpy(array.copy()).to(getattr(torch, case["dtype"]))
    if "subclass" in case:
        tensor = tensor.as_subclass(type(case["subclass"], (torch.Tensor,), {}))
    if case.get("parameter"):
        return torch.nn.Parameter(tensor)
    if case.get("requires_grad") or "grad_fn" in case:
        tensor.requires_grad_()
    if case.get("grad_fn") in ("MulBackward0", "AliasBackward0"):
        return tensor * 1
    if "grad_fn" in case:
        rules = {
            "forward": staticmethod(lambda ctx, x: x.clone()),
            "backward": staticmethod(lambda ctx, g: g),
        }
        name = case["grad_fn"].removesuffix("Backward")
        return type(name, (torch.autograd.Function,), rules).apply(tensor)
    return tensor


def text_of(case: dict[str, Any]) -> str:
    """torch's repr under the case's options."""
    torch.set_default_dtype(getattr(torch, case.get("default_dtype", "float32")))
    try:
        with torch._tensor_str.printoptions(**case.get("options", {})):
            return repr(tensor_of(case))
    finally:
        torch.set_default_dtype(torch.float32)


if __name__ == "__main__":
    target = Path(__file__).with_name("printing.json")
    texts = [text_of(case) for case in cases()]
    lines = ",\n".join(json.dumps(text) for text in texts)
    text = f'{{"source": "torch {torch.__version__}", "texts": [\n{lines}\n]}}\n'
    target.write_text(text, encoding="utf-8")
    print(f"{target}: {len(texts)} texts, {target.stat().st_size} bytes")
