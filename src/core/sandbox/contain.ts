import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import type { ReservedMemory, SandboxJob, SandboxLimits } from "./job.ts";

/** How this platform contains a program; found out by `probe`. */
export interface Containment {
  /** `root` builds the sandbox as root and gives root up; `user` builds it inside a user namespace. */
  readonly by: "root" | "user";
  /** Whether the program gets a /proc, of its own namespace. Some containers forbid mounting one. */
  readonly proc: boolean;
}

/** What the program finds in its environment: nothing of ours. */
export const CLEAN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
  HOME: "/box",
  TMPDIR: "/box",
  LANG: "C.UTF-8",
  // Sets and dicts of strings are walked in the same order in every run.
  PYTHONHASHSEED: "0",
};

/** Systems whose program directories are links into /usr need only /usr; elsewhere these are mounted too. */
const SYSTEM_DIRECTORIES = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
const SYSTEM_FILES = ["/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives"];
const DEVICES = ["null", "zero", "random", "urandom", "full"];

/** Where the new root is put together; a directory that every system has and no interpreter lies in. */
const BASE = "/sys";

/** Ways of the kernel to keep memory that belongs to no process: those of System V, in the IPC namespace. Nobody needs them. */
const UNUSED = ["shmmni", "shmall", "msgmni"];

/** Where the root is mounted a second time, over what lies there: a directory that it has anyway. */
const ROOT = "/etc";

/** What the setup script says on descriptor 4 when the sandbox stands and the program is about to start. */
export const READY = "ready";

/** A user id of this program alone, from a range that no distribution hands out: limits on processes count by user. */
function freshUser(): number {
  return 1_900_000_000 + Math.floor(Math.random() * 200_000_000);
}

/**
 * The command that runs a job in namespaces of its own: mounts, processes, network, IPC and host name. It sees a root of
 * its own that holds the system's programs, read-only, and an empty /box in memory; it has no capabilities.
 * That root is a second look at the namespace's own, below it: the kernel makes no user namespace for a program whose
 * root is not that of its mount namespace, and without one there are no capabilities to be had anywhere.
 *
 * Descriptors: 0, 1, 2 are the program's; 3 brings the files, one after the other; 4 says when the program starts.
 * The first process of the namespace is the setup script, not the program: the program cannot trace or kill it, and
 * when it ends, or is killed from outside, the kernel kills all that is left in the namespace.
 */
export function containedCommand(job: SandboxJob, { by, proc }: Containment): readonly [string, ...string[]] {
  const isRoot = process.getuid?.() === 0;
  const fresh = freshUser();
  const namespaces = ["--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"];
  const outer = ["setpriv"];
  // A root that may not make sandboxes can still become a user that may.
  if (by === "user" && isRoot) outer.push(...becoming(fresh));
  outer.push("--pdeathsig", "KILL", "unshare");
  if (by === "user") outer.push("--user", "--map-root-user");
  const script = setupScript(job, { by, proc, user: by === "root" ? fresh : 0 });
  return [...outer, ...namespaces, "--", "/bin/sh", "-c", script, "sh", ...job.command] as unknown as [
    string,
    ...string[],
  ];
}

/** Arguments of setpriv. */
function becoming(user: number): string[] {
  return ["--reuid", String(user), "--regid", String(user), "--clear-groups"];
}

/** The limits as arguments of prlimit. No hard limit can be raised again without capabilities. */
export function limitArguments(limits: SandboxLimits, reserved?: ReservedMemory): string[] {
  const cpu = Math.max(1, Math.ceil(limits.cpuSeconds));
  const mega = (count: number): number => Math.ceil(count * 2 ** 20);
  return [
    `--as=${mega(limits.memoryMb + (reserved?.addressSpaceMb ?? 0))}`,
    `--data=${mega(limits.memoryMb + (reserved?.dataMb ?? 0))}`,
    // The soft limit says by its signal what happened; the hard one ends programs that ignore that signal.
    `--cpu=${cpu}:${cpu + 1}`,
    `--fsize=${mega(limits.fileMb)}`,
    `--nproc=${limits.processes}`,
    `--nofile=${limits.openFiles}`,
    "--core=0",
    "--memlock=0",
  ];
}

