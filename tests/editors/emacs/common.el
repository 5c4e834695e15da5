;;; common.el --- Emacs as a person has it, and what tests do with it  -*- lexical-binding: t; -*-

;;; Commentary:

;; Loaded before the lines that our documentation tells people to write.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'seq)
(require 'subr-x)

(package-initialize)
(setq load-prefer-newer t
      message-log-max t
      ;; Emacs without a terminal ends at an error of a process or a timer; with one, it says so.
      command-error-function (lambda (problem context _)
                               (message "%s%s" context (error-message-string problem)))
      ;; Machines that run tests are busy.
      eglot-sync-connect 120
      eglot-connect-timeout 120
      lsp-response-timeout 120
      llmstep-lsp-settings '((budgetSeconds . 120) (proveSeconds . 120) (automatic . nil))
      ;; Questions that have nothing to do with us.
      eglot-confirm-server-initiated-edits nil
      lsp-auto-guess-root t
      lsp-enable-snippet nil
      ;; Emacs without a terminal does not heed the files that it watches, nor what it underlines.
      lsp-enable-file-watchers nil
      lsp-diagnostics-provider :none)
(with-eval-after-load 'jsonrpc
  (setq jrpc-default-request-timeout 120))

(defconst tests-and "theorem t (p q : Prop) (hp : p) (hq : q) : q ∧ p := by\n")

(defconst tests-two-steps "inductive Even : Nat → Prop where
  | zero : Even 0
  | step (n : Nat) : Even n → Even (n + 2)

theorem both : Even 2 ∧ Even 0 := by
    ‸sorry
"
  "No step of the symbolic portfolio finishes it.")

(defconst tests-never "inductive Tree where
  | leaf : Tree
  | node : Tree → Nat → Tree → Tree

def Tree.mirror : Tree → Tree
  | .leaf => .leaf
  | .node l x r => .node r.mirror x l.mirror

theorem never (p q r : Prop) (h : p → q → r) (k : p ∧ ¬ q) : ∃ t : Tree, t.mirror = t ∧ r := by
    ‸sorry
"
  "It takes a while until nothing is left to try.")

(defvar tests-typed 1
  "Where the echo area was when keys were typed last.")

(defun tests-call (function)
  "Call FUNCTION where errors of processes and timers are only reported, as usual.
ERT would take them for errors of the test."
  (pcase (let ((debug-on-error nil))
           (condition-case problem
               (cons 'value (funcall function))
             (error (cons 'problem problem))))
    (`(value . ,value) value)
    (`(problem . (,symbol . ,data)) (signal symbol data))))

(defun tests-await (condition)
  "The first value of CONDITION that is not nil."
  (let ((end (+ (float-time) 150))
        value)
    (while (not (setq value (tests-call condition)))
      (when (> (float-time) end)
        (error "It did not come about; messages:\n%s"
               (with-current-buffer (messages-buffer) (buffer-substring tests-typed (point-max)))))
      (tests-call (lambda () (accept-process-output nil 0.05))))
    value))

(defconst tests-folder default-directory)

(defun tests-visit (name)
  "Show the file A.lean in folder NAME of this run."
  (let ((folder (file-name-as-directory (expand-file-name name tests-folder))))
    (make-directory folder t)
    (find-file (concat folder "A.lean"))))

(defun tests-write (marked)
  "Let the buffer be MARKED, with point at the ‸."
  (erase-buffer)
  (insert marked)
  (goto-char (point-min))
  (search-forward "‸")
  (delete-char -1))

(defun tests-type (keys)
  "Type KEYS as a person does."
  (with-current-buffer (messages-buffer)
    (setq tests-typed (point-max)))
  (tests-call (lambda () (execute-kbd-macro (kbd keys)))))

(defun tests-text (name)
  "The text of buffer NAME."
  (if (get-buffer name) (with-current-buffer name (buffer-string)) ""))

(defun tests-await-said (sentence)
  "Wait until SENTENCE is in the echo area, after what was typed last."
  (tests-await (lambda ()
                 (with-current-buffer (messages-buffer)
                   (save-excursion
                     (goto-char tests-typed)
                     (search-forward sentence nil t))))))

(defun tests-lean-says ()
  "What Lean says of the buffer's file, which it accepts, once the buffer is saved."
  (save-buffer)
  (let ((file buffer-file-name))
    (with-temp-buffer
      (list (call-process "lean" nil t nil file) (buffer-string)))))

(defun tests-take-step ()
  "A key shows the only step, which is taken."
  (tests-write (concat tests-and "  exact‸\n"))
  (tests-type "C-c s s RET")
  (should (equal (buffer-string) (concat tests-and "  exact ⟨hq, hp⟩\n"))))

(defun tests-suggest ()
  "A key shows the steps, with the goals that remain; point is behind the chosen one."
  (tests-write (concat tests-and "  constructor\n  ‸\n  exact hp\n"))
  (tests-type "C-c s s exact SPC hq RET")
  (should (equal (buffer-string) (concat tests-and "  constructor\n  exact hq\n  exact hp\n")))
  (should (looking-back "exact hq" nil))
  (should (string-search "✓ exact hq  ⊢ p" (tests-text "*Completions*"))))

(defun tests-suggest-with-prefix ()
  "Only steps that begin with the prefix are there, with the goals that they leave."
  (tests-write (concat tests-and "  ‸\n"))
  (tests-type "C-c s w cons RET RET")
  (should (equal (buffer-string) (concat tests-and "  constructor\n")))
  (should (string-match "→ constructor  ⊢ q  ⊢ p$" (tests-text "*Completions*"))))

(defun tests-stop ()
  "A search ends when it is stopped."
  (tests-write tests-never)
  (tests-type "C-c s p")
  (tests-type "C-c s k")
  (tests-await-said "Stopped"))

(defun tests-await-status (sentence)
  "Ask for the status, and wait until SENTENCE is in it."
  (tests-type "C-c s i")
  (tests-await (lambda () (string-search sentence (tests-text "*llmstep*")))))

(defun tests-status ()
  "The status is shown; the settings are those of Emacs."
  (tests-await-status "budgetSeconds from the editor's settings"))

(provide 'common)
;;; common.el ends here
