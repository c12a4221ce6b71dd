"""Makes `import torch` and `import torchvision` give adjoint's own modules.

Floor 5. A finder placed before all others answers for these names with the module objects that
adjoint already has (`torch.nn is adjoint.nn`), so pickles and `isinstance` hold. A name that
adjoint lacks is an error that says which one.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import opcode
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType, TracebackType
from typing import Any

# The longest matching name on the left decides; what follows it is looked up on the right.
ALIASES: Mapping[str, str] = types.MappingProxyType(
    {
        "torch": "adjoint",
        "torchvision": "adjoint.vision",
        "functorch": "adjoint.compat.functorch",
        "torch.nn.utils.stateless": "adjoint.func.stateless",
    }
)

_IMPORT_FROM = opcode.opmap["IMPORT_FROM"]
_installed: list[Installation] = []


def install(aliases: Mapping[str, str] = ALIASES) -> Installation:
    """Resolve `import torch` and `import torchvision` to adjoint from now on.

    Wins over an installed torch; modules of it that are already imported are put aside, and come
    back with `uninstall()`. Also a context manager, which uninstalls on leaving:

    >>> import adjoint
    >>> from adjoint.compat import install
    >>> with install():
    ...     import torch
    ...     torch is adjoint
    True

    Raises `ModuleNotFoundError` (import of a module that adjoint lacks), `ImportError` (`from`
    import of a name that it lacks) or `AttributeError` (access to one) where such a name is used.
    """
    installation = Installation(aliases)
    _installed.append(installation)
    return installation


def uninstall() -> None:
    """Undo the latest `install()`; does nothing when there is none to undo.

    >>> from adjoint.compat import install, uninstall
    >>> installation = install()
    >>> uninstall()
    """
    if _installed:
        _installed[-1].uninstall()


class Installation(importlib.abc.MetaPathFinder):
    """One `install()`: the finder, and what has to be put back when it goes.

    >>> from adjoint.compat import install
    >>> with install() as installation:
    ...     print(type(installation).__name__)
    Installation
    """

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self._aliases = aliases
        self._roots = {name.partition(".")[0] for name in aliases}
        self._guarded: dict[ModuleType, Callable[[str], Any] | None] = {}
        self._displaced = {name: sys.modules.pop(name) for name in self._names_taken()}
        sys.meta_path.insert(0, self)
        self._guard_loaded()

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.uninstall()

    def uninstall(self) -> None:
        """Give the names back to whoever had them; a second call does nothing."""
        if self not in _installed:
            return
        _installed.remove(self)
        sys.meta_path.remove(self)
        for name in self._names_taken():
            del sys.modules[name]
        sys.modules.update(self._displaced)
        for module, former in self._guarded.items():
            if former is None:
                del module.__dict__["__getattr__"]
            else:
                module.__dict__["__getattr__"] = former

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer for the aliased names; raise for those that adjoint lacks.

        Raising, not returning None, keeps the finders of an installed torch from being asked.
        """
        if fullname.partition(".")[0] not in self._roots:
            return None
        module = self._resolve(fullname)
        if module is None:
            raise ModuleNotFoundError(_missing(fullname), name=fullname)
        self._guard_loaded()
        return importlib.machinery.ModuleSpec(fullname, _Present(module))

    def _names_taken(self) -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in self._roots]

    def _resolve(self, fullname: str) -> ModuleType | None:
        """The module behind an aliased name: a submodule, or a module held as an attribute."""
        target = _translate(fullname, self._aliases)
        try:
            # Not importlib.import_module, whose own frame would show in the user's traceback.
            __import__(target)
        except ModuleNotFoundError as error:
            absent = error.name
            if absent is None or not (target == absent or target.startswith(absent + ".")):
                raise  # a dependency of the module is missing, not the module
        else:
            return sys.modules[target]
        parent, _, child = target.rpartition(".")
        held = getattr(sys.modules.get(parent), child, None)
        return held if isinstance(held, ModuleType) else None

    def _guard_loaded(self) -> None:
        """Let every loaded module behind an alias name what it lacks in torch's spelling."""
        # Where two names lead to one module, the one that comes first in the table is told.
        targets = {target: name for name, target in reversed(list(self._aliases.items()))}
        for name, module in list(sys.modules.items()):
            public = _translate(name, targets)
            # A module that stands under two names is guarded under its own.
            own_name = getattr(module, "__name__", None) == name
            if public == name or not own_name or module in self._guarded:
                continue
            former = module.__dict__.get("__getattr__")
            if isinstance(former, _Guard):
                continue  # an outer installation's; it says the same
            self._guarded[module] = former
            module.__dict__["__getattr__"] = _Guard(module, public, former, self._guard_loaded)


class _Present(importlib.abc.Loader):
    """Loads nothing: puts a module that exists under the name that was asked for."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Take the import system's placeholder: it would write its spec into a module of ours."""

    def exec_module(self, module: ModuleType) -> None:
        """Replace the placeholder, as the import protocol allows."""
        sys.modules[module.__name__] = self._module
        # A submodule behind a function of its name (autograd.gradcheck): the import system would
        # put the module in the function's place, so it has to find it imported already.
        prefix = self._module.__name__ + "."
        for name, child in list(sys.modules.items()):
            short = name.removeprefix(prefix)
            if name.startswith(prefix) and vars(self._module).get(short, child) is not child:
                sys.modules[f"{module.__name__}.{short}"] = child


class _Guard:
    """A module's `__getattr__` (PEP 562): asks the module's own first, then names what is missing.

    Only what is absent comes here, so it costs nothing otherwise.
    """

    def __init__(
        self,
        module: ModuleType,
        public: str,
        former: Callable[[str], Any] | None,
        on_module: Callable[[], None],
    ) -> None:
        self._module, self._public = module, public
        self._former, self._on_module = former, on_module

    def __call__(self, name: str) -> Any:
        if self._former is not None:
            try:
                value = self._former(name)
            except AttributeError:
                if name.startswith("__"):
                    raise
            else:
                if isinstance(value, ModuleType):
                    self._on_module()  # loaded by being touched
                return value
        own = self._module.__name__
        # Probes of the language itself (`__path__`) and names that `import` is about to find in
        # sys.modules have to stay plain AttributeErrors.
        if name.startswith("__") or f"{own}.{name}" in sys.modules:
            raise AttributeError(f"module {own!r} has no attribute {name!r}")
        text = _missing(f"{self._public}.{name}")
        caller = sys._getframe(1)
        if caller.f_code.co_code[caller.f_lasti] == _IMPORT_FROM:
            # `from torch import x`: Python would drop this text for "cannot import name".
            raise ImportError(text, name=own)
        raise AttributeError(text, name=name, obj=self._module)


def _translate(name: str, table: Mapping[str, str]) -> str:
    """`name` with its longest prefix found in the table replaced; unchanged when there is none."""
    prefix = name
    while prefix:
        if prefix in table:
            return table[prefix] + name[len(prefix) :]
        prefix = prefix.rpartition(".")[0]
    return name


def _missing(public: str) -> str:
    parent = public.rpartition(".")[0]
    hint = f"; dir({parent}) lists what there is" if parent else ""
    return f"adjoint has no {public}: it implements a part of torch{hint}"
