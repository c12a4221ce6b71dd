"""torch.func: grad, vjp, jvp, linearize, Jacobians and Hessians; modules as functions."""

import torch
from torch import nn
from torch.func import (
    functional_call,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    replace_all_batch_norm_modules_,
    stack_module_state,
    vjp,
    vmap,
)


def gradients_of_gradients():
    x = torch.randn([])
    print(torch.allclose(grad(torch.sin)(x), x.cos()))
    print(torch.allclose(grad(grad(torch.sin))(x), -x.sin()))
    print(grad(grad(grad(torch.sin)))(x))


def gradients_per_sample():
    def compute_loss(weights, example, target):
        return ((example.dot(weights).relu() - target) ** 2).mean()

    weights = torch.randn(5, requires_grad=True)
    examples, targets = torch.randn(3, 5), torch.randn(3)
    print(vmap(grad(compute_loss), in_dims=(None, 0, 0))(weights, examples, targets).detach())


def gradients_with_auxiliary_data():
    def loss(y, y_pred):
        per_sample = (0.5 * y_pred - y) ** 2
        return per_sample.mean(), (y_pred, per_sample)

    y_true, y_preds = torch.rand(4), torch.rand(4, requires_grad=True)
    (by_true, by_pred), (pred, per_sample) = grad(loss, argnums=(0, 1), has_aux=True)(
        y_true, y_preds
    )
    print(by_true.detach(), by_pred.detach(), pred.detach(), per_sample.detach())


def gradients_and_values():
    print(grad_and_value(lambda x, y: (x * y).sum(), argnums=1)(torch.ones(2), torch.rand(2)))
    found, (value, aux) = grad_and_value(lambda x: (x.sum(), x * 2), has_aux=True)(torch.rand(2))
    print(found, value, aux)


def gradients_by_trees():
    params = {"w": torch.rand(2), "b": [torch.rand(())]}
    print(grad(lambda p, x: (p["w"] * x).sum() + p["b"][0] ** 2)(params, torch.tensor([1.0, 2.0])))


def no_grad_inside_and_outside():
    def f(x):
        with torch.no_grad():
            c = x**2
        return x - c

    x = torch.tensor(3.0)
    print(grad(f)(x))
    with torch.no_grad():
        print(grad(f)(x), vjp(f, x)[1](torch.tensor(1.0)), jacrev(f)(x), jvp(f, (x,), (x,)))


def pulling_back():
    x = torch.randn([5])
    _, pull = vjp(lambda x: x.sin().sum(), x)
    print(torch.allclose(pull(torch.tensor(1.0))[0], x.cos()))
    _, pull = vjp(lambda x: (x.sin(), x.cos()), x)
    print(torch.allclose(pull((torch.ones(5), torch.ones(5)))[0], x.cos() - x.sin()))
    _, pull = vjp(lambda x: {"first": x.sin(), "second": x.cos()}, x)
    print(pull({"first": torch.ones(5), "second": torch.ones(5)}))


def pulling_back_through_a_product():
    x, y, ct = torch.randn([5, 4]), torch.randn([4, 5]), torch.randn([5, 5])
    _, pull = vjp(torch.matmul, x, y)
    found = pull(ct)
    print(len(found), torch.allclose(found[0], ct @ y.T), torch.allclose(found[1], x.T @ ct))
    _, pull = vjp(lambda x, scale=4.0: x * scale, torch.randn(5))
    print(pull(torch.ones(5)))
    out, pull, aux = vjp(lambda x: (x * 2, x + 1), torch.ones(2), has_aux=True)
    print(out, pull(torch.ones(2)), aux)


def jacobians():
    x, y = torch.randn(5), torch.randn(5)
    for jac in (jacrev, jacfwd):
        print(torch.allclose(jac(torch.sin)(x), torch.diag(x.cos())))
        found, value = jac(lambda x: (x.sin(), x.sin()), has_aux=True)(x)
        print(torch.allclose(value, x.sin()), found.shape)
        print(vmap(jac(torch.sin))(torch.randn(7, 5)).shape)
        print(torch.allclose(jac(lambda x, y: x + y**2, argnums=1)(x, y), torch.diag(2 * y)))
        by_x, by_y = jac(lambda x, y: x + y**2, argnums=(0, 1))(x, y)
        print(torch.equal(by_x, torch.eye(5)), torch.allclose(by_y, torch.diag(2 * y)))
    print(torch.allclose(jacrev(torch.sin, chunk_size=2)(x), jacrev(torch.sin)(x)))


