//! Benchmarks without a machine: checking, and files in a tree.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::measure::{Table, Taken, baseline, calls, float, ms, program, time};

/// The bytes of a small file.
const SMALL: usize = 1000;

/// Adds the rows of the table, and returns those of the plot.
pub fn rows(table: &mut Table) -> Vec<(u32, [f64; 4])> {
    // Beside the build: a disk, and no file system in memory.
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let place = TempDir::new_in(directory).expect("a temporary directory");
    let size = fs::metadata(program()).expect("it is built").len();
    table.bar("size of the program", float(size) / 1e6, 7.0, "MB");
    start(table, place.path());
    checks(table, place.path());
    writes(table, place.path())
}

/// Writes a cloud-config of `count` files, and returns its path.
fn config(place: &Path, count: usize, size: usize) -> String {
    let path = place.join(format!("{count}x{size}.yml"));
    let content = "x".repeat(size);
    let mut text = String::from("#cloud-config\nwrite_files:\n");
    for number in 0..count {
        let _ = write!(text, "- path: /many/file{number}\n  permissions: \"0644\"\n  content: \"{content}\"\n");
    }
    fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn words(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|word| (*word).to_owned()).collect()
}

fn timed(times: usize, argv: &[String]) -> Taken {
    time(times, &argv.iter().map(String::as_str).collect::<Vec<_>>())
}

fn start(table: &mut Table, place: &Path) {
    let tiny = place.join("tiny.yml").display().to_string();
    fs::write(&tiny, "#cloud-config\nhostname: web-1\n").expect("a file");
    let (program, baseline) = (program().display().to_string(), baseline().display().to_string());
    let nothing = words(&[&baseline, "read", &tiny]);
    for (name, argv) in [
        ("`--version`", words(&[&program, "--version"])),
        ("`--validate` of two lines", words(&[&program, "--validate", "--from-file", &tiny])),
    ] {
        // One after the other, so that a busy moment hits both.
        let (mut least, mut taken) = (timed(20, &nothing), timed(20, &argv));
        for _ in 0..9 {
            least = least.best(timed(20, &nothing));
            taken = taken.best(timed(20, &argv));
        }
        table.note(
            format!("{name}, and reading the file alone"),
            format!("{:.2} ms, {:.2} ms", ms(taken.wall), ms(least.wall)),
        );
        table.bar(
            format!("{name}, ratio to reading the file alone"),
            taken.wall.div_duration_f64(least.wall),
            1.5,
            "×",
        );
    }
}

fn checks(table: &mut Table, place: &Path) {
    for mode in ["--validate", "--dry-run"] {
        let mut before: Option<f64> = None;
        for count in [100_u32, 1000, 10_000] {
            let path = config(place, count as usize, SMALL);
            let bytes = float(fs::metadata(&path).expect("it is written").len());
            let program = program().display().to_string();
            let taken = timed(
                if count > 1000 { 5 } else { 10 },
                &words(&[&program, mode, "--root", &place.display().to_string(), "--from-file", &path]),
            );
            let per_file = taken.cpu.as_secs_f64() * 1e6 / f64::from(count);
            table.note(
                format!("`{mode}` of {count} files, {:.1} MB", bytes / 1e6),
                format!("{:.1} ms of CPU, {:.1} MB", ms(taken.cpu), float(taken.memory) / 1e6),
            );
            if let Some(before) = before {
                table.bar(
                    format!("`{mode}`: time per file, {count} to {} files", count / 10),
                    per_file / before,
                    1.2,
                    "×",
                );
            }
            before = Some(per_file);
            if count == 10_000 {
                table.bar(format!("`{mode}` of {count} files"), taken.cpu.as_secs_f64(), 0.5, "s of CPU");
                table.bar(
                    format!("`{mode}` of {count} files, memory"),
                    float(taken.memory) / bytes,
                    8.0,
                    "bytes per byte",
                );
            }
        }
    }
}

fn writes(table: &mut Table, place: &Path) -> Vec<(u32, [f64; 4])> {
    let (program, baseline) = (program().display().to_string(), baseline().display().to_string());
    let mut plotted = Vec::new();
    let mut few = None;
    for (count, size) in [(1, SMALL), (10, SMALL), (100, SMALL), (1000, SMALL), (10_000, SMALL), (1, 10_000_000)] {
        let path = config(place, count as usize, size);
        let (mut ours, mut least): (Option<Taken>, Option<Taken>) = (None, None);
        let again = |best: Option<Taken>, taken: Taken| Some(best.map_or(taken, |best| best.best(taken)));
        let mut tree = TempDir::new_in(place).expect("a directory");
        // The shorter a run, the more a busy moment changes it.
        let times = match count {
            0..1000 => 30,
            1000 => 5,
            _ => 3,
        };
        for _ in 0..times {
            let other = TempDir::new_in(place).expect("a directory");
            let many = other.path().join("many").display().to_string();
            least = again(least, timed(1, &words(&[&baseline, "write", &many, &count.to_string(), &size.to_string()])));
            tree = TempDir::new_in(place).expect("a directory");
            let root = tree.path().display().to_string();
            ours = again(ours, timed(1, &words(&[&program, "-q", "--root", &root, "--from-file", &path])));
        }
        let (Some(ours), Some(least)) = (ours, least) else { continue };
        let name = if size == SMALL { format!("{count} small files") } else { "a file of 10 MB".to_owned() };
        table.note(
            format!("applying {name}, and the same calls alone"),
            format!("{:.1} ms, {:.1} ms", ms(ours.wall), ms(least.wall)),
        );
        let (ratio, of) =
            (ours.wall.div_duration_f64(least.wall), format!("applying {name}, ratio to the same calls alone"));
        if size == SMALL {
            table.bar(of, ratio, 1.5, "×");
        } else {
            // libyaml reads a long string character by character; see "Missed targets" in docs/performance.md.
            table.note(of, format!("{ratio:.1} ×"));
        }
        let again = words(&[&program, "-q", "--root", &tree.path().display().to_string(), "--from-file", &path]);
        let second = timed(times, &again);
        table.note(format!("second run: {name}"), format!("{:.1} ms", ms(second.wall)));
        if size == SMALL {
            let validate = timed(times, &words(&[&program, "--validate", "--from-file", &path]));
            plotted.push((count, [ours, least, second, validate].map(|taken| ms(taken.wall))));
        }
        let counted = calls(&again.iter().map(String::as_str).collect::<Vec<_>>());
        if size == SMALL && count == 1000 {
            few = Some(counted);
        } else if size == SMALL && count == 10_000 {
            let per_file = float(counted - few.unwrap_or(counted)) / 9000.0;
            table.bar("second run: system calls per file, except those for memory", per_file, 5.0, "calls");
        }
    }
    plotted
}
