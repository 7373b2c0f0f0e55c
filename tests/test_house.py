"""What a reviewer would otherwise have to repeat: files, heads, sizes, and code that agrees with its documents.

Everything here reads files; nothing starts a daemon or a database.
"""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from identd import settings
from identd.metrics import Metrics, Readings
from protocol.errors import ErrorCode
from protocol.reason import CODES, Reason

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("matcher", "protocol", "identd", "loader", "console", "demo", "lab")
LINES_MAX = 450

TESTED_ELSEWHERE = {
    "demo/steps.py": "a table; tests/demo/test_tour.py runs every row of it",
    "console/context.py": "what handlers reach; every test of a page goes through it",
    "console/errors.py": "exceptions without a rule of their own; every store and page raises or tells them",
    "console/objects/account.py": "values without a rule of their own; tests/console/objects/test_account_fields.py",
}
"""Modules without a test file of their name, and who tests them instead."""

HOSTS = frozenset(
    {
        "www.apache.org",
        "www.rfc-editor.org",
        "www.postgresql.org",
        "www.iana.org",
        "no-color.org",
        "www.w3.org",
        "json-schema.org",
    }
)
"""Hosts that the repository may link to; with those reserved for examples (RFC 2606) there is no other."""

PLACES = re.compile(r"(?<![\w.])/(?:wor[k]|roo[t]|hom[e]|op[t])/\w|/tm[p]/(?:brie|helpe)|\.\./share[d]")
"""Absolute paths of a developer's machine. (The brackets keep this line from finding itself.)"""

RULE = re.compile(r"\b[MP]\d+\.\d+\b")
RULES_A_TEST_MAX = 6
"""A test that names more shows that they go together; each also needs one that fails for little else."""

NUMBERED = re.compile(r"\*\*([MP]\d+\.\d+)\*\*")
"""How a document numbers a rule; without the asterisks it refers to one."""


