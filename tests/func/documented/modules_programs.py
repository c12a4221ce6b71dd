"""Modules: hooks around their state, parametrized tensors, and modules without memory."""

import copy

import torch
import torch.nn.utils.parametrize as parametrize
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm


def _told(call):
    try:
        print(call())
    except (RuntimeError, ValueError, NotImplementedError) as error:
        print(isinstance(error, ValueError), str(error).splitlines()[0][:41])


def hooks_around_saving():
    m = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    handles = [
        m.register_state_dict_pre_hook(lambda mod, prefix, keep: print("pre", repr(prefix), keep)),
        m[0].register_state_dict_pre_hook(lambda mod, prefix, keep: print("pre", prefix, keep)),
        m[0].register_state_dict_post_hook(lambda mod, d, p, local: print(list(d), p, local)),
        m.register_state_dict_post_hook(lambda mod, d, p, local: d.pop("1.num_batches_tracked")),
    ]
    _told(lambda: list(m.state_dict()))
    handles.pop().remove()
    print(len(m.state_dict()))
    m._register_state_dict_hook(lambda mod, d, p, local: {"all": len(d)})
    print(m.state_dict())


def hooks_around_loading():
    m = nn.Sequential(nn.Linear(2, 1), nn.ReLU())

    def before(mod, state, prefix, local, strict, missing, unexpected, messages):
        print("before", sorted(state), prefix, local, strict, missing, unexpected, messages)

    m[0].register_load_state_dict_pre_hook(before)
    handle = m.register_load_state_dict_post_hook(lambda mod, keys: print("after", keys))
    state = m.state_dict()
    print(m.load_state_dict(state))
    bias = state.pop("0.bias")
    state["other"] = bias
    print(m.load_state_dict(state, strict=False))
    _told(lambda: m.load_state_dict(state))
    handle.remove()
    m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
    del state["other"]
    print(m.load_state_dict(state))


def loading_of_ones_own():
    class Renamed(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(2))

        def _load_from_state_dict(self, state, prefix, *rest):
            if prefix + "gain" in state:
                state[prefix + "scale"] = state.pop(prefix + "gain")
            super()._load_from_state_dict(state, prefix, *rest)

        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "made"] = torch.ones(1)

    m = nn.Sequential(Renamed())
    print(dict(m.state_dict()))  # an OrderedDict is printed otherwise from Python 3.12 on
    print(m.load_state_dict({"0.gain": torch.tensor([1.0, 2.0])}), m[0].scale)
    old = {k: v for k, v in nn.BatchNorm1d(1).state_dict().items() if "batches" not in k}
    print(nn.BatchNorm1d(1).load_state_dict(old))


def submodules_by_path():
    m = nn.Sequential(nn.Linear(2, 2), nn.ModuleDict({"b": nn.ReLU()}))
    m.set_submodule("1.b", nn.Tanh())
    m.set_submodule("1.c", nn.Identity())
    print(m)
    for path in ("1.d", ""):
        try:
            m.set_submodule(path, nn.Identity(), strict=True)
        except (AttributeError, ValueError) as error:
            print(type(error).__name__, error)
    scales = nn.ParameterDict({"b": torch.zeros(1), "a": torch.ones(1)})
    scales["c"] = torch.ones(2)
    print(list(scales.state_dict()))


class _Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT

    def right_inverse(self, a):
        return a.triu()


def symmetric_weights():
    m = nn.Linear(3, 3)
    parametrize.register_parametrization(m, "weight", _Symmetric())
    print(m, m.weight, m.parametrizations.weight.original)
    m(torch.ones(1, 3)).sum().backward()
    print(m.parametrizations.weight.original.grad)
    m.weight = torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]])
    print(m.weight, parametrize.is_parametrized(m, "weight"), parametrize.is_parametrized(m, "x"))
    twin = copy.deepcopy(m)
    twin.weight = torch.zeros(3, 3)
    print(m.weight.sum(), list(m.state_dict()))
    parametrize.remove_parametrizations(m, "weight")
    print(m, type(m) is nn.Linear, m.weight)


def several_parametrizations():
    class Calls(nn.Module):
        count = 0

        def forward(self, x):
            Calls.count += 1
            return 2 * x

    m = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Calls(), unsafe=True)
    parametrize.register_parametrization(m, "weight", nn.Tanh())
    parametrize.register_parametrization(m, "bias", nn.Identity())
    print(m)
    Calls.count = 0
    with parametrize.cached():
        print((m.weight == m.weight).all(), Calls.count)
    _told(lambda: setattr(m, "weight", torch.ones(2, 2)))
    _told(lambda: parametrize.register_parametrization(m, "nothing", nn.Identity()))
    _told(lambda: parametrize.register_parametrization(nn.Linear(2, 2), "bias", nn.GLU(0)))
    _told(lambda: parametrize.remove_parametrizations(nn.Linear(2, 2), "weight"))
    print(parametrize.type_before_parametrizations(m).__name__, type(m).__name__)
    other = parametrize.transfer_parametrizations_and_params(m, nn.Linear(2, 2))
    print(torch.equal(other.weight, m.weight))


