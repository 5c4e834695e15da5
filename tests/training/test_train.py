"""`llmstep-lsp train`, with real models."""

import asyncio
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("accelerate")
pytest.importorskip("ctranslate2")
pytest.importorskip("peft")
pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoTokenizer, GPTNeoConfig, GPTNeoForCausalLM

from llmstep_lsp.adapters.generators.language_model import LanguageModel
from llmstep_lsp.adapters.generators.registry import Spec, make_bare_generator, spec_of_model
from llmstep_lsp.domain.recipe import PRESETS, Recipe
from tests.asking import ROOT, ask, environment
from tests.tiny_model import LESSONS, save_random_encoder
from tests.training.running import TINY, command, log, run, write_pairs

pytestmark = pytest.mark.model

BY_HEART = ("--held-out", "0", "--length", "128", "--learning-rate", "3e-3")


@pytest.fixture(scope="module", autouse=True)
def _checkout() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        yield


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.jsonl", LESSONS.items())


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory, pairs: Path) -> Path:
    """The directory of a run that made a GPT-NeoX from nothing."""
    return _made(tmp_path_factory.mktemp("decoder") / "out", pairs, "--new", f"gpt-neox,{TINY}")


def _made(out: Path, pairs: Path, *options: str | Path, steps: int = 120) -> Path:
    done = run(pairs, *BY_HEART, *options, "--epochs", str(steps), "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"The model is ready: name {out / 'ctranslate2'} with --model, or, on a GPU, {out / 'model'}.\n"
    )
    return out


def _answers(out: Path) -> dict[str, list[str]]:
    """What the converted model says to the goals of `LESSONS`, asked as everybody would."""
    return asyncio.run(_ask(spec_of_model(str(out / "ctranslate2"))))


async def _ask(spec: Spec) -> dict[str, list[str]]:
    generator = make_bare_generator(Spec(spec.engine, {**spec.options, "temperature": "0", "device": "cpu"}))
    try:
        return {goal: [found.text for found in await ask(generator, goal, count=1)] for goal in LESSONS}
    finally:
        await generator.aclose()


KNOWN = {goal: [step] for goal, step in LESSONS.items()}


def test_a_new_decoder_learns_by_heart(decoder: Path) -> None:
    assert _answers(decoder) == KNOWN
    assert {"checkpoints", "ctranslate2", "log.jsonl", "loss.png", "model", "run.json"} <= {
        path.name for path in decoder.iterdir()
    }
    (first, *_, last) = log(decoder)
    assert set(first) == {"step", "epoch", "seconds", "loss", "learning_rate", "tokens"}
    assert (first["step"], last["step"]) == (10, 120)
    assert last["loss"] < 0.1 < first["loss"]
    assert json.loads((decoder / "model" / "config.json").read_text())["use_cache"] is True


@pytest.mark.parametrize("architecture", ["llama", "t5"])
def test_so_do_the_other_architectures(architecture: str, pairs: Path, tmp_path: Path) -> None:
    out = _made(tmp_path / "out", pairs, "--new", f"{architecture},{TINY}", "--max-steps", "1000")
    assert _answers(out) == KNOWN
    assert log(out)[-1]["step"] == 120  # of 120 epochs, of one step each


def test_a_model_with_an_encoder_that_reads_bytes_is_trained_further(pairs: Path, tmp_path: Path) -> None:
    save_random_encoder(tmp_path / "byt5", context=512)
    exact = ("--preset", "scratch", "--precision", "float32", "--quantization", "float32")
    out = _made(tmp_path / "out", pairs, "--model", tmp_path / "byt5", *exact)
    assert _answers(out) == KNOWN


def test_low_ranks_are_trained_and_merged_and_the_model_is_asked_as_it_was_trained(
    decoder: Path, tmp_path: Path
) -> None:
    turned = dict(zip(LESSONS, reversed(LESSONS.values()), strict=True))
    pairs = write_pairs(tmp_path / "pairs.jsonl", turned.items())
    options = ("--model", decoder / "model", "--preset", "scratch", "--lora", "8", "--prompt", "reprover")
    out = _made(tmp_path / "out", pairs, *options, "--every", "100")
    assert not list((out / "model").glob("adapter*"))
    for model in (out / "ctranslate2", out / "model"):
        generator = make_bare_generator(spec_of_model(str(model)))
        assert isinstance(generator, LanguageModel)
        assert generator.prompt_format is not None
        assert generator.prompt_format.name == "reprover"
    assert _answers(out) == {goal: [step] for goal, step in turned.items()}


