"""torch.autograd.Function: both forms, its context, and the rules for forward mode and vmap."""

import numpy as np
import torch
import torch.autograd.forward_ad as fwAD
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap


class _Exp(Function):
    @staticmethod
    def forward(ctx, i):
        result = i.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, ct):
        (result,) = ctx.saved_tensors
        return ct * result


def the_first_example():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    y = _Exp.apply(x)
    print(y)
    y.sum().backward()
    print(x.grad)


class _Mixed(Function):
    @staticmethod
    def forward(ctx, x, y, z):
        w = x * z
        out = x * y + y * z + w * y
        ctx.save_for_backward(x, y, w, out)
        ctx.z = z
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, ct):
        x, y, w, _out = ctx.saved_tensors
        return ct * (y + y * ctx.z), ct * (x + ctx.z + w), None


def saved_values_and_plain_arguments():
    a = torch.tensor(1.0, requires_grad=True, dtype=torch.double)
    b = torch.tensor(2.0, requires_grad=True, dtype=torch.double)
    d = _Mixed.apply(a, b, 4)
    d.backward()
    print(d, a.grad, b.grad)


def once_differentiable_refuses_more():
    a = torch.tensor(1.0, requires_grad=True)
    (first,) = torch.autograd.grad(_Mixed.apply(a, a, 4), a, create_graph=True)
    try:
        first.backward()
    except RuntimeError as error:
        print(str(error)[:70])


class _Product(Function):
    @staticmethod
    def forward(ctx, x, y, z):
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)
        ctx.z = z
        return x * y * z

    @staticmethod
    def jvp(ctx, x_t, y_t, _):
        x, y = ctx.saved_tensors
        x_t = torch.zeros_like(x) if x_t is None else x_t
        y_t = torch.zeros_like(y) if y_t is None else y_t
        return ctx.z * (y * x_t + x * y_t)

    @staticmethod
    def vjp(ctx, ct):
        x, y = ctx.saved_tensors
        return ctx.z * ct * y, ctx.z * ct * x, None


def forward_mode_of_a_function():
    a = torch.tensor(1.0, requires_grad=True, dtype=torch.double)
    b = torch.tensor(2.0, requires_grad=True, dtype=torch.double)
    with fwAD.dual_level():
        d = _Product.apply(fwAD.make_dual(a, torch.tensor(1.0, dtype=torch.double)), b, 4)
        print(fwAD.unpack_dual(d).tangent.detach())
    print(torch.autograd.grad(_Product.apply(a, b, 4), (a, b)))


class _InPlace(Function):
    @staticmethod
    def forward(ctx, x):
        values = x.numpy()
        values += 1
        ctx.mark_dirty(x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, ct):
        return ct


def dirty_inputs():
    a = torch.tensor(1.0, requires_grad=True, dtype=torch.double).clone()
    b = a * a
    print(_InPlace.apply(a))
    try:
        b.backward()
    except RuntimeError as error:
        print(str(error)[:91])


class _Sort(Function):
    @staticmethod
    def forward(ctx, x):
        values, idx = x.sort()
        ctx.mark_non_differentiable(idx)
        ctx.save_for_backward(x, idx)
        return values, idx

    @staticmethod
    @once_differentiable
    def backward(ctx, ct, _):
        x, idx = ctx.saved_tensors
        found = torch.zeros_like(x)
        found.index_add_(0, idx, ct)
        return found


