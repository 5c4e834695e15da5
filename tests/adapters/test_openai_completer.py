"""Models behind a URL: what is asked of which server, and every way in which one can fail."""

import asyncio
import contextlib
import email.utils
import logging
import math
import sys
import time
import types
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from llmstep_lsp.adapters.generators.keys import find_key
from llmstep_lsp.adapters.generators.openai import OpenAICompleter
from llmstep_lsp.domain.completion import Completion, Continuation, Part, Prompt, Token
from llmstep_lsp.errors import GeneratorError
from tests.adapters.fake_model_server import (
    Asked,
    FakeModelServer,
    Reply,
    choice,
    models,
    refuse,
    say,
    stream,
)

PROMPT = Prompt((Part("[GOAL]⊢ p[PROOFSTEP]"),))
GREEDY = Completion(PROMPT, count=1, temperature=0)
FEW = Completion(PROMPT, count=4)
SECRET = "sk-0123456789abcdef"  # noqa: S105  # of nobody


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLMSTEP_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
async def server() -> AsyncIterator[FakeModelServer]:
    """Has the model `m`, and answers `rfl` to all questions until a test says something else."""
    async with FakeModelServer(lambda asked: listing(asked) or stream(choice("rfl"))) as server:
        yield server


@pytest.fixture
async def completer(server: FakeModelServer) -> AsyncIterator[OpenAICompleter]:
    completer = OpenAICompleter(server.url)
    yield completer
    await completer.aclose()


def listing(asked: Asked) -> Reply | None:
    return models("m") if asked.method == "GET" else None


def answering(*replies: Reply) -> Callable[[Asked], Reply]:
    """A script of what is answered to the questions, one after the other, and at last again and again."""
    rest = list(replies)
    return lambda asked: listing(asked) or (rest.pop(0) if len(rest) > 1 else rest[0])


async def complete(completer: OpenAICompleter, completion: Completion = GREEDY) -> list[Continuation]:
    return [continuation async for continuation in completer.complete(completion)]


async def texts(completer: OpenAICompleter, completion: Completion = GREEDY) -> list[str]:
    return [continuation.text for continuation in await complete(completer, completion)]


async def failure(completer: OpenAICompleter, completion: Completion = GREEDY) -> str:
    with pytest.raises(GeneratorError) as caught:
        await complete(completer, completion)
    return str(caught.value)


async def recovers(server: FakeModelServer, completer: OpenAICompleter) -> bool:
    """Whether the next question is answered."""
    server.script = answering(stream(choice("rfl")))
    return await texts(completer) == ["rfl"]


# What is asked.


async def test_all_samples_are_asked_for_at_once(server: FakeModelServer, completer: OpenAICompleter) -> None:
    completion = Completion(
        PROMPT, count=4, max_new_tokens=9, temperature=0.5, seed=7, stop=("[GOAL]",), seconds=60
    )
    server.script = answering(stream(*(choice(f"simp{i}", i) for i in range(4))))
    assert await texts(completer, completion) == ["simp0", "simp1", "simp2", "simp3"]
    (asked,) = server.asked
    assert asked.path == "/v1/completions"
    assert asked.body == {
        "model": "m",
        "prompt": "[GOAL]⊢ p[PROOFSTEP]",
        "max_tokens": 9,
        "temperature": 0.5,
        "n": 4,
        "seed": 7,
        "stop": ["[GOAL]"],
        "logprobs": 1,
        "stream": True,
    }


async def test_temperature_0_is_one_request(server: FakeModelServer, completer: OpenAICompleter) -> None:
    assert await texts(completer, replace(FEW, temperature=0)) == ["rfl"]
    assert len(server.asked) == 1


async def test_equal_continuations_come_once(server: FakeModelServer, completer: OpenAICompleter) -> None:
    server.script = answering(stream(choice("rfl", 0), choice("simp", 1), choice("rfl", 2)))
    assert await texts(completer, FEW) == ["rfl", "simp"]


