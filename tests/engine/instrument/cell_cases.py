"""Cells that must run in an instrumenting shell as in any other; each list is one notebook."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "function": ["def f(x):\n    return max(x, 1)\nf(3)", "f(5)", "_ + _1"],
    "last expression": ["x = [1, 2]\nlen(x)", "len(x);", "len(x)\nx", "None", "Out", "_2", "print(_)"],
    "suppressed": ["def f(): return 1\nf();", "f()", "f() ; f()"],
    "many statements": ["a = 1; b = 2\nif a:\n    print(a)\nfor i in range(2):\n    i\nelse:\n    b"],
    "class": [
        "class A:\n    n = len('abc')\n    def m(self, x=1):\n        return [self.k(y) for y in range(x)]\n"
        "    def k(self, y):\n        return super().__repr__()[:3], __class__.__name__, y\n"
        "    @property\n    def p(self):\n        return self.m(2)\n"
        "    @classmethod\n    def c(cls):\n        return cls().m()\n"
        "    @staticmethod\n    def s(*a, **k):\n        return len(a), sorted(k)\n"
        "    def __private(self):\n        return len('x')\n    def q(self):\n        return self.__private()\n"
        "A().p, A.c(), A.s(1, z=2), A().q()",
        "class B(A):\n    def m(self, x=1):\n        return super().m(x) + [str(x)]\nB().p, A.__qualname__, B.m.__qualname__",
    ],
    "closures": [
        "def counter(start):\n    n = start\n    def step(by=1):\n        nonlocal n\n        n += abs(by)\n        return n\n"
        "    return step\nc = counter(1)\nc(), c(3), c.__code__.co_freevars, c.__closure__[0].cell_contents",
        "fs = [lambda i=i: abs(i) + len(str(i)) for i in range(3)]\n[f() for f in fs]",
        "gs = [(lambda: abs(i)) for i in range(3)]\n[g() for g in gs]",
        "a, b = (lambda: abs(1)), (lambda: abs(2))\na(), b()",
    ],
    "lambda with comprehension": ["f = lambda xs, k=len('ab'): [abs(x) * k for x in xs if abs(x) > 1]\nf([-2, 1, 3]), f.__name__"],
    "generators": [
        "def g(n):\n    for i in range(n):\n        got = yield abs(i)\n        print('got', got)\n    return len('ab')\n"
        "it = g(2)\nnext(it), it.send('x')",
        "try:\n    next(it)\nexcept StopIteration as stop:\n    print(stop.value)",
        "def h():\n    r = yield from g(1)\n    yield r\nlist(h())",
        "e = (abs(x) for x in [1, -2])\ntype(e).__name__, e.__name__, list(e)",
        "sum(abs(x) for x in range(4)), {abs(x): len(str(x)) for x in (1, 2)}, {abs(x) for x in (1, 1)}",
        "import inspect\ninspect.isgeneratorfunction(g), inspect.getgeneratorstate(g(1)), g(1).__qualname__",
    ],
    "generator raises StopIteration": ["def g():\n    yield 1\n    next(iter([]))\nlist(g())"],
    "stop iteration": ["def f(it):\n    return next(it)\nf(iter([]))"],
    "stop iteration in a comprehension": ["def f(it):\n    return [next(i) for i in [it]]\nf(iter([]))"],
    "unbound local": [
        "def f(a):\n    if a:\n        x = len('a')\n    return x + abs(1)\nf(0)",
        "def f():\n    print(y)\n    y = abs(1)\nf()",
        "def f():\n    def g():\n        return abs(y)\n    g()\n    y = 1\nf()",
        "def f():\n    del z\n    z = abs(1)\nf()",
        "def f():\n    return nowhere(1)\nf()",
    ],
    "recursion": [
        "def down(n):\n    return 0 if n == 0 else 1 + down(n - 1)\ndown(300)",
        "def ever(n):\n    return ever(n + 1)\ntry:\n    ever(0)\nexcept RecursionError as error:\n    print(error)",
    ],
    "deep recursion is as deep": [
        "import sys\ndef ever(n):\n    global most\n    most = n\n    return ever(n + 1)\n"
        "try:\n    ever(0)\nexcept RecursionError:\n    pass\nmost",
        "def walk(n):\n    global most\n    most = n\n    for i in range(1):\n        try:\n            walk(n + 1)\n"
        "        finally:\n            pass\ntry:\n    walk(0)\nexcept RecursionError:\n    pass\nmost",
    ],
    "error in a function": ["def f(x):\n    y = abs(x)\n    return y / 0\n\ndef g(x):\n    return f(x) + 1\n", "g(1)", "%tb"],
    "error in a loop": ["def f():\n    for i in range(3):\n        with open('/nowhere/at all') as file:\n            pass\nf()"],
    "error over lines": ["def f():\n    return (abs(1)\n            .bit_length()\n            .nothing(\n                2))\nf()"],
    "error chain": [
        "def f():\n    try:\n        int('x')\n    except ValueError as error:\n        raise KeyError('k') from error\nf()",
        "def f():\n    try:\n        int('x')\n    except ValueError:\n        {}['y'].z()\nf()",
        "def f():\n    try:\n        try:\n            int('x')\n        finally:\n            len(5)\n    except TypeError as e:\n"
        "        return repr(e.__context__)\nf()",
    ],
    "error in nested scopes": [
        "class A:\n    def m(self):\n        return [(lambda: abs(x) / 0)() for x in [1]]\nA().m()",
        "(lambda x: abs(x) / 0)(1)",
        "list(abs(x) / 0 for x in [1])",
        "[abs(x) / 0 for x in [1]]",
    ],
    "exception group": ["def f():\n    raise ExceptionGroup('g', [ValueError(str(1)), TypeError('t')])\nf()"],
    "syntax errors": ["def f(:\n    pass", "return 1", "x = 1\nreturn x", "x", "def f():\n    break", "await = 1", "f(**{'a': 1}, *x)"],
    "indentation": ["  if True:\n    x = 1\n   y = 2", "def f():\nreturn 1"],
    "system exit": ["def f():\n    raise SystemExit(abs(3))\nf()"],
    "keyboard interrupt": ["def f():\n    raise KeyboardInterrupt\nf()"],
    "locals": [
        "def f(a, *args, b=1, **kw):\n    c = abs(a)\n    return sorted(locals()), len(vars()), dir(), eval('c + b')\nf(1, 2, z=3)",
        "def g():\n    x = abs(1)\n    exec('x = 2')\n    return x, [k for k in locals()]\ng()",
        "sorted(k for k in locals() if not k.startswith('_')) == sorted(k for k in globals() if not k.startswith('_'))",
        "def h():\n    return [sorted(locals()) for _ in range(abs(1))], list(sorted(locals()) for _ in range(abs(1)))\nh()",
        "class K:\n    n = abs(1)\n    names = sorted(n for n in locals() if n[0] != '_')\nK.names",
        "def m():\n    global shared\n    shared = abs(4)\n    return 'shared' in globals(), 'm' in globals()\nm(), shared",
        "import sys\ndef q():\n    y = abs(2)\n    return sorted(n for n in sys._getframe().f_locals if n[0] != '.')\nq()",
    ],
    "frames of cells have no other names": [
        "import sys\ndef up():\n    return [n for n in sys._getframe(1).f_locals if '.' in n], sys._getframe(1).f_lineno\n\nup()",
        "x = [up() for _ in range(2)]\nx",
    ],
    "query": [
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2, 3]})\ndef over(limit):\n    low = abs(limit)\n"
        "    return df.query('a > @low').a.tolist() + df.query('a > @low and a < @high').a.tolist()\nhigh = 3\nover(1)",
        "df.query('a == @high').a.tolist(), df.eval('a + @high').tolist()",
        "df.groupby(df.a % 2).apply(lambda g: len(g) + abs(1)).tolist()",
    ],
    "decorators": [
        "import functools, contextlib\ndef twice(f):\n    @functools.wraps(f)\n    def inner(*a, **k):\n        return f(*a, **k), f(*a, **k)\n    return inner",
        "@twice\n@functools.lru_cache(maxsize=len('abc'))\ndef f(x: int = 1) -> int:\n    'doc'\n    return abs(x)\nf(-1), f.__name__, f.__doc__, f.__wrapped__.cache_info()",
        "@contextlib.contextmanager\ndef cm(n):\n    print('in', abs(n))\n    try:\n        yield n\n    finally:\n        print('out')\nwith cm(-2) as n:\n    print(n)",
        "import dataclasses, enum, typing, collections\n@dataclasses.dataclass(order=True)\nclass D:\n    a: int\n    b: list = dataclasses.field(default_factory=lambda: [abs(1)])\n    def total(self):\n        return self.a + len(self.b)\nD(1), D(2).total(), D(1) < D(2)",
        "class E(enum.Enum):\n    A = 1\n    @classmethod\n    def first(cls):\n        return next(iter(cls))\nE.first()",
        "N = collections.namedtuple('N', 'a b')\nclass P(typing.NamedTuple):\n    a: int\n    def m(self): return abs(self.a)\nN(1, 2), P(-1).m()",
    ],
    "source": [
        "import inspect\ndef f(x):\n    \"\"\"Doc\n      deep\"\"\"\n    # comment\n    return '''a\n  b''' + str(x)\n",
        "print(inspect.getsource(f))\nf(1), inspect.getsourcelines(f)[1], inspect.getdoc(f), str(inspect.signature(f))",
        "g = lambda a, *, b=2: abs(a)\nprint(inspect.getsource(g)), inspect.signature(g)",
        "class A:\n    def m(self):\n        return len('x')\nprint(inspect.getsource(A.m))",
        "f?", "f??", "%psource f", "%pdef f",
    ],
    "annotations": [
        "x: int = abs(1)\n__annotations__", "def f(a: 'int', b: list[int] = [abs(1)]) -> str:\n    c: int = abs(2)\n    return f.__annotations__\nf(1)",
        "import typing\ntyping.get_type_hints(f)",
    ],
    "future flags": [
        "from __future__ import annotations\ndef f(a: Nowhere): return abs(a)\nf.__annotations__",
        "def g(a: Elsewhere) -> There:\n    def h(b: X): return abs(b)\n    return h.__annotations__, h.__code__.co_flags\ng(1), g.__annotations__",
        "g.__code__.co_flags & 0x1000000 != 0",
    ],
    "late future import": ["x = 1\nfrom __future__ import annotations\ndef f(a: Nowhere): return abs(a)\nf.__annotations__"],
    "await": [
        "import asyncio\nawait asyncio.sleep(0, 'slept')",
        "async def f(x):\n    await asyncio.sleep(0)\n    return abs(x)\nawait f(-1)",
        "[await f(i) for i in range(3)], await asyncio.gather(f(1), f(2))",
        "async def g(n):\n    for i in range(n):\n        yield await f(i)\n[x async for x in g(3)]",
        "async with asyncio.timeout(1):\n    print(await f(4))\nasync for x in g(2):\n    print(x)",
        "import inspect\ninspect.iscoroutinefunction(f), inspect.isasyncgenfunction(g)",
        "async def bad():\n    await f(1)\n    return 1 / 0\nawait bad()",
        "task = asyncio.ensure_future(f(7))\nawait task",
        "def plain():\n    return abs(1)\nawait f(plain())",
    ],
    "magics": [
        "%%time\ndef f(x):\n    return abs(x) + sum(abs(y) for y in range(x))\nf(3)", "f(4)",
        "%time f(5)", "%time y = f(6)", "y",
        "%timeit -n1 -r1 f(1)", "%%timeit -n1 -r1 k = 2\ndef g():\n    return abs(k)\ng()",
        "r = %timeit -n1 -r1 -o -q f(1)\ntype(r).__name__",
        "%%capture out\nprint('hidden')\ndef h():\n    print('said', abs(1))\nh()\n1 + 1", "out.stdout, h()",
        "%%capture\n1/0",
        "%time 1/0",
        "%%time\ndef broken():\n    return abs(1) / 0\nbroken()",
        "%%time\nx = 5\nx + 1",
        "%xmode Plain", "f('a')", "%xmode Verbose", "f('a')", "%xmode Minimal", "f('a')", "%xmode Context",
        "%who_ls", "%whos", "%psearch f*", "%macro m 1", "%history -l 2", "%lsmagic foo bar"[:0] or "%pwd\n1",
    ],
    "prun": ["def f(n):\n    return sum(abs(i) for i in range(n))", "r = %prun -r -q f(10)\nsorted({k[2] for k in r.stats} - {'<built-in method builtins.iter>'})  # a `for` asks for its iterator by a call"],
    "run": [
        "import tempfile, pathlib\np = pathlib.Path(tempfile.mkdtemp()) / 'script.py'\n"
        "_ = p.write_text('def s(x):\\n    return abs(x)\\nprint(s(-1), __name__)\\nbad = lambda: s(1) / 0\\n')",
        "%run $p", "s(3)", "s.__code__.co_filename == str(p)", "%run -i $p", "try:\n    bad()\nexcept ZeroDivisionError as e:\n    print(e.__traceback__.tb_next.tb_lineno)",
    ],
    "warnings": [
        "import warnings\ndef f():\n    warnings.warn('careful')\n    return 1\nf()",
        "f()", "def g():\n    warnings.warn('deeper', stacklevel=2)\ndef h():\n\n    g()\nh()", "h()",
        "'__warningregistry__' in globals()", "len([k for k in __warningregistry__ if isinstance(k, tuple)])",
        "def i():\n    return 'x' is abs\n", "'\\d'", "def j():\n    return '\\d', abs(1)\nj()", "j()", "f()",
    ],
    "pickle": [
        "import pickle, copy\ndef f(x):\n    return abs(x)\nclass A:\n    def m(self):\n        return f(-2)\n"
        "pickle.loads(pickle.dumps(f)) is f, pickle.loads(pickle.dumps(A())).m(), pickle.loads(pickle.dumps(A().m))()",
        "copy.deepcopy(f) is f, copy.copy(A()).m(), len(pickle.dumps(f))",
        "pickle.dumps(lambda: abs(1))",
    ],
    "doctest": [
        "import doctest\ndef f(x):\n    '''\n    >>> f(-1)\n    1\n    >>> f(-2)\n    3\n    '''\n    return abs(x)\n"
        "doctest.run_docstring_examples(f, globals(), name='f')",
    ],
    "dis": ["import dis\ndef f():\n    return abs(1)\nlen(list(dis.get_instructions(f))) > 3, dis.dis(f, file=open('/dev/null', 'w'))"],
    "trace lines": [
        "import sys\ndef f(n):\n    total = 0\n    for i in range(n):\n        if abs(i) > 1:\n            total += abs(i)\n"
        "        else:\n            total -= 1\n    try:\n        total += len(str(total))\n        int('x')\n    except ValueError:\n        total += abs(2)\n"
        "    finally:\n        total += abs(3)\n    with open('/dev/null') as file:\n        total += len(file.read())\n    return [abs(x)\n            for x in\n            range(total)]\n"
        "def traced(f, *args):\n    seen = []\n    def tracer(frame, event, arg):\n        if frame.f_code.co_name != 'f': return None\n"
        "        if event == 'line': seen.append(frame.f_lineno)\n        return tracer\n    sys.settrace(tracer)\n    try:\n        f(*args)\n"
        "    finally:\n        sys.settrace(None)\n    return sorted(set(seen))\ntraced(f, 3)",
    ],
    "profile events": [
        "import sys\ndef g(x): return abs(x)\ndef f(n): return [g(i) for i in range(n)]\nseen = []\n"
        "def prof(frame, event, arg):\n    if event in ('call', 'return') and frame.f_globals is globals(): seen.append((event, frame.f_code.co_name))\n"
        "sys.setprofile(prof)\nf(2)\nsys.setprofile(None)\nseen",
    ],
    "finalizers": [
        "class Loud:\n    def __init__(self, n): self.n = n\n    def __del__(self): print('gone', self.n)\n"
        "def f():\n    Loud(1)\n    x = Loud(2)\n    print('between', abs(1))\n    x = None\n    print('end', abs(2))\nf()",
        "def g():\n    return len([Loud(i) for i in range(2)])\ng()",
        "import gc, weakref\ndef h():\n    big = Loud(9)\n    ref = weakref.ref(big)\n    del big\n    return ref()\nh()",
    ],
    "star imports and globals": [
        "from math import *\nfloor(2.5)", "def f():\n    import os.path as p\n    from math import ceil\n    return p.basename('/a/b'), ceil(abs(1.5))\nf()",
        "%reset_selective -f floor", "floor",
    ],
    "match": [
        "def f(v):\n    match v:\n        case [x, *rest] if len(rest) > 1:\n            return x, rest\n        case {'k': k, **others}:\n            return k, others\n"
        "        case str() as s:\n            return s.upper()\n        case _:\n            return abs(v)\n[f(v) for v in ([1, 2, 3], {'k': 1, 'z': 2}, 'a', -3)]",
    ],
    "unicode": ["def größe(ä):\n    'é'\n    return abs(ä) / 0  # ü\ngröße(1)", "naïve = lambda ñ: len('日本' + ñ)\nnaïve('語')"],
    "form feed and separators": ["s = 'a\x0cb\x1cc'\ndef f():\n    return len('a\x0cb\x1cc'), s\n\nf()", "def g():\n    return abs(1) / 0\ng()"],
    "named expressions": ["def f(xs):\n    return [y := abs(x) for x in xs], y\nf([1, -2])", "[z := abs(x) for x in (3, 4)], z"],
    "names": ["def f(): return abs(1)\n[n for n in globals() if '.' in n or 'hitl' in n]", "f.__code__.co_name, f.__code__.co_qualname, f.__code__.co_firstlineno"],
    "display": [
        "from IPython.display import display, Markdown\nclass R:\n    def _repr_html_(self):\n        return '<b>' + str(abs(1)) + '</b>'\n    def __repr__(self):\n        return 'R' + str(abs(2))\nR()",
        "def show():\n    display(R(), Markdown('x'))\nshow()",
    ],
    "interactivity": ["%config InteractiveShell.ast_node_interactivity = 'all'", "def f(): return abs(1)\nf()\nf() + 1", "x = f()\n(lambda: abs(2))()",
        "%config InteractiveShell.ast_node_interactivity = 'last_expr_or_assign'", "y = [f() for _ in range(2)]", "z = lambda: f()", "%config InteractiveShell.ast_node_interactivity = 'last_expr'"],
    "shell": ["x = !echo hi\nx", "def f():\n    y = !echo there\n    return y, abs(1)\nf()", "def g():\n    %time z = abs(1)\n    return z\ng()"],
    "cell in a cell": ["get_ipython().run_cell('def inner(): return abs(1)\\ninner()')\ninner()"],
    "custom magic": [
        "from IPython.core.magic import register_line_magic, register_cell_magic\n@register_line_magic\ndef shout(line):\n    return line.upper() + str(abs(1))\n"
        "@register_cell_magic\ndef twice(line, cell):\n    exec(cell, get_ipython().user_ns)\n    exec(cell, get_ipython().user_ns)", "%shout x", "%%twice\nprint('again', abs(1))"],
    "threads": ["import threading, concurrent.futures as cf\ndef f(x): return abs(x), threading.current_thread() is threading.main_thread()\nwith cf.ThreadPoolExecutor(2) as pool:\n    r = list(pool.map(f, [1, -2]))\nr"],
    "code attributes": ["def f(a, /, b, *c, d, **e):\n    g = abs(a)\nf.__code__.co_argcount, f.__code__.co_posonlyargcount, f.__code__.co_kwonlyargcount, f.__code__.co_varnames[:5], f.__defaults__, f.__module__",
        "f.__globals__ is globals(), f.__builtins__ is __builtins__.__dict__, f.__type_params__ if hasattr(f, '__type_params__') else None",
        "f(1)", "f(1, 2)", "f(1, 2, d=3, a=4)", "def k(*, x): pass\nk(y=1)"],
    "replaced code": ["def f(): return abs(1)\ndef g(): return abs(2)\nf.__code__ = g.__code__\nf(), f.__code__ == g.__code__", "import types\ntypes.FunctionType(g.__code__, {})()", "exec(g.__code__), eval(g.__code__)"],
    "abc and protocol": ["import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def m(self): ...\nclass B(A):\n    def m(self): return abs(-1)\nB().m()", "A()"],
    "metaclass and init_subclass": ["class M(type):\n    def __new__(m, n, b, d, **k):\n        return super().__new__(m, n, b, {**d, 'k': len(k)})\nclass A(metaclass=M, z=abs(1)):\n    def __init_subclass__(cls, **kw):\n        super().__init_subclass__(**kw)\n        cls.sub = sorted(kw)\nclass B(A): pass\nA.k, B.k, B.sub"],
    "singledispatch": ["import functools\n@functools.singledispatch\ndef f(x): return 'any'\n@f.register\ndef _(x: int): return abs(x)\nf(-1), f('a')"],
    "cached property": ["import functools\nclass A:\n    @functools.cached_property\n    def p(self):\n        print('made')\n        return abs(1)\na = A()\na.p, a.p"],
    "debug flag of traceback": ["import traceback\ndef f():\n    g()\ndef g():\n    raise ValueError(abs(1))\ntry:\n    f()\nexcept ValueError:\n    print(traceback.format_exc())"],
    "stack": ["import traceback\ndef f():\n    return [(s.name, s.lineno, s.line) for s in traceback.extract_stack()[-2:]]\ndef g():\n    return f()\ng()"],
    "with": ["class C:\n    def __enter__(self):\n        print('in')\n        return self\n    def __exit__(self, *e):\n        print('out', e[0])\n        return True\n"
        "def f():\n    with C() as a, C() as b:\n        raise ValueError(abs(1))\n    return 'after'\nf()", "with C():\n    (lambda: abs(1) / 0)()", "def g():\n    with 5:\n        pass\ng()", "def h():\n    with C:\n        abs(1)\nh()"],
    "unpacking errors": ["def f():\n    a, b = abs(1), \nf()", "def f():\n    a, b = [abs(1)] * 3\nf()", "def f(x):\n    for a, b in x:\n        abs(a)\nf([1])", "def f(x):\n    return max(*x, key=len)\nf(['a', 'bb'])"],
    "global state": ["import sys, random\nbefore = sys.getrecursionlimit()\nrandom.seed(1)\ndef f(): return random.random(), sys.getrecursionlimit() == before\nf()"],
    "hitl comments": ["def f(): # hitl: native\n    return abs(1)\nf()", "# hitl: native\ndef g():\n    return abs(2)\ng()"],
}
