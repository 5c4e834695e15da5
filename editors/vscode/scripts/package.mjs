// Owns how the extension is packaged: the settings, the server's wheel, one bundled script, the .vsix.
//     npm run package [FILE.vsix]         with $PYTHON, or python3
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))
const run = (command, ...args) => execFileSync(command, args, { cwd: here, stdio: 'inherit' })

run('node', 'scripts/settings.mjs')
rmSync(`${here}/server`, { recursive: true, force: true })
run(process.env.PYTHON ?? 'python3', '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--wheel-dir', 'server', root)
cpSync(`${root}/LICENSE`, `${here}/LICENSE`)
run('npm', 'run', 'check')
run('npm', 'run', 'build')
run('npx', 'vsce', 'package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', '--out', process.argv[2] ?? 'llmstep-lsp.vsix')
