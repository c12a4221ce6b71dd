"""What the notes say: autograd mechanics, extending torch, complex numbers, in-place changes."""

import numpy as np
import torch
from torch import nn
from torch.autograd import Function, gradcheck


def subgraphs_are_excluded():
    x, y = torch.rand(5, 5), torch.rand(5, 5)
    z = torch.rand((5, 5), requires_grad=True)
    print((x + y).requires_grad, (x + y + z).requires_grad)
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    model[0].requires_grad_(False)
    model(torch.rand(2, 3)).sum().backward()
    print([p.grad is not None for p in model.parameters()])


def nodes_hold_what_they_saved():
    x = torch.randn(5, requires_grad=True)
    y = x.pow(2)
    print(x.equal(y.grad_fn._saved_self), y.grad_fn._saved_exponent)
    y.sum().backward()
    try:
        y.grad_fn._saved_self
    except RuntimeError as error:
        print(str(error)[:31])


def points_without_derivative():
    x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    for f in (torch.relu, torch.abs, torch.sign, nn.functional.relu6, torch.floor):
        print(torch.autograd.grad(f(x).sum(), x)[0])
    zero = torch.zeros(2, requires_grad=True)
    print(torch.autograd.grad(zero.norm(), zero)[0], torch.autograd.grad((zero**0).sum(), zero)[0])
    ties = torch.tensor([2.0, 2.0, 1.0], requires_grad=True)
    print(torch.autograd.grad(ties.max(), ties)[0], torch.autograd.grad(ties.max(0)[0], ties)[0])
    print(torch.autograd.grad(torch.clamp(x, 0, 1).sum(), x)[0])


def division_by_zero_behind_a_mask():
    x = torch.tensor([1.0, 1.0], requires_grad=True)
    y = x / torch.tensor([0.0, 1.0])
    y[torch.tensor([False, True])].sum().backward()
    print(x.grad)


def complex_conventions():
    z = torch.tensor([1 + 2j, -0.5 + 1j], requires_grad=True)
    (z * z.conj()).real.sum().backward()
    print(z.grad)
    step = z.detach() - 0.5 * z.grad
    print(step)
    w = torch.tensor(1 + 1j, requires_grad=True)
    print(torch.autograd.grad((w**2).real, w)[0], torch.autograd.grad(w.abs(), w)[0])


def versions_count_changes():
    x = torch.zeros(3)
    print(x._version)
    x.add_(1)
    x[0] = 5
    print(x._version, x.detach()._version, x[1:]._version)
    x.data.add_(1)
    print(x._version)


def leaves_refuse_changes():
    x = torch.ones(2, requires_grad=True)
    try:
        x.add_(1)
    except RuntimeError as error:
        print(str(error)[:61])
    with torch.no_grad():
        x.add_(1)
    print(x)


def changes_in_place_and_views():
    base = torch.zeros(4)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    view = base[1:3]
    view.copy_(x)
    base.mul_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    print(base.detach(), view.detach())
    base.sum().backward()
    print(x.grad)


class LinearFunction(Function):
    @staticmethod
    def forward(x, weight, bias):
        output = x.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, bias = inputs
        ctx.save_for_backward(x, weight, bias)

    @staticmethod
    def backward(ctx, ct):
        x, weight, bias = ctx.saved_tensors
        by_x = by_weight = by_bias = None
        if ctx.needs_input_grad[0]:
            by_x = ct.mm(weight)
        if ctx.needs_input_grad[1]:
            by_weight = ct.t().mm(x)
        if bias is not None and ctx.needs_input_grad[2]:
            by_bias = ct.sum(0)
        return by_x, by_weight, by_bias


class _Linear(nn.Module):
    def __init__(self, inputs, outputs, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        if bias:
            self.bias = nn.Parameter(torch.empty(outputs))
        else:
            self.register_parameter("bias", None)
        nn.init.uniform_(self.weight, -0.1, 0.1)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -0.1, 0.1)

    def forward(self, x):
        return LinearFunction.apply(x, self.weight, self.bias)

    def extra_repr(self):
        return f"bias={self.bias is not None}"


