--- Owns the configuration with which `vim.lsp.enable("llmstep")` starts llmstep-lsp.

local llmstep = require 'llmstep'

return {
  cmd = llmstep.cmd { 'llmstep-lsp', '--stdio' },
  filetypes = { 'lean' },
  root_markers = { { 'lakefile.toml', 'lakefile.lean', 'lean-toolchain' }, '.git' },
  capabilities = {
    experimental = { llmstepBridge = true },
    -- So an edit says for which version of the text it is, and Neovim refuses it for another.
    workspace = { workspaceEdit = { documentChanges = true } },
  },
  on_init = llmstep.on_init,
}
