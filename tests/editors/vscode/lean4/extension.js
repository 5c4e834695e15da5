// A stand-in for the extension of Lean 4: one Lean server for the folder, a client of it that shows
// diagnostics, and what others find in its exports.
const vscode = require('vscode')
const { LanguageClient } = require('vscode-languageclient/node')

class LeanClient {
    constructor(folder) {
        this.folder = folder
        const [stopped, restarting, progress] = [1, 2, 3].map(() => new vscode.EventEmitter())
        this.progressEmitter = progress
        this.progressChanged = progress.event
        this.stoppedEmitter = stopped
        this.restartingEmitter = restarting
        this.stopped = stopped.event
        this.restarting = restarting.event
    }

    async start() {
        const [command, ...args] = vscode.workspace.getConfiguration().get('lean4Server')
        const shown = vscode.languages.createDiagnosticCollection('lean4')
        this.diagnosticCollection = {
            publishDiagnostics: async params =>
                shown.set(
                    vscode.Uri.parse(params.uri),
                    await this.client.protocol2CodeConverter.asDiagnostics(params.diagnostics),
                ),
        }
        this.client = new LanguageClient('lean4', 'Lean 4', { command, args }, { documentSelector: [{ language: 'lean4' }] })
        this.client.onNotification('textDocument/publishDiagnostics', params =>
            this.diagnosticCollection.publishDiagnostics(params),
        )
        this.client.onNotification('$/lean/fileProgress', ({ textDocument: { uri }, processing }) =>
            this.progressEmitter.fire([vscode.Uri.parse(uri).toString(), processing]),
        )
        await this.client.start()
        this.running = true
    }

    async restart() {
        this.restartingEmitter.fire()
        this.running = false
        await this.client.stop()
        await this.start()
    }

    isRunning() {
        return this.running === true
    }

    getClientFolder() {
        return { scheme: 'file', fsPath: this.folder }
    }

    sendRequest(method, params, token) {
        return this.client.sendRequest(method, params, token)
    }

    sendNotification(method, params) {
        return this.client.sendNotification(method, params)
    }
}

exports.activate = async context => {
    const lean = new LeanClient(vscode.workspace.workspaceFolders[0].uri.fsPath)
    context.subscriptions.push(vscode.commands.registerCommand('lean4.restartServer', () => lean.restart()))
    void lean.start()
    return { lean4EnabledFeatures: Promise.resolve({ clientProvider: { getClients: () => [lean] } }) }
}
