"""Owns what tests with real editors share.

They need editors, which `make test-editors` installs.  So they run only if they are asked for:
`pytest tests/editors`.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any(HERE.name in argument for argument in config.args):
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="runs with `make test-editors`"))
