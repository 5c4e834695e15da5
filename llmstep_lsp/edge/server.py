"""Owns which requests and notifications of an editor are answered, and by what."""

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from llmstep_lsp.domain.model import Status
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.edge import commands
from llmstep_lsp.edge.code_actions import code_actions, disabled_action, prove_action
from llmstep_lsp.edge.completions import completion_items, ghosts, inline_completions, listed
from llmstep_lsp.edge.positions import cursor_of
from llmstep_lsp.edge.session import MakeParts, Session, Start


def create_server(make_parts: MakeParts, start: Start) -> Session:
    """A server, ready to be started."""
    server = Session(make_parts, start)
    _follow_the_session(server)
    _follow_documents(server)
    _answer_requests(server)
    commands.register(server)
    return server


def _follow_the_session(server: Session) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(session: Session, params: types.InitializeParams) -> None:
        session.open(params)

    @server.feature(types.INITIALIZED)
    async def initialized(session: Session, _params: types.InitializedParams) -> None:
        await session.opened()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configured(session: Session, params: types.DidChangeConfigurationParams) -> None:
        await session.reconfigure(params.settings)

    @server.feature(types.SHUTDOWN)
    def shutdown(session: Session, *_: object) -> None:
        session.close()


def _follow_documents(server: Session) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(session: Session, params: types.DidChangeTextDocumentParams) -> None:
        session.edited(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(session: Session, params: types.DidCloseTextDocumentParams) -> None:
        session.closed(params.text_document.uri)


def _answer_requests(server: Session) -> None:
    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix], resolve_provider=True),
    )
    async def code_action(session: Session, params: types.CodeActionParams) -> list[types.CodeAction]:
        return await _code_actions(session, params)

    @server.feature(types.CODE_ACTION_RESOLVE)
    def resolve_code_action(_session: Session, action: types.CodeAction) -> types.CodeAction:
        # Every action has its edit from the start; some editors ask all the same.
        return action

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions())
    def completion(session: Session, params: types.CompletionParams) -> types.CompletionList:
        return _completions(session, params)

    # Without options pygls does not announce it.
    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(
        session: Session, params: types.InlineCompletionParams
    ) -> types.InlineCompletionList:
        return await _inline_completions(session, params)


async def _code_actions(session: Session, params: types.CodeActionParams) -> list[types.CodeAction]:
    """What Lean has accepted at the cursor: by now, or within the time if the person asked."""
    if not _wants_quick_fixes(params.context):
        return []
    cursor = cursor_of(params.range)
    request, view = session.request(params.text_document.uri, cursor)
    asked = params.context.trigger_kind is not types.CodeActionTriggerKind.Automatic
    if asked:
        answer = await session.answer(request)
        session.tell(answer.notes)
    elif (known := session.known(request)) is not None:
        answer = known
    else:
        return []
    offer = session.offered(request, answer, answer.suggestions, "codeAction", asked=asked)
    found = code_actions(answer.suggestions, view, scores=session.settings.show_scores, offer=offer)
    if answer.goals and not any(s.verdict.status is Status.FINISHES for s in answer.suggestions):
        found.append(prove_action(view.snapshot.uri, cursor, session.settings.prove_seconds))
    if asked and not answer.suggestions and answer.notes and session.client.disabled_actions:
        found.append(disabled_action(answer.notes[0]))
    return found


def _completions(session: Session, params: types.CompletionParams) -> types.CompletionList:
    """What is known now; an editor that waits for us would keep the person from typing."""
    request, view = session.request(params.text_document.uri, params.position)
    if not session.settings.completion or not sites_at(request.snapshot.text, request.position):
        return types.CompletionList(is_incomplete=False, items=[])
    known = session.known(request)
    if known is None:
        return types.CompletionList(is_incomplete=True, items=[])
    shown = listed(known.suggestions, view, request.position)
    offer = session.offered(request, known, shown, "completion", asked=False)
    items = completion_items(shown, view, request.position, offer)
    return types.CompletionList(is_incomplete=not known.complete, items=items)


async def _inline_completions(
    session: Session, params: types.InlineCompletionParams
) -> types.InlineCompletionList:
    """The best step.  Editors show it when it comes, so this waits, until the next edit at most."""
    wanted = session.settings.ghost_text
    if wanted == "off":
        return types.InlineCompletionList([])
    request, view = session.request(params.text_document.uri, params.position)
    automatic = params.context.trigger_kind is types.InlineCompletionTriggerKind.Automatic
    try:
        if automatic and not session.settings.automatic:
            known = session.answers.known(request)
        else:
            known = await session.answer(request, first=True)
    except JsonRpcException as error:
        if automatic and error.code == types.LSPErrorCodes.RequestFailed:
            return types.InlineCompletionList([])  # it is in the log, and nobody asked
        raise
    if known is None:
        return types.InlineCompletionList([])
    shown = ghosts(known.suggestions, request.position, wanted)
    offer = session.offered(request, known, shown, "inlineCompletion", asked=not automatic)
    return types.InlineCompletionList(inline_completions(shown, view, offer))


def _wants_quick_fixes(context: types.CodeActionContext) -> bool:
    quick_fix = types.CodeActionKind.QuickFix.value
    return context.only is None or any(_includes(kind, quick_fix) for kind in context.only)


def _includes(kind: str, part: str) -> bool:
    """Whether code action kind `part` is `kind` or below it; "" includes all."""
    name = kind.value if isinstance(kind, types.CodeActionKind) else kind
    return name in {"", part} or part.startswith(name + ".")
