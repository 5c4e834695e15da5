--- Owns the command :LLMStep as Neovim sees it; what its subcommands do is loaded with the first of them.

vim.api.nvim_create_user_command('LLMStep', function(call)
  require('llmstep.commands').run(call.args)
end, {
  nargs = '+',
  desc = 'llmstep: next proof steps, checked by Lean',
  complete = function(typed, line)
    return line:match '^%S+%s+%S*$' and require('llmstep.commands').beginning_with(typed) or {}
  end,
})
