"""What the project promises of itself: imports, settings, documents and the shape of its code."""

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from bot import cli
from bot import settings as settings_module
from bot.settings import Settings

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONCEPTS = ROOT / "docs" / "concepts.md"
GETTING_STARTED = ROOT / "docs" / "getting-started.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").rglob("*.md"))]
PRODUCT = sorted(
    path for top in ("bot", "handlers", "content_calendar") for path in (ROOT / top).rglob("*.py")
)
# Migrations are history: written once by a program, never read as a story.
WRITTEN = [path for path in PRODUCT if "migrations" not in path.parts]
COMMANDS = typer.main.get_command(cli.app)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Named = Function | ast.ClassDef


def test_imports_only_go_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


# Settings


def explained() -> dict[str, tuple[str, str]]:
    """The settings of .env.example: name → (value, the comment in front of it)."""
    found: dict[str, tuple[str, str]] = {}
    comment: list[str] = []
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if setting := re.fullmatch(r"(?:# )?(QUNYUN_[A-Z_]+)=(.*)", line):
            found[setting[1]] = (setting[2], " ".join(comment))
            comment = []
        elif line.startswith("# "):
            comment.append(line.removeprefix("# "))
        else:
            comment = []
    return found


def variable(field: str) -> str:
    return f"QUNYUN_{field.upper()}"


def test_every_setting_is_explained_in_chinese_and_in_english() -> None:
    told = explained()
    assert told.keys() == {variable(name) for name in Settings.model_fields}
    for name, (_, comment) in told.items():
        assert re.search(r"[\u4e00-\u9fff]{4}", comment), f"{name}: no Chinese comment"
        assert re.search(r"[A-Za-z]+ [a-z]+", comment), f"{name}: no English comment"


def test_what_is_explained_is_the_default() -> None:
    examples = {"database_url", "gateways"}  # empty by default, which explains nothing
    told = {name: explained()[variable(name)][0] for name in Settings.model_fields}
    given = settings_module.load(_env_file=None, **told)
    for name, field in Settings.model_fields.items():
        if name not in examples:
            assert getattr(given, name) == field.default, name


def test_every_setting_is_read_unless_its_comment_says_that_it_is_not_in_force() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in PRODUCT)
    for name in Settings.model_fields:
        is_read = re.search(rf"\b(settings(\(\))?|self)\.{name}\b", code) is not None
        in_force = "Not in force" not in explained()[variable(name)][1]
        assert is_read == in_force, f"{variable(name)}: read {is_read}, in force {in_force}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_setting_that_a_document_names_exists(document: Path) -> None:
    # What the tests read is no setting of an installation.
    known = {*explained(), "QUNYUN_REQUIRE"}
    named = set(re.findall(r"QUNYUN_[A-Z_]*[A-Z]", document.read_text(encoding="utf-8")))
    assert not named - known


# Documents


def blocks(document: Path) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a document: (language, text)."""
    text = document.read_text(encoding="utf-8")
    fenced = re.finditer(r"^( *)```(\w*)\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    for block in fenced:
        yield block[2], re.sub(rf"^{block[1]}", "", block[3], flags=re.MULTILINE)


def lines_to_type(document: Path) -> list[str]:
    """The commands that a reader would copy, from fenced and from indented blocks."""
    fenced = "\n".join(text for language, text in blocks(document) if language in {"sh", "console"})
    indented = re.findall(r"^ {4}(qunyun .*)", document.read_text(encoding="utf-8"), re.MULTILINE)
    return [line.removeprefix("$ ") for line in chain(fenced.splitlines(), indented)]


def leaf(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Split a command line into (path, rest, options that the command at that path knows)."""
    command, path = COMMANDS, list[str]()
    while isinstance(command, TyperGroup) and words and words[0] in command.commands:
        command = command.commands[words[0]]
        path.append(words.pop(0))
    assert path or words[:1] in ([], ["--help"]), f"no command {' '.join(words)}"
    assert not isinstance(command, TyperGroup) or not words or words[0].startswith("-"), (
        f"no command {' '.join([*path, *words])}"
    )
    return path, words, [name for parameter in command.params for name in parameter.opts]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists_with_its_options(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    typed = [line for line in lines_to_type(document) if line.startswith("qunyun ")]
    for line in [*typed, *re.findall(r"`(qunyun [a-z][^`]*)`", text)]:
        _, words, options = leaf(shlex.split(line, comments=True)[1:])
        given = [word.partition("=")[0] for word in words if word.startswith("--")]
        assert set(given) <= {*options, "--help"}, line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_to_copy_is_complete(document: Path) -> None:
    for line in lines_to_type(document):
        if not line.startswith("qunyun "):
            continue
        path, words, _ = leaf(shlex.split(line, comments=True)[1:])
        command = COMMANDS
        for name in path:
            assert isinstance(command, TyperGroup)
            command = command.commands[name]
        # Parses every option and argument, and runs nothing.
        with command.make_context(line, words):
            pass


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_verb_that_a_document_names_exists(document: Path) -> None:
    verbs = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"`make (\w+)`", text) + [
        line.split()[1] for line in lines_to_type(document) if line.startswith("make ")
    ]
    assert set(named) <= set(verbs)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        place, _, anchor = unquote(target).partition("#")
        path = document.parent / place if place else document
        assert path.exists(), f"{document.name}: {target}"
        if anchor:
            assert anchor in headings(path), f"{document.name}: {target}"


