/** Owns what the person set for the server. */

import { workspace } from 'vscode'

import manifest from '../package.json'

/** Settings of this extension alone, which the server does not know. */
export const OURS = ['server.path', 'shareLean']

const KEYS = Object.keys(manifest.contributes.configuration.properties)
    .map(key => key.replace(/^llmstep\./, ''))
    .filter(key => !OURS.includes(key))

/** What was set, and nothing that is only a default: a project's `llmstep.toml` counts before that. */
export function chosenSettings(): Record<string, unknown> {
    const configuration = workspace.getConfiguration('llmstep')
    return Object.fromEntries(
        KEYS.map(key => {
            const set = configuration.inspect(key)
            return [key, set?.workspaceFolderValue ?? set?.workspaceValue ?? set?.globalValue]
        }).filter(([, value]) => value !== undefined),
    )
}

export function serverPath(): string | undefined {
    return workspace.getConfiguration('llmstep').get<string | null>('server.path') ?? undefined
}

export function choosesLean(): boolean {
    return Boolean(chosenSettings()['lean'])
}

export function sharesLean(): boolean {
    return workspace.getConfiguration('llmstep').get('shareLean', true)
}
