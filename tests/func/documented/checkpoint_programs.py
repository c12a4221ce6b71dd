"""torch.utils.checkpoint."""

import functools

import torch
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    checkpoint_sequential,
    create_selective_checkpoint_contexts,
    set_checkpoint_early_stop,
)


def _model():
    return torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
    )


def both_kinds_give_the_same():
    model, x = _model(), torch.randn(3, 4, requires_grad=True)
    for options in (None, {"use_reentrant": False}, {"use_reentrant": True}):
        torch.manual_seed(7)
        model.zero_grad()
        x.grad = None
        out = model(x) if options is None else checkpoint(model, x, **options)
        out.pow(2).sum().backward()
        print(out.detach(), x.grad, model[0].weight.grad.norm())


def the_function_runs_again():
    calls = []

    def f(x, scale=1.0):
        calls.append(torch.is_grad_enabled())
        return (x * scale).sin()

    x = torch.ones(2, requires_grad=True)
    out = checkpoint(f, x, scale=2.0, use_reentrant=False)
    print(calls)
    out.sum().backward()
    print(calls, x.grad)


def sequential_in_segments():
    model = torch.nn.Sequential(*(torch.nn.Linear(3, 3) for _ in range(4)))
    x = torch.randn(2, 3, requires_grad=True)
    out = checkpoint_sequential(model, 2, x, use_reentrant=False)
    out.sum().backward()
    found = x.grad
    x.grad = None
    model(x).sum().backward()
    print(torch.allclose(found, x.grad), found)


def early_stop():
    steps = []

    class Told(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, name):
            steps.append(name)
            return x.clone()

        @staticmethod
        def backward(ctx, ct):
            return ct, None

    def f(x):
        x = Told.apply(x.exp(), "first")
        return Told.apply(x, "last")

    for on in (True, False):
        steps.clear()
        x = torch.ones(2, requires_grad=True)
        with set_checkpoint_early_stop(on):
            out = checkpoint(f, x, use_reentrant=False)
        out.sum().backward()
        print(on, steps, x.grad)


def determinism_is_checked():
    kept = []

    def f(x):
        kept.append(1)
        return x.sin() if len(kept) == 1 else x.sin().exp().cos()

    x = torch.ones(2, requires_grad=True)
    out = checkpoint(f, x, use_reentrant=False)
    try:
        out.sum().backward()
        print("computed")
    except torch.utils.checkpoint.CheckpointError as error:
        print("refused", str(error)[:40])


def contexts_of_ones_own():
    told = []

    class Told:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            told.append(f"enter {self.name}")

        def __exit__(self, *exc):
            told.append(f"leave {self.name}")

    x = torch.ones(2, requires_grad=True)
    out = checkpoint(
        torch.sin, x, use_reentrant=False, context_fn=lambda: (Told("forward"), Told("again"))
    )
    out.sum().backward()
    print(told, x.grad)


def selective_by_a_list_and_by_a_policy():
    saved = [torch.ops.aten.mm.default]

    def policy(ctx, op, *args, **kwargs):
        if op in saved:
            return CheckpointPolicy.MUST_SAVE
        return CheckpointPolicy.PREFER_RECOMPUTE

    def f(x, y):
        return torch.sigmoid(torch.matmul(torch.matmul(x, y), y)) * y

    for choice in (saved, policy):
        x, y = torch.rand(4, 4, requires_grad=True), torch.rand(4, 4, requires_grad=True)
        context = functools.partial(create_selective_checkpoint_contexts, choice)
        out = checkpoint(f, x, y, use_reentrant=False, context_fn=context)
        found = torch.autograd.grad(out.sum(), (x, y))
        expected = torch.autograd.grad(f(x, y).sum(), (x, y))
        print([torch.allclose(a, b) for a, b in zip(found, expected)], found[0][0])


def nested_checkpoints():
    def inner(x):
        return checkpoint(torch.sin, x * 2, use_reentrant=False)

    x = torch.tensor([0.3, 0.6], requires_grad=True)
    checkpoint(inner, x, use_reentrant=False).exp().sum().backward()
    print(x.grad)


def structures_and_second_order():
    def f(pair, scale):
        return {"a": (pair[0] * pair[1]).sin() * scale["k"]}

    x, y = torch.tensor(0.5, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    out = checkpoint(f, (x, y), {"k": 3.0}, use_reentrant=False)["a"]
    (first,) = torch.autograd.grad(out, x, create_graph=True)
    print(round(first.item(), 4), torch.autograd.grad(first, x)[0])


def random_state_is_kept_or_not():
    x = torch.ones(32, requires_grad=True)
    for keep in (True, False):
        torch.manual_seed(3)
        out = checkpoint(
            lambda x: torch.nn.functional.dropout(x, 0.5) * x,
            x,
            use_reentrant=False,
            preserve_rng_state=keep,
        )
        x.grad = None
        out.sum().backward()
        print(keep, torch.equal(x.grad, 2 * out.detach()))


def determinism_check_can_be_left_out():
    calls = []

    def f(x):
        calls.append(1)
        return (x if len(calls) == 1 else x.reshape(1, -1).expand(1, 2)).sin()

    for check in ("default", "none"):
        calls.clear()
        x = torch.ones(2, requires_grad=True)
        out = checkpoint(f, x, use_reentrant=False, determinism_check=check)
        try:
            out.sum().backward()
            print("computed", x.grad)
        except RuntimeError as error:
            print(type(error).__name__)


def reentrant_needs_an_input_that_requires_grad():
    w = torch.ones(2, requires_grad=True)
    for reentrant in (True, False):
        out = checkpoint(lambda x: x * w, torch.ones(2), use_reentrant=reentrant)
        print(out.requires_grad)
    out = checkpoint(lambda x: x * 2, w, use_reentrant=True)
    try:
        torch.autograd.grad(out.sum(), w)
        print("computed")
    except RuntimeError as error:
        print(type(error).__name__)


def layers_of_a_model_are_checkpointed():
    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(3, 3) for _ in range(3))

        def forward(self, x, save):
            for layer in self.layers:
                x = layer(x) if save else checkpoint(layer, x, use_reentrant=False)
                x = x.relu()
            return x

    block, x = Block(), torch.randn(4, 3)
    found = []
    for save in (True, False):
        block.zero_grad()
        block(x, save).pow(2).sum().backward()
        found.append([p.grad.clone() for p in block.parameters()])
    print([torch.equal(a, b) for a, b in zip(*found)], found[0][0])
