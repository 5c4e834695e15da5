--- Owns what `:checkhealth llmstep` says.

local llmstep = require 'llmstep'

local M = {}

local health = vim.health

local INSTALL = 'Install it where Neovim finds it: :help llmstep-install'

--- The program of a server that does not run, and its version.
local function program()
  local path = vim.fn.exepath 'llmstep-lsp'
  if path == '' then
    return health.error('`llmstep-lsp` is not on the PATH', INSTALL)
  end
  local run = vim.system({ path, '--version' }, { text = true }):wait(10000)
  local version = run.stdout:match '^llmstep%-lsp (%S+)'
  if run.code ~= 0 or not version then
    return health.error(('`%s --version` fails: %s'):format(path, vim.trim(run.stderr)), INSTALL)
  end
  local problem = llmstep.too_old(version)
  if problem then
    health.error(problem)
  else
    health.ok(('%s, version %s'):format(path, version))
  end
end

---@param client vim.lsp.Client
local function server(client)
  health.ok(('llmstep-lsp %s runs'):format(client.server_info and client.server_info.version))
  local quiet = { command = 'llmstep.showStatus', arguments = { { quiet = true } } }
  local answer = client:request_sync('workspace/executeCommand', quiet, 5000)
  local status = answer and answer.result
  if not status then
    return health.warn('it does not answer', ':LLMStep log')
  end
  if not status.lean then
    health.info 'Lean: open a Lean file to see which one is used'
  elseif #status.lean.command == 0 and not status.lean.lent then
    health.error('Lean: none. ' .. status.lean.reason)
  else
    local named = status.lean.lent and "the editor's" or table.concat(status.lean.command, ' ')
    local running = status.lean.running and 'runs' or 'starts at the first question'
    health.ok(('Lean: %s %s. %s'):format(named, running, status.lean.reason))
  end
  for _, generator in ipairs(status.generators) do
    health.info(vim.trim(('generator %s: %s %s'):format(generator.name, generator.state, generator.reason)))
  end
  health.info('log file: ' .. status.logFile)
end

---@param client vim.lsp.Client
local function bridge(client)
  if not vim.tbl_get(client.config.capabilities or {}, 'experimental', 'llmstepBridge') then
    health.info 'bridge: off, as the configuration says'
  elseif type(client.config.cmd) ~= 'function' then
    health.warn(
      'bridge: off, as `cmd` is a plain list',
      "write `cmd = require('llmstep').cmd { … }`, or call `require('llmstep').setup`"
    )
  elseif not vim.lsp.get_clients({ name = 'leanls' })[1] then
    health.warn(
      'bridge: no client `leanls`, so llmstep-lsp starts Leans of its own',
      'let lean.nvim, or `vim.lsp.enable("leanls")`, start Lean'
    )
  else
    local count = require('llmstep.bridge').count()
    health.ok(('bridge: on, %d documents of ours are open in the Lean of `leanls`'):format(count))
  end
end

function M.check()
  health.start 'llmstep'
  if vim.fn.has 'nvim-0.11' == 0 then
    return health.error('Neovim is older than 0.11', 'upgrade Neovim')
  end
  local clients = vim.lsp.get_clients { name = 'llmstep' }
  if #clients == 0 then
    program()
    health.info 'llmstep-lsp does not run; it starts with the first Lean file, once it is enabled'
  end
  for _, client in ipairs(clients) do
    server(client)
    bridge(client)
  end
end

return M
