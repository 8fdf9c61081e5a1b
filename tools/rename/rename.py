"""rename.py TREE MAPPING.json... [--moves TABLE.json] [--dry-run] [--report FILE] [--no-format]

Renames symbols in a tree by their meaning: see FORMAT.md. Exit 0: all rows applied or done; 1: some rows are not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from pyrename import PythonRenamer, Row, apply_edits, make_row  # noqa: E402
import wrap  # noqa: E402
from texts import TextRenamer, rename_css, tracked, typescript_comments  # noqa: E402


def read_rows(paths: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for path in paths:
        for row in json.loads(Path(path).read_text(encoding="utf-8")):
            if "old" in row:
                key = row["file"], row["old"]
                if key in seen:
                    if seen[key] != row["new"]:
                        problems.append(f"{key}: two new names, {seen[key]} and {row['new']} (the first is taken)")
                    continue
                seen[key] = row["new"]
            rows.append(row)
    return rows, problems


def rename_typescript(tree: Path, rows: list[dict[str, Any]], moves: dict[str, list[str]], dry: bool) -> tuple[list[dict[str, str]], list[str]]:
    result_file = Path("/tmp") / f"tsrename-{time.time_ns()}.json"
    subprocess.run(
        ["node", "--max-old-space-size=4000", str(Path(__file__).with_name("tsrename.cjs")), str(tree), str(result_file)],
        input=json.dumps({"rows": rows, "moves": moves}), text=True, check=True,
    )
    result = json.loads(result_file.read_text())
    result_file.unlink()
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for edit in result["edits"]:
        by_file[edit["file"]].append(edit)
    if not dry:
        for file, edits in by_file.items():
            raw = (tree / file).read_text(encoding="utf-8").encode("utf-16-le")
            for edit in sorted(edits, key=lambda one: -one["start"]):
                raw = raw[: edit["start"] * 2] + edit["text"].encode("utf-16-le") + raw[edit["end"] * 2 :]
            names: dict[str, str] = {}
            for edit in edits:
                old, new = edit["row"].rstrip(")").replace("(", ".").replace(":", ".").split(".")[-1], edit["text"].split(": ")[-1]
                names[old] = new if names.get(old, new) == new else old
            text = typescript_comments(raw.decode("utf-16-le"), names)
            (tree / file).write_text(text, encoding="utf-8")
    return result["rows"], result["reports"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path)
    parser.add_argument("mappings", nargs="+")
    parser.add_argument("--moves", type=Path, help="JSON: old path -> new path, or list of new paths")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--no-format", action="store_true")
    arguments = parser.parse_args()
    tree = arguments.tree.resolve()
    raw_moves = json.loads(arguments.moves.read_text()) if arguments.moves else {}
    moves = {old: [new] if isinstance(new, str) else list(new) for old, new in raw_moves.items()}
    rows, reports = read_rows(arguments.mappings)
    started = time.time()
    results: list[dict[str, str]] = []
    touched: set[str] = set()

    python_rows = [make_row(row) for row in rows if row.get("file", "").endswith(".py") and "old" in row]
    if python_rows:
        renamer = PythonRenamer(tree, python_rows, moves)
        print(f"Python index after {time.time() - started:.0f} s", flush=True)
        edits = renamer.run()
        print(f"Python edits of {len(edits)} files after {time.time() - started:.0f} s", flush=True)
        if not arguments.dry_run:
            texts = TextRenamer(tree, renamer.index, python_rows)
            for path in renamer.index.files:
                text = (tree / path).read_text(encoding="utf-8")
                fresh = apply_edits(text, edits.get(path, set()))
                fresh = texts.python(path, fresh)
                if fresh != text:
                    (tree / path).write_text(fresh, encoding="utf-8")
                    touched.add(path)
            for path in tracked(tree, "*.md", "*.toml", "Makefile", "*.yml"):
                text = (tree / path).read_text(encoding="utf-8")
                fresh = texts.plain(path, text)
                if fresh != text:
                    (tree / path).write_text(fresh, encoding="utf-8")
                    touched.add(path)
            reports += texts.reports
        reports += renamer.reports
        results += [{"file": row.file, "old": row.old, "new": row.new, "state": row.state, "note": row.note} for row in python_rows]

    script_rows = [row for row in rows if row.get("file", "").endswith((".ts", ".tsx")) and "old" in row]
    if script_rows:
        found, more = rename_typescript(tree, script_rows, moves, arguments.dry_run)
        results += found
        reports += more
        print(f"TypeScript after {time.time() - started:.0f} s", flush=True)
    if not arguments.dry_run:
        changed = rename_css(tree, [row for row in rows if "css" in row])
        print(f"CSS classes in {len(changed)} files", flush=True)
        for row in rows:
            if "replace" in row:
                results.append(replace_text(tree, row, moves))
        if not arguments.no_format:
            format_tree(tree, sorted(path for path in touched if path.endswith(".py")))

    counts = Counter(one["state"] for one in results)
    lines = [f"{one['state']:10} {one['file']} {one['old']}: {one['note']}" for one in results if one["state"] not in ("applied", "done")]
    text = "\n".join([*lines, "", "Look at these:", *sorted(set(reports)), "", f"{dict(counts)} in {time.time() - started:.0f} s", ""])
    if arguments.report:
        arguments.report.write_text(text)
    print(text)
    return 1 if lines else 0


def replace_text(tree: Path, row: dict[str, str], moves: dict[str, list[str]]) -> dict[str, str]:
    result = {"file": row["file"], "old": row["replace"], "new": row["with"], "note": ""}
    for path in [row["file"], *moves.get(row["file"], [])]:
        if not (tree / path).is_file():
            continue
        text = (tree / path).read_text(encoding="utf-8")
        if row["replace"] in text:
            (tree / path).write_text(text.replace(row["replace"], row["with"]), encoding="utf-8")
            return result | {"state": "applied"}
        if row["with"] in text:
            return result | {"state": "done"}
    return result | {"state": "missing", "note": "no such text"}


def format_tree(tree: Path, python: list[str]) -> None:
    ruff = tree / ".venv/bin/ruff"
    if python and ruff.exists():
        subprocess.run([ruff, "check", "--quiet", "--fix", "--select", "I,RUF022,RUF023", *python], cwd=tree, check=False)
        subprocess.run([ruff, "format", "--quiet", *python], cwd=tree, check=False)
    wrap.main([str(tree / path) for path in python])
    prettier = tree / "extension/node_modules/.bin/prettier"
    if prettier.exists():
        subprocess.run([prettier, "--log-level", "warn", "--write", "src", "tests", "style"], cwd=tree / "extension", check=False)


if __name__ == "__main__":
    sys.exit(main())
