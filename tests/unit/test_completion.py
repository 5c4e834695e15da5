"""Which parts of a prompt go if it is too long, and where a text stops."""

import pytest

from llmstep_lsp.domain.completion import Part, Prompt, cut, until_stop

PROMPT = Prompt((Part("file", 1), Part("lemma", 0), Part("goal"), Part("more", 2)), system="You prove.")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (99, "filelemmagoalmore"),
        (17, "filelemmagoalmore"),
        (16, "filegoalmore"),
        (11, "goalmore"),
        (7, "goal"),
        (3, "goal"),
    ],
)
def test_the_lowest_ranks_go_first_and_no_more_than_must(size: int, expected: str) -> None:
    shorter = cut(PROMPT, lambda prompt: len(prompt.text) <= size)
    assert shorter.text == expected
    assert shorter.system == PROMPT.system


def test_of_equal_ranks_the_first_goes_first() -> None:
    prompt = Prompt((Part("a", 0), Part("b", 0), Part("c")))
    assert cut(prompt, lambda shorter: len(shorter.text) <= 2).text == "bc"


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [("a--b;c", (";", "--"), "a"), ("abc", ("d",), "abc"), ("abc", (), "abc"), ("abc", ("a",), "")],
)
def test_a_text_ends_at_the_first_stop_string(text: str, stop: tuple[str, ...], expected: str) -> None:
    assert until_stop(text, stop) == expected
