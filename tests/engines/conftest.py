from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def forget_traces() -> Iterator[None]:
    """PyTorch keeps the weights of every traced network until the process ends: twenty megabytes for each test here.

    Only for tests: a module that `torch.jit.script` made in this process could not be called afterwards.
    """
    yield
    torch._C._jit_clear_class_registry()
