"""How a model is asked for a step, and how its answer is read."""

from pathlib import Path

import pytest

from llmstep_lsp.adapters.generators.prompts import builtin_formats, choose_format, read_format
from llmstep_lsp.domain.completion import cut
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.errors import InputError
from llmstep_lsp.ports import Question, Rejection

GOAL = "p q : Prop\nhp : p\nhq : q\n⊢ {x | p} = ∅"
FILE = """def double (n : Nat) := 2 * n

theorem double_zero : double 0 = 0 := by
  rfl

theorem other : True := trivial

theorem t (n : Nat) : double n = n + n := by
  """
DOUBLE = Question((parse_goal("n : Nat\n⊢ double n = n + n"),), "rw [", FILE, 8)


def question(prefix: str = "") -> Question:
    return Question((parse_goal(GOAL),), prefix, "", 8)


def asked(name: str, asked: Question, lemmas: tuple[str, ...] = ()) -> str:
    return builtin_formats()[name].prompt(asked, lemmas).text


def test_the_llmstep_prompt() -> None:
    assert asked("llmstep", question("exact ")) == f"[GOAL]{GOAL}[PROOFSTEP]exact "


def test_the_reprover_prompt() -> None:
    assert asked("reprover", question("exact ")) == f"{GOAL}exact "


def test_braces_in_goal_and_prefix_stay() -> None:
    braces = Question((parse_goal("⊢ {state}"),), "{prefix}", "", 8)
    assert asked("llmstep", braces) == "[GOAL]⊢ {state}[PROOFSTEP]{prefix}"


def test_the_few_shot_prompt_ends_in_the_goal_and_the_prefix() -> None:
    text = asked("few-shot", DOUBLE, ("Nat.two_mul",))
    examples, _, rest = text.partition("From the same file:")
    assert examples.count("Tactic:\n") == 3
    assert rest == (
        "\n```\ndef double (n : Nat) := 2 * n\n```\n"
        "From the same file:\n```\ntheorem double_zero : double 0 = 0 := by\n  rfl\n```\n"
        "In the library: Nat.two_mul\n"
        "\nState:\n```\nn : Nat\n⊢ double n = n + n\n```\nTactic:\n```\nrw ["
    )


def test_a_chat_names_the_prefix_and_what_lean_turned_down() -> None:
    chat = builtin_formats()["chat"]
    rejected = Question(DOUBLE.goals, "rw [", "", 8, rejected=(Rejection("rw [h]", "unknown h"),))
    prompt = chat.prompt(rejected)
    assert prompt.system == chat.system
    assert prompt.text == (
        "The proof state:\n```lean\nn : Nat\n⊢ double n = n + n\n```\n"
        "This was tried, and Lean does not accept it:\n```lean\nrw [h]\n```\nLean says: unknown h\n"
        "Your answer must begin with exactly `rw [`.\nAnswer with the next tactic."
    )


def test_a_long_message_of_lean_is_cut() -> None:
    rejected = Question(DOUBLE.goals, "", "", 8, rejected=(Rejection("rfl", "x" * 5000),))
    assert asked("chat", rejected).count("x" * 400) == 1
    assert "x" * 401 not in asked("chat", rejected)


def test_what_goes_first_is_the_least_relevant_of_the_file_then_lemmas_then_instances() -> None:
    goal = parse_goal("α : Type\ninst✝¹ : Add α\ninst✝ : Mul α\nn : Nat\n⊢ double n = n + n")
    prompt = builtin_formats()["few-shot"].prompt(Question((goal,), "", FILE, 8), ("A.one", "B.two"))
    marks = ["theorem double_zero", "def double", "B.two", "A.one", "inst✝¹", "inst✝ ", "α : Type"]
    gone: list[list[str]] = []
    for length in range(len(prompt.text), 0, -1):
        left = cut(prompt, lambda shorter, length=length: len(shorter.text) <= length).text  # type: ignore[misc]
        missing = [mark for mark in marks if mark not in left]
        if missing not in gone:
            gone.append(missing)
    assert gone == [marks[:n] for n in range(len(marks))]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("wellecks/llmstep-mathlib4-pythia2.8b", "llmstep"),
        ("kaiyuy/leandojo-lean4-tacgen", "reprover"),
        ("/models/My-ReProver-Small", "reprover"),
        ("/models/My-ReProver-Small/", "reprover"),
        ("/home/reprover/models/mine", "llmstep"),
        ("EleutherAI/llemma_7b", "few-shot"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "chat"),
        ("mine", "llmstep"),
        ("encoder", "llmstep"),
        ("Qwen/Qwen2.5-Coder-7B", "few-shot"),
    ],
)
def test_a_model_is_asked_in_the_format_of_its_family(model: str, expected: str) -> None:
    assert choose_format(model).name == expected


