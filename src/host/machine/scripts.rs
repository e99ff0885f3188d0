//! Finds the interpreter of a script on this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result, bail};

use super::display_path;
use cloud_config::plan::Script;
use cloud_config::plan::script::{SHELL, is_shell};

/// Returns the command line that runs `script`, without the path of the script. A missing shell is replaced with bash.
///
/// # Errors
///
/// The interpreter is missing or not executable.
pub(super) fn interpreter(script: &Script) -> Result<Vec<String>> {
    let mut program = script.interpreter.as_str();
    let name = display_path(Path::new(program));
    if !is_program(program) && is_shell(program) && is_program(SHELL) {
        log::warn!("script {}: interpreter {name} is missing or not executable; run with {SHELL}", script.id);
        program = SHELL;
    }
    if !is_program(program) {
        bail!("failed to run script {}: interpreter {name} is missing or not executable", script.id);
    }
    let argument = script.argument.iter().map(|argument| argument.expose().clone());
    Ok(std::iter::once(program.to_owned()).chain(argument).collect())
}

/// Returns true if `path` is a file that can be executed.
fn is_program(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_config::diagnostic::Span;
    use cloud_config::plan::script::script;

    fn words(line: &str) -> Option<Vec<String>> {
        let (script, _) = script(line, Span::default());
        interpreter(&script.unwrap()).ok()
    }

    #[test]
    fn a_missing_shell_is_bash_and_any_other_program_an_error() {
        let bash = |argument: &[&str]| Some([&[SHELL], argument].concat().into_iter().map(str::to_owned).collect());
        assert_eq!(words("#!/bin/bash"), bash(&[]));
        for shell in ["sh", "bash", "dash", "ash"] {
            assert_eq!(words(&format!("#!/nowhere/{shell} -e")), bash(&["-e"]), "{shell}");
        }
        for program in
            ["/nowhere/zsh", "/nowhere/python3", "/etc/passwd", "/etc", "/etc/passwd/perl", "/bin/cloud-init.d"]
        {
            assert_eq!(words(&format!("#!{program}")), None, "{program}");
        }
    }
}
