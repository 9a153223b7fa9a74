import { PYTHON_SETUP } from "./python-stdin.ts";

/**
 * How values travel between the process of the program and the process of the tests: as JSON, a list headed by a tag
 * for what JSON has not. What cannot be written so stays where it is, and a handle (a number) travels.
 */
const PYTHON_VALUES = `
import os, json, collections, decimal, fractions
SMALL = 2 ** 53
CONTAINERS = (list, dict, set, collections.deque)
PLAIN = {*CONTAINERS, collections.Counter, collections.OrderedDict, collections.defaultdict}
by_value = True
class RemoteTuple(tuple):
    """A tuple of the program's own kind, as a namedtuple: its items are here, what else it can do is there."""
    def __getattr__(self, name): return remote("attr", self, name)
inbox, outbox = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
nothing = os.open("/dev/null", os.O_RDWR)
os.dup2(nothing, 0)
os.dup2(nothing, 1)
def encode(value, keep, depth=0):
    kind = type(value)
    if value is None or kind is bool or kind is str: return value
    if isinstance(value, int) and not isinstance(value, bool):
        value = int(value)
        return value if -SMALL < value < SMALL else ["i", hex(value)]
    if isinstance(value, float):
        value = float(value)
        return value if value - value == 0 else ["f", repr(value)]
    if isinstance(value, str): return str.__str__(value)
    if depth > 200: raise ValueError("a value is nested more than 200 deep")
    if kind is RemoteTuple: return value._wire
    # What a container of the program's own kind can do, only it can: it stays.
    if not by_value and kind not in PLAIN and isinstance(value, CONTAINERS): return ["H"] + keep(value)[1:]
    items = lambda: [encode(item, keep, depth + 1) for item in value]
    pairs = lambda: [[encode(k, keep, depth + 1), encode(v, keep, depth + 1)] for k, v in value.items()]
    if isinstance(value, list): return ["l", items()]
    if isinstance(value, tuple): return ["t", items()] if by_value or kind is tuple else ["t", items(), keep(value)[1]]
    if isinstance(value, frozenset): return ["z", items()]
    if isinstance(value, set): return ["s", items()]
    if isinstance(value, collections.deque): return ["q", items()]
    if kind is collections.Counter: return ["n", pairs()]
    if kind is collections.OrderedDict: return ["o", pairs()]
    if isinstance(value, dict): return ["d", pairs()]
    if kind is range: return ["r", [value.start, value.stop, value.step]]
    if isinstance(value, (bytes, bytearray)): return ["b", bytes(value).hex()]
    if isinstance(value, complex): return ["c", [repr(value.real), repr(value.imag)]]
    if kind is decimal.Decimal: return ["D", str(value)]
    if kind is fractions.Fraction: return ["F", str(value)]
    if kind.__module__ == "numpy": return encode(value.tolist(), keep, depth + 1)
    return keep(value)
def decode(value, find):
    if not isinstance(value, list): return value
    tag, body = value[:2]
    items = lambda: [decode(item, find) for item in body]
    pairs = lambda: {decode(k, find): decode(v, find) for k, v in body}
    if tag == "i": return int(body, 16)
    if tag == "f": return float(body)
    if tag == "l": return items()
    if tag == "t": return tuple(items()) if len(value) == 2 else find(tag, (items(), value[2]))
    if tag == "z": return frozenset(items())
    if tag == "s": return set(items())
    if tag == "q": return collections.deque(items())
    if tag == "d": return pairs()
    if tag == "n": return collections.Counter(pairs())
    if tag == "o": return collections.OrderedDict(pairs())
    if tag == "r": return range(*body)
    if tag == "b": return bytes.fromhex(body)
    if tag == "c": return complex(*map(float, body))
    if tag == "D": return decimal.Decimal(body)
    if tag == "F": return fractions.Fraction(body)
    return find(tag, body)
`;