async def test_a_continuation_comes_as_soon_as_it_ends(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = answering(stream(choice("ex", 0, None), choice("rfl", 1), done=False, hangs=True))
    async with asyncio.timeout(10):
        async for continuation in completer.complete(GREEDY):
            assert continuation.text == "rfl"
            break


async def test_pieces_are_put_together_by_their_index(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = answering(
        stream(
            choice("exact ", 0, None),
            choice("in", 1, None),
            choice("h", 0, None),
            choice("tro x", 1),
            choice("p", 0, "length"),
        )
    )
    assert await texts(completer) == ["intro x", "exact hp"]


async def test_line_breaks_of_unicode_and_cut_characters_do_no_harm(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    whole = stream(choice("exact ⟨\u2028, \x85⟩", 0)).chunks[0]
    server.script = answering(
        Reply(
            200,
            [bytes([byte]) for byte in b": hello\r\n" + whole + b"data: [DONE]"],
            {"Content-Type": "text/event-stream"},
        )
    )
    assert await texts(completer) == ["exact ⟨\u2028, \x85⟩"]


async def test_a_server_that_does_not_stream(server: FakeModelServer, completer: OpenAICompleter) -> None:
    both = {"choices": [*choice("rfl", 0)["choices"], *choice("simp", 1)["choices"]]}
    server.script = answering(say(both))
    assert await texts(completer) == ["rfl", "simp"]


async def test_the_first_model_is_taken_unless_one_is_named(server: FakeModelServer) -> None:
    server.script = lambda asked: models("a", "b") if asked.method == "GET" else stream(choice("rfl"))
    for name, expected in ((None, "a"), ("b", "b")):
        completer = OpenAICompleter(server.url, name)
        assert await texts(completer) == ["rfl"]
        assert server.asked[-1].body["model"] == expected
        assert (await completer.ready()).model == expected
        await completer.aclose()


async def test_a_named_model_needs_no_listing(server: FakeModelServer) -> None:
    server.script = lambda asked: (
        refuse(404, "no listing") if asked.method == "GET" else stream(choice("rfl"))
    )
    completer = OpenAICompleter(server.url, "m")
    assert await texts(completer) == ["rfl"]
    await completer.aclose()


async def test_no_models_at_all(server: FakeModelServer, completer: OpenAICompleter) -> None:
    server.script = lambda _: models()
    assert (
        await failure(completer) == f"{server.url} lists no models: load one there, or name the one you mean."
    )


# Scores.


async def test_the_score_is_the_mean_log_probability(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = answering(
        stream(
            choice("r", 0, None, logprobs={"tokens": ["r"], "token_logprobs": [-0.5]}),
            choice("fl", 0, logprobs={"tokens": ["fl", ""], "token_logprobs": [-1.0, -0.75]}),
        )
    )
    assert await complete(completer) == [Continuation("rfl", -0.75)]
    tokens = (Token("r", -0.5), Token("fl", -1.0), Token("", -0.75))
    assert await complete(completer, replace(GREEDY, tokens=True)) == [Continuation("rfl", -0.75, tokens)]


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"tokens": ["a"], "token_logprobs": [None]},
        {"tokens": ["a"], "token_logprobs": [math.nan]},
        3,
    ],
)
async def test_without_log_probabilities_there_is_no_score(
    server: FakeModelServer, completer: OpenAICompleter, logprobs: Any
) -> None:
    server.script = answering(say(choice("rfl", logprobs=logprobs)))
    assert await complete(completer) == [Continuation("rfl", None)]


# Servers that can do less.


async def test_a_server_that_gives_one_choice_is_asked_for_the_others_one_by_one(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    """As Ollama, which ignores `n`."""
    server.script = lambda asked: (
        listing(asked) or stream(choice(f"simp {asked.body['temperature']} {asked.body['seed']}"))
    )
    for _ in range(2):
        assert sorted(await texts(completer, FEW)) == ["simp 0.7 0", "simp 0.7 1", "simp 0.7 2", "simp 0.7 3"]
    assert [asked.body.get("n") for asked in server.asked].count(4) == 1
    assert len(server.asked) == 8


async def test_a_server_that_refuses_n(server: FakeModelServer, completer: OpenAICompleter) -> None:
    """As llama.cpp did until 2025, and not even with the status of a bad request."""
    server.script = lambda asked: (
        listing(asked)
        or (
            refuse(500, "Only one completion choice is allowed")
            if "n" in asked.body
            else stream(choice(f"simp {asked.body['temperature']} {asked.body['seed']}"))
        )
    )
    assert sorted(await texts(completer, FEW)) == ["simp 0.7 0", "simp 0.7 1", "simp 0.7 2", "simp 0.7 3"]


async def test_fewer_choices_than_wanted_are_the_answer(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = answering(stream(choice("rfl", 0), choice("simp", 1)))
    assert await texts(completer, FEW) == ["rfl", "simp"]
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [404, 405])
async def test_a_server_that_only_chats(
    server: FakeModelServer, completer: OpenAICompleter, status: int
) -> None:
    said = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "rfl"},
        "logprobs": {"content": [{"token": "r", "logprob": -0.5}, {"token": "fl", "logprob": -1.5}]},
    }
    server.script = lambda asked: (
        listing(asked)
        or (say({"choices": [said]}) if asked.path == "/v1/chat/completions" else say({}, status))
    )
    for _ in range(2):
        assert await complete(completer) == [Continuation("rfl", -1.0)]
    assert [asked.path for asked in server.asked] == ["/v1/completions", *["/v1/chat/completions"] * 2]
    assert server.asked[-1].body == {
        "model": "m",
        "messages": [{"role": "user", "content": PROMPT.text}],
        "max_tokens": 128,
        "temperature": 0.0,
        "seed": 0,
        "logprobs": True,
        "top_logprobs": 1,
        "stream": True,
    }


