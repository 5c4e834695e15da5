"""Files of several kinds become examples."""

import json
from pathlib import Path

import pytest

from llmstep_lsp.adapters.accept_log import AcceptLog
from llmstep_lsp.adapters.generators.prompts import choose_format, read_format
from llmstep_lsp.adapters.training.sources import read_examples
from llmstep_lsp.domain.completion import Part, Prompt
from llmstep_lsp.domain.offer import Offer, Record, Shown
from llmstep_lsp.domain.recipe import Example, held_out
from llmstep_lsp.errors import InputError

LLMSTEP = choose_format("llmstep")


def texts(file: Path) -> list[tuple[str, str]]:
    return [(example.prompt.text, example.answer) for example in read_examples(file, LLMSTEP)]


def write(file: Path, *lines: object) -> Path:
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


def pair(**fields: str) -> dict[str, str]:
    return {"state_before": "⊢ p", "tactic": "rfl", "state_after": ""} | fields


def test_pairs_are_rendered_for_their_first_goal(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.jsonl",
        pair(state_before="case a\nn : Nat\n⊢ p\n\n⊢ q", tactic="simp\n", file="A.lean", declaration="A.b"),
    )
    (found,) = read_examples(file, LLMSTEP)
    assert (found.prompt.text, found.answer) == ("[GOAL]case a\nn : Nat\n⊢ p[PROOFSTEP]", "simp")
    assert found.group == "A.lean\nA.b"


def test_instances_may_be_left_out_of_a_prompt_that_is_too_long(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", pair(state_before="inst✝ : Ring α\n⊢ p"))
    (found,) = read_examples(file, LLMSTEP)
    assert found.prompt.parts[1:3] == (Part("inst✝ : Ring α\n", 1), Part("⊢ p"))


def test_the_context_of_a_pair_is_shown_if_the_format_says_so(tmp_path: Path) -> None:
    told = read_format(
        "mine", 'template = "{context}[GOAL]{state}[PROOFSTEP]{prefix}"\ndeclaration = "[FILE]{text}"'
    )
    file = write(
        tmp_path / "a.jsonl",
        pair(state_before="⊢ even 4", context="def even (n : Nat) := n % 2 = 0\n\n", declaration="even.four"),
    )
    (found,) = read_examples(file, told)
    assert found.prompt.text == "[FILE]def even (n : Nat) := n % 2 = 0[GOAL]⊢ even 4[PROOFSTEP]"


def test_what_has_no_goal_or_no_step_is_left_out(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", pair(state_before=""), pair(tactic=" "), pair())
    assert texts(file) == [("[GOAL]⊢ p[PROOFSTEP]", "rfl")]


def test_lines_of_llmstep_are_taken_as_they_are(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.jsonl",
        {"input": "[GOAL]⊢ p[PROOFSTEP]", "output": "rfl<|endoftext|>"},
        {"input": "?", "output": "simp"},
    )
    assert list(read_examples(file, LLMSTEP)) == [
        Example(Prompt((Part("[GOAL]⊢ p[PROOFSTEP]"),)), "rfl", "[GOAL]⊢ p[PROOFSTEP]"),
        Example(Prompt((Part("?"),)), "simp", "?"),
    ]


def test_a_line_that_is_not_as_llmsteps_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", {"input": "a", "output": "b"}, {"input": "a"})
    with pytest.raises(InputError, match=r"Line 2 of .*a\.jsonl is not"):
        texts(file)


def test_a_line_that_is_no_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"input": "a", "output": "b"}\n{"input": "\xff", "output": "b"}\n')
    with pytest.raises(InputError, match=r"Line 2 of .*a\.jsonl is not"):
        texts(tmp_path / "a.jsonl")


def test_steps_that_were_taken_are_read_from_the_log_of_accepted_steps(tmp_path: Path) -> None:
    shown = tuple(Shown(text, "symbolic", None, "closes", ()) for text in ("rfl", "simp"))
    offer = Offer(
        "codeAction",
        asked=True,
        file="A.lean",
        goals=("⊢ p", "⊢ q"),
        prefix="",
        context="",
        suggestions=shown,
    )
    log = AcceptLog(tmp_path / "accepted.jsonl")
    log.keep(Record("1", "2026-01-01T00:00:00+00:00", offer, 1))
    log.keep(Record("2", "2026-01-01T00:00:00+00:00", offer, None))
    assert texts(tmp_path / "accepted.jsonl") == [("[GOAL]⊢ p[PROOFSTEP]", "simp")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot be read"),
        ("no json\n", "Line 1 of .* is no pair"),
        ('{"state_before": "x"}\n', "Line 1 of .* is no pair"),
        ("[1]\n", "neither a file of pairs nor LeanDojo"),
    ],
    ids=["missing", "text", "half a pair", "other list"],
)
def test_what_holds_no_pairs_is_told(tmp_path: Path, text: str | None, expected: str) -> None:
    if text is not None:
        (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(InputError, match=expected):
        texts(tmp_path / "a.jsonl")


def test_only_a_model_brings_a_format_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prompt.toml").write_text('template = "mine {state}"')
    assert choose_format(str(tmp_path)).template == "mine {state}"
    monkeypatch.chdir(tmp_path)
    assert choose_format("").name == "llmstep"  # a new model


def test_declarations_are_held_out_whole_and_as_many_as_wanted() -> None:
    groups = [f"A.lean\nd{i}" for i in range(10_000)]
    out = [group for group in groups if held_out(group, 0.1)]
    assert 900 < len(out) < 1100
    assert set(out) <= {group for group in groups if held_out(group, 0.2)}
    assert not any(held_out(group, 0.0) for group in groups)
