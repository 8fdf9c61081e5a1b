"""What a test that failed could see: its windows, its servers and their kernels, as text for the report."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from lab import PICTURES, Lab, loaded, running
from playwright.sync_api import Error

LOOK = """() => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  const kernel = widget?.sessionContext?.session?.kernel;
  const short = text => text.trim().replace(/\\n+/g, ' | ').slice(0, 400);
  return JSON.stringify({
    visible: document.visibilityState,
    focus: `${document.activeElement?.tagName} ${document.activeElement?.className}`.slice(0, 80),
    dialogs: [...document.querySelectorAll('.jp-Dialog')].map(one => short(one.innerText)),
    path: widget?.context?.path ?? widget?.title?.label ?? null,
    ready: widget?.context?.isReady ?? null,
    open: [...(window.jupyterapp?.shell?.widgets?.('main') ?? [])].map(one => one.title.label),
    session: widget?.sessionContext?.kernelDisplayStatus ?? null,
    kernel: kernel ? `${kernel.status}, ${kernel.connectionStatus}` : null,
    cells: [...(widget?.content?.widgets ?? [])].map(
      one => `${short(one.prompt ?? '')} ${short(one.node?.querySelector('.jp-OutputArea')?.innerText ?? '')}`),
    text: widget ? undefined : short(document.body?.innerText ?? ''),
  });
}"""
PAINTS = "() => new Promise(done => requestAnimationFrame(() => done('yes')))"
SECONDS = 5
"""What does not answer in that time hangs."""
LINES = 60


@dataclass
class Seen:
    """What is long, and what is so short that it may stand in the summary of a run."""

    short: list[str] = field(default_factory=list[str])
    long: list[str] = field(default_factory=list[str])


def look(test: str) -> Seen:
    """Everything that may say why a test failed. It never raises and never waits for long."""
    seen = Seen()
    for number, window in enumerate(page for page in loaded if not page.page.is_closed()):
        seen.short += [
            f"window {number} {window.page.url} {_read_window(window.page)} paints: {_ask_window(window.page, PAINTS)}",
            *(f"  {line[:200]}" for line in window.said if not line.startswith(("debug", "info", "log"))),
        ]
        picture = _picture(window.page, f"failed-{_plain(test)}-{number}")
        seen.long += [
            f"console of window {number}, its picture: {picture}",
            *(f"  {line[:300]}" for line in window.said),
        ]
    for lab in running:
        state = "runs" if lab.process.poll() is None else f"ended with {lab.process.returncode}"
        seen.short += [f"server {lab.url} {state}, sessions: {_sessions(lab)}", *_processes(lab)]
        seen.long += [f"log of {lab.url}", *_log(lab)]
    seen.short.append(f"load of the machine: {os.getloadavg()}, inherited: {_inherited_limits()}")
    return seen


def _read_window(page: Any) -> str:
    answer = _ask_window(page, LOOK)
    try:
        return "".join(f"\n  {name}: {value}" for name, value in json.loads(answer).items()) + "\n "
    except ValueError:
        return answer


def _ask_window(page: Any, question: str) -> str:
    """The answer of a window. Not `evaluate`: that waits for ever for a window that hangs."""
    try:
        return str(page.wait_for_function(question, polling=200, timeout=SECONDS * 1000).json_value())
    except Error as error:
        return f"no answer: {error.message}"


def _picture(page: Any, name: str) -> str:
    path = PICTURES / f"{name}.png"
    try:
        page.screenshot(path=path, timeout=SECONDS * 1000)
    except Error as error:
        return f"none: {error.message.splitlines()[0]}"
    return f".artefacts/ui/{path.name}"


def _plain(test: str) -> str:
    return re.sub(r"\W+", "-", test).strip("-")


def _log(lab: Lab) -> Iterator[str]:
    """The end of the server's log, and where its threads are."""
    log = lab.log.read_text(errors="replace").splitlines()
    if lab.process.poll() is None:
        os.kill(lab.process.pid, signal.SIGUSR2)
        time.sleep(1)  # until it has printed
    stacks = lab.log.read_text(errors="replace").splitlines()[len(log) :]
    yield from (f"  {line[:300]}" for line in [one for one in log if " extension was " not in one][-LINES:])
    yield from (f"  {line[:300]}" for line in stacks[-LINES:])


def _sessions(lab: Lab) -> str:
    call = urllib.request.Request(f"{lab.url}/api/sessions", headers={"Authorization": f"token {lab.token}"})
    try:
        with urllib.request.urlopen(call, timeout=SECONDS) as answer:
            sessions = json.loads(answer.read())
    except (OSError, ValueError) as error:
        return f"no answer: {error!r}"
    return ", ".join(f"{one['path']} {one['kernel']['id']} {one['kernel']['execution_state']}" for one in sessions)


def _processes(lab: Lab) -> Iterator[str]:
    try:
        server = psutil.Process(lab.process.pid)
        for one in (server, *server.children(recursive=True)):
            with one.oneshot():
                times = one.cpu_times()
                command = " ".join(one.cmdline()[-3:])[-160:]
                yield f"  process {one.pid}: {one.status()}, {times.user:.1f} s and {times.system:.1f} s: {command}"
    except psutil.Error as error:
        yield f"  process: {error!r}"


def _inherited_limits() -> dict[str, object]:
    """What a server and a browser have from this process, where an earlier test may have changed it."""
    ignored = [number.name for number in signal.Signals if signal.getsignal(number) == signal.SIG_IGN]
    limits = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in ("AS", "FSIZE", "NOFILE")}
    return {"ignored": ignored, **limits, "nice": os.nice(0), "files": len([*Path("/proc/self/fd").iterdir()])}
