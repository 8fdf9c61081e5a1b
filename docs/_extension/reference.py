"""Generation of parts of the reference pages, as Markdown, from the code.

A page names its part in a comment: `<!-- generated: command-line -->`. `fill` puts the Markdown there.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from _extension import code, rest
from _extension.markdown import escape, table

ROOT = Path(__file__).resolve().parent.parent.parent
MARK = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)


def fill(text: str) -> str:
    """Return the text of a page with its generated parts.

    Raises:
        KeyError: A named part does not exist.
    """
    return MARK.sub(lambda found: PARTS[found[1]](), text)


def command_line() -> str:
    """Describe every command of `hitl-nb` with its arguments and options."""
    group = code.command_group()
    return "\n".join(_lines_of_group(group, "hitl-nb"))


def _lines_of_group(group: Any, path: str) -> Iterator[str]:
    for name in sorted(group.commands):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from _lines_of_group(command, f"{path} {name}")
        else:
            yield from _lines_of_command(command, f"{path} {name}")


def _lines_of_command(command: Any, path: str) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    usage = " ".join([path, *map(_metavar, arguments), *(["[OPTIONS]"] if options else [])])
    yield f"### `{path}`\n\n```text\n{usage}\n```\n"
    yield f"{escape(inspect.cleandoc(command.help or ''))}\n"
    rows = [(f"`{_metavar(a)}`", "required" if a.required else "", a.help or "") for a in arguments]
    rows += [(_format_option(o), _default(o), o.help or "") for o in options]
    if rows:
        yield table(("argument or option", "default", "meaning"), rows)


def _metavar(parameter: Any) -> str:
    return parameter.metavar or parameter.name.upper()


def _format_option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} `{_metavar(option)}`"


def _default(option: Any) -> str:
    if option.is_flag or option.default in (None, ""):
        return "required" if option.required else ""
    return f"`{option.default}`"


def server_options() -> str:
    """Describe the options of the Jupyter server."""
    rows = []
    for name, trait in sorted(code.server_options().items()):
        kind = type(trait).__name__.lower()
        rows.append((f"`c.HitlNb.{name}`", kind, f"`{trait.default_value_repr()}`", trait.help))
    return table(("option", "type", "default", "meaning"), rows)


def environment() -> str:
    """Describe the environment variables, grouped by who sets them."""
    own, foreign = code.environment_variables()
    parts = []
    for owner, title in (
        ("you", "Set by you"),
        ("server", "Set by the Jupyter server for its kernels"),
        ("program", "Set by programs for processes that they start"),
    ):
        parts.append(f"### {title}\n\n{_variables([v for v in own if v.owner == owner])}")
    parts.append(f"### Variables of other programs\n\n{_variables(foreign)}")
    return "\n".join(parts)


def _variables(found: Sequence[Any]) -> str:
    rows = [(f"`{v.name}`", v.value_type, v.default, v.meaning) for v in found]
    return table(("variable", "type", "if not set", "meaning"), rows)


def lab_settings() -> str:
    """Describe the settings of the JupyterLab extension, from its schema."""
    rows = []
    for file in sorted((ROOT / "extension" / "schema").glob("*.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        for name, setting in schema.get("properties", {}).items():
            default = json.dumps(setting.get("default"))
            rows.append((schema["title"], f"`{name}`", f"`{default}`", setting.get("description", setting["title"])))
    return table(("section", "setting", "default", "meaning"), rows)


def magics() -> str:
    """Return the docstrings of the magics, from a shell that has loaded the extension."""
    from IPython.core.interactiveshell import InteractiveShell

    import hitl_nb

    shell = InteractiveShell.instance()
    hitl_nb.load_ipython_extension(shell)
    try:
        found = shell.magics_manager.magics
        parts = [
            f"## `{prefix}{name}`\n\n```text\n{inspect.getdoc(found[kind][name])}\n```\n"
            for kind, prefix, name in (("cell", "%%", "agent"), ("line", "%", "hitl"))
        ]
    finally:
        hitl_nb.unload_ipython_extension(shell)
        InteractiveShell.clear_instance()
    return "\n".join(parts)


def records() -> str:
    """Describe the fields of the stored records."""
    import msgspec

    parts = []
    for kind in code.record_types():
        rows = [
            (f"`{field.encode_name}`", f"`{_annotation(kind, field.name)}`") for field in msgspec.structs.fields(kind)
        ]
        about = re.sub(r"\n\n(Attributes|Args):.*", "", inspect.getdoc(kind) or "", flags=re.DOTALL)
        parts.append(f"### {kind.__name__}\n\n{escape(about)}\n\n{table(('field', 'type'), rows)}")
    return "\n".join(parts)


def _annotation(kind: type, name: str) -> str:
    for base in kind.__mro__:
        if name in (found := inspect.get_annotations(base)):
            return str(found[name])
    return ""


def formats() -> str:
    """List the version numbers of the formats."""
    return table(("format", "version"), [(name, str(number)) for name, number in code.format_numbers().items()])


def decision_file_schema() -> str:
    """Return the JSON Schema of a decisions file."""
    return f"```json schema\n{json.dumps(code.decision_file_schema(), indent=2)}\n```\n"


def returned_types() -> str:
    """Return directives for the types that public functions return."""
    names = [f".. autoclass:: {kind.__module__}.{kind.__qualname__}\n   :members:\n" for kind in code.returned_types()]
    return "```{eval-rst}\n" + "\n".join(names) + "```\n"


def guardrails() -> str:
    """Return directives for the built-in guardrails."""
    module = code.guardrail_module()
    names = [f".. autofunction:: {module}.{name}\n" for name in ("blocklist", "pattern", "satisfies")]
    return "```{eval-rst}\n" + "\n".join(names) + "```\n"


PARTS: dict[str, Callable[[], str]] = {
    "command-line": command_line,
    "server-options": server_options,
    "environment": environment,
    "lab-settings": lab_settings,
    "magics": magics,
    "rest-api": rest.rest_api,
    "records": records,
    "formats": formats,
    "returned-types": returned_types,
    "guardrails": guardrails,
    "decision-file-schema": decision_file_schema,
}
