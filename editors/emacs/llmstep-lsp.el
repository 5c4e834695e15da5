;;; llmstep-lsp.el --- Next proof steps for Lean 4, checked by Lean  -*- lexical-binding: t; -*-

;; Author: The llmstep-lsp authors
;; Maintainer: The llmstep-lsp authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: languages, tools
;; URL: https://github.com/llmstep/llmstep-lsp
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Runs the language server llmstep-lsp for buffers in `lean4-mode', by lsp-mode
;; beside Lean's own server, by eglot in front of it, and has commands for what it
;; does besides code actions and completions.  Neither client is required.
;;
;;     (require 'llmstep-lsp)
;;     (with-eval-after-load 'lean4-mode
;;       (define-key lean4-mode-map (kbd "C-c s") 'llmstep-lsp-command-map))
;;
;; C-c s s inserts a step, C-c s p searches for a whole proof, C-c s C-h lists the others.

;;; Code:

(require 'eieio)
(require 'seq)
(require 'subr-x)

(defvar eglot-server-programs)
(defvar lsp--cur-workspace)
(defvar lsp-clients)
(declare-function eglot--apply-workspace-edit "ext:eglot")
(declare-function eglot--capabilities "ext:eglot")
(declare-function eglot--signal-textDocument/didChange "ext:eglot")
(declare-function eglot--TextDocumentPositionParams "ext:eglot")
(declare-function eglot-current-server "ext:eglot")
(declare-function eglot-execute "ext:eglot")
(declare-function eglot-execute-command "ext:eglot")
(declare-function jsonrpc-async-request "jsonrpc")
(declare-function lean4--server-cmd "ext:lean4-mode")
(declare-function lsp--apply-workspace-edit "ext:lsp-mode")
(declare-function lsp--client-action-handlers "ext:lsp-mode")
(declare-function lsp--text-document-position-params "ext:lsp-mode")
(declare-function lsp--workspace-client "ext:lsp-mode")
(declare-function lsp-can-execute-command? "ext:lsp-mode")
(declare-function lsp-register-client "ext:lsp-mode")
(declare-function lsp-request-async "ext:lsp-mode")
(declare-function lsp-stdio-connection "ext:lsp-mode")
(declare-function lsp-workspaces "ext:lsp-mode")
(declare-function make-lsp-client "ext:lsp-mode")
(declare-function copy-lsp--client "ext:lsp-mode")

(defgroup llmstep-lsp nil
  "Next proof steps for Lean 4, checked by Lean."
  :group 'languages
  :prefix "llmstep-lsp-")

(defcustom llmstep-lsp-command '("llmstep-lsp")
  "The program llmstep-lsp, and what comes before all other arguments, if anything."
  :type '(repeat string))

(defcustom llmstep-lsp-settings nil
  "What the server is started with, such as \\='((count . 3) (automatic . nil)).
The shell command \"llmstep-lsp settings table\" lists all settings.  t and nil
are true and false, and a list of strings is a list of texts."
  :type '(alist :key-type symbol :value-type sexp))

(defcustom llmstep-lsp-share-lean nil
  "Whether under lsp-mode the server stands in front of the Lean of `lean4-mode'.
Otherwise it runs beside that Lean, and starts another one for itself.  Under
eglot, which has one server for a buffer, it is always in front."
  :type 'boolean)

(defconst llmstep-lsp--oldest "0.1.0"
  "The oldest version of the server that this package works with.")


;;; What is started

