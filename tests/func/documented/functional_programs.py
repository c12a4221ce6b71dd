"""torch.autograd.functional and torch.autograd.forward_ad."""

import torch
import torch.autograd.forward_ad as fwAD
from torch.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def _exp_reducer(x):
    return x.exp().sum(dim=1)


def _adder(x, y):
    return 2 * x + 3 * y


def _exp_adder(x, y):
    return 2 * x.exp() + 3 * y


def _pow_reducer(x):
    return x.pow(3).sum()


def _pow_adder_reducer(x, y):
    return (2 * x.pow(2) + 3 * y.pow(2)).sum()


FORWARD = {"vectorize": True, "strategy": "forward-mode"}


def vjp_products():
    inputs, v = torch.rand(4, 4), torch.ones(4)
    print(vjp(_exp_reducer, inputs, v))
    out, product = vjp(_exp_reducer, inputs, v, create_graph=True)
    print(out.requires_grad, product.requires_grad)
    print(vjp(_adder, (torch.rand(2), torch.rand(2)), torch.ones(2)))


def jvp_products():
    inputs, v = torch.rand(4, 4), torch.ones(4, 4)
    print(jvp(_exp_reducer, inputs, v))
    print(jvp(_exp_reducer, inputs.requires_grad_(), v, create_graph=True)[1].requires_grad)
    print(jvp(_adder, (torch.rand(2), torch.rand(2)), (torch.ones(2), torch.ones(2))))


def jacobian_of_all_forms():
    inputs = torch.rand(2, 2)
    print(jacobian(_exp_reducer, inputs))
    print(jacobian(_exp_reducer, inputs, vectorize=True))
    print(jacobian(_exp_reducer, inputs, **FORWARD))
    pair = (torch.rand(2), torch.rand(2))
    print(jacobian(_exp_adder, pair))
    print(jacobian(_exp_adder, pair, vectorize=True))
    print(*jacobian(_exp_adder, pair, **FORWARD))


def jacobian_of_a_linear_model():
    weight, bias = torch.tensor([[2.0, -1.0], [0.0, 1.0]]), torch.tensor([1.0, 0.5])
    x = torch.randn(4, 2, requires_grad=True)
    found = jacobian(lambda x: x @ weight.T + bias, x, vectorize=True)
    print(found.shape, found[1, :, 1])


def jacobian_of_several_outputs():
    def f(x, y):
        return x * y, {"a": 1}["a"] * x.sum(), y.exp()

    pair = (torch.rand(2), torch.rand(2))
    for options in ({}, {"vectorize": True}, FORWARD):
        for row in jacobian(f, pair, **options):
            print(*row)


def jacobian_with_create_graph():
    x = torch.rand(2, 2, requires_grad=True)
    for vectorize in (False, True):
        found = jacobian(_exp_reducer, x, create_graph=True, vectorize=vectorize)
        print(torch.autograd.grad(found.pow(2).sum(), x))


def jacobian_of_a_network():
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(8, 3), torch.nn.Softmax(dim=1),
    )  # fmt: skip
    x = torch.randn(1, 1, 4, 4)
    rows = jacobian(net, x)
    print(rows.shape, rows.norm())
    print(torch.allclose(rows, jacobian(net, x, vectorize=True), atol=1e-6))
    columns = jacobian(torch.nn.Sequential(*net[:2]), x, **FORWARD)
    print(columns.shape, columns.detach().norm())


def jacobian_strict():
    for f in (lambda x: torch.ones(2), lambda x: x.detach() + 1):
        try:
            jacobian(f, torch.rand(2), strict=True)
        except RuntimeError as error:
            print(str(error)[:60])
    for options in ({"strict": True, "vectorize": True}, {"strategy": "forward-mode"}):
        try:
            jacobian(_exp_reducer, torch.rand(2, 2), **options)
        except (RuntimeError, NotImplementedError) as error:
            print(type(error).__name__, str(error)[:60])


def hessian_of_all_forms():
    inputs = torch.rand(2, 2)
    print(hessian(_pow_reducer, inputs))
    for options in (
        {"vectorize": True},
        {"vectorize": True, "outer_jacobian_strategy": "forward-mode"},
    ):
        print(
            torch.allclose(hessian(_pow_reducer, inputs, **options), hessian(_pow_reducer, inputs))
        )
        for row in hessian(_pow_adder_reducer, (torch.rand(2), torch.rand(2)), **options):
            print(*(block.detach() for block in row))
    print(hessian(_pow_adder_reducer, (torch.rand(2), torch.rand(2))))


