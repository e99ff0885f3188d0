//! The changes of a file, line by line. Only files that every user of the machine may read are compared, and lines that
//! may hold a secret are omitted.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde::Serialize;
use similar::algorithms::{Capture, Replace, myers};
use similar::{DiffOp, DiffTag, group_diff_ops};

use super::plural;
use cloud_config::text::printable;
use cloud_config::text::secret::{REDACTED, redact_url};

/// The largest file that is compared line by line, in bytes.
pub const LONGEST: u64 = 64 << 10;

/// The largest number of lines of one difference.
const LINES_MAX: usize = 60;

/// The number of unchanged lines around a change.
const CONTEXT_LINES: usize = 2;

/// The time limit for comparing two files. If it is exceeded, the difference is correct but may be longer than
/// necessary.
pub const LIMIT: Duration = Duration::from_millis(100);

/// Words that mark a line as a possible secret.
const SECRET_WORDS: [&str; 12] =
    ["pass", "secret", "token", "credential", "private", "key", "auth", "bearer", "psk", "cookie", "discovery", "salt"];

/// The minimum length of a sequence of letters and digits that may be a secret.
const RANDOM_RUN_MIN: usize = 24;

/// The longest line that is searched for secrets, in bytes; a longer line is omitted.
const LINE_MAX: usize = 1000;

/// The difference between two versions of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The number of added lines.
    #[serde(rename = "lines_added")]
    pub added: usize,
    /// The number of removed lines.
    #[serde(rename = "lines_removed")]
    pub removed: usize,
    /// The changed lines as a patch.
    #[serde(rename = "diff", skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
}

impl Difference {
    /// Compares two versions of a file within `limit`; returns `None` if one of them is not text or both are equal.
    ///
    /// The result has the changed lines only if `with_lines` is true.
    pub fn new(old: &[u8], new: &[u8], with_lines: bool, limit: Duration) -> Option<Self> {
        let (old, new) = (lines(text(old)?), lines(text(new)?));
        let mut ops = Replace::new(Capture::new());
        // Only one algorithm is linked: with all algorithms, the library would be a tenth of the program.
        let Ok(()) =
            myers::diff_deadline(&mut ops, &old, 0..old.len(), &new, 0..new.len(), Some(Instant::now() + limit));
        let ops = ops.into_inner().into_ops();
        let (mut added, mut removed) = (0, 0);
        for op in ops.iter().filter(|op| op.tag() != DiffTag::Equal) {
            added += op.new_range().len();
            removed += op.old_range().len();
        }
        let lines = with_lines.then(|| patch(&old, &new, ops));
        (added + removed > 0).then_some(Self { added, removed, lines })
    }

    /// Formats the number of lines: `3 lines added, 1 removed`.
    pub fn summary(&self) -> String {
        match (self.added, self.removed) {
            (added, 0) => format!("{} added", plural(added, "line")),
            (0, removed) => format!("{} removed", plural(removed, "line")),
            (added, removed) => format!("{} added, {removed} removed", plural(added, "line")),
        }
    }
}

/// Renders the difference as a patch, without lines that may hold a secret.
fn patch(old: &[&str], new: &[&str], ops: Vec<DiffOp>) -> String {
    let hidden = (pem_lines(old), pem_lines(new));
    let mut out = String::new();
    let mut room = LINES_MAX;
    let mut left = 0;
    for hunk in group_diff_ops(ops, CONTEXT_LINES) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        if room > 0 {
            let header = |from: usize, to: usize| match to - from {
                1 => format!("{}", from + 1),
                // The unified format gives an empty range by the line before it.
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
                let is_hidden = is_hidden || line.len() > LINE_MAX || may_be_secret(line);
                let _ = writeln!(out, "{sign}{}", if is_hidden { REDACTED } else { line.trim_end_matches('\n') });
                if !line.ends_with('\n') {
                    out.push_str("\\ no line feed at the end\n");
                }
            }
        }
    }
    if left > 0 {
        let _ = writeln!(out, "... and {left} more lines");
    }
    out
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Returns the bytes as text that can be shown as lines; `None` for binary or very long content.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= LONGEST)?;
    text.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()).then_some(text)
}

