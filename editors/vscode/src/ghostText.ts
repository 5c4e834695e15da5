/**
 * Owns that ghost text appears when a step is found later than VS Code waits for it.
 *
 * VS Code gives a question up as it asks for completions, and does not ask again before the person
 * types.  So the server goes on, and VS Code is made to ask once more when there is something to show.
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

/** What was found too late, and where it belongs. */
interface Late {
    readonly found: Found
    readonly document: TextDocument
    readonly version: number
    readonly position: Position
}

export class GhostText {
    private late: Late | undefined

    readonly provide: Provide = async (document, position, context, token, next) => {
        const late = this.late
        this.late = undefined
        if (late && isAt(late, document, position)) return late.found
        if (!typed(context)) return next(document, position, context, token)
        const { version } = document
        const unhurried = new CancellationTokenSource().token
        const found = await next(document, position, context, unhurried)
        if (token.isCancellationRequested && any(found)) this.show({ found, document, version, position })
        return found
    }

    private show(late: Late): void {
        const editor = window.activeTextEditor
        if (!editor || !isAt(late, editor.document, editor.selection.active)) return
        this.late = late
        void commands.executeCommand('editor.action.inlineSuggest.trigger')
    }
}

function typed(context: InlineCompletionContext): boolean {
    return context.triggerKind === InlineCompletionTriggerKind.Automatic
}

function any(found: Found): boolean {
    return (found instanceof InlineCompletionList ? found.items : (found ?? [])).length > 0
}

function isAt(late: Late, document: TextDocument, position: Position): boolean {
    return document === late.document && document.version === late.version && position.isEqual(late.position)
}
