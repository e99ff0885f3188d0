//! Measuring, and the table that it ends in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// The cost of a program.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The shortest time.
    pub wall: Duration,
    /// The least processor time, of the program and its children.
    pub cpu: Duration,
    /// The most memory, in bytes.
    pub memory: u64,
}

impl Taken {
    /// Parses the output of `baseline time`.
    pub fn read(text: &str) -> Self {
        let numbers: Vec<u64> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        let &[wall, cpu, memory] = numbers.as_slice() else { panic!("three numbers, not {text:?}") };
        Self { wall: Duration::from_micros(wall), cpu: Duration::from_micros(cpu), memory: memory << 10 }
    }

    /// The better of two in each respect, and the larger memory.
    #[must_use]
    pub fn best(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), cpu: self.cpu.min(other.cpu), memory: self.memory.max(other.memory) }
    }
}

/// The release build of the program, which `make bench` makes.
pub fn program() -> PathBuf {
    built("coreos-cloudinit")
}

/// Returns the path of the baseline program.
pub fn baseline() -> PathBuf {
    built("examples/baseline")
}

fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release").join(name);
    assert!(path.is_file(), "{} is missing: `make bench` builds it", path.display());
    path
}

/// Runs `argv` `times` times.
pub fn time(times: usize, argv: &[&str]) -> Taken {
    let mut command = Command::new(baseline());
    let output = command.args(["time", &times.to_string(), "--"]).args(argv).stderr(Stdio::inherit()).output();
    let output = output.expect("the stopwatch runs");
    assert!(output.status.success(), "{argv:?} fails");
    Taken::read(&String::from_utf8_lossy(&output.stdout))
}

/// Calls that get memory: how many there are is the allocator's business.
const MEMORY: [&str; 5] = ["brk", "mmap", "munmap", "mremap", "madvise"];

/// Returns the number of system calls of `argv`, in all its threads, without those for memory.
pub fn calls(argv: &[&str]) -> u64 {
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let status = Command::new("strace")
        .args(["-f", "-c", "-o", &log.path().to_string_lossy(), "--"])
        .args(argv)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "strace is missing, or {argv:?} fails");
    let text = fs::read_to_string(log.path()).expect("strace wrote its table");
    // "% time", seconds, usecs/call, calls, errors if there are any, the name; the last row is their sum.
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let counted = rows.filter_map(|row| Some((*row.last()?, row.get(3)?.parse::<u64>().ok()?)));
    counted.filter(|(name, _)| *name != "total" && !MEMORY.contains(name)).map(|(_, count)| count).sum()
}

/// The rows of measurements, and the results of the bars.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 4]>,
    missed: usize,
}

impl Table {
    /// A figure that has no bar.
    pub fn note(&mut self, name: impl Into<String>, figure: impl Into<String>) {
        self.add([name.into(), figure.into(), String::new(), String::new()]);
    }

    /// A figure that must be at most `bar`.
    pub fn bar(&mut self, name: impl Into<String>, figure: f64, bar: f64, unit: &str) {
        let figure = (figure * 100.0).round() / 100.0;
        let met = figure <= bar;
        self.missed += usize::from(!met);
        let verdict = if met { "met" } else { "**missed**" };
        self.add([name.into(), format!("{figure:.2} {unit}"), format!("≤ {bar} {unit}"), verdict.to_owned()]);
    }

    fn add(&mut self, row: [String; 4]) {
        eprintln!("{}", row.join("  "));
        self.rows.push(row);
    }

    /// Prints it as documentation has it; a missed bar fails.
    pub fn print(self, conditions: &[(String, String)]) -> ExitCode {
        println!("\n| measurement | figure | target | |\n|---|---|---|---|");
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
        println!();
        for (name, value) in conditions {
            println!("{name}: {value}");
        }
        if self.missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Returns the circumstances of the measurement: the day, the machine, and its load.
pub fn conditions() -> Vec<(String, String)> {
    let load = text("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    let day = Command::new("date").args(["-u", "+%F"]).output().expect("date runs");
    [
        ("date", String::from_utf8_lossy(&day.stdout).trim().to_owned()),
        ("machine", machine()),
        ("load before the start", load),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Describes the machine of the measurement.
fn machine() -> String {
    let cpus = text("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |it| it.1);
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = text("/proc/sys/kernel/osrelease");
    // The rest names a build of the distribution.
    let version = kernel.trim().split('-').next().unwrap_or_default();
    format!("{count} × {model}, Linux {version}")
}

/// A number as one that can be divided; no count here is too large for that.
#[expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]
pub const fn float(number: u64) -> f64 {
    number as f64
}

/// Milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
