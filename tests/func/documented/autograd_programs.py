"""torch.autograd: backward, grad, grad modes, anomaly mode, gradcheck."""

import torch
from torch import autograd


def backward_of_several_roots():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y, z = x * x, x.sin()
    autograd.backward([y, z], [torch.ones(3), torch.tensor([1.0, 0.0, -1.0])])
    print(x.grad)


def backward_accumulates():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    for _ in range(3):
        (x**3).sum().backward()
        print(x.grad)
    x.grad = None
    (x**3).sum().backward()
    print(x.grad)


def backward_into_chosen_inputs():
    a = torch.tensor(2.0, requires_grad=True)
    b = torch.tensor(3.0, requires_grad=True)
    (a * b).backward(inputs=[a])
    print(a.grad, b.grad)


def backward_with_create_graph():
    x = torch.tensor(2.0, requires_grad=True)
    (x**4).backward(create_graph=True)
    first = x.grad
    print(first.item(), first.requires_grad)
    (second,) = autograd.grad(first, x)
    print(second)
    x.grad = None


def backward_twice_needs_retain_graph():
    x = torch.tensor(2.0, requires_grad=True)
    y = x.exp()
    y.backward(retain_graph=True)
    y.backward()
    print(x.grad)
    try:
        y.backward()
    except RuntimeError as error:
        print(str(error).split(" (")[0])


def backward_of_a_vector_needs_a_gradient():
    x = torch.ones(2, requires_grad=True)
    try:
        (x * 2).backward()
    except RuntimeError as error:
        print(str(error)[:54])
    (x * 2).backward(torch.tensor([1.0, 0.5]))
    print(x.grad)


def grad_of_several_outputs():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    y = w * x
    print(autograd.grad((y, y.sum()), (x, w), (torch.ones(2), None)))


def grad_of_unused_inputs():
    x, unused = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    y = (x * x).sum()
    print(autograd.grad(y, (x, unused), allow_unused=True, retain_graph=True))
    print(autograd.grad(y, (x, unused), materialize_grads=True, retain_graph=True))
    try:
        autograd.grad(y, unused)
    except RuntimeError as error:
        print("Set allow_unused=True if this is the desired behavior." in str(error))


def grad_of_a_batch_of_cotangents():
    x = torch.tensor([0.5, 1.0, 1.5], requires_grad=True)
    y = x.exp() * x.sum()
    (rows,) = autograd.grad(y, x, torch.eye(3), is_grads_batched=True, retain_graph=True)
    print(rows)
    one_by_one = [autograd.grad(y, x, e, retain_graph=True)[0] for e in torch.eye(3)]
    print(torch.allclose(rows, torch.stack(one_by_one)))


def grad_of_third_order():
    x = torch.tensor(0.7, requires_grad=True)
    y = x.sin()
    for _ in range(3):
        (y,) = autograd.grad(y, x, create_graph=True)
        print(y)


def grad_at_an_edge():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    edge = autograd.graph.get_gradient_edge(h)
    print(edge.node.name(), edge.output_nr)
    loss = (h**2).sum()
    del h
    print(autograd.grad(loss, edge, retain_graph=True))
    print(autograd.grad(loss, [edge, x]))
    leaf = autograd.graph.get_gradient_edge(x)
    print(type(leaf.node).__name__, leaf.output_nr)


def backward_from_an_edge():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    edge = autograd.graph.get_gradient_edge(x.exp())
    autograd.backward(edge, torch.ones(2))
    print(x.grad)


def no_grad_and_enable_grad():
    x = torch.tensor([1.0], requires_grad=True)
    with torch.no_grad():
        print((x * 2).requires_grad)
        with torch.enable_grad():
            y = x * 2
        print(y.requires_grad, torch.nn.Parameter(torch.rand(3)).requires_grad)
    y.backward()
    print(x.grad)

    @torch.no_grad()
    def doubler(x):
        return x * 2

    @torch.no_grad
    def tripler(x):
        return x * 3

    @torch.enable_grad()
    def quadrupler(x):
        return x * 4

    print(doubler(x).requires_grad, tripler(x).requires_grad)
    with torch.no_grad():
        print(quadrupler(x).requires_grad)


