//! Generated regions of pages: between `<!-- generated: KIND NAME -->` and `<!-- end -->`.
//!
//! A test compares each region with the program; `UPDATE_PAGES=1` writes it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Pages are read and written one at a time: a page may have regions of several tests.
static PAGES: Mutex<()> = Mutex::new(());

fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(page)
}

/// Returns the text of a page.
pub fn read(page: &str) -> String {
    fs::read_to_string(path(page)).unwrap_or_else(|error| panic!("failed to read {page}: {error}"))
}

/// Compares the regions of `kind` in a page with the output of `generate` for their names; returns their number.
pub fn check(page: &str, kind: &str, generate: impl Fn(&str) -> String) -> usize {
    let _lock = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let old = read(page);
    let marker = format!("<!-- generated: {kind} ");
    let (mut new, mut rest, mut count) = (String::new(), old.as_str(), 0);
    while let Some((before, after)) = rest.split_once(&marker) {
        let (name, after) = after.split_once(" -->\n").unwrap_or_else(|| panic!("{page}: a marker is not closed"));
        let (_, after) = after.split_once("<!-- end -->").unwrap_or_else(|| panic!("{page}: {name} has no end"));
        let text = generate(name);
        // Writing to a string cannot fail.
        let _ = write!(new, "{before}{marker}{name} -->\n\n{}\n\n<!-- end -->", text.trim_end());
        (rest, count) = (after, count + 1);
    }
    new.push_str(rest);
    if std::env::var_os("UPDATE_PAGES").is_some() && new != old {
        fs::write(path(page), &new).unwrap_or_else(|error| panic!("failed to write {page}: {error}"));
        return count;
    }
    if let Some(line) = new.lines().zip(old.lines()).position(|(new, old)| new != old) {
        let lines = |text: &str| text.lines().nth(line).unwrap_or_default().to_owned();
        panic!("{page}:{} differs (UPDATE_PAGES=1 writes it):\n- {}\n+ {}", line + 1, lines(&old), lines(&new));
    }
    assert!(new == old, "{page} differs in its length (UPDATE_PAGES=1 writes it)");
    count
}
