//! A virtual machine: it boots in half a minute, runs commands, and can be booted again.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::command::Output;
use super::super::kept::must_run;
use super::super::{sandbox, suite};
use super::qemu::{Parts, Qemu};
use super::setup::Setup;

/// The time limit of a boot, which takes half a minute. A busy host, or an emulated processor, must not fail a test.
const BOOT: Duration = Duration::from_secs(600);
/// The time limit of a command.
const COMMAND: Duration = Duration::from_secs(300);

/// A virtual machine.
pub struct Vm {
    place: PathBuf,
    parts: Parts,
    words: Mutex<Vec<String>>,
    qemu: Mutex<Option<Qemu>>,
    /// The commands that were run in the machine, for the report of a failed case.
    history: Mutex<Vec<Output>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vm {
    pub(super) fn boot(setup: &Setup) -> Result<Self, String> {
        let vm = Self::off(setup)?;
        vm.start()?;
        vm.wait_ready()?;
        Ok(vm)
    }

    /// Creates a machine with its disks that is switched off.
    pub(super) fn off(setup: &Setup) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let place = sandbox::machines().join(format!("vm-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&place).map_err(|e| format!("failed to make {}: {e}", place.display()))?;
        let (root, more) = setup.make_disks(&place)?;
        let scratch = setup.make_scratch(&place)?;
        let parts = Parts {
            image: setup.image()?,
            root,
            more,
            scratch,
            network: setup.network_card().map(str::to_owned),
            serial: setup.serial_number().map(str::to_owned),
        };
        let words = Mutex::new(setup.words().to_owned());
        Ok(Self { place, parts, words, qemu: Mutex::default(), history: Mutex::default() })
    }

    /// Switches the machine on without waiting.
    pub fn start(&self) -> Result<(), String> {
        *lock(&self.qemu) = Some(Qemu::start(&self.parts, &lock(&self.words), &self.place.join("console"))?);
        Ok(())
    }

    /// Waits until everything that starts at boot has started or failed.
    pub fn wait_ready(&self) -> Result<(), String> {
        let ready = self.ask("systemctl is-system-running --wait", BOOT).map_err(|e| self.explained(&e))?;
        let state = ready.stdout.trim();
        if !matches!(state, "running" | "degraded") {
            return Err(self.explained(&format!("the system is `{state}`")));
        }
        Ok(())
    }

    fn explained(&self, reason: &str) -> String {
        let read = |name: &str| fs::read(self.place.join(name)).unwrap_or_default();
        let [console, qemu] = ["console", "console.qemu"].map(|name| String::from_utf8_lossy(&read(name)).into_owned());
        format!("{reason}\n--- console\n{console}\n--- qemu\n{qemu}")
    }

    fn ask(&self, line: &str, limit: Duration) -> Result<Output, String> {
        let output = match &mut *lock(&self.qemu) {
            Some(qemu) => qemu.ask(line, limit)?,
            None => return Err("the machine is switched off".to_owned()),
        };
        lock(&self.history).push(output.clone());
        Ok(output)
    }

    /// Returns the commands with their outputs, oldest first.
    pub fn history(&self) -> String {
        lock(&self.history).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    /// Runs a shell command.
    #[track_caller]
    pub fn run(&self, line: &str) -> Output {
        self.ask(line, COMMAND).unwrap_or_else(|reason| panic!("{}", self.explained(&reason)))
    }

    /// Runs a shell command, which must succeed. Returns its output.
    #[track_caller]
    pub fn sh(&self, line: &str) -> String {
        self.run(line).ok().stdout.trim_end().to_owned()
    }

    /// Runs a case that needs more than one machine. The report of a failure contains the commands that were run in
    /// this one.
    pub fn holds(&self, case: impl FnOnce(&Self)) {
        suite::outcome(|| self.history(), || case(self)).unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Shuts the machine down as an administrator would.
    pub fn shut_down(&self) {
        let _ = self.ask("systemctl poweroff --no-block", COMMAND);
        let mut qemu = lock(&self.qemu);
        let ended = qemu.as_mut().is_some_and(|qemu| qemu.ends(COMMAND));
        *qemu = None;
        drop(qemu);
        assert!(ended, "{}", self.explained("the machine does not end"));
    }

    /// Cuts the power of the machine.
    pub fn cut(&self) {
        *lock(&self.qemu) = None;
    }

    /// Pauses the machine while `work` examines the disks that it writes to, except the root disk. They have the
    /// content that a power failure would leave at that moment.
    pub fn frozen<T>(&self, work: impl FnOnce(&[PathBuf]) -> T) -> T {
        let qemu = lock(&self.qemu);
        qemu.as_ref().expect("it runs").frozen(|| work(&self.parts.scratch))
    }

    /// Boots the machine again from the same disks.
    pub fn boot_again(&self) {
        let booted = self.start().and_then(|()| self.wait_ready());
        booted.unwrap_or_else(|reason| panic!("the machine does not boot again: {reason}"));
    }

    /// Boots the machine again with other words on the kernel command line.
    pub fn boot_again_with(&self, words: &[&str]) {
        *lock(&self.words) = words.iter().map(|word| (*word).to_owned()).collect();
        self.boot_again();
    }

    /// Returns a copy of the files below `path` on the root disk, as the kernel would find them at the next boot. The
    /// machine must be off.
    pub fn left_behind(&self, path: &str) -> PathBuf {
        let (image, directory) = (self.place.join("left.img"), self.place.join("left"));
        let _ = fs::remove_dir_all(&directory);
        let copied = fs::create_dir_all(&directory).and_then(|()| fs::copy(&self.parts.root, &image));
        copied.unwrap_or_else(|e| panic!("failed to copy the disk: {e}"));
        // This replays the journal of the file system. Exit code 1 means that it was necessary.
        let checked = Command::new("e2fsck").args(["-fy"]).arg(&image).output().expect("e2fsck is there");
        let printed = String::from_utf8_lossy(&checked.stdout);
        assert!(matches!(checked.status.code(), Some(0 | 1)), "the file system is broken: {printed}");
        let request = format!("rdump {path} {}", directory.display());
        must_run(Command::new("debugfs").args(["-R", &request]).arg(&image)).expect("debugfs is there");
        directory
    }
}

/// Functions that examine the machine.
impl Vm {
    /// Returns the content of a file as text.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        self.run(&format!("cat '{path}'")).ok().stdout
    }

    /// Returns true if anything is at `path`, even a dangling link.
    pub fn exists(&self, path: &str) -> bool {
        self.run(&format!("test -e '{path}' -o -L '{path}'")).code == 0
    }

    /// Checks the text, mode, user and group of a file.
    #[track_caller]
    pub fn is_file(&self, path: &str, text: &str, mode: u32, owner: &str) {
        assert_eq!(
            self.sh(&format!("stat -c '%F %a %U:%G' '{path}'")),
            format!("regular file {mode:o} {owner}"),
            "{path}"
        );
        assert_eq!(self.text(path), text, "{path}: text");
    }

    /// Returns properties of a unit.
    #[track_caller]
    pub fn show(&self, unit: &str, properties: &[&str]) -> BTreeMap<String, String> {
        let shown = self.sh(&format!("systemctl show -p {} '{unit}'", properties.join(",")));
        shown.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    /// Returns a property of a unit.
    #[track_caller]
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.show(unit, &[name]).remove(name).unwrap_or_else(|| panic!("{unit} has no {name}"))
    }

    /// Returns the `ActiveState` of a unit.
    #[track_caller]
    pub fn active(&self, unit: &str) -> String {
        self.property(unit, "ActiveState")
    }

    /// Returns the log of the program since the last boot.
    #[track_caller]
    pub fn log(&self) -> String {
        self.sh("journalctl -b -o cat -t coreos-cloudinit")
    }
}