/**
 * Holds the program and answers calls. First line of stdin: {"program", "promises"}; then a line per call. Nothing of the
 * tests is among it. First line of stdout: {"names"} that the program defined, or {"error"}. Without "promises" the caller
 * takes values only: what can be awaited is. The program's own output goes nowhere: descriptor 1 is
 * replaced before it runs. Whatever the program does here, it can only change what it returns.
 */
export const PYTHON_PROGRAM: string = String.raw`${PYTHON_SETUP}${PYTHON_VALUES}
import operator
kept, numbers = [], {}
def keep(value):
    """A running number: an address would differ from run to run."""
    if id(value) not in numbers:
        numbers[id(value)] = len(kept)
        kept.append(value)
    return ["h", numbers[id(value)], type(value).__name__]
def say(message):
    outbox.write(json.dumps(message) + "\n")
    outbox.flush()
def fault(error):
    names = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    try: text = str(error)[:300]
    except BaseException: text = ""
    said = {"error": [names[0] if names else "Exception", type(error).__name__, text]}
    try: said["args"] = [encode(item, keep) for item in error.args]
    except BaseException: pass
    return said
def settled(value):
    if job.get("promises") or not hasattr(type(value), "__await__"): return value
    import asyncio
    async def wait(): return await value
    return asyncio.run(wait())
TASKS = {
    "call": lambda f, *a, **k: f(*a, **k), "attr": getattr, "set": setattr, "item": operator.getitem,
    "setitem": operator.setitem, "len": len, "iter": iter, "next": next, "str": str, "repr": repr, "bool": bool, "in": operator.contains,
    "eq": operator.eq, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "hash": hash,
    "delitem": operator.delitem, "value": lambda value: next(kind(value) for kind in CONTAINERS if isinstance(value, kind)),
}
def named(name):
    # A method of APPS' class Solution may be called as if it were a function.
    if name not in space and isinstance(space.get("Solution"), type): return getattr(space["Solution"](), name)
    if name not in space: raise NameError("the program defines no " + name)
    return space[name]
module = type(sys)("program")
module.__builtins__ = builtins
sys.modules["program"] = module
space = module.__dict__
job = json.loads(inbox.readline())
by_value = not job.get("promises")
before = set(space)
try:
    exec(compile(job["program"], "program.py", "exec", dont_inherit=True), space)
except BaseException as error:
    say(fault(error))
    os._exit(0)
say({"names": sorted(set(space) - before)})
def callback(number):
    def call(*args, **named):
        say({"task": "callback", "args": [number] + [encode(item, keep) for item in args], "named": {k: encode(v, keep) for k, v in named.items()}})
        reply = answer_until_reply()
        if "error" in reply: raise getattr(builtins, reply["error"][0], Exception)(reply["error"][2])
        return decode(reply["value"], find)
    return call
def find(tag, body):
    if tag == "k": return callback(body)
    return kept[body] if isinstance(body, int) else named(body)
def answer(call):
    try:
        args = [decode(item, find) for item in call["args"]]
        named_args = {name: decode(item, find) for name, item in call.get("named", {}).items()}
        value = settled(TASKS[call["task"]](*args, **named_args))
        reply = {"value": encode(value, keep)}
        if call["task"] == "call":
            changed = [state(item, given) for item, given in zip(args, call["args"])]
            if any(item is not None for item in changed): reply["changed"] = changed
    except BaseException as error:
        reply = fault(error)
    say(reply)
def state(value, given):
    """What an argument has become, when it is of a kind that can change and has."""
    if not isinstance(given, list) or given[0] not in "ldsqno": return None
    now = encode(value, keep)
    return None if now == given else now
def answer_until_reply():
    for line in inbox:
        message = json.loads(line)
        if "task" not in message: return message
        answer(message)
    os._exit(0)
answer_until_reply()
os._exit(0)
`;

