import pytest

from llmstep_lsp.domain.insertion import inserted, normalise
from llmstep_lsp.domain.model import Site, Snapshot
from llmstep_lsp.domain.text import Position, Range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  simp  \n", "simp"),
        ("\n    cases h with\n    | a => x\n      y\n", "cases h with\n| a => x\n  y"),
        ("cases h with\r\n| a => x", "cases h with\n| a => x"),
        ("    a\n  b", "a\nb"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_inserted_says_where_the_candidate_stands() -> None:
    end = Position(0, 2)
    site = Site(Range(end, end), "\n  ", 2, tail=" rest")
    text, place = inserted(Snapshot("u", 1, "by\nend"), site, "a\nb", pad="\n   ")
    assert text == "by\n  a\n  b\n    rest\nend"
    assert place == Range(Position(1, 2), Position(2, 3))
