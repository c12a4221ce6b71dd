"""torch.func.vmap: dimensions, structures, randomness, chunks, nesting, and what it refuses."""

import torch
from torch.func import vmap


def dot_products():
    batched = vmap(torch.dot)
    x, y = torch.randn(2, 5), torch.randn(2, 5)
    print(batched(x, y))
    print(vmap(torch.dot, in_dims=1)(x, y))
    print(vmap(torch.dot, in_dims=(0, None))(x, y[0]))
    print(vmap(torch.dot, in_dims=(-1, 1))(x, y))


def a_model_of_one_example():
    weights = torch.randn(5, requires_grad=True)
    result = vmap(lambda features: features.dot(weights).relu())(torch.randn(3, 5))
    print(result.detach())
    result.sum().backward()
    print(weights.grad)


def rows_of_a_jacobian():
    x = torch.randn(5, requires_grad=True)
    y = x**2
    units = torch.eye(5)
    rows = torch.stack([torch.autograd.grad(y, x, v, retain_graph=True)[0] for v in units])
    (batched,) = vmap(lambda v: torch.autograd.grad(y, x, v))(units)
    print(torch.equal(rows, batched), batched.diagonal())


def nested_maps():
    x, y = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    print(vmap(vmap(torch.dot))(x, y))
    print(
        vmap(vmap(lambda a, b: a * b, (0, None)), (None, 0))(torch.arange(3.0), torch.arange(2.0))
    )


def structures_in_and_out():
    f = lambda d: torch.dot(d["x"], d["y"])  # noqa: E731
    x, y = torch.randn(2, 5), torch.randn(5)
    print(vmap(f, in_dims=({"x": 0, "y": None},))({"x": x, "y": y}))
    found = vmap(lambda pair: {"sum": pair[0] + pair[1], "one": [pair[0]]})((x, x))
    print(found["sum"].shape, type(found["one"]).__name__)


def outputs_along_other_dimensions():
    x = torch.randn(2, 5)
    print(vmap(lambda x: x**2, out_dims=1)(x))
    first, second = vmap(lambda x: (x, x.sum()), out_dims=(1, 0))(x)
    print(first.shape, second.shape)
    print(vmap(lambda x: torch.ones(()), out_dims=None)(x))


def keyword_arguments_are_not_mapped():
    def scaled(x, scale=4.0):
        return x * scale

    x = torch.randn(2, 5)
    print(torch.allclose(vmap(scaled)(x), x * 4))
    print(vmap(scaled)(x, scale=x).shape)


def randomness_of_three_kinds():
    x = torch.zeros(3)
    for kind in ("different", "same"):
        found = vmap(lambda x: x + torch.rand(()), randomness=kind)(x)
        print(kind, len(set(found.tolist())))
        dropped = vmap(lambda x: torch.nn.functional.dropout(x + 1, 0.5), randomness=kind)(
            torch.zeros(4, 64)
        )
        print(torch.equal(dropped[0], dropped[1]))
    try:
        vmap(lambda x: x + torch.rand(()))(x)
    except RuntimeError as error:
        print(str(error)[:37])


def chunks_bound_memory():
    x = torch.randn(7, 3)
    seen = []

    def f(x):
        seen.append(tuple(x.shape))
        return x.sin(), x.sum()

    whole, parts = vmap(f)(x), vmap(f, chunk_size=3)(x)
    print(len(seen), [torch.equal(a, b) for a, b in zip(whole, parts)])


def in_place_on_one_example():
    def f(x, y):
        z = torch.zeros_like(x)
        z[0] = y
        z[1:] += x[1:] * 2
        return z.clamp_(max=3)

    print(vmap(f)(torch.arange(6.0).reshape(2, 3), torch.tensor([10.0, -1.0])))


def linear_algebra_and_indexing():
    a = torch.randn(3, 2, 2) + 3 * torch.eye(2)
    print(torch.allclose(vmap(torch.linalg.inv)(a) @ a, torch.eye(2).expand(3, 2, 2), atol=1e-6))
    print(vmap(torch.linalg.det)(a))
    idx = torch.tensor([[0, 1], [1, 1], [1, 0]])
    print(vmap(lambda m, i: m[i].sum(1))(a, idx))
    print(vmap(lambda row: torch.where(row > 0, row, -row))(torch.randn(2, 3)))
    print(vmap(lambda row: row.softmax(-1).argmax(-1))(torch.randn(2, 3)))


def what_is_refused():
    x = torch.randn(2, 3)
    for attempt in (
        lambda: vmap(lambda x: x.item())(torch.ones(2)),
        lambda: vmap(lambda x: x if x.sum() > 0 else -x)(x),
        lambda: vmap(torch.sin, in_dims=2)(x),
        lambda: vmap(torch.add)(x, torch.ones(3)),
        lambda: vmap(lambda x: 3)(x),
        lambda: vmap(torch.sin, in_dims=(0, 0))(x),
        lambda: vmap(torch.sin, in_dims=None)(x),
    ):
        try:
            attempt()
        except (RuntimeError, ValueError) as error:
            print(type(error).__name__, str(error).split(",")[0][:40])


def losses_and_layers_of_one_example():
    x = torch.randn(3, 2, 6, 6)
    for layer in (
        torch.nn.Conv2d(2, 3, 3, stride=2, padding=1),
        torch.nn.ConvTranspose2d(2, 1, 2),
        torch.nn.AvgPool2d(2),
        torch.nn.MaxPool2d(3, 2),
        torch.nn.Upsample(scale_factor=2),
        torch.nn.LayerNorm(6),
    ):
        found = vmap(lambda x: layer(x.unsqueeze(0)).squeeze(0))(x)  # noqa: B023 - used at once
        print(type(layer).__name__, torch.allclose(found, layer(x), atol=1e-5))
    logits, labels = torch.randn(4, 5), torch.tensor([0, 2, 4, 1])
    print(vmap(torch.nn.functional.cross_entropy)(logits, labels))
    print(
        vmap(lambda a, b: torch.nn.functional.kl_div(a, b, reduction="sum"))(logits, logits.exp())
    )
    table = torch.nn.Embedding(5, 2)
    print(vmap(table)(labels).detach())


