"""Futures whose waiters are interrupted."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import pytest

from hitl_nb.storage.interruptible_future import InterruptibleFuture


def test_it_is_a_future() -> None:
    outcome: InterruptibleFuture[int] = InterruptibleFuture()
    called: list[bool] = []
    outcome.add_done_callback(lambda _: called.append(outcome.done()))
    assert not outcome.done()
    with pytest.raises(TimeoutError):
        outcome.result(timeout=0)
    with pytest.raises(TimeoutError):
        outcome.exception(timeout=0.001)
    waiters = [threading.Thread(target=outcome.result) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    outcome.set_result(7)
    for waiter in waiters:
        waiter.join(30)
        assert not waiter.is_alive()
    assert (outcome.result(), outcome.exception(), outcome.done(), called) == (7, None, True, [True])


def test_a_failure_and_a_cancellation() -> None:
    failed: InterruptibleFuture[int] = InterruptibleFuture()
    failed.set_exception(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        failed.result()
    cancelled: InterruptibleFuture[int] = InterruptibleFuture()
    assert cancelled.cancel()
    assert cancelled.done()
    assert cancelled.cancelled()


def test_interrupts_of_a_waiter_do_not_jam_it() -> None:
    script = """
    import os, signal, threading, time
    from hitl_nb.storage.interruptible_future import InterruptibleFuture
    outcome, stopping, interrupts, armed = InterruptibleFuture(), False, 0, False
    def interrupt(number, frame):  # raises only where the script is ready for it, once each time
        global armed
        if armed:
            armed = False
            raise KeyboardInterrupt
    signal.signal(signal.SIGINT, interrupt)
    def storm():
        global stopping
        for _ in range(300):
            time.sleep(0.0005); os.kill(os.getpid(), signal.SIGINT)
        stopping = True
    thread = threading.Thread(target=storm)
    def look():
        global armed
        armed = True
        while not stopping:
            outcome.done()
            try: outcome.result(timeout=0)
            except TimeoutError: pass
    while not stopping:
        try:
            if not thread.ident: thread.start()
            look()
            armed = False
        except KeyboardInterrupt: interrupts += 1
    thread.join()
    other = threading.Thread(target=outcome.set_result, args=(1,), daemon=True)
    other.start(); other.join(20)
    print(interrupts > 100, other.is_alive(), flush=True)
    os._exit(0)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True False\n"
