//! The QEMU process of a virtual machine, and the channel by which commands are sent to it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;

use super::super::Arch;
use super::super::command::{Output, TICK};
use super::super::machine::wait_for;
use super::disk::Format;
use super::image::Image;

/// A running virtual machine. Dropping it has the effect of a power failure.
pub struct Qemu {
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
    asked: u32,
}

/// The disks and other parameters of a virtual machine.
pub struct Parts {
    /// The image, with the kernel and the disk for `/usr`.
    pub image: &'static Image,
    /// The root disk.
    pub root: PathBuf,
    /// Additional read-only disks.
    pub more: Vec<(Format, PathBuf)>,
    /// Additional writable disks, after all others.
    pub scratch: Vec<PathBuf>,
    /// The network card, in the form of QEMU's option `-nic`.
    pub network: Option<String>,
    /// The serial number (DMI).
    pub serial: Option<String>,
}

impl Qemu {
    /// Starts a virtual machine with these words on the kernel command line. Its console is written to `console`.
    pub fn start(parts: &Parts, words: &[String], console: &Path) -> Result<Self, String> {
        let (image, arch) = (parts.image, Arch::get());
        let mut command = Command::new(arch.qemu());
        // KVM is not used, because not every host has it: this way, the machine is the same everywhere, but slow.
        command.args(["-accel", "tcg,thread=multi", "-smp", "1", "-m", "768"]).args(arch.board());
        command.args([
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-object",
            "rng-random,id=rng,filename=/dev/urandom",
        ]);
        command.args(["-device", "virtio-rng-pci,rng=rng", "-device", "virtio-serial-pci"]);
        command.args([
            "-chardev",
            "stdio,id=shell,signal=off",
            "-device",
            "virtserialport,chardev=shell,name=testbed.shell",
        ]);
        command.args(["-serial", &format!("file:{}", console.display())]);
        command.args(["-nic", parts.network.as_deref().unwrap_or("none")]);
        if let Some(serial) = &parts.serial {
            command.args(["-smbios", &format!("type=1,serial={serial}")]);
        }
        command.arg("-kernel").arg(image.kernel()).arg("-initrd").arg(image.first());
        command.arg("-append").arg(format!("console={} panic=-1 quiet {}", arch.console(), words.join(" ")));
        let drive = |path: &Path, read_only: &str| {
            format!("file={},if=virtio,format=raw,cache=unsafe,readonly={read_only}", path.display())
        };
        command.args(["-drive", &drive(&parts.root, "off"), "-drive", &drive(&image.usr, "on")]);
        for (format, disk) in &parts.more {
            // A CD is in a drive, as on real platforms. All other disks are like the root disk.
            let drive = match format {
                Format::Iso => format!("file={},if=ide,media=cdrom,readonly=on", disk.display()),
                Format::Ext4 | Format::Fat | Format::Xfs => drive(disk, "on"),
            };
            command.args(["-drive", &drive]);
        }
        for disk in &parts.scratch {
            command.args(["-drive", &drive(disk, "off")]);
        }
        let complaints =
            File::create(console.with_extension("qemu")).map_err(|e| format!("failed to make a file: {e}"))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(complaints);
        let mut child = command.spawn().map_err(|e| format!("failed to run {}: {e}", arch.qemu()))?;
        let (Some(questions), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("qemu has no standard input and output".to_owned());
        };
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, questions, answers, asked: 0 })
    }

    /// Runs a shell command in the machine. Returns the result, or the reason why there is no answer.
    pub fn ask(&mut self, line: &str, limit: Duration) -> Result<Output, String> {
        let started = Instant::now();
        self.asked += 1;
        let question = format!("{} {}\n", self.asked, STANDARD.encode(line));
        self.questions
            .write_all(question.as_bytes())
            .and_then(|()| self.questions.flush())
            .map_err(|e| format!("the machine cannot be asked any more: {e}"))?;
        let answer = self.answers.recv_timeout(limit).map_err(|e| match e {
            RecvTimeoutError::Timeout => format!("no answer after {} s to `{line}`", limit.as_secs()),
            RecvTimeoutError::Disconnected => format!("the machine ended while it was asked `{line}`"),
        })?;
        let mut words = answer.split(' ');
        let number = words.next().and_then(|word| word.parse::<u32>().ok());
        let code = words.next().and_then(|word| word.parse().ok());
        let mut text = || {
            let bytes = STANDARD.decode(words.next()?.strip_prefix('.')?).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        match (number, code, text(), text()) {
            (Some(number), Some(code), Some(stdout), Some(stderr)) if self.asked == number => Ok(Output {
                command: line.to_owned(),
                code,
                stdout,
                stderr,
                journal: String::new(),
                timed_out: false,
                took: started.elapsed(),
            }),
            _ => Err(format!("no answer to `{line}`: {answer}")),
        }
    }

    /// Pauses the machine while `work` examines its disks. They have the content that a power failure would leave.
    pub fn frozen<T>(&self, work: impl FnOnce() -> T) -> T {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let signal = |signal| nix::sys::signal::kill(pid, signal).expect("it is ours");
        signal(Signal::SIGSTOP);
        // A thread of QEMU that is writing continues until it has finished.
        let stands = || {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it is there").flatten();
            let mut states = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
            states.all(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')))
        };
        assert!(wait_for(Duration::from_secs(30), stands), "the machine does not stand still");
        let result = work();
        signal(Signal::SIGCONT);
        result
    }

    /// Returns true if the machine ends by itself within `limit`.
    pub fn ends(&mut self, limit: Duration) -> bool {
        let started = Instant::now();
        while started.elapsed() < limit {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(TICK);
        }
        false
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
