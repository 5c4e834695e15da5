/** Owns what is told when something does not work: one sentence, and one thing to do about it. */

import { commands, env, Uri, window } from 'vscode'
import { LSPErrorCodes, ResponseError } from 'vscode-languageclient/node'

import { choosesLean } from './settings'

const STEPS = {
    chooseLean: ['Open Settings', () => commands.executeCommand('workbench.action.openSettings', 'llmstep.lean')],
    install: ['Install', () => commands.executeCommand('llmstep-lsp.install')],
    installLean: ['Install a Lean (WebAssembly)', () => commands.executeCommand('llmstep-lsp.installLean')],
    log: ['Show Log', () => commands.executeCommand('llmstep-lsp.showLog')],
    python: ['Get Python', () => env.openExternal(Uri.parse('https://www.python.org/downloads/'))],
    settings: ['Open Settings', () => commands.executeCommand('workbench.action.openSettings', 'llmstep.server.path')],
} as const satisfies Record<string, readonly [string, () => Thenable<unknown>]>

/** Something that the person can mend by the step that it names. */
export class Trouble extends Error {
    constructor(
        message: string,
        readonly step: keyof typeof STEPS,
    ) {
        super(message)
    }
}

/** What `error`, the answer to a request, means; undefined if nothing is broken. */
export function troubleOf(error: unknown): Trouble | undefined {
    if (!(error instanceof ResponseError) || error.code !== LSPErrorCodes.RequestFailed) return undefined
    if (error.data?.kind !== 'LeanNotFoundError') return new Trouble(error.message, 'log')
    return new Trouble(error.message, choosesLean() ? 'chooseLean' : 'installLean')
}

/** Show why a request of the person's failed. */
export async function tellFailure(error: unknown): Promise<void> {
    const trouble = troubleOf(error)
    if (trouble) await tell(trouble)
    else await window.showErrorMessage(`llmstep: ${(error as Error).message}`)
}

/** Show `trouble`, and do its step if the person wants that. */
export async function tell(trouble: Trouble): Promise<void> {
    const [label, act] = STEPS[trouble.step]
    const chosen = await window.showErrorMessage(`llmstep: ${trouble.message}`, label)
    if (chosen === label) await act()
}
