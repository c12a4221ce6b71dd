"""The programs that the tutorials on autograd and torch.func build, with small networks."""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable
from torch.func import (
    functional_call,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)


class SmallConvolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 3, 1)
        self.conv2 = nn.Conv2d(3, 4, 3, 1)
        self.fc1 = nn.Linear(16, 8)
        self.fc2 = nn.Linear(8, 5)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


def per_sample_gradients():
    data, targets = torch.randn(4, 1, 8, 8), torch.randint(0, 5, (4,))
    model = SmallConvolutions()

    def one_by_one(sample, target):
        prediction = model(sample.unsqueeze(0))
        loss = F.nll_loss(prediction, target.unsqueeze(0))
        return torch.autograd.grad(loss, list(model.parameters()))

    looped = zip(*[one_by_one(data[i], targets[i]) for i in range(4)])
    looped = [torch.stack(shards) for shards in looped]
    params = {k: v.detach() for k, v in model.named_parameters()}
    buffers = {k: v.detach() for k, v in model.named_buffers()}

    def compute_loss(params, buffers, sample, target):
        predictions = functional_call(model, (params, buffers), (sample.unsqueeze(0),))
        return F.nll_loss(predictions, target.unsqueeze(0))

    ft = vmap(grad(compute_loss), in_dims=(None, None, 0, 0))(params, buffers, data, targets)
    print([tuple(g.shape) for g in ft.values()])
    print([torch.allclose(a, b, atol=1e-5) for a, b in zip(looped, ft.values())])
    print(ft["conv1.bias"])
    clipped = [g.flatten(1).norm(dim=1) for g in ft.values()]
    print(torch.stack(clipped).norm(dim=0))


class _Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(9, 6)
        self.fc2 = nn.Linear(6, 4)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def model_ensembling():
    data = torch.randn(5, 7, 1, 3, 3)
    models = [_Perceptron() for _ in range(5)]
    params, buffers = stack_module_state(models)
    base = copy.deepcopy(models[0]).to("meta")
    print(base.fc1.bias, base.fc1.weight.device, base.fc1.weight.is_meta)
    try:
        base.cpu()
    except NotImplementedError as error:
        print(str(error)[:40])

    def fmodel(params, buffers, x):
        return functional_call(base, (params, buffers), (x,))

    own = vmap(fmodel)(params, buffers, data)
    same = vmap(fmodel, in_dims=(0, 0, None))(params, buffers, data[0])
    print(own.shape, same.shape)
    print(torch.allclose(own, torch.stack([m(x) for m, x in zip(models, data)]), atol=1e-5))
    print(torch.allclose(same, torch.stack([m(data[0]) for m in models]), atol=1e-5))
    print(same[0, 0].detach())


def ensembles_are_trained_together():
    models = [nn.Linear(3, 1) for _ in range(4)]
    params, buffers = stack_module_state(models)
    x, y = torch.randn(16, 3), torch.randn(16, 1)
    optimizer = torch.optim.SGD(params.values(), lr=0.1)
    for _ in range(5):
        losses = vmap(lambda p, b: F.mse_loss(functional_call(models[0], (p, b), (x,)), y))(
            params, buffers
        )
        optimizer.zero_grad()
        losses.sum().backward()
        optimizer.step()
    print(losses.detach())


def _predict(weight, bias, x):
    return F.linear(x, weight, bias).tanh()


def jacobians_of_a_layer():
    weight, bias, x = torch.randn(4, 3), torch.randn(4), torch.randn(3)
    xp = x.clone().requires_grad_()
    units = torch.eye(4)
    rows = torch.stack(
        [torch.autograd.grad(_predict(weight, bias, xp), xp, vec)[0] for vec in units]
    )
    _, pull = vjp(lambda x: _predict(weight, bias, x), x)
    (batched,) = vmap(pull)(units)
    reverse = jacrev(_predict, argnums=2)(weight, bias, x)
    forward = jacfwd(_predict, argnums=2)(weight, bias, x)
    print(reverse)
    print([torch.allclose(rows, other, atol=1e-6) for other in (batched, reverse, forward)])
    by_weight, by_bias = jacrev(_predict, argnums=(0, 1))(weight, bias, x)
    print(by_weight.shape, by_bias.shape)


def hessians_of_a_layer():
    weight, bias, x = torch.randn(4, 3), torch.randn(4), torch.randn(3)
    found = hessian(_predict, argnums=2)(weight, bias, x)
    print(found.shape)
    for outer in (jacfwd, jacrev):
        for inner in (jacfwd, jacrev):
            other = outer(inner(_predict, argnums=2), argnums=2)(weight, bias, x)
            print(torch.allclose(found, other, atol=1e-6))


