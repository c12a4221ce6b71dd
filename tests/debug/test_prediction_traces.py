"""A prediction leaves no trace: the program goes on, bit for bit, as if it had not been made."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import signal
import sys
import tracemalloc
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint import debug, nn
from adjoint.debug.ledger import Ledger
from adjoint.debug.suspension import Suspension
from adjoint.nn import functional as F
from adjoint.utils.data import DataLoader, TensorDataset
from adjoint.vision import transforms


class Net(nn.Module):
    """A model that keeps things of all kinds, and changes them in each call."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(6, 8)
        self.norm = nn.BatchNorm1d(8)
        self.drop = nn.Dropout(0.3)
        self.outer = nn.Linear(8, 3)
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.state = torch.zeros(8)
        self.counter = Counter({"calls": 2})
        self.lists: Any = defaultdict(list)
        self.order = OrderedDict(a=1, b=2)
        self.last = deque([1, 2, 3], maxlen=3)
        self.seen = {1, 2}
        self.numbers = np.zeros(3)
        self.weak: Any = weakref.WeakKeyDictionary()
        self.modules_there = sys.modules

    def forward(self, x: Any) -> Any:
        number = self.counter["calls"]
        self.counter["calls"] += 1
        self.lists[number % 2].append({"number": number})
        self.order.move_to_end("a" if number % 2 else "b")
        self.last.append(number)
        self.seen.add(number)
        self.numbers[number % 3] += 1
        self.weak.setdefault(self.inner, []).append(number)
        h = torch.relu(self.norm(self.inner(x))) + self.state
        self.state = h.detach().mean(0)
        return self.outer(self.drop(h)) * self.scale

    def told(self) -> str:
        return repr((self.counter, self.lists, self.order, self.last, self.seen, self.numbers,
                     list(self.weak.values()), self.state.tolist()))  # fmt: skip


