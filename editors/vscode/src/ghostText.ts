/**
 * Owns that ghost text appears when a step is found later than VS Code waits for it.
 *
 * VS Code gives a question up as it asks for completions, and does not ask again before the person
 * types.  So the server goes on while the cursor stays, and VS Code is made to ask once more when there is
 * something to show.
 */

import {
    CancellationTokenSource,
    commands,
    type InlineCompletionContext,
    type InlineCompletionItem,
    InlineCompletionList,
    InlineCompletionTriggerKind,
    type Position,
    type TextDocument,
    window,
} from 'vscode'
import type { Middleware } from 'vscode-languageclient/node'

type Provide = NonNullable<Middleware['provideInlineCompletionItems']>
type Found = InlineCompletionItem[] | InlineCompletionList | null | undefined

/** Where ghost text belongs: a position in a version of a document. */
interface Place {
    readonly document: TextDocument
    readonly version: number
    readonly position: Position
}

export class GhostText {
    /** What was found too late. */
    private late: { found: Found; place: Place } | undefined

    readonly provide: Provide = async (document, position, context, token, next) => {
        const late = this.late
        this.late = undefined
        if (late && isAt(late.place, document, position)) return late.found
        if (!typed(context)) return next(document, position, context, token)
        const place = { document, version: document.version, position }
        const asking = new CancellationTokenSource()
        const moves = window.onDidChangeTextEditorSelection(() => {
            if (!isCursorAt(place)) asking.cancel()
        })
        try {
            const found = await next(document, position, context, asking.token)
            if (token.isCancellationRequested && any(found) && isCursorAt(place)) {
                this.late = { found, place }
                void commands.executeCommand('editor.action.inlineSuggest.trigger')
            }
            return found
        } finally {
            moves.dispose()
            asking.dispose()
        }
    }
}

function typed(context: InlineCompletionContext): boolean {
    return context.triggerKind === InlineCompletionTriggerKind.Automatic
}

function any(found: Found): boolean {
    return (found instanceof InlineCompletionList ? found.items : (found ?? [])).length > 0
}

function isCursorAt(place: Place): boolean {
    const editor = window.activeTextEditor
    return editor !== undefined && isAt(place, editor.document, editor.selection.active)
}

function isAt(place: Place, document: TextDocument, position: Position): boolean {
    return document === place.document && document.version === place.version && position.isEqual(place.position)
}
