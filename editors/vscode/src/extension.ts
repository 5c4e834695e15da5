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
import { install, installLean } from './installing'
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
    void extension.restart() // may wait for the person
}

/** The server, and what shows it. */
class Extension implements Disposable {
    private readonly environment: string
    private readonly wheel: string
    private readonly statusBar: StatusBar
    private client: LanguageClient | undefined
    private started = Promise.resolve()

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

    /** Start the server anew, after a start that is under way. */
    restart(): Promise<void> {
        this.started = this.started.then(() =>
            this.telling(async () => {
                await this.stop()
                const server = await this.server()
                if (!server) return
                this.client = await startClient(server, this.statusBar, this.log)
                this.statusBar.state('runs')
            }),
        )
        return this.started
    }

    /** Install the server, and start it. */
    async install(): Promise<void> {
        await this.telling(async () => {
            await this.stop()
            if (!(await this.installed())) return
            await this.restart()
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
        await this.started
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

    /** The server, which is installed first if there is none and the person wants that. */
    private async server(): Promise<Server | undefined> {
        return (await this.find()) ?? ((await this.installed()) ? this.find() : undefined)
    }

    private find(): Promise<Server | undefined> {
        return findServer(serverPath(), this.environment)
    }

    private installed(): Promise<boolean> {
        return install(this.wheel, this.environment, this.log)
    }

    private async stop(): Promise<void> {
        const client = this.client
        this.client = undefined
        if (client?.isRunning()) await client.stop()
        this.statusBar.state('absent')
    }

    private async telling(work: () => Promise<void>): Promise<void> {
        try {
            await work()
        } catch (error) {
            this.statusBar.state('ended')
            this.log.error(String(error))
            void tell(error instanceof Trouble ? error : new Trouble(`${error} The log may say more.`, 'log'))
        }
    }
}
