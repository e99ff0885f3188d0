//! The baselines of the benchmark: programs that only make the same system calls, and a stopwatch. They are
//! independent of cloud-config.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

/// The number of files that the program flushes in parallel.
const FLUSHERS: usize = 16;
/// The number of files that the program has open at a time.
const BATCH: usize = 512;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let done = match words.as_slice() {
        ["read", path] => read(Path::new(path)),
        ["write", directory, count, size] => write(Path::new(directory), number(count), number(size)),
        ["check", directory, count, size] => check(Path::new(directory), number(count), number(size)),
        ["time", times, "--", ..] => time(number(times), &arguments[3..]),
        _ => {
            eprintln!("baseline: read FILE | write|check DIR COUNT SIZE | time TIMES -- PROGRAM ARGUMENT…");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("baseline: {error}");
            ExitCode::FAILURE
        }
    }
}

fn number(word: &str) -> usize {
    word.parse().unwrap_or_default()
}

fn read(path: &Path) -> std::io::Result<()> {
    println!("{}", fs::read(path)?.len());
    Ok(())
}

fn name(number: usize) -> String {
    format!("file{number}")
}

/// Writes files as the program does: without a name, flushed side by side, then put into their places.
fn write(directory: &Path, count: usize, size: usize) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let content = vec![b'x'; size];
    let place = rustix::fs::openat(CWD, directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for first in (0..count).step_by(BATCH) {
        let mut batch = Vec::new();
        for index in first..count.min(first + BATCH) {
            // The program first looks at the existing file.
            let _ = rustix::fs::statat(&place, name(index), AtFlags::SYMLINK_NOFOLLOW);
            let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
            let mut file = File::from(rustix::fs::openat(&place, ".", flags, Mode::RUSR | Mode::WUSR)?);
            file.write_all(&content)?;
            rustix::fs::fchown(&file, Some(rustix::fs::Uid::ROOT), Some(rustix::fs::Gid::ROOT))?;
            // There is no such attribute, which only this call shows.
            let _ = rustix::fs::fremovexattr(&file, "system.posix_acl_access");
            rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644))?;
            batch.push((name(index), file));
        }
        let next = AtomicUsize::new(0);
        let flush = || {
            while let Some((_, file)) = batch.get(next.fetch_add(1, Ordering::Relaxed)) {
                // An error would show in the result; this measures time.
                let _ = file.sync_all();
            }
        };
        thread::scope(|scope| {
            for _ in 1..FLUSHERS.min(batch.len()) {
                scope.spawn(flush);
            }
            flush();
        });
        for (name, file) in &batch {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            rustix::fs::linkat(CWD, path, &place, name, AtFlags::SYMLINK_FOLLOW)?;
        }
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Compares files as the program does.
fn check(directory: &Path, count: usize, size: usize) -> std::io::Result<()> {
    let (content, mut buffer) = (vec![b'x'; size], vec![0; size]);
    let place = rustix::fs::openat(CWD, directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for index in 0..count {
        let there = rustix::fs::statat(&place, name(index), AtFlags::SYMLINK_NOFOLLOW)?;
        let mut file = File::from(rustix::fs::openat(&place, name(index), OFlags::RDONLY, Mode::empty())?);
        let opened = rustix::fs::fstat(&file)?;
        file.read_exact(&mut buffer)?;
        if (there.st_ino, &buffer) != (opened.st_ino, &content) {
            return Err(std::io::Error::other("a file is not as it was written"));
        }
    }
    Ok(())
}

/// Runs a program `times` times and prints, in microseconds, the shortest wall time and the least processor time;
/// then the largest memory use, in KiB.
fn time(times: usize, argv: &[impl AsRef<OsStr>]) -> std::io::Result<()> {
    let used = || -> std::io::Result<Duration> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let both = [usage.user_time(), usage.system_time()];
        let micros: i128 =
            both.iter().map(|time| i128::from(time.tv_sec()) * 1_000_000 + i128::from(time.tv_usec())).sum();
        Ok(Duration::from_micros(u64::try_from(micros).unwrap_or_default()))
    };
    let (mut wall, mut cpu) = (Duration::MAX, Duration::MAX);
    for _ in 0..times.max(1) {
        let (began, before) = (Instant::now(), used()?);
        let mut command = Command::new(&argv[0]);
        let status = command.args(&argv[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        wall = wall.min(began.elapsed());
        cpu = cpu.min(used()?.saturating_sub(before));
        if !status?.success() {
            return Err(std::io::Error::other("the program that is measured fails"));
        }
    }
    println!("{} {} {}", wall.as_micros(), cpu.as_micros(), getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss());
    Ok(())
}
