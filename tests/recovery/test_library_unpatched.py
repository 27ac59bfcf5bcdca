"""The library interface in plain and asyncio programs: its tests run in processes that nothing has patched."""

from pathlib import Path

import pytest
from unpatched import passes_unpatched

HERE = Path(__file__).parent


@pytest.mark.timeout(300)
@pytest.mark.parametrize("program", ["plain_usage.py", "plain_chain.py", "plain_chain_llmock.py"])
def test_given_an_unpatched_process_when_the_interface_is_used_then_all_of_it_works(program: str) -> None:
    """Without the suite's conftest, hence without gevent."""
    passes_unpatched(HERE / program, 280.0)
