//! Readable messages for errors of system calls.

use std::fmt;
use std::io;

use anyhow::{Context, Result};
use rustix::io::Errno;

/// An error of a system call, displayed without its code: `permission denied`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OsError {
    /// An error number of the kernel.
    Errno(Errno),
    /// An error of the standard library itself, such as invalid UTF-8.
    Other(String),
}

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Errno(errno) => io::Error::from(*errno).to_string(),
            Self::Other(text) => text.clone(),
        };
        let text = without_code(&text);
        let mut chars = text.chars();
        match (chars.next(), chars.clone().next()) {
            (Some(first), Some(second)) if second.is_lowercase() => {
                write!(f, "{}{}", first.to_lowercase(), chars.as_str())
            }
            _ => f.write_str(&text),
        }
    }
}

impl std::error::Error for OsError {}

impl From<Errno> for OsError {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<nix::errno::Errno> for OsError {
    fn from(errno: nix::errno::Errno) -> Self {
        Self::Errno(Errno::from_raw_os_error(errno as i32))
    }
}

impl From<io::Error> for OsError {
    fn from(error: io::Error) -> Self {
        Errno::from_io_error(&error).map_or_else(|| Self::Other(error.to_string()), Self::Errno)
    }
}

/// Removes the code that the standard library appends to an error: ` (os error 13)`.
pub fn without_code(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" (os error ") else { return text.to_owned() };
    let after = rest.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
    after.strip_prefix(')').map_or_else(|| text.to_owned(), |after| format!("{before}{after}"))
}

/// Names the failed operation in an error of a system call.
pub trait OsContext<T> {
    /// Returns the same result; an error gets the text `OPERATION: MESSAGE`.
    ///
    /// # Errors
    ///
    /// The error of `self`.
    fn os_context<S: Into<String>>(self, context: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<OsError>> OsContext<T> for Result<T, E> {
    fn os_context<S: Into<String>>(self, context: impl FnOnce() -> S) -> Result<T> {
        self.map_err(Into::into).with_context(|| context().into())
    }
}

#[cfg(test)]
mod tests {
    use super::{OsContext, OsError, without_code};
    use rustix::io::Errno;
    use std::io;

    #[test]
    fn errors_read_as_a_sentence() {
        assert_eq!(OsError::from(Errno::ACCESS).to_string(), "permission denied");
        assert_eq!(OsError::from(io::Error::from_raw_os_error(5)).to_string(), "input/output error");
        assert_eq!(OsError::from(nix::errno::Errno::EPERM).to_string(), "operation not permitted");
        assert_eq!(OsError::from(io::Error::other("internal error")).to_string(), "internal error");
        let error = Err::<(), _>(Errno::NOENT).os_context(|| "failed to write /x").unwrap_err();
        assert_eq!(format!("{error:#}"), "failed to write /x: no such file or directory");
    }

    #[test]
    fn codes_of_errors_are_removed() {
        for (text, wanted) in [
            ("I/O error: Connection refused (os error 111)", "I/O error: Connection refused"),
            ("Broken pipe (os error 32), twice", "Broken pipe, twice"),
            ("Something (os error X)", "Something (os error X)"),
            ("no code", "no code"),
        ] {
            assert_eq!(without_code(text), wanted);
        }
    }
}
