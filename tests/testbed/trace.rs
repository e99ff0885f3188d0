//! Traces a program, and stops before every system call that changes something: to record the call, kill the program
//! there, or refuse the call.
//!
//! The calls of the program and all its children are numbered in one sequence; `strace` numbers them per thread. The
//! code uses the registers of x86-64.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::machine::Machine;

/// The calls that change something, by number, and by flags if necessary.
const CHANGES: [(libc::c_long, &str); 32] = [
    (libc::SYS_open, "open"),
    (libc::SYS_openat, "openat"),
    (libc::SYS_creat, "creat"),
    (libc::SYS_rename, "rename"),
    (libc::SYS_renameat, "renameat"),
    (libc::SYS_renameat2, "renameat2"),
    (libc::SYS_link, "link"),
    (libc::SYS_linkat, "linkat"),
    (libc::SYS_symlink, "symlink"),
    (libc::SYS_symlinkat, "symlinkat"),
    (libc::SYS_unlink, "unlink"),
    (libc::SYS_unlinkat, "unlinkat"),
    (libc::SYS_mkdir, "mkdir"),
    (libc::SYS_mkdirat, "mkdirat"),
    (libc::SYS_rmdir, "rmdir"),
    (libc::SYS_chmod, "chmod"),
    (libc::SYS_fchmod, "fchmod"),
    (libc::SYS_fchmodat, "fchmodat"),
    (libc::SYS_chown, "chown"),
    (libc::SYS_lchown, "lchown"),
    (libc::SYS_fchown, "fchown"),
    (libc::SYS_fchownat, "fchownat"),
    (libc::SYS_write, "write"),
    (libc::SYS_pwrite64, "pwrite64"),
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_truncate, "truncate"),
    (libc::SYS_ftruncate, "ftruncate"),
    (libc::SYS_utimensat, "utimensat"),
    (libc::SYS_mknodat, "mknodat"),
    (libc::SYS_sethostname, "sethostname"),
    // Messages to systemd and to the journal.
    (libc::SYS_sendmsg, "sendmsg"),
];

/// The moment before a call that changes something.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The number of such calls before this one, including refused ones.
    pub number: usize,
    /// The name of the call, with the path if it has one.
    pub call: String,
    /// The short name of the program that makes the call.
    pub by: String,
}

impl Moment {
    /// Returns true if the program itself makes the call, and not one of its tools.
    pub fn is_ours(&self) -> bool {
        self.by == OURS
    }
}

/// The name of the program in the kernel, which stores 15 characters.
const OURS: &str = "coreos-cloudini";

/// The name of a call that creates an unnamed file.
pub const NAMELESS: &str = "openat O_TMPFILE";

/// The action before a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The call is made.
    Go,
    /// The call is not made: the program and all its children are killed.
    KillAll,
    /// The call is not made: only the caller is killed, the program or one of its tools.
    KillCaller,
    /// The call may be made: only the program is killed, and its tools continue.
    KillProgram,
    /// The call is not made, and returns this error.
    Refuse(Errno),
}

/// The end of a traced program.
#[derive(Debug)]
pub struct End {
    /// The exit code, as in [`super::Output`].
    pub code: i32,
    /// The output on both streams.
    pub said: String,
    /// The number of calls that changed something, including refused ones.
    pub moments: usize,
}