function setupScript(job: SandboxJob, { by, proc, user }: Containment & { readonly user: number }): string {
  const { links, mounts } = systemLayout(job);
  const owner = by === "root" ? `,uid=${user},gid=${user}` : "";
  const directories = [
    "dev",
    "etc",
    "box",
    "proc",
    ...mounts.filter(isDirectory).map((path) => path.slice(1)),
  ];
  const touched = mounts.filter((path) => !isDirectory(path)).map((path) => path.slice(1));
  const parents = touched.map((path) => path.slice(0, path.lastIndexOf("/")));
  // What we put there takes nothing from the program's room; a page more per file for rounding.
  const given = (job.files ?? []).reduce((sum, { text }) => sum + Buffer.byteLength(text) + 4096, 0);
  const table = [
    ...mounts.map((path) => `${field(path)} ${field(`${BASE}${path}`)} none bind,ro,nosuid,nodev 0 0`),
    ...devices().map((path) => `${path} ${BASE}${path} none bind,nosuid,noexec 0 0`),
    ...(proc ? [`none ${BASE}/proc proc nosuid,nodev,noexec 0 0`] : []),
    `none ${BASE}/box tmpfs size=${Math.ceil(job.limits.fileMb * 2 ** 20) + given},nr_inodes=4096,mode=700,nosuid,nodev,noexec${owner} 0 0`,
  ];
  const files = (job.files ?? []).map(
    ({ name, text }) => `head -c ${Buffer.byteLength(text)} <&3 >${quoted(name)}`,
  );
  const drop = by === "root" ? becoming(user) : [];
  return `set -e
umask 022
mount -t tmpfs -o size=1m,mode=755,nosuid,nodev none ${BASE}
cd ${BASE}
mkdir -p ${[...new Set([...directories, ...parents])].map(quoted).join(" ")}
${links.length > 0 ? `ln -s ${links.map((name) => `usr/${name}`).join(" ")} .` : ""}
ln -s /box tmp
cp -P /dev/fd /dev/stdin /dev/stdout /dev/stderr dev 2>/dev/null || :
ln -s /box dev/shm
for f in ${[...touched, ...devices().map((path) => path.slice(1))].map(quoted).join(" ")}; do : >"$f"; done
echo 'box:x:${user}:${user}::/box:/bin/sh' >etc/passwd
printf %s ${quoted(`${table.join("\n")}\n`)} >mounts
mount -a -T mounts
: >mounts
${proc ? "" : `mount --rbind /proc ${BASE}/proc`}
for f in ${UNUSED.join(" ")}; do { echo 0 >${BASE}/proc/sys/kernel/$f; } 2>/dev/null || :; done
pivot_root . .
umount -l .
mount -o remount,bind,ro,nosuid,nodev /
${proc ? "" : "umount -l /proc"}
mount --rbind / ${ROOT}
cd /box
umask 0
${files.join("\n")}
umask 022
unset OLDPWD
exec 3<&-
set +e
echo ${READY} >&4
exec 4>&-
${job.stdinFile === undefined ? "" : `exec <${quoted(job.stdinFile)}`}
chroot ${ROOT} /bin/sh -c 'cd /box && unset OLDPWD && exec "$@"' sh ${["setpriv", ...drop, "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "prlimit", ...limitArguments(job.limits, job.reserved), "--"].join(" ")} "$@"
exit $?`;
}

/** The interpreter's places that do not lie in a system directory, and the system's own. */
function systemLayout({ readable }: SandboxJob): { links: string[]; mounts: string[] } {
  const links = SYSTEM_DIRECTORIES.filter((name) => isLinkIntoUsr(name));
  const mounted = [
    "/usr",
    ...SYSTEM_DIRECTORIES.filter((name) => isOwnDirectory(name)).map((name) => `/${name}`),
  ];
  const isCovered = (path: string): boolean =>
    mounted.some((top) => path === top || path.startsWith(`${top}/`));
  const extra = [...new Set(readable)].filter((path) => !isCovered(path));
  // A link would be resolved inside the new root, where its target may be missing.
  const files = SYSTEM_FILES.filter((path) => existsSync(path));
  return { links, mounts: [...mounted, ...files, ...extra.sort()] };
}

function isLinkIntoUsr(name: string): boolean {
  return (
    existsSync(`/${name}`) &&
    lstatSync(`/${name}`).isSymbolicLink() &&
    ["usr", "/usr"].some((top) => readlinkSync(`/${name}`) === `${top}/${name}`)
  );
}

function isOwnDirectory(name: string): boolean {
  return existsSync(`/${name}`) && !isLinkIntoUsr(name);
}

function isDirectory(path: string): boolean {
  return statSync(realpathSync(path)).isDirectory();
}

function devices(): string[] {
  return DEVICES.map((name) => `/dev/${name}`).filter((path) => existsSync(path));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A path as fstab writes it. */
function field(path: string): string {
  return path.replace(/[\s\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