async def test_a_prompt_with_a_system_message_is_a_chat(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    def piece(content: str | None, finish: str | None = None) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]}

    usage = {"choices": [], "usage": {"total_tokens": 3}}
    server.script = answering(stream(piece(None), piece("rf"), piece("l"), piece(None, "stop"), usage))
    assert await texts(completer, Completion(Prompt((Part("⊢ p"),), "You prove."), count=1)) == ["rfl"]
    assert server.asked[0].path == "/v1/chat/completions"
    assert server.asked[0].body["messages"] == [
        {"role": "system", "content": "You prove."},
        {"role": "user", "content": "⊢ p"},
    ]


async def test_parameters_that_a_server_turns_down_are_left_out(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    """In the words of OpenAI, of pydantic and of others."""
    unwanted = {
        "max_tokens": refuse(400, "Unsupported parameter: 'max_tokens' is not supported with this model."),
        "temperature": refuse(400, "Unsupported value: 'temperature' does not support 0 with this model."),
        "logprobs": refuse(400, "logprobs is not available here", param="logprobs"),
        "seed": say({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, 422),
        "stop": refuse(400, "Invalid 'stop': array too long."),
        "stream": refuse(400, "'stream' is not supported"),
    }
    server.script = lambda asked: (
        listing(asked)
        or next(
            (reply for name, reply in unwanted.items() if name in asked.body), say(choice("rfl[GOAL]⊢ q"))
        )
    )
    completion = replace(GREEDY, stop=("[GOAL]",))
    assert await texts(completer, completion) == ["rfl"]
    assert server.asked[-1].body == {"model": "m", "prompt": PROMPT.text, "max_completion_tokens": 128}
    before = len(server.asked)
    assert await texts(completer, completion) == ["rfl"]
    assert len(server.asked) == before + 1


async def test_beams_are_asked_of_vllm(server: FakeModelServer, completer: OpenAICompleter) -> None:
    both = {"choices": [*choice("rfl", 0)["choices"], *choice("simp", 1)["choices"]]}
    server.script = lambda asked: models("m", owned_by="vllm") if asked.method == "GET" else say(both)
    assert await texts(completer, replace(FEW, beams=True)) == ["rfl", "simp"]
    [asked] = server.asked
    assert {name: asked.body[name] for name in ("use_beam_search", "n", "temperature", "stream")} == {
        "use_beam_search": True,
        "n": 4,
        "temperature": 0.0,
        "stream": False,
    }


async def test_elsewhere_samples_take_the_place_of_beams(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = answering(stream(choice("rfl", 0), choice("simp", 1)))
    assert await texts(completer, replace(FEW, beams=True)) == ["rfl", "simp"]
    assert [asked.body["temperature"] for asked in server.asked] == [0.7]


# The length of prompts.

LONG = Prompt((Part("a" * 40, 1), Part("b" * 30), Part("c" * 20, 0), Part("d" * 10)))


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (200, "a" * 40 + "b" * 30 + "c" * 20 + "d" * 10),
        (110, "a" * 40 + "b" * 30 + "d" * 10),
        (90, "b" * 30 + "d" * 10),
        (40, "b" * 8 + "d" * 10),
    ],
)
@pytest.mark.parametrize("owner", ["vllm", "llamacpp"])
async def test_the_server_counts_the_tokens_of_a_long_prompt(
    server: FakeModelServer, completer: OpenAICompleter, owner: str, context: int, expected: str
) -> None:
    """A token is a character here; 20 are new, at most half of the context, and two are kept for the server."""

    def script(asked: Asked) -> Reply:
        match asked.path:
            case "/v1/models":
                length = {"max_model_len": context} if owner == "vllm" else {"meta": {"n_ctx_train": 9999}}
                return models("m", owned_by=owner, **length)
            case "/props":
                return say({"default_generation_settings": {"n_ctx": context}})
            case "/tokenize":
                text = asked.body["prompt" if owner == "vllm" else "content"]
                return say({"tokens": list(range(len(text)))})
        return stream(choice("rfl"))

    server.script = script
    assert await texts(completer, Completion(LONG, 1, max_new_tokens=20)) == ["rfl"]
    assert server.asked[-1].body["prompt"] == expected
    assert server.asked[-1].body["max_tokens"] == 20
    assert (await completer.ready()).context == context


async def test_without_a_tokenizer_three_bytes_are_a_token(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = lambda asked: (
        models("m", max_model_len=52) if asked.method == "GET" else stream(choice("rfl"))
    )
    await texts(completer, Completion(LONG, 1, max_new_tokens=20))
    assert server.asked[-1].body["prompt"] == "a" * 40 + "b" * 30 + "d" * 10


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 40 tokens. However, you requested 128 output tokens and "
        "your prompt contains at least 101 input tokens. Please reduce 'max_tokens'.",
        "request (101 tokens) exceeds the available context size (40 tokens), try increasing it",
        "The prompt exceeds the context window.",
    ],
)
async def test_a_prompt_that_the_server_finds_too_long_is_cut_further(
    server: FakeModelServer, completer: OpenAICompleter, message: str
) -> None:
    def script(asked: Asked) -> Reply:
        fits = asked.body and len(asked.body["prompt"]) + asked.body["max_tokens"] <= 40
        return listing(asked) or (stream(choice("rfl")) if fits else refuse(400, message))

    server.script = script
    assert await texts(completer, Completion(LONG, 1, max_new_tokens=20)) == ["rfl"]
    assert server.asked[-1].body["prompt"].endswith("d" * 10)
    assert len(server.asked) < 10