/// Runs `command` to its end, and calls `at` for the action at each moment.
pub fn run(command: &Command, mut at: impl FnMut(&Moment) -> Act) -> End {
    // The shell waits until this process traces it.
    let mut waiting = Command::new("sh");
    waiting.args(["-c", r#"read -r go; exec "$@" < /dev/null"#, "sh"]);
    waiting.arg(command.get_program()).args(command.get_args()).env_clear();
    waiting.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    waiting.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
    let mut said = tempfile::tempfile().expect("a file can be made");
    let output = || Stdio::from(said.try_clone().expect("a file can be opened twice"));
    let child = waiting.stdin(Stdio::piped()).stdout(output()).stderr(output()).spawn();
    let mut child = child.expect("there is a shell");
    let leader = Pid::from_raw(i32::try_from(child.id()).expect("a process id is small"));
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(leader, options).and_then(|()| ptrace::interrupt(leader)).expect("root may watch");
    child.stdin.take().expect("it is a pipe").write_all(b"go\n").expect("the shell reads");
    // The end of another child of this thread must not be taken for the end of the last traced one.
    let known = HashSet::from([leader]);
    let mut watch = Watch { leader, number: 0, refused: HashMap::new(), known, gone: HashSet::new(), ends: false };
    let code = watch.follow(&mut at);
    // The child was reaped already.
    let _ = child.wait();
    let mut text = Vec::new();
    said.rewind().and_then(|()| said.read_to_end(&mut text)).expect("a file can be read");
    End { code, said: String::from_utf8_lossy(&text).into_owned(), moments: watch.number }
}

impl Machine {
    /// Runs a command in the machine to its end, and calls `at` for the action at each moment.
    pub fn watch(&self, argv: &[&str], at: impl FnMut(&Moment) -> Act) -> End {
        run(&self.entering(argv, &[]), at)
    }
}

struct Watch {
    /// The started process: the shell, which then executes the program.
    leader: Pid,
    number: usize,
    /// The threads whose call is refused, with the error.
    refused: HashMap<Pid, Errno>,
    known: HashSet<Pid>,
    /// The threads that have ended. A thread can end before its start is reported.
    gone: HashSet<Pid>,
    /// True if all processes are being killed, including new ones.
    ends: bool,
}

impl Watch {
    /// Follows all threads until the last one has ended. Returns the exit code of the first process.
    fn follow(&mut self, at: &mut impl FnMut(&Moment) -> Act) -> i32 {
        let mut code = -1;
        // Other threads of this test have children of their own, which must not be reaped here.
        let which = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let status = match waitpid(None, Some(which)) {
                Ok(status) => status,
                Err(Errno::EINTR) => continue,
                Err(_) => return code,
            };
            if let Some(pid) = status.pid() {
                self.known.insert(pid);
                if self.ends {
                    let _ = kill(pid, Signal::SIGKILL);
                }
            }
            // A thread that was killed in the meantime cannot be resumed.
            match status {
                WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) => {
                    self.known.remove(&pid);
                    self.gone.insert(pid);
                    if pid == self.leader {
                        code = match status {
                            WaitStatus::Exited(_, code) => code,
                            WaitStatus::Signaled(_, signal, _) => 128 + signal as i32,
                            _ => -1,
                        };
                    }
                    // This thread can have other children, such as a machine.
                    if self.known.is_empty() {
                        return code;
                    }
                }
                WaitStatus::PtraceSyscall(pid) => {
                    let _ = self.call(pid, at);
                    let _ = ptrace::syscall(pid, None);
                }
                WaitStatus::Stopped(pid, signal) => {
                    let _ = ptrace::syscall(pid, signal);
                }
                WaitStatus::PtraceEvent(pid, _, event) => {
                    let births = [libc::PTRACE_EVENT_FORK, libc::PTRACE_EVENT_VFORK, libc::PTRACE_EVENT_CLONE];
                    if births.contains(&event)
                        && let Ok(born) = ptrace::getevent(pid)
                    {
                        let born = i32::try_from(born).map(Pid::from_raw);
                        self.known.extend(born.ok().filter(|pid| !self.gone.contains(pid)));
                    }
                    let _ = ptrace::syscall(pid, None);
                }
                other => {
                    let _ = other.pid().map(|pid| ptrace::syscall(pid, None));
                }
            }
        }
    }

    fn call(&mut self, pid: Pid, at: &mut impl FnMut(&Moment) -> Act) -> nix::Result<()> {
        let operation = ptrace::syscall_info(pid)?.op;
        let mut registers = ptrace::getregs(pid)?;
        if operation == libc::PTRACE_SYSCALL_INFO_EXIT {
            if let Some(errno) = self.refused.remove(&pid) {
                registers.rax = u64::from_ne_bytes((-i64::from(errno as i32)).to_ne_bytes());
                ptrace::setregs(pid, registers)?;
            }
            return Ok(());
        }
        let Some(call) = change(pid, &registers) else { return Ok(()) };
        let by = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        // The thread that acts as a user has its own name.
        let by = if by.trim_end() == "as the user" { OURS } else { by.trim_end() }.to_owned();
        let moment = Moment { number: self.number, call, by };
        self.number += 1;
        match at(&moment) {
            Act::Go => {}
            Act::KillAll => {
                self.ends = true;
                for pid in &self.known {
                    let _ = kill(*pid, Signal::SIGKILL);
                }
            }
            Act::KillCaller => kill(pid, Signal::SIGKILL)?,
            Act::KillProgram => kill(self.leader, Signal::SIGKILL)?,
            Act::Refuse(errno) => {
                registers.orig_rax = u64::MAX;
                ptrace::setregs(pid, registers)?;
                self.refused.insert(pid, errno);
            }
        }
        Ok(())
    }
}

/// Returns the name of the call, if it changes something.
fn change(pid: Pid, registers: &libc::user_regs_struct) -> Option<String> {
    let number = libc::c_long::try_from(registers.orig_rax).ok()?;
    let (_, name) = CHANGES.iter().find(|(known, _)| *known == number)?;
    let (creates, nameless) = (|flags: u64| flags & 0o20_000_100 != 0, 0o20_000_000);
    let path = match number {
        libc::SYS_openat if registers.rdx & nameless != 0 => return Some(NAMELESS.to_owned()),
        libc::SYS_openat if !creates(registers.rdx) => return None,
        libc::SYS_open if !creates(registers.rsi) => return None,
        libc::SYS_sendmsg => return Some(name.to_string()),
        // Output to standard streams is not a change.
        libc::SYS_write if registers.rdi <= 2 => return None,
        libc::SYS_write
        | libc::SYS_pwrite64
        | libc::SYS_fsync
        | libc::SYS_fdatasync
        | libc::SYS_fchmod
        | libc::SYS_fchown
        | libc::SYS_ftruncate => descriptor(pid, registers.rdi),
        libc::SYS_linkat | libc::SYS_renameat | libc::SYS_renameat2 => text(pid, registers.r10),
        libc::SYS_symlinkat => text(pid, registers.rdx),
        libc::SYS_rename
        | libc::SYS_link
        | libc::SYS_symlink
        | libc::SYS_openat
        | libc::SYS_unlinkat
        | libc::SYS_mkdirat
        | libc::SYS_fchmodat
        | libc::SYS_fchownat
        | libc::SYS_utimensat
        | libc::SYS_mknodat => text(pid, registers.rsi),
        _ => text(pid, registers.rdi),
    };
    // Sockets, pipes and files in memory are not part of a file system.
    let nowhere = ["socket:", "pipe:", "anon_inode:", "/memfd:", "/dev/"].iter().any(|kind| path.starts_with(kind));
    (!nowhere).then(|| format!("{name} {path}"))
}

fn descriptor(pid: Pid, number: u64) -> String {
    let link = std::fs::read_link(format!("/proc/{pid}/fd/{number}"));
    link.map(|path| path.display().to_string()).unwrap_or_default()
}

fn text(pid: Pid, address: u64) -> String {
    let mut bytes = vec![0; 256];
    let read = File::open(format!("/proc/{pid}/mem")).and_then(|memory| memory.read_at(&mut bytes, address));
    bytes.truncate(read.unwrap_or(0));
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
