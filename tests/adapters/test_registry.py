"""How a generator is made from what a person writes."""

from pathlib import Path

import pytest

from llmstep_lsp.adapters.generators.cached import CachedGenerator
from llmstep_lsp.adapters.generators.registry import (
    Spec,
    make_generator,
    make_language_model,
    parse_spec,
    sampled,
    spec_of_model,
    stores_of,
)
from llmstep_lsp.adapters.generators.symbolic import SymbolicGenerator
from llmstep_lsp.errors import InputError


def test_a_spec_is_an_engine_and_its_options() -> None:
    text = "openai,url=http://localhost:8000/v1?a=b,model=m"
    assert parse_spec(text) == Spec("openai", {"url": "http://localhost:8000/v1?a=b", "model": "m"})
    assert str(parse_spec(text)) == text
    assert parse_spec(" symbolic ") == Spec("symbolic")


@pytest.mark.parametrize("text", ["", ",a=b", "openai,url", "openai,=x"])
def test_a_spec_that_is_none_is_told(text: str) -> None:
    with pytest.raises(InputError, match="write `engine` or `engine,option=value,…`"):
        parse_spec(text)


def test_a_model_alone_says_its_engine(tmp_path: Path) -> None:
    (tmp_path / "converted").mkdir()
    (tmp_path / "converted" / "model.bin").touch()
    assert [spec_of_model(m).engine for m in ("https://a/v1", str(tmp_path / "converted"), "org/m")] == [
        "openai",
        "ctranslate2",
        "transformers",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("transformers,model=m", "transformers"),
        ("ctranslate2,model=m,beams=true,samples=32,temperature=0.5", "ctranslate2"),
        ("openai,url=http://localhost:1/v1,model=m,prompt=chat", "openai"),
        ("vllm,model=m", "vllm"),
        ("vllm-in-process,model=m", "vllm-in-process"),
        ("llmstep,url=http://localhost:6000", "llmstep"),
    ],
)
def test_what_models_propose_is_remembered(text: str, expected: str) -> None:
    generator = make_generator(parse_spec(text), stores_of(0))
    assert isinstance(generator, CachedGenerator)
    assert generator.name == expected


def test_samples_and_a_seed_are_a_models_unless_it_says_others() -> None:
    assert str(sampled(parse_spec("openai,url=u,samples=4"), 32, 7)) == "openai,samples=4,seed=7,url=u"
    assert str(sampled(parse_spec("symbolic"), 32, 7)) == "symbolic"


def test_the_portfolio_is_not() -> None:
    assert isinstance(make_generator(Spec("symbolic"), stores_of(0)), SymbolicGenerator)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "gpt",
            "There is no generator gpt: choose box, ctranslate2, llmstep, openai, symbolic, transformers, vllm, vllm-in-process.",
        ),
        (
            "transformers",
            "The generator `transformers` cannot be made: required field missing in model. Its options: "
            "prompt, samples, max_new_tokens, temperature, beams, seed, model, device, dtype.",
        ),
        (
            "symbolic,model=m",
            "symbolic,model=m` cannot be made: extra fields found (model). Its options: none.",
        ),
        (
            "openai,url=u,samples=many",
            "cannot be made: invalid literal for int() with base 10: 'many' in samples.",
        ),
        ("openai,url=u,samples=0", "cannot be made: samples must be from 1 to 1000"),
        ("openai,url=u,temperature=-1", "cannot be made: temperature must be 0 or more"),
        ("openai,url=u,max_new_tokens=0", "cannot be made: max_new_tokens must be 1 or more"),
        ("openai,url=u,seed=-1", "cannot be made: seed must be from 0 to 4294967295"),
        ("transformers,model=m,beams=1", "cannot be made: it must be true or false, not 1 in beams."),
        ("transformers,model=m,prompt=p", "There is no prompt format p: choose"),
        (
            "ctranslate2,model=m,prompt=chat",
            "A converted model cannot be asked in a chat, as chat does: choose",
        ),
    ],
)
def test_what_cannot_be_made_is_told(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make_generator(parse_spec(text), stores_of(0))
    assert message in str(caught.value)


def test_a_converted_chat_model_is_asked_by_examples() -> None:
    prompt_format = make_language_model(Spec("ctranslate2", {"model": "Some-Instruct"})).prompt_format
    assert prompt_format is not None
    assert prompt_format.name == "few-shot"


def test_only_engines_of_ours_run_models() -> None:
    with pytest.raises(
        InputError, match="llmstep runs no models: choose box, ctranslate2, transformers, openai"
    ):
        make_language_model(Spec("llmstep", {"url": "http://localhost"}))


def test_a_new_file_in_a_models_folder_is_another_model(tmp_path: Path) -> None:
    def identity() -> str:
        generator = make_generator(Spec("transformers", {"model": str(tmp_path)}), stores_of(0))
        assert isinstance(generator, CachedGenerator)
        return generator._identity

    (tmp_path / "model.safetensors").write_text("a")
    before = identity()
    assert identity() == before
    (tmp_path / "model.safetensors").write_text("ab")
    assert identity() != before
