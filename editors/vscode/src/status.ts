/** Owns how the state of the server is told: in a line, and as a list with what can be done about it. */

import { commands, type QuickPickItem, QuickPickItemKind, window } from 'vscode'
import { ExecuteCommandRequest, type LanguageClient } from 'vscode-languageclient/node'

/** What `llmstep.showStatus` answers, as far as it is shown here. */
export interface Status {
    version: string
    lean: Lean | null
    generators: { name: string; state: string; reason: string }[]
    settings: Record<string, string>
}

/** Which Lean judges the steps; `command` is empty where there is none, and where the editor lends it. */
interface Lean {
    command: string[]
    reason: string
    lent: boolean
    running: boolean
}

/** Ask the server for its state. */
export async function statusOf(client: LanguageClient): Promise<Status> {
    return client.sendRequest(ExecuteCommandRequest.type, { command: 'llmstep.showStatus', arguments: [{ quiet: true }] })
}

/** Who proposes steps, in a line. */
export function generatorsOf(status: Status): string {
    return status.generators.map(one => `${one.name} (${one.state})`).join(', ')
}

function nameOf(lean: Lean | null): string {
    if (!lean) return 'open a Lean file'
    if (lean.lent) return 'that of the Lean 4 extension'
    return lean.command.join(' ') || 'none'
}

/** Show the state of the server, and do what the person chooses. */
export async function showStatus(client: LanguageClient): Promise<void> {
    const status = await statusOf(client)
    const { lean } = status
    const settings = Object.entries(status.settings).map(([key, origin]) => `${key} from ${origin}`)
    const told: QuickPickItem[] = [
        { label: `$(versions) llmstep-lsp ${status.version}`, description: settings.join(', ') || 'default settings' },
        {
            label: `$(${lean?.running ? 'pass' : 'circle-outline'}) Lean: ${nameOf(lean)}`,
            description: lean ? (lean.running ? 'runs' : 'does not run yet') : '',
            detail: lean?.reason ?? '',
        },
        ...status.generators.map(one => ({
            label: `$(lightbulb) Generator ${one.name}`,
            description: one.state,
            detail: one.reason,
        })),
    ]
    const actions = [
        { label: '$(output) Show log', command: 'llmstep-lsp.showLog' },
        { label: '$(debug-restart) Restart Lean', command: 'llmstep-lsp.restartLean' },
        { label: '$(refresh) Restart llmstep-lsp', command: 'llmstep-lsp.restart' },
        { label: '$(gear) Settings', command: 'llmstep-lsp.settings' },
    ]
    const line = { label: '', kind: QuickPickItemKind.Separator }
    const chosen = await window.showQuickPick<QuickPickItem & { command?: string }>([...told, line, ...actions], {
        title: 'llmstep',
        placeHolder: 'State of the server, and what can be done about it',
    })
    if (chosen?.command) await commands.executeCommand(chosen.command)
}
