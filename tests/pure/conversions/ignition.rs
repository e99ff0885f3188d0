//! The check of configurations by the installed Ignition.

use std::io::{self, ErrorKind, Write as _};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};

/// The version of our results, as the installed Ignition names it; `None` if it is not installed. Ignition 2.15 and later
/// read 3.4.0; 2.14, which Debian has, reads it under the name that it had before its release.
static VERSION: LazyLock<Option<&str>> = LazyLock::new(|| match validate(&json!({"ignition": {"version": "3.4.0"}})) {
    Err(error) if error.kind() == ErrorKind::NotFound => None,
    said => Some(if said.expect("it runs").is_empty() { "3.4.0" } else { "3.4.0-experimental" }),
});

pub fn is_installed() -> bool {
    VERSION.is_some()
}

/// Returns `config` as the installed Ignition reads it.
pub fn readable(config: &Value) -> Value {
    let mut config = config.clone();
    config["ignition"]["version"] = VERSION.expect("Ignition is installed").into();
    config
}

/// Returns the errors and warnings of `ignition-validate`.
pub fn validate(config: &Value) -> io::Result<String> {
    let mut command = Command::new("ignition-validate");
    command.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().expect("it is a pipe").write_all(config.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(if output.status.success() { said } else { format!("{}: {said}", output.status) })
}
