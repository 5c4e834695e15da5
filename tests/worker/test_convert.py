"""`llmstep-lsp convert`, with real models."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llmstep_lsp.adapters.generators.worker import Engine, WorkerCompleter
from llmstep_lsp.edge.convert import Quantization, convert
from llmstep_lsp.errors import GeneratorError
from tests.asking import complete, completion, environment

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from tests.tiny_model import LESSONS

pytestmark = pytest.mark.model


@pytest.mark.parametrize("name", ["trained", "trained-encoder"])
async def test_a_converted_model_knows_what_it_knew(
    name: str, model: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "new" / "model"
    convert(str(model(name)), directory, Quantization.FLOAT32)
    assert capfd.readouterr().out == (
        f"{model(name)} was converted: name the engine ctranslate2 and the model {directory}.\n"
    )
    assert [path.name for path in directory.parent.iterdir()] == ["model"]
    completer = WorkerCompleter(Engine("ctranslate2", str(directory), device="cpu"))
    assert (await completer.ready()).dtype == "float32"
    for goal, step in LESSONS.items():
        asked = completion(f"[GOAL]{goal}[PROOFSTEP]", count=1)
        assert [one.text for one in await complete(completer, asked)] == [step]
    await completer.aclose()


async def test_in_8_bits_a_model_is_a_third_as_large_and_answers(
    model: Callable[[str], Path], tmp_path: Path
) -> None:
    """What it answers depends on the processor: so small a model has no bits to spare."""
    for quantization in (Quantization.INT8, Quantization.FLOAT32):
        convert(str(model("trained")), tmp_path / quantization, quantization)
    small, large = ((tmp_path / kept / "model.bin").stat().st_size for kept in ("int8", "float32"))
    assert small < large / 3
    completer = WorkerCompleter(Engine("ctranslate2", str(tmp_path / "int8"), device="cpu"))
    assert (await completer.ready()).dtype == "int8_float32"
    asked = completion(f"[GOAL]{next(iter(LESSONS))}[PROOFSTEP]", count=1)
    (answer,) = await complete(completer, asked)
    assert answer.text
    await completer.aclose()


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        ("nowhere/at/all", {}, "There is no directory .*: name a model directory"),
        ("model", {}, r"holds no model \(it has no config\.json\)"),
        ("model", {"config.json": json.dumps({"model_type": "vit"})}, r"cannot be loaded \(.*\)"),
    ],
    ids=["missing", "empty", "other"],
)
def test_what_cannot_be_converted_leaves_nothing(
    tmp_path: Path, name: str, files: dict[str, str], expected: str
) -> None:
    (tmp_path / "model").mkdir()
    for file, text in files.items():
        (tmp_path / "model" / file).write_text(text)
    with pytest.raises(GeneratorError, match=expected):
        convert(str(tmp_path / name), tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_nothing_is_overwritten(model: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="exists already: name a directory that does not"):
        convert(str(model("random")), tmp_path)


def test_a_missing_extra_is_named(
    model: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ctranslate2.py").write_text("raise ImportError('none here')")
    monkeypatch.setenv("PYTHONPATH", environment(broken)["PYTHONPATH"])
    with pytest.raises(GeneratorError, match=r"none here.*pip install 'llmstep-lsp\[transformers\]'"):
        convert(str(model("random")), tmp_path / "made")
