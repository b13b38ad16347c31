# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Coverage-guided fuzzing of one answer, from bytes to a verdict: ``python -m …tests.fuzz [libFuzzer's options]``.

New inputs are added to the corpus, also those that show a defect. Needs atheris, see requirements-fuzz.txt.
"""

from __future__ import annotations

import sys
from multiprocessing import Process
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["ansible_collections", "json"]):
    from ansible_collections.rocketops.rocketchat.tests.fuzz.one_answer import check

from ansible_collections.rocketops.rocketchat.tests.fuzz.corpus import BY_HAND, pack, unpack

DICTIONARY = Path(__file__).parent / "answer.dict"


def main() -> int:
    with TemporaryDirectory() as folder:
        unpack(Path(folder))
        # libFuzzer ends its process.
        fuzzing = Process(target=_fuzz, args=(folder,))
        fuzzing.start()
        fuzzing.join()
        pack(Path(folder))
    return fuzzing.exitcode or 0


def _fuzz(folder: str) -> None:
    options = ["-max_len=8192", f"-dict={DICTIONARY}", f"-artifact_prefix={folder}/", *sys.argv[1:]]
    atheris.Setup([sys.argv[0], *options, folder, str(BY_HAND)], lambda content: check(content) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
