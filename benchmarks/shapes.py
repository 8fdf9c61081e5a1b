"""Thirty shapes of code that people write in notebooks: loops, calls and straight code, in cells and in functions.

Each text is a cell. In a shape of kind `cell` the whole cell is timed, its names global as a notebook's are; in one of
kind `function` the cell defines `work`, and one call of it is timed. The line `ASK` stands for a checkpoint in reach,
in a branch that is never taken: it becomes `if never: checkpoint("?")`, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ASK = "ASK"


@dataclass(frozen=True)
class Shape:
    name: str
    kind: Literal["cell", "function"]
    text: str

    def source(self, *, asks: bool) -> str:
        """The cell, with the checkpoint in reach or without it."""
        lines = self.text.strip("\n").splitlines()
        if asks:
            return "\n".join(line.replace(ASK, 'if never: checkpoint("?")') for line in lines) + "\n"
        return "\n".join(line for line in lines if line.strip() != ASK) + "\n"


_STRAIGHT = "\n".join(
    f"a{n} = len(text) + {n}; b{n} = str(a{n}).rjust(6); c{n} = [a{n}, max(a{n}, {n})]" for n in range(120)
)

SHAPES = (
    Shape(
        "cell: sum in a for",
        "cell",
        """
total = 0
for i in range(20_000):
    total += i * i % 7
    ASK
""",
    ),
    Shape(
        "cell: while with a counter",
        "cell",
        """
n = 0
while n < 20_000:
    n += 1
    ASK
""",
    ),
    Shape(
        "cell: nested loops",
        "cell",
        """
pairs = 0
for i in range(120):
    for j in range(120):
        if (i + j) % 3 == 0:
            pairs += 1
    ASK
""",
    ),
    Shape(
        "cell: a function called in a loop",
        "cell",
        """
def square(x):
    return x * x
total = 0
for i in range(10_000):
    total += square(i)
    ASK
""",
    ),
    Shape(
        "cell: append in a loop",
        "cell",
        """
found = []
for i in range(15_000):
    if i % 3:
        found.append(i)
    ASK
""",
    ),
    Shape(
        "cell: words counted in a dict",
        "cell",
        """
counts = {}
for word in words:
    counts[word] = counts.get(word, 0) + 1
    ASK
""",
    ),
    Shape(
        "cell: rows made with f-strings",
        "cell",
        """
rows = []
for i, word in enumerate(words[:6_000]):
    rows.append(f"{i:04d} {word.title()} {len(word)}")
    ASK
""",
    ),
    Shape(
        "cell: comprehension without calls",
        "cell",
        """
squares = [x * x for x in range(20_000) if x % 2]
ASK
""",
    ),
    Shape(
        "cell: comprehension with calls",
        "cell",
        """
lengths = [len(word.strip()) for word in words]
ASK
""",
    ),
    Shape(
        "cell: sum of a generator expression",
        "cell",
        """
total = sum(len(word) for word in words if word)
ASK
""",
    ),
    Shape(
        "cell: dict comprehension with calls",
        "cell",
        """
index = {word.upper(): ord(word[0]) for word in words}
ASK
""",
    ),
    Shape("cell: straight code of 360 statements", "cell", f"text = 'refund'\n{_STRAIGHT}\nASK\n"),
    Shape(
        "cell: methods of an object in a loop",
        "cell",
        """
class Account:
    def __init__(self):
        self.balance = 0
    def book(self, amount):
        self.balance += amount
        return self.balance
account = Account()
for i in range(8_000):
    account.book(i)
    ASK
""",
    ),
    Shape(
        "cell: try around each item",
        "cell",
        """
good = 0
for word in words:
    try:
        good += int(word, 36)
    except ValueError:
        good -= 1
    ASK
""",
    ),
    Shape(
        "cell: pairs unpacked from zip",
        "cell",
        """
longest = ""
for (i, word), other in zip(enumerate(words), reversed(words)):
    if len(word) + len(other) > len(longest):
        longest = word + other
    ASK
""",
    ),
    Shape(
        "function: sum in a for",
        "function",
        """
def work():
    total = 0
    for i in range(30_000):
        total += i * i % 7
        ASK
    return total
""",
    ),
    Shape(
        "function: recursion",
        "function",
        """
def fib(n):
    ASK
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def work():
    return fib(18)
""",
    ),
    Shape(
        "function: calls in calls",
        "function",
        """
def add(a, b):
    return a + b
def twice(a):
    return add(a, a)