# Faults.  After each, the next question is answered.


async def test_a_hanging_server(server: FakeModelServer) -> None:
    completer = OpenAICompleter(server.url, silence=0.3)
    server.script = answering(Reply(mute=True))
    assert await failure(completer) == (
        f"{server.url} said nothing for 0.3 seconds: it hangs, or it is still loading its model; "
        "look into its log, restart it, or ask again later."
    )
    assert await recovers(server, completer)
    server.script = answering(stream(choice("rf", 0, None), done=False, hangs=True))
    assert "said nothing for 0.3 seconds" in await failure(completer)
    await completer.aclose()


async def test_nothing_within_the_time(server: FakeModelServer, completer: OpenAICompleter) -> None:
    await texts(completer)
    server.script = answering(Reply(mute=True))
    assert await failure(completer, replace(GREEDY, seconds=0.3)) == (
        f"{server.url} sent nothing within 0.3 seconds: it hangs, or is too slow for that; "
        "look into its log, allow more time, or choose a smaller model."
    )
    assert await recovers(server, completer)


async def test_what_has_not_ended_in_time_is_given_up(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = answering(stream(choice("rfl"), choice("ex", 1, None), done=False, hangs=True))
    assert await texts(completer, replace(GREEDY, seconds=0.5)) == ["rfl"]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
async def test_a_passing_failure_is_asked_again(
    server: FakeModelServer, completer: OpenAICompleter, status: int
) -> None:
    server.script = answering(refuse(status, "loading"), refuse(status, "loading"), stream(choice("rfl")))
    assert await texts(completer) == ["rfl"]
    assert len(server.asked) == 3


async def test_a_lasting_failure(server: FakeModelServer, completer: OpenAICompleter) -> None:
    server.script = answering(refuse(500, "the GPU\nis gone"))
    assert await failure(completer) == (
        f"{server.url} failed (500: the GPU is gone): look into its log, and ask again."
    )
    assert len(server.asked) == 3
    assert await recovers(server, completer)


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_server_says_how_long_to_wait(
    server: FakeModelServer, completer: OpenAICompleter, form: str
) -> None:
    after = "2" if form == "seconds" else email.utils.formatdate(time.time() + 3, usegmt=True)
    server.script = answering(say({"error": "busy"}, 429, Retry_After=after), stream(choice("rfl")))
    started = time.monotonic()
    assert await texts(completer) == ["rfl"]
    assert time.monotonic() - started > 1.9


async def test_no_pause_goes_beyond_the_time(server: FakeModelServer, completer: OpenAICompleter) -> None:
    server.script = answering(say({"error": "busy"}, 429, Retry_After="30"), stream(choice("rfl")))
    async with asyncio.timeout(10):
        assert await failure(completer, replace(GREEDY, seconds=20)) == (
            f"{server.url} turns questions away for now (429: busy): wait, or raise your limit there."
        )
    assert len(server.asked) == 1


async def test_nobody_listens(server: FakeModelServer, completer: OpenAICompleter) -> None:
    await server.stop()
    assert await failure(completer) == (
        f"No server answers at {server.url} (All connection attempts failed): "
        "start the model server, or correct the URL."
    )
    await server.listen(server.port)
    assert await texts(completer) == ["rfl"]


async def test_a_server_that_was_restarted(server: FakeModelServer, completer: OpenAICompleter) -> None:
    assert await texts(completer) == ["rfl"]
    await server.stop()
    await server.listen(server.port)
    assert await texts(completer) == ["rfl"]


async def test_a_wrong_model(server: FakeModelServer) -> None:
    server.script = lambda asked: (
        models("a", "b") if asked.method == "GET" else refuse(404, "The model `m` does not exist.")
    )
    completer = OpenAICompleter(server.url, "m")
    assert await failure(completer) == (
        f"{server.url} has no model m (The model `m` does not exist.): choose one of a, b."
    )
    server.script = lambda asked: models("m") if asked.method == "GET" else stream(choice("rfl"))
    assert await texts(completer) == ["rfl"]
    await completer.aclose()


async def test_a_server_that_has_another_model_now(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    """The first question to it fails, as it is meant for the other model."""
    assert await texts(completer) == ["rfl"]
    server.script = lambda asked: (
        models("b")
        if asked.method == "GET"
        else stream(choice("simp"))
        if asked.body["model"] == "b"
        else refuse(404, "The model `m` does not exist.")
    )
    assert "for the model m" in await failure(completer)
    assert await texts(completer) == ["simp"]


async def test_a_wrong_path(server: FakeModelServer) -> None:
    server.script = lambda _: say({"detail": "Not Found"}, 404)
    completer = OpenAICompleter(server.url, "m")
    assert await failure(completer) == (
        f"{server.url} has neither /completions nor /chat/completions for the model m (Not Found): "
        "check the model's name, and the URL, which mostly ends in /v1."
    )
    await completer.aclose()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(200, [b""]), "nothing"),
        (Reply(200, [b'{"choices": [{"te']), '{"choices": [{"te'),
        (Reply(200, [b"<html>Sign in</html>"]), "<html>Sign in</html>"),
        (say([1]), "[1]"),
        (say({"choices": [3]}), '{"choices": [3]}'),
        (Reply(200, [b"[" * 100_000]), "[" * 400 + "…"),
        (stream({"answer": 42}), '{"answer": 42}'),
    ],
    ids=["nothing", "cut", "html", "list", "number", "deep", "event"],
)
async def test_what_is_not_of_the_protocol(
    server: FakeModelServer, completer: OpenAICompleter, reply: Reply, said: str
) -> None:
    server.script = answering(reply)
    assert await failure(completer) == (
        f"{server.url} answered what is not of its protocol ({said}): "
        "check that the URL is that of a model server."
    )
    assert await recovers(server, completer)


