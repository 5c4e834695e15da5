from dataclasses import replace

from lsprotocol import types

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate, Snapshot, Status, Suggestion, Verdict
from llmstep_lsp.domain.text import Edit, Position, Range
from llmstep_lsp.edge.capabilities import Capabilities, resolve
from llmstep_lsp.edge.code_actions import code_actions, disabled_action, prove_action
from llmstep_lsp.edge.view import View

SNAPSHOT = Snapshot("file:///a.lean", 7, "𝔽 by\n")
PLACE = Range(Position(0, 4), Position(0, 4))
FINISHES = Suggestion(
    Candidate("exact h", "model", -0.5), Verdict(Status.FINISHES), Edit(PLACE, "\n  exact h")
)
ADVANCES = Suggestion(
    Candidate("constructor", "symbolic"),
    Verdict(Status.ADVANCES, (parse_goal("⊢ p"), parse_goal("⊢ q"))),
    Edit(PLACE, "\n  constructor"),
)
PLAIN = Capabilities()


def test_titles_say_status_step_and_what_remains() -> None:
    closes = replace(ADVANCES, verdict=Verdict(Status.CLOSES, (parse_goal("⊢ q"),)))
    titles = [
        action.title for action in code_actions((FINISHES, closes, ADVANCES), View(SNAPSHOT, PLAIN, "\n"))
    ]
    assert titles == [
        "llmstep: 🎉 exact h",
        "llmstep: ✓ constructor (goal closed, 1 left)",
        "llmstep: → constructor (2 goals: ⊢ p)",
    ]


def test_a_long_step_is_shortened_in_its_middle() -> None:
    long = replace(FINISHES, candidate=Candidate("simp [" + ", ".join(["lemma"] * 20) + "]", "symbolic"))
    (action,) = code_actions((long,), View(SNAPSHOT, PLAIN, "\n"))
    assert action.title == "llmstep: 🎉 simp [lemma, lemma, lemma, le…, lemma, lemma, lemma, lemma]"


def test_only_a_first_step_that_finishes_is_preferred() -> None:
    assert [a.is_preferred for a in code_actions((FINISHES, FINISHES), View(SNAPSHOT, PLAIN, "\n"))] == [
        True,
        None,
    ]
    assert [a.is_preferred for a in code_actions((ADVANCES, FINISHES), View(SNAPSHOT, PLAIN, "\n"))] == [
        None,
        None,
    ]


def test_edits_have_the_clients_units_and_line_ends() -> None:
    (action,) = code_actions((FINISHES,), View(SNAPSHOT, PLAIN, "\r\n"))
    at = types.Position(0, 5)
    assert action.edit == types.WorkspaceEdit(
        changes={"file:///a.lean": [types.TextEdit(types.Range(at, at), "\r\n  exact h")]}
    )


def test_versioned_edits_where_the_client_takes_them() -> None:
    client = types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True)
        )
    )
    (action,) = code_actions((FINISHES,), View(SNAPSHOT, resolve(client, "utf-32"), "\n"))
    at = types.Position(0, 4)
    document = types.OptionalVersionedTextDocumentIdentifier(uri="file:///a.lean", version=7)
    assert action.edit == types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(document, [types.TextEdit(types.Range(at, at), "\n  exact h")])
        ]
    )


def test_what_a_model_proposed_is_tagged_where_the_client_knows_the_tag() -> None:
    tag = types.CodeActionTag.LlmGenerated
    client = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(
            code_action=types.CodeActionClientCapabilities(tag_support=types.CodeActionTagOptions([tag]))
        )
    )
    actions = code_actions((FINISHES, ADVANCES), View(SNAPSHOT, resolve(client, "utf-16"), "\n"))
    assert [action.tags for action in actions] == [[tag], None]


def test_scores_are_said_when_they_are_asked_for() -> None:
    view = View(SNAPSHOT, PLAIN)
    scored = replace(ADVANCES, candidate=Candidate("constructor", "model", -1.234))
    titles = [a.title for a in code_actions((FINISHES, scored, ADVANCES), view, scores=True)]
    assert titles == [
        "llmstep: 🎉 exact h (-0.50)",
        "llmstep: → constructor (2 goals: ⊢ p; -1.23)",
        "llmstep: → constructor (2 goals: ⊢ p)",
    ]


def test_a_search_is_a_command_with_its_place() -> None:
    action = prove_action("file:///a.lean", types.Position(3, 2), 60.0)
    assert action.title == "llmstep: search for a whole proof (up to 60 s)"
    assert action.command is not None
    assert (action.command.command, action.command.arguments) == (
        "llmstep.prove",
        [{"textDocument": {"uri": "file:///a.lean"}, "position": {"line": 3, "character": 2}}],
    )


def test_an_action_that_cannot_be_taken_says_why() -> None:
    assert disabled_action("No goals are left here.").disabled == types.CodeActionDisabled(
        "No goals are left here."
    )
