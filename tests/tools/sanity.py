# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ansible-test sanity on a copy of this checkout, with the arguments given.

ansible-test requires the collection in ansible_collections/NAMESPACE/NAME, and does not accept a link there.
"""

from __future__ import annotations

import ast
import configparser
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pip

REPOSITORY = Path(__file__).resolve().parents[2]

# ansible-test keeps its environments in the home folder, and passes only HOME and PATH to the programs that it starts.
# Each of our environments has its own home, because they run in parallel.
HOME = REPOSITORY / ".cache" / f"home{Path(sys.prefix).name.removeprefix('.venv')}"

# The versions of pip that ansible-core 2.16, 2.19 and 2.21 install into those environments.
PIP_VERSIONS = ("23.1.2", "24.2", "25.2")

# ansible-test downloads a script that installs pip, unless it already exists. This one copies the pip of our
# environment, which takes a tenth of the time. All packages come from the index that pip is configured for.
PIP_BOOTSTRAP = """
import shutil, sysconfig
from pathlib import Path
for folder in Path({packages!r}).glob("pip*"):
    shutil.copytree(folder, Path(sysconfig.get_path("purelib"), folder.name), dirs_exist_ok=True)
"""

# Files that are not part of the collection.
NOT_COPIED = (".*", "__pycache__", "collections", "output", "ansible.cfg")

# Oldest and newest Python that the collection supports.
PYTHON_MINORS = range(9, 15)


def output_of(*command: str | Path) -> str:
    return subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def place(path: Path, content: str) -> None:
    """Write a file atomically, because parallel runs may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(content, encoding="utf-8")
    partial.replace(path)


def pip_configuration() -> str:
    """The effective configuration of pip, environment variables included, as a file for the other home folder."""
    configuration = configparser.ConfigParser(interpolation=None)
    # Lines like global.timeout='60', install.pre='yes', :env:.timeout='60'; the last one wins.
    for line in output_of(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, value = line.split("=", maxsplit=1)
        section, option = name.replace(":env:", "global").rsplit(".", maxsplit=1)
        configuration.read_dict({section: {option: "\n".join(ast.literal_eval(value).split())}})
    content = io.StringIO()
    configuration.write(content)
    return content.getvalue()


def real_interpreter(name: str) -> Path | None:
    """The interpreter of that name that runs, on PATH or under pyenv.

    Version managers have shims for versions that are not active; ansible-test would use them as interpreters.
    """
    for folder in [*map(Path, os.get_exec_path()), *Path.home().glob(".pyenv/versions/*/bin")]:
        if (folder / name).exists():
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                return Path(output_of(folder / name, "-c", "import sys; print(sys.executable)").strip())
    return None


def search_path() -> str:
    """PATH for ansible-test: our environment, the system, and this machine's oldest and newest supported Python."""
    found = [path.parent for minor in PYTHON_MINORS if (path := real_interpreter(f"python3.{minor}"))]
    folders = [Path(sys.executable).parent, "/usr/local/bin", "/usr/bin", "/bin", *found[:1], *found[-1:]]
    return os.pathsep.join(dict.fromkeys(map(str, folders)))


def run_sanity(arguments: list[str], *, checkout: Path) -> int:
    """Show the output of ansible-test while it runs, and return its exit status: also 1 for a test that was skipped."""
    command = ["ansible-test", "sanity", "--color", "no", *arguments]
    environment = {**os.environ, "HOME": str(HOME), "PATH": search_path()}
    skipped = []
    with subprocess.Popen(
        command, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if "shellcheck" in line and "WARNING" in line:
                skipped.append(line)
    if skipped:
        print("Some tests were skipped.")
    return process.returncode or bool(skipped)


def main() -> int:
    packages = str(Path(pip.__file__).parents[1])
    for version in PIP_VERSIONS:
        cached = HOME / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
        place(cached, PIP_BOOTSTRAP.format(packages=packages))
    place(HOME / ".config" / "pip" / "pip.conf", pip_configuration())
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Path(scratch, "ansible_collections", "rocketops", "rocketchat")
        shutil.copytree(REPOSITORY, checkout, ignore=shutil.ignore_patterns(*NOT_COPIED))
        return run_sanity(sys.argv[1:], checkout=checkout)


if __name__ == "__main__":
    sys.exit(main())
