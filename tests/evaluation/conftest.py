"""The tiny model that the tests of this room share, which samples."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model for CTranslate2 that knows some steps by heart."""
    from llmstep_lsp.worker.conversion import convert  # noqa: PLC0415  # only where the extras are installed
    from tests import tiny_model  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("model")
    tiny_model.save_trained(folder / "original", context=512)
    convert(str(folder / "original"), folder / "converted", "float32")
    return folder / "converted"
