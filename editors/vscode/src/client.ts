/** Owns the language client: how the server is started, watched and ended. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import {
    type CancellationToken,
    CancellationTokenSource,
    type CodeAction,
    CodeActionTriggerKind,
    type Command,
    type LogOutputChannel,
    ProgressLocation,
    window,
} from 'vscode'
import {
    CloseAction,
    type CloseHandlerResult,
    ErrorAction,
    type ExecuteCommandParams,
    ExecuteCommandRequest,
    LanguageClient,
    type MessageSignature,
    RevealOutputChannelOn,
    State,
    WorkDoneProgress,
} from 'vscode-languageclient/node'

import manifest from '../package.json'
import { Bridge, canLend } from './bridge'
import type { Server } from './finding'
import { GhostText } from './ghostText'
import { Lightbulb } from './lightbulb'
import { chosenSettings, sharesLean } from './settings'
import { tell, tellFailure, Trouble, troubleOf } from './trouble'

/** The documents that are ours. */
export const SELECTOR = ['lean4', 'lean'].map(language => ({ scheme: 'file', language }))

/** More ends than this within a minute are not worth another start. */
const ENDS_A_MINUTE = 3

/** How much is being looked for, and what has become of the server. */
export interface Watcher {
    working(change: 1 | -1): void
    state(state: 'starts' | 'runs' | 'ended'): void
}

/**
 * Start `server`, and wait until it can be asked.
 *
 * @throws Trouble if it does not start, or is of another version than this extension knows
 */
export async function startClient(server: Server, watcher: Watcher, log: LogOutputChannel): Promise<LanguageClient> {
    const watched = async <T>(work: PromiseLike<T> | T | null | undefined) => {
        watcher.working(1)
        try {
            return await work
        } finally {
            watcher.working(-1)
        }
    }
    const ends = new Ends(watcher)
    const lightbulb = new Lightbulb(watcher)
    const client: LanguageClient = new Client(
        'llmstep',
        'llmstep',
        { command: server.command, args: [...server.args, '--stdio'] },
        {
            documentSelector: SELECTOR,
            outputChannel: log,
            revealOutputChannelOn: RevealOutputChannelOn.Never,
            initializationOptions: chosenSettings(),
            initializationFailedHandler: () => false,
            errorHandler: ends,
            middleware: {
                provideInlineCompletionItems: new GhostText().provide,
                provideCodeActions: async (document, range, context, token, next) => {
                    lightbulb.moved()
                    const found = await watched(next(document, range, context, token))
                    const automatic = context.triggerKind === CodeActionTriggerKind.Automatic
                    if (automatic && !hasStep(found) && !token.isCancellationRequested) {
                        const unhurried = new CancellationTokenSource().token
                        const look = async () => hasStep(await next(document, range, context, unhurried))
                        void lightbulb.appearLater(look)
                    }
                    return found
                },
                executeCommand: (command, args, next) =>
                    watched(command === 'llmstep.prove' ? prove(client, args) : next(command, args)),
                workspace: {
                    didChangeConfiguration: () => sendSettings(client),
                    configuration: (params, token, next) =>
                        params.items.every(item => item.section === 'llmstep')
                            ? params.items.map(chosenSettings)
                            : next(params, token),
                },
            },
        },
    )
    if (sharesLean() && canLend()) client.registerFeature(new Bridge(client))
    client.onDidChangeState(({ newState }) => {
        if (newState === State.Starting) watcher.state('starts')
        if (newState === State.Running) watcher.state('runs')
    })
    try {
        await client.start()
    } catch (error) {
        log.error(String(error))
        throw await reason(server)
    }
    ends.running = true
    const version = client.initializeResult?.serverInfo?.version ?? 'of unknown version'
    if (minor(version) !== minor(manifest.version)) {
        await client.stop()
        throw new Trouble(
            `${server.command} is llmstep-lsp ${version}, but this extension needs ${minor(manifest.version)}.`,
            'install',
        )
    }
    return client
}

/** A language client that logs what goes wrong: what the person is told of it, we say. */
class Client extends LanguageClient {
    override error(message: string, data?: unknown): void {
        super.error(message, data, false)
    }

    override handleFailedRequest<T>(
        type: MessageSignature,
        token: CancellationToken | undefined,
        error: unknown,
        defaultValue: T,
        ...rest: [showNotification?: boolean, throwOnCancel?: boolean]
    ): T {
        const trouble = troubleOf(error)
        if (trouble) void tell(trouble)
        return super.handleFailedRequest(type, token, error, defaultValue, ...rest)
    }
}

/** Tell the server what is set. */
async function sendSettings(client: LanguageClient): Promise<void> {
    await client.sendNotification('workspace/didChangeConfiguration', { settings: { llmstep: chosenSettings() } })
}

/** Whether a step is among `actions`: an edit, not only the offer to search. */
function hasStep(actions: readonly (CodeAction | Command)[] | null | undefined): boolean {
    return actions?.some(action => 'edit' in action && action.edit) ?? false
}

/** What counts of a version: servers of the same minor version speak alike. */
function minor(version: string): string {
    return version.split('.').slice(0, 2).join('.')
}

/** Why `server` did not start. */
async function reason(server: Server): Promise<Trouble> {
    try {
        await promisify(execFile)(server.command, [...server.args, '--version'], { timeout: 20_000 })
    } catch (error) {
        const told = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1)
        return new Trouble(`${server.command} cannot run${told ? `: ${told}` : ''}.`, 'install')
    }
    return new Trouble('llmstep-lsp ended while it started. The log says why.', 'log')
}

/** Decides what happens when the server ends. */
class Ends {
    running = false
    private times: number[] = []

    constructor(private readonly watcher: Watcher) {}

    error(): { action: ErrorAction } {
        return { action: ErrorAction.Continue }
    }

    closed(): CloseHandlerResult {
        this.watcher.state('ended')
        if (!this.running) return { action: CloseAction.DoNotRestart, handled: true }
        const now = Date.now()
        this.times = [...this.times.filter(time => time > now - 60_000), now]
        if (this.times.length < ENDS_A_MINUTE) {
            return { action: CloseAction.Restart, handled: true }
        }
        void tell(new Trouble('llmstep-lsp ended three times within a minute. The log may say why.', 'log'))
        return { action: CloseAction.DoNotRestart, handled: true }
    }
}

/** Search for a whole proof, where the person sees how far that is and can end it. */
async function prove(client: LanguageClient, args: unknown[]): Promise<unknown> {
    const options = { location: ProgressLocation.Notification, title: 'llmstep: searching for a proof', cancellable: true }
    return window.withProgress(options, async (progress, cancelled) => {
        const workDoneToken = `llmstep-${Date.now()}`
        const heard = client.onProgress(WorkDoneProgress.type, workDoneToken, value => {
            if (value.kind === 'report' && value.message) progress.report({ message: value.message })
        })
        const params: ExecuteCommandParams = { command: 'llmstep.prove', arguments: args, workDoneToken }
        try {
            return await client.sendRequest(ExecuteCommandRequest.type, params, cancelled)
        } catch (error) {
            if (!cancelled.isCancellationRequested) void tellFailure(error)
            return null
        } finally {
            heard.dispose()
        }
    })
}
