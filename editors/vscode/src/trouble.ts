/** Owns what is told when something does not work: one sentence, and one thing to do about it. */

import { commands, env, Uri, window } from 'vscode'

const STEPS = {
    install: ['Install', () => commands.executeCommand('llmstep-lsp.install')],
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

/** Show `trouble`, and do its step if the person wants that. */
export async function tell(trouble: Trouble): Promise<void> {
    const [label, act] = STEPS[trouble.step]
    const chosen = await window.showErrorMessage(`llmstep: ${trouble.message}`, label)
    if (chosen === label) await act()
}
