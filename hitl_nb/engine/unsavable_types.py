"""Types whose objects are never saved, with the reason and the code to write instead."""

from __future__ import annotations

RESOURCE = "make it with hitl.resource(...), which opens it again when the agent continues"
_WORK = "wait for its end before the checkpoint and keep the result, or start it after the checkpoint"
_EXECUTOR = "shut it down before the checkpoint, make it where it is used, or make it with hitl.resource(...)"
_CURSOR = "fetch its rows into a list before the checkpoint, or make it after the checkpoint"
_QUEUE = "take its items out into a list (or use collections.deque), and fill a new queue after the checkpoint"
_WEAK = "keep the object itself, and make the reference after the checkpoint"
_CONTEXT = (
    "keep the value in a variable of its own, and set the ContextVar, made or imported again, after the checkpoint"
)
_SHELF = "close it before the checkpoint, and open it again after it"
_SOCKET = "close it before the checkpoint, or make it with hitl.resource(...)"
_ROWS = "read its rows into a list before the checkpoint"

NEVER: dict[tuple[str, str], tuple[str, str]] = {
    ("concurrent.futures._base", "Future"): ("a future is work of this process", _WORK),
    ("concurrent.futures._base", "Executor"): ("an executor is threads or processes of this process", _EXECUTOR),
    ("_asyncio", "Future"): ("a future is work of this process", "await it before the checkpoint and keep the result"),
    ("asyncio.futures", "Future"): (
        "a future is work of this process",
        "await it before the checkpoint and keep the result",
    ),
    ("asyncio.events", "AbstractEventLoop"): ("an event loop belongs to this process", "make it where it is used"),
    ("asyncio.taskgroups", "TaskGroup"): ("a task group is work of this process", _WORK),
    ("threading", "Thread"): ("a thread ends with this process", "join it before the checkpoint, or start it after it"),
    ("subprocess", "Popen"): ("a process is started once", _WORK),
    ("asyncio.subprocess", "Process"): ("a process is started once", _WORK),
    ("multiprocessing.process", "BaseProcess"): ("a process is started once", _WORK),
    ("multiprocessing.pool", "Pool"): ("a pool is processes or threads of this process", _EXECUTOR),
    ("multiprocessing.managers", "BaseManager"): ("a manager is a process", _EXECUTOR),
    ("multiprocessing.queues", "Queue"): ("a queue holds items of this process", _QUEUE),
    ("multiprocessing.queues", "SimpleQueue"): ("a queue holds items of this process", _QUEUE),
    ("queue", "Queue"): ("a queue holds items that other threads wait for", _QUEUE),
    ("_queue", "SimpleQueue"): ("a queue holds items that other threads wait for", _QUEUE),
    ("asyncio.queues", "Queue"): ("a queue holds items that other tasks wait for", _QUEUE),
    ("socket", "socket"): ("a socket is open in this process only", _SOCKET),
    ("sqlite3", "Cursor"): ("a cursor belongs to an open connection", _CURSOR),
    ("sqlite3", "Blob"): ("it belongs to an open connection", "read its bytes before the checkpoint"),
    ("sqlalchemy.engine.base", "Connection"): (
        "a connection may be inside a transaction",
        "keep the engine, and connect again after the checkpoint",
    ),
    ("sqlalchemy.orm.session", "Session"): (
        "a session holds a connection and changes that are not written",
        "commit and close it before the checkpoint, keep the engine, and open another one after it",
    ),
    ("sqlalchemy.engine.result", "Result"): ("a result belongs to an open connection", _ROWS),
    ("sqlalchemy.engine.base", "Engine"): ("it is a kind of engine that may hold more than connections", RESOURCE),
    ("sqlalchemy.ext.asyncio.engine", "AsyncEngine"): ("it is a kind of engine that may hold more", RESOURCE),
    ("requests.sessions", "Session"): ("its class may hold more than a session does", RESOURCE),
    ("httpx", "Client"): ("its class may hold more than a client does", RESOURCE),
    ("httpx", "AsyncClient"): ("its class may hold more than a client does", RESOURCE),
    ("openai", "OpenAI"): ("its class may hold more than a client does", RESOURCE),
    ("openai", "AsyncOpenAI"): ("its class may hold more than a client does", RESOURCE),
    ("anthropic", "Anthropic"): ("its class may hold more than a client does", RESOURCE),
    ("anthropic", "AsyncAnthropic"): ("its class may hold more than a client does", RESOURCE),
    ("boto3.session", "Session"): ("it may hold credentials", RESOURCE),
    ("botocore.session", "Session"): ("it may hold credentials", RESOURCE),
    ("botocore.client", "BaseClient"): ("it holds credentials and open connections", RESOURCE),
    ("boto3.resources.base", "ServiceResource"): ("it holds credentials and open connections", RESOURCE),
    ("tempfile", "TemporaryDirectory"): (
        "its directory is removed when this process ends",
        "use tempfile.mkdtemp(), keep the path, and remove it at the end of the agent; or make it after the checkpoint",
    ),
    ("tempfile", "_TemporaryFileWrapper"): (
        "its file is removed when this process ends",
        "write to a file with a path of your own, and close it before the checkpoint",
    ),
    ("tqdm.std", "tqdm"): (
        "a progress bar draws on the screen of this process",
        "loop over the items themselves, or make the bar below the checkpoint",
    ),
    ("mmap", "mmap"): ("it is memory of this process", "copy what is needed into bytes before the checkpoint"),
    ("builtins", "memoryview"): ("it is memory of this process", "copy it with bytes(...) before the checkpoint"),
    ("weakref", "ReferenceType"): ("it does not keep what it refers to", _WEAK),
    ("weakref", "ProxyType"): ("it does not keep what it refers to", _WEAK),
    ("weakref", "CallableProxyType"): ("it does not keep what it refers to", _WEAK),
    ("weakref", "WeakValueDictionary"): ("it does not keep what it holds", "use a dict while the agent pauses"),
    ("weakref", "WeakKeyDictionary"): ("it does not keep what it holds", "use a dict while the agent pauses"),
    ("_thread", "_local"): (
        "its values belong to the threads of this process",
        "keep them in a types.SimpleNamespace, or make it after the checkpoint",
    ),
    ("_contextvars", "ContextVar"): ("its values belong to this process", _CONTEXT),
    ("_contextvars", "Context"): ("its values belong to this process", _CONTEXT),
    ("_contextvars", "Token"): ("its values belong to this process", _CONTEXT),
    ("ctypes", "CDLL"): ("a library is loaded into this process", "load it where it is used, below the checkpoint"),
    ("_ctypes", "CFuncPtr"): ("it is a place in this process", "take it from its library below the checkpoint"),
    ("shelve", "Shelf"): ("it holds an open file, and changes that are not written", _SHELF),
    ("dbm.dumb", "_Database"): ("it holds changes that are not written", _SHELF),
    ("contextlib", "_GeneratorContextManagerBase"): (
        "a context manager that is made of a generator belongs to this process",
        "leave it before the checkpoint, make it after that, or write it as a class with __enter__ and __exit__",
    ),
    ("pandas.io.parsers.readers", "TextFileReader"): (
        "it is a file that is read in parts",
        "make a list of its parts before the checkpoint, or read on with skiprows after it",
    ),
    ("weakref", "finalize"): ("it acts when an object of this process ends", "make it after the checkpoint"),
}
"""(module, name) of a type -> (reason, how to change the code).

Subclasses are refused, too, unless a subclass defines how it is pickled.
"""