/// Marks the lines of PEM blocks, such as private keys.
fn pem_lines(lines: &[&str]) -> Vec<bool> {
    let mut armoured = false;
    let flag = |line: &&str| {
        armoured |= line.contains("-----BEGIN ");
        let hidden = armoured;
        armoured &= !line.contains("-----END ");
        hidden
    };
    lines.iter().map(flag).collect()
}

fn may_be_secret(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let is_run = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    SECRET_WORDS.iter().any(|word| lower.contains(word))
        || is_hash(line)
        || line.split(|c| !is_run(c)).any(|run| run.len() >= RANDOM_RUN_MIN && is_random(run))
        || redact_url(line) != line
}

/// Returns true if the line has the beginning of a password hash, such as `$6$`.
fn is_hash(line: &str) -> bool {
    let mut parts = line.split('$').skip(1).peekable();
    std::iter::from_fn(|| parts.next().filter(|_| parts.peek().is_some()))
        .any(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()))
}

/// Returns true if `run` looks random, unlike a word or a path.
fn is_random(run: &str) -> bool {
    let has = |test: fn(&u8) -> bool| run.bytes().any(|byte| test(&byte));
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    digits >= 3 && (has(u8::is_ascii_uppercase) || digits * 4 >= run.len())
}

/// Makes each line of a difference printable, except for tabs.
pub fn indented(diff: &str) -> impl Iterator<Item = String> {
    diff.lines().map(|line| {
        // A tab is harmless on a terminal, so it is kept.
        let parts: Vec<_> = line.split('\t').map(printable).collect();
        parts.join("\t")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(old: &str, new: &str) -> String {
        let difference = Difference::new(old.as_bytes(), new.as_bytes(), true, LIMIT);
        difference.and_then(|difference| difference.lines).unwrap_or_default()
    }

    fn summary(old: &str, new: &str) -> String {
        let difference = Difference::new(old.as_bytes(), new.as_bytes(), false, Duration::ZERO).unwrap();
        assert_eq!(difference.lines, None);
        difference.summary()
    }

    #[test]
    fn lines_are_counted() {
        assert_eq!(summary("a\n", "b\nc\nd\n"), "3 lines added, 1 removed");
        assert_eq!(summary("a\nb\n", "a\n"), "1 line removed");
        assert_eq!(summary("", "a\n"), "1 line added");
        assert_eq!(summary("a", "a\n"), "1 line added, 1 removed");
        assert!(Difference::new(b"a", b"a", false, LIMIT).is_none());
        assert_eq!(of("a\u{34f}\n", "b\u{2800}\n"), "@@ -1 +1 @@\n-a\u{34f}\n+b\u{2800}\n");
        assert_eq!(indented("+b\u{2800}\tc").collect::<Vec<_>>(), ["+b\\u{2800}\tc"]);
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
        assert_eq!(Difference::new(b"a", b"\xff", true, LIMIT), None);
        assert_eq!(Difference::new(b"a", b"a\x1b[2J", true, LIMIT), None, "that is no text");
        assert_eq!(Difference::new(b"a", &vec![b'a'; 70_000], true, LIMIT), None);
    }

    #[test]
    fn a_possible_secret_is_redacted_and_counts_as_a_change() {
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
            // A secret is also omitted from the context of a change.
            assert!(!of(&format!("a\n{secret}\n"), &format!("x\n{secret}\n")).contains("hunter2"), "{secret}");
        }
        let key = "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nb\n";
        assert_eq!(of("b\n", key), "@@ -1 +1,4 @@\n+<secret>\n+<secret>\n+<secret>\n b\n");
    }

    #[test]
    fn ordinary_text_is_shown() {
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
