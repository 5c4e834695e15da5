import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmstep_lsp.domain.lexing import mask, tokens


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("a -- b\nc", "a     \nc"),
        ("a /- b /- c -/ d -/ e", "a                   e"),
        ("a /- b", "a     "),
        ('f "a\\"b" c', "f        c"),
        ('f r#"a"b"# c', "f          c"),
        ("h' 'x' 'a", "h'     'a"),
        ("x' y' z", "x' y' z"),
        ("/-- doc -/ theorem", "           theorem"),
        ('"--" a', "     a"),
    ],
)
def test_mask(text: str, masked: str) -> None:
    assert mask(text) == masked


@given(st.text(alphabet="ab-/\"\\r# \n'"))
def test_mask_keeps_length_and_lines(text: str) -> None:
    masked = mask(text)
    assert [len(line) for line in masked.split("\n")] == [len(line) for line in text.split("\n")]


def test_tokens() -> None:
    assert tokens('simp [Nat.add_comm, ←h₁\'] at «odd name» -- sorry "x"') == [
        "simp", "[", "Nat.add_comm", ",", "←", "h₁'", "]", "at", "«odd name»",
    ]  # fmt: skip


def test_tokens_of_commands_keep_their_sharp() -> None:
    assert tokens("rfl\n#eval 1") == ["rfl", "#eval", "1"]
