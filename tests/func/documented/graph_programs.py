"""torch.autograd.graph, and hooks of tensors, nodes and modules."""

import os
import tempfile
import uuid

import torch
from torch.autograd import graph


def _leaf(*values):
    return torch.tensor(values, requires_grad=True)


def nodes_have_names():
    b = _leaf(0.0, 0.0, 0.0).clone()
    print(isinstance(b.grad_fn, graph.Node), b.grad_fn.name())
    print(type(b.grad_fn.next_functions[0][0]).__name__, b.grad_fn.metadata)
    c = (b * 2).exp().sum()
    node = c.grad_fn
    while node is not None:
        print(type(node).__name__)
        node = node.next_functions[0][0] if node.next_functions else None


def hooks_of_a_node():
    a = _leaf(0.0, 0.0, 0.0)
    b = a.clone()
    handle = b.grad_fn.register_hook(lambda grad_inputs, grad_outputs: (grad_outputs[0] * 2,))
    b.sum().backward(retain_graph=True)
    print(a.grad)
    handle.remove()
    a.grad = None
    b.sum().backward(retain_graph=True)
    print(a.grad)


def prehooks_of_a_node():
    a = _leaf(0.0, 0.0, 0.0)
    b = a.clone()
    handle = b.grad_fn.register_prehook(lambda grads: (grads[0] * 2,))
    b.sum().backward(retain_graph=True)
    print(a.grad)
    handle.remove()
    a.grad = None
    b.sum().backward()
    print(a.grad)


def hooks_of_a_tensor():
    v = _leaf(0.0, 0.0, 0.0)
    handle = v.register_hook(lambda grad: grad * 2)
    v.backward(torch.tensor([1.0, 2.0, 3.0]))
    print(v.grad)
    handle.remove()
    v.grad = None
    v.backward(torch.tensor([1.0, 2.0, 3.0]))
    print(v.grad)


def hooks_run_in_order():
    a = _leaf(1.0, 2.0)
    b = a * 3
    b.retain_grad()
    b.register_hook(lambda g: print("tensor", g) or g * 10)
    b.grad_fn.register_prehook(lambda g: print("prehook", g))
    b.grad_fn.register_hook(lambda gi, go: print("node", gi, go))
    a.register_post_accumulate_grad_hook(lambda t: print("accumulated", t.grad))
    b.sum().backward()
    print(b.grad)


def a_hook_after_a_change_in_place():
    a = _leaf(1.0, 2.0)
    b = a.clone()
    b.register_hook(lambda g: print("before", g))
    b.mul_(5)
    b.register_hook(lambda g: print("after", g))
    b.sum().backward()


def post_accumulate_hook_as_an_optimizer():
    v = _leaf(0.0, 0.0, 0.0)

    def step(p):
        p.data -= 0.1 * p.grad
        p.grad = None

    handle = v.register_post_accumulate_grad_hook(step)
    v.backward(torch.tensor([1.0, 2.0, 3.0]))
    print(v, v.grad)
    handle.remove()
    try:
        v.clone().register_post_accumulate_grad_hook(step)
    except RuntimeError as error:
        print(str(error)[:67])


def saved_tensors_are_packed():
    def pack(x):
        print("Packing", x)
        return x.detach()

    def unpack(x):
        print("Unpacking", x)
        return x

    a = torch.ones(5, requires_grad=True)
    b = torch.ones(5, requires_grad=True) * 2
    with graph.saved_tensors_hooks(pack, unpack):
        y = a * b
    y.sum().backward()
    print(a.grad)


def saved_tensors_of_a_node():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.pow(2)
    print(torch.equal(x, y.grad_fn._saved_self), x is y.grad_fn._saved_self)
    z = x.exp()
    print(torch.equal(z, z.grad_fn._saved_result), z is z.grad_fn._saved_result)
    y.grad_fn._raw_saved_self.register_hooks(lambda t: t.detach() * 10, lambda t: t)
    y.sum().backward()
    print(x.grad)


