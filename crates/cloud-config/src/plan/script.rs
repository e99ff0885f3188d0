//! Scripts: their names and their interpreters.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Script;
use crate::diagnostic::{Finding, Span, rules};
use crate::text::secret::Secret;
use crate::yaml;

/// The interpreter of scripts without an interpreter line.
pub const SHELL: &str = "/bin/bash";

/// Shells whose scripts bash can also run.
const SHELLS: [&str; 4] = ["sh", "bash", "dash", "ash"];

/// Plans the script `text`, with a name derived from its content. Also reports its interpreter. If the path of the
/// interpreter is relative, the script is refused unless the interpreter is a shell: the directory is unknown.
///
/// `first_line` is the position of the interpreter line.
pub fn script(text: &str, first_line: Span) -> (Option<Script>, Option<Finding>) {
    let (interpreter, argument) = interpreter(text);
    if let Some((problem, help)) = lost_lines(text, interpreter, argument) {
        let message = format!("script: {problem}; script not run");
        return (None, Some(Finding::new(&rules::BAD_INTERPRETER, first_line, message).help(help)));
    }
    let lookalike = odd_character(text, "script", first_line);
    if has_no_interpreter(text) {
        let message = format!("script: no interpreter after `#!`; applied anyway, with {SHELL}");
        let finding = Finding::new(&rules::ODD_INTERPRETER, first_line, message).help(format!("write `#!{SHELL}`"));
        return (Some(named(text, SHELL, None)), Some(finding));
    }
    if interpreter.starts_with('/') && !interpreter.contains('\\') {
        return (Some(named(text, interpreter, argument)), lookalike);
    }
    if is_shell(interpreter) {
        if lookalike.is_some() {
            return (Some(named(text, SHELL, argument)), lookalike);
        }
        let message = format!("script: relative path of a shell as the interpreter; applied anyway, with {SHELL}");
        let finding = Finding::new(&rules::ODD_INTERPRETER, first_line, message).help(format!("write `#!{SHELL}`"));
        return (Some(named(text, SHELL, argument)), Some(finding));
    }
    let message = "script: the interpreter is not an absolute path; script not run";
    let help = "begin the script with `#!` and the full path of its interpreter, such as `#!/bin/bash` or \
                `#!/usr/bin/env python3`; a cloud-config begins with `#cloud-config`";
    let mut finding = Finding::new(&rules::BAD_INTERPRETER, first_line, message).help(help);
    if let Some(found) = lookalike {
        finding.message = format!("{}; script not run", found.message.split(';').next().unwrap_or_default());
        finding.help = found.help;
    }
    (None, Some(finding))
}

/// Reports a lookalike character in the interpreter line of `text`. `subject` is the name of the text in the message.
pub fn odd_character(text: &str, subject: &str, span: impl Into<Option<Span>>) -> Option<Finding> {
    let line = text.strip_prefix("#!")?.split(['\n', '\r']).next()?;
    let character = yaml::describe_lookalike(line)?;
    let message = format!("{subject}: the interpreter line contains {character}; applied anyway");
    Some(Finding::new(&rules::ODD_CHARACTER, span, message).help("replace it with the ordinary character"))
}

/// Returns true if the first line of `text` does not contain an interpreter.
fn has_no_interpreter(text: &str) -> bool {
    text.split(['\n', '\r']).next().and_then(|line| line.strip_prefix("#!")).is_some_and(|rest| rest.trim().is_empty())
}

/// Describes how a script of one line lost its line breaks, and the remedy. No interpreter can run such a script.
fn lost_lines(text: &str, interpreter: &str, argument: Option<&str>) -> Option<(&'static str, &'static str)> {
    let text = text.trim_end();
    if text.contains('\n') {
        return None;
    }
    if text.contains('\r') {
        let help = "save it with Unix line endings";
        return Some(("its line breaks are carriage returns", help));
    }
    if text.contains("\\n") {
        return Some((
            "its line breaks are written as `\\n`",
            "write real line breaks: the first line contains only the interpreter",
        ));
    }
    let argument =
        argument.filter(|argument| !argument.starts_with("-S") && !argument.starts_with("--split-string"))?;
    let is_words = argument.contains([' ', '\t']);
    let is_lost = match interpreter.rsplit('/').next() {
        Some("env") => is_words,
        _ => is_shell(interpreter) && (is_words || !argument.starts_with(['-', '+', '/'])),
    };
    is_lost.then_some(("text without line breaks", "begin a new line after the path of the interpreter"))
}