(defun llmstep-lsp--stdio (&rest arguments)
  "The command of the server, with ARGUMENTS at its end."
  `(,@llmstep-lsp-command "--stdio" ,@arguments))

(defun llmstep-lsp--in-front-of (lean)
  "The command of the server as a proxy before LEAN, the command of Lean's server."
  `(,@(llmstep-lsp--stdio "--proxy" "--") ,@lean
    ,@(and (equal (car (last lean)) "serve") '("--"))
    "-Dserver.reportDelayMs=0"))

(defun llmstep-lsp--options ()
  "The settings as both clients make JSON of them."
  (mapcar (pcase-lambda (`(,key . ,value))
            (cons key (cond ((null value) :json-false)
                            ((consp value) (vconcat value))
                            (t value))))
          llmstep-lsp-settings))

(defun llmstep-lsp--warn (message)
  "Show MESSAGE so that it is not overlooked, unless it is shown already."
  (let ((buffer (get-buffer "*Warnings*")))
    (unless (and buffer (with-current-buffer buffer
                          (save-excursion (goto-char (point-min)) (search-forward message nil t))))
      (display-warning 'llmstep-lsp message))))

(defun llmstep-lsp--missing ()
  "A sentence if there is no server to start."
  (unless (executable-find (car llmstep-lsp-command))
    (format "%s is not there, so Lean works without it: \
install it (pipx install . in its repository), or set `llmstep-lsp-command'"
            (car llmstep-lsp-command))))

(defvar llmstep-lsp--seen nil
  "The `llmstep-lsp-command' that works, as far as is known.")

(defun llmstep-lsp--usable-p ()
  "Whether the server is there; if not, or if it is no good, the person is told."
  (if-let* ((missing (llmstep-lsp--missing)))
      (ignore (llmstep-lsp--warn missing))
    (unless (equal llmstep-lsp--seen llmstep-lsp-command)
      (setq llmstep-lsp--seen llmstep-lsp-command)
      (make-process :name "llmstep-lsp --version"
                    :command (append llmstep-lsp-command '("--version"))
                    :connection-type 'pipe
                    :buffer (generate-new-buffer " *llmstep-lsp --version*")
                    :noquery t
                    :sentinel #'llmstep-lsp--seen))
    t))

(defun llmstep-lsp--seen (process _event)
  "Tell the person what is wrong with the server, by what PROCESS has said."
  (unless (process-live-p process)
    (let* ((said (with-current-buffer (process-buffer process) (string-trim (buffer-string))))
           (version (and (string-match "llmstep-lsp \\([0-9.]*[0-9]\\)" said) (match-string 1 said)))
           (problem
            (cond ((not version)
                   (format "%s cannot run (%s): install it anew (pipx reinstall llmstep-lsp)"
                           (car (process-command process)) (car (last (split-string said "\n")))))
                  ((version< version llmstep-lsp--oldest)
                   (format "llmstep-lsp %s is too old for this package, which needs %s: \
upgrade it (pipx install --force . in its repository), and start it again"
                           version llmstep-lsp--oldest)))))
      (kill-buffer (process-buffer process))
      (when problem
        (setq llmstep-lsp--seen nil)
        (llmstep-lsp--warn problem)))))


;;; By lsp-mode

(defun llmstep-lsp--lsp-initialized ()
  "If the server of `lsp--cur-workspace' is ours, let it search for proofs behind.
Otherwise lsp-mode waits, and gives up after `lsp-response-timeout'."
  (when (lsp-can-execute-command? "llmstep.prove")
    (puthash "llmstep.prove" #'llmstep-lsp--prove
             (lsp--client-action-handlers (lsp--workspace-client lsp--cur-workspace)))))

(with-eval-after-load 'lsp-mode
  (add-hook 'lsp-after-initialize-hook #'llmstep-lsp--lsp-initialized)
  (lsp-register-client
   (make-lsp-client
    :server-id 'llmstep
    :add-on? t
    :priority -1
    :activation-fn (lambda (_file mode) (and (eq mode 'lean4-mode) (not llmstep-lsp-share-lean)))
    :new-connection (lsp-stdio-connection #'llmstep-lsp--stdio #'llmstep-lsp--usable-p)
    :initialization-options #'llmstep-lsp--options)))

;; In front of Lean: all of lean4-mode's own client but its command, and chosen before it.
(with-eval-after-load 'lean4-mode
  (let ((client (copy-lsp--client (gethash 'lean4-lsp lsp-clients))))
    (pcase-dolist
        (`(,slot . ,value)
         `((server-id . llmstep-lean)
           (priority . 1)
           (activation-fn . ,(lambda (_file mode) (and (eq mode 'lean4-mode) llmstep-lsp-share-lean)))
           (new-connection . ,(lsp-stdio-connection
                               (lambda () (llmstep-lsp--in-front-of (lean4--server-cmd)))
                               #'llmstep-lsp--usable-p))
           (initialization-options . ,(lambda () `(:llmstep ,(llmstep-lsp--options))))))
      (setf (cl-struct-slot-value (type-of client) slot client) value))
    (lsp-register-client client)))


