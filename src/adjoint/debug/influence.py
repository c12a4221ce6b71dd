"""Floor 5: the influence of a tensor, followed through a program while it runs.

A profile function sees every call into adjoint and every return. Results of what the tensor has
an influence on are marked, recorded or not, so that a cut is known by its line. It costs nothing
when it is not used.
"""

from __future__ import annotations

import sys
import weakref
from types import CodeType, FrameType
from typing import Any

import numpy as np

from adjoint.autograd.lifted import Lifted
from adjoint.autograd.meta import Meta
from adjoint.autograd.modes import state
from adjoint.autograd.tape import Node, edge_of
from adjoint.autograd.tensor import Tensor, version_of

from .calls import (
    CHOICES,
    NEW_TENSORS,
    NOTHING,
    STEPS_OUT,
    TO_NUMPY,
    TO_PYTHON,
    UNRECORDED,
    UNRELATED,
    WRAPPERS,
    Call,
    Cut,
    Cuts,
    Held,
    arguments_of,
    is_library,
    is_ours,
    root_of,
    things_in,
)
from .statistics import Place, place_at


class Influence:
    """Follows one tensor: `with Influence(w) as found: loss = f()`; then ask."""

    def __init__(self, parameter: Tensor) -> None:
        self.parameter = parameter
        self.target = edge_of(parameter)[0] if parameter.requires_grad else None
        self.cuts: list[Cut] = []
        self.left: list[tuple[Cut, Cuts]] = []  # where it went to Python or NumPy
        self.uses: list[Place] = []
        self.last: Place | None = None  # the last line that computed with it
        self._marks: dict[int, tuple[Any, Cuts]] = {}
        self._partial: dict[int, tuple[Any, Cuts]] = {}
        self._reaches: dict[Node, bool] = {}
        self._calls: dict[FrameType, Call] = {}
        self._grad = state.grad
        self._switched: Place | None = None
        self._mark(root_of(parameter._data), NOTHING)

    def __enter__(self) -> Influence:
        self._before = sys.getprofile()
        sys.setprofile(self._event)
        return self

    def __exit__(self, *exc: object) -> None:
        sys.setprofile(self._before)
        self._calls.clear()

    def of(self, t: Tensor) -> Cuts | None:
        """The cuts between the parameter and a tensor; None when it has no influence on it."""
        if self.connects(t):
            return NOTHING
        own = self._marked(t)
        return self._marked(root_of(t._data)) if own is None else own

    def partly(self, t: Tensor) -> Cuts:
        """The cuts on some of the ways to a tensor in whose graph the parameter is."""
        held, cuts = self._partial.get(id(t), (None, NOTHING))
        return cuts if held is not None and held() is t else NOTHING

    def connects(self, t: Tensor) -> bool:
        """Whether the graph of `t` leads to the parameter."""
        if t is self.parameter:
            return t.requires_grad
        if self.target is None:
            return False
        data = t._data
        if isinstance(data, Lifted) and data.level.alive and not isinstance(data, Meta):
            parts = data.parts()  # inside a transform the graph of what lies outside is theirs
            if any(part is not None and self.connects(part) for part in parts):
                return True
        if not t.requires_grad:
            return False
        # A view's edge is not renewed here: the program may be in the middle of writing to it.
        edges = [t._edge]
        if t._view is not None and not (t._edge is None and t._view.inherited):
            edges.append(t._view.base._edge)
        return any(edge is not None and self._leads(edge[0]) for edge in edges)

    def _leads(self, node: Node) -> bool:
        found = self._reaches
        stack = [node]
        while stack:
            top = stack[-1]
            if top in found:
                stack.pop()
                continue
            open_ones = [n for n, _ in top.edges if n not in found]
            if open_ones and top is not self.target:
                stack.extend(open_ones)
                continue
            found[top] = top is self.target or any(found[n] for n, _ in top.edges)
            stack.pop()
        return found[node]

    def _mark(self, thing: Any, cuts: Cuts) -> None:
        try:
            held: Any = weakref.ref(thing)
        except TypeError:  # numbers
            held = Held(thing)
        self._marks[id(thing)] = (held, cuts)

    def _marked(self, thing: Any) -> Cuts | None:
        held, cuts = self._marks.get(id(thing), (None, NOTHING))
        return cuts if held is not None and held() is thing else None

    def _influence(self, thing: Any) -> Cuts | None:
        """The cuts behind anything that a call can be given."""
        if isinstance(thing, Tensor):
            return self.of(thing)
        if isinstance(thing, np.ndarray):
            own = self._marked(thing)
            return self._marked(root_of(thing)) if own is None else own
        return self._marked(thing) if isinstance(thing, (float, complex)) else None

    def _event(self, frame: FrameType, event: str, value: Any) -> None:
        if event == "call":
            code = frame.f_code
            if is_ours(code.co_filename):
                self._enter(frame, code)
            elif not is_library(code.co_filename):
                self._note_user(frame.f_back)
        elif event == "return" and frame in self._calls:
            self._leave(frame, self._calls.pop(frame), value)

    def _note_user(self, frame: FrameType | None) -> None:
        """The user's code is called from adjoint: by a module, a custom Function, a hook."""
        while frame is not None and frame in self._calls:
            self._calls[frame].user = True
            frame = frame.f_back

    def _enter(self, frame: FrameType, code: CodeType) -> None:
        back = frame.f_back
        boundary = back is None or back not in self._calls
        call = self._calls[frame] = Call(boundary, len(self.cuts))
        if not boundary:
            above = self._calls[back]  # type: ignore[index]
            above.inner = above.inner or code.co_name
            if code.co_name in ("run_one", "run_two", "run_view", "__call__"):
                self._tell(frame, above)
        if code.co_name in UNRELATED:
            return
        if code.co_name == "__call__":
            call.owner = type(frame.f_locals.get("self")).__name__
        for thing in things_in(arguments_of(frame, code)):
            call.given.append((thing, getattr(thing, "requires_grad", None)))
            if boundary and isinstance(thing, Tensor):
                call.versions.append((thing, version_of(thing)))
            cuts = self._influence(thing)
            if cuts is None:
                continue
            call.inputs = cuts if call.inputs is None else call.inputs | cuts
            call.partial |= cuts
            if isinstance(thing, Tensor):
                call.partial |= self.partly(thing)
            if thing is self.parameter:
                self._note_use(frame)
        if call.inputs is not None:
            self._hand_up(frame, call)

    def _tell(self, frame: FrameType, above: Call) -> None:
        """Tell the calls above which operation is run."""
        name = getattr(frame.f_locals.get("self"), "name", None)
        back = frame.f_back
        while isinstance(name, str) and back is not None and back in self._calls:
            self._calls[back].operation = self._calls[back].operation or name
            back = back.f_back

    def _hand_up(self, frame: FrameType, call: Call) -> None:
        """What a call is given, its callers up to the user's code are given too."""
        above = frame.f_back
        while above is not None and above in self._calls:
            outer = self._calls[above]
            assert call.inputs is not None
            outer.inputs = call.inputs if outer.inputs is None else outer.inputs | call.inputs
            outer.partial |= call.partial
            above = above.f_back

    def _note_use(self, frame: FrameType) -> None:
        place = self._place(frame)
        if place not in self.uses:
            self.uses.append(place)

    def _leave(self, frame: FrameType, call: Call, result: Any) -> None:
        name = frame.f_code.co_name
        if state.grad != self._grad:
            self._grad = state.grad
            self._switched = None if state.grad else self._switch(frame)
        if call.inputs is None or name in UNRELATED:
            self._heal(result)
            return
        if call.user and not call.boundary:
            return  # what the user's code made was followed there
        outs = [t for t in things_in(result) if t is not self.parameter and not call.gave_back(t)]
        if call.boundary:
            outs += [t for t, version in call.versions if version_of(t) != version]
            self._judge(frame, call, name, outs)
            return
        for out in outs:
            self._pass_on(out, call.inputs)

    def _heal(self, result: Any) -> None:
        """What is in the graph again, by a custom Function, has no cut behind it."""
        for out in things_in(result):
            if isinstance(out, Tensor) and self.connects(out):
                self._mark(out, NOTHING)

    def _pass_on(self, out: Any, cuts: Cuts) -> None:
        if isinstance(out, Tensor):
            if self.connects(out):
                cuts = NOTHING
            self._mark(out, cuts)
            self._mark(root_of(out._data), cuts)
        elif isinstance(out, np.ndarray):
            self._mark(out, cuts)
            self._mark(root_of(out), cuts)
        elif isinstance(out, (float, complex)):
            self._mark(out, cuts)

    def _judge(self, frame: FrameType, call: Call, name: str, outs: list[Any]) -> None:
        """A call of the user's is done: pass the influence on, and note where it was cut."""
        place = self._place(frame)
        assert call.inputs is not None
        if name in TO_PYTHON or name in TO_NUMPY or name == "__bool__":
            cuts = self._note_leaving(call.inputs, name, place)
            for out in outs:
                self._pass_on(out, cuts)
            return
        made: Cuts = NOTHING
        for t in outs:
            if not isinstance(t, Tensor):
                continue
            behind = self._behind(t, call, name)
            if behind is None:
                continue
            cuts = behind
            self.last = place
            if not self.connects(t) and self.target is not None:
                if not cuts:
                    made = cuts = made or self._note(self._cut(name, call, t, place))
                elif t.requires_grad and t._edge is None:
                    self._note_leaf(place, cuts)
            elif call.partial and not call.user:
                self._partial[id(t)] = weakref.ref(t), call.partial
            self._pass_on(t, cuts)

    def _behind(self, t: Tensor, call: Call, name: str) -> Cuts | None:
        """The cuts behind a result; those of code of the user's that was called are known."""
        if not call.user:
            return call.inputs
        behind = self.of(t)
        if behind and name in UNRECORDED and state.grad and not self.connects(t):
            # A custom Function runs without recording anyway: it is the Function that cuts.
            inside = {i for i in behind if i >= call.cuts_before}
            if any(self.cuts[i].kind == "no_grad" for i in inside):
                return (behind | (call.inputs or NOTHING)) - inside
        return behind

    def _note_leaf(self, place: Place, cuts: Cuts) -> None:
        """A new leaf is made of what was cut off; when on the very line of the cut, that is it."""
        for i in cuts:
            cut = self.cuts[i]
            if cut.place.line == place.line and cut.kind in ("detach", "data"):
                cut.kind = "recreated"
            elif cut.leaf is None:
                cut.leaf = place

    def _note(self, cut: Cut) -> Cuts:
        self.cuts.append(cut)
        return frozenset((len(self.cuts) - 1,))

    def _note_leaving(self, before: Cuts, name: str, place: Place) -> Cuts:
        """The influence goes on in Python or NumPy, where it cannot be followed."""
        kind = "numpy" if name in TO_NUMPY else "item" if name in TO_PYTHON else "branch"
        self.left.append((Cut(kind, place, name), before))
        if not before:
            return self._note(Cut(kind, place, name))
        for i in before:
            if self.cuts[i].place.line == place.line and self.cuts[i].kind in STEPS_OUT:
                self.cuts[i].kind = kind
        return before

    def _cut(self, name: str, call: Call, out: Tensor, place: Place) -> Cut:
        """What kind of cut a call is, by what was called and under which mode."""
        told = call.inner if name == "call" else name
        if name == "__call__":  # a module: its class is what the user wrote
            told = call.owner
        if name in WRAPPERS:
            told = call.operation or name
        cut = Cut("not_differentiable", place, told, dtype=str(out.dtype))
        if out.requires_grad and out._edge is None:
            cut.kind = "recreated"
        elif told in ("detach", "detach_", "data"):
            cut.kind = told.rstrip("_")
        elif told in NEW_TENSORS:
            cut.kind = "tensor"
        elif state.inference:
            cut.kind, cut.switched = "inference_mode", self._switched
        elif not state.grad:
            cut.kind, cut.switched = "no_grad", self._switched
        elif told.removesuffix("_").removesuffix("_dim") in CHOICES:
            cut.kind = "argmax"
        elif told in UNRECORDED and told != "apply":
            fed = any(t.requires_grad for t, _ in call.versions)
            cut.kind = "checkpoint" if fed else "checkpoint_inputs"
        elif out._data.dtype.kind == "b":
            cut.kind, cut.function = "comparison", cut.function.replace("method", "a comparison")
        elif out._data.dtype.kind in "iu":
            cut.kind = "integer"
        elif call.user:
            cut.kind = "custom"
        elif not any(t.requires_grad for t, _ in call.versions):
            cut.kind = "data"  # it came by memory that was written through another tensor
        return cut

    def _switch(self, frame: FrameType) -> Place:
        """Where recording is switched off: a line, or the head of a function that is decorated."""
        back = frame.f_back
        wrapped = None if back is None else back.f_locals.get("wrapped")
        code = getattr(wrapped, "__code__", None)
        if code is None or back is None or back.f_code.co_name != "inside":
            return self._place(frame)
        return place_at((code, -1))

    def _place(self, frame: FrameType) -> Place:
        """The user's line that a frame was called from."""
        at: FrameType | None = frame
        while at is not None and (
            is_ours(at.f_code.co_filename) or is_library(at.f_code.co_filename)
        ):
            at = at.f_back
        at = at or frame
        return place_at((at.f_code, at.f_lasti), state.module)
