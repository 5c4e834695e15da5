import pytest

from llmstep_lsp.domain.insertion import following, inserted, insertion, joined, normalise, on_new_line
from llmstep_lsp.domain.model import Site, Snapshot
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Position, Range, apply
from tests.marked import cursor_in


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


def joins(marked: str, *steps: str) -> tuple[str, str, str]:
    """`steps` as one text at the mark, the whole text then, and with `skip` behind it."""
    text, cursor = cursor_in(marked)
    snapshot, site = Snapshot("u", 1, text), sites_at(text, cursor)[0]
    after, below = following(snapshot, site, steps)
    return joined(snapshot, site, steps), after.text, inserted(after, below, "skip")[0]


def test_steps_follow_each_other_in_the_block_of_the_first() -> None:
    assert joins("by\n  ‸\n  done", "cases h with\n| a => x", "simp") == (
        "cases h with\n| a => x\nsimp",
        "by\n  cases h with\n  | a => x\n  simp\n  done",
        "by\n  cases h with\n  | a => x\n  simp\n  skip\n  done",
    )


def test_steps_behind_a_tactic_on_its_line_stay_there() -> None:
    for before in ("simp;", "simp <;>"):
        assert joins(f"theorem t : p := by {before} ‸sorry", "intro h", "rfl") == (
            "intro h; rfl",
            f"theorem t : p := by {before} intro h; rfl",
            f"theorem t : p := by {before} intro h; rfl; skip",
        )


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("theorem t : p := by ‸sorry", "theorem t : p := by\n  a\n  b"),
        ("theorem t : p := by‸", "theorem t : p := by\n  a\n  b"),
        ("  | inl h => ‸sorry", "  | inl h =>\n    a\n    b"),
        ("  · have : p := by ‸sorry\n    c", "  · have : p := by\n      a\n      b\n    c"),
        ("  exact f (by ‸sorry) c", "  exact f (by\n    a\n    b) c"),
    ],
)
def test_several_lines_begin_on_a_line_of_their_own(marked: str, expected: str) -> None:
    text, cursor = cursor_in(marked)
    snapshot, site = Snapshot("u", 1, text), sites_at(text, cursor)[0]
    assert apply(text, insertion(on_new_line(snapshot, site) or site, "a\nb")) == expected


def test_a_proof_of_several_lines_for_a_term_begins_below_its_by() -> None:
    text, cursor = cursor_in("theorem t : p := ‸sorry")
    (site,) = [site for site in sites_at(text, cursor) if site.lead == "by "]
    moved = on_new_line(Snapshot("u", 1, text), site)
    assert moved
    assert apply(text, insertion(moved, "a\nb")) == "theorem t : p := by\n  a\n  b"


@pytest.mark.parametrize("marked", ["by\n  ‸sorry", "  · ‸sorry", "  simp; ‸sorry", "  simp‸"])
def test_what_has_a_line_of_its_own_or_shares_one_with_a_tactic_stays(marked: str) -> None:
    text, cursor = cursor_in(marked)
    assert on_new_line(Snapshot("u", 1, text), sites_at(text, cursor)[0]) is None