def hessians():
    def f(x):
        return x.sin().sum()

    x = torch.randn(5)
    expected = torch.diag(-x.sin())
    for h in (
        hessian(f),
        jacrev(jacrev(f)),
        jacfwd(jacfwd(f)),
        jacrev(jacfwd(f)),
        jacfwd(jacrev(f)),
    ):
        print(torch.allclose(h(x), expected))
    print(vmap(hessian(f))(torch.randn(2, 3)).shape)


def pushing_forward():
    x = torch.randn([])
    print(jvp(lambda x: x * torch.tensor([1.0, 2.0, 3.0]), (x,), (torch.tensor(1.0),)))
    x, y = torch.randn(5), torch.randn(5)
    _, found = jvp(lambda x, y: x * y, (x, y), (torch.ones(5), torch.ones(5)))
    print(torch.allclose(found, x + y))
    print(jvp(lambda x: (x * 2, x + 1), (torch.ones(2),), (torch.ones(2),), has_aux=True))
    _, second = jvp(grad(lambda x: (x**3).sum()), (torch.ones(2),), (torch.tensor([1.0, 2.0]),))
    print(second)


def linearized():
    output, push = linearize(torch.sin, torch.zeros(3, 3))
    print(output)
    print(push(torch.ones(3, 3)))
    print(push(2 * torch.ones(3, 3)))
    output, push = linearize(lambda x, y: x * y, torch.ones(2), torch.full((2,), 3.0))
    print(push(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])))


def functionalized():
    def f(a):
        b = a + 1
        c = b.view(-1)
        c.add_(1)
        return b

    x = torch.randn(2)
    print(torch.allclose(f(x), functionalize(f)(x)))


class _Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("foo", torch.zeros(()))

    def forward(self, x):
        self.foo = self.foo + 1
        return x + self.foo


def functional_call_and_what_it_changes():
    module = nn.Linear(1, 1)
    x = torch.randn(1, 1)
    out = functional_call(module, {"weight": torch.ones(1, 1), "bias": torch.zeros(1)}, x)
    print(torch.equal(out, x), module.weight.requires_grad)
    a = {"foo": torch.zeros(())}
    counting = _Counting()
    print(counting.foo, functional_call(counting, a, torch.ones(())), counting.foo, a["foo"])


class _Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.foo = nn.Parameter(torch.ones(()))
        self.foo_tied = self.foo

    def forward(self, x):
        return x + self.foo + self.foo_tied


def functional_call_of_tied_weights():
    module, zero = _Tied(), torch.zeros(())
    print(module(zero).item())
    print(functional_call(module, {"foo": zero}, zero))
    print(functional_call(module, {"foo": zero}, zero, tie_weights=False).item())
    print(functional_call(module, {"foo": zero, "foo_tied": zero.clone()}, zero, tie_weights=False))
    try:
        functional_call(module, {"foo": zero, "foo_tied": torch.ones(())}, zero)
    except ValueError as error:
        print(str(error)[:40])


def functional_call_with_several_dictionaries():
    class Bar(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(1, 1))
            self.register_buffer("buffer", torch.randn(1))

        def forward(self, x):
            return self.weight @ x + self.buffer

    module, x = Bar(), torch.randn(1, 1)
    print(
        torch.equal(
            functional_call(module, ({"weight": torch.ones(1, 1)}, {"buffer": torch.zeros(1)}), x),
            x,
        )
    )
    for params, options in (({"other": x}, {"strict": True}), (({"weight": x}, {"weight": x}), {})):
        try:
            functional_call(module, params, x, **options)
        except (RuntimeError, ValueError) as error:
            print(type(error).__name__)
    try:
        functional_call(module, [x], x)
    except ValueError as error:
        print(type(error).__name__)


def functional_call_and_grad():
    x, t, model = torch.randn(4, 3), torch.randn(4, 3), nn.Linear(3, 3)

    def compute_loss(params, x, t):
        return nn.functional.mse_loss(functional_call(model, params, x), t)

    found = grad(compute_loss)(dict(model.named_parameters()), x, t)
    print({k: (v.shape, v.grad_fn is not None) for k, v in found.items()})
    detached = {k: v.detach() for k, v in model.named_parameters()}
    found = grad(compute_loss)(detached, x, t)
    print(found["weight"].grad_fn, found["bias"])


