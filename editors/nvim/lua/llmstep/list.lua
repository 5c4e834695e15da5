--- Owns the floating list of steps: each with the goals that remain after it, one of them to be inserted.

local M = {}

local namespace = vim.api.nvim_create_namespace 'llmstep'

---@class llmstep.Suggestion what `llmstep.suggest` answers
---@field title string
---@field goals string[] those that remain
---@field edit lsp.WorkspaceEdit

--- Show `suggestions` below the cursor.
---@param suggestions llmstep.Suggestion[]
---@param choose fun(chosen: llmstep.Suggestion)
function M.open(suggestions, choose)
  local lines, owners = {}, {} ---@type string[], llmstep.Suggestion[]
  local bufnr = vim.api.nvim_create_buf(false, true)
  for _, suggestion in ipairs(suggestions) do
    table.insert(lines, suggestion.title)
    owners[#lines] = suggestion
    for _, goal in ipairs(suggestion.goals) do
      for line in vim.gsplit(goal, '\n') do
        table.insert(lines, '     ' .. line)
        owners[#lines] = suggestion
      end
    end
  end
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  for number, line in ipairs(lines) do
    if line ~= owners[number].title then
      vim.api.nvim_buf_set_extmark(bufnr, namespace, number - 1, 0, { line_hl_group = 'Comment' })
    end
  end
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].modifiable = false

  vim.cmd.stopinsert()
  local footer = ' <CR> inserts, q closes '
  local widest = math.max(#footer, unpack(vim.tbl_map(vim.fn.strdisplaywidth, lines)))
  local window = vim.api.nvim_open_win(bufnr, true, {
    relative = 'cursor',
    row = 1,
    col = 0,
    width = math.min(widest, vim.o.columns - 4),
    height = math.min(#lines, math.max(vim.o.lines - vim.fn.screenrow() - 4, 8)),
    style = 'minimal',
    border = 'rounded',
    title = ' llmstep ',
    footer = footer,
  })
  vim.wo[window][0].cursorline = true
  vim.wo[window][0].wrap = false

  local function close()
    if vim.api.nvim_win_is_valid(window) then
      vim.api.nvim_win_close(window, true)
    end
  end
  vim.api.nvim_create_autocmd('WinLeave', { buffer = bufnr, callback = close })
  vim.keymap.set('n', 'q', close, { buffer = bufnr, nowait = true })
  vim.keymap.set('n', '<Esc>', close, { buffer = bufnr, nowait = true })
  vim.keymap.set('n', '<CR>', function()
    local chosen = owners[vim.api.nvim_win_get_cursor(window)[1]]
    close()
    choose(chosen)
  end, { buffer = bufnr, nowait = true })
end

--- Make `edit`, which is one of one place, and put the cursor of `window` behind the new text.
---@param edit lsp.WorkspaceEdit
---@param window integer
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.insert(edit, window, encoding)
  local bufnr = vim.api.nvim_win_get_buf(window)
  local edits = edit.documentChanges and edit.documentChanges[1].edits or select(2, next(edit.changes))
  local last = edits[1].range['end']
  local line = vim.api.nvim_buf_get_lines(bufnr, last.line, last.line + 1, false)[1] or ''
  local mark = vim.api.nvim_buf_set_extmark(
    bufnr,
    namespace,
    last.line,
    vim.str_byteindex(line, encoding, last.character, false),
    {}
  )
  vim.lsp.util.apply_workspace_edit(edit, encoding)
  local row, column = unpack(vim.api.nvim_buf_get_extmark_by_id(bufnr, namespace, mark, {}))
  vim.api.nvim_buf_del_extmark(bufnr, namespace, mark)
  vim.api.nvim_win_set_cursor(window, { row + 1, column })
end

return M
