;;; lsp-tests.el --- By lsp-mode, beside Lean's server and in front of it  -*- lexical-binding: t; -*-

;;; Commentary:

;; One buffer and its two servers are shared by all tests but the last.

;;; Code:

(require 'common)
(require 'lean4-mode)

(defun lsp-tests-servers ()
  "The servers of the buffer."
  (mapcar (lambda (workspace) (lsp--client-server-id (lsp--workspace-client workspace)))
          (lsp-workspaces)))

(defun lsp-tests-ready-p ()
  "Whether the buffer's servers have all answered."
  (seq-every-p (lambda (workspace) (eq (lsp--workspace-status workspace) 'initialized))
               (lsp-workspaces)))

(defun lsp-tests-visit ()
  "Show the file that the tests share."
  (tests-visit "lsp")
  (tests-await #'lsp-tests-ready-p))

(defun lsp-tests-lean-errors ()
  "What Lean's own server says against the buffer."
  (mapcar #'lsp:diagnostic-message (gethash (buffer-file-name) (lsp-diagnostics))))

(ert-deftest lsp-tests-action-beside-lean ()
  "A code action is chosen, and Lean's own server, on the same buffer, accepts the text."
  (lsp-tests-visit)
  (should (equal (lsp-tests-servers) '(lean4-lsp llmstep)))
  (tests-write (concat tests-and "  exact‸\n"))
  (tests-await #'lsp-tests-lean-errors)
  (tests-type "M-x lsp-execute-code-action RET")
  (should (equal (buffer-string) (concat tests-and "  exact ⟨hq, hp⟩\n")))
  (tests-await (lambda () (null (lsp-tests-lean-errors))))
  (should (equal (tests-lean-says) '(0 ""))))

(ert-deftest lsp-tests-goals-of-lean ()
  "What only Lean knows is answered as if it were alone."
  (lsp-tests-visit)
  (tests-write (concat tests-and "  ‸exact ⟨hq, hp⟩\n"))
  (should (equal (append (lsp-get (lsp-request "$/lean/plainGoal" (lsp--text-document-position-params))
                                  :goals)
                         nil)
                 '("p q : Prop\nhp : p\nhq : q\n⊢ q ∧ p"))))

(ert-deftest lsp-tests-suggest ()
  "A key shows the steps, with the goals that remain; point is behind the chosen one."
  (lsp-tests-visit)
  (tests-suggest))

(ert-deftest lsp-tests-suggest-with-prefix ()
  "Only steps that begin with the prefix are there, with the goals that they leave."
  (lsp-tests-visit)
  (tests-suggest-with-prefix))

(ert-deftest lsp-tests-nothing-to-suggest ()
  "That there is nothing is said."
  (lsp-tests-visit)
  (tests-write (concat tests-and "  ‸\n"))
  (should (equal (should-error (tests-type "C-c s w nonsense RET"))
                 '(user-error "No generator proposes a step that begins so."))))

(ert-deftest lsp-tests-prove ()
  "A proof that is chosen as a code action is searched for while the person goes on."
  (lsp-tests-visit)
  (tests-write tests-two-steps)
  (tests-type "M-x lsp-execute-code-action RET llmstep: SPC search TAB RET")
  (should (string-search "sorry" (buffer-string)))
  (tests-await-said "The proof is inserted")
  (should (equal (tests-lean-says) '(0 ""))))

(ert-deftest lsp-tests-stop ()
  "A search ends when it is stopped."
  (lsp-tests-visit)
  (tests-stop))

(ert-deftest lsp-tests-restart-lean ()
  "A new Lean answers as the one before."
  (lsp-tests-visit)
  (tests-type "C-c s r")
  (tests-take-step))

(ert-deftest lsp-tests-status ()
  "The status is shown; the settings are those of Emacs."
  (lsp-tests-visit)
  (tests-status))

(ert-deftest lsp-tests-y-killed ()
  "If our server is killed, Lean's goes on; lsp-mode asks, and starts ours again."
  (lsp-tests-visit)
  (let ((lean (car (lsp-workspaces))))
    (signal-process (lsp--workspace-proc (cadr (lsp-workspaces))) 'KILL)
    (tests-await-said "llmstep has exited (killed)")
    (tests-await (lambda () (cdr (lsp-workspaces))))
    (tests-await #'lsp-tests-ready-p)
    (should (memq lean (lsp-workspaces)))
    (tests-take-step)))

(ert-deftest lsp-tests-z-shared ()
  "Where the person wants that, one Lean is there for both."
  (setq llmstep-lsp-share-lean t)
  (tests-visit "shared")
  (tests-await #'lsp-tests-ready-p)
  (should (equal (lsp-tests-servers) '(llmstep-lean)))
  (tests-write (concat tests-and "  exact‸\n"))
  (tests-await #'lsp-tests-lean-errors)
  (tests-type "C-c s s RET")
  (should (equal (buffer-string) (concat tests-and "  exact ⟨hq, hp⟩\n")))
  (tests-await-status "Lean: the editor's runs for this document."))

(provide 'lsp-tests)
;;; lsp-tests.el ends here
