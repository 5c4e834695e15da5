--- Owns how llmstep-lsp is set up in Neovim, and what is said when it cannot be used.

local M = {}

--- The oldest llmstep-lsp that this plug-in works with.
M.MINIMUM = '0.1.0'

---@param message string
---@param level? integer of |vim.log.levels|; an error by default
function M.tell(message, level)
  vim.notify('llmstep: ' .. message, level or vim.log.levels.ERROR)
end

--- What starts `command`, as `cmd` of a configuration. A plain list starts it, too, but cannot lend it a Lean.
---@param command string[]
function M.cmd(command)
  return function(dispatchers, config)
    if vim.fn.executable(command[1]) == 0 then
      error(M.not_installed(command[1]), 0)
    end
    return require('llmstep.connection').start(command, dispatchers, config)
  end
end

---@param program string
function M.not_installed(program)
  return ('llmstep: there is no program `%s`. Install llmstep-lsp where Neovim finds it: :help llmstep-install'):format(
    program
  )
end

--- Let go of a server that is too old.
---@param client vim.lsp.Client
---@param answer lsp.InitializeResult
function M.on_init(client, answer)
  local problem = M.too_old(answer.serverInfo and answer.serverInfo.version)
  if problem then
    M.tell(problem)
    client:stop()
  end
end

--- What is wrong with `version` of llmstep-lsp, if anything is.
---@param version? string
---@return string?
function M.too_old(version)
  local numbers = version and vim.version.parse(version)
  if not numbers or vim.version.lt(numbers, M.MINIMUM) then
    return ('llmstep-lsp is version %s, and this plug-in needs %s. Upgrade it: :help llmstep-install'):format(
      version or 'unknown',
      M.MINIMUM
    )
  end
end

--- Start llmstep-lsp for Lean files, with `config` over the defaults.
---@param config? vim.lsp.Config
function M.setup(config)
  config = vim.deepcopy(config or {})
  if type(config.cmd) == 'table' then
    config.cmd = M.cmd(config.cmd)
  end
  vim.lsp.config('llmstep', config)
  vim.lsp.enable 'llmstep'
end

return M