def outputs_without_derivative():
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    values, idx = _Sort.apply(x)
    print(values, idx, idx.requires_grad)
    (values * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    print(x.grad)


class _Twice(Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone(), x.clone()

    @staticmethod
    def backward(ctx, first, second):
        print(first, second)
        return first + second


class _TwiceOrNone(_Twice):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x.clone(), x.clone()

    @staticmethod
    def backward(ctx, first, second):
        print(first, second)
        return sum(g for g in (first, second) if g is not None)


def missing_cotangents():
    for kind in (_Twice, _TwiceOrNone):
        a = torch.tensor(1.0, requires_grad=True)
        b, _ = kind.apply(a)
        b.backward()
        print(a.grad)


def inputs_that_need_gradients():
    class Seen(Function):
        @staticmethod
        def forward(ctx, x, y, flag):
            print(ctx.needs_input_grad)
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, ct):
            x, y = ctx.saved_tensors
            by_x, by_y, _ = ctx.needs_input_grad
            return ct * y if by_x else None, ct * x if by_y else None, None

    x, y = torch.ones(2, requires_grad=True), torch.full((2,), 3.0)
    Seen.apply(x, y, True).sum().backward()
    print(x.grad, y.grad)


def _to_numpy(tensor):
    return tensor.detach().cpu().numpy()


class NumpySort(Function):
    @staticmethod
    def forward(x, dim):
        array = _to_numpy(x)
        ind = np.argsort(array, axis=dim)
        ind_inv = np.argsort(ind, axis=dim)
        result = np.take_along_axis(array, ind, axis=dim)
        return tuple(torch.tensor(a) for a in (result, ind, ind_inv))

    @staticmethod
    def setup_context(ctx, inputs, output):
        _x, dim = inputs
        _, ind, ind_inv = output
        ctx.mark_non_differentiable(ind, ind_inv)
        ctx.save_for_backward(ind, ind_inv)
        ctx.dim = dim

    @staticmethod
    def backward(ctx, ct, _0, _1):
        ind, ind_inv = ctx.saved_tensors
        return NumpyTake.apply(ct, ind_inv, ind, ctx.dim), None

    @staticmethod
    def vmap(info, in_dims, x, dim):
        x = x.movedim(in_dims[0], 0)
        return NumpySort.apply(x, dim if dim >= 0 else dim + x.dim()), (0, 0, 0)


class NumpyTake(Function):
    @staticmethod
    def forward(x, ind, ind_inv, dim):
        return torch.tensor(np.take_along_axis(_to_numpy(x), _to_numpy(ind), dim))

    @staticmethod
    def setup_context(ctx, inputs, output):
        _x, ind, ind_inv, dim = inputs
        ctx.save_for_backward(ind, ind_inv)
        ctx.dim = dim

    @staticmethod
    def backward(ctx, ct):
        ind, ind_inv = ctx.saved_tensors
        return NumpyTake.apply(ct, ind_inv, ind, ctx.dim), None, None, None

    @staticmethod
    def vmap(info, in_dims, x, ind, ind_inv, dim):
        # The example dimension is the last here; `dim` is one of a single example.
        def placed(t, at):
            return (
                t.unsqueeze(-1).expand(*t.shape, info.batch_size)
                if at is None
                else t.movedim(at, -1)
            )

        rank = x.dim() - (in_dims[0] is not None)
        wrapped = dim % rank
        x, ind, ind_inv = (placed(t, at) for t, at in zip((x, ind, ind_inv), in_dims, strict=False))
        return NumpyTake.apply(x, ind, ind_inv, wrapped), x.dim() - 1


def numpy_sort_under_grad():
    x = torch.randn(2, 3)
    print(grad(lambda x: (NumpySort.apply(x, 1)[0] * torch.arange(6.0).reshape(2, 3)).sum())(x))
    y = torch.randn(4, requires_grad=True)
    values, order, _ = NumpySort.apply(y, 0)
    (values * torch.arange(4.0)).sum().backward()
    print(order, y.grad)


def numpy_sort_under_vmap():
    x = torch.randn(3, 4)
    values, order, inverse = vmap(lambda row: NumpySort.apply(row, 0))(x)
    print(order, inverse)
    print(torch.equal(values, x.sort(1).values))


class MyCube(Function):
    @staticmethod
    def forward(x):
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        _result, dx = output
        ctx.save_for_backward(x, dx)

    @staticmethod
    def backward(ctx, ct, ct_dx):
        x, dx = ctx.saved_tensors
        return ct * dx + ct_dx * 6 * x


def cube_with_its_intermediate_as_output():
    def my_cube(x):
        result, _ = MyCube.apply(x)
        return result

    x = torch.tensor(2.0)
    print(my_cube(x), grad(my_cube)(x), grad(grad(my_cube))(x))
    print(
        torch.autograd.gradgradcheck(my_cube, torch.rand(3, dtype=torch.double, requires_grad=True))
    )


class GeneratedCube(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output[1])
        ctx.save_for_forward(inputs[0], output[1])

    @staticmethod
    def backward(ctx, ct, ct_dx):
        x, dx = ctx.saved_tensors
        return ct * dx + ct_dx * 6 * x

    @staticmethod
    def jvp(ctx, tangent):
        x, dx = ctx.saved_tensors
        return dx * tangent, 6 * x * tangent


def generated_rule_under_vmap():
    x = torch.tensor([1.0, 2.0, 3.0])
    print(vmap(lambda x: GeneratedCube.apply(x)[0])(x))
    print(vmap(grad(lambda x: GeneratedCube.apply(x)[0]))(x))
    print(jacrev(lambda x: GeneratedCube.apply(x)[0])(x))


def generated_rule_in_forward_mode():
    x = torch.tensor([1.0, 2.0, 3.0])
    print(jvp(lambda x: GeneratedCube.apply(x)[0], (x,), (torch.ones(3),)))
    print(jacfwd(lambda x: GeneratedCube.apply(x)[0])(x))


class NumpyMul(Function):
    @staticmethod
    def forward(x, y):
        return torch.tensor(_to_numpy(x) * _to_numpy(y))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, ct):
        x, y = ctx.saved_tensors
        gx = NumpyMul.apply(ct, y) if ctx.needs_input_grad[0] else None
        gy = NumpyMul.apply(ct, x) if ctx.needs_input_grad[1] else None
        return gx, gy

    @staticmethod
    def vmap(info, in_dims, x, y):
        dims = [None if at is None else t.movedim(at, -1) for t, at in zip((x, y), in_dims)]
        x = x.unsqueeze(-1) if dims[0] is None else dims[0]
        y = y.unsqueeze(-1) if dims[1] is None else dims[1]
        result = NumpyMul.apply(x, y)
        return result.movedim(-1, 0), 0

    @staticmethod
    def jvp(ctx, x_t, y_t):
        x, y = ctx.saved_tensors
        return x_t * y + y_t * x


