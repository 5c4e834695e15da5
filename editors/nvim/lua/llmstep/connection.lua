--- Owns the connection with llmstep-lsp: its process, and the messages to and from it.
---
--- Neovim's own, `vim.lsp.rpc`, keeps the ids of the server's requests to itself and refuses error codes that
--- are not of the protocol. The bridge needs both.

local M = {}

local REQUEST_CANCELLED, REQUEST_FAILED, INTERNAL_ERROR = -32800, -32803, -32603

--- The length of the first message in `received` and where it begins, once its header is there.
---@param received string
---@return integer? start
---@return integer? length
local function framed(received)
  local _, last = received:find('\r\n\r\n', 1, true)
  if last then
    return last + 1, tonumber(received:sub(1, last):match 'Content%-Length: (%d+)')
  end
end

--- Start `command`; what this takes and returns is what `cmd` of |vim.lsp.ClientConfig| does.
---@param command string[]
---@param dispatchers vim.lsp.rpc.Dispatchers
---@param config vim.lsp.ClientConfig
---@return vim.lsp.rpc.PublicClient
function M.start(command, dispatchers, config)
  local process ---@type vim.SystemObj
  local waiting = {} ---@type table<integer, { callback: function, replied: function? }>
  local asked = 0
  local initialized, ending = false, false
  local complaint = '' -- the last that the server wrote to standard error

  ---@return boolean
  local function send(message)
    if process:is_closing() then
      return false
    end
    vim.lsp.log.debug('rpc.send', message)
    message.jsonrpc = '2.0'
    local body = vim.json.encode(message)
    process:write(('Content-Length: %d\r\n\r\n%s'):format(#body, body))
    return true
  end

  local bridge = require('llmstep.bridge').new(send)

  local function answered(message)
    local one = waiting[message.id]
    waiting[message.id] = nil
    if not one then
      return
    end
    if one.replied then
      one.replied(message.id)
    end
    if not message.error then
      one.callback(nil, message.result)
    elseif message.error.code ~= REQUEST_CANCELLED then -- of which Neovim's own connection says nothing, either
      one.callback(setmetatable(message.error, { __tostring = vim.lsp.rpc.format_rpc_error }))
    end
  end

  local function asked_by_server(message)
    local ok, result, err = pcall(dispatchers.server_request, message.method, message.params)
    if not ok then
      result, err = nil, { code = INTERNAL_ERROR, message = tostring(result) }
    end
    send { id = message.id, result = result, error = err }
  end

  ---@param body string
  local function handle(body)
    local message = vim.json.decode(body, { luanil = { object = true } })
    vim.lsp.log.debug('rpc.receive', message)
    if not message.method then
      answered(message)
    elseif bridge.takes(message) then
      bridge.handle(vim.json.decode(body)) -- with every null that is meant for Lean
    elseif message.id then
      asked_by_server(message)
    else
      dispatchers.notification(message.method, message.params)
    end
  end

  local received = ''
  local function on_stdout(_, chunk)
    received = received .. (chunk or '')
    local start, length = framed(received)
    while start and #received >= start + length - 1 do
      local body = received:sub(start, start + length - 1)
      vim.schedule(function()
        handle(body)
      end)
      received = received:sub(start + length)
      start, length = framed(received)
    end
  end

  local function on_stderr(_, chunk)
    if chunk then
      vim.lsp.log.error('rpc', command[1], 'stderr', chunk)
      complaint = vim.trim(chunk):match '[^\n]*$'
    end
  end

  ---@param exit vim.SystemCompleted
  local function on_exit(exit)
    vim.schedule(function()
      bridge.close()
      if not ending then
        local how = exit.signal ~= 0 and ('signal %d'):format(exit.signal)
          or ('exit code %d: %s'):format(exit.code, complaint)
        local step = initialized and ':LLMStep restart starts it again.'
          or 'Run `llmstep-lsp doctor` in a terminal, which says why.'
        require('llmstep').tell(('llmstep-lsp ended by itself (%s). %s'):format(how, step))
      end
    end)
    dispatchers.on_exit(0, 0) -- it was said just now
  end

  process = vim.system(command, {
    stdin = true,
    stdout = on_stdout,
    stderr = on_stderr,
    cwd = config.cmd_cwd,
    env = config.cmd_env,
  }, on_exit)

  return {
    request = function(method, params, callback, replied)
      asked = asked + 1
      ending = ending or method == 'shutdown'
      waiting[asked] = {
        replied = replied,
        callback = function(err, result)
          initialized = initialized or method == 'initialize' and not err
          if method == 'textDocument/codeAction' and err and err.code == REQUEST_FAILED then
            require('llmstep').tell(err.message) -- Neovim only says that there is no action
          end
          callback(err, result)
        end,
      }
      if send { id = asked, method = method, params = params } then
        return true, asked
      end
      waiting[asked] = nil
      return false
    end,
    notify = function(method, params)
      return send { method = method, params = params }
    end,
    is_closing = function()
      return process:is_closing()
    end,
    terminate = function()
      ending = true
      process:kill 'sigterm'
    end,
  }
end

return M
