"""Owns the record of an installation: which files belong to it, how big they are, what they hold."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MANIFEST = Path("share/lean-wasm/manifest.json")


def record(root: Path, fingerprint: str) -> None:
    """Write the manifest of everything under `root`; `fingerprint` tells what made it."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    with ThreadPoolExecutor() as pool:
        sums = pool.map(_sha256, files)
        entries = {
            file.relative_to(root).as_posix(): [file.stat().st_size, sha256]
            for file, sha256 in zip(files, sums, strict=True)
        }
    (root / MANIFEST).write_text(json.dumps({"fingerprint": fingerprint, "files": entries}, indent=0))


def problem(root: Path, fingerprint: str) -> str | None:
    """What is wrong with the installation in `root`, or None; reads all of it (about a second)."""
    try:
        manifest = json.loads((root / MANIFEST).read_text())
        recorded, entries = manifest["fingerprint"], dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return "its manifest is missing or damaged"
    if recorded != fingerprint:
        return "it is out of date"
    for name, (size, _) in entries.items():
        file = root / name
        if not file.is_file() or file.stat().st_size != size:
            return f"{name} is missing or damaged"
    with ThreadPoolExecutor() as pool:
        sums = pool.map(_sha256, (root / name for name in entries))
        for (name, (_, sha256)), found in zip(entries.items(), sums, strict=True):
            if found != sha256:
                return f"{name} is damaged"
    return None


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