def headings(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_two_paths_name_functions_of_their_files() -> None:
    paths = CONCEPTS.read_text(encoding="utf-8").partition("## 两条路")[2].partition("\n## ")[0]
    steps = re.findall(r"^ {4,}(\S+\.py) +(\w+)\(\)", paths, re.MULTILINE)
    assert len(steps) > 20
    for file, function in steps:
        named = {node.name for node in ast.walk(tree(ROOT / file)) if isinstance(node, Function)}
        assert function in named, f"{file}: {function}"


def test_whatever_the_map_of_files_names_is_there() -> None:
    rows = CONCEPTS.read_text(encoding="utf-8").partition("## 东西在哪")[2].partition("\n## ")[0]
    named = re.findall(r"`(\w+)(/?)`", rows.partition("|---|---|")[2])
    assert len(named) > 80
    for name, folder in named:
        paths = [top / (name if folder else f"{name}.py") for top in (ROOT / "bot", ROOT)]
        assert any(path.is_dir() if folder else path.is_file() for path in paths), name


def test_the_readme_promises_and_says_how_to_try_and_to_test() -> None:
    text = README.read_text(encoding="utf-8")
    promise = (
        "one key is never posted twice on purpose, and every post that may not have arrived "
        "is listed."
    )
    assert promise in " ".join(text.split())
    assert {"make demo", "make test"} <= set(text.splitlines())


def test_getting_started_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in explained():
        monkeypatch.delenv(name, raising=False)
    printed = ""
    for language, text in blocks(GETTING_STARTED):
        if language == "sh":
            printed = "".join(done_by(text))
        elif language == "text":
            assert printed == text


def done_by(script: str) -> Iterator[str]:
    """Write the files of a block and run its commands in this process; what each prints."""
    lines = iter(script.splitlines())
    for line in lines:
        if written := re.fullmatch(r"cat > (\S+) <<'(\S+)'", line):
            content = iter(lines.__next__, written[2])
            Path(written[1]).write_text("".join(f"{one}\n" for one in content), "utf-8")
            continue
        program, *words = shlex.split(line)
        assert program == "qunyun", line
        done = CliRunner().invoke(cli.app, words)
        assert done.exit_code == 0, f"{line}: {done.output}{done.exception!r}"
        yield done.stdout.removeprefix("\ufeff").replace("\r\n", "\n")


# Locks


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index-url" not in text.partition("\n\n")[2]
    pinned = re.split(r"\n(?=[a-z0-9])", re.sub(r"^ *#.*\n?", "", text, flags=re.MULTILINE))
    assert all("--hash=sha256:" in one for one in pinned if one.strip())


def test_the_node_lock_holds_no_address() -> None:
    lock = json.loads((ROOT / "tests/gateway/package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_everything_that_the_product_needs_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed: Mapping[str, list[str]] = {
        "requirements.lock": project["dependencies"],
        "requirements-dev.lock": [
            *project["dependencies"],
            *project["optional-dependencies"]["dev"],
        ],
    }
    for lock, requirements in needed.items():
        text = (ROOT / lock).read_text(encoding="utf-8")
        pinned = {plain(name) for name in re.findall(r"^([\w.-]+)(?:\[\S+\])?==", text, re.M)}
        assert {plain(name) for name in requirements} <= pinned, lock


def plain(requirement: str) -> str:
    """The normalised name of a requirement (PEP 503)."""
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


# The shape of the code


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def public(body: list[ast.stmt]) -> Iterator[Named]:
    """Public functions, classes and methods; nested functions belong to their function."""
    for node in body:
        if isinstance(node, Named) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def test_every_module_and_public_name_says_what_it_is_for() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
        for path in PRODUCT
        # An empty file that only makes a folder a package has nothing to say.
        if path.stat().st_size
        for node in [tree(path), *public(tree(path).body)]
        if not ast.get_docstring(node)
    ]
    assert not silent


def test_functions_are_read_on_one_screen() -> None:
    functions = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": length(node)
        for path in WRITTEN
        for node in ast.walk(tree(path))
        if isinstance(node, Function)
    }
    assert not {name: lines for name, lines in functions.items() if lines > 75}
    assert sum(lines > 40 for lines in functions.values()) < len(functions) / 20


def test_files_are_about_one_thing() -> None:
    files = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in WRITTEN
    }
    assert not {name: lines for name, lines in files.items() if lines > 475}
    assert sum(lines > 300 for lines in files.values()) < len(files) / 10