def set_grad_enabled_as_a_switch():
    x = torch.tensor([1.0], requires_grad=True)
    for on in (False, True):
        with torch.set_grad_enabled(on):
            print((x * 2).requires_grad, torch.is_grad_enabled())
    try:
        torch.set_grad_enabled(False)
        print((x * 2).requires_grad)
    finally:
        torch.set_grad_enabled(True)
    print((x * 2).requires_grad)


def inference_mode_of_blocks_and_functions():
    x = torch.ones(1, 2, 3, requires_grad=True)
    with torch.inference_mode():
        y = x * x
        print(torch.is_inference_mode_enabled(), y.is_inference())
    print(y.requires_grad)

    @torch.inference_mode()
    def doubler(x):
        return x * 2

    print(doubler(x).requires_grad)
    try:
        x * y
        print("computed")
        (x * y).sum().backward()
    except RuntimeError as error:
        print(str(error)[:47])


def multithreading_is_a_switch():
    x = torch.ones(2, requires_grad=True)
    with autograd.set_multithreading_enabled(False):
        (x * 3).sum().backward()
    print(x.grad)


class _Failing(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, ct):
        raise RuntimeError("Some error in backward")


def detect_anomaly_of_an_error():
    x = torch.rand(4, 4, requires_grad=True)
    for check in (False, True):
        try:
            with autograd.set_detect_anomaly(check):
                _Failing.apply(x).sum().backward()
        except RuntimeError as error:
            print(str(error).splitlines()[0])
    print(torch.is_anomaly_enabled())


def detect_anomaly_of_a_nan():
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    y = x.sqrt() * 0
    y.sum().backward(retain_graph=True)
    print(x.grad)
    try:
        with autograd.detect_anomaly():
            z = x.sqrt() * 0
            z.sum().backward()
    except RuntimeError as error:
        print(str(error)[:63])
    with autograd.detect_anomaly(check_nan=False):
        x.grad = None
        (x.sqrt() * 0).sum().backward()
        print(x.grad)


def _double(*shape):
    return torch.rand(*shape, dtype=torch.float64, requires_grad=True)


def gradcheck_in_every_way():
    def f(x, y):
        return (x @ y).tanh(), x.sum(0) * 2

    inputs = (_double(2, 3), _double(3, 2))
    everything = {
        "check_forward_ad": True,
        "check_batched_grad": True,
        "check_batched_forward_grad": True,
    }
    print(autograd.gradcheck(f, inputs))
    print(autograd.gradcheck(f, inputs, **everything))
    print(autograd.gradcheck(f, inputs, fast_mode=True, check_forward_ad=True))
    print(autograd.gradcheck(f, inputs, check_backward_ad=False, check_forward_ad=True))
    print(autograd.gradgradcheck(f, inputs))
    print(autograd.gradgradcheck(f, inputs, check_fwd_over_rev=True, check_batched_grad=True))
    print(
        autograd.gradgradcheck(
            f, inputs, check_fwd_over_rev=True, check_rev_over_rev=False, check_undefined_grad=False
        )
    )
    print(autograd.gradgradcheck(f, inputs, fast_mode=True, check_fwd_over_rev=True))


def gradcheck_of_complex_functions():
    z = torch.randn(3, dtype=torch.complex128, requires_grad=True)
    both = {"check_forward_ad": True, "check_batched_grad": True}
    print(autograd.gradcheck(lambda z: z * z.conj() + z.exp(), z, **both))
    print(autograd.gradcheck(lambda z: z.abs() ** 2, z, **both))
    print(autograd.gradcheck(torch.view_as_real, z, **both))
    print(autograd.gradgradcheck(lambda z: z * z, z, check_fwd_over_rev=True))


class _WrongBackward(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, ct):
        (x,) = ctx.saved_tensors
        return 3 * ct * x