class Program:
    """A training: what it needs, and all that may not change."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        self.model = Net()
        self.updates = torch.optim.Adam(self.model.parameters(), 0.05)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.updates, 2)
        self.x, self.y = torch.randn(10, 6), torch.randint(0, 3, (10,))

    def step(self) -> None:
        self.updates.zero_grad()
        F.cross_entropy(self.model(self.x), self.y).backward()
        self.updates.step()
        self.schedule.step()

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            k: (v.numpy().tobytes(), v._version) for k, v in self.model.state_dict().items()
        }
        for name, p in self.model.named_parameters():
            found[f"{name}.grad"] = None if p.grad is None else p.grad.numpy().tobytes()
        found["updates"] = repr(self.updates.state_dict())
        found["schedule"] = repr(self.schedule.state_dict())
        found["streams"] = (torch.get_rng_state().numpy().tobytes(), random.getstate(),
                            np.random.get_state()[1].tobytes())  # fmt: skip
        found["told"] = self.model.told()
        return found


def several(p: Program) -> None:
    for _ in range(2):
        p.step()


def without_gradients(p: Program) -> None:
    p.step()
    for q in p.model.parameters():
        q.grad = None


def other_parameters(p: Program) -> None:
    del p.model.scale, p.model.drop
    p.model.scale, p.model.drop = 2.0, nn.Identity()
    p.model.inner.weight = nn.Parameter(torch.zeros(8, 6))
    p.updates.add_param_group({"params": [nn.Parameter(torch.zeros(3))]})
    p.updates.param_groups[0]["lr"] = 9.0
    p.step()


def states_loaded(p: Program) -> None:
    p.model.load_state_dict({k: v * 0 for k, v in p.model.state_dict().items()})
    p.updates.load_state_dict(copy.deepcopy(p.updates.state_dict()))
    p.model.load_state_dict({k: v * 1 for k, v in p.model.state_dict().items()}, assign=True)
    p.step()


def average(p: Program) -> None:
    del p.model.modules_there
    mean = copy.deepcopy(p.model)
    p.step()
    with torch.no_grad():
        for a, b in zip(mean.parameters(), p.model.parameters()):
            a.lerp_(b, 0.1)


def hooks(p: Program) -> None:
    p.model.inner.weight.register_hook(lambda g: g * 0)
    p.model.register_forward_hook(lambda m, args, out: out * 0)
    p.step()


def streams(p: Program) -> None:
    torch.manual_seed(7)
    random.random()
    np.random.rand(3)
    p.step()


def printing(p: Program) -> None:
    repr((p.model, p.updates, p.x, p.model.scale, p.model.norm.num_batches_tracked))


def numpy_memory(p: Program) -> None:
    torch.from_numpy(OUTSIDE).add_(1)
    torch.from_numpy(OUTSIDE * 2 + p.x.numpy()[0]).zero_()
    torch.asarray(COUNTS).fill_(3)


def memory_of_data(p: Program) -> None:
    p.model.inner.weight.data.add_(1)
    p.x.view(-1)[:5].zero_()
    p.model.scale.data = torch.zeros(())


def budget(p: Program) -> None:
    with torch.memory_budget("2kB"):
        p.step()


def anomaly(p: Program) -> None:
    with torch.autograd.set_detect_anomaly(True):
        p.step()


def interrupted(p: Program) -> None:
    p.step()
    raise KeyboardInterrupt


def pickled(p: Program) -> None:
    p.step()
    pickle.dumps(p.model.state_dict())


def nested(p: Program) -> None:
    p.step()
    debug.predict_memory(p.step)


def closure(p: Program) -> None:
    p.step()
    torch.optim.LBFGS(p.model.outer.parameters()).step(lambda: p.model(p.x).sum())


def loaded(p: Program) -> None:
    data = DataLoader(TensorDataset(p.x, p.y), batch_size=5, shuffle=True, num_workers=2, timeout=9)
    for x, _ in data:
        p.model(x)


OUTSIDE, COUNTS = np.ones(6, np.float32), np.arange(6)
ENDS: dict[Any, type[BaseException]] = {
    interrupted: KeyboardInterrupt,
    pickled: debug.UnknownValues,
    nested: RuntimeError,
    closure: debug.UnknownValues,
}
FUNCTIONS = [
    several, without_gradients, other_parameters, states_loaded, average, hooks, streams, printing,
    numpy_memory, memory_of_data, budget, anomaly, loaded, *ENDS,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Anomaly Detection:UserWarning")
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_training_goes_on_as_if_nothing_had_been(function: Any, warm: bool) -> None:
    def trained(is_predicted: bool) -> Any:
        p = Program()
        if warm:
            p.step()
        if is_predicted and function in ENDS:
            with pytest.raises(ENDS[function]):
                debug.predict_memory(function, p)
        elif is_predicted:
            assert debug.predict_memory(function, p).bytes >= 0
        several(p)
        return p.state()

    assert trained(True) == trained(False)
    assert OUTSIDE.tolist() == [1] * 6
    assert COUNTS.tolist() == list(range(6))


def test_modules_that_the_run_imports_stay_imported() -> None:
    owner: Any = nn.Module()
    owner.there, owner.names = sys.modules, vars(sys)
    sys.modules.pop("this_is_new", None)

    def function() -> None:
        sys.modules["this_is_new"] = sys
        sys.this_is_new = 1  # type: ignore[attr-defined]

    debug.predict_memory(function)
    assert sys.modules.pop("this_is_new") is sys
    del sys.this_is_new  # type: ignore[attr-defined]


class Strange(dict[Any, Any]):
    """Overrides what the walk might call."""

    def items(self) -> Any:
        raise ValueError("lazy")

    values = keys = clear = update = __iter__ = __len__ = items

    def __setitem__(self, key: Any, value: Any) -> None:
        raise ValueError("frozen")


class Slotted(nn.Module):
    """Keeps things beside its `__dict__`."""

    __slots__ = ("empty", "kept")

    @property
    def told(self) -> Any:
        raise ValueError("not to be asked")

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "refused":
            raise ValueError("refused")
        super().__setattr__(name, value)


def test_overridden_methods_are_passed_by_and_nothing_is_too_deep() -> None:
    owner: Any = Slotted()
    owner.kept = [1]
    strange = Strange()
    dict.__setitem__(strange, "a", np.zeros(3))
    owner.strange = strange
    owner.names = np.array(["a", "b"])
    owner.deep = inner = []
    for _ in range(5000):
        inner.append([])
        inner = inner[0]

    def function() -> None:
        dict.__setitem__(strange, "b", 1)
        dict.__getitem__(strange, "a").fill(2)
        assert owner.names[1] == "b"
        owner.kept.append(2)
        owner.kept = owner.empty = 5
        inner.append(1)

    debug.predict_memory(function)
    assert dict.__len__(strange) == 1
    assert dict.__getitem__(strange, "a").tolist() == [0, 0, 0]
    assert owner.kept == [1]
    assert not hasattr(owner, "empty")
    assert inner == []


def test_those_who_share_memory_read_what_one_of_them_writes() -> None:
    count, numbers = torch.tensor(1), torch.arange(6)
    same, part, flat = count.detach(), numbers[1:3], numbers.view(2, 3)
    found = []

    def function() -> None:
        same.add_(1)
        part.mul_(10)
        flat[1] = 7
        found.append((count.item(), numbers.tolist(), part.tolist()))

    debug.predict_memory(function)
    assert found == [(2, [0, 10, 20, 7, 7, 7], [10, 20])]
    assert (count.item(), numbers.tolist()) == (1, [0, 1, 2, 3, 4, 5])


def test_caches_of_functions_keep_no_arrays_without_values() -> None:
    picture = torch.ones(3, 19, 23)
    change = transforms.Compose([
        transforms.Resize(13, antialias=True), transforms.Normalize((0.3, 0.2, 0.1), (1, 2, 3)),
    ])  # fmt: skip
    debug.predict_memory(change, picture)
    assert np.isfinite(change(picture).numpy()).all()


def test_frozen_objects_are_refused() -> None:
    gc.freeze()
    try:
        with pytest.raises(RuntimeError, match=r"call gc\.unfreeze\(\) first"):
            debug.predict_memory(lambda: None)
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("collects", [False, True])
def test_the_collector_is_as_it_was(collects: bool) -> None:
    was = gc.isenabled()
    try:
        for change in (gc.enable, gc.disable):
            (gc.enable if collects else gc.disable)()
            debug.predict_memory(change)
            assert gc.isenabled() is collects
    finally:
        (gc.enable if was else gc.disable)()


def test_what_was_noted_goes_at_once() -> None:
    debug.predict_memory(lambda: None)
    gc.collect()
    gc.disable()
    try:
        kept: list[Any] = []
        model = nn.Linear(3, 3)

        class Local(nn.Module):
            pass

        owner: Any = Local()
        gone = weakref.ref(Local)
        debug.predict_memory(lambda: kept.append(model(torch.from_numpy(np.ones(3, np.float32)))))
        noted = [o for o in gc.get_objects() if type(o) in (Suspension, Ledger)]
        assert [type(o) for o in noted] == [Ledger]  # of the tensor that the program kept
        assert not [v for v in vars(noted[0]).values() if isinstance(v, (dict, list)) and v]
    finally:
        gc.enable()
    del owner, Local
    gc.collect()
    assert gone() is None


def test_ctrl_c_waits_until_everything_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    restore: Callable[[Any], None] = Suspension.restore

    def interrupt(self: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        restore(self)

    x = torch.zeros(3)
    monkeypatch.setattr(Suspension, "restore", interrupt)
    with pytest.raises(KeyboardInterrupt):
        debug.predict_memory(x.add_, 1)
    assert x.tolist() == [0, 0, 0]


def test_what_cannot_be_put_back_does_not_keep_the_rest() -> None:
    class Key:
        broken = False

        def __eq__(self, other: object) -> bool:
            return self is other

        def __hash__(self) -> int:
            if self.broken:
                raise ValueError("no hash any more")
            return 1

    owner: Any = nn.Module()
    key = Key()
    owner.table = {key: 1}
    x = torch.zeros(3)

    def function() -> None:
        x.add_(1)
        owner.table[2] = 3
        key.broken = True

    with pytest.raises(ValueError, match="no hash any more"):
        debug.predict_memory(function)
    assert x.tolist() == [0, 0, 0]


class Stateful(nn.Module):
    """Carries a large state from call to call."""

    def __init__(self) -> None:
        super().__init__()
        self.state = torch.zeros(300, 300)

    def forward(self) -> None:
        for _ in range(3):
            self.state = self.state * 2


def test_what_is_replaced_or_freed_in_the_run_does_not_count() -> None:
    x = torch.randn(300, 300, requires_grad=True)

    def forward() -> Any:
        y = x
        for _ in range(4):
            y = y.exp().sin()
        return y.sum()

    gc.collect()
    gc.disable()
    tracemalloc.start()
    for step, most in ((Stateful(), 360_000), (forward().backward, 720_000)):
        peak = debug.predict_memory(step)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        step()
        measured = tracemalloc.get_traced_memory()[1] - before
        assert peak.bytes < most + 100
        assert 0 <= measured - peak.bytes <= 20_000
    tracemalloc.stop()
    gc.enable()
