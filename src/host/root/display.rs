//! Paths in messages.

use std::path::Path;

use cloud_config::text::printable;

/// Formats a path for a message: printable, on one line.
pub fn display_path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::display_path;
    use std::path::Path;

    #[test]
    fn paths_stay_on_one_line() {
        assert_eq!(display_path(Path::new("/a\nb/\u{1b}[0m")), "/a\\nb/\\u{1b}[0m");
    }
}
