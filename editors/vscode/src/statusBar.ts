/** Owns the item in the status bar: whether the server runs, who proposes steps, whether any are looked for. */

import { type Disposable, StatusBarAlignment, ThemeColor, window } from 'vscode'

import type { Watcher } from './client'
import { generatorsOf, type Status } from './status'

const TOOLTIPS = {
    absent: 'llmstep: not started',
    starts: 'llmstep: starting',
    runs: 'llmstep',
    ended: 'llmstep: ended; click to start it again',
}

export class StatusBar implements Watcher, Disposable {
    private readonly item = window.createStatusBarItem('llmstep', StatusBarAlignment.Right)
    private work = 0
    private is: keyof typeof TOOLTIPS = 'absent'
    private details = ''

    /** `ask` for the state of the server, if there is one. */
    constructor(private readonly ask: () => Promise<Status> | undefined) {
        this.item.name = 'llmstep'
        this.item.command = 'llmstep-lsp.showStatus'
        this.show()
        this.item.show()
    }

    working(change: 1 | -1): void {
        this.work += change
        this.show()
        if (change === -1) void this.refresh()
    }

    state(state: keyof typeof TOOLTIPS): void {
        this.is = state
        this.details = ''
        this.show()
        if (state === 'runs') void this.refresh()
    }

    dispose(): void {
        this.item.dispose()
    }

    /** Let the tooltip say what the server says of itself. */
    private async refresh(): Promise<void> {
        const status = await this.ask()?.catch(() => undefined)
        if (!status || this.is !== 'runs') return
        const lean = status.lean?.running ? 'Lean runs' : 'Lean starts with the first question'
        this.details = `llmstep-lsp ${status.version}: ${lean}\n${generatorsOf(status)}\nClick for more.`
        this.show()
    }

    private show(): void {
        const busy = this.is === 'starts' || (this.is === 'runs' && this.work > 0)
        const gone = this.is === 'absent' || this.is === 'ended'
        this.item.text = `$(${busy ? 'sync~spin' : gone ? 'circle-slash' : 'sparkle'}) llmstep`
        this.item.tooltip = this.details || TOOLTIPS[this.is]
        this.item.backgroundColor = this.is === 'ended' ? new ThemeColor('statusBarItem.warningBackground') : undefined
    }
}
