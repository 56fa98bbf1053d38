"""Who does not use durable actors pays nothing for them, and who lacks an extra is told its name."""

import subprocess
import sys

_PROGRAM = """
import sys
{before}
try:
    {body}
except ImportError as error:
    print(error)
print(sorted(name for name in sys.modules if name in ("msgspec", "sqlite3", "asyncpg", "actorio.persistence")))
"""


def _output(body: str, before: str = "") -> str:
    program = _PROGRAM.format(body=body, before=before)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_importing_actorio_imports_nothing_of_durable_actors() -> None:
    assert _output("import actorio, actorio.testing") == "[]\n"


def test_a_missing_extra_is_named() -> None:
    assert "pip install 'actorio-py[persistence]'" in _output(
        "import actorio.persistence", "sys.modules['msgspec'] = None"
    )
