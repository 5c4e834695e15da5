/**
 * Owns the bridge: the Lean that the extension `lean4` runs, lent to our server.
 *
 * `docs/sharing-lean.md` specifies the messages.  Of that extension we use what it exports, and one
 * thing that it does not: where its clients put diagnostics, as those of our documents are nobody's.
 */

import { setTimeout } from 'node:timers/promises'

import { type Disposable, type Event, extensions } from 'vscode'
import {
    type CancellationToken,
    type ClientCapabilities,
    type LanguageClient,
    ResponseError,
    type StaticFeature,
} from 'vscode-languageclient/node'

const EXTENSION = 'leanprover.lean4'
const CONNECT = 'llmstep/lean/connect'
const REQUEST = 'llmstep/lean/request'
const NOTIFY = 'llmstep/lean/notify'
const NOTIFIED = 'llmstep/lean/notified'
const ENDED = 'llmstep/lean/ended'

/** How long we wait for a Lean; the server gives up after 30 s. */
const SECONDS_TO_CONNECT = 28

/** What we use of a client of `lean4`, which serves the files below one folder. */
interface LeanClient {
    isRunning(): boolean
    getClientFolder(): { scheme: string; fsPath?: string }
    sendRequest(method: string, params: unknown, token?: CancellationToken): Promise<unknown>
    sendNotification(method: string, params: unknown): Promise<void> | undefined
    stopped: Event<unknown>
    restarting: Event<unknown>
    progressChanged: Event<[uri: string, processing: unknown[]]>
    diagnosticCollection?: { publishDiagnostics(params: { uri: string }): void }
}

interface ClientProvider {
    getClients(): LeanClient[]
}

interface Passed {
    method: string
    params: { uri?: string; textDocument?: { uri: string } } & Record<string, unknown>
}

/** Whether there is an extension that may lend us its Lean. */
export function canLend(): boolean {
    return extensions.getExtension(EXTENSION) !== undefined
}

/** A feature of our language client that lends our server the Leans of `lean4`. */
export class Bridge implements StaticFeature {
    private readonly prepared = new WeakSet<object>()
    /** The Leans that tell us when they end. */
    private readonly heard = new Map<LeanClient, Disposable[]>()
    /** The documents that our server has open, and in which Lean. */
    private readonly lent = new Map<string, LeanClient>()
    private provider: ClientProvider | undefined

    constructor(private readonly client: LanguageClient) {
        client.onRequest(CONNECT, () => this.connect())
        client.onRequest(REQUEST, ({ method, params }: Passed, token: CancellationToken) =>
            this.leanOf(params).sendRequest(method, params, token).catch(rethrow),
        )
        client.onNotification(NOTIFY, (passed: Passed) => this.notify(passed))
    }

    fillClientCapabilities(capabilities: ClientCapabilities): void {
        capabilities.experimental = { ...capabilities.experimental, llmstepBridge: true }
    }

    initialize(): void {}

    getState(): { kind: 'static' } {
        return { kind: 'static' }
    }

    /** Our server ended: close what it left open. */
    clear(): void {
        this.closeLent()
        for (const one of [...this.heard.values()].flat()) one.dispose()
        this.heard.clear()
    }

    /** Wait for a Lean that runs. */
    private async connect(): Promise<null> {
        const giveUp = Date.now() + SECONDS_TO_CONNECT * 1000
        this.provider ??= await exported()
        while (!this.leans().some(lean => lean.isRunning())) {
            if (Date.now() > giveUp) throw new Error('Lean does not run.')
            await setTimeout(200)
        }
        return null
    }

    private notify({ method, params }: Passed): void {
        const uri = uriOf(params)
        const lean = this.leanOf(params)
        if (uri && method === 'textDocument/didOpen') this.lent.set(uri, lean)
        void lean.sendNotification(method, params)
        if (uri && method === 'textDocument/didClose') this.lent.delete(uri)
    }

    /** The Lean that serves the document of `params`: that of the innermost folder. */
    private leanOf(params: Passed['params']): LeanClient {
        const uri = uriOf(params)
        const path = uri === undefined ? '' : decodeURIComponent(new URL(uri).pathname)
        const folder = (lean: LeanClient) => lean.getClientFolder().fsPath ?? '/'
        const [lean] = this.leans()
            .filter(lean => lean.isRunning() && `${path}/`.startsWith(`${folder(lean).replace(/\/$/, '')}/`))
            .sort((one, other) => folder(other).length - folder(one).length)
        if (!lean) throw new Error('Lean does not run there.')
        this.keepDiagnostics(lean)
        return lean
    }

    private leans(): LeanClient[] {
        const leans = this.provider?.getClients() ?? []
        for (const lean of leans) {
            if (this.heard.has(lean)) continue
            this.heard.set(lean, [
                ...[lean.stopped, lean.restarting].map(event => event(() => this.ended(lean))),
                lean.progressChanged(([uri, processing]) => {
                    const params = { textDocument: { uri }, processing }
                    if (this.lent.has(uri)) this.tell({ method: '$/lean/fileProgress', params })
                }),
            ])
        }
        return leans
    }

    /** Keep what `lean` says about our documents from what the person sees, and tell our server. */
    private keepDiagnostics(lean: LeanClient): void {
        const collection = lean.diagnosticCollection
        if (!collection) throw new Error('This version of the extension lean4 cannot lend its Lean.')
        if (this.prepared.has(collection)) return
        this.prepared.add(collection)
        const publish = collection.publishDiagnostics.bind(collection)
        collection.publishDiagnostics = params => {
            if (!this.lent.has(params.uri)) return publish(params)
            this.tell({ method: 'textDocument/publishDiagnostics', params })
        }
    }

    /** Tell our server what Lean said about a document of ours. */
    private tell(said: Passed): void {
        void this.client.sendNotification(NOTIFIED, said)
    }

    /** `lean` is gone, and our documents with it; so that none is left, those of other Leans are closed. */
    private ended(lean: LeanClient): void {
        for (const [uri, of] of this.lent) if (of === lean) this.lent.delete(uri)
        this.closeLent()
        if (this.client.isRunning()) void this.client.sendNotification(ENDED, {})
    }

    private closeLent(): void {
        for (const [uri, lean] of this.lent) {
            if (lean.isRunning()) void lean.sendNotification('textDocument/didClose', { textDocument: { uri } })
        }
        this.lent.clear()
    }
}

function uriOf(params: Passed['params']): string | undefined {
    return params.textDocument?.uri ?? params.uri
}

/** Lean's error as ours: the one of the language client that `lean4` brings along would lose its code. */
function rethrow(error: { code?: unknown; message: string; data?: unknown }): never {
    throw typeof error.code === 'number' ? new ResponseError(error.code, error.message, error.data) : error
}

async function exported(): Promise<ClientProvider> {
    const features: Promise<{ clientProvider: ClientProvider }> | undefined = (
        await extensions.getExtension(EXTENSION)?.activate()
    )?.lean4EnabledFeatures
    if (!features) throw new Error('The extension lean4 exports no Lean.')
    return (await features).clientProvider
}