def ensembles_of_modules():
    models = [nn.Linear(3, 3) for _ in range(5)]
    data = torch.randn(6, 3)
    params, buffers = stack_module_state(models)

    def wrapper(params, buffers, data):
        return functional_call(models[0], (params, buffers), data)

    output = vmap(wrapper, (0, 0, None))(params, buffers, data)
    print(output.shape, buffers, params["weight"].requires_grad, params["weight"].is_leaf)
    print(torch.allclose(output, torch.stack([m(data) for m in models]), atol=1e-6))


def ensembles_of_deeper_modules():
    class Foo(nn.Module):
        def __init__(self):
            super().__init__()
            self.l1 = nn.Linear(3, 4)
            self.l2 = nn.Linear(4, 3)

        def forward(self, x):
            return self.l2(self.l1(x))

    params, _ = stack_module_state([Foo() for _ in range(5)])
    print(list(params), [tuple(p.shape) for p in params.values()])
    for models in (
        [],
        [nn.Linear(1, 1), nn.Conv2d(1, 1, 1)],
        [nn.Linear(1, 1), nn.Linear(1, 1).eval()],
    ):
        try:
            stack_module_state(models)
        except RuntimeError as error:
            print(str(error)[:40])


def _gradients_of_samples(net, x):
    params, buffers = dict(net.named_parameters()), dict(net.named_buffers())

    def loss(params, sample):
        return functional_call(net, (params, buffers), (sample.unsqueeze(0),)).sin().sum()

    found = vmap(grad(loss), in_dims=(None, 0))(params, x)
    return {name: g.detach() for name, g in found.items()}


def batch_norms_are_patched():
    x = torch.randn(3, 2, 4, 4)
    try:
        _gradients_of_samples(nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)), x)
        print("computed")
    except RuntimeError as error:
        print(type(error).__name__)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
    print(replace_all_batch_norm_modules_(net) is net, net[1].running_var, list(net[1]._buffers))
    print(_gradients_of_samples(net, x)["1.weight"])
    for norm in (nn.GroupNorm(2, 4), nn.BatchNorm2d(4, track_running_stats=False)):
        print(_gradients_of_samples(nn.Sequential(nn.Conv2d(2, 4, 3), norm), x)["1.weight"])
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)).eval()
    print(_gradients_of_samples(net, x)["1.bias"])


def dimensions_by_name():
    images = torch.arange(48.0).reshape(2, 4, 2, 3)
    for pattern, sizes in (
        ("b h w c -> b c h w", {}),
        ("b h w c -> (b h) w c", {}),
        ("b (h h1) (w w1) c -> b h w (c h1 w1)", {"h1": 2, "w1": 2}),
        ("... c -> c (...)", {}),
        ("b h w c -> b 1 h (w c)", {}),
    ):
        found = torch.func.rearrange(images, pattern, **sizes)
        print(found.shape, found.flatten()[:5])
    print(torch.vmap(lambda x: torch.func.rearrange(x, "h w c -> c (h w)"))(images).shape)
    print(torch.func.rearrange([images[0], images[1]], "b h w c -> h b w c").shape)
    for pattern in ("b h w c -> b h w", "b h w -> b h w", "b b w c -> b w c", "b h w c"):
        try:
            torch.func.rearrange(images, pattern)
        except ValueError:
            print("refused", pattern)


def looking_below_a_transform():
    def f(x):
        print(torch.func.debug_unwrap(x), torch.func.debug_unwrap(x, recurse=False).shape)
        return x.sum()

    torch.vmap(torch.vmap(f))(torch.arange(4.0).reshape(2, 2))
    print(torch.func.jvp(f, (torch.ones(2),), (torch.ones(2),)))


def strict_calls_name_what_is_wrong():
    layer = torch.nn.Linear(2, 2)
    for given in ({"weight": torch.ones(2, 2)}, {"other": torch.ones(1)}):
        try:
            torch.func.functional_call(layer, given, torch.ones(2), strict=True)
        except RuntimeError as error:
            print(error)


def real_tangents_of_complex_values():
    z = torch.tensor([1 + 1j, 2.0])
    print(torch.func.jvp(lambda z: z * z, (z,), (torch.tensor([1.0, 2.0]),)))
    fwad = torch.autograd.forward_ad
    with fwad.dual_level():
        dual = fwad.make_dual(torch.tensor(0.5), torch.tensor(2.0))
        print(dual, dual.sin())
        try:
            fwad.make_dual(torch.tensor(1.0), dual)
        except RuntimeError as error:
            print(str(error)[:63])
