/** Owns how the server, from the wheel in this extension, and a Lean are installed. */

import { execFile } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { type CancellationToken, type LogOutputChannel, ProgressLocation, window } from 'vscode'

import { program, type Server } from './finding'
import { Trouble } from './trouble'

const run = promisify(execFile)

/** The names that Python has, those that say its version last. */
const PYTHONS = ['python3', 'python', ...[14, 13, 12, 11].map(minor => `python3.${minor}`)]
const USABLE = 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'

async function usablePython(): Promise<string> {
    for (const name of PYTHONS) {
        const path = await program(name)
        if (path && (await run(path, ['-c', USABLE]).then(() => true, () => false))) return path
    }
    throw new Trouble('Python 3.11 or later, with venv, was not found. Get it, then install again.', 'python')
}

/** A way to install: what a button calls it, and the commands. */
interface Way {
    readonly label: string
    readonly commands: () => Promise<string[][]>
}

async function ways(wheel: string, environment: string): Promise<Way[]> {
    const own: Way = {
        label: 'Install',
        commands: async () => [
            [await usablePython(), '-m', 'venv', '--clear', environment],
            [join(environment, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', wheel],
        ],
    }
    const tools: [string, string[]][] = [
        ['uv', ['tool', 'install', '--force', '--python', '>=3.11', wheel]],
        ['pipx', ['install', '--force', wheel]],
    ]
    const found = await Promise.all(
        tools.map(async ([name, args]) => {
            const path = await program(name)
            return path ? [{ label: `Install with ${name}`, commands: async () => [[path, ...args]] }] : []
        }),
    )
    return [own, ...found.flat()]
}

/**
 * Ask whether to install the server, and how.
 *
 * @param wheel the server's package
 * @param environment the folder for an environment of our own
 * @returns the commands that do it, none if the person does not want it
 * @throws Trouble if what they need is missing
 */
export async function consent(wheel: string, environment: string): Promise<string[][] | undefined> {
    const offered = await ways(wheel, environment)
    const chosen = await window.showInformationMessage(
        'Install llmstep-lsp, which looks for proof steps? pip fetches about 100 MB. ' +
            '"Install" puts it into a folder of this extension, and nowhere else.',
        ...offered.map(way => way.label),
    )
    return offered.find(way => way.label === chosen)?.commands()
}

/**
 * Install the server by `commands`.
 *
 * @param environment the folder for an environment of our own; others beside it are removed
 * @returns whether it was installed: the person may cancel that
 * @throws Trouble if that failed
 */
export async function install(commands: string[][], environment: string, log: LogOutputChannel): Promise<boolean> {
    await mkdir(dirname(environment), { recursive: true })
    for (const folder of await readdir(dirname(environment))) {
        await rm(join(dirname(environment), folder), { recursive: true })
    }
    const done = await runAll('llmstep-lsp', commands, log)
    if (!done) await rm(environment, { recursive: true, force: true })
    return done
}

/**
 * Let `server` fetch the WebAssembly Lean.
 *
 * @throws Trouble if that failed
 */
export async function installLean(server: Server, log: LogOutputChannel): Promise<void> {
    await runAll('Lean', [[server.command, ...server.args, 'lean', 'install']], log)
}

/** Run `commands` one after the other, which install `what`; false if the person cancelled that. */
async function runAll(what: string, commands: string[][], log: LogOutputChannel): Promise<boolean> {
    const options = { location: ProgressLocation.Notification, title: `llmstep: installing ${what}`, cancellable: true }
    return window.withProgress(options, (_, cancelled) => runEach(what, commands, cancelled, log))
}

async function runEach(
    what: string,
    commands: string[][],
    cancelled: CancellationToken,
    log: LogOutputChannel,
): Promise<boolean> {
    const stopping = new AbortController()
    cancelled.onCancellationRequested(() => stopping.abort())
    for (const [command, ...args] of commands) {
        log.info([command, ...args].join(' '))
        try {
            const { stdout, stderr } = await run(command!, args, { signal: stopping.signal })
            log.info(stdout + stderr)
        } catch (error) {
            if (stopping.signal.aborted) return false
            log.error(String((error as { stderr?: string }).stderr ?? error))
            throw new Trouble(`${what} could not be installed. The log says why.`, 'log')
        }
    }
    return true
}
