"""OpenAI's completions: which requests are taken, and what the answers say."""

from typing import Any

import pytest

from llmstep_lsp.domain.completion import Completion, Continuation, Part, Prompt, Token
from llmstep_lsp.edge.http.openai_wire import Answer, asked, models
from llmstep_lsp.edge.http.refusals import RefusedError, shape


def test_a_request_with_everything() -> None:
    found = asked(
        {
            "model": "tiny",
            "prompt": ["⊢ p", "⊢ q"],
            "n": 4,
            "max_tokens": 32,
            "temperature": 0.5,
            "stop": ["\n", "[GOAL]"],
            "seed": 7,
            "logprobs": 1,
            "stream": True,
            "use_beam_search": True,
        },
        "tiny",
    )
    assert found.completions == tuple(
        Completion(
            Prompt((Part(prompt),)),
            count=4,
            max_new_tokens=32,
            temperature=0.5,
            beams=True,
            seed=7,
            stop=("\n", "[GOAL]"),
            tokens=True,
        )
        for prompt in ("⊢ p", "⊢ q")
    )
    assert (found.n, found.logprobs, found.stream) == (4, True, True)


def test_defaults_are_those_of_openai() -> None:
    found = asked({"prompt": "⊢ p", "stop": None, "logprobs": None}, "tiny")
    (completion,) = found.completions
    assert (completion.count, completion.max_new_tokens, completion.temperature) == (1, 16, 1.0)
    assert (completion.stop, completion.beams) == ((), False)
    assert (found.logprobs, found.stream) == (False, False)


def test_without_a_seed_every_request_gets_other_samples() -> None:
    seeds = {asked({"prompt": "⊢ p"}, "tiny").completions[0].seed for _ in range(4)}
    assert len(seeds) == 4


@pytest.mark.parametrize(
    "idle",
    [
        {"top_p": 1},
        {"top_p": 1.0},
        {"echo": False},
        {"suffix": None},
        {"logit_bias": {}},
        {"presence_penalty": 0.0, "frequency_penalty": 0},
        {"n": 2, "best_of": 2},
        {"user": "somebody"},
        {"top_k": None},
    ],
)
def test_what_changes_no_answer_is_taken(idle: dict[str, Any]) -> None:
    assert asked({"prompt": "⊢ p", "seed": 1} | idle, "tiny").completions[0].seed == 1


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"top_p": 0.9}, "top_p"),
        ({"echo": True}, "echo"),
        ({"echo": 0}, "echo"),
        ({"best_of": 8}, "best_of"),
        ({"suffix": "done"}, "suffix"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"presence_penalty": 0.1}, "presence_penalty"),
        ({"frequency_penalty": -1}, "frequency_penalty"),
        ({"top_k": 5}, "top_k"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"n": 0}, "n"),
        ({"n": 2.0}, "n"),
        ({"n": True}, "n"),
        ({"n": 200, "prompt": ["a", "b"]}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": 3}, "stop"),
        ({"seed": "x"}, "seed"),
        ({"logprobs": 2}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"stream": 1}, "stream"),
        ({"use_beam_search": "yes"}, "use_beam_search"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"prompt": "\ud835"}, "prompt"),
        ({"model": 1}, "model"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedError) as refused:
        asked({"prompt": "⊢ p"} | wrong, "tiny")
    assert (refused.value.status, refused.value.param) == (400, param)
    assert f"`{param}`" in str(refused.value) or "choices" in str(refused.value)


def test_another_model_is_not_there() -> None:
    with pytest.raises(RefusedError) as refused:
        asked({"model": "gpt", "prompt": "⊢ p"}, "tiny")
    assert refused.value.status == 404
    assert shape("/v1/completions", refused.value) == {
        "error": {
            "message": "There is no model 'gpt' here; there is 'tiny'.",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }


def test_an_answer_numbers_its_choices_by_prompt() -> None:
    request = asked({"prompt": ["a", "b"], "n": 3, "max_tokens": 2, "logprobs": 0}, "tiny")
    ended = Continuation("rfl", -0.1, (Token("rfl", -0.15), Token("", -0.05)))
    cut = Continuation("si mp", -1.0, (Token("si", -1.5), Token(" mp", -0.5)))
    assert Answer("cmpl-1", 99, "tiny", 512, request).whole([[ended], [cut, ended]]) == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 99,
        "model": "tiny",
        "choices": [
            {
                "index": index,
                "text": text,
                "logprobs": {
                    "tokens": tokens,
                    "token_logprobs": log_probabilities,
                    "text_offset": offsets,
                    "top_logprobs": None,
                },
                "finish_reason": reason,
            }
            for index, text, tokens, log_probabilities, offsets, reason in [
                (0, "rfl", ["rfl", ""], [-0.15, -0.05], [0, 3], "stop"),
                (3, "si mp", ["si", " mp"], [-1.5, -0.5], [0, 2], "length"),
                (4, "rfl", ["rfl", ""], [-0.15, -0.05], [0, 3], "stop"),
            ]
        ],
        "usage": {"prompt_tokens": None, "completion_tokens": 6, "total_tokens": None},
    }


@pytest.mark.parametrize(
    ("tokens", "text", "context", "reason"),
    [
        (["rw", " [h]"], "rw [h]", None, "stop"),  # a server that does not count the end token
        (["rw", " [h", "]", " a"], "rw [h] a", None, "length"),
        (["rw", " [h", "]", ""], "rw [h]", None, "stop"),  # by the end token
        (["rw", " [h", "]", "\nrfl"], "rw [h]", None, "stop"),  # by the stop string "\n"
        (["rw", " [h"], "rw [h", 4, "length"),  # no more had room
        ([], "rw [h]", None, "stop"),  # nothing is known
    ],
)
def test_why_a_choice_ended(tokens: list[str], text: str, context: int | None, reason: str) -> None:
    request = asked({"prompt": "a", "max_tokens": 4, "stop": "\n"}, "tiny")
    continuation = Continuation(text, None, tuple(Token(token, -0.5) for token in tokens))
    answer = Answer("cmpl-1", 99, "tiny", context, request).whole([[continuation]])
    assert answer["choices"][0]["finish_reason"] == reason


def test_the_list_of_models_tells_the_context_once_it_is_known() -> None:
    model = {"id": "tiny", "object": "model", "created": 5, "owned_by": "llmstep-lsp"}
    assert models("tiny", None, 5) == {"object": "list", "data": [model]}
    assert models("tiny", 512, 5) == {"object": "list", "data": [{**model, "max_model_len": 512}]}
