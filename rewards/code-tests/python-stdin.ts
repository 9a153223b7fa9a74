/**
 * Runs inside the sandbox: reads a program and its inputs, and runs the program once for each in a process of its own,
 * forked from this one, so that an interpreter is started once. Expected outputs never come here.
 *
 * stdin:  "WALL_MS CPU_S CAP ALONE PROGRAM_BYTES INPUT_BYTES…\n", then the program and the inputs, one after the other.
 *         ALONE is 1 when nothing else lives in this process namespace, so that everything can be killed after a test.
 * stdout: per test "HOW NUMBER STDOUT_BYTES STDERR_BYTES\n" and these bytes; HOW is exit, signal, timeout or output.
 *         The program's own stdout and stderr are pipes that this process reads.
 *
 * Site packages are made importable at the first import that needs them: most programs need none, and setting them up
 * costs more than the start of the interpreter.
 */
export const PYTHON_SETUP: string = `
import sys, os
sys.path[:] = [path for path in sys.path if path]
sys.dont_write_bytecode = True
import builtins
from _sitebuiltins import Quitter
builtins.exit, builtins.quit = Quitter("exit", "Ctrl-D"), Quitter("quit", "Ctrl-D")
class LateSite:
    done = False
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if cls.done or path is not None: return None
        cls.done = True
        import site, importlib.util
        site.main()
        try: return importlib.util.find_spec(name)
        except (ImportError, ValueError): return None
sys.meta_path.append(LateSite)
`;

export const PYTHON_STDIN: string = String.raw`${PYTHON_SETUP}
import select, signal, time, resource
try:
    import ctypes
    prctl = ctypes.CDLL(None).prctl
except (ImportError, OSError, AttributeError): prctl = None

def read_all(count):
    parts = []
    while count > 0:
        part = os.read(0, min(count, 1 << 20))
        if not part: sys.exit(3)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

def read_line():
    line = b""
    while not line.endswith(b"\n"): line += read_all(1)
    return line

def dumpable(value):
    # While a process is not, others of its user can neither trace it nor get at its memory and its descriptors.
    if prctl: prctl(4, value, 0, 0, 0)

def become_program(source, directory, input_fd, out, err, cpu):
    dumpable(1)
    os.setsid()
    os.chdir(directory)
    for fd, target in ((input_fd, 0), (out, 1), (err, 2)): os.dup2(fd, target)
    os.closerange(3, 64)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    # Files that this process holds buffered are not the program's.
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    main = type(sys)("__main__")
    main.__builtins__ = builtins
    main.__file__ = os.path.join(directory, "program.py")
    sys.modules["__main__"] = main
    sys.argv = ["program.py"]
    sys.path.insert(0, directory)
    code = 0
    try: exec(compile(source, "program.py", "exec", dont_inherit=True), main.__dict__)
    except SystemExit as leaving: code = exit_code(leaving.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    os._exit(end_program(code))

def exit_code(value):
    if value is None: return 0
    if isinstance(value, int): return value & 255
    print(value, file=sys.stderr)
    return 1

def end_program(code):
    # What an interpreter does at its end, but for taking itself apart, which would cost more than most programs.
    try:
        if "threading" in sys.modules: sys.modules["threading"]._shutdown()
        if "atexit" in sys.modules: sys.modules["atexit"]._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try: stream.flush()
            except Exception: code = code or 120
    return code

def watch(pid, out, err, deadline, cap, cpu):
    texts = {out: [], err: []}
    size, how, ended, status, used = 0, None, 0, None, 0
    waiting = [out, err]
    pause = 0.0002
    while True:
        if not ended:
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            used = usage.ru_utime + usage.ru_stime
        left = deadline - time.monotonic()
        # Both pipes are closed a moment before the process has ended.
        pause = 0.0002 if waiting else min(0.02, 2 * pause)
        ready, _, _ = select.select(waiting, [], [], 0 if ended else max(0, min(left, 0.02 if waiting else pause)))
        for fd in ready:
            part = os.read(fd, 65536)
            if not part: waiting.remove(fd)
            texts[fd].append(part)
            size += len(part)
        if size > cap: how = "output"
        elif left <= 0 and not ended: how = "timeout"
        if ended and (how or not ready): break
        if how and not ended: break
    if how is None and os.WIFSIGNALED(status) and used >= cpu: how = "timeout"
    return ended, status, how, b"".join(texts[out]), b"".join(texts[err])

def empty(home):
    # Whatever a test has left: without rights, and too deep for a path. Directories are moved up before they are emptied.
    moved, trouble = 0, None
    for attempt in range(10000):
        os.chmod(home, 0o700)
        names = os.listdir(home)
        if not names: return
        for name in names:
            top = os.path.join(home, name)
            try:
                if not os.path.isdir(top) or os.path.islink(top):
                    os.unlink(top)
                    continue
                os.chmod(top, 0o700)
                for inner in os.listdir(top):
                    path = os.path.join(top, inner)
                    if os.path.isdir(path) and not os.path.islink(path):
                        os.chmod(path, 0o700)
                        moved += 1
                        os.rename(path, os.path.join(home, "moved-%d-%d" % (attempt, moved)))
                    else: os.unlink(path)
                os.rmdir(top)
            except OSError as error: trouble = error # Something that is just being killed still writes: once more.
    raise trouble or OSError("the working directory cannot be emptied")

def main():
    wall, cpu, cap, alone, length, *lengths = map(int, read_line().split())
    source = read_all(length)
    inputs = [read_all(length) for length in lengths]
    home = os.getcwd()
    dumpable(0)
    for number, text in enumerate(inputs):
        empty(home)
        directory = os.path.join(home, "t%d" % number)
        os.mkdir(directory)
        name = os.path.join(home, "input")
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        rest = memoryview(text)
        while rest: rest = rest[os.write(fd, rest):]
        os.lseek(fd, 0, 0)
        os.unlink(name)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            try: become_program(source, directory, fd, out_end, err_end, cpu)
            finally: os._exit(1)
        for end in (fd, out_end, err_end): os.close(end)
        ended, status, how, stdout, stderr = watch(pid, out, err, started + wall / 1000, cap, cpu)
        if alone:
            try: os.kill(-1, signal.SIGKILL)
            except ProcessLookupError: pass
        else:
            try: os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError): pass
        if not ended: os.waitpid(pid, 0)
        os.close(out)
        os.close(err)
        if how is None and os.WIFSIGNALED(status): how, value = "signal", os.WTERMSIG(status)
        elif how is None: how, value = "exit", os.WEXITSTATUS(status)
        else: value = 0
        stdout, stderr = (b"", b"") if how == "output" else (stdout, stderr[-2000:])
        frame = b"%s %d %d %d\n" % (how.encode(), value, len(stdout), len(stderr)) + stdout + stderr
        while frame: frame = frame[os.write(1, frame):]
    os._exit(0)

main()
`;