/// Returns true if the last component of `path` is the name of a shell whose scripts bash can also run.
pub fn is_shell(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| SHELLS.contains(&name))
}

/// Creates the step for the script `text` with this interpreter.
fn named(text: &str, interpreter: &str, argument: Option<&str>) -> Script {
    let digest = Sha256::digest(text.as_bytes());
    let mut id = String::with_capacity(16);
    for byte in digest.iter().take(8) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    let argument = argument.map(|argument| Secret::new(argument.to_owned()));
    Script { id, content: Secret::new(text.as_bytes().to_vec()), interpreter: interpreter.to_owned(), argument }
}

/// Returns the interpreter in the first line and its one argument, as the kernel parses them, except that a carriage
/// return also ends the line: the text after it is the script, which must not be printed.
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
        let id = |text: &str| named(text, SHELL, None).id;
        assert_eq!(id("#!/bin/sh\n"), id("#!/bin/sh\n"));
        assert_ne!(id("#!/bin/sh\n"), id("#!/bin/sh\n\n"));
        assert_eq!(id("").len(), 16);
    }

    #[test]
    fn a_script_without_its_line_breaks_is_not_run() {
        let read = |text: &str| script(text, Span::new(0, 1));
        for (text, problem) in [
            ("#!/bin/bash\recho hi\r", "are carriage returns"),
            ("#!/bin/bash\\necho hi\\n", "written as `\\n`"),
            ("#!/bin/bash -e\\necho hi\n", "written as `\\n`"),
            ("#!/usr/bin/python3\\nprint(1)", "written as `\\n`"),
            ("#!/bin/bash echo hi; reboot\r\n", "without line breaks"),
            ("#!/bin/sh -e echo hi", "without line breaks"),
            ("#!/usr/bin/env bash echo hi\n", "without line breaks"),
        ] {
            let (script, finding) = read(text);
            let finding = finding.unwrap();
            assert!(script.is_none() && finding.message.contains(problem), "{text:?}: {}", finding.message);
            assert_eq!(finding.rule.id, "bad-interpreter", "{text:?}");
        }
        for text in [
            "#!/bin/bash -x",
            "#!/bin/sh\r\n",
            "#!/usr/bin/env bash",
            "#!/usr/bin/env -S docker run a",
            "#!/bin/echo hello world",
            "#!/bin/bash /opt/run",
            "#!/usr/bin/env python3 -u\nprint(1)\n",
            "#!/bin/sh\nprintf 'a\\nb'\n",
            "#!/bin/sh\r\necho\r\n",
        ] {
            let (script, finding) = read(text);
            assert!(script.is_some() && finding.is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_relative_interpreter_is_no_program() {
        let line = Span::new(0, 1);
        let read = |text: &str| {
            let (script, finding) = script(text, line);
            let words = script.map(|script| (script.interpreter, script.argument.map(|word| word.expose().clone())));
            (words, finding.map(|finding| finding.rule.id))
        };
        for text in ["#!sh", "#! bash\r", "#!dash\n", "#!ash", "#!bin/bash", "#!./sh", "#!../bin/dash"] {
            assert_eq!(read(text), (Some((SHELL.to_owned(), None)), Some("odd-interpreter")), "{text:?}");
        }
        let words = Some((SHELL.to_owned(), Some("-eu".to_owned())));
        assert_eq!(read("#!bash -eu\n"), (words, Some("odd-interpreter")));
        for text in [
            "#!/bin/sh\\necho hi",
            "#!python3",
            "#!env bash",
            "#!usr/bin/perl -w",
            "#!zsh",
            "#!~/bash.d",
            "#!include",
            "#!Bash",
        ] {
            assert_eq!(read(text), (None, Some("bad-interpreter")), "{text:?}");
        }
        for text in ["#!\necho", "#! \r\necho", "#!"] {
            assert_eq!(read(text), (Some((SHELL.to_owned(), None)), Some("odd-interpreter")), "{text:?}");
        }
        for text in ["#!/bin/sh", "#!/nowhere/sh", "#!/usr/bin/nowhere"] {
            assert_eq!(read(text).1, None, "{text:?}");
        }
    }
}
