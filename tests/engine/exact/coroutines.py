"""Random programs of coroutines that run side by side, and ask."""

from __future__ import annotations

import random

START = """
import asyncio
async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)
def helper(n):
    got = ask(n)
    tell("helper", n, got)
    return got
async def fails(n):
    await turns(n % 3)
    raise ValueError(n)
class Shared:
    def __init__(self):
        self.lock, self.event, self.semaphore = asyncio.Lock(), asyncio.Event(), asyncio.Semaphore(2)
        self.queue, self.condition, self.all = asyncio.Queue(2), asyncio.Condition(), []
s = Shared()
"""


def program(seed: int) -> str:
    """A program that ends, whatever its tasks do first: what one waits for, another one gives."""
    return _Writer(random.Random(seed)).program()


class _Writer:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.number = 0
        self.lines: list[str] = []

    def new(self) -> int:
        self.number += 1
        return self.number

    def program(self) -> str:
        functions: list[str] = []
        for level in range(3):
            for i in range(2):
                name = f"f{level}{i}"
                self.lines = [f"async def {name}(n):", f"    tell('{name}', n)"]
                for _ in range(self.chance.randint(1, 3)):
                    self.statement(1, level, inside=False)
                self.lines += [f"    return n + {self.new()}"]
                functions += self.lines
        self.lines = ["async def main(n=0):"]
        for _ in range(self.chance.randint(1, 3)):
            self.statement(1, 3, inside=False)
        self.lines += ["    await asyncio.gather(*s.all, return_exceptions=True)", "    tell('main')"]
        return "\n".join(
            [START, *functions, *self.lines, "await main()", "tell(s.lock.locked(), s.semaphore.locked())"]
        )

    def call(self, level: int) -> str:
        if level == 0 or self.chance.random() < 0.2:
            return f"turns({self.chance.randint(0, 3)})"
        return f"f{self.chance.randrange(level)}{self.chance.randrange(2)}({self.new()})"

    def calls(self, level: int) -> str:
        return ", ".join(self.call(level) for _ in range(self.chance.randint(1, 3)))

    def put(self, depth: int, *lines: str) -> None:
        self.lines += ["    " * depth + line for line in lines]

    def statement(self, depth: int, level: int, *, inside: bool) -> None:  # noqa: C901 - one kind after the other
        """`inside`: of a lock, so that nothing that waits for another task may be awaited."""
        n, put = self.new(), self.put
        kinds = ["ask", "ask", "helper", "turns", "loop", "try"]
        kinds += (
            [] if inside else ["await", "gather", "gather", "returned", "task", "left", "wait_for", "group", "lock"]
        )
        kinds += [] if inside else ["semaphore", "event", "queue", "wait", "shield", "cancel", "condition", "timeout"]
        kind = self.chance.choice(kinds) if depth < 4 else "ask"
        match kind:
            case "ask":
                put(depth, f"tell('asked', ask({n}))")
            case "helper":
                put(depth, f"helper({n})")
            case "turns":
                put(depth, f"await turns({self.chance.randint(1, 4)})")
            case "loop":
                put(depth, f"for i{n} in range(2):")
                self.statement(depth + 1, level, inside=inside)
            case "try":
                put(depth, "try:")
                self.statement(depth + 1, level, inside=inside)
                put(depth + 1, *(["raise ValueError(n)"] if self.chance.random() < 0.5 else []))
                put(
                    depth,
                    "except ValueError as e:",
                    f"    tell('caught', e, ask({n}))",
                    "finally:",
                    f"    tell('f{n}')",
                )
            case "await":
                put(depth, f"tell(await {self.call(level)})")
            case "gather":
                put(depth, f"tell(await asyncio.gather({self.calls(level)}))")
            case "returned":
                put(depth, f"tell(await asyncio.gather({self.calls(level)}, fails(n), return_exceptions=True))")
            case "task":
                put(depth, f"t{n} = asyncio.create_task({self.call(level)}, name='t{n}')")
                self.statement(depth, level, inside=inside)
                put(depth, f"tell(t{n}.get_name(), await t{n})")
            case "left":
                put(depth, f"s.all.append(asyncio.create_task({self.call(level)}))")
            case "wait_for":
                put(depth, f"tell(await asyncio.wait_for({self.call(level)}, 60))")
            case "group":
                put(
                    depth,
                    f"async with asyncio.TaskGroup() as g{n}:",
                    f"    a{n} = g{n}.create_task({self.call(level)})",
                )
                self.statement(depth + 1, level, inside=inside)
                put(depth + 1, f"g{n}.create_task({self.call(level)})")
                put(depth, f"tell(a{n}.result())")
            case "lock" | "semaphore":
                put(depth, f"async with s.{kind}:", f"    tell('in {kind}', n)")
                self.statement(depth + 1, level, inside=True)
                put(depth, f"tell('out', n, s.{kind}.locked())")
            case "event":
                put(depth, f"w{n} = asyncio.create_task(s.event.wait())")
                self.statement(depth, level, inside=inside)
                put(
                    depth,
                    "s.event.set()",
                    "s.event.clear()" if self.chance.random() < 0.5 else "pass",
                    "await turns(1)",
                )
                put(depth, f"s.event.set()\n{'    ' * depth}tell(await w{n})")
            case "queue":
                put(depth, f"p{n} = asyncio.create_task(s.queue.put({n}))")
                self.statement(depth, level, inside=inside)
                put(depth, "tell(await s.queue.get())", "s.queue.task_done()", f"await p{n}")
            case "wait":
                put(depth, f"done, left = await asyncio.wait([asyncio.create_task(c) for c in [{self.calls(level)}]])")
                put(depth, "tell(sorted(str(t.result()) for t in done), len(left))")
            case "shield":
                put(depth, f"tell(await asyncio.shield({self.call(level)}))")
            case "cancel":
                put(depth, f"c{n} = asyncio.create_task({self.call(level)})")
                self.statement(depth, level, inside=inside)
                put(depth, f"tell(c{n}.cancel())", f"tell(await asyncio.gather(c{n}, return_exceptions=True))")
            case "condition":
                put(depth, f"async def waits{n}():", "    async with s.condition:", "        await s.condition.wait()")
                put(depth, f"        tell('woken', ask({n}))", f"w{n} = asyncio.create_task(waits{n}())")
                self.statement(depth, level, inside=inside)
                put(depth, f"while not w{n}.done():", "    async with s.condition:", f"        tell(ask({n}))")
                put(depth, "        s.condition.notify_all()", "    await turns(2)")
            case _:
                put(depth, "async with asyncio.timeout(60) as limit:")
                self.statement(depth + 1, level, inside=inside)
                put(depth, "tell(limit.expired())")