def vhp_products():
    inputs, v = torch.rand(2, 2), torch.ones(2, 2)
    print(vhp(_pow_reducer, inputs, v))
    print(vhp(_pow_reducer, inputs, v, create_graph=True)[1].requires_grad)
    print(vhp(_pow_adder_reducer, (torch.rand(2), torch.rand(2)), (torch.zeros(2), torch.ones(2))))


def hvp_products():
    inputs, v = torch.rand(2, 2), torch.ones(2, 2)
    print(hvp(_pow_reducer, inputs, v))
    print(hvp(_pow_reducer, inputs, v, create_graph=True)[1].requires_grad)
    print(hvp(_pow_adder_reducer, (torch.rand(2), torch.rand(2)), (torch.zeros(2), torch.ones(2))))


def dual_levels():
    x, v = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.5])
    with fwAD.dual_level():
        inp = fwAD.make_dual(x, v)
        out = inp * inp.sin()
        y, moved = fwAD.unpack_dual(out)
        print(y, moved)
        print(fwAD.unpack_dual(x).tangent)
    print(fwAD.unpack_dual(out).tangent)


def dual_levels_by_hand():
    x = torch.tensor([1.0, 2.0])
    level = fwAD.enter_dual_level()
    out = fwAD.make_dual(x, torch.ones(2)).exp()
    print(level, fwAD.unpack_dual(out))
    fwAD.exit_dual_level()
    print(fwAD.unpack_dual(out))


def dual_levels_refuse():
    x = torch.tensor([1.0, 2.0])
    for attempt in (
        lambda: fwAD.make_dual(x, x),
        lambda: fwAD.exit_dual_level(),
    ):
        try:
            attempt()
        except RuntimeError as error:
            print(type(error).__name__)
    with fwAD.dual_level():
        for primal, tangent in ((x, torch.ones(3)), (torch.tensor([1]), torch.tensor([1]))):
            try:
                fwAD.make_dual(primal, tangent)
            except (RuntimeError, ValueError) as error:
                print(type(error).__name__, str(error)[:57])
        try:
            fwAD.enter_dual_level()
        except RuntimeError as error:
            print(str(error)[:45])


def dual_parameters_of_a_module():
    model = torch.nn.Linear(3, 2)
    inputs = torch.randn(4, 3)
    params = dict(model.named_parameters())
    tangents = {name: torch.rand_like(p) for name, p in params.items()}
    with fwAD.dual_level():
        for name, p in params.items():
            delattr(model, name)
            setattr(model, name, fwAD.make_dual(p, tangents[name]))
        out = model(inputs)
        found = fwAD.unpack_dual(out).tangent
    print(found.detach())
    print(torch.allclose(found, inputs @ tangents["weight"].T + tangents["bias"]))


def dual_parameters_by_functional_call():
    from torch.func import functional_call

    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh())
    inputs = torch.randn(2, 3)
    with fwAD.dual_level():
        params = {
            name: fwAD.make_dual(p, torch.ones_like(p)) for name, p in model.named_parameters()
        }
        print(fwAD.unpack_dual(functional_call(model, params, inputs)).tangent.detach())


def duals_and_backward():
    x = torch.tensor([0.5, 1.5], requires_grad=True)
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, torch.tensor([1.0, 2.0]))
        y = (dual**3).sum()
        (gradient,) = torch.autograd.grad(y, x, create_graph=True)
        print(fwAD.unpack_dual(gradient).tangent.detach())
    print(6 * x.detach() * torch.tensor([1.0, 2.0]))


def duals_in_place():
    x = torch.tensor([0.5, 1.5])
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, torch.ones(2))
        y = dual * 2
        y.mul_(dual)
        y[0] = 7.0
        print(fwAD.unpack_dual(y))
        z = torch.zeros(2)
        z.copy_(dual)
        print(fwAD.unpack_dual(z).tangent)


def duals_and_ordinary_parameters():
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    x = torch.randn(2, 3)
    with fwAD.dual_level():
        out = net(fwAD.make_dual(x, torch.ones(2, 3))).sum()
        (gradient,) = torch.autograd.grad(out, net[0].weight)
        primal, tangent = fwAD.unpack_dual(gradient)
        print(primal.detach(), tangent.detach())
    moved = torch.func.jvp(lambda x: net(x).sum(), (x,), (torch.ones(2, 3),))[1]
    print(torch.autograd.grad(moved, net[0].weight)[0])


def duals_of_another_dtype():
    primal = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.result = torch.exp(x)
            return ctx.result

        @staticmethod
        def jvp(ctx, tangent):
            return tangent * ctx.result

    with fwAD.dual_level():
        dual = fwAD.make_dual(primal, torch.tensor([1.0, 2.0]))
        print(fwAD.unpack_dual(Exp.apply(dual)).tangent.detach())
        print(dual.detach().sum(), fwAD.make_dual(torch.tensor(1.0), torch.tensor(2.0)))
