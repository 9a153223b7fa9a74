import { PYTHON_SETUP } from "./python-stdin.ts";

/**
 * How values travel between the process of the program and the process of the tests: as JSON, a list headed by a tag
 * for what JSON has not. What cannot be written so stays where it is, and a handle (an id) travels.
 */
const PYTHON_VALUES = `
import os, json, collections, decimal, fractions
SMALL = 2 ** 53
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
    items = lambda: [encode(item, keep, depth + 1) for item in value]
    if isinstance(value, list): return ["l", items()]
    if isinstance(value, tuple): return ["t", items()]
    if isinstance(value, frozenset): return ["z", items()]
    if isinstance(value, set): return ["s", items()]
    if isinstance(value, collections.deque): return ["q", items()]
    if isinstance(value, dict):
        return ["d", [[encode(k, keep, depth + 1), encode(v, keep, depth + 1)] for k, v in value.items()]]
    if kind is range: return ["r", [value.start, value.stop, value.step]]
    if isinstance(value, (bytes, bytearray)): return ["b", bytes(value).hex()]
    if isinstance(value, complex): return ["c", [repr(value.real), repr(value.imag)]]
    if kind is decimal.Decimal: return ["D", str(value)]
    if kind is fractions.Fraction: return ["F", str(value)]
    if kind.__module__ == "numpy": return encode(value.tolist(), keep, depth + 1)
    return keep(value)
def decode(value, find):
    if not isinstance(value, list): return value
    tag, body = value
    items = lambda: [decode(item, find) for item in body]
    if tag == "i": return int(body, 16)
    if tag == "f": return float(body)
    if tag == "l": return items()
    if tag == "t": return tuple(items())
    if tag == "z": return frozenset(items())
    if tag == "s": return set(items())
    if tag == "q": return collections.deque(items())
    if tag == "d": return {decode(k, find): decode(v, find) for k, v in body}
    if tag == "r": return range(*body)
    if tag == "b": return bytes.fromhex(body)
    if tag == "c": return complex(*map(float, body))
    if tag == "D": return decimal.Decimal(body)
    if tag == "F": return fractions.Fraction(body)
    return find(tag, body)
`;

/**
 * Holds the program and answers calls. First line of stdin: {"program", "fresh"}; then a line per call. First line of
 * stdout: {"names"} that the program defined, or {"error"}. The program's own output goes nowhere: descriptor 1 is
 * replaced before it runs. Whatever the program does here, it can only change what it returns.
 */
export const PYTHON_PROGRAM: string = String.raw`${PYTHON_SETUP}${PYTHON_VALUES}
import operator
kept = {}
def keep(value):
    kept[id(value)] = value
    return ["h", id(value)]
def say(message):
    outbox.write(json.dumps(message) + "\n")
    outbox.flush()
def fault(error):
    names = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    try: text = str(error)[:300]
    except BaseException: text = ""
    return {"error": [names[0] if names else "Exception", type(error).__name__, text]}
TASKS = {
    "call": lambda f, *a, **k: f(*a, **k), "attr": getattr, "set": setattr, "item": operator.getitem,
    "setitem": operator.setitem, "len": len, "iter": iter, "next": next, "str": str, "repr": repr, "bool": bool, "in": operator.contains,
    "eq": operator.eq, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "hash": hash,
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
        value = TASKS[call["task"]](*args, **named_args)
        reply = {"value": encode(value, keep)}
        if call["task"] == "call":
            changed = [state(item, given) for item, given in zip(args, call["args"])]
            if any(item is not None for item in changed): reply["changed"] = changed
    except BaseException as error:
        reply = fault(error)
    say(reply)
def state(value, given):
    """What an argument has become, when it is of a kind that can change and has."""
    if not isinstance(given, list) or given[0] not in "ldsq": return None
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
 * Runs the tests, in a sandbox where the program is not. First line of stdin: {"setup", "tests", "entry", "names"};
 * names are those that the program defined. Lines out: "C" and a call, to which the next line of stdin is the reply;
 * "V" and the verdict on one test, {"passed", "why"}; "X" and a reason when a test itself cannot be read or run.
 */
export const PYTHON_TESTER: string = String.raw`${PYTHON_SETUP}${PYTHON_VALUES}
import ast
class TestsUnfit(BaseException): pass
class ProgramError(Exception): pass
def say(mark, body):
    outbox.write(mark + json.dumps(body) + "\n")
    outbox.flush()
callbacks = []
def keep(value):
    if isinstance(value, Remote): return object.__getattribute__(value, "_wire")
    if not callable(value): raise TestsUnfit("a test passes a %s to the program, which cannot be sent" % type(value).__name__)
    callbacks.append(value)
    return ["k", len(callbacks) - 1]
def find(tag, body): return callbacks[body] if tag == "k" else Remote(["h", body])
def answer(call):
    try:
        number, *args = call["args"]
        value = callbacks[number](*[decode(item, find) for item in args], **{k: decode(v, find) for k, v in call["named"].items()})
        reply = {"value": encode(value, keep)}
    except Exception as error:
        reply = {"error": [type(error).__name__, type(error).__name__, str(error)]}
    say("C", reply)
