//! Readable messages for errors of system calls.

use std::fmt;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::io::Errno;

use cloud_config::text::printable;

/// An error of a system call. Its text is the message only: `permission denied`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OsError(pub Errno);

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = io::Error::from(self.0).to_string();
        // The standard library ends the text with ` (os error 13)`.
        let text = text.split(" (os error").next().unwrap_or(&text);
        let mut chars = text.chars();
        match (chars.next(), chars.clone().next()) {
            (Some(first), Some(second)) if second.is_lowercase() => {
                write!(f, "{}{}", first.to_lowercase(), chars.as_str())
            }
            _ => f.write_str(text),
        }
    }
}

impl std::error::Error for OsError {}

impl From<Errno> for OsError {
    fn from(errno: Errno) -> Self {
        Self(errno)
    }
}

impl From<io::Error> for OsError {
    fn from(error: io::Error) -> Self {
        Self(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

/// Adds the failed operation to an error of a system call.
pub trait OsContext<T> {
    /// Returns the same result; an error has the text `OPERATION: MESSAGE`.
    ///
    /// # Errors
    ///
    /// The error of the result itself.
    fn os_context<S: Into<String>>(self, context: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<OsError>> OsContext<T> for Result<T, E> {
    fn os_context<S: Into<String>>(self, context: impl FnOnce() -> S) -> Result<T> {
        self.map_err(Into::into).with_context(|| context().into())
    }
}

/// Returns a path in a printable form, on one line.
pub fn display_path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::{OsContext, OsError, display_path};
    use rustix::io::Errno;
    use std::path::Path;

    #[test]
    fn errors_read_as_a_sentence() {
        assert_eq!(OsError(Errno::ACCESS).to_string(), "permission denied");
        let error = Err::<(), _>(Errno::NOENT).os_context(|| "failed to write /x").unwrap_err();
        assert_eq!(format!("{error:#}"), "failed to write /x: no such file or directory");
    }

    #[test]
    fn paths_stay_on_one_line() {
        assert_eq!(display_path(Path::new("/a\nb/\u{1b}[0m")), "/a\\nb/\\u{1b}[0m");
    }
}