def test_the_user_may_choose_another_format() -> None:
    assert choose_format("wellecks/llmstep-mathlib4-pythia2.8b", "few-shot").name == "few-shot"


def test_a_format_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('template = "{state} -> {prefix}"\nstop = ["\\n"]\n')
    mine = choose_format("any", str(tmp_path / "mine.toml"))
    assert (mine.name, mine.stop) == ("mine", ("\n",))
    assert mine.prompt(Question((parse_goal("⊢ p"),), "si", "", 8)).text == "⊢ p -> si"


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("template = ", "Invalid value"),
        ("", "required field missing"),
        ('template = "{goal}"', r"there is no field \{goal\}, only \{context\}"),
        ('template = "state"', r"the template has no \{state\}"),
        ('template = "{state}"\nstops = ["x"]', "extra fields found"),
    ],
)
def test_a_format_that_is_none_is_told(toml: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_format("mine", toml)


def test_a_format_that_does_not_exist_is_told() -> None:
    with pytest.raises(
        InputError, match="There is no prompt format x: choose llmstep, reprover, names, chat, few-shot"
    ):
        choose_format("any", "x")


@pytest.mark.parametrize(
    ("prefix", "continuation", "expected"),
    [
        ("", "rfl", "rfl"),
        ("", "\n  rfl \n", "rfl"),
        ("exact ", "⟨hp, hq⟩\n", "exact ⟨hp, hq⟩"),
        ("exact", " hp", "exact hp"),
        ("  exact ", "hp", "  exact hp"),
        ("simp", "", "simp"),
        (
            "",
            "cases h with\n  | inl h => simp\n    | inr h => rfl",
            "cases h with\n  | inl h => simp\n    | inr h => rfl",
        ),
        ("", " \n", ""),
    ],
)
def test_a_step_is_the_prefix_and_what_the_model_wrote(prefix: str, continuation: str, expected: str) -> None:
    assert builtin_formats()["llmstep"].step(question(prefix), continuation) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("rw [h]", "rw [h]"),
        ("Sure:\n```lean\nrw [h]\n```\nThat closes it.", "rw [h]"),
        ("```lean4\n  cases h with\n  | inl h => simp\n```", "  cases h with\n  | inl h => simp"),
        ("```\nrw [h]", "rw [h]"),
        ("", ""),
    ],
)
def test_a_chat_answers_with_the_whole_step(answer: str, expected: str) -> None:
    assert builtin_formats()["chat"].step(question("rw ["), answer) == expected


ROWS = """inductive Row where
  | done : Row

def Row.size : Row → Nat
  | .done => 0

theorem size_done : Row.done.size = 0 := rfl

theorem t (size : Row) : Row.size size = 0 := by
  """
GOAL_IN_ROWS = "size r : Row\nh : r = size\nr✝ : Row\n⊢ size.size = 0 ∧ Row.size r = 0"
VEILED = Question((parse_goal(GOAL_IN_ROWS),), "simp [Row", ROWS, 8)


def test_names_of_the_file_are_veiled() -> None:
    assert asked("names", VEILED) == (
        "[FILE] ◆t1 ◆t1.◆d1 ◆l1[GOAL]◆d1 ◆v1 : ◆t1\n◆v2 : ◆v1 = ◆d1\n◆v1✝ : ◆t1\n"
        "⊢ ◆d1.◆d1 = 0 ∧ ◆t1.◆d1 ◆v1 = 0[PROOFSTEP]simp [◆t1"
    )


@pytest.mark.parametrize(
    ("continuation", "expected"),
    [
        (".◆d1, ◆l1, ◆v2]", "simp [Row.size, size_done, h]"),
        ("] at h", "simp [Row] at h"),
        (", ◆d2]", ""),  # stands for nothing
        (", ◆]", ""),
    ],
)
def test_what_a_model_writes_is_unveiled(continuation: str, expected: str) -> None:
    assert builtin_formats()["names"].step(VEILED, continuation) == expected


def test_what_a_model_is_to_write_is_veiled() -> None:
    names = builtin_formats()["names"]
    assert names.answer(VEILED, "rw [size_done, Row.size]") == "rw [◆l1, ◆t1.◆d1]"
    assert builtin_formats()["llmstep"].answer(VEILED, "rw [size_done]") == "rw [size_done]"


def test_the_words_of_a_format() -> None:
    assert builtin_formats()["llmstep"].markers == ("[GOAL]", "[PROOFSTEP]")
    markers = builtin_formats()["names"].markers
    assert (markers[:4], len(markers)) == (("[FILE]", "[GOAL]", "[PROOFSTEP]", "◆d1"), 3 + 4 * 12)
