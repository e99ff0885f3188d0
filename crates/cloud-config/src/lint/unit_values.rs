//! Values that systemd cannot parse: times of timers (`systemd.time(7)`) and addresses of sockets (`systemd.socket(5)`).
//!
//! Systemd ignores a line with such a value, and then refuses a timer without a time and a socket without an address. What
//! may be valid in some version counts as valid.

use core::net::IpAddr;

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const SHORTHANDS: [&str; 11] = [
    "minutely",
    "hourly",
    "daily",
    "monthly",
    "weekly",
    "yearly",
    "quarterly",
    "biannually",
    "semiannually",
    "bi-annually",
    "annually",
];

const UNITS: &[&str] = &[
    "usec", "us", "µs", "μs", "msec", "ms", "seconds", "second", "sec", "s", "minutes", "minute", "min", "m", "hours",
    "hour", "hr", "h", "days", "day", "d", "weeks", "week", "w", "months", "month", "M", "years", "year", "y",
];

/// Returns why systemd cannot parse the value of a setting in a section, and what to write instead.
pub(super) fn unparsable(section: &str, key: &str, value: &str) -> Option<(&'static str, &'static str)> {
    // Specifiers and templates are replaced first.
    if value.is_empty() || value.contains('%') || ["{{", "{%", "<%", "${"].iter().any(|mark| value.contains(mark)) {
        return None;
    }
    match (section, key) {
        ("Timer", "OnCalendar") if !may_be_calendar(value) => {
            Some(("is not a calendar event", "write a time such as `daily` or `*-*-* 04:00:00`; see systemd.time(7)"))
        }
        ("Timer", "OnActiveSec" | "OnBootSec" | "OnStartupSec" | "OnUnitActiveSec" | "OnUnitInactiveSec")
            if !is_time_span(value) =>
        {
            Some(("is not a time span", "write a number with a unit, such as `5min`; see systemd.time(7)"))
        }
        ("Socket", "ListenStream" | "ListenDatagram" | "ListenSequentialPacket") if !may_be_address(value) => {
            Some(("is not an address", "write a port, ADDRESS:PORT or an absolute path; host names are not looked up"))
        }
        _ => None,
    }
}

/// Returns false if `value` is certainly no calendar event: it has more than a weekday, a date, a time and a time zone, as
/// lines of cron do, or begins with a word that is neither a weekday nor a shorthand.
fn may_be_calendar(value: &str) -> bool {
    let words: Vec<_> = value.split_whitespace().collect();
    let Some(first) = words.first().filter(|_| words.len() <= 4) else { return false };
    let first = first.to_ascii_lowercase();
    if first.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return SHORTHANDS.contains(&&*first) || is_weekdays(&first);
    }
    // A step of minutes, as cron writes it, is a date without months here.
    let is_number = |word: &str| word.contains([':', '-', '~', '@']);
    words.iter().any(|word| is_number(word)) && words.iter().filter(|word| word.contains(':')).all(|word| is_time(word))
}

fn is_weekdays(text: &str) -> bool {
    let is_weekday = |day: &str| day.len() >= 3 && WEEKDAYS.iter().any(|name| *name == day || name[..3] == *day);
    text.split(',')
        .flat_map(|days| days.split(".."))
        .flat_map(|days| days.split('-'))
        .filter(|day| !day.is_empty())
        .all(is_weekday)
}

/// Returns false if hours, minutes or seconds are out of their range.
fn is_time(text: &str) -> bool {
    let fits = |(index, part): (usize, &str)| {
        let most = if index == 0 { 23 } else { 59 };
        part.split([',', '/', '.'])
            .all(|number| number.parse::<u32>().map_or(true, |number| number <= most || index == 2))
    };
    text.split(':').count() <= 3 && text.split(':').enumerate().all(fits)
}

/// Returns true if systemd can parse a time span: `infinity`, or numbers that are each followed by a unit or by nothing.
fn is_time_span(value: &str) -> bool {
    if value == "infinity" {
        return true;
    }
    let mut rest = value.trim();
    let mut has_number = false;
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        if !rest[..number].contains(|c: char| c.is_ascii_digit()) || rest[..number].matches('.').count() > 1 {
            return false;
        }
        rest = rest[number..].trim_start();
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.' || c.is_whitespace()).unwrap_or(rest.len());
        if unit > 0 && !UNITS.contains(&&rest[..unit]) {
            return false;
        }
        rest = rest[unit..].trim_start();
        has_number = true;
    }
    has_number
}

/// Returns false if `value` is certainly no address of a socket: it is neither a path, an abstract name nor a port, and what
/// is before its port is no IP address.
fn may_be_address(value: &str) -> bool {
    if value.starts_with(['/', '@']) || value.starts_with("vsock") {
        return true;
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    match value.rsplit_once(':') {
        None => is_port(value),
        Some((address, port)) => {
            let address = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
            is_port(port) && address.parse::<IpAddr>().is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_systemd_cannot_parse_is_reported() {
        let accepts = |section: &str, key: &str, value: &str| unparsable(section, key, value).is_none();
        for value in [
            "daily",
            "Mon..Fri 10:00",
            "Mon,Tue *-*-* 00:00:00",
            "*-*-* 4:00",
            "2026-01-01",
            "daily UTC",
            "*:0/15",
            "Sat *-*-1..7 18:00:00 Europe/Berlin",
            "@1395716396",
            "%i",
            "weekly",
            "*-*~03",
        ] {
            assert!(accepts("Timer", "OnCalendar", value), "{value}");
        }
        for value in ["*/5 * * * *", "every day", "midnight", "25:00", "0 4 * * *", "*-*-* 10:60", "tomorrow"] {
            assert!(!accepts("Timer", "OnCalendar", value), "{value}");
        }
        for value in ["5min", "1h 30min", "90", "1.5h", "infinity", "5 minutes", "2d12h", "0"] {
            assert!(accepts("Timer", "OnBootSec", value), "{value}");
        }
        for value in ["5 minuts", "soon", "min", "5mn", "-5", "1..5h"] {
            assert!(!accepts("Timer", "OnBootSec", value), "{value}");
        }
        for value in ["8080", "127.0.0.1:80", "[::1]:80", "/run/x", "@name", "vsock:2:1234", "[::]:443"] {
            assert!(accepts("Socket", "ListenStream", value), "{value}");
        }
        for value in ["localhost:80", "70000", "http", "run/x", "127.0.0.1:", "0", "1.2.3.4"] {
            assert!(!accepts("Socket", "ListenStream", value), "{value}");
        }
    }
}