def saved_tensors_go_to_disk():
    folder = tempfile.TemporaryDirectory()

    def pack(tensor):
        name = os.path.join(folder.name, str(uuid.uuid4()))
        torch.save(tensor, name)
        return name

    x = torch.linspace(-1, 1, 4, requires_grad=True)
    with graph.saved_tensors_hooks(pack, torch.load):
        y = (x * x).exp().sum()
    print(len(os.listdir(folder.name)))
    y.backward()
    print(x.grad)
    folder.cleanup()


def saved_tensors_only_large_ones():
    seen = []

    def pack(x):
        if x.numel() < 100:
            return x.detach()
        seen.append(tuple(x.shape))
        return x.detach().half()

    def unpack(x):
        return x.float()

    w = torch.full((20, 20), 0.5, requires_grad=True)
    v = torch.ones(3, requires_grad=True)
    with graph.saved_tensors_hooks(pack, unpack):
        y = w.sin().sum() + v.sin().sum()
    y.backward()
    print(seen, w.grad[0, 0], v.grad)


def save_on_cpu_keeps_values():
    a, b, c = torch.randn(5, requires_grad=True), torch.randn(5), torch.randn(5)
    first = a * b
    with graph.save_on_cpu():
        second = first * c
    (second * a).sum().backward()
    print(torch.allclose(a.grad, 2 * a * b * c), a.grad)
    with graph.save_on_cpu(pin_memory=False):
        print((a * a).sum())


def save_on_cpu_of_a_module():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.randn(5))

        def forward(self, x):
            with torch.autograd.graph.save_on_cpu(pin_memory=False):
                return self.w * x

    model, x = Model(), torch.randn(5)
    model(x).sum().backward()
    print(torch.equal(model.w.grad, x))


def saved_tensors_hooks_can_be_disabled():
    with graph.disable_saved_tensors_hooks("saved tensors default hooks are disabled"):
        try:
            with graph.save_on_cpu():
                pass
        except RuntimeError as error:
            print(error)
    with graph.save_on_cpu():
        print("again")


def hooks_of_several_tensors():
    a, b = torch.rand(2, 3, requires_grad=True), torch.rand(2, 3, requires_grad=True)
    c, d = a * b, a * b
    handle = graph.register_multi_grad_hook(
        (a, b, c, d), lambda grads: print([g is not None for g in grads])
    )
    c.sum().backward(retain_graph=True)
    c.sum().backward(inputs=(a,), retain_graph=True)
    (c + d).sum().backward(retain_graph=True)
    handle.remove()
    c.sum().backward()
    print("silent")


def hooks_of_any_of_several_tensors():
    a, b = _leaf(1.0, 2.0), _leaf(3.0, 4.0)
    c = a * b
    graph.register_multi_grad_hook((a, b, c), lambda g: print(g), mode="any")
    c.sum().backward(retain_graph=True)
    c.sum().backward()


def mutation_of_saved_tensors():
    with graph.allow_mutation_on_saved_tensors():
        a = torch.ones(2, 3, requires_grad=True)
        b = a.clone()
        out = (b**2).sum()
        print(b.sin_())
        out.backward()
        print(a.grad)


def mutation_is_refused_otherwise():
    a = torch.ones(2, 3, requires_grad=True)
    b = a.clone()
    out = (b**2).sum()
    b.sin_()
    try:
        out.backward()
    except RuntimeError as error:
        print(str(error)[:91])
    c = torch.ones(2)
    graph.increment_version(c)
    print(c._version)
    graph.increment_version([c, c])
    print(c._version)


def hooks_of_modules():
    layer = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.5)
    layer.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    layer.register_forward_hook(lambda m, args, out: print("out", out))
    layer.register_full_backward_pre_hook(lambda m, g: print("pre", g))
    layer.register_full_backward_hook(lambda m, gi, go: print("full", gi, go))
    x = torch.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    print(x.grad, layer.weight.grad)


def gradients_are_clipped_by_hooks():
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    for p in model.parameters():
        p.register_hook(lambda grad: torch.clamp(grad, -0.05, 0.05))
    model(torch.randn(4, 3)).sum().backward()
    print([round(p.grad.abs().max().item(), 4) for p in model.parameters()])


def retain_grad_of_what_is_no_leaf():
    x = _leaf(1.0, 2.0)
    h = x * 2
    h.retain_grad()
    (h**2).sum().backward()
    print(h.grad, h.retains_grad, x.retains_grad)
