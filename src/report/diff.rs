//! What a file would become, line by line: of files that everybody on the machine may read, and without lines that may
//! have a secret.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use similar::algorithms::{Capture, Replace, myers};
use similar::{DiffTag, group_diff_ops};

use crate::plan::printable;
use crate::secret::{MASK, mask_url};

/// Longer files are not compared line by line, in bytes.
pub const LONGEST: u64 = 64 << 10;

/// So many lines of a difference are shown.
const LINES_MAX: usize = 60;

/// Lines around one that changes.
const AROUND: usize = 2;

/// Two files have so long to be compared; after that the difference is true, and longer than it had to be.
const LIMIT: Duration = Duration::from_millis(100);

/// Words before, or in the names of, what nobody else is to see.
const TELLING: [&str; 12] =
    ["pass", "secret", "token", "credential", "private", "key", "auth", "bearer", "psk", "cookie", "discovery", "salt"];

/// A run of letters and digits from this length on may be something that is not meant to be read.
const RUN: usize = 24;

/// A longer line is not looked through, in bytes.
const LINE_MAX: usize = 1000;

/// How `new` differs from `old`; nothing where one of them is no text.
pub fn diff(old: &[u8], new: &[u8]) -> Option<String> {
    let (old, new) = (text(old)?, text(new)?);
    let (old, new) = (lines(old), lines(new));
    let hidden = (hidden(&old), hidden(&new));
    let mut ops = Replace::new(Capture::new());
    // It is one algorithm for one type of lines, by itself: with all its choices the library is a tenth of the program.
    let Ok(()) = myers::diff_deadline(&mut ops, &old, 0..old.len(), &new, 0..new.len(), Some(Instant::now() + LIMIT));
    let mut out = String::new();
    let mut room = LINES_MAX;
    let mut left = 0;
    for hunk in group_diff_ops(ops.into_inner().into_ops(), AROUND) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        if room > 0 {
            let header = |from: usize, to: usize| match to - from {
                1 => format!("{}", from + 1),
                // Nothing stands behind the line before it.
                0 => format!("{from},0"),
                count => format!("{},{count}", from + 1),
            };
            let (from, to) = (first.old_range().start, last.old_range().end);
            // Writing to a string cannot fail.
            let _ = write!(out, "@@ -{} ", header(from, to));
            let _ = writeln!(out, "+{} @@", header(first.new_range().start, last.new_range().end));
        }
        for op in &hunk {
            let is_same = op.tag() == DiffTag::Equal;
            let removed = if is_same { 0..0 } else { op.old_range() };
            let removed = removed.map(|index| ('-', old[index], hidden.0[index]));
            let sign = if is_same { ' ' } else { '+' };
            let added = op.new_range().map(|index| (sign, new[index], hidden.1[index]));
            for (sign, line, is_hidden) in removed.chain(added) {
                if room == 0 {
                    left += 1;
                    continue;
                }
                room -= 1;
                let is_hidden = is_hidden || line.len() > LINE_MAX || is_telling(line);
                let _ = writeln!(out, "{sign}{}", if is_hidden { MASK } else { line.trim_end_matches('\n') });
                if !line.ends_with('\n') {
                    out.push_str("\\ no line feed at the end\n");
                }
            }
        }
    }
    if left > 0 {
        let _ = writeln!(out, "... and {left} more lines");
    }
    (!out.is_empty()).then_some(out)
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What can be shown as lines; a file of another kind differs in bytes that tell nobody anything.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= LONGEST)?;
    text.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()).then_some(text)
}

/// Which lines belong to a key in its armour.
fn hidden(lines: &[&str]) -> Vec<bool> {
    let mut armoured = false;
    let flag = |line: &&str| {
        armoured |= line.contains("-----BEGIN ");
        let hidden = armoured;
        armoured &= !line.contains("-----END ");
        hidden
    };
    lines.iter().map(flag).collect()
}

fn is_telling(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let is_run = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    TELLING.iter().any(|word| lower.contains(word))
        || is_hash(line)
        || line.split(|c| !is_run(c)).any(|run| run.len() >= RUN && is_random(run))
        || mask_url(line) != line
}

