/** Owns where the server is looked for, and how it is started. */

import { access, constants } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, delimiter, join } from 'node:path'

import { Trouble } from './trouble'

/** A program and the arguments that start the server with it. */
export interface Server {
    readonly command: string
    readonly args: readonly string[]
}

/** The folders in which programs of this person are. Editors started from a desktop often lack the second. */
function folders(): string[] {
    return [...(process.env['PATH'] ?? '').split(delimiter), join(homedir(), '.local', 'bin')].filter(Boolean)
}

async function executable(path: string): Promise<boolean> {
    return access(path, constants.X_OK).then(
        () => true,
        () => false,
    )
}

/** The path of the program `name`, if this person has it. */
export async function program(name: string): Promise<string | undefined> {
    for (const folder of folders()) {
        const path = join(folder, name)
        if (await executable(path)) return path
    }
    return undefined
}

/**
 * The server: the one that was chosen, that of our own environment, or that on the PATH.
 *
 * @param chosen the setting `llmstep.server.path`: `llmstep-lsp`, or a Python that has it
 * @param environment the folder of our own environment, which need not exist
 * @throws Trouble if what was chosen is not there
 */
export async function findServer(chosen: string | undefined, environment: string): Promise<Server | undefined> {
    if (chosen) {
        const path = chosen.replace(/^~(?=\/)/, homedir())
        if (!(await executable(path))) {
            throw new Trouble(`The setting llmstep.server.path names ${path}, which is no program.`, 'settings')
        }
        const python = /^python[\d.]*$/.test(basename(path))
        return { command: path, args: python ? ['-m', 'llmstep_lsp'] : [] }
    }
    const own = join(environment, 'bin', 'llmstep-lsp')
    const command = (await executable(own)) ? own : await program('llmstep-lsp')
    return command === undefined ? undefined : { command, args: [] }
}
