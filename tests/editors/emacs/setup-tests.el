;;; setup-tests.el --- What a person is told where something is missing  -*- lexical-binding: t; -*-

;;; Commentary:

;; Each test has a folder, and so servers, of its own.

;;; Code:

(require 'common)
(require 'eglot)
(require 'lean4-mode)

(setq lsp-restart 'ignore               ; lsp-tests.el answers the question
      eglot-sync-connect nil)

(defun setup-tests-visit (client command)
  "Visit a file of the running test by CLIENT, where the server is COMMAND."
  (setq llmstep-lsp-command (list command)
        lean4-mode-hook (list client))
  (when (get-buffer "*Warnings*")
    (kill-buffer "*Warnings*"))
  (tests-visit (symbol-name (ert-test-name (ert-running-test))))
  (condition-case problem               ; as Emacs does with this hook
      (run-hooks 'post-command-hook)
    (error (message "%s" (error-message-string problem))))
  (tests-write (concat tests-and "  exact‸\n")))

(defun setup-tests-await-warned (sentence)
  "Wait for the warning SENTENCE of ours, and that there is no other one."
  (let ((warnings (lambda ()
                    (seq-filter (lambda (line) (string-prefix-p "Warning (llmstep-lsp)" line))
                                (split-string (tests-text "*Warnings*") "\n")))))
    (tests-await warnings)
    (should (equal (funcall warnings) (list (concat "Warning (llmstep-lsp): " sentence))))))

(defun setup-tests-goals ()
  "What Lean's own server answers for the goals at point, once it can be asked."
  (cond ((eglot-current-server)
         (plist-get (jsonrpc-request (eglot-current-server) :$/lean/plainGoal
                                     (eglot--TextDocumentPositionParams))
                    :goals))
        ((seq-some (lambda (workspace) (eq (lsp--workspace-status workspace) 'initialized))
                   (lsp-workspaces))
         (lsp-get (lsp-request "$/lean/plainGoal" (lsp--text-document-position-params)) :goals))))

(defmacro setup-tests-without-lean (&rest body)
  "Run BODY where there is no Lean."
  `(let ((exec-path (list (expand-file-name "server" tests-folder)))
         (process-environment
          (append (list (concat "PATH=" (expand-file-name "server:/usr/bin:/bin" tests-folder))
                        (concat "LLMSTEP_CACHE_DIR=" (expand-file-name "nothing" tests-folder)))
                  process-environment)))
     ,@body))

(defconst setup-tests-missing "nowhere is not there, so Lean works without it: \
install it (pipx install . in its repository), or set `llmstep-lsp-command'")
(defconst setup-tests-old "llmstep-lsp 0.0.9 is too old for this package, which needs 0.1.0: \
upgrade it (pipx install --force . in its repository), and start it again")
(defconst setup-tests-broken "broken cannot run (ImportError: no module named typer): \
install it anew (pipx reinstall llmstep-lsp)")

(ert-deftest setup-tests-lsp-not-installed ()
  "Lean's server runs as without us; who asks is told again."
  (setup-tests-visit 'lsp "nowhere")
  (setup-tests-await-warned setup-tests-missing)
  (should (equal (should-error (tests-type "C-c s s")) `(user-error ,setup-tests-missing)))
  (tests-await #'setup-tests-goals))

(ert-deftest setup-tests-eglot-not-installed ()
  "Lean's server runs as without us; who asks is told again."
  (setup-tests-visit 'eglot-ensure "nowhere")
  (setup-tests-await-warned setup-tests-missing)
  (should (equal (should-error (tests-type "C-c s s")) `(user-error ,setup-tests-missing)))
  (tests-await #'setup-tests-goals))

(ert-deftest setup-tests-lsp-too-old ()
  (setup-tests-visit 'lsp "old")
  (setup-tests-await-warned setup-tests-old))

(ert-deftest setup-tests-eglot-too-old ()
  (setup-tests-visit 'eglot-ensure "old")
  (setup-tests-await-warned setup-tests-old))

(ert-deftest setup-tests-lsp-broken ()
  "Lean's server runs as without us."
  (setup-tests-visit 'lsp "broken")
  (setup-tests-await-warned setup-tests-broken)
  (tests-await #'setup-tests-goals))

(ert-deftest setup-tests-eglot-broken ()
  (setup-tests-visit 'eglot-ensure "broken")
  (setup-tests-await-warned setup-tests-broken))

(ert-deftest setup-tests-lsp-no-lean ()
  "Who asks is told."
  (setup-tests-without-lean
   (setup-tests-visit 'lsp "llmstep-lsp")
   (tests-await #'llmstep-lsp--server)
   (should (string-match "\\`No Lean found for .* Install native Lean with elan, or "
                         (cadr (should-error (tests-type "C-c s s") :type 'user-error))))))

(ert-deftest setup-tests-eglot-no-lean ()
  "The person is told, as nothing can be started."
  (setup-tests-without-lean
   (setup-tests-visit 'eglot-ensure "llmstep-lsp")
   (should (string-match "No Lean found for .* Install native Lean with elan, or "
                         (tests-text "*Warnings*")))))

(ert-deftest setup-tests-eglot-lake-project ()
  "In a Lake project, its Lean is what Lake starts, from any folder."
  (let ((default-directory (expand-file-name "project/Some/Folder/" tests-folder))
        (exec-path (cons (expand-file-name "lake" tests-folder) exec-path))
        (llmstep-lsp-command '("llmstep-lsp")))
    (make-directory default-directory t)
    (write-region "" nil (expand-file-name "project/lakefile.toml" tests-folder))
    (should (equal (llmstep-lsp--eglot-contact)
                   `("llmstep-lsp" "--stdio" "--proxy" "--"
                     "lake" ,(format "--dir=%sproject/" tests-folder) "serve" "--"
                     "-Dserver.reportDelayMs=0"
                     :initializationOptions (:llmstep ,(llmstep-lsp--options)))))))

(ert-deftest setup-tests-options ()
  "Settings are written as lists, and are what JSON has for them."
  (let ((llmstep-lsp-settings '((count . 3) (automatic . nil) (repair . t) (generators "a" "b"))))
    (should (equal (json-serialize (llmstep-lsp--options) :false-object :json-false)
                   "{\"count\":3,\"automatic\":false,\"repair\":true,\"generators\":[\"a\",\"b\"]}"))))

(provide 'setup-tests)
;;; setup-tests.el ends here