def jacobians_and_hessians_of_a_batch():
    weight, bias, x = torch.randn(4, 3), torch.randn(4), torch.randn(6, 3)
    batch = vmap(jacrev(_predict, argnums=2), in_dims=(None, None, 0))(weight, bias, x)
    print(batch.shape)
    summed = jacrev(lambda w, b, x: _predict(w, b, x).sum(0), argnums=2)(weight, bias, x)
    print(torch.allclose(summed.movedim(1, 0), batch, atol=1e-6))
    print(vmap(hessian(_predict, argnums=2), in_dims=(None, None, 0))(weight, bias, x).shape)


def products_with_hessians():
    def f(x):
        return x.sin().sum() * x.sum()

    x, v = torch.randn(4), torch.randn(4)
    forward_over_reverse = jvp(grad(f), (x,), (v,))[1]
    reverse_over_reverse = vjp(grad(f), x)[1](v)[0]
    reverse_over_forward = grad(lambda x: jvp(f, (x,), (v,))[1])(x)
    print(forward_over_reverse)
    print(torch.allclose(forward_over_reverse, reverse_over_reverse, atol=1e-5))
    print(torch.allclose(forward_over_reverse, reverse_over_forward, atol=1e-5))
    print(torch.allclose(forward_over_reverse, hessian(f)(x) @ v, atol=1e-5))
    print(
        torch.allclose(torch.autograd.functional.vhp(f, x, v)[1], forward_over_reverse, atol=1e-5)
    )


class _SmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, (3, 3))
        self.conv2 = nn.Conv2d(3, 2, (3, 3))
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        x = self.conv1(x).relu()
        x = self.conv2(x).relu()
        return self.fc(x.flatten(1))


def neural_tangent_kernels():
    x1, x2 = torch.randn(3, 2, 6, 6), torch.randn(2, 2, 6, 6)
    net = _SmallNet()
    params = {k: v.detach() for k, v in net.named_parameters()}

    def single(params, x):
        return functional_call(net, params, (x.unsqueeze(0),)).squeeze(0)

    def by_jacobians(compute="full"):
        equation = {"full": "Naf,Mbf->NMab", "trace": "Naf,Maf->NM"}[compute]
        first = vmap(jacrev(single), (None, 0))(params, x1)
        second = vmap(jacrev(single), (None, 0))(params, x2)
        pairs = zip(first.values(), second.values())
        return sum(torch.einsum(equation, a.flatten(2), b.flatten(2)) for a, b in pairs)

    def by_products(x1, x2):
        def f1(params):
            return single(params, x1)

        def f2(params):
            return single(params, x2)

        output, pull = vjp(f1, params)

        def column(vec):
            return jvp(f2, (params,), pull(vec))[1]

        return vmap(column)(torch.eye(output.numel()))

    full = by_jacobians()
    print(full.shape, full[0, 0])
    print(by_jacobians("trace"))
    pairwise = vmap(vmap(by_products, (None, 0)), (0, None))(x1, x2)
    print(torch.allclose(full, pairwise, atol=1e-4))


class _Fused(torch.autograd.Function):
    """A convolution and a batch norm whose backward computes the convolution again."""

    @staticmethod
    def forward(ctx, x, weight, eps=1e-3):
        ctx.save_for_backward(x, weight)
        y = F.conv2d(x, weight)
        summed = y.sum(dim=(0, 2, 3))
        variance = y.var(unbiased=True, dim=(0, 2, 3))
        n = y.numel() / y.size(1)
        root = torch.sqrt(variance + eps)
        ctx.eps, ctx.sum, ctx.var, ctx.n = eps, summed, variance, n
        return (y - (summed / n)[None, :, None, None]) / root[None, :, None, None]

    @staticmethod
    @once_differentiable
    def backward(ctx, ct):
        x, weight = ctx.saved_tensors
        with torch.enable_grad():
            x, weight = x.detach().requires_grad_(), weight.detach().requires_grad_()
            y = F.conv2d(x, weight)
        root = torch.sqrt(ctx.var + ctx.eps)[None, :, None, None]
        centred = y.detach() - (ctx.sum / ctx.n)[None, :, None, None]
        by_root = -(ct * centred).sum(dim=(0, 2, 3)) / (ctx.var + ctx.eps)
        by_var = by_root / (2 * torch.sqrt(ctx.var + ctx.eps))
        by_y = ct / root
        by_y = by_y - by_y.sum(dim=(0, 2, 3), keepdim=True) / ctx.n
        by_y = by_y + 2 * by_var[None, :, None, None] * centred / (ctx.n - 1)
        by_x, by_weight = torch.autograd.grad(y, (x, weight), by_y)
        return by_x, by_weight, None


