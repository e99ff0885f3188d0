//! Values that systemd cannot parse: times of timers (`systemd.time(7)`), addresses of sockets (`systemd.socket(5)`),
//! and simple types such as booleans and modes.
//!
//! systemd ignores a line with such a value. It then rejects a timer without a time and a socket without an address. A
//! value that any version of systemd may accept counts as valid.

use core::net::IpAddr;

use super::exec_values::{self, LimitUnit};
use crate::plan::names::{UnitReader, is_unit_name, reader};
use crate::text::suggest;

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const SHORTHANDS: [&str; 12] = [
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
    "semi-annually",
    "annually",
];

const UNITS: &[&str] = &[
    "usec", "us", "µs", "μs", "msec", "ms", "seconds", "second", "sec", "s", "minutes", "minute", "min", "m", "hours",
    "hour", "hr", "h", "days", "day", "d", "weeks", "week", "w", "months", "month", "M", "years", "year", "y",
];

/// Settings with values of a simple kind, by section. systemd ignores a line with any other value.
const KINDS: &[(&str, ValueKind, &[&str])] = &[
    (
        "Unit",
        ValueKind::Span,
        &["JobTimeoutSec", "JobRunningTimeoutSec", "StartLimitIntervalSec", "StartLimitInterval"],
    ),
    ("Unit", ValueKind::Boolean, &["DefaultDependencies", "RefuseManualStart", "RefuseManualStop", "AllowIsolate"]),
    ("Unit", ValueKind::Boolean, &["StopWhenUnneeded", "IgnoreOnIsolate"]),
    ("Unit", ValueKind::Number, &["StartLimitBurst"]),
    (
        "Unit",
        ValueKind::Units,
        &["Requires", "Requisite", "Wants", "BindsTo", "PartOf", "Upholds", "Conflicts", "Before"],
    ),
    ("Unit", ValueKind::Units, &["After", "OnFailure", "OnSuccess"]),
    ("Timer", ValueKind::Span, &["AccuracySec", "RandomizedDelaySec"]),
    (
        "Timer",
        ValueKind::Boolean,
        &["Persistent", "WakeSystem", "RemainAfterElapse", "OnClockChange", "OnTimezoneChange"],
    ),
    ("Service", ValueKind::Span, &["RestartSec", "TimeoutStartSec", "TimeoutStopSec", "TimeoutAbortSec", "TimeoutSec"]),
    ("Service", ValueKind::Span, &["RuntimeMaxSec", "WatchdogSec", "StartLimitIntervalSec", "StartLimitInterval"]),
    ("Service", ValueKind::Boolean, &["RemainAfterExit", "GuessMainPID", "NonBlocking", "RootDirectoryStartOnly"]),
    ("Service", ValueKind::Word(TYPES), &["Type"]),
    ("Service", ValueKind::Word(RESTARTS), &["Restart"]),
    ("Service", ValueKind::Word(KILL_MODES), &["KillMode"]),
    ("Service", ValueKind::Word(&["none", "main", "exec", "all"]), &["NotifyAccess"]),
    ("Service", ValueKind::Mode, &["UMask"]),
    ("Service", ValueKind::Number, &["StartLimitBurst"]),
    ("Socket", ValueKind::Span, &["TimeoutSec", "KeepAliveTimeSec", "KeepAliveIntervalSec", "DeferAcceptSec"]),
    ("Socket", ValueKind::Span, &["TriggerLimitIntervalSec"]),
    (
        "Socket",
        ValueKind::Boolean,
        &["Accept", "KeepAlive", "NoDelay", "Broadcast", "FreeBind", "Transparent", "ReusePort"],
    ),
    ("Socket", ValueKind::Boolean, &["RemoveOnStop", "Writable", "PassCredentials", "PassSecurity"]),
    ("Socket", ValueKind::Mode, &["SocketMode", "DirectoryMode"]),
    ("Socket", ValueKind::Number, &["Backlog", "MaxConnections", "MaxConnectionsPerSource", "KeepAliveProbes"]),
    ("Mount", ValueKind::Span, &["TimeoutSec"]),
    ("Mount", ValueKind::Path, &["Where"]),
    ("Automount", ValueKind::Path, &["Where"]),
    ("Service", ValueKind::Path, &["EnvironmentFile"]),
    ("Mount", ValueKind::Mode, &["DirectoryMode"]),
    ("Automount", ValueKind::Mode, &["DirectoryMode"]),
    ("Automount", ValueKind::Span, &["TimeoutIdleSec"]),
    ("Swap", ValueKind::Span, &["TimeoutSec"]),
    ("Path", ValueKind::Mode, &["DirectoryMode"]),
    ("Path", ValueKind::Boolean, &["MakeDirectory"]),
];