@pytest.mark.parametrize(
    "reply",
    [
        stream(choice("rfl"), choice("simp", 1, None), done=False),
        stream(choice("rfl"), choice("simp", 1, None), choice("p", 1), done=False, broken=True),
    ],
    ids=["ended", "broken"],
)
async def test_a_stream_that_breaks_off(
    server: FakeModelServer, completer: OpenAICompleter, reply: Reply
) -> None:
    """What had ended by then is told."""
    server.script = answering(reply)
    coming = completer.complete(GREEDY)
    assert (await anext(coming)).text == "rfl"
    with pytest.raises(GeneratorError) as caught:
        await anext(coming)
    assert str(caught.value) == (
        f"{server.url} closed the connection in the middle of its answer: "
        "look into its log (its memory may have run out) and ask again."
    )
    assert await recovers(server, completer)


async def test_an_answer_that_breaks_off(server: FakeModelServer, completer: OpenAICompleter) -> None:
    server.script = answering(Reply(200, [choice("rfl")], broken=True))
    assert "closed the connection in the middle" in await failure(completer)
    assert await recovers(server, completer)


async def test_an_error_in_the_middle_of_a_stream(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = answering(stream(choice("r", 0, None), {"error": {"message": "EngineCore died"}}))
    assert await failure(completer) == (
        f"{server.url} failed (EngineCore died): look into its log, and ask again."
    )


@pytest.mark.parametrize(
    "reply",
    [
        say({"choices": []}),
        say({"choices": [{"index": 0, "message": {"content": None}, "finish_reason": "length"}]}),
    ],
)
async def test_an_answer_without_text(
    server: FakeModelServer, completer: OpenAICompleter, reply: Reply
) -> None:
    server.script = answering(reply)
    assert (await failure(completer)).startswith(f"{server.url} answered without any text: ask again")


async def test_other_refusals_are_quoted(server: FakeModelServer, completer: OpenAICompleter) -> None:
    server.script = answering(refuse(400, "the model has no chat template"))
    assert await failure(completer) == (
        f"{server.url} turned the question down (400: the model has no chat template)."
    )
    server.script = answering(Reply(307, [b""], {"Location": "http://elsewhere/"}))
    assert await failure(completer) == f"{server.url} has moved (status 307): name its new URL."


async def test_a_prompt_that_is_no_unicode(server: FakeModelServer, completer: OpenAICompleter) -> None:
    assert await texts(completer, Completion(Prompt((Part("⊢ \udc80"),)), 1)) == ["rfl"]
    assert server.asked[0].body["prompt"] == "⊢ \udc80"


@pytest.mark.parametrize("reply", [Reply(mute=True), stream(choice("rfl"), done=False, hangs=True)])
async def test_cancelling_closes_the_request(
    server: FakeModelServer, completer: OpenAICompleter, reply: Reply
) -> None:
    server.script = answering(reply)
    asking = asyncio.create_task(complete(completer))
    async with asyncio.timeout(10):
        while not server.asked:  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.left.wait()
    assert await recovers(server, completer)


async def test_closing_the_iterator_closes_the_request(
    server: FakeModelServer, completer: OpenAICompleter
) -> None:
    server.script = answering(stream(choice("rfl"), choice("ex", 1, None), done=False, hangs=True))
    async with asyncio.timeout(10):
        async with contextlib.aclosing(completer.complete(GREEDY)) as coming:
            assert (await anext(coming)).text == "rfl"
        await server.left.wait()


async def test_closing_ends_what_is_asked(server: FakeModelServer, completer: OpenAICompleter) -> None:
    server.script = answering(Reply(mute=True))
    asking = asyncio.create_task(failure(completer))
    async with asyncio.timeout(10):
        while not server.asked:  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0.01)
        await completer.aclose()
        assert server.url in await asking
    assert await recovers(server, completer)


