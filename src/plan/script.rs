//! Scripts: their names and their interpreters (spec §9).

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Script;
use crate::secret::Secret;

/// What runs a script without an interpreter line.
pub const SHELL: &str = "/bin/bash";

/// The script `text`, named after its content.
pub fn script(text: &str) -> Script {
    let digest = Sha256::digest(text.as_bytes());
    let mut id = String::with_capacity(16);
    for byte in digest.iter().take(8) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    let (interpreter, argument) = interpreter(text);
    let argument = argument.map(|argument| Secret::new(argument.to_owned()));
    Script { id, content: Secret::new(text.as_bytes().to_vec()), interpreter: interpreter.to_owned(), argument }
}

/// The interpreter of the first line, and its one argument, as the kernel reads them; but that a carriage return ends
/// the line too. What is behind one is the script, which is not shown.
fn interpreter(text: &str) -> (&str, Option<&str>) {
    let line = text.strip_prefix("#!").and_then(|rest| rest.split(['\n', '\r']).next()).unwrap_or_default();
    let line = line.trim_matches([' ', '\t']);
    let (program, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let argument = argument.trim_start_matches([' ', '\t']);
    if program.is_empty() { (SHELL, None) } else { (program, Some(argument).filter(|argument| !argument.is_empty())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_line_counts() {
        for (line, words) in [
            ("#!/bin/sh", ("/bin/sh", None)),
            ("#! /bin/sh -e  \r", ("/bin/sh", Some("-e"))),
            ("#!/usr/bin/env python3 -u", ("/usr/bin/env", Some("python3 -u"))),
            ("#!", (SHELL, None)),
            ("#!  \r", (SHELL, None)),
            ("#!/bin/sh\rPASSWORD=1\r", ("/bin/sh", None)),
        ] {
            assert_eq!(interpreter(&format!("{line}\necho\n")), words, "{line:?}");
        }
    }

    #[test]
    fn the_name_comes_from_the_content() {
        assert_eq!(script("#!/bin/sh\n").id, script("#!/bin/sh\n").id);
        assert_ne!(script("#!/bin/sh\n").id, script("#!/bin/sh\n\n").id);
        assert_eq!(script("").id.len(), 16);
    }
}