/**
 * Runs the tests, in a sandbox where the program is not. First line of stdin: {"prefix", "setup", "tests",
 * "entry", "names"}; names are those that the program defined. Lines out: "C" and a call, to which the next line of stdin is the reply;
 * "V" and the verdict on one test, {"status", "why"}; "X" and a reason when a test itself cannot be read or run.
 *
 * A name in a test is, in this order: the tests' own, the tested function, the prompt's, Python's, a well-known library's,
 * the program's. So a program can replace nothing that the tests compare with.
 */
export const PYTHON_TESTER: string = String.raw`${PYTHON_SETUP}${PYTHON_VALUES}
import ast
class TestsUnfit(BaseException): pass
class ProgramGone(BaseException): pass
class ProgramError(Exception): pass
asked = 0
def say(mark, body):
    outbox.write(mark + json.dumps(body) + "\n")
    outbox.flush()
callbacks = []
def keep(value):
    if isinstance(value, Remote): return object.__getattribute__(value, "_wire")
    if not callable(value): raise TestsUnfit("a test passes a %s to the program, which cannot be sent" % type(value).__name__)
    callbacks.append(value)
    return ["k", len(callbacks) - 1]
def find(tag, body):
    if tag == "k": return callbacks[body]
    if tag != "t": return Remote(["h", body], tag == "H")
    made = RemoteTuple(body[0])
    made._wire = ["h", body[1]]
    return made
def answer(call):
    try:
        number, *args = call["args"]
        value = callbacks[number](*[decode(item, find) for item in args], **{k: decode(v, find) for k, v in call["named"].items()})
        reply = {"value": encode(value, keep)}
    except Exception as error:
        reply = {"error": [type(error).__name__, type(error).__name__, str(error)]}
    say("C", reply)
def remote(task, *args, **named):
    global asked
    say("C", {"task": task, "args": [encode(item, keep) for item in args], "named": {k: encode(v, keep) for k, v in named.items()}})
    asked += 1
    while True:
        line = inbox.readline()
        if not line: raise ProgramGone
        reply = json.loads(line)
        if "task" not in reply: break
        answer(reply)
    if "error" in reply:
        base, name, text = reply["error"]
        kind = getattr(builtins, base, Exception)
        if not isinstance(kind, type) or not issubclass(kind, Exception): kind = ProgramError
        error = made(kind, [decode(item, find) for item in reply.get("args", [text])], text) or made(kind, [text], None) or ProgramError(text)
        error.program_says = "%s: %s" % (name, text)
        raise error
    for place, state in enumerate(reply.get("changed", [])):
        if state is not None: assign(args[place], decode(state, find))
    return decode(reply["value"], find)
def made(kind, args, text):
    """An error with the arguments it had: a KeyError's text is not its argument."""
    try:
        error = kind(*args)
        return error if text is None or str(error)[:300] == text else None
    except Exception: return None
def assign(old, new):
    if type(old) is not type(new): return
    if isinstance(old, list): old[:] = new
    elif isinstance(old, (dict, set, collections.deque)):
        old.clear()
        (old.extend if isinstance(old, collections.deque) else old.update)(new)
class Remote:
    """
    Something that lives in the program. Equal to nothing but what lives there too: its __eq__ has no say here. A container
    is equal to what holds the same, which is found out here.
    """
    def __init__(self, wire, holds=False):
        object.__setattr__(self, "_wire", wire)
        object.__setattr__(self, "_holds", holds)
    def __call__(self, *args, **named): return remote("call", self, *args, **named)
    def __getattr__(self, name): return remote("attr", self, name)
    def __setattr__(self, name, value): remote("set", self, name, value)
    def __getitem__(self, key): return remote("item", self, key)
    def __setitem__(self, key, value): remote("setitem", self, key, value)
    def __delitem__(self, key): remote("delitem", self, key)
    def __len__(self): return remote("len", self)
    def __iter__(self): return RemoteIterator(remote("iter", self))
    def __next__(self): return remote("next", self)
    def __str__(self): return str(remote("str", self))
    def __repr__(self): return str(remote("repr", self))
    def __bool__(self): return remote("bool", self) is True
    def __contains__(self, item): return remote("in", self, item) is True
    def __eq__(self, other):
        if isinstance(other, Remote): return remote("eq", self, other) is True
        return object.__getattribute__(self, "_holds") and remote("value", self) == other
    def __hash__(self): return remote("hash", self)
    def __lt__(self, other): return isinstance(other, Remote) and remote("lt", self, other) is True
    def __gt__(self, other): return isinstance(other, Remote) and remote("gt", self, other) is True
    def __le__(self, other): return isinstance(other, Remote) and remote("le", self, other) is True
    def __ge__(self, other): return isinstance(other, Remote) and remote("ge", self, other) is True
class RemoteIterator:
    def __init__(self, source): self.source = source
    def __iter__(self): return self
    def __next__(self): return remote("next", self.source)
def names_in(tree):
    """Names that are read, and those among them that nothing in the tree binds."""
    loads, bound = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name): (loads if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)): bound.add(node.name)
        elif isinstance(node, ast.arg): bound.add(node.arg)
        elif isinstance(node, ast.alias): bound.add((node.asname or node.name).split(".")[0])
    return loads, loads - bound
MODULES = getattr(sys, "stdlib_module_names", frozenset("cmath collections copy datetime decimal fractions functools heapq itertools json math operator random re statistics string".split()))
def modules_in(tree):
    """Names that the test uses as a module of the library and as nothing else: the real one, whatever the program calls so."""
    attributes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    other = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in attributes}
    return {name for name in names_in(tree)[1] & MODULES if name not in other}
ALIASES = {"np": "numpy", "numpy": "numpy", "pd": "pandas", "pandas": "pandas"}
LIBRARY = {name: module for module in map(__import__, ("copy", "functools", "itertools", "fractions", "decimal", "collections", "math")) for name in getattr(module, "__all__", dir(module)) if name[:1] != "_"}
def from_library(name):
    if name not in ALIASES: return getattr(LIBRARY[name], name)
    try: return __import__(ALIASES[name])
    except ImportError as error: raise TestsUnfit("a test uses %s: %s" % (name, error))
builtin = set(dir(builtins))
known = builtin | set(LIBRARY) | set(ALIASES)
def own_names(free):
    """The program's. A well-known name is only where it is what is tested, that is where the test uses no other function of the program."""
    candidates = free & defined
    if entry is not None: return candidates - known | {entry}
    # What is a class, the program could say as it likes; its name in the test is as it is.
    functions = {name for name in candidates - known if not name[:1].isupper()}
    return candidates - known if functions else candidates - builtin or candidates
def prompt_tree(prefix):
    """The prompt ends inside of what is tested; without an entry point it is not known what that is."""
    if entry is None: return None
    for end in ("\n", "\n    pass\n", "\n        pass\n"):
        try: return ast.parse(prefix + end, "prompt.py")
        except (SyntaxError, ValueError): pass
def left_to_program(tree):
    """What the prompt only begins; and its classes, since objects of tests could not be sent."""
    def is_stub(body): return all(isinstance(node, (ast.Pass, ast.Raise)) or isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)
    functions = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_stub(node.body)}
    return functions | {node.name for node in tree.body if isinstance(node, ast.ClassDef)} | {entry}
def helpers_of(tree):
    """Everything that the prompt defines and the program need not, in a space of its own."""
    space = {"__name__": "prompt", "__builtins__": builtins}
    if tree is None: return space
    try: exec(compile(tree, "prompt.py", "exec", dont_inherit=True), space)
    except Exception: pass
    for name in left_to_program(tree): space.pop(name, None)
    return space
def space_for(tree):
    space = helpers_of(prefix)
    free = (names_in(tree)[1] | names_in(setup_tree)[1]) - set(space) | (set() if prefix is None else left_to_program(prefix))
    own = own_names(free)
    for name in own: space[name] = Remote(["h", name])
    for name in (free & (set(LIBRARY) | set(ALIASES))) - own - builtin: space[name] = from_library(name)
    for name in modules_in(tree) - {entry}: space[name] = __import__(name)
    space["__name__"] = "tests"
    return space
reports, cases_run = [], 0
def watch_unittest():
    """What a runner of unittest finds and keeps to itself."""
    import unittest
    def wrap(name, report):
        inner = getattr(unittest.TestResult, name)
        def outer(self, *args):
            report(*args)
            return inner(self, *args)
        setattr(unittest.TestResult, name, outer)
    def start(case):
        global cases_run
        cases_run += 1
    wrap("startTest", start)
    wrap("addFailure", lambda case, error: reports.append(error[1]))
    wrap("addError", lambda case, error: reports.append(error[1]))
    wrap("addSubTest", lambda case, part, error: error and reports.append(error[1]))
    wrap("addUnexpectedSuccess", lambda case: reports.append(AssertionError("unexpected success")))
def run_rest(tree, space):
    """Tests in the manner of pytest and unittest, that wait for somebody to run them."""
    referred = names_in(tree)[0]
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name in referred: continue
        value = space.get(node.name)
        if isinstance(value, type) and cases_run == 0 and "unittest" in sys.modules and issubclass(value, sys.modules["unittest"].TestCase):
            yield from_case(value)
        elif isinstance(value, type(run_rest)) and node.name.startswith("test") and value.__code__.co_argcount == len(value.__defaults__ or ()) and not value.__code__.co_kwonlyargcount:
            yield value
def from_case(case):
    import unittest
    return lambda: unittest.defaultTestLoader.loadTestsFromTestCase(case).run(unittest.TestResult()) and None
def run_test(tree, code):
    global asked, cases_run
    asked = cases_run = 0
    reports.clear()
    space = space_for(tree)
    try: exec(setup, space)
    except NameError: raise
    except Exception as error:
        if asked == 0: raise TestsUnfit("the tests' setup fails: " + short(error))
        raise
    left = None
    try: exec(code, space)
    except SystemExit as error: left = error.code
    for run in list(run_rest(tree, space)):
        left = None
        result = run()
        if hasattr(type(result), "__await__"): __import__("asyncio").run(result)
    if reports: raise reports[0]
    if left not in (None, 0): raise AssertionError("the test ended with exit code %s" % left)
    if asked == 0: raise TestsUnfit("a test ends without one call of the program")
def short(error):
    said = getattr(error, "program_says", None) or "%s: %s" % (type(error).__name__, error)
    return " ".join(said.split())[:200]

job = json.loads(inbox.readline())
entry, defined = job["entry"], set(job["names"])
try:
    setup_tree = ast.parse(job["setup"], "setup.py")
    setup = compile(setup_tree, "setup.py", "exec", dont_inherit=True)
    trees = [ast.parse(test, "test.py") for test in job["tests"]]
    codes = [compile(tree, "test.py", "exec", dont_inherit=True) for tree in trees]
except (SyntaxError, ValueError) as error:
    say("X", short(error))
    os._exit(0)
prefix = prompt_tree(job["prefix"])
if any("unittest" in text for text in [job["setup"]] + job["tests"]): watch_unittest()
for tree, code, source in zip(trees, codes, job["tests"]):
    try:
        run_test(tree, code)
        say("V", {"status": "pass", "why": ""})
    except TestsUnfit as error: say("X", str(error))
    except (ProgramGone, SystemExit): os._exit(0)
    except AssertionError as error:
        failed = getattr(error, "program_says", None) is None
        note = short(error) if str(error) else source.strip()[:200] if len(source) < 400 else "an assertion failed"
        say("V", {"status": "fail" if failed else "error", "why": note})
    except Exception as error:
        # Only what fails without the program is the tests' fault; a missing name is the program's to define.
        is_ours = getattr(error, "program_says", None) is None and (asked == 0 and not isinstance(error, NameError) or isinstance(error, ImportError))
        say("X" if is_ours else "V", short(error) if is_ours else {"status": "error", "why": short(error)})
os._exit(0)
`;
