/** Owns the list of steps: how they are asked for by a command, shown with the goals that remain, and inserted. */

import { CancellationTokenSource, type QuickPickItem, type TextEditor, window, workspace } from 'vscode'
import {
    ExecuteCommandRequest,
    type LanguageClient,
    type TextDocumentPositionParams,
    type WorkspaceEdit,
} from 'vscode-languageclient/node'

import { tellFailure } from './trouble'

/** What `llmstep.suggest` answers, as far as it is shown here. */
interface Answer {
    goals: string[]
    suggestions: { title: string; goals: string[]; edit: WorkspaceEdit }[]
    notes: string[]
}

/** The place of the cursor, as the server's commands take it. */
export function placeIn(client: LanguageClient, editor: TextEditor): TextDocumentPositionParams {
    return client.code2ProtocolConverter.asTextDocumentPositionParams(editor.document, editor.selection.active)
}

/** Show the steps at the cursor of `editor`, and insert the one that is chosen; all begin with `prefix`, if given. */
export async function suggest(client: LanguageClient, editor: TextEditor, prefix?: string): Promise<void> {
    const command = prefix === undefined ? 'llmstep.suggest' : 'llmstep.suggestWithPrefix'
    const list = window.createQuickPick<QuickPickItem & { edit?: WorkspaceEdit }>()
    const asking = new CancellationTokenSource()
    list.title = 'llmstep'
    list.placeholder = 'Looking for steps …'
    list.busy = true
    list.matchOnDetail = true
    list.onDidAccept(async () => {
        const edit = list.selectedItems[0]?.edit
        list.hide()
        if (edit) await insert(client, edit)
    })
    list.onDidHide(() => {
        asking.cancel()
        list.dispose()
    })
    list.show()
    try {
        const where = { ...placeIn(client, editor), ...(prefix === undefined ? {} : { prefix }) }
        const answer: Answer = await client.sendRequest(
            ExecuteCommandRequest.type,
            { command, arguments: [where] },
            asking.token,
        )
        list.placeholder = answer.goals[0] ? target(answer.goals[0]) : 'Nothing is to be proved here.'
        list.items = answer.suggestions.length
            ? answer.suggestions.map(one => ({ label: one.title, detail: one.goals.map(target).join('   '), edit: one.edit }))
            : [{ label: 'No next step', detail: answer.notes.join(' ') }]
    } catch (error) {
        if (asking.token.isCancellationRequested) return
        list.hide()
        void tellFailure(error)
    } finally {
        list.busy = false
    }
}

/** What is to be proved in `goal`, in one line. */
function target(goal: string): string {
    return goal.slice(goal.indexOf('⊢')).replace(/\s+/g, ' ')
}

async function insert(client: LanguageClient, edit: WorkspaceEdit): Promise<void> {
    const inserted = await workspace.applyEdit(await client.protocol2CodeConverter.asWorkspaceEdit(edit))
    if (!inserted) void window.showWarningMessage('llmstep: the document changed meanwhile. Ask again.')
}