def convolution_and_batch_norm_fused():
    x = torch.rand(2, 2, 3, 3, requires_grad=True, dtype=torch.float64)
    weight = torch.rand(2, 2, 2, 2, requires_grad=True, dtype=torch.float64)
    print(torch.autograd.gradcheck(_Fused.apply, (x, weight)))
    reference = F.conv2d(x, weight)
    mean, var = reference.mean((0, 2, 3), True), reference.var((0, 2, 3), keepdim=True)
    print(torch.allclose(_Fused.apply(x, weight), (reference - mean) / torch.sqrt(var + 1e-3)))
    _Fused.apply(x, weight).pow(3).sum().backward()
    print(x.grad.norm(), weight.grad.norm())


class _Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, ct):
        (x,) = ctx.saved_tensors
        return ct * 2 * x


class _SinhBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        up, down = torch.exp(x), torch.exp(-x)
        ctx.save_for_backward(up, down)
        return (up - down) / 2, up, down

    @staticmethod
    def backward(ctx, ct, ct_up, ct_down):
        up, down = ctx.saved_tensors
        return ct * (up + down) / 2 + ct_up * up - ct_down * down


class _CubeForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, ct):
        (x,) = ctx.saved_tensors
        return _CubeBackward.apply(ct, x)


class _CubeBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, ct, x):
        ctx.save_for_backward(x, ct)
        return ct * 3 * x**2

    @staticmethod
    def backward(ctx, ct_out):
        x, ct = ctx.saved_tensors
        return ct_out * 3 * x**2, ct_out * ct * 6 * x


def double_backward_of_functions():
    x = torch.rand(3, 3, requires_grad=True, dtype=torch.double)
    for f in (_Square.apply, lambda x: _SinhBackward.apply(x)[0], _CubeForward.apply):
        print(torch.autograd.gradcheck(f, x), torch.autograd.gradgradcheck(f, x))
        (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
        print(torch.autograd.grad(first.sum(), x)[0][0])


def maml_inner_steps():
    def net(params, x):
        return (x @ params["a"]).tanh() @ params["b"]

    params = {"a": torch.randn(1, 5), "b": torch.randn(5, 1)}
    x, y = torch.linspace(-1, 1, 6).reshape(3, 2, 1), torch.randn(3, 2, 1)

    def task(params, x, y):
        def inner(p):
            return F.mse_loss(net(p, x), y)

        moved = {k: params[k] - 0.1 * g for k, g in grad(inner)(params).items()}
        return F.mse_loss(net(moved, x), y)

    def meta(params):
        return vmap(task, (None, 0, 0))(params, x, y).mean()

    print(grad(meta)(params))


def hooks_that_look_at_gradients():
    weights = {name: torch.randn(4, 4).mul_(0.5).requires_grad_() for name in "abc"}
    x = torch.randn(2, 4)
    seen = []
    for name, w in weights.items():
        x = (x @ w).tanh()
        x.register_hook(lambda g, name=name: seen.append((name, tuple(g.shape))))
    x.pow(2).mean().backward()
    print(seen, weights["a"].grad.norm())


def ensembles_with_a_skeleton():
    models = [torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh()) for _ in range(3)]
    params, buffers = torch.func.stack_module_state(models)
    skeleton = copy.deepcopy(models[0]).to("meta")

    def run(params, buffers, x):
        return torch.func.functional_call(skeleton, (params, buffers), (x,))

    x = torch.randn(5, 3)
    found = torch.vmap(run, (0, 0, None))(params, buffers, x)
    print(torch.allclose(found, torch.stack([m(x) for m in models]), atol=1e-6), skeleton[0].bias)


def skew_symmetric_weights():
    class Skew(torch.nn.Module):
        def forward(self, x):
            return x.triu(1) - x.triu(1).mT

    class Exponential(torch.nn.Module):
        def forward(self, a):
            return torch.matrix_exp(a)

    layer = torch.nn.Linear(3, 3)
    register = torch.nn.utils.parametrize.register_parametrization
    register(layer, "weight", Skew())
    register(layer, "weight", Exponential())
    w = layer.weight
    print(torch.allclose(w.T @ w, torch.eye(3), atol=1e-6), w)
    layer(torch.ones(1, 3)).sum().backward()
    print(layer.parametrizations.weight.original.grad)


def times_of_statements():
    from torch.utils.benchmark import Timer

    measured = Timer("x + x", globals={"x": torch.ones(3)}, label="sum", sub_label="3").timeit(20)
    print(measured.number_per_run, measured.title, len(measured.times), measured.mean > 0)
    print(str(measured).splitlines()[-1], measured.iqr)
    print(Timer("1 + 1").blocked_autorange(min_run_time=0.001).median < 1)
