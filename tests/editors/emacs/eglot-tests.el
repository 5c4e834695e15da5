;;; eglot-tests.el --- By eglot, in front of Lean's server  -*- lexical-binding: t; -*-

;;; Commentary:

;; One buffer is shared by all tests.

;;; Code:

(require 'common)
(require 'eglot)
(require 'lean4-mode)

(setq lean4-mode-hook nil)

(defun eglot-tests-visit ()
  "Show the file that the tests share."
  (tests-visit "eglot")
  (unless (eglot-current-server)
    (tests-type "M-x eglot RET"))
  (tests-await #'llmstep-lsp--server))

(defun eglot-tests-lean-errors ()
  "What Lean says against the buffer."
  (mapcar #'flymake-diagnostic-text (flymake-diagnostics)))

(ert-deftest eglot-tests-action ()
  "A code action is chosen, and Lean, by the same connection, accepts the text."
  (eglot-tests-visit)
  (tests-write (concat tests-and "  exact‸\n"))
  (eglot--signal-textDocument/didChange) ; as eglot does when Emacs is idle
  (tests-await #'eglot-tests-lean-errors)
  (tests-type "M-x eglot-code-actions RET RET")
  (should (equal (buffer-string) (concat tests-and "  exact ⟨hq, hp⟩\n")))
  (eglot--signal-textDocument/didChange)
  (tests-await (lambda () (null (eglot-tests-lean-errors))))
  (should (equal (tests-lean-says) '(0 ""))))

(ert-deftest eglot-tests-suggest ()
  "A key shows the steps, with the goals that remain; point is behind the chosen one."
  (eglot-tests-visit)
  (tests-suggest))

(ert-deftest eglot-tests-suggest-with-prefix ()
  "Only steps that begin with the prefix are there, with the goals that they leave."
  (eglot-tests-visit)
  (tests-suggest-with-prefix))

(ert-deftest eglot-tests-prove ()
  "A proof that is chosen as a code action is searched for while the person goes on."
  (eglot-tests-visit)
  (tests-write tests-two-steps)
  (tests-type "M-x eglot-code-actions RET llmstep: SPC search TAB RET")
  (should (string-search "sorry" (buffer-string)))
  (tests-await-said "The proof is inserted")
  (should (equal (tests-lean-says) '(0 ""))))

(ert-deftest eglot-tests-stop ()
  "A search ends when it is stopped."
  (eglot-tests-visit)
  (tests-stop))

(ert-deftest eglot-tests-restart-lean ()
  "A new Lean answers as the one before."
  (eglot-tests-visit)
  (tests-type "C-c s r")
  (tests-take-step))

(ert-deftest eglot-tests-status ()
  "The status is shown; the settings are those of Emacs."
  (eglot-tests-visit)
  (tests-status))

(ert-deftest eglot-tests-z-killed ()
  "If the server is killed, eglot starts it again."
  (eglot-tests-visit)
  (let ((server (eglot-current-server)))
    (signal-process (jsonrpc--process server) 'KILL)
    (tests-await (lambda () (not (eq server (llmstep-lsp--server)))))
    (tests-await #'llmstep-lsp--server)
    (tests-take-step)))

(provide 'eglot-tests)
;;; eglot-tests.el ends here
