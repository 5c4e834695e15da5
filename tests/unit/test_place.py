from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.domain.place import Place, holds, place_at
from tests.marked import cursor_in

MARKED = "theorem t : p := by\n  ‸\n\ntheorem u : q := by\n  skip\n"


def place(marked: str, prefix: str = "") -> Place:
    text, cursor = cursor_in(marked)
    return place_at(Snapshot("u", 1, text), cursor, prefix)


def test_a_place_stays_where_only_later_commands_change() -> None:
    assert place(MARKED) == place(MARKED.replace("skip", "simp")) == place(MARKED + "\n-- more\n")


def test_a_place_changes_with_its_command_and_what_is_above() -> None:
    places = [
        place(marked)
        for marked in (
            MARKED,
            MARKED.replace("t : p", "t : q"),
            "\n" + MARKED,
            MARKED.replace("‸\n", "‸\n  simp\n"),
        )
    ]
    assert len(set(places)) == 4


def test_cursors_that_mean_the_same_are_the_same_place() -> None:
    assert place("theorem t : p := by ‸sorry\n") == place("theorem t : p := by sor‸ry\n")
    assert place("theorem t : p := by ‸sorry\n") != place("theorem t : p := ‸by sorry\n")


def test_a_prefix_makes_another_place() -> None:
    assert place(MARKED) != place(MARKED, "rw")


def test_a_place_holds_as_long_as_lean_would_be_shown_the_same() -> None:
    found = place(MARKED)
    text = MARKED.replace("‸", "")
    assert holds(found, Snapshot("u", 2, text))
    assert holds(found, Snapshot("u", 2, text.replace("skip", "simp")))
    assert not holds(found, Snapshot("u", 2, text.replace("t : p", "t : q")))
    assert not holds(found, Snapshot("u", 2, ""))
