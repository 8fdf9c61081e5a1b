"""`make demo`: the refund desk, in JupyterLab (`--lab`) or as a story in the terminal.

The story uses only the `hitl-nb` command, as a person would, and SIGKILL to stop kernels at random moments. Both run on
a copy of the example in `.demo/` with its own store, so they can be repeated and leave nothing behind.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
STAGE = EXAMPLES.parent / ".demo"
NOTEBOOK = STAGE / "refunds.ipynb"
EFFECTS = STAGE / "effects.jsonl"
WAITING = 75


def main() -> None:
    """Run the demo that the command line names."""
    set_up()
    if "--lab" in sys.argv[1:]:
        open_lab()
    else:
        sys.exit(play())


def set_up() -> None:
    """Make a fresh copy of the example, and the environment of the commands below."""
    shutil.rmtree(STAGE, ignore_errors=True)
    shutil.copytree(EXAMPLES, STAGE, ignore=shutil.ignore_patterns("demo.py", "__pycache__", "*.jsonl", ".*"))
    forget_outputs(NOTEBOOK)
    os.environ["HITL_NB_STORE"] = f"diskcache://{STAGE}/store"
    os.environ["REFUNDS_EFFECTS"] = str(EFFECTS)
    os.environ["REFUNDS_MODEL_SECONDS"] = "0.2"


def forget_outputs(notebook: Path) -> None:
    """Remove the outputs of a notebook. The examples have the outputs that nbval compares; this story begins before."""
    found = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in found["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    notebook.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def open_lab() -> None:
    """Start JupyterLab with the notebook, print its address, and open a browser if there is one."""
    import importlib.util

    if importlib.util.find_spec("jupyterlab") is None:
        sys.exit("JupyterLab is not installed here; run `make demo`, which installs it into .venv")
    has_display = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    command = [
        *(sys.executable, "-m", "jupyterlab", "--log-level=WARN"),
        *(f"--ServerApp.root_dir={STAGE}", f"--LabApp.default_url=/lab/tree/{NOTEBOOK.name}"),
    ]
    if not has_display:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    print("JupyterLab starts; run the cells with Shift+Enter, and stop it with Ctrl+C. Its address:", flush=True)
    os.execv(sys.executable, command)


def play() -> int:
    """Play the whole story. Return 0 if every effect happened once."""
    os.environ.pop("HITL_NB_MODEL", None)
    act("The notebook runs: an agent works through 44 refund requests. In the middle of its loop its kernel is killed.")
    run(kill_after=4)
    act("It runs again, in a new kernel. The agent continues where it was cut off, and meets a case for a person.")
    run(expect=WAITING)
    settle_doubts()

    act("The open proposals, and one of them in full. (The kernel is gone. Nothing is running now.)")
    command("inbox")
    laptop = waiting()[0]
    command("show", str(laptop["id"]))

    act("The person refunds less, adds a sentence to the email, and approves.")
    value = dict(laptop["value"])
    value["amount"] = 1199.0
    value["email"] = (
        value["email"]
        .replace("1299.00 EUR", "1199.00 EUR")
        .replace("Kind regards", "We kept 100 EUR because the power adapter was missing.\n\nKind regards")
    )
    command("edit", laptop["id"], "--value", json.dumps(value), "--reason", "adapter missing")

    act("The notebook runs: the agent takes the edit and continues. A little later the kernel is killed again.")
    run(kill_after=4)
    act("Again. From here on the person approves each proposal, and rejects one.")
    while run() == WAITING:
        for proposal in waiting():
            decide(proposal)
    act("Finished. How often did each thing happen?")
    return count()


def act(text: str) -> None:
    """Print what happens next in the story."""
    print(f"\n=== {text}\n", flush=True)


def run(*, kill_after: int | None = None, expect: int | None = None) -> int:
    """Run `hitl-nb run`. With `kill_after`, kill its kernel after this number of further emails."""
    print("$ hitl-nb run refunds.ipynb", flush=True)
    process = subprocess.Popen([sys.executable, "-m", "hitl_nb.cli", "run", str(NOTEBOOK)])
    if kill_after is not None:
        kill_kernel(process, len(emails()) + kill_after)
    code = process.wait()
    print(f"[exit code {code}; {len(emails())} emails are out]", flush=True)
    if expect is not None and code != expect:
        sys.exit(f"the demo expected exit code {expect}")
    return code


def kill_kernel(process: subprocess.Popen[bytes], enough: int) -> None:
    """Kill the kernel of `process` as soon as `enough` emails are out."""
    while len(emails()) < enough and process.poll() is None:
        time.sleep(0.005)
    time.sleep(0.05)  # into the next model call; other moments work as well, but may leave an email in doubt
    if process.poll() is None:
        kernel = emails()[-1]["pid"]
        os.kill(kernel, signal.SIGKILL)
        print(f"$ kill -9 {kernel}", flush=True)


def command(*words: str) -> None:
    """Print and run a command of `hitl-nb`."""
    shown = " ".join(word if re.fullmatch(r"[\w./=-]+", word) else repr(word) for word in words)
    print(f"$ hitl-nb {shown if len(shown) < 100 else shown[:97] + '...'}", flush=True)
    subprocess.run([sys.executable, "-m", "hitl_nb.cli", *words], check=True)
    print(flush=True)


def waiting() -> list[dict]:
    """Return the open proposals."""
    found = subprocess.run(
        [sys.executable, "-m", "hitl_nb.cli", "inbox", "--json"], check=True, capture_output=True, text=True
    )
    return json.loads(found.stdout)["proposals"]


def settle_doubts() -> None:
    """Answer the first question if the kernel died while it sent an email: whether the email was sent."""
    while any(proposal["title"].startswith("Did ") for proposal in waiting()):
        act("The kernel died while something was on its way, so the agent asks whether it happened.")
        for proposal in waiting():
            decide(proposal)
        run(expect=WAITING)


def decide(proposal: dict) -> None:
    """Decide one proposal as the person of the story does."""
    title = proposal["title"]
    doubt = re.match(r"Did (?:send_refund|send_email)\('([^']+)'", title)
    if doubt:
        # The kernel died during this step: the person looks up whether it took effect.
        kind = "refund" if "send_refund" in title else "email"
        found = [line for line in effects() if line["effect"] == kind and line["about"] == doubt.group(1)]
        if found:
            answer = {"happened": True, "result": found[0].get("receipt")}
            command("edit", proposal["id"], "--value", json.dumps(answer), "--reason", "looked it up: it happened")
        else:
            answer = {"happened": False}
            command("edit", proposal["id"], "--value", json.dumps(answer), "--reason", "looked it up: it did not")
    elif proposal["context"]["days since purchase"] > 30:
        command("reject", proposal["id"], "--reason", "four months is too long")
    else:
        command("approve", proposal["id"])


def effects() -> list[dict]:
    """Return the recorded effects."""
    if not EFFECTS.exists():
        return []
    lines = EFFECTS.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]  # the text after the last line end is still being written


def emails() -> list[dict]:
    """Return the sent emails."""
    return [line for line in effects() if line["effect"] == "email"]


def count() -> int:
    """Print how often each effect happened to each thing. Return 1 if one happened twice."""
    # A model call that was cut off is tried again with the same idempotency key; its provider counts one call.
    tries = {(line["effect"], line["about"], line["key"]) for line in effects() if line["effect"] == "model call"}
    others = [(line["effect"], line["about"], line["key"]) for line in effects() if line["effect"] != "model call"]
    times = Counter((effect, about) for effect, about, _ in [*tries, *others])
    print(f"{'effect':<12} {'things':>8} {'once each':>10} {'more often':>11}")
    twice = 0
    for effect in ("model call", "refund", "email"):
        counts = [n for (kind, _), n in times.items() if kind == effect]
        more = sum(n > 1 for n in counts)
        twice += more
        print(f"{effect:<12} {len(counts):>8} {len(counts) - more:>10} {more:>11}")
    print("\nonce each." if not twice else "\nSomething happened more than once!", flush=True)
    return 1 if twice else 0


if __name__ == "__main__":
    main()
