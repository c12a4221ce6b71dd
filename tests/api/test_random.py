"""Random functions at api level: torch's numbers in every form, generators, states, errors.

The numbers are torch 2.13's, drawn in this order after `manual_seed(0)`.
"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import adjoint as torch


def empty(*size, **options):
    return torch.empty(*size, **options)


RECORDED = [
    (lambda: torch.rand(3), [0.49625658988952637, 0.7682217955589294, 0.08847743272781372]),
    (
        lambda: torch.randn(2, 2),
        [[0.3643381893634796, 0.13439632952213287], [0.16421625018119812, 0.3057610094547272]],
    ),
    (lambda: torch.randint(10, (4,)), [6, 6, 9, 8]),
    (lambda: torch.randperm(6), [2, 0, 1, 5, 3, 4]),
    (lambda: torch.bernoulli(torch.full((5,), 0.5)), [0, 0, 1, 0, 1]),
    (lambda: torch.multinomial(torch.tensor([0.2, 0.5, 0.3]), 2), [1, 0]),
    (
        lambda: torch.normal(torch.zeros(3), torch.tensor([1.0, 2.0, 3.0])),
        [-0.5655086040496826, 0.32087403535842896, -0.07605355978012085],
    ),
    (lambda: torch.normal(1.0, 2.0, (3,)), [3.1478004455566406, 5.525691509246826, -0.83505862]),
    (lambda: torch.poisson(torch.tensor([0.0, 1.0, 3.0, 20.0, 100.0])), [0, 0, 8, 16, 118]),
    (lambda: torch.rand_like(torch.zeros(2)), [0.3167651295661926, 0.6965049505233765]),
    (
        lambda: torch.randn_like(torch.zeros(3, 2).t()),
        [
            [-0.4819514751434326, -1.162441372871399, -0.13295190036296844],
            [1.1293065547943115, -0.15925733745098114, -0.04689599201083183],
        ],
    ),
    (lambda: torch.randint_like(torch.zeros(3), 5), [3, 4, 3]),
    (
        lambda: empty(3).uniform_(-1, 1),
        [0.3845561742782593, -0.5923035144805908, 0.36659133434295654],
    ),
    (
        lambda: empty(2, 3).t().normal_(1, 2),
        [
            [3.316002368927002, 3.1377718448638916],
            [1.334553837776184, -0.01297333650290966],
            [-2.1546900272369385, -1.9121406078338623],
        ],
    ),
    (lambda: empty(3).exponential_(2), [2.4999465942382812, 1.3162637948989868, 1.2300482988]),
    (lambda: empty(4).random_(5), [3, 0, 4, 4]),
    (
        lambda: empty(3, dtype=torch.int64).random_(),
        [1509872131676551144, 7643751297239229583, 8756623390499056867],
    ),
    (lambda: empty(4).bernoulli_(0.3), [0, 1, 0, 0]),
    (lambda: empty(2).cauchy_(), [-6.121104717254639, 0.8353122472763062]),
    (lambda: empty(2).log_normal_(), [24.091415405273438, 0.1633472889661789]),
    (lambda: empty(2).geometric_(0.5), [1, 1]),
    (lambda: empty(3).bernoulli_(torch.tensor([0.0, 1.0, 0.5])), [0, 1, 0]),
    (
        lambda: torch.normal(torch.zeros(17), 2.0)[:3],
        [5.314046382904053, -0.6345892548561096, 1.9342913627624512],
    ),
    (lambda: torch.rand(2, dtype=torch.float64), [0.5307896499378658, 0.21437307801065342]),
]


def test_one_stream_gives_torchs_numbers() -> None:
    torch.manual_seed(0)
    for draw, expected in RECORDED:
        found = draw()
        np.testing.assert_allclose(found.numpy(), np.array(expected), rtol=3e-7)


def test_forms_of_randint() -> None:
    for draw in (
        lambda: torch.randint(3, 4, (2,)),
        lambda: torch.randint(low=3, high=4, size=(2,)),
        lambda: torch.randint(3, 4, size=[2]),
        lambda: torch.randint(3, high=4, size=(2,)),
    ):
        assert draw().tolist() == [3, 3]
    assert torch.randint(1, (2,)).tolist() == torch.randint(high=1, size=(2,)).tolist() == [0, 0]
    assert torch.randint(5, (2,), dtype=torch.float32).dtype is torch.float32
    assert torch.randint_like(torch.ones(2), 2, 3).tolist() == [2, 2]
    assert torch.randperm(3, dtype=torch.int32).dtype is torch.int32


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: torch.rand(2, dtype=torch.int64), NotImplementedError, "floating"),
        (lambda: torch.randint(5, 2), TypeError, "'size' must be tuple of ints, not int"),
        (lambda: torch.randint(5.0, (2,)), TypeError, "bounds must be int"),
        (lambda: torch.randint(size=(2,)), TypeError, "takes"),
        (lambda: torch.randint(5, 5, (2,)), RuntimeError, "less than 'to'"),
        (lambda: torch.randperm(-1), RuntimeError, "n"),
        (lambda: torch.normal(0.0, 1.0), TypeError, "needs a size"),
        (lambda: torch.normal(0.0, -1.0, (2,)), RuntimeError, "std >= 0.0"),
        (lambda: torch.normal(torch.zeros(2), -torch.ones(2)), RuntimeError, "std >= 0.0"),
        (lambda: torch.bernoulli(torch.tensor([2.0])), RuntimeError, "p_in <= 1"),
        (lambda: torch.multinomial(torch.ones(3), 5), RuntimeError, "without replacement"),
        (lambda: torch.poisson(-torch.ones(1)), RuntimeError, "non-negative"),
        (lambda: torch.rand(2, generator=3), TypeError, "must be torch.Generator, not int"),
        (lambda: torch.manual_seed("a"), ValueError, "a"),
        (lambda: torch.Generator("cuda"), RuntimeError, "cuda"),
        (lambda: torch.ones(2).exponential_(1, 2), TypeError, "takes lambd"),
        (lambda: torch.ones(2).cauchy_(scale=2), TypeError, "takes median, sigma"),
        (lambda: torch.ones(2, requires_grad=True).normal_(), RuntimeError, "leaf Variable"),
        (lambda: torch.ones(2, dtype=torch.int64).uniform_(), NotImplementedError, "floating"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call()


def test_generators_are_independent() -> None:
    first, second = (torch.Generator().manual_seed(3) for _ in range(2))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert torch.equal(torch.rand(4, generator=first), torch.rand(4, generator=second))
    torch.randperm(4, generator=first), torch.empty(2).normal_(generator=first)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.initial_seed() == 3 and str(first.device) == "cpu"


def test_states_are_tensors() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert state.dtype is torch.uint8 and state.shape == (5056,)
    drawn = torch.rand(3)
    torch.set_rng_state(state)
    assert torch.equal(torch.rand(3), drawn)
    generator = torch.Generator()
    generator.set_state(state)
    assert torch.equal(torch.rand(3, generator=generator), drawn)
    with pytest.raises(RuntimeError, match="5056"):
        torch.set_rng_state(torch.zeros(3, dtype=torch.uint8))


def test_generators_can_be_copied() -> None:
    generator = torch.Generator().manual_seed(3)
    torch.rand(2, generator=generator)
    twins = [copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))]
    expected = torch.rand(3, generator=generator)
    assert all(torch.equal(torch.rand(3, generator=twin), expected) for twin in twins)


def test_seeds() -> None:
    assert torch.manual_seed(7) is torch.default_generator and torch.initial_seed() == 7
    assert torch.seed() == torch.initial_seed() != 7
    torch.random.manual_seed(7)
    assert torch.random.initial_seed() == 7


def test_fork_rng_puts_the_state_back() -> None:
    torch.manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.rand(3)
    assert torch.rand(1).item() == pytest.approx(0.49625658988952637)
    with torch.random.fork_rng(enabled=False):
        torch.manual_seed(1)
    assert torch.initial_seed() == 1


def test_filling_a_computed_tensor_ends_its_history() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.uniform_()
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]