def a_layer_from_a_function():
    x = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    w = torch.randn(2, 4, dtype=torch.double, requires_grad=True)
    print(gradcheck(LinearFunction.apply, (x, w, None), eps=1e-6, atol=1e-4))
    for bias in (True, False):
        layer = _Linear(3, 2, bias)
        layer(torch.randn(4, 3)).sum().backward()
        print(layer, layer.weight.grad)


class MulConstant(Function):
    @staticmethod
    def forward(tensor, constant):
        return tensor * constant

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.set_materialize_grads(False)
        ctx.constant = inputs[1]

    @staticmethod
    def backward(ctx, ct):
        if ct is None:
            return None, None
        return ct * ctx.constant, None


def a_function_with_a_constant():
    x = torch.ones(3, requires_grad=True)
    MulConstant.apply(x, 5.0).sum().backward()
    print(x.grad)


class MyCube(Function):
    @staticmethod
    def forward(x):
        dx = 3 * x**2
        return x**3, dx

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output[1])

    @staticmethod
    def backward(ctx, ct, ct_dx):
        x, dx = ctx.saved_tensors
        return ct * dx + ct_dx * 6 * x


def intermediates_for_double_backward():
    x = torch.tensor([0.5, 2.0], dtype=torch.double, requires_grad=True)
    y = MyCube.apply(x)[0]
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    print(first.detach(), torch.autograd.grad(first.sum(), x)[0])
    print(gradcheck(lambda x: MyCube.apply(x)[0], x))


class SumOfNumpy(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return torch.tensor(np.sum(x.detach().numpy()))

    @staticmethod
    def backward(ctx, ct):
        return ct.expand(ctx.shape)


def numpy_inside_of_functions():
    x = torch.rand(2, 2, dtype=torch.double, requires_grad=True)
    print(gradcheck(SumOfNumpy.apply, x))
    print(torch.autograd.grad(SumOfNumpy.apply(x) ** 2, x)[0])


def leaves():
    a = torch.rand(3, requires_grad=True)
    b = torch.rand(3, requires_grad=True) + 2
    c = torch.rand(3, requires_grad=True).double()
    d = torch.rand(3).double()
    e = torch.rand(3).requires_grad_()
    f = torch.rand(3, requires_grad=True).detach()
    print([t.is_leaf for t in (a, b, c, d, e, f)])
    print([t.requires_grad for t in (a, b, c, d, e, f)])
    print(a.grad_fn, b.detach_().grad_fn, b.is_leaf)


def preprocessing_needs_no_gradients():
    saved = [torch.tensor([0.0593, 0.4582]), torch.tensor([-0.3214, 1.6])]
    loaded = [w.requires_grad_() for w in saved]
    print(loaded)
    loss = sum((w**2).sum() for w in loaded)
    loss.backward()
    print([w.grad for w in loaded])


def threads_accumulate():
    import threading

    x = torch.ones(5, 5, requires_grad=True)

    def train():
        y = (x + 3) * (x + 4) * 0.5
        y.sum().backward()

    threads = [threading.Thread(target=train) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(x.grad[0, 0])


def grad_modes_belong_to_threads():
    import threading

    found = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: found.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
        found.append(torch.is_grad_enabled())
    print(found)


def hooks_in_documented_order():
    t = torch.tensor([1.0, 2.0], requires_grad=True).sin()
    seen = []
    t.retain_grad()
    t.grad_fn.register_prehook(lambda g: seen.append("prehook of the node"))
    t.register_hook(lambda g: seen.append("first hook of the tensor"))
    t.register_hook(lambda g: g * 2)
    t.register_hook(lambda g: seen.append(("second", g.tolist())))
    t.grad_fn.register_hook(lambda gi, go: seen.append("hook of the node"))
    t.cos().sum().backward()
    for line in seen:
        print(line)
    print(t.grad)


def retained_gradients_move_with_changes_in_place():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a.clone()
    b.retain_grad()
    b *= 3
    b.exp().sum().backward()
    print(b.grad, a.grad)


def real_functions_of_complex_numbers():
    z = torch.tensor([0.3 + 0.4j, -1 + 2j], dtype=torch.cdouble, requires_grad=True)
    for f in (torch.abs, torch.angle, torch.real, lambda z: (z * z).imag, torch.view_as_real):
        (found,) = torch.autograd.grad(f(z).sum(), z)
        print(found)
    print(gradcheck(lambda z: (z * z.conj().roll(1)).abs(), z))
