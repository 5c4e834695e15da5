--- Owns what the subcommands of :LLMStep do.

local llmstep = require 'llmstep'

local M = {}

local INFO = vim.log.levels.INFO

--- The client that runs our commands for this buffer: llmstep-lsp, beside Lean's server or in front of it.
---@return vim.lsp.Client?
local function offering()
  for _, client in ipairs(vim.lsp.get_clients { bufnr = 0 }) do
    local offered = vim.tbl_get(client.server_capabilities, 'executeCommandProvider', 'commands') or {}
    if vim.list_contains(offered, 'llmstep.suggest') then
      return client
    end
  end
end

---@param client vim.lsp.Client
---@param command string
---@param argument? table
---@param done? fun(result: any)
local function execute(client, command, argument, done)
  local params = { command = command, arguments = argument and { argument } }
  client:request('workspace/executeCommand', params, function(err, result)
    if err then
      llmstep.tell(err.message)
    elseif done then
      done(result)
    end
  end)
end

--- Where the cursor is; on the last character of a line, in Normal mode, behind it.
---@param client vim.lsp.Client
local function place(client)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  if vim.fn.mode() == 'n' and vim.fn.charcol '.' == vim.fn.charcol '$' - 1 then
    params.position.character = vim.str_utfindex(vim.api.nvim_get_current_line(), client.offset_encoding)
  end
  return params
end

---@param message string
local function echo(message)
  vim.api.nvim_echo({ { 'llmstep: ' .. message } }, false, {})
end

---@param client vim.lsp.Client
---@param command string
---@param prefix? string
local function suggest(client, command, prefix)
  local window, bufnr = vim.api.nvim_get_current_win(), vim.api.nvim_get_current_buf()
  local where = vim.tbl_extend('error', place(client), { prefix = prefix })
  echo 'looking for steps …'
  execute(client, command, where, function(answer)
    echo ''
    if #answer.suggestions == 0 then
      llmstep.tell(answer.notes[1] and table.concat(answer.notes, ' ') or 'no step was found.', INFO)
    elseif vim.api.nvim_get_current_buf() == bufnr then
      require('llmstep.list').open(answer.suggestions, function(chosen)
        require('llmstep.list').insert(chosen.edit, window, client.offset_encoding)
      end)
    end
  end)
end

---@type table<string, fun(client: vim.lsp.Client, rest: string)>
local subcommands = {
  suggest = function(client)
    suggest(client, 'llmstep.suggest')
  end,
  prefix = function(client, rest)
    suggest(client, 'llmstep.suggestWithPrefix', rest)
  end,
  prove = function(client)
    echo 'searching for a proof; :LLMStep stop ends it'
    execute(client, 'llmstep.prove', place(client))
  end,
  stop = function(client)
    execute(client, 'llmstep.stop', nil, function()
      echo 'stopped'
    end)
  end,
  restart = function(client)
    execute(client, 'llmstep.restartLean', nil, function()
      llmstep.tell('Lean starts again with the next question.', INFO)
    end)
  end,
  status = function(client)
    execute(client, 'llmstep.showStatus')
  end,
  log = function(client)
    execute(client, 'llmstep.showStatus', { quiet = true }, function(status)
      vim.cmd.split('+$ ' .. vim.fn.fnameescape(status.logFile))
    end)
  end,
}

--- The subcommands that begin with `typed`.
---@param typed string
---@return string[]
function M.beginning_with(typed)
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, typed)
  end, vim.tbl_keys(subcommands))
  table.sort(names)
  return names
end

--- Run `:LLMStep args`.
---@param args string
function M.run(args)
  local name, rest = args:match '^(%S+)%s*(.*)$'
  local client = offering()
  if not subcommands[name] then
    llmstep.tell(
      ('there is no :LLMStep %s; there are %s.'):format(name, table.concat(M.beginning_with '', ', '))
    )
  elseif client then
    subcommands[name](client, rest)
  elseif vim.lsp.get_clients({ name = 'llmstep', bufnr = 0, _uninitialized = true })[1] then
    llmstep.tell('llmstep-lsp still starts. Ask again in a moment.', INFO)
  elseif name == 'restart' then
    vim.lsp.enable 'llmstep'
  else
    llmstep.tell 'llmstep-lsp does not run for this buffer. :checkhealth llmstep says why.'
  end
end

return M