# Keys and URLs.


async def test_the_key_is_sent_and_shown_nowhere(
    server: FakeModelServer,
    completer: OpenAICompleter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("LLMSTEP_API_KEY", f" {SECRET}\n")
    caplog.set_level(logging.DEBUG)
    await texts(completer)
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"
    server.script = answering(refuse(401, f"Incorrect API key: {SECRET}"))
    assert await failure(completer) == (
        f"{server.url} does not accept the key of LLMSTEP_API_KEY (401: Incorrect API key: …): correct it "
        "there, or set LLMSTEP_API_KEY, or run `keyring set llmstep-lsp 127.0.0.1`."
    )
    server.script = answering(say({"error": {"message": "no", "key": SECRET}}, 500))
    shown = [await failure(completer), repr(completer), caplog.text, str(vars(completer))]
    shown += [repr(vars(completer._server)), repr(find_key(httpx.URL(server.url)))]
    assert SECRET not in "".join(shown)
    assert caplog.text


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_missing(
    server: FakeModelServer, completer: OpenAICompleter, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    server.script = lambda asked: (
        listing(asked) or stream(choice("rfl"))
        if "authorization" in asked.headers
        else refuse(status, "Unauthorized")
    )
    assert await failure(completer) == (
        f"{server.url} wants a key ({status}: Unauthorized): set LLMSTEP_API_KEY, "
        "or run `keyring set llmstep-lsp 127.0.0.1`."
    )
    monkeypatch.setenv("LLMSTEP_API_KEY", SECRET)
    assert await texts(completer) == ["rfl"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://me:pw@localhost:1/v1", "http://localhost:1/v1 has a password, a query or a fragment in it"),
        ("https://host/v1?key=pw", "https://host/v1 has a password, a query or a fragment in it"),
        ("ftp://host/v1", "ftp://host/v1 is no URL of a model server"),
        ("localhost:8000", "is no URL of a model server"),
        ("http://[::1", "The URL of the model server is none"),
    ],
)
async def test_urls_that_are_not_asked(url: str, said: str) -> None:
    completer = OpenAICompleter(url)
    told = await failure(completer)
    assert said in told
    assert "pw" not in told
    await completer.aclose()


def key(url: str) -> tuple[str, str] | None:
    found = find_key(httpx.URL(url))
    return (found.value, found.source) if found else None


def test_which_variable_a_key_is_read_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert key("https://api.openai.com/v1") is None
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    assert key("https://api.openai.com/v1") == ("theirs", "OPENAI_API_KEY")
    assert key("https://eu.api.openai.com/v1") == ("theirs", "OPENAI_API_KEY")
    assert key("https://api.openai.com.example.org/v1") is None
    assert key("https://notapi.openai.com/v1") is None
    assert key("http://localhost:8000/v1") is None
    monkeypatch.setenv("LLMSTEP_API_KEY", "ours")
    assert key("https://api.openai.com/v1") == ("ours", "LLMSTEP_API_KEY")
    assert key("https://example.org/v1") == ("ours", "LLMSTEP_API_KEY")


def test_a_key_of_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {("llmstep-lsp", "example.org"): "kept\n", ("llmstep-lsp", "empty.org"): ""}
    keyring = types.SimpleNamespace(get_password=lambda service, user: kept.get((service, user)))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert key("https://example.org:8443/v1") == ("kept", "the keyring (llmstep-lsp, example.org)")
    assert key("https://empty.org/v1") is None
    assert key("https://other.org/v1") is None
    monkeypatch.setenv("LLMSTEP_API_KEY", "ours")
    assert key("https://example.org/v1") == ("ours", "LLMSTEP_API_KEY")


def test_a_keyring_that_fails_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_service: str, _user: str) -> str:
        raise OSError("no D-Bus")

    monkeypatch.setitem(sys.modules, "keyring", types.SimpleNamespace(get_password=fail))
    assert key("https://example.org/v1") is None


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.8.9.1", "[::1]:8000", "a.localhost"])
def test_a_key_may_go_to_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("LLMSTEP_API_KEY", SECRET)
    assert key(f"http://{host}/v1") == (SECRET, "LLMSTEP_API_KEY")


@pytest.mark.parametrize("host", ["example.org", "192.168.0.2:8000", "localhost.example.org"])
def test_a_key_does_not_go_over_plain_http(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("LLMSTEP_API_KEY", SECRET)
    with pytest.raises(GeneratorError) as caught:
        key(f"http://{host}/v1")
    assert str(caught.value) == (
        f"The key of LLMSTEP_API_KEY is not sent to {host.partition(':')[0]} over plain http, where others can "
        "read it: use an https URL, a tunnel to localhost, or take the key away."
    )


@pytest.mark.parametrize("value", ["a b", "schlüssel", "a\nb"])
def test_what_is_no_key(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LLMSTEP_API_KEY", value)
    with pytest.raises(GeneratorError, match="What LLMSTEP_API_KEY holds is no key") as caught:
        key("https://example.org/v1")
    assert value not in str(caught.value)
