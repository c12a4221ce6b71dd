"""Optimizers and schedules give torch's recorded values."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.golden import optim_program as program

import adjoint as torch
from adjoint.optim import lr_scheduler

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "optim.json").read_text(encoding="utf-8")
)
# Rounding, over ten steps: the recorded sequences divide by roots of small numbers.
TOLERANCE = {"float64": 1e-13, "float32": 2e-6, "complex128": 1e-13}


def name_of(entry: dict[str, Any]) -> str:
    options = "-".join(f"{k}={v}" for k, v in entry["options"].items())
    return f"{entry['optimizer']}-{entry['dtype']}-{options}"


def make_params(dtype: str) -> list[torch.Tensor]:
    return [
        torch.tensor(program.initial(i, dtype), requires_grad=True)
        for i in range(len(program.SHAPES))
    ]


def make_optimizer(case: dict[str, Any], params: list[torch.Tensor]) -> Any:
    options = case["options"]
    groups = [{"params": params[:2]}, {"params": params[2:], **program.second_group(options)}]
    return getattr(torch.optim, case["optimizer"])(groups, **options)


def give_gradients(params: list[torch.Tensor], step: int) -> None:
    for i, p in enumerate(params):
        p.grad = torch.tensor(program.gradient(i, step, p.detach().numpy()))


def as_real(p: torch.Tensor) -> Any:
    flat = np.ascontiguousarray(p.detach().numpy()).reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


@pytest.mark.parametrize("case", GOLDEN["optimizers"], ids=name_of)
def test_ten_steps_are_torchs(case: dict[str, Any]) -> None:
    params = make_params(case["dtype"])
    optimizer = make_optimizer(case, params)
    recorded, kept, group, text = case["result"]
    remaining = iter(recorded)
    for step in range(program.STEPS):
        give_gradients(params, step)
        optimizer.step()
        if step + 1 in program.RECORDED:
            expected = next(remaining)
            tolerance = TOLERANCE[case["dtype"]]
            for p, values in zip(params, expected, strict=True):
                np.testing.assert_allclose(as_real(p), values, rtol=tolerance, atol=tolerance)
    state = optimizer.state_dict()
    assert {
        name: [list(value.shape), str(value.dtype)]
        for name, value in state["state"].get(0, {}).items()
    } == kept
    assert json.loads(json.dumps(state["param_groups"][1])) == group
    assert repr(optimizer) == text


@pytest.mark.parametrize("case", GOLDEN["optimizers"][::2], ids=name_of)
def test_a_saved_state_goes_on_exactly(case: dict[str, Any]) -> None:
    through, stopped = make_params(case["dtype"]), make_params(case["dtype"])
    optimizer, first = make_optimizer(case, through), make_optimizer(case, stopped)
    resumed = make_optimizer(case, stopped)
    for step in range(6):
        if step == 3:
            resumed.load_state_dict(first.state_dict())
        give_gradients(through, step)
        optimizer.step()
        give_gradients(stopped, step)
        (first if step < 3 else resumed).step()
    for p, q in zip(through, stopped, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def make(name: str, options: dict[str, Any]) -> tuple[Any, Any]:
    params = [torch.tensor([0.0], requires_grad=True) for _ in program.GROUPS]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(params, program.GROUPS, strict=True)]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    return optimizer, getattr(lr_scheduler, name)(optimizer, **options)


def rates(optimizer: Any) -> list[list[float]]:
    return [[group["lr"], group["momentum"]] for group in optimizer.param_groups]


def schedule_name(entry: dict[str, Any]) -> str:
    return entry["name"] + "-" + "-".join(map(str, entry["options"].values()))


@pytest.mark.parametrize("entry", GOLDEN["schedules"], ids=schedule_name)
def test_schedules_are_torchs(entry: dict[str, Any]) -> None:
    optimizer, scheduler = make(entry["name"], entry["options"])
    found = [rates(optimizer)]
    for _ in range(program.SCHEDULE_STEPS):
        optimizer.step()
        scheduler.step()
        found.append(rates(optimizer))
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
    np.testing.assert_allclose(found, entry["rates"], rtol=1e-14, atol=1e-17)
    state = {k for k in scheduler.state_dict() if not k.startswith("_scale_fn")}
    assert sorted(state) == entry["state"]


@pytest.mark.parametrize(
    "entry", [e for e in GOLDEN["schedules"] if "closed" in e], ids=schedule_name
)
def test_schedules_at_an_epoch_are_torchs(entry: dict[str, Any]) -> None:
    optimizer, scheduler = make(entry["name"], entry["options"])
    found = []
    for epoch in (3, 1, 8):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step(epoch)
        found.append(rates(optimizer))
    np.testing.assert_allclose(found, entry["closed"], rtol=1e-14, atol=1e-17)


@pytest.mark.parametrize("entry", GOLDEN["schedules"], ids=schedule_name)
def test_a_saved_schedule_goes_on_exactly(entry: dict[str, Any]) -> None:
    _, first = make(entry["name"], entry["options"])
    first.optimizer.step()
    for _ in range(5):
        first.step()
    optimizer, second = make(entry["name"], entry["options"])
    optimizer.load_state_dict(first.optimizer.state_dict())
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    optimizer.step()
    for _ in range(6):
        first.step()
        second.step()
        assert rates(optimizer) == rates(first.optimizer)


@pytest.mark.parametrize("entry", GOLDEN["plateaus"], ids=lambda e: str(e["options"]))
def test_plateaus_are_torchs(entry: dict[str, Any]) -> None:
    optimizer, scheduler = make("ReduceLROnPlateau", entry["options"])
    found = []
    for metric in program.METRICS:
        scheduler.step(metric)
        found.append(rates(optimizer))
    np.testing.assert_allclose(found, entry["rates"], rtol=1e-15)
    assert sorted(scheduler.state_dict()) == entry["state"]


def test_combined_schedules_are_torchs() -> None:
    optimizer, warm = make("LinearLR", {"start_factor": 0.1, "total_iters": 4})
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
    decay = lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    scheduler = lr_scheduler.SequentialLR(optimizer, [warm, cosine, decay], [4, 10])
    chained_optimizer, first = make("ConstantLR", {"factor": 0.1, "total_iters": 3})
    second = lr_scheduler.ExponentialLR(chained_optimizer, gamma=0.9)
    chained = lr_scheduler.ChainedScheduler([first, second])
    recorded = GOLDEN["combined"][0]
    for key, opt, member in (
        ("sequential", optimizer, scheduler),
        ("chained", chained_optimizer, chained),
    ):
        found = [rates(opt)]
        for _ in range(program.SCHEDULE_STEPS):
            opt.step()
            member.step()
            found.append(rates(opt))
        np.testing.assert_allclose(found, recorded[key], rtol=1e-14)
        state = member.state_dict()
        member.load_state_dict(state)
        assert member.state_dict() == state


@pytest.mark.parametrize("entry", GOLDEN["lbfgs"], ids=lambda e: str(e["search"]))
def test_lbfgs_is_torchs(entry: dict[str, Any]) -> None:
    x = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [x], lr=entry["lr"], max_iter=5, history_size=3, line_search_fn=entry["search"]
    )

    def closure() -> torch.Tensor:
        a, b = x.detach().numpy()
        x.grad = torch.tensor(
            np.array([-400 * a * (b - a**2) - 2 * (1 - a), 200 * (b - a**2)]),
        )
        return torch.tensor(100 * (b - a**2) ** 2 + (1 - a) ** 2, dtype=torch.float64)

    *steps, evaluations = entry["result"]
    for loss, a, b in steps:
        found = optimizer.step(closure)
        values = [found.detach().numpy(), *x.detach().numpy()]
        np.testing.assert_allclose(values, [loss, a, b], rtol=1e-6, atol=1e-9)
    assert optimizer.state[x]["func_evals"] == evaluations
