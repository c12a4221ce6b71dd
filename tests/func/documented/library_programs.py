"""Operations of one's own (torch.library.custom_op), and old addresses of the transforms."""

import numpy as np
import torch
from torch import Tensor
from torch.library import custom_op


def _told(call):
    try:
        print(call())
    except (RuntimeError, ValueError, AttributeError) as error:
        print(type(error).__name__, str(error).partition(".")[0][:60])


def a_function_of_numpy():
    @custom_op("documented::sine", mutates_args=())
    def sine(x: Tensor) -> Tensor:
        return torch.from_numpy(np.sin(x.numpy()))

    x = torch.tensor([0.0, 1.0, 2.0], requires_grad=True)
    y = torch.ops.documented.sine(x)
    print(y.requires_grad, y.grad_fn.name())
    _told(lambda: y.sum().backward())

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * x.cos()

    torch.library.register_autograd("documented::sine", backward, setup_context=setup_context)
    (first,) = torch.autograd.grad(sine(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    print(first, second)
    z = torch.rand(3, dtype=torch.float64, requires_grad=True)
    print(torch.autograd.gradcheck(sine, (z,)))
    print(torch.func.grad(lambda x: torch.sin(x).sum())(x.detach()))


def keyword_arguments_and_lists():
    @custom_op("documented::times", mutates_args=())
    def times(x: Tensor, *, by: float) -> Tensor:
        return torch.from_numpy(x.numpy() * by)

    def keep(ctx, inputs, keyword_only_inputs, output):
        ctx.by = keyword_only_inputs["by"]

    times.register_autograd(lambda ctx, grad: grad * ctx.by, setup_context=keep)
    x = torch.ones(2, requires_grad=True)
    print(torch.autograd.grad(times(x, by=3.0).sum(), x))

    @custom_op("documented::weighted", mutates_args=())
    def weighted(tensors: list[Tensor], weights: list[float]) -> Tensor:
        return sum(t * w for t, w in zip(tensors, weights))

    def keep_weights(ctx, inputs, output):
        ctx.weights = inputs[1]

    weighted.register_autograd(
        lambda ctx, grad: ([grad * w for w in ctx.weights], None), setup_context=keep_weights
    )
    y = torch.ones(2, requires_grad=True)
    print(torch.autograd.grad(weighted([x, y], [0.5, 0.25]).sum(), (x, y)))

    @custom_op("documented::halves", mutates_args=())
    def halves(x: Tensor) -> list[Tensor]:
        return [part.clone() for part in x.chunk(2)]

    halves.register_autograd(lambda ctx, grads: torch.cat(grads))
    first, second = halves(x)
    (first * 2 + second).sum().backward()
    print(type(halves(x)).__name__, x.grad)


def batches_of_custom_operations():
    @custom_op("documented::cube", mutates_args=())
    def cube(x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tensor(x.numpy() ** 3), torch.tensor(3 * x.numpy() ** 2)

    cube.register_vmap(lambda info, in_dims, x: (cube(x), (in_dims[0], in_dims[0])))
    print(torch.vmap(cube)(torch.tensor([1.0, 2.0])))
    print(torch.vmap(lambda x, y: cube(x)[0] + y, (0, None))(torch.ones(2, 2), torch.ones(2)))


def kernels_and_what_they_write():
    @custom_op("documented::sine_", mutates_args={"x"})
    def sine_(x: Tensor) -> None:
        np.sin(x.numpy(), out=x.numpy())

    x = torch.ones(2)
    print(sine_(x), x, x._version)

    @custom_op("documented::choice", mutates_args=())
    def choice(x: Tensor) -> Tensor:
        return torch.zeros(1)

    choice.register_kernel("cpu")(lambda x: torch.ones(1))
    print(choice(x))
    with choice.set_kernel_enabled("cpu", enabled=False):
        print(choice(x))
    choice.register_fake(lambda x: x.new_empty(1))
    print(choice(torch.empty(2, device="meta")))

    @custom_op("documented::same", mutates_args=())
    def same(x: Tensor) -> Tensor:
        return x

    try:
        same(x)
    except RuntimeError as error:
        print("must not also be an input" in str(error))
    _told(lambda: custom_op("documented::bare", mutates_args=())(lambda x: x))
    print(hasattr(torch.ops.documented, "nothing"))


def old_addresses_of_the_transforms():
    from functorch import combine_state_for_ensemble, grad, make_functional, vmap
    from torch.nn.utils.stateless import functional_call

    model = torch.nn.Linear(3, 2)
    x, t = torch.randn(4, 3), torch.randn(4, 2)
    print(functional_call(model, {"bias": torch.zeros(2)}, torch.zeros(1, 3)))
    func, params = make_functional(model)
    gradients = grad(lambda p: torch.nn.functional.mse_loss(func(p, x), t))(params)
    print([g.detach() for g in gradients])
    func, params, buffers = combine_state_for_ensemble([model, torch.nn.Linear(3, 2)])
    print(vmap(func, (0, 0, None))(params, buffers, x).shape, buffers)
    try:
        make_functional(torch.nn.BatchNorm1d(1))
    except RuntimeError as error:
        print(error)
