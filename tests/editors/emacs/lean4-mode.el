;;; lean4-mode.el --- What lean4-mode has that matters to us  -*- lexical-binding: t; -*-

;;; Commentary:

;; A stand-in: the major mode, and lsp-mode's client for Lean's own server.

;;; Code:

(require 'lsp-mode)

(defvar lean4-mode-hook '(lsp))

(define-derived-mode lean4-mode prog-mode "Lean 4")
(add-to-list 'auto-mode-alist '("\\.lean\\'" . lean4-mode))
(add-to-list 'lsp-language-id-configuration '(lean4-mode . "lean"))

(defun lean4--server-cmd ()
  "The command of Lean's server."
  '("lean" "--server"))

(lsp-register-client
 (make-lsp-client :new-connection (lsp-stdio-connection #'lean4--server-cmd)
                  :major-modes '(lean4-mode)
                  :server-id 'lean4-lsp))

(provide 'lean4-mode)
;;; lean4-mode.el ends here
