"""Floor 0: the state of torch's CPU random stream, kept by NumPy's MT19937.

Seeds, saves and restores the stream and hands out raw words; what distributions make of them is
in `random`. NumPy's random package (35 ms to import) is loaded by the first draw.
"""

from __future__ import annotations

import os
from operator import index as as_index
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.arrays.device import check as check_device
from adjoint.arrays.pieces import starts

if TYPE_CHECKING:
    import numpy.typing as npt
    from numpy.random import MT19937, RandomState

# What torch.Generator() starts from.
DEFAULT_SEED = 67280421310721
LOW_53 = np.uint64(2**53 - 1)
LOW_24 = np.uint64(2**24 - 1)
# Words drawn at a time where they are only an intermediate: 128 KiB stay in the cache.
CHUNK = 16384
# The bytes of torch's CPUGeneratorImplState: a state saved by either library opens in the other.
_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "key", "spare", "has_spare"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", 624), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040],
        "itemsize": 5056,
    }
)


class Generator:
    """The source of random numbers that torch's functions draw from on the CPU.

    `seed: int` from -2**63 to 2**64 - 1 restarts the stream; equal seeds give the numbers torch
    gives. A draw holds `lock`, so one generator may serve several threads, though which thread
    gets which numbers is then a matter of timing.

    >>> generator = Generator().manual_seed(0)
    >>> generator.initial_seed()
    0
    """

    __slots__ = ("__weakref__", "_engine", "_seed", "_words", "device", "lock", "spare")

    def __init__(self, device: Any = "cpu") -> None:
        self.device = check_device(device)
        self.lock = RLock()
        self._engine: RandomState | None = None
        self._words: MT19937 | None = None
        self._seed = DEFAULT_SEED
        # Box-Muller makes two normals at a time; the second waits here for the next scalar draw.
        self.spare: float | None = None

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from `seed` and return the generator.

        A negative seed means `2**64 + seed`. Raises RuntimeError unless `seed` is an integer, and
        ValueError if it does not fit in 64 bits.
        """
        value = _checked_seed(seed)
        with self.lock:
            self._seed = value
            self.spare = None
            if self._engine is not None:
                self._engine.seed(value & 0xFFFFFFFF)
        return self

    def seed(self) -> int:
        """Restart the stream from a seed of the operating system's entropy, and return that."""
        value = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(value)
        return value

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self._seed

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """Draw `count` 32-bit words, one in each uint64. The caller holds `lock`."""
        words = self._words
        if words is None:
            words = self._start()
        return words.random_raw(count)

    def words64(self, count: int) -> npt.NDArray[np.uint64]:
        """Draw `count` 64-bit words, each of two draws, the first one high."""
        drawn = self.words(2 * count)
        wide = drawn[::2] << np.uint64(32)
        wide |= drawn[1::2]
        return wide

    def unit32(self, count: int) -> npt.NDArray[np.float32]:
        """Draw `count` float32 in [0, 1): the low 24 bits of a word each."""
        out = np.empty(count, np.float32)
        for start in starts(count, CHUNK):
            part = out[start : start + CHUNK]
            drawn = self.words(part.size)
            drawn &= LOW_24
            part[...] = drawn
            part *= np.float32(2.0**-24)
        return out

    def unit64(self, count: int) -> npt.NDArray[np.float64]:
        """Draw `count` float64 in [0, 1): the low 53 bits of a 64-bit word each."""
        out = np.empty(count)
        for start in starts(count, CHUNK):
            part = out[start : start + CHUNK]
            drawn = self.words64(part.size)
            drawn &= LOW_53
            np.multiply(drawn, 2.0**-53, out=part)
        return out

    def get_state(self) -> npt.NDArray[np.uint8]:
        """The whole state as (5056,) uint8, in the layout that torch's `get_state` returns."""
        with self.lock:
            words = self._words or self._start()
            inner: Any = words.state["state"]
            record = np.zeros(1, _STATE)
            key, position = inner["key"], int(inner["pos"])
            record["seed"] = self._seed
            record["left"] = 625 - position
            record["seeded"] = 1
            # Before the first draw torch's `next` is 0, after 624 it is 624; NumPy says 624 twice.
            fresh = position == 624 and int(key[0]) == self._seed & 0xFFFFFFFF
            record["next"] = 0 if fresh else position
            record["key"] = key
            if self.spare is not None:
                record["spare"], record["has_spare"] = self.spare, 1
            return record.view(np.uint8)

    def set_state(self, state: npt.NDArray[np.uint8]) -> None:
        """Go back to a state that `get_state` (or torch's) returned.

        `state: (5056,), uint8`. Raises TypeError for another type, RuntimeError for another size
        or for bytes that are no state; the generator is then as it was.
        """
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            found = getattr(state, "dtype", type(state).__name__)
            raise TypeError(
                f"set_state: RNG state must be a torch.ByteTensor, but got {found}; "
                "pass what get_state() returned"
            )
        if state.size != _STATE.itemsize:
            raise RuntimeError(
                f"set_state: Expected a CPUGeneratorImplState of size {_STATE.itemsize} but found "
                f"the input RNG state size to be {state.size}; pass what get_state() returned"
            )
        record = np.ascontiguousarray(state).reshape(-1).view(_STATE)[0]
        left, position = int(record["left"]), int(record["next"])
        if record["seeded"] != 1 or not 1 <= left <= 624 or position > 624:
            raise RuntimeError(
                "set_state: Invalid mt19937 state: the bytes are of the right size but not from a "
                "generator; pass what get_state() returned"
            )
        with self.lock:
            words = self._words or self._start()
            key = record["key"].astype(np.uint32)
            inner: Any = {"key": key, "pos": 624 if left == 1 else position}
            words.state = {"bit_generator": "MT19937", "state": inner}
            self._seed = int(record["seed"])
            self.spare = float(record["spare"]) if record["has_spare"] else None

    def clone_state(self) -> Generator:
        """A second generator that will give the same numbers from here on."""
        twin = type(self)(self.device)
        twin.set_state(self.get_state())
        return twin

    clone = clone_state

    def _start(self) -> MT19937:
        from numpy.random import MT19937, RandomState

        with self.lock:
            if self._words is None:
                # RandomState seeds as the reference MT19937 does, and torch with it; a bare
                # MT19937(seed) would hash the seed first.
                words = MT19937(0)
                self._engine = RandomState(words)
                self._engine.seed(self._seed & 0xFFFFFFFF)
                self._words = words
            return self._words

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.device,), self.get_state()

    def __setstate__(self, state: npt.NDArray[np.uint8]) -> None:
        self.set_state(state)


def _checked_seed(seed: int) -> int:
    """`seed` as an unsigned 64-bit number; bool and float are refused, as torch does."""
    try:
        value = None if isinstance(seed, bool) else as_index(seed)
    except TypeError:
        value = None
    if value is None:
        raise RuntimeError(
            f"manual_seed expected a long, but got {type(seed).__name__}; pass int(seed)"
        )
    if not -(2**63) <= value < 2**64:
        raise ValueError(
            f"manual_seed: Overflow when unpacking long long: expected a seed from -2**63 to "
            f"2**64 - 1, but got {value}; pass seed % 2**64"
        )
    return value % 2**64


# Like torch's, it starts from the system's entropy until `manual_seed` is called.
default_generator = Generator()
default_generator.seed()
