// Owns how the settings of the server become those of the extension: writes them into package.json.
import { readFileSync, writeFileSync } from 'node:fs'

const path = new URL('../package.json', import.meta.url)
const manifest = JSON.parse(readFileSync(path, 'utf8'))
const schema = JSON.parse(readFileSync(new URL('../../settings.schema.json', import.meta.url), 'utf8'))

const ours = {
    'llmstep.server.path': {
        type: ['string', 'null'],
        default: null,
        scope: 'machine',
        markdownDescription: 'The program `llmstep-lsp`, or a Python that has it; otherwise it is found, or installed.',
    },
    'llmstep.shareLean': {
        type: 'boolean',
        default: true,
        markdownDescription:
            'Whether steps are judged by the Lean that the extension `lean4` runs, so that nothing is loaded twice. ' +
            'A Lean of our own is faster, but with Mathlib takes gigabytes more.',
    },
}
const theirs = Object.entries(schema.properties).map(([key, { description, personal, ...limits }]) => [
    `llmstep.${key}`,
    { ...limits, scope: personal ? 'machine' : 'resource', markdownDescription: description },
])
manifest.contributes.configuration = { title: 'llmstep', properties: { ...ours, ...Object.fromEntries(theirs) } }
writeFileSync(path, JSON.stringify(manifest, null, 2) + '\n')
