//! The samples in pages of `docs/` are the output of the program.
//!
//! The container case `samples` compares those that need a machine.

use std::fs;
use std::path::Path;
use std::process::Output;

use regex::Regex;

use super::program::{Files, command};
use super::terminal::shown_in;
use crate::generated;

/// The pages with samples.
const PAGES: &[&str] = &[
    "docs/validating.md",
    "docs/command-line.md",
    "docs/leaving.md",
    "docs/applying.md",
    "docs/user-data.md",
    "docs/troubleshooting.md",
];

/// The files that a page shows, each a line with the name and a block with the content, and a directory `image`.
fn shown_files(page: &str) -> Files {
    let block = Regex::new(r"`([a-z-]+\.(?:yml|txt))`:\n\n```(?:yaml|text)\n((?s:.*?))```").unwrap();
    let files = Files::new();
    for found in block.captures_iter(page) {
        files.put(&found[1], &found[2]);
    }
    // An image with the smallest user database.
    fs::create_dir_all(files.path("image/etc")).unwrap();
    files.put("image/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    files.put("image/etc/group", "root:x:0:\n");
    files
}

/// Runs the program in the directory of `files`.
fn run(files: &Files, flags: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
    command(program, flags).current_dir(files.path("")).output().unwrap()
}

/// Returns the output of the program in the directory of `files`.
fn printed(files: &Files, flags: &[&str]) -> String {
    let output = run(files, flags);
    assert!(!output.stdout.is_empty(), "{flags:?} prints nothing");
    String::from_utf8(output.stdout).unwrap()
}

fn flags(line: &str) -> Vec<&str> {
    line.strip_prefix("coreos-cloudinit ").expect("a sample is a command line").split(' ').collect()
}

#[test]
fn samples_are_the_output_of_the_program() {
    let mut samples = 0;
    for page in PAGES {
        let files = shown_files(&generated::read(page));
        let terminal = generated::check(page, "terminal of", |line| {
            let text = shown_in(Path::new(&files.path("")), &flags(line));
            format!("```console\n$ {line}\n{text}```")
        });
        let piped = generated::check(page, "output of", |line| {
            let text = printed(&files, &flags(line));
            if line.contains("--format=json") {
                format!("```json\n{text}```")
            } else {
                format!("```console\n$ {line} | cat\n{text}```")
            }
        });
        let reports = generated::check(page, "report of", |line| {
            let text = String::from_utf8(run(&files, &flags(line)).stderr).unwrap();
            format!("```text\n{text}```")
        });
        let conversions =
            generated::check(page, "conversion of", |line| format!("```yaml\n{}```", printed(&files, &flags(line))));
        samples += terminal + piped + reports + conversions;
    }
    assert!(samples > 4, "{samples} samples");
}

/// A block of output that no test writes would grow old.
#[test]
fn each_block_of_output_is_generated() {
    for page in PAGES {
        let text = generated::read(page);
        let mut inside = false;
        for (number, line) in text.lines().enumerate() {
            inside = (inside || line.starts_with("<!-- generated: ")) && line != "<!-- end -->";
            // Blocks of other kinds are files, which have a name of their language.
            let is_output = ["```console", "```json"].contains(&line);
            assert!(inside || !is_output, "{page}:{}: no test writes this sample", number + 1);
        }
    }
}