WAYS: dict[str, str] = {
    "coroutine": (
        "await it before the checkpoint, or make it in the statement that awaits it: "
        "await asyncio.gather(*[f(x) for x in items])"
    ),
    "async_generator": "read it into a list before the checkpoint",
    "Task": "await it before the checkpoint and keep the result",
    "module": "import it in the cell",
    "writer": (
        "write what there is before the checkpoint, and make the writer again after it on the same target (a file with "
        "mode 'a')"
    ),
    "ScandirIterator": "use names or paths in place of it: sorted(os.listdir(...)), list(pathlib.Path(...).iterdir())",
    **dict.fromkeys(
        (*("HASH", "HASHXOF", "HMAC", "blake2b", "blake2s", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"),),
        "keep the bytes (or the digest, if it is complete), and make the hash of them after the checkpoint",
    ),
    "FileIO": "open the file with a buffer (without buffering=0) to read it, or close it before the checkpoint",
    "Compress": "finish it before the checkpoint (.flush()) and keep the bytes",
    "Decompress": "keep the bytes, and decompress them after the checkpoint",
    "IterParseIterator": "read what is needed of its elements into a list before the checkpoint",
    "traceback": "keep its text: traceback.format_exc()",
    "frame": "keep what is needed of it: its line, its function's name",
}
"""Name of a type -> how to change the code. It lists types that `pickle` itself refuses."""