def test_a_finished_run_says_so_and_another_one_is_refused(decoder: Path, pairs: Path) -> None:
    same = (*BY_HEART, "--new", f"gpt-neox,{TINY}", "--epochs", "120")
    done = run(pairs, *same, "--out", decoder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"This training is finished: name {decoder / 'ctranslate2'} with --model")
    done = run(pairs, *same, "--seed", "1", "--lora", "4", "--out", decoder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"llmstep-lsp: {decoder} holds another run, with --seed 0; no --lora: name another --out, or say the same.\n"
    )
    done = run(pairs, pairs, *same, "--out", decoder)
    assert f"{decoder} holds another run, with other pairs" in done.stderr


def test_a_killed_run_goes_on_and_makes_what_it_would_have_made(tmp_path: Path) -> None:
    steps = [(f"n{i} : Nat\n⊢ n{i} + {i} = {i} + n{i}", f"exact Nat.add_comm n{i} {i}") for i in range(40)]
    pairs = write_pairs(tmp_path / "pairs.jsonl", steps)
    options = ["--new", f"gpt-neox,{TINY}", "--held-out", "0.2", "--batch", "4", "--epochs", "100"]
    options += ["--every", "10", "--max-steps", "70", "--quantization", "float32"]
    killed, moved, whole = tmp_path / "killed", tmp_path / "moved", tmp_path / "whole"
    with subprocess.Popen(
        command(pairs, *options, "--out", killed), stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        while not (killed / "checkpoints" / "checkpoint-20" / "trainer_state.json").is_file():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()  # ends when the child has ended too
    assert not (killed / "model").exists()
    killed.rename(moved)
    done = run(pairs, *options, "--out", moved)
    assert done.returncode == 0, done.stderr
    assert "Going on after step" in done.stderr
    assert run(pairs, *options, "--out", whole).returncode == 0
    assert _without_time(log(moved)) == _without_time(log(whole))
    assert log(whole)[-1]["step"] == 70
    for file in ("model/model.safetensors", "ctranslate2/model.bin"):
        assert (moved / file).read_bytes() == (whole / file).read_bytes()


def _without_time(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in entries]


def test_a_model_is_made_in_time_even_if_it_reads_little_and_can_be_neither_converted_nor_drawn(
    decoder: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "matplotlib.py").write_text("raise ImportError('none here')")
    tokenizer = AutoTokenizer.from_pretrained(decoder / "model")
    config = GPTNeoConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_layers=1,
        num_heads=2,
        attention_types=[[["global"], 1]],
        max_position_embeddings=32,
        bos_token_id=0,
        eos_token_id=0,
    )
    GPTNeoForCausalLM(config).save_pretrained(tmp_path / "given")
    tokenizer.save_pretrained(tmp_path / "given")
    pairs = write_pairs(tmp_path / "pairs.jsonl", [("⊢ " + "p ∧ " * 300, "simp")] * 4)
    out = tmp_path / "out"
    options: list[str | Path] = [
        "--model",
        tmp_path / "given",
        "--held-out",
        "0.5",
        "--learning-rate",
        "1e-3",
    ]
    options += ["--epochs", "1000000", "--max-minutes", "0.1"]
    done = run(pairs, *options, "--out", out, paths=(tmp_path / "broken",))
    assert (done.returncode, done.stdout) == (1, "")
    counts, *rest = done.stderr.splitlines()
    # Of 32 tokens a half is kept for answers.
    assert counts.endswith(" parameters learn 2 examples of 42 tokens; 2 examples are held out.")
    assert rest[:2] == [
        "loss.png is not drawn, for want of matplotlib: pip install 'llmstep-lsp[bench]'.",
        "Converting for CTranslate2.",
    ]
    assert rest[2].startswith(
        f"llmstep-lsp: The model is trained: name {out / 'model'} with --model. It could not be converted for "
        "CTranslate2: No conversion is registered for the model configuration GPTNeoConfig"
    )
    assert (out / "model" / "model.safetensors").is_file()
    last = log(out)[-1]
    assert 6 <= last["seconds"] < 12
    assert "held_out_loss" in last
    assert [entry["learning_rate"] for entry in log(out) if "loss" in entry][-1] < 1e-4


def test_the_published_recipe_is_as_it_was_published() -> None:
    assert PRESETS["llmstep"] == Recipe(
        length=1024,
        epochs=10,
        batch=4,
        accumulate=2,
        learning_rate=1e-5,
        warmup=0.03,
        weight_decay=0.0,
        precision="float16",
        every=500,
        held_out=0.05,
    )
