/** Owns the life of the extension, and its commands. */

import { join } from 'node:path'

import {
    commands,
    type Disposable,
    type ExtensionContext,
    languages,
    type LogOutputChannel,
    type TextEditor,
    window,
    workspace,
} from 'vscode'
import type { LanguageClient } from 'vscode-languageclient/node'

import manifest from '../package.json'
import { SELECTOR, startClient } from './client'
import { findServer, type Server } from './finding'
import { consent, install, installLean } from './installing'
import { OURS, serverPath } from './settings'
import { showStatus, statusOf } from './status'
import { StatusBar } from './statusBar'
import { placeIn, suggest } from './suggestions'
import { tell, Trouble } from './trouble'

export async function activate(context: ExtensionContext): Promise<void> {
    const log = window.createOutputChannel('llmstep', { log: true })
    const extension = new Extension(context, log)
    const run = (command: string, work: () => unknown) =>
        context.subscriptions.push(commands.registerCommand(`llmstep-lsp.${command}`, work))
    run('suggest', () => extension.atCursor(suggest))
    run('suggestWithPrefix', () =>
        extension.atCursor(async (client, editor) => {
            const prefix = await window.showInputBox({ title: 'llmstep', prompt: 'What steps begin with', value: 'simp' })
            if (prefix !== undefined) await suggest(client, editor, prefix)
        }),
    )
    run('prove', () =>
        extension.atCursor(async (client, editor) => {
            await commands.executeCommand('llmstep.prove', placeIn(client, editor))
        }),
    )
    run('stop', () => extension.asking(() => commands.executeCommand('llmstep.stop')))
    run('restartLean', () => extension.asking(() => commands.executeCommand('llmstep.restartLean')))
    run('restart', () => extension.restart())
    run('install', () => extension.install())
    run('installLean', () => extension.installLean())
    run('showStatus', () => extension.asking(showStatus))
    run('showLog', () => log.show())
    run('settings', () => commands.executeCommand('workbench.action.openSettings', `@ext:${context.extension.id}`))
    context.subscriptions.push(log, extension)
    void extension.restart()
}

/** The server, and what shows it. */
class Extension implements Disposable {
    private readonly environment: string
    private readonly wheel: string
    private readonly statusBar: StatusBar
    private client: LanguageClient | undefined
    private underWay: Promise<void> = Promise.resolve()

    constructor(
        context: ExtensionContext,
        private readonly log: LogOutputChannel,
    ) {
        this.environment = join(context.globalStorageUri.fsPath, 'server', manifest.version)
        this.wheel = context.asAbsolutePath(`server/llmstep_lsp-${manifest.version}-py3-none-any.whl`)
        this.statusBar = new StatusBar(() => this.client && statusOf(this.client))
        context.subscriptions.push(
            workspace.onDidChangeConfiguration(async changed => {
                if (OURS.some(key => changed.affectsConfiguration(`llmstep.${key}`))) await this.restart()
            }),
        )
    }

    /** Start the server anew; if there is none, offer to install it. */
    restart(): Promise<void> {
        return this.inTurn(async () => {
            await this.stop()
            await this.start()
        })
    }

    /** Install the server if the person wants that, and start it. */
    async install(): Promise<void> {
        const commands = await this.telling(() => consent(this.wheel, this.environment))
        if (!commands) return
        await this.inTurn(async () => {
            await this.stop()
            if (await install(commands, this.environment, this.log)) await this.start()
        })
    }

    /** Install the WebAssembly Lean, with the server's help. */
    async installLean(): Promise<void> {
        await this.telling(async () => {
            const server = await this.server()
            if (server) await installLean(server, this.log)
        })
    }

    /** Do `work` with the server, if it runs; else try to start it. */
    async asking(work: (client: LanguageClient) => unknown): Promise<void> {
        await this.underWay
        if (!this.client?.isRunning()) await this.restart()
        if (this.client?.isRunning()) await work(this.client)
    }

    /** As `asking`, for the Lean file that the cursor is in. */
    async atCursor(work: (client: LanguageClient, editor: TextEditor) => Promise<void>): Promise<void> {
        const editor = window.activeTextEditor
        if (!editor || !languages.match(SELECTOR, editor.document)) {
            void window.showInformationMessage('llmstep: put the cursor into a proof of a Lean file.')
            return
        }
        await this.asking(client => work(client, editor))
    }

    async dispose(): Promise<void> {
        this.statusBar.dispose()
        await this.stop()
    }

    private async start(): Promise<void> {
        const server = await this.server()
        if (!server) return
        this.client = await startClient(server, this.statusBar, this.log)
        this.statusBar.state('runs')
    }

    /** The server; if there is none, it is offered to install it, and nobody waits for an answer. */
    private async server(): Promise<Server | undefined> {
        const found = await findServer(serverPath(), this.environment)
        if (!found) void this.install()
        return found
    }

    private async stop(): Promise<void> {
        const client = this.client
        this.client = undefined
        if (client?.isRunning()) await client.stop()
        this.statusBar.state('absent')
    }

    /** Do `work` after what is under way with the server. */
    private inTurn(work: () => Promise<void>): Promise<void> {
        this.underWay = this.underWay.then(() => this.telling(work))
        return this.underWay
    }

    private async telling<T>(work: () => Promise<T>): Promise<T | undefined> {
        try {
            return await work()
        } catch (error) {
            if (!this.client?.isRunning()) this.statusBar.state('ended')
            this.log.error(String(error))
            void tell(error instanceof Trouble ? error : new Trouble(`${error} The log may say more.`, 'log'))
            return undefined
        }
    }
}