pub(super) const TYPES: &[&str] = &["simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"];
pub(super) const RESTARTS: &[&str] =
    &["no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"];
const KILL_MODES: &[&str] = &["control-group", "mixed", "process", "none"];

/// The kind of the values of a setting.
#[derive(Clone, Copy)]
pub(super) enum ValueKind {
    Span,
    Boolean,
    /// A boolean or one of these words.
    BooleanOr(&'static [&'static str]),
    Mode,
    Number,
    Word(&'static [&'static str]),
    /// An absolute path.
    Path,
    /// Names of units; systemd ignores each invalid one.
    Units,
    /// Environment variables; systemd ignores each invalid one.
    Assignments,
    Limit(LimitUnit),
    /// An integer in this range.
    Integer(i64, i64),
    /// One of these words, a file or a descriptor.
    Stream(&'static [&'static str]),
}

/// Returns true for a setting whose values [`ignored`] checks.
pub(super) fn is_known(section: &str, key: &str) -> bool {
    kind(section, key).is_some()
}

fn kind(section: &str, key: &str) -> Option<ValueKind> {
    let known = KINDS.iter().find(|(of, _, keys)| *of == section && keys.contains(&key)).map(|(_, kind, _)| *kind);
    known.or_else(|| exec_values::SECTIONS.contains(&section).then(|| exec_values::kind(key)).flatten())
}

/// Returns the reason why systemd ignores a line with this value, and the remedy.
pub(super) fn ignored(section: &str, key: &str, value: &str) -> Option<(&'static str, String)> {
    let kind = kind(section, key)?;
    // A list of variables is checked word by word, so a specifier in one word does not hide the faults of the others.
    if is_rendered(value) || !matches!(kind, ValueKind::Assignments) && is_replaced(value) {
        return None;
    }
    let (fault, help) = match kind {
        ValueKind::Span if !is_time_span(value) => ("is not a time span", SPAN_HELP.to_owned()),
        ValueKind::Boolean if !is_boolean(value) => ("is not a boolean", "write `yes` or `no`".to_owned()),
        ValueKind::BooleanOr(words) if !is_boolean(value) && !words.contains(&value) => {
            ("has an unknown value", format!("write `yes`, `no` or `{}`", words.join("` or `")))
        }
        ValueKind::Integer(least, most) if !may_be_integer(value, least, most) => {
            ("is not a number in its range", format!("write a number from {least} to {most}"))
        }
        ValueKind::Stream(words) if !exec_values::is_stream(words, value) => {
            let help = suggest::help(value, words.iter().copied());
            (
                "has an unknown value",
                help.unwrap_or_else(|| format!("write one of {}, or `file:PATH`", words.join(", "))),
            )
        }
        ValueKind::Assignments | ValueKind::Limit(_) => {
            let found = match kind {
                ValueKind::Limit(unit) => exec_values::limit(unit, value),
                _ => exec_values::assignments(value),
            };
            found.map(|(fault, help)| (fault, help.to_owned()))?
        }
        ValueKind::Mode if !value.bytes().all(|byte| matches!(byte, b'0'..=b'7')) => {
            ("is not a mode", "write the mode in octal, such as 0644".to_owned())
        }
        ValueKind::Number if value.starts_with(|c: char| !c.is_ascii_digit() && c != '+') => {
            ("is not a number", "write a number".to_owned())
        }
        ValueKind::Path if !value.starts_with(['/', '-', '"', '\'']) => {
            ("is not an absolute path", "write an absolute path".to_owned())
        }
        ValueKind::Units if !value.split_whitespace().all(is_unit) => (
            NO_UNIT,
            "write full unit names, such as docker.service, separated by spaces and without a comment".to_owned(),
        ),
        ValueKind::Word(words) if !words.contains(&value) => {
            let word = value.split_whitespace().next().unwrap_or_default();
            let help = suggest::help(word, words.iter().copied());
            ("has an unknown value", help.unwrap_or_else(|| format!("write one of {}", words.join(", "))))
        }
        _ => return None,
    };
    Some((fault, if value.contains(" #") || value.contains("\t#") { COMMENT_HELP.to_owned() } else { help }))
}