def parametrized_by_two_tensors():
    class RankOne(nn.Module):
        def forward(self, x, y):
            return torch.outer(x, y)

        def right_inverse(self, z):
            u, s, vh = torch.linalg.svd(z, full_matrices=False)
            root = s[0].sqrt()
            return u[:, 0] * root, vh[0] * root

    m = parametrize.register_parametrization(nn.Linear(3, 2), "weight", RankOne())
    print([name for name, _ in m.named_parameters()], torch.linalg.matrix_rank(m.weight))
    parametrize.remove_parametrizations(m, "weight")
    print([name for name, _ in m.named_parameters()])


def orthogonal_weights():
    for kind in ("matrix_exp", "cayley", "householder"):
        for sizes in ((3, 3), (2, 3), (3, 2)):
            m = orthogonal(nn.Linear(*sizes), orthogonal_map=kind)
            w = m.weight if sizes[1] >= sizes[0] else m.weight.T
            print(kind, sizes, torch.allclose(w.T @ w, torch.eye(w.size(1)), atol=1e-5))
            m(torch.ones(1, sizes[0])).sum().backward()
            print(m.parametrizations.weight.original.grad.abs().sum())
    torch.manual_seed(1)
    m = orthogonal(nn.Linear(3, 3), orthogonal_map="householder", use_trivialization=False)
    m.weight = torch.linalg.qr(torch.randn(3, 3))[0]
    print(m.weight)
    m = orthogonal(nn.Linear(3, 3), use_trivialization=False)
    _told(lambda: setattr(m, "weight", torch.eye(3)))
    _told(lambda: orthogonal(nn.Linear(2, 2), orthogonal_map="polar"))


def norms_of_weights():
    m = weight_norm(nn.Linear(3, 2))
    m(torch.ones(1, 3)).sum().backward()
    print(m.parametrizations.weight.original0.grad, m.parametrizations.weight.original1.grad)
    print(weight_norm(nn.Conv2d(2, 3, 2), dim=None).parametrizations.weight.original0.shape)
    m = spectral_norm(nn.Linear(4, 3))
    print(torch.linalg.matrix_norm(m.weight, 2), list(m.state_dict()))
    m(torch.ones(1, 4)).sum().backward()
    print(m.parametrizations.weight.original.grad.norm())
    m.eval()
    print(torch.equal(m.weight, m.weight))
    print(spectral_norm(nn.ConvTranspose2d(2, 3, 3)).parametrizations.weight[0]._u.shape)
    _told(lambda: spectral_norm(nn.Linear(2, 2), n_power_iterations=0))


def modules_without_memory():
    m = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    skeleton = copy.deepcopy(m).to("meta")
    print(skeleton[0].weight, {p.device.type for p in skeleton.parameters()})
    print(sum(p.numel() for p in skeleton.parameters()), skeleton[1].running_mean.is_meta)
    _told(lambda: skeleton.to("cpu"))
    print([p.shape for p in copy.deepcopy(skeleton).to_empty(device="cpu").parameters()])
    skeleton.load_state_dict(m.state_dict(), assign=True)
    print(torch.equal(skeleton(torch.ones(2, 3)), m(torch.ones(2, 3))))
    print(nn.Linear(2, 2, device="meta").double().bias, torch.rand(1))
    print(nn.utils.skip_init(nn.Linear, 5, 1).weight.shape)
    x = torch.empty(2, 3, device="meta", dtype=torch.float64)
    print(x, x.stride(), torch.zeros_like(x, device="cpu"), x.new_empty(1).device)


def transposed_convolutions_of_a_given_size():
    x = torch.randn(1, 2, 12, 12)
    down, up = nn.Conv2d(2, 2, 3, stride=2, padding=1), nn.ConvTranspose2d(2, 2, 3, 2, 1)
    print(up(down(x)).shape, up(down(x), output_size=x.size()).shape)
    print(nn.ConvTranspose1d(2, 1, 3, 2)(torch.ones(2, 4), output_size=(10,)).shape)
    try:
        up(down(x), output_size=(20, 20))
    except ValueError as error:
        print(error)
