/**
 * Owns that the light bulb appears when steps are found after the cursor has come to rest.
 *
 * Moving the cursor shows what is known at once, and the server goes on behind; but VS Code asks
 * again only when the cursor moves, or when a provider of code actions comes or goes.
 */

import { setTimeout } from 'node:timers/promises'

import { type Disposable, languages } from 'vscode'

import type { Watcher } from './client'

/** When we look whether something was found, in seconds after each other. */
const LOOKS = [0.5, 1, 2, 4, 8, 15, 30]

export class Lightbulb {
    private resting = new AbortController()
    private silent: Disposable | undefined

    constructor(private readonly watcher: Watcher) {}

    /** A provider comes or goes, one of the two, as VS Code asks at each. */
    private letVsCodeAsk(): void {
        this.silent?.dispose()
        this.silent = this.silent
            ? undefined
            : languages.registerCodeActionsProvider('*', { provideCodeActions: () => [] })
    }

    /** The cursor moved. */
    moved(): void {
        this.resting.abort()
    }

    /** No step is known yet where the cursor rests: `look` for one until it moves. */
    async appearLater(look: () => Promise<boolean>): Promise<void> {
        this.moved()
        const { signal } = (this.resting = new AbortController())
        this.watcher.working(1)
        try {
            for (const seconds of LOOKS) {
                await setTimeout(seconds * 1000, undefined, { signal })
                if (!(await look())) continue
                if (!signal.aborted) this.letVsCodeAsk()
                return
            }
        } catch {
            // the cursor moved, or the server ended: nothing is left to show
        } finally {
            this.watcher.working(-1)
        }
    }
}