def _tracked(*suffixes: str) -> list[Path]:
    """Files of the repository, also those that are not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


MODULES = [path for path in _tracked(".py") if _name(path).split("/")[0] in PACKAGES and path.name != "__init__.py"]


def test_every_module_has_a_test_file_of_its_name():
    missing = []
    for path in MODULES:
        package, _, module = _name(path).rpartition("/")
        if not (ROOT / "tests" / package / f"test_{module}").exists() and _name(path) not in TESTED_ELSEWHERE:
            missing.append(_name(path))
    assert missing == []


def test_exceptions_name_modules_that_are_there_and_need_one():
    for name in TESTED_ELSEWHERE:
        package, _, module = name.rpartition("/")
        assert (ROOT / name).exists(), name
        assert not (ROOT / "tests" / package / f"test_{module}").exists(), f"{name} has a test file: no exception"


def test_every_python_file_says_what_lives_in_it():
    trees = {_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in _tracked(".py")}
    assert [name for name, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []


def test_no_python_file_is_too_long_to_read():
    long = {
        _name(p): n for p in _tracked(".py") if (n := len(p.read_text(encoding="utf-8").splitlines())) > LINES_MAX
    }
    assert long == {}


def test_no_init_file_under_tests_shadows_a_package():
    assert [_name(p) for p in _tracked(".py") if p.name == "__init__.py" and _name(p).startswith("tests/")] == []


def test_every_settings_key_is_in_the_sample_configuration():
    text = _read("config/identd.toml")
    missing, section = set(settings.KEYS), ""
    for line in text.splitlines():
        if heading := re.match(r"^\[([a-z_.]+)\]", line):
            section = heading[1]
        elif key := re.match(r"^#? ?([a-z_]+) *=", line):
            missing.discard(f"{section}.{key[1]}")
    assert missing == set()


def test_every_reason_and_error_code_is_in_the_protocol_s_document():
    text = _read("docs/protocol.md")
    assert [str(word) for word in (*Reason, *ErrorCode) if f"`{word}`" not in text] == []


def test_every_metric_is_in_the_operators_document():
    nothing = Readings(
        calls={},
        endings={},
        releases={},
        accounts=0,
        quarantined={},
        ambiguous_pairs=0,
        generation=0,
        ready=False,
        database_connected=False,
        data_age_seconds=0.0,
        connections={},
        kamailios={},
        log_lines_dropped=0,
    )
    names = {
        family.name + ("_total" if family.type == "counter" else "") for family in Metrics(lambda: nothing).collect()
    }
    text = _read("docs/operations.md")
    assert sorted(name for name in names if name not in text) == []


def _marked_rules() -> dict[str, str]:
    """Rule -> one test that names it. Rules are written out: what is computed could not be searched for."""
    found = {}
    for path in _tracked(".py"):
        if not _name(path).startswith("tests/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
                for argument in node.args:
                    if isinstance(argument, ast.Starred):
                        continue  # of a text file of vectors, which is read below
                    assert isinstance(argument, ast.Constant), f"{_name(path)}:{node.lineno}: write the rules out"
                    found[str(argument.value)] = f"{_name(path)}:{node.lineno}"
    for path in _tracked(".txt"):
        if _name(path).startswith("tests/"):
            for rules in re.findall(r"^case (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
                found.update({rule: _name(path) for rule in RULE.findall(rules)})
    return found


def _labels_of_the_sharpest_test() -> dict[str, int]:
    """Rule -> how many rules the test names that names the fewest beside it."""
    found: dict[str, int] = {}
    for path in _tracked(".py"):
        if not _name(path).startswith("tests/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                marks = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
                rules = [
                    str(argument.value)
                    for mark in marks
                    if ast.unparse(mark.func) == "pytest.mark.rule"
                    for argument in mark.args
                    if isinstance(argument, ast.Constant)
                ]
                found.update({rule: min(len(rules), found.get(rule, len(rules))) for rule in rules})
    for path in _tracked(".txt"):
        if _name(path).startswith("tests/"):
            for line in re.findall(r"^case (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
                rules = RULE.findall(line)
                found.update({rule: min(len(rules), found.get(rule, len(rules))) for rule in rules})
    return found


def _documented_rules() -> set[str]:
    return {rule for name in ("matching", "protocol") for rule in NUMBERED.findall(_read(f"docs/{name}.md"))}


@pytest.mark.parametrize("name", ["matching", "protocol"])
def test_a_document_s_rules_carry_its_own_letter_each_once(name):
    rules = NUMBERED.findall(_read(f"docs/{name}.md"))
    assert rules, f"docs/{name}.md numbers its rules"
    assert {rule[0] for rule in rules} == {name[0].upper()}
    assert sorted({rule for rule in rules if rules.count(rule) > 1}) == []


def test_documents_refer_to_rules_that_are_there():
    texts = {_name(path): path.read_text(encoding="utf-8") for path in _tracked(".md")}
    documented = _documented_rules()
    lost = [
        f"{name}: {rule}" for name, text in texts.items() for rule in RULE.findall(text) if rule not in documented
    ]
    assert lost == []


def test_every_rule_is_named_by_a_test():
    assert sorted(_documented_rules() - set(_marked_rules())) == []


def test_every_rule_has_a_test_that_is_about_little_else():
    sharpest = _labels_of_the_sharpest_test()
    weak = {rule: labels for rule in _documented_rules() if (labels := sharpest.get(rule, 0)) > RULES_A_TEST_MAX}
    assert weak == {}


@pytest.mark.rule("M0.2", "M5.5", "P2.9")
def test_the_reasons_of_the_page_are_those_of_the_code_with_their_codes():
    rows = re.findall(r"^\| .*?\| (`.*?`) \|.*\| (\d{3}) \| (\d+) \|$", _read("docs/matching.md"), re.MULTILINE)
    said = {word: (int(sip), int(q850)) for words, sip, q850 in rows for word in re.findall(r"`(\w+)`", words)}
    assert said == {str(reason): tuple(codes) for reason, codes in CODES.items()}
    listed = _read("docs/protocol.md").partition("**P2.9**")[2].partition("\n\n")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(map(str, CODES))


def test_no_test_names_a_rule_that_is_not_there():
    documented = _documented_rules()
    assert {rule: where for rule, where in _marked_rules().items() if rule not in documented} == {}


def _command_lines(document: str) -> list[list[str]]:
    """The commands of a document's shell blocks, word by word."""
    blocks = re.findall(r"^```(?:sh|bash|console|shell)\n(.*?)^```", _read(document), re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_commands_of_the_readme_are_there():
    commands = [words for words in _command_lines("README.md") if words]
    assert commands, "the README shows how to start"
    offered = subprocess.run(
        [sys.executable, "-c", "import sys; from identd.cli.main import run; sys.argv = ['identd', '--help']; run()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    absent = []
    for words in commands:
        files = [word.split("::")[0] for word in words if re.match(r"^(?:bin|\.ci|config|bench|docs|tests)/", word)]
        absent += [name for name in files if not (ROOT / name).exists()]
        program = words[0].removeprefix(".venv/bin/")
        if program == "identd" and len(words) > 1 and not re.search(rf"\b{re.escape(words[1])}\b", offered):
            absent.append(" ".join(words[:2]))
        if program in ("python", "python3") and words[1:2] == ["-m"] and words[2] not in ("pytest", "venv"):
            module = ROOT / words[2].replace(".", "/")
            if not (module.with_suffix(".py").exists() or (module / "__main__.py").exists()):
                absent.append(" ".join(words[:3]))
    assert absent == []


def _texts() -> list[tuple[str, str]]:
    """Every text file of the repository; what is not UTF-8 is data."""
    texts = []
    for path in _tracked():
        try:
            texts.append((_name(path), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return texts


def test_repository_links_to_nothing_but_standards_and_examples():
    strange = []
    for name, text in _texts():
        for host in re.findall(r"\bhttps?://(?:[^/\s@]*@)?([\w.-]+)", text):
            known = host in HOSTS or re.search(
                r"(?:^|\.)(?:example(?:\.com|\.net|\.org)?|invalid|test|localhost)$", host
            )
            if not known and not re.match(r"^(?:127\.0\.0\.1|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)", host):
                strange.append(f"{name}: {host}")
    assert strange == []


def test_lock_file_has_hashes_and_names_no_place():
    text = _read("requirements.lock")
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert not re.search(r"--(?:index-url|extra-index-url|find-links|trusted-host)|://", text)


def test_no_file_knows_the_machine_it_was_written_on():
    known = [f"{name}: {found[0]}" for name, text in _texts() for found in [PLACES.search(text)] if found is not None]
    assert known == []


SYNONYMS = {
    "gateway": ("softswitch", "switchid", "switch_id", "nas_id"),
    "client": ("tenant", "subscriber", "customerid", "customer_id"),
    "ani": ("caller_id", "callerid", "calling_number", "a_number"),
    "dnis": ("called_number", "dialled_number", "b_number", "dst_number"),
    "tech_prefix": ("techprefix", "technical_prefix"),
    "authorize": ("authorise", "authenticate_call"),
    "refuse": ("reject_call", "denied_call"),
}
"""Words of docs/matching.md §1, and what people elsewhere call the same thing."""


RADIUS_NAMES = ("NAS_",)
"""Attributes are called what RFC 2865 calls them."""


@pytest.mark.rule("M0.3")
def test_one_word_a_thing_in_every_name_of_the_code():
    found = []
    for path in MODULES:
        names = {
            node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else node.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Name | ast.Attribute | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        for word, others in SYNONYMS.items():
            found += [
                (_name(path), name, word)
                for name in names
                if any(other in name.lower() for other in others) and not name.startswith(RADIUS_NAMES)
            ]
    assert found == []


def test_every_test_that_the_article_s_page_names_is_there():
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", (ROOT / "docs" / "accounts.md").read_text(encoding="utf-8"))
    assert len(named) > 40
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).exists() or (test and f"def {test}(" not in (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert missing == []