def work():
    total = 0
    for i in range(5_000):
        total = add(twice(i), add(total, twice(add(i, 1))))
        ASK
    return total
""",
    ),
    Shape(
        "function: closure that counts",
        "function",
        """
def counter():
    n = 0
    def count(step):
        nonlocal n
        n += step
        return n
    return count
def work():
    count = counter()
    for i in range(15_000):
        count(i)
        ASK
""",
    ),
    Shape(
        "function: generator in a for",
        "function",
        """
def evens(limit):
    for i in range(limit):
        if i % 2 == 0:
            yield i
def work():
    total = 0
    for n in evens(30_000):
        total += n
        ASK
    return total
""",
    ),
    Shape(
        "function: yield from in a tree",
        "function",
        """
def leaves(tree):
    for node in tree:
        if isinstance(node, list):
            yield from leaves(node)
        else:
            yield node
tree = [[[n, n + 1], n + 2, [n]] for n in range(700)]
def work():
    ASK
    return sum(leaves(tree))
""",
    ),
    Shape(
        "function: objects made and compared",
        "function",
        """
class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y
    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)
    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)
def work():
    at, step = Point(0, 0), Point(1, 2)
    for i in range(3_000):
        at = at + step
        if at == step:
            at = Point(0, 0)
        ASK
    return at.x
""",
    ),
    Shape(
        "function: a context manager in a loop",
        "function",
        """
class Timer:
    def __enter__(self):
        return self
    def __exit__(self, *error):
        return False
timer = Timer()
def work():
    total = 0
    for i in range(5_000):
        with timer as t:
            total += i
        ASK
    return total
""",
    ),
    Shape(
        "function: an exception raised and handled",
        "function",
        """
def check(n):
    if n % 4 == 0:
        raise ValueError(n)
    return n
def work():
    total = 0
    for i in range(5_000):
        try:
            total += check(i)
        except ValueError as error:
            total -= error.args[0]
        finally:
            total += 1
        ASK
    return total
""",
    ),
    Shape(
        "function: text joined with +=",
        "function",
        """
def work():
    text = ""
    for i in range(12_000):
        text += str(i)
        ASK
    return len(text)
""",
    ),
    Shape(
        "function: sort by a lambda with calls",
        "function",
        """
def work():
    ASK
    return sorted(words, key=lambda word: (len(word), word.lower()))
""",
    ),
    Shape(
        "function: match on records",
        "function",
        """
def area(shape):
    match shape:
        case {"kind": "circle", "r": r}:
            return 3 * r * r
        case {"kind": "square", "side": side}:
            return side * side
        case [a, b]:
            return a * b
        case _:
            return 0
shapes = [{"kind": "circle", "r": 2}, {"kind": "square", "side": 3}, [4, 5], None] * 1_000
def work():
    ASK
    return sum(area(shape) for shape in shapes)
""",
    ),
    Shape(
        "function: matrices multiplied",
        "function",
        """
size = 24
left = [[i * j % 7 for j in range(size)] for i in range(size)]
def work():
    out = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            total = 0
            for k in range(size):
                total += left[i][k] * left[k][j]
            out[i][j] = total
        ASK
    return out
""",
    ),
    Shape(
        "function: decorated with a wrapper",
        "function",
        """
import functools
def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper
@logged
def scale(x, by=2):
    return x * by
def work():
    total = 0
    for i in range(8_000):
        total += scale(i, by=3)
        ASK
    return total
""",
    ),
    Shape(
        "function: coroutines awaited in a loop",
        "function",
        """
async def price(n):
    return n * 2
async def main():
    total = 0
    for i in range(8_000):
        total += await price(i)
        ASK
    return total
def work():
    running = main()
    try:
        running.send(None)
    except StopIteration as end:
        return end.value
""",
    ),
)

LONG_CELL = "\n".join(
    f"""orders_{n} = [order for order in orders if order["id"] % {n + 2} == 0]
names_{n} = {{order["name"].strip().title(): order["total"] for order in orders_{n}}}
for name, total in sorted(names_{n}.items(), key=lambda item: item[1])[:10]:
    if total > 100 and name not in seen:
        try:
            letter = write_letter(name, total=round(total, 2), due=today.replace(day={n % 28 + 1}))
        except ValueError as error:
            print(f"{{name}}: {{error}}", len(seen))
            continue
        seen.append(name); letters[name] = letter.upper() + str({n})"""
    for n in range(20)
)
"""200 lines as a long cell has them: what is instrumented in the last line of the table."""