def remote(task, *args, **named):
    say("C", {"task": task, "args": [encode(item, keep) for item in args], "named": {k: encode(v, keep) for k, v in named.items()}})
    while True:
        line = inbox.readline()
        if not line: raise SystemExit
        reply = json.loads(line)
        if "task" not in reply: break
        answer(reply)
    if "error" in reply:
        base, name, text = reply["error"]
        kind = getattr(builtins, base, Exception)
        if not isinstance(kind, type) or not issubclass(kind, Exception): kind = ProgramError
        try: error = kind(text)
        except Exception: error = ProgramError(text)
        error.program_says = "%s: %s" % (name, text)
        raise error
    for place, state in enumerate(reply.get("changed", [])):
        if state is not None: assign(args[place], decode(state, find))
    return decode(reply["value"], find)
def assign(old, new):
    if type(old) is not type(new): return
    if isinstance(old, list): old[:] = new
    elif isinstance(old, (dict, set, collections.deque)):
        old.clear()
        (old.extend if isinstance(old, collections.deque) else old.update)(new)
class Remote:
    """Something that lives in the program. Equal to nothing but what lives there too: its __eq__ has no say here."""
    def __init__(self, wire): object.__setattr__(self, "_wire", wire)
    def __call__(self, *args, **named): return remote("call", self, *args, **named)
    def __getattr__(self, name): return remote("attr", self, name)
    def __setattr__(self, name, value): remote("set", self, name, value)
    def __getitem__(self, key): return remote("item", self, key)
    def __setitem__(self, key, value): remote("setitem", self, key, value)
    def __len__(self): return remote("len", self)
    def __iter__(self): return RemoteIterator(remote("iter", self))
    def __next__(self): return remote("next", self)
    def __str__(self): return str(remote("str", self))
    def __repr__(self): return str(remote("repr", self))
    def __bool__(self): return remote("bool", self) is True
    def __contains__(self, item): return remote("in", self, item) is True
    def __eq__(self, other): return isinstance(other, Remote) and remote("eq", self, other) is True
    def __hash__(self): return remote("hash", self)
    def __lt__(self, other): return isinstance(other, Remote) and remote("lt", self, other) is True
    def __gt__(self, other): return isinstance(other, Remote) and remote("gt", self, other) is True
    def __le__(self, other): return isinstance(other, Remote) and remote("le", self, other) is True
    def __ge__(self, other): return isinstance(other, Remote) and remote("ge", self, other) is True
class RemoteIterator:
    def __init__(self, source): self.source = source
    def __iter__(self): return self
    def __next__(self): return remote("next", self.source)
def names_in(tree): return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
MODULES = getattr(sys, "stdlib_module_names", frozenset("cmath collections copy datetime decimal fractions functools heapq itertools json math operator random re statistics string".split()))
def modules_in(tree):
    """Names that the test uses as a module of the library and as nothing else: the real one, whatever the program calls so."""
    attributes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    other = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in attributes}
    return {name for name in names_in(tree) & MODULES if name not in other}
def short(error):
    said = getattr(error, "program_says", None) or "%s: %s" % (type(error).__name__, error)
    return " ".join(said.split())[:200]

job = json.loads(inbox.readline())
entry, defined = job["entry"], set(job["names"])
try:
    setup = compile(job["setup"], "setup.py", "exec", dont_inherit=True)
    trees = [ast.parse(test, "test.py") for test in job["tests"]]
    codes = [compile(tree, "test.py", "exec", dont_inherit=True) for tree in trees]
except (SyntaxError, ValueError) as error:
    say("X", short(error))
    os._exit(0)
builtin = set(dir(builtins))
for tree, code, source in zip(trees, codes, job["tests"]):
    space = {"__name__": "tests", "__builtins__": builtins}
    used = names_in(tree)
    # A builtin is the program's only where it is what is tested; else a program could replace what tests compare with.
    own = {name for name in used if name in defined and name not in builtin}
    if not own: own = used & defined
    if entry is not None: own.add(entry)
    try:
        for name in sorted(defined - builtin | own): space[name] = Remote(["h", name])
        for name in modules_in(tree) - {entry}: space[name] = __import__(name)
        try: exec(setup, space)
        except Exception as error:
            if getattr(error, "program_says", None) is None: raise TestsUnfit("the tests' setup fails: " + short(error))
            raise
        try: exec(code, space)
        except AssertionError as error:
            failed = getattr(error, "program_says", None) is None
            note = short(error) if str(error) else source.strip()[:200] if len(source) < 400 else "an assertion failed"
            say("V", {"status": "fail" if failed else "error", "why": note})
            continue
        say("V", {"status": "pass", "why": ""})
    except TestsUnfit as error: say("X", str(error))
    except SystemExit: os._exit(0)
    except Exception as error: say("V", {"status": "error", "why": short(error)})
os._exit(0)
`;
