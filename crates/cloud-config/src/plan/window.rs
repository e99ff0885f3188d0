//! The reboot window of locksmith: `window_start` and `window_length` (docs/cloud-config.md#options-of-services).

use std::sync::LazyLock;

use regex::Regex;

static START: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?i-u:(?:mon|tue|wed|thu|fri|sat|sun) +)?(?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]$")
        .expect("a constant pattern")
});

static DURATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$").expect("a constant pattern")
});

/// Returns true if `text` is an optional day and a time of 24 hours: `Thu 04:00`, `4:0`.
pub fn is_start(text: &str) -> bool {
    START.is_match(text)
}

/// Returns true if `text` is a duration in Go's format: `1h30m`, `.5h`.
pub fn is_duration(text: &str) -> bool {
    DURATION.is_match(text) || text == "0"
}

#[cfg(test)]
mod tests {
    use super::{is_duration, is_start};

    #[test]
    fn starts() {
        for text in ["04:00", "4:0", "23:59", "Thu 04:00", "thu 4:00", "SUN 0:00"] {
            assert!(is_start(text), "{text}");
        }
        for text in ["24:00", "4", "4:60", "Thursday 04:00", "Thu04:00", "04:00 Thu", " 04:00", "", "04:00\n"] {
            assert!(!is_start(text), "{text:?}");
        }
    }

    #[test]
    fn durations() {
        for text in ["1h", "1h30m", "90m", "1.5h", ".5h", "10s", "0"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "1", "1d", "h", "1h ", "-1h", "1 h", "."] {
            assert!(!is_duration(text), "{text:?}");
        }
    }
}
