--- Owns the bridge: the Lean that Neovim runs as the client `leanls`, lent to llmstep-lsp.
---
--- docs/sharing-lean.md of llmstep-lsp says what the messages mean.

local M = {}

local CONNECT, REQUEST, NOTIFY = 'llmstep/lean/connect', 'llmstep/lean/request', 'llmstep/lean/notify'
local NOTIFIED, ENDED = 'llmstep/lean/notified', 'llmstep/lean/ended'
local CANCEL = '$/cancelRequest'
local REQUEST_CANCELLED, REQUEST_FAILED = -32800, -32803

-- What lean.nvim and nvim-lspconfig call Lean's own server.
local LEAN = 'leanls'
local SCRATCH = '%.llmstep%-scratch%-%d+%.lean$'
local SECONDS_TO_CONNECT = 25

--- Who hears what Lean says about a document of ours, by its URI.
---@type table<string, fun(method: string, params: table)>
local listeners = {}

--- The Leans whose handlers know of us, by the ids of their clients.
---@type table<integer, true>
local prepared = {}

local function uri_of(params)
  return params.uri or (params.textDocument or {}).uri
end

--- Keep what `lean` says about documents of ours from all that shows it.
---@param lean vim.lsp.Client
local function prepare(lean)
  if prepared[lean.id] then
    return
  end
  prepared[lean.id] = true
  local shown = lean.handlers
  lean.handlers = setmetatable({}, { __index = shown })
  for _, method in ipairs { 'textDocument/publishDiagnostics', '$/lean/fileProgress' } do
    lean.handlers[method] = function(err, params, ...)
      local uri = params and uri_of(params) or ''
      local show = shown[method] or vim.lsp.handlers[method]
      if uri:match(SCRATCH) then
        if listeners[uri] then
          listeners[uri](method, params)
        end
      elseif show then
        return show(err, params, ...)
      end
    end
  end
end

--- The Lean for the document `uri` of ours: that of the file beside which it is, or any.
---@param uri string
---@return vim.lsp.Client?
local function lean_of(uri)
  local leans = vim.lsp.get_clients { name = LEAN }
  local file = vim.uri_to_fname((uri:gsub(SCRATCH, '.lean')))
  for _, lean in ipairs(leans) do
    for bufnr in pairs(lean.attached_buffers) do
      if vim.api.nvim_buf_get_name(bufnr) == file then
        return lean
      end
    end
  end
  return leans[1]
end

--- Whether a Lean still starts, which Neovim tells only by a key that it calls its own.
local function starts()
  return vim.lsp.get_clients({ name = LEAN, _uninitialized = true })[1] ~= nil
end

--- How many documents of ours are open in Neovim's Lean.
function M.count()
  return vim.tbl_count(listeners)
end

--- The bridge of one connection with llmstep-lsp, over which `send` sends a message.
---@param send fun(message: table): boolean
function M.new(send)
  local bridge = {}
  local documents = {} ---@type table<string, vim.lsp.Client> by their URIs, who has them
  local pending = {} ---@type table<any, { lean: vim.lsp.Client, id: integer }> by the server's ids
  local watch ---@type integer?

  --- Forget all documents, and close those that a Lean still has.
  local function forget()
    for uri, lean in pairs(documents) do
      listeners[uri] = nil
      lean.rpc.notify('textDocument/didClose', { textDocument = { uri = uri } })
    end
    documents, pending = {}, {}
  end

  local function ended()
    forget()
    send { method = ENDED, params = vim.empty_dict() }
  end

  local function connect(id, tries)
    if vim.lsp.get_clients({ name = LEAN })[1] then
      send { id = id, result = vim.NIL }
    elseif starts() and tries > 0 then
      vim.defer_fn(function()
        connect(id, tries - 1)
      end, 100)
    else
      send { id = id, error = { code = REQUEST_FAILED, message = ('no client `%s` runs'):format(LEAN) } }
    end
  end

  local function open(uri)
    local lean = lean_of(uri)
    if not lean then
      return ended()
    end
    prepare(lean)
    documents[uri] = lean
    listeners[uri] = function(method, params)
      send { method = NOTIFIED, params = { method = method, params = params } }
    end
    watch = watch
      or vim.api.nvim_create_autocmd('LspDetach', {
        callback = function(event)
          for _, lender in pairs(documents) do
            if lender.id == event.data.client_id and lender:is_stopped() then
              return ended()
            end
          end
        end,
      })
  end

  local function request(id, method, params)
    local lean = documents[uri_of(params)]
    if not lean then -- it ended when this was on its way
      send { id = id, error = { code = REQUEST_FAILED, message = 'Lean has ended' } }
      return
    end
    local sent, number = lean.rpc.request(method, params, function(err, result)
      if pending[id] then
        pending[id] = nil
        if not err and result == nil then
          result = vim.NIL
        end
        send { id = id, error = err, result = result }
      end
    end)
    if sent then
      pending[id] = { lean = lean, id = number }
    else
      ended()
    end
  end

  local function notify(method, params)
    local uri = uri_of(params)
    if method == 'textDocument/didOpen' then
      open(uri)
    end
    local lean = documents[uri]
    if lean then
      lean.rpc.notify(method, params)
    end
    if method == 'textDocument/didClose' then
      documents[uri], listeners[uri] = nil, nil
    end
  end

  --- Whether `message` of the server is for the bridge.
  function bridge.takes(message)
    local method = message.method
    return method == CONNECT
      or method == REQUEST
      or method == NOTIFY
      or (method == CANCEL and pending[message.params.id] ~= nil)
  end

  function bridge.handle(message)
    local id, params = message.id, message.params
    if message.method == CONNECT then
      connect(id, SECONDS_TO_CONNECT * 10)
    elseif message.method == REQUEST then
      request(id, params.method, params.params)
    elseif message.method == NOTIFY then
      notify(params.method, params.params)
    else
      local asked = pending[params.id]
      pending[params.id] = nil
      asked.lean.rpc.notify(CANCEL, { id = asked.id })
      -- Neovim drops Lean's own answer to what was cancelled.
      send { id = params.id, error = { code = REQUEST_CANCELLED, message = 'cancelled' } }
    end
  end

  --- The server ended.
  function bridge.close()
    forget()
    if watch then
      vim.api.nvim_del_autocmd(watch)
    end
  end

  return bridge
end

return M