/// Returns true if systemd reads `value` as a boolean.
pub(super) fn is_boolean(value: &str) -> bool {
    ["1", "yes", "y", "true", "t", "on", "0", "no", "n", "false", "f", "off"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

/// Returns false if `value` is definitely not an integer from `least` to `most`.
fn may_be_integer(value: &str, least: i64, most: i64) -> bool {
    match value.trim().parse::<i64>() {
        Ok(number) => (least..=most).contains(&number),
        // The number may be in another base or have a sign.
        Err(_) => value.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')),
    }
}

/// The fault of a list of units; systemd uses the other words.
pub(super) const NO_UNIT: &str = "has a word that is not a unit name";

/// Returns true if systemd may accept a word as the name of a unit.
pub(super) fn is_unit(word: &str) -> bool {
    word.contains('%') || !word.starts_with('.') && reader(word) == UnitReader::Systemd && is_unit_name(word)
}

const SPAN_HELP: &str = "write a number with a unit, such as `5min`; see systemd.time(7)";
const COMMENT_HELP: &str = "put the comment on a line of its own: systemd reads it as part of the value";

/// Returns true for a value with specifiers, variables or a template expression, and for an empty value, which resets
/// earlier ones.
fn is_replaced(value: &str) -> bool {
    value.is_empty() || value.contains('%') || value.contains("${") || is_rendered(value)
}

/// Returns true for a value with a template expression.
fn is_rendered(value: &str) -> bool {
    ["{{", "{%", "<%"].iter().any(|mark| value.contains(mark))
}

/// Returns the reason why systemd cannot parse the value of a setting in a section, and the remedy.
pub(super) fn unparsable(section: &str, key: &str, value: &str) -> Option<(&'static str, &'static str)> {
    if is_replaced(value) {
        return None;
    }
    let (fault, help) = match (section, key) {
        ("Timer", "OnCalendar") if !may_be_calendar(value) => {
            ("is not a calendar event", "write a time such as `daily` or `*-*-* 04:00:00`; see systemd.time(7)")
        }
        ("Timer", "OnActiveSec" | "OnBootSec" | "OnStartupSec" | "OnUnitActiveSec" | "OnUnitInactiveSec")
            if !is_time_span(value) =>
        {
            ("is not a time span", SPAN_HELP)
        }
        ("Socket", "ListenStream" | "ListenDatagram" | "ListenSequentialPacket") if !may_be_address(value) => {
            ("is not an address", "write a port, ADDRESS:PORT or an absolute path; host names are not looked up")
        }
        _ => return None,
    };
    Some((fault, if value.contains(" #") || value.contains("\t#") { COMMENT_HELP } else { help }))
}

/// Returns false if `value` is definitely not a calendar event: `[WEEKDAYS] [DATE] [TIME] [ZONE]`, a shorthand, or
/// `@SECONDS`.
fn may_be_calendar(value: &str) -> bool {
    let words: Vec<_> = value.split_whitespace().collect();
    let Some(first) = words.first().filter(|_| words.len() <= 4) else { return false };
    if let Some(seconds) = first.strip_prefix('@') {
        return words.len() == 1 && seconds.starts_with(|c: char| c.is_ascii_digit());
    }
    let mut rest = &words[..];
    let lower = first.to_ascii_lowercase();
    if SHORTHANDS.contains(&&*lower) {
        rest = &rest[1..];
    } else {
        let is_there =
            [is_weekdays as fn(&str) -> bool, is_date, is_time].into_iter().fold(false, |is_there, is_part| {
                let is_next = rest.first().is_some_and(|word| is_part(word));
                rest = &rest[usize::from(is_next)..];
                is_there || is_next
            });
        if !is_there {
            return false;
        }
    }
    match rest {
        [] => true,
        [zone] => may_be_zone(zone),
        _ => false,
    }
}

fn is_weekdays(text: &str) -> bool {
    let is_weekday = |day: &str| {
        let day = day.to_ascii_lowercase();
        day.len() >= 3 && WEEKDAYS.iter().any(|name| *name == day || name[..3] == *day)
    };
    let is_range = |days: &str| match days.split_once("..").or_else(|| days.split_once('-')) {
        Some((first, last)) => is_weekday(first) && is_weekday(last),
        None => is_weekday(days),
    };
    text.strip_suffix(',').unwrap_or(text).split(',').all(is_range)
}

/// Returns true for `[YEAR-]MONTH-DAY`, with `~` before a day that is counted from the end of the month.
fn is_date(text: &str) -> bool {
    let Some((before, day)) = text.rsplit_once(['-', '~']) else { return false };
    let (year, month) = before.split_once('-').map_or(("*", before), |(year, month)| (year, month));
    is_component(year, 0, 2199) && is_component(month, 1, 12) && is_component(day, 1, 31)
}

/// Returns true for `HOUR:MINUTE[:SECOND]`.
fn is_time(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let is_clock = |hour, minute| is_component(hour, 0, 23) && is_component(minute, 0, 59);
    match parts[..] {
        [hour, minute] => is_clock(hour, minute),
        [hour, minute, second] => is_clock(hour, minute) && is_component(second, 0, 60),
        _ => false,
    }
}

/// Returns true for `*`, or for numbers from `least` to `most` separated by commas. Each number may be a range (`..`)
/// and have a step (`/`).
fn is_component(text: &str, least: u32, most: u32) -> bool {
    let number = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = is_digits(whole) && is_digits(fraction);
        whole.parse().ok().filter(|number| is_number && (least..=most).contains(number))
    };
    let is_item = |item: &str| {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (from, to) = range.split_once("..").map_or((range, None), |(from, to)| (from, Some(to)));
        let Some(from) = number(from) else { return false };
        to.is_none_or(|to| number(to).is_some_and(|to| from <= to))
            && step.is_none_or(|step| {
                step.split('.').next().and_then(|step| step.parse().ok()).is_some_and(|step: u32| step <= most)
                    && step != "0"
            })
    };
    text == "*" || text.split(',').all(is_item)
}

/// Returns true for a word that may be the name of a time zone, on this machine or another one.
fn may_be_zone(word: &str) -> bool {
    let is_capital = word.starts_with(|c: char| c.is_ascii_uppercase()) && !matches!(word, "AM" | "PM");
    let is_name = is_capital || word.contains('/') || word.eq_ignore_ascii_case("utc");
    is_name && !is_weekdays(word) && !SHORTHANDS.contains(&&*word.to_ascii_lowercase())
}

/// Returns true if systemd can parse a time span: `infinity`, or numbers, each of which may have a unit.
pub(super) fn is_time_span(value: &str) -> bool {
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

/// Returns false if `value` is definitely not the address of a socket: it is neither a path, an abstract name nor a
/// port, and has no IP address before its port.
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

    // Values with the results of `systemd-analyze calendar`.
    #[rustfmt::skip]
    const CALENDAR_EVENTS: &[&str] = &[
        "daily", "Daily", "daily UTC", "daily Europe/Berlin", "2026-02-31", "@1395716396", "10:00 CET", "10:00 GMT",
        "10:00 utc", "*:0/5", "*-*-1/5", "*-*-1..7/2", "*-*~3", "*-*~1..3", "*~01", "12~02", "12-24", "12-24 10:00",
        "Mon", "Mon 10:00", "Mon,", "Mon..Fri", "Mon-Fri 10:00", "monday", "Mon..Fri,Sun *-*-* 9:00", "10:00:00.5",
        "00:00:00/30", "*:*:*", "*-*-* *:*:00", "1970-01-01", "99-01-01", "70-1-1", "10:0", "9:5", "9:5:1", "10,12:00",
        "10..12:00", "8..18/2:00", "*-*-* ", "*-* 10:00", "*-*-*  10:00", "Mon *-*-* ", "quarterly", "semi-annually",
        "bi-annually", "biannually", "minutely", "weekly", "0:0", "Fri *-*-13", "Mon-Fri *-*-* 02:00",
        "Mon..Fri 2:00 America/New_York", "*-*-01,15 00:00", "*-01,07-01", "Sat,Sun", "12..14:10,20,30", "*:20/15",
        "Mon *-1..7 10:00", "*-*-1..7,15..21", "2026..2027-01-01", "*:10..20", "23:59:59.999999", "%i",
    ];

    #[rustfmt::skip]
    const OTHERS: &[&str] = &[
        "Mon 25:00", "2026-13-45", "2026-12-32", "@daily", "04:00 daily", "10:00 Mon", "2026/01/01 10:00",
        "1.1.2026 10:00", "*:*/5", "*/5:00", "*-*-*/5", "*-*-7..1", "24", "10", "Mon 10", "Mon, Tue", "Mon..",
        "Mon-Fri-Sat", "mond", "Mo", "10:60", "24:00", "2200-01-01", "8-18:00", "10:00:", "10:", ":10", "*-*-*T10:00",
        "2026-01-01T10:00", "2026-01-01T10:00:00Z", "0 4 * * *", "hourly 5", "Mon *", "* 10:00", "*", "half-yearly",
        "secondly", "*:0/0", "*:0/61", "*-0-1", "*-1-0", "*:30:", "10:00 AM", "10:00pm", "10:00 PM", "2026-01-01 10:00 +0200",
        "10:00 +0200", "\"daily\"", "'daily'", "daily # x", "*-*-* 04:00 # x", "daily 3am", "Mon 3pm", "weekly 04:00", "3:30am",
    ];

    #[test]
    fn only_what_systemd_cannot_parse_is_reported() {
        let accepts = |section: &str, key: &str, value: &str| unparsable(section, key, value).is_none();
        for value in CALENDAR_EVENTS {
            assert!(accepts("Timer", "OnCalendar", value), "{value}");
        }
        for value in OTHERS {
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