def loops_that_depend_on_shapes_only():
    def power_iteration(m):
        v = torch.ones(m.shape[-1])
        for _ in range(8):
            v = m @ v
            v = v / v.norm()
        return v @ m @ v

    m = torch.randn(3, 4, 4)
    m = m @ m.mT
    print(vmap(power_iteration)(m))
    print(torch.stack([power_iteration(each) for each in m]))


def outer_products_and_pairwise_distances():
    x, y = torch.randn(3, 2), torch.randn(4, 2)
    outer = vmap(vmap(torch.outer, (None, 0)), (0, None))(x, y)
    distances = vmap(vmap(lambda a, b: (a - b).norm(), (None, 0)), (0, None))(x, y)
    print(outer.shape, torch.allclose(distances, torch.cdist(x, y), atol=1e-5))
    print(vmap(lambda row: row.sort().values.cumsum(0))(x))
    print(vmap(lambda row: torch.cat([row, row.flip(0)]).unfold(0, 2, 1))(x).shape)
    print(vmap(lambda row: torch.einsum("i,j->ij", row, row).diagonal().prod())(x))


def places_counts_and_ranks():
    rows, values = torch.randn(3, 5).sort(-1).values, torch.randn(3, 4)
    nan = torch.tensor([1.0, 2.0, float("nan")])
    for right in (False, True):
        print(vmap(lambda r, v, right=right: torch.searchsorted(r, v, right=right))(rows, values))
        print(vmap(lambda r, right=right: torch.searchsorted(r, values, right=right))(rows)[0])
        print(vmap(lambda v, right=right: torch.bucketize(v, rows[1], right=right))(values))
        print(torch.searchsorted(nan, torch.tensor([0.0, 2.0, 3.0]), right=right))
    unsorted = torch.randn(3, 5)
    order = unsorted.argsort(-1)
    print(vmap(lambda u, o: torch.searchsorted(u, values[0], sorter=o))(unsorted, order))
    print(vmap(lambda r: torch.histc(r, 4))(unsorted), torch.histc(torch.arange(4.0) / 5, 3))
    print(vmap(lambda r: torch.histc(r, 3, min=-1, max=1))(unsorted))
    whole = torch.tensor([[1, 2, 2], [4, 0, 1]])
    print(vmap(lambda r: torch.isin(r, torch.tensor([2, 4])))(whole))
    print(
        vmap(torch.isin)(whole, whole.flip(0)),
        vmap(lambda r: torch.bincount(r, minlength=5))(whole),
    )
    print(vmap(lambda r: torch.stack(torch.unravel_index(r, (2, 3))))(whole))
    matrices = torch.randn(3, 4, 2)
    matrices[1, :, 1] = matrices[1, :, 0]
    print(vmap(torch.linalg.matrix_rank)(matrices))
    limits = torch.tensor([0.1, 5.0, 0.2])
    print(vmap(lambda m, a: torch.linalg.matrix_rank(m, atol=a))(matrices, limits))
    print(vmap(lambda m, a: torch.linalg.pinv(m, rtol=a))(matrices, limits / 10))
    right = torch.randn(3, 4, 2)
    print(vmap(lambda m, b: torch.linalg.lstsq(m, b).solution)(matrices[::2], right[::2]))


def medians_and_blocks():
    x = torch.randn(3, 2, 3)
    y = x.clone()
    y[1, 0, 1] = float("nan")
    print(vmap(torch.median)(y), vmap(torch.nanmedian)(y), vmap(vmap(torch.median))(y))
    print(vmap(torch.func.grad(torch.median))(torch.tensor([[1.0, 1.0, 5.0], [2.0, 3.0, 4.0]])))
    print(torch.func.jvp(vmap(torch.nanmedian), (x,), (2 * x,)))
    print(vmap(torch.block_diag)(x, x[:, :1]).sum(-1))
    print(vmap(lambda a: a.as_strided((2, 2), (1, 3), 1))(x))
    mask = x > 0
    print(vmap(lambda a, m: a.masked_scatter(m, torch.arange(6.0)))(x, mask))
    print(vmap(lambda a: torch.softmax(a, 0) + a.sum(0) + a.cumsum(-1))(torch.randn(3)))


def chunks_that_share_random_numbers():
    zeros = torch.zeros(5)
    same = vmap(lambda x: x + torch.rand(2), randomness="same", chunk_size=2)(zeros)
    print(same, torch.rand(1))
    print(vmap(lambda x: x + torch.rand(2), randomness="different", chunk_size=2)(zeros))


def tables_with_a_padding_row():
    tables, rows = torch.randn(2, 4, 2), torch.tensor([[0, 1, 1], [3, 1, 2]])

    def loss(table, row):
        return torch.nn.functional.embedding(row, table, padding_idx=1).pow(2).sum()

    print(vmap(torch.func.grad(loss))(tables, rows))
    print(vmap(vmap(torch.func.grad(loss), (None, 0)), (0, None))(tables, rows)[1])


def looking_inside():
    def f(x):
        print(x, torch.func.debug_unwrap(x))
        return x * 2

    vmap(f)(torch.randn(2, 3))

    def inner(x):
        print(torch.func.debug_unwrap(x, recurse=False).shape, torch.func.debug_unwrap(x).shape)
        return x

    vmap(vmap(inner))(torch.randn(2, 3, 4))
