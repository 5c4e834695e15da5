"""Tokenizers that are learned."""

import pytest

pytest.importorskip("transformers")

from llmstep_lsp.adapters.generators.prompts import builtin_formats
from llmstep_lsp.domain.completion import Part, Prompt
from llmstep_lsp.domain.recipe import Example, NewModel
from llmstep_lsp.training.new_model import learn_tokenizer


def test_any_text_is_read_and_written_and_each_word_of_the_format_is_one_token() -> None:
    markers = builtin_formats()["names"].markers
    example = Example(
        Prompt((Part("[FILE] ◆d1[GOAL]◆v1 : Nat\n⊢ ◆d1 ◆v1 = 0[PROOFSTEP]"),)), "simp [◆d1]", ""
    )
    tokenizer = learn_tokenizer(NewModel("gpt-neox", vocabulary=500), 64, markers, [example] * 9)
    for text in [*markers, "exact ⟨◆v1, ◆l12⟩ § 𝔽"]:
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert [len(tokenizer(marker).input_ids) for marker in markers] == [1] * len(markers)
    assert not any("d1" in token for token in set(tokenizer.get_vocab()) - set(markers))