/// Whether there is something like `$6$` in it, with which hashes of passwords begin.
fn is_hash(line: &str) -> bool {
    let mut parts = line.split('$').skip(1).peekable();
    std::iter::from_fn(|| parts.next().filter(|_| parts.peek().is_some()))
        .any(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()))
}

/// Whether this is none of the words and paths of people.
fn is_random(run: &str) -> bool {
    let has = |test: fn(&u8) -> bool| run.bytes().any(|byte| test(&byte));
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    digits >= 3 && (has(u8::is_ascii_uppercase) || digits * 4 >= run.len())
}

/// A difference as it is printed beneath its step.
pub fn indented(diff: &str) -> impl Iterator<Item = String> {
    diff.lines().map(|line| {
        // A tab is no harm to a terminal.
        let parts: Vec<_> = line.split('\t').map(printable).collect();
        parts.join("\t")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(old: &str, new: &str) -> String {
        diff(old.as_bytes(), new.as_bytes()).unwrap_or_default()
    }

    #[test]
    fn a_difference_is_shown_as_patches_are() {
        let old = "a\nb\nc\nd\ne\nf\n";
        assert_eq!(
            of(old, "a\nb\nc\nd\nx\nf"),
            "@@ -3,4 +3,4 @@\n c\n d\n-e\n-f\n+x\n+f\n\\ no line feed at the end\n"
        );
        assert_eq!(of(old, old), "");
        assert_eq!(of("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
        assert_eq!(diff(b"a", b"\xff"), None);
        assert_eq!(diff(b"a", b"a\x1b[2J"), None, "that is no text");
        assert_eq!(diff(b"a", &vec![b'a'; 70_000]), None);
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown_and_is_a_change() {
        for secret in [
            "password=hunter2",
            "DB_PASS: hunter2",
            "export AWS_SECRET_ACCESS_KEY=hunter2",
            "Authorization: Bearer hunter2",
            "root:$6$salt$hunter2:1::",
            "proxy=http://me:hunter2@proxy:3128",
            "see https://host/path?hunter2",
            "$1$hunter2$",
            "Environment=X=hunter2c9f8b7a6d5e4f3a2b1c0d9",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj882riPhunter2 me",
        ] {
            let shown = of(&format!("a\n{secret}\nb\n"), &format!("a\n{}\nb\n", secret.replace("ter2", "ter22")));
            assert_eq!(shown, "@@ -1,3 +1,3 @@\n a\n-<secret>\n+<secret>\n b\n", "{secret}");
            // Nor as what stands around a change.
            assert!(!of(&format!("a\n{secret}\n"), &format!("x\n{secret}\n")).contains("hunter2"), "{secret}");
        }
        let key = "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nb\n";
        assert_eq!(of("b\n", key), "@@ -1 +1,4 @@\n+<secret>\n+<secret>\n+<secret>\n b\n");
    }

    #[test]
    fn what_people_write_is_shown() {
        for line in [
            "ExecStart=/usr/bin/docker run --rm --name web -p 80:80 registry.example.com/web:1.2",
            "After=network-online.target coreos-setup-environment.service",
            "# This file is managed by somebody else",
            "10.1.2.3 web-1.example.com web-1 fe80::1",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin",
            "/usr/share/coreos-cloudinit/oem/some-platform-that-has-a-name/cloud-config.yml",
        ] {
            assert!(of("", &format!("{line}\n")).ends_with(&format!("+{line}\n")), "{line}");
        }
    }

    #[test]
    fn a_long_difference_is_cut_and_takes_no_time() {
        let lines = |word: &str| (0..4000).fold(String::new(), |text, number| text + &format!("{word} {number}\n"));
        let began = Instant::now();
        let shown = of(&lines("a"), &lines("b"));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(shown.lines().count(), LINES_MAX + 2);
        assert!(shown.ends_with("... and 7940 more lines\n"), "{}", shown.lines().last().unwrap());
    }
}
