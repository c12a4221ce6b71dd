"""Every public function under vmap, forward mode, and both orders of vmap and reverse mode.

The golden cases hold a call of every function. Each is a function of its tensors here, and is held
to the loop of single calls, and forward mode to reverse mode: <ct, J v> = <Jᵀ ct, v>.
"""

from __future__ import annotations

import re
import zlib

import pytest
from tests.func import every_function as harness
from tests.golden.functions_program import FAMILIES, read_cases

# Cases whose result depends on values, or on memory that a tensor inside vmap has none of: they
# raise RuntimeError. Each pattern is needed.
REFUSED = (
    r"item\(\)|tolist\(\)|numpy|(?<!is_)complex\(z|int\(v\(|'\{:.3f\}'",
    r"(?<!count_)nonzero\(|torch\.argwhere|argwhere\(\)|torch\.where\(b\(2, 3\)\)$",
    r"unique|masked_select|torch\.bincount\(",
    r"allclose|torch\.equal\(i| in t\(",
    r"x\[x > 0\]$|f\(2, 3\)\[.*(t\(\[True, False|torch\.uint8)|t\(1\):t\(3\)",
    r"one_hot\(t\(\[0, 2, 1\]\)\)$|tensor_split\(t\(|repeat_interleave\((f.*)?t\(",
    r"out=\(?[nt]\(",
    r"max_norm=|resize_",
    r"\bapply_\(|map_\(|pickle|copy\.copy|torch\.save",
    r"is_set_to|data_ptr|untyped_storage|dlpack",
    r"torch\.tensor\(\[t\(|D = type",
    # With randomness="same": numbers drawn from values that differ between the examples.
    r"bernoulli_?\(u|bernoulli\(t|multinomial\(t|\.multinomial|torch\.poisson"
    r"|rrelu\(.*training=True",
)
# Cases that refer to layouts, of which tensors inside vmap have none (a view is always possible),
# or call backward inside.
LENIENT = r"as_strided_\(|t\(\)\.view\(6\)|error_if_nonfinite|= nn\.Linear.*backward\(\)"
# Cases that differentiate by themselves, cut history, or write into what they were given, for which
# reverse and forward mode differ by design; embedding's padding row has a tangent and no gradient.
UNDIFFERENTIATED = (
    r"backward\(|autograd\.|retain_grad|no_grad|Parameter|\.data = |from_pretrained|padding_idx=2"
    r"|m, q\]|clip_grad|vector_to_parameters|deepcopy|max_norm|pickle|save|numpy"
)


def is_refused(text: str) -> bool:
    return any(re.search(pattern, text) for pattern in REFUSED)


def problems(text: str) -> list[str]:
    """What is wrong with a case under transforms."""
    case = harness.Case(text)
    examples = [case.example(number) for number in range(harness.EXAMPLES)]
    if not examples[0] or re.search(LENIENT, text):
        return []
    if any(isinstance(harness.single(case, e), Exception) for e in examples):
        return [p for p in [harness.check_vmap(case, examples)] if p]
    if is_refused(text):
        found = [harness.check_refused(case, examples)]
    else:
        found = [harness.check_vmap(case, examples)]
    if found == [None] and not re.search(UNDIFFERENTIATED, text):
        found.append(harness.check_jvp(case, examples[0]))
        if not is_refused(text):
            found.append(harness.check_grads(case, examples))
            if found[1:] == [None, None] and zlib.crc32(text.encode()) % 3 == 0:
                found += [
                    check(case, examples) for check in (harness.check_nested, harness.check_second)
                ]
    return [p for p in found if p]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.filterwarnings("ignore")
def test_every_function_under_transforms(family: str) -> None:
    found = []
    for text in read_cases(family):
        if "table(" not in text:
            found += [f"{text}\n    {problem}" for problem in problems(text)]
    assert not found, f"{len(found)} problems\n" + "\n".join(found)


def test_refusals_are_needed() -> None:
    texts = [text for family in FAMILIES for text in read_cases(family)]
    for pattern in REFUSED:
        for part in pattern.split("|"):
            try:
                alone = re.compile(part)
            except re.error:
                alone = re.compile(pattern)
            assert any(alone.search(text) for text in texts), part