;;; By eglot

(defun llmstep-lsp--lean ()
  "The command of Lean's server for this buffer."
  (let ((project (locate-dominating-file
                  default-directory
                  (lambda (folder)
                    (directory-files folder nil "\\`lakefile\\.\\(lean\\|toml\\)\\'")))))
    (cond ((and project (executable-find "lake"))
           (list "lake" (concat "--dir=" (expand-file-name project)) "serve"))
          ((not (or (executable-find "lean") (llmstep-lsp--missing) (llmstep-lsp--no-lean-p)))
           `(,@llmstep-lsp-command "lean" "run" "--server"))
          (t '("lean" "--server")))))

(defun llmstep-lsp--no-lean-p ()
  "Whether the server has no Lean, which the person is told."
  (with-temp-buffer
    (unless (eq 0 (apply #'call-process (car llmstep-lsp-command) nil t nil
                         (append (cdr llmstep-lsp-command) '("lean" "run" "--version"))))
      (llmstep-lsp--warn (string-trim (buffer-string)))
      t)))

(defun llmstep-lsp--eglot-contact (&rest _)
  "What eglot is to start: Lean's server alone if ours is not there."
  (if (llmstep-lsp--usable-p)
      `(,@(llmstep-lsp--in-front-of (llmstep-lsp--lean))
        :initializationOptions (:llmstep ,(llmstep-lsp--options)))
    (llmstep-lsp--lean)))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(lean4-mode . llmstep-lsp--eglot-contact))
  ;; eglot would wait for the whole search, and take it for failed after 10 seconds.
  (if (fboundp 'eglot-execute)
      (cl-defmethod eglot-execute :around (_server action)
        (if (equal (plist-get action :command) "llmstep.prove")
            (llmstep-lsp--prove action)
          (cl-call-next-method)))
    (with-suppressed-warnings ((obsolete eglot-execute-command))
      (cl-defmethod eglot-execute-command (_server (_command (eql llmstep.prove)) arguments)
        (llmstep-lsp--prove (list :arguments arguments))))))


;;; Questions to the server, which is lsp-mode's workspace or eglot's object

(defun llmstep-lsp--get (object key)
  "The value of KEY, a string, in the JSON OBJECT of either client."
  (if (hash-table-p object)
      (gethash key object)
    (plist-get object (intern (concat ":" key)))))

(defun llmstep-lsp--server ()
  "The server of this buffer that has our commands, or nil."
  (or (when-let* ((server (and (fboundp 'eglot-current-server) (eglot-current-server))))
        (and (seq-contains-p
              (plist-get (plist-get (eglot--capabilities server) :executeCommandProvider)
                         :commands)
              "llmstep.suggest")
             server))
      (and (fboundp 'lsp-workspaces)
           (seq-find (lambda (workspace)
                       (let ((lsp--cur-workspace workspace))
                         (lsp-can-execute-command? "llmstep.suggest")))
                     (lsp-workspaces)))))

(defun llmstep-lsp--server-or-lose ()
  "The server of this buffer, or an error with what to do about it."
  (or (llmstep-lsp--server)
      (user-error "%s" (or (llmstep-lsp--missing)
                           "llmstep-lsp does not run for this buffer: M-x lsp or M-x eglot starts it"))))

(defun llmstep-lsp--place (server)
  "Where point is, in terms of the protocol, by the client of SERVER."
  (if (eieio-object-p server)
      (eglot--TextDocumentPositionParams)
    (lsp--text-document-position-params)))

(defun llmstep-lsp--send (server command argument &optional then failed)
  "Let SERVER run COMMAND with ARGUMENT, if that is not nil.
Call THEN with its result or FAILED with a message; without them the message
is shown."
  (let* ((params (list :command command :arguments (if argument (vector argument) [])))
         (then (or then #'ignore))
         (failed (or failed (lambda (why) (message "%s" why))))
         (refused (lambda (problem)
                    (funcall failed (if (eql (llmstep-lsp--get problem "code") -32800)
                                        "Stopped"
                                      (llmstep-lsp--get problem "message"))))))
    (if (eieio-object-p server)
        (progn
          (eglot--signal-textDocument/didChange)
          (jsonrpc-async-request server :workspace/executeCommand params
                                 :success-fn then :error-fn refused :timeout nil))
      (let ((lsp--cur-workspace server))
        (lsp-request-async "workspace/executeCommand" params then
                           :error-handler refused :mode 'detached)))))

(defun llmstep-lsp--ask (server command argument)
  "The result of COMMAND with ARGUMENT, run by SERVER; \\[keyboard-quit] ends that."
  (let (answer)
    (llmstep-lsp--send server command argument
                       (lambda (result) (setq answer (list result)))
                       (lambda (why) (setq answer why)))
    (condition-case nil
        (while (and (null answer) (eq server (llmstep-lsp--server)))
          (accept-process-output nil 0.1))
      (quit (llmstep-lsp-stop)
            (keyboard-quit)))
    (if (consp answer)
        (car answer)
      (user-error "%s" (or answer "The server ended before it answered")))))


;;; Commands

(defun llmstep-lsp--line (text)
  "TEXT on one line."
  (string-join (split-string text) " "))

(defun llmstep-lsp--affixes (suggestion)
  "What is shown before and after SUGGESTION: its mark, and the goals that remain."
  (let ((goals (append (llmstep-lsp--get suggestion "goals") nil)))
    (list (substring (llmstep-lsp--get suggestion "title") 0 2)
          (propertize
           (mapconcat (lambda (goal)
                        (concat "  " (llmstep-lsp--line (string-trim-left goal "[^⊢]*"))))
                      goals "")
           'face 'completions-annotations))))

(defun llmstep-lsp--choose (suggestions)
  "Return the one that the person chooses from the list SUGGESTIONS."
  (let* ((named (mapcar (lambda (suggestion)
                          (cons (llmstep-lsp--line (llmstep-lsp--get suggestion "text"))
                                suggestion))
                        suggestions))
         (first (caar named))
         (affixes (lambda (texts)
                    (mapcar (lambda (text)
                              (cons text (llmstep-lsp--affixes (cdr (assoc text named)))))
                            texts)))
         (table (lambda (string predicate action)
                  (if (eq action 'metadata)
                      `(metadata (affixation-function . ,affixes)
                                 (display-sort-function . identity)
                                 (cycle-sort-function . identity))
                    (complete-with-action action named string predicate))))
         (list-them (lambda ()
                      ;; Other interfaces than Emacs's own list them by themselves.
                      (when (eq (key-binding (kbd "TAB")) 'minibuffer-complete)
                        (minibuffer-completion-help)))))
    (minibuffer-with-setup-hook (:append list-them)
      (cdr (assoc (completing-read (format-prompt "Step" first) table nil t nil nil first)
                  named)))))

(defun llmstep-lsp--insert (server edit)
  "Let the client of SERVER make EDIT, and put point behind it."
  (let ((end (copy-marker (point) t)))
    (if (eieio-object-p server)
        (eglot--apply-workspace-edit edit nil)
      (lsp--apply-workspace-edit edit 'code-action))
    (goto-char end)))

(defun llmstep-lsp--suggest (command &rest more)
  "Insert what the person chooses among the results of COMMAND at point.
MORE are properties of its argument besides the place."
  (message "Looking for steps…")
  (let* ((server (llmstep-lsp--server-or-lose))
         (place (append (llmstep-lsp--place server) more))
         (answer (llmstep-lsp--ask server command place))
         (suggestions (append (llmstep-lsp--get answer "suggestions") nil))
         (notes (append (llmstep-lsp--get answer "notes") nil)))
    (unless suggestions
      (user-error "%s" (if notes (string-join notes " ") "Lean accepts nothing that was tried")))
    (llmstep-lsp--insert
     server (llmstep-lsp--get (llmstep-lsp--choose suggestions) "edit"))))

;;;###autoload
(defun llmstep-lsp-suggest ()
  "Choose the next step at point, one that Lean has accepted, and insert it."
  (interactive)
  (llmstep-lsp--suggest "llmstep.suggest"))

;;;###autoload
(defun llmstep-lsp-suggest-with-prefix (prefix)
  "Choose the next step at point, one that begins with PREFIX, and insert it."
  (interactive "sSteps that begin with: ")
  (llmstep-lsp--suggest "llmstep.suggestWithPrefix" :prefix prefix))

(defun llmstep-lsp--prove (action)
  "Search for a whole proof at the place that ACTION, a code action, is for."
  (message "%s" (substitute-command-keys
                 "Searching for a proof; \\[llmstep-lsp-stop] ends that"))
  (llmstep-lsp--send (llmstep-lsp--server-or-lose) "llmstep.prove"
                     (seq-elt (llmstep-lsp--get action "arguments") 0)
                     (lambda (result)
                       ;; The server says itself if there is none, or if it could not be inserted.
                       (when (eq (llmstep-lsp--get result "applied") t)
                         (message "The proof is inserted")))))

;;;###autoload
(defun llmstep-lsp-prove ()
  "Search for a whole proof at point, while you go on, and insert it."
  (interactive)
  (llmstep-lsp--prove (list :arguments (vector (llmstep-lsp--place (llmstep-lsp--server-or-lose))))))

;;;###autoload
(defun llmstep-lsp-stop ()
  "Let the server end all its work."
  (interactive)
  (llmstep-lsp--send (llmstep-lsp--server-or-lose) "llmstep.stop" nil))

;;;###autoload
(defun llmstep-lsp-restart-lean ()
  "End the Lean that judges candidates, for the next question to have a new one."
  (interactive)
  (llmstep-lsp--send (llmstep-lsp--server-or-lose) "llmstep.restartLean" nil
                     (lambda (_) (message "A new Lean starts with the next question"))))

;;;###autoload
(defun llmstep-lsp-status ()
  "Show which Lean is used and why, who proposes candidates, and what works."
  (interactive)
  (llmstep-lsp--send (llmstep-lsp--server-or-lose) "llmstep.showStatus" '(:quiet t)
                     (lambda (status)
                       (with-help-window "*llmstep*"
                         (princ (llmstep-lsp--get status "text"))))))

;;;###autoload (autoload 'llmstep-lsp-command-map "llmstep-lsp" nil t 'keymap)
(defvar llmstep-lsp-command-map
  (let ((map (make-sparse-keymap)))
    (define-key map "s" #'llmstep-lsp-suggest)
    (define-key map "w" #'llmstep-lsp-suggest-with-prefix)
    (define-key map "p" #'llmstep-lsp-prove)
    (define-key map "k" #'llmstep-lsp-stop)
    (define-key map "r" #'llmstep-lsp-restart-lean)
    (define-key map "i" #'llmstep-lsp-status)
    map)
  "Our commands, for a key of yours.")
(fset 'llmstep-lsp-command-map llmstep-lsp-command-map)

(provide 'llmstep-lsp)
;;; llmstep-lsp.el ends here