def a_rule_of_ones_own():
    x, y = torch.randn(3, 2), torch.randn(2)
    print(vmap(NumpyMul.apply, in_dims=(0, None))(x, y))
    print(vmap(NumpyMul.apply, in_dims=(1, 0), out_dims=1)(x, y))
    print(vmap(grad(lambda x, y: NumpyMul.apply(x, y).sum()), in_dims=(0, None))(x, y))
    out, pull = vjp(NumpyMul.apply, y, y + 1)
    print(out, pull(torch.ones(2)))


def a_rule_of_ones_own_in_forward_mode():
    x, y = torch.randn(2), torch.randn(2)
    print(jvp(NumpyMul.apply, (x, y), (torch.ones(2), torch.zeros(2))))


def functions_with_info():
    seen = []

    class Seen(Function):
        @staticmethod
        def forward(x, k):
            return x * k

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def vmap(info, in_dims, x, k):
            seen.append((info.batch_size, info.randomness, in_dims[1]))
            return Seen.apply(x, k), in_dims[0]

    print(vmap(lambda x: Seen.apply(x, 2.0), in_dims=1, randomness="same")(torch.ones(2, 3)), seen)


def functions_without_a_rule_are_refused():
    class Plain(Function):
        @staticmethod
        def forward(x):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, ct):
            return ct * 2

    for attempt in (
        lambda: vmap(Plain.apply)(torch.ones(2)),
        lambda: vmap(_Exp.apply)(torch.ones(2)),
        lambda: jvp(Plain.apply, (torch.ones(2),), (torch.ones(2),)),
    ):
        try:
            attempt()
            print("computed")
        except (RuntimeError, NotImplementedError) as error:
            print("refused", type(error).__name__)


def hessian_of_a_function():
    x = torch.tensor([1.0, 2.0])

    def f(x):
        return GeneratedCube.apply(x)[0].sum()

    print(jacrev(jacrev(f))(x))
    print(hessian(f)(x))
