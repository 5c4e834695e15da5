"""The tiny models that the tests of this room share, each made when it is first asked for."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.asking import ROOT


@pytest.fixture(scope="session", autouse=True)
def _checkout() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        yield


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The directory of one of the models `trained`, `trained-encoder`, `random`, `random-encoder`.

    `…-converted` is the same model for CTranslate2.
    """
    from llmstep_lsp.worker.conversion import convert  # noqa: PLC0415  # only where the extras are installed
    from tests import tiny_model  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("models")

    @cache
    def made(name: str) -> Path:
        original, converted, _ = name.partition("-converted")
        if original == "trained":
            shared: Path = request.getfixturevalue("converted" if converted else "trained")
            return shared
        if converted:
            convert(str(made(original)), folder / name, "float32")
        elif original == "trained-encoder":
            tiny_model.save_trained_encoder(folder / name, context=512)
        elif original == "random":
            tiny_model.save_random(folder / name, context=2048)
        else:
            assert original == "random-encoder"
            tiny_model.save_random_encoder(folder / name, context=2048)
        return folder / name

    return made
