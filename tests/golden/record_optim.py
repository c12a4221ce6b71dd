"""Record torch's optimizers and schedules into `optim.json`. Run by hand, where torch is installed.

python tests/golden/record_optim.py
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import optim_program as program
import torch
from torch.optim import lr_scheduler


def listed(array: Any) -> list[float]:
    """The values as Python floats, which JSON keeps exactly; complex ones as pairs."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return [float(v) for v in (flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat)]


def run_optimizer(case: dict[str, Any]) -> list[Any]:
    params = [
        torch.tensor(program.initial(i, case["dtype"]), requires_grad=True)
        for i in range(len(program.SHAPES))
    ]
    options = case["options"]
    groups = [{"params": params[:2]}, {"params": params[2:], **program.second_group(options)}]
    optimizer = getattr(torch.optim, case["optimizer"])(groups, **options)
    found = []
    for step in range(program.STEPS):
        for i, p in enumerate(params):
            p.grad = torch.tensor(program.gradient(i, step, p.detach().numpy()))
        optimizer.step()
        if step + 1 in program.RECORDED:
            found.append([listed(p.detach().numpy()) for p in params])
    state = optimizer.state_dict()
    kept = {
        name: [list(value.shape), str(value.dtype)] if torch.is_tensor(value) else repr(value)
        for name, value in state["state"].get(0, {}).items()
    }
    return [found, kept, state["param_groups"][1], repr(optimizer)]


def make(name: str, options: dict[str, Any]) -> tuple[Any, Any]:
    params = [torch.zeros(1, requires_grad=True) for _ in program.GROUPS]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(params, program.GROUPS, strict=True)]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    return optimizer, getattr(lr_scheduler, name)(optimizer, **options)


def rates(optimizer: Any) -> list[list[float]]:
    return [[group["lr"], group["momentum"]] for group in optimizer.param_groups]


def run_schedule(name: str, options: dict[str, Any]) -> dict[str, Any]:
    optimizer, scheduler = make(name, options)
    found = [rates(optimizer)]
    for _ in range(program.SCHEDULE_STEPS):
        optimizer.step()
        scheduler.step()
        found.append(rates(optimizer))
    state = {k: v for k, v in scheduler.state_dict().items() if not k.startswith("_scale_fn")}
    return {"name": name, "options": options, "rates": found, "state": sorted(state)}


def run_closed_forms(name: str, options: dict[str, Any]) -> Any:
    optimizer, scheduler = make(name, options)
    found = []
    for epoch in (3, 1, 8):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step(epoch)
        found.append(rates(optimizer))
    return found


def run_plateau(options: dict[str, Any]) -> dict[str, Any]:
    optimizer, scheduler = make("ReduceLROnPlateau", options)
    found = []
    for metric in program.METRICS:
        scheduler.step(metric)
        found.append(rates(optimizer))
    return {"options": options, "rates": found, "state": sorted(scheduler.state_dict())}


def run_combined() -> dict[str, Any]:
    found: dict[str, Any] = {}
    optimizer, warm = make("LinearLR", {"start_factor": 0.1, "total_iters": 4})
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
    decay = lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    scheduler = lr_scheduler.SequentialLR(optimizer, [warm, cosine, decay], [4, 10])
    chained_optimizer, first = make("ConstantLR", {"factor": 0.1, "total_iters": 3})
    second = lr_scheduler.ExponentialLR(chained_optimizer, gamma=0.9)
    chained = lr_scheduler.ChainedScheduler([first, second])
    for key, opt, member in (
        ("sequential", optimizer, scheduler),
        ("chained", chained_optimizer, chained),
    ):
        found[key] = [rates(opt)]
        for _ in range(program.SCHEDULE_STEPS):
            opt.step()
            member.step()
            found[key].append(rates(opt))
    return found


def run_lbfgs(search: str | None, lr: float) -> list[Any]:
    """Rosenbrock's function, which needs a line search to be found at lr 1."""
    x = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([x], lr=lr, max_iter=5, history_size=3, line_search_fn=search)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
        loss.backward()
        return loss

    found = []
    for _ in range(8):
        loss = optimizer.step(closure)
        found.append([float(loss), *x.tolist()])
    found.append(optimizer.state[x]["func_evals"])
    return found


def record() -> dict[str, Any]:
    optimizers = [{**case, "result": run_optimizer(case)} for case in program.cases()]
    schedules = [run_schedule(name, options) for name, options in program.SCHEDULES]
    for entry in schedules:
        if entry["name"] not in ("CyclicLR", "OneCycleLR"):
            entry["closed"] = run_closed_forms(entry["name"], entry["options"])
    return {
        "source": [f"torch {torch.__version__}"],
        "optimizers": optimizers,
        "schedules": schedules,
        "plateaus": [run_plateau(options) for options in program.PLATEAUS],
        "combined": [run_combined()],
        "lbfgs": [
            {"search": search, "lr": lr, "result": run_lbfgs(search, lr)}
            for search, lr in ((None, 1e-3), ("strong_wolfe", 1.0))
        ],
    }


if __name__ == "__main__":
    target = Path(__file__).with_name("optim.json")
    sections = [
        f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, entries)) + "\n]"
        for name, entries in record().items()
    ]
    target.write_text("{\n" + ",\n".join(sections) + "\n}\n", encoding="utf-8")
    print(f"{target}: {target.stat().st_size} bytes")