class _WrongForward(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return x**2

    @staticmethod
    def jvp(ctx, x_t):
        (x,) = ctx.saved_tensors
        return 3 * x * x_t

    @staticmethod
    def backward(ctx, ct):
        (x,) = ctx.saved_tensors
        return 2 * ct * x


def gradcheck_finds_what_is_wrong():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    for mode in (False, True):
        try:
            autograd.gradcheck(_WrongBackward.apply, x, fast_mode=mode)
        except RuntimeError as error:
            print(type(error).__name__, str(error).splitlines()[0])
        print(autograd.gradcheck(_WrongBackward.apply, x, raise_exception=False, fast_mode=mode))


def gradcheck_finds_a_wrong_jvp():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    print(autograd.gradcheck(_WrongForward.apply, x))
    for mode in (False, True):
        try:
            autograd.gradcheck(_WrongForward.apply, x, check_forward_ad=True, fast_mode=mode)
        except RuntimeError as error:
            print(type(error).__name__, str(error).splitlines()[0])


def gradcheck_by_its_module():
    from torch.autograd.gradcheck import GradcheckError, gradcheck

    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    try:
        gradcheck(_WrongBackward.apply, x)
    except GradcheckError as error:
        print(issubclass(GradcheckError, RuntimeError), str(error).splitlines()[0])
    for check, options in (
        (autograd.gradcheck, {"check_batched_forward_grad": True}),
        (autograd.gradgradcheck, {"check_rev_over_rev": False, "check_fwd_over_rev": True}),
    ):
        try:
            check(torch.sin, x, **options)
        except AssertionError as error:
            print(error)


def hooks_and_gradients_inside_of_backward():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x**2

    def inner(ct):
        with torch.enable_grad():
            print(torch.autograd.grad((x**3).sum(), x)[0])

    y.register_hook(inner)
    y.sum().backward()
    print(x.grad)


def gradients_of_another_dtype():
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    print(x.grad_dtype)
    y = (x * 2).sum()
    x.grad_dtype = torch.float32
    x.register_hook(lambda grad: print("hook", grad.dtype))
    y.backward()
    (x * 3).sum().backward()
    print(x.grad, torch.autograd.grad(x.sum(), x)[0].dtype)
    x.grad = None
    x.grad_dtype = None
    x.grad = torch.ones(2, dtype=torch.float16)
    print(x.grad_dtype, x.grad)
    for call in (lambda: (x * 2).grad_dtype, lambda: setattr(x, "grad_dtype", torch.float64)):
        try:
            call()
        except RuntimeError as error:
            print(str(error)[:22])


def layouts_of_gradients():
    x = torch.empty(2, 3, 4).permute(2, 0, 1).requires_grad_()
    (x * torch.ones(4, 2, 3)).sum().backward()
    print(x.grad.stride() == x.stride())
    w = torch.ones(4, 3, requires_grad=True)
    (torch.ones(5, 3) @ w.t()).exp().sum().backward()
    print(w.grad.stride(), w.grad.view(-1).shape)
    sparse = torch.ones(4, 6)[:, ::2].detach().requires_grad_()
    (sparse * 2).sum().backward()
    print(sparse.stride(), sparse.grad.stride())
    x.grad = None
    with torch.autograd.enforce_grad_layout_policy(False):
        (x.exp() * 2).sum().backward()
    print(x.grad.shape)


def inference_tensors_count_no_versions():
    with torch.inference_mode():
        x = torch.ones(2)
    for call in (lambda: x._version, lambda: x.view(1, 2)._version, lambda: x.clone().dim()):
        try:
            print(call())
        except RuntimeError as error:
            print(str(error)[:46])
    print(torch.ones(2, requires_grad=True).mul(x.clone()).sum())


def where_new_tensors_go():
    torch.set_default_device("cpu")
    print(torch.get_default_device(), torch.accelerator.is_available())
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"
    with torch.device(device):
        print(torch.ones(2).device)
    torch.set_default_device(None)
    with torch.backends.cudnn.flags(benchmark=True):
        print(torch.backends.cudnn.benchmark)
    print(torch.backends.cudnn.benchmark)
