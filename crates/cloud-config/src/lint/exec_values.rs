//! Values of the settings of units that run commands (`systemd.exec(5)`). systemd ignores values that it cannot parse:
//! variables, resource limits, streams and booleans. `systemd-analyze verify` logs each fault that is reported here.

use super::unit_values::{ValueKind, is_time_span};

/// The sections of units that run commands.
pub(super) const SECTIONS: &[&str] = &["Service", "Socket", "Mount", "Swap"];

const BOOLEANS: &[&str] = &[
    "PrivateNetwork",
    "PrivateDevices",
    "PrivateMounts",
    "NoNewPrivileges",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "RemoveIPC",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectKernelLogs",
    "ProtectClock",
    "TTYReset",
    "TTYVHangup",
    "TTYVTDisallocate",
    "IgnoreSIGPIPE",
    "SyslogLevelPrefix",
    "CPUSchedulingResetOnFork",
    "SendSIGKILL",
    "SendSIGHUP",
    "CPUAccounting",
    "MemoryAccounting",
    "TasksAccounting",
    "IOAccounting",
    "IPAccounting",
    "MountAPIVFS",
];

const INPUTS: &[&str] = &["null", "tty", "tty-force", "tty-fail", "socket", "data"];
const OUTPUTS: &[&str] = &[
    "inherit",
    "null",
    "tty",
    "journal",
    "kmsg",
    "journal+console",
    "kmsg+console",
    "socket",
    "syslog",
    "syslog+console",
];

/// The unit of a resource limit.
#[derive(Clone, Copy)]
pub(super) enum LimitUnit {
    Number,
    Bytes,
    Time,
    Nice,
}

/// Returns the kind of the values of a setting.
pub(super) fn kind(key: &str) -> Option<ValueKind> {
    Some(match key {
        "Environment" => ValueKind::Assignments,
        "LimitNOFILE" | "LimitNPROC" | "LimitLOCKS" | "LimitSIGPENDING" | "LimitRTPRIO" => {
            ValueKind::Limit(LimitUnit::Number)
        }
        "LimitFSIZE" | "LimitDATA" | "LimitSTACK" | "LimitCORE" | "LimitRSS" | "LimitAS" | "LimitMEMLOCK"
        | "LimitMSGQUEUE" => ValueKind::Limit(LimitUnit::Bytes),
        "LimitCPU" | "LimitRTTIME" => ValueKind::Limit(LimitUnit::Time),
        "LimitNICE" => ValueKind::Limit(LimitUnit::Nice),
        "Nice" => ValueKind::Integer(-20, 19),
        "OOMScoreAdjust" => ValueKind::Integer(-1000, 1000),
        "StandardInput" => ValueKind::Stream(INPUTS),
        "StandardOutput" | "StandardError" => ValueKind::Stream(OUTPUTS),
        "ProtectSystem" => ValueKind::BooleanOr(&["full", "strict"]),
        "ProtectHome" => ValueKind::BooleanOr(&["read-only", "tmpfs"]),
        "PrivateTmp" => ValueKind::BooleanOr(&["disconnected"]),
        "ProtectControlGroups" => ValueKind::BooleanOr(&["private", "strict"]),
        key if BOOLEANS.contains(&key) => ValueKind::Boolean,
        _ => return None,
    })
}

/// The fault of a word that systemd ignores while it uses the other words.
pub(super) const NO_ASSIGNMENT: &str = "has a word that is not NAME=VALUE";
pub(super) const NO_NAME: &str = "has an invalid variable name";
/// The fault because of which systemd ignores the rest of the line.
pub(super) const OPEN_QUOTE: &str = "has an unclosed quote";
pub(super) const BAD_ESCAPE: &str = "has an invalid escape sequence";

/// Returns the fault of the words of `Environment=`.
pub(super) fn assignments(value: &str) -> Option<(&'static str, &'static str)> {
    let mut chars = value.chars().peekable();
    loop {
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        chars.peek()?;
        let (mut word, mut quote) = (String::new(), None);
        while let Some(c) = chars.next_if(|c| quote.is_some() || !c.is_ascii_whitespace()) {
            match c {
                '\\' => match chars.next() {
                    Some(escaped) if ESCAPED.contains(escaped) => word.push(escaped),
                    Some(_) => return Some((BAD_ESCAPE, "write two backslashes for one")),
                    None => {}
                },
                '"' | '\'' if quote.is_none() => quote = Some(c),
                _ if quote == Some(c) => quote = None,
                _ => word.push(c),
            }
        }
        if quote.is_some() {
            return Some((OPEN_QUOTE, "close the quote, or write \\x27 for ' and \\x22 for \""));
        }
        // A specifier or a variable may expand to any text.
        let is_dynamic = |text: &str| text.contains(['%', '$']);
        match word.split_once('=') {
            Some((name, _)) if !(is_dynamic(name) || is_variable(name)) => {
                return Some((NO_NAME, "a name has letters, digits and `_`, and does not begin with a digit"));
            }
            None if !is_dynamic(&word) => {
                let help = "write NAME=VALUE, and quotes around all of it if the value has spaces";
                return Some((NO_ASSIGNMENT, help));
            }
            _ => {}
        }
    }
}

/// The characters that may follow a backslash.
const ESCAPED: &str = "abfnrtvsxuU01234567\\\"'";

/// Returns true for the name of an environment variable.
fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the fault of a resource limit: `LIMIT` or `SOFT:HARD`.
pub(super) fn limit(unit: LimitUnit, value: &str) -> Option<(&'static str, &'static str)> {
    let (soft, hard) = value.split_once(':').map_or((value, None), |(soft, hard)| (soft, Some(hard)));
    if !is_limit(unit, soft) || hard.is_some_and(|hard| !is_limit(unit, hard)) {
        let help = match unit {
            LimitUnit::Number | LimitUnit::Nice => "write a number or `infinity`",
            LimitUnit::Bytes => "write a number of bytes, such as 512M, or `infinity`",
            LimitUnit::Time => "write a number with a unit, such as `5min`, or `infinity`",
        };
        return Some(("is not a resource limit", help));
    }
    let number = |text: &str| text.parse::<u64>().ok();
    let is_higher = number(soft).zip(hard.and_then(number)).is_some_and(|(soft, hard)| soft > hard);
    is_higher.then_some(("has a soft limit above the hard one", "write the lower limit first"))
}

/// Returns false if systemd definitely cannot parse the limit.
fn is_limit(unit: LimitUnit, text: &str) -> bool {
    let digits = text.trim_start().trim_start_matches('+');
    match unit {
        _ if text == "infinity" => true,
        // A number in another base has a prefix, and is not checked.
        LimitUnit::Number if ["0x", "0o", "0b"].iter().any(|base| digits.starts_with(base)) => true,
        LimitUnit::Number => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        LimitUnit::Bytes => is_size(digits),
        LimitUnit::Time => is_time_span(text),
        LimitUnit::Nice => text.trim_start().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')),
    }
}

/// Returns true for a sequence of numbers, each of which may have a unit.
fn is_size(text: &str) -> bool {
    let mut rest = text.trim_end();
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        if !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start();
        rest = rest.strip_prefix(['B', 'K', 'M', 'G', 'T', 'P', 'E']).unwrap_or(rest).trim_start();
    }
    true
}

/// Returns true for a valid source or target of a stream: one of `words`, a file or a descriptor.
pub(super) fn is_stream(words: &[&str], value: &str) -> bool {
    words.contains(&value)
        || ["fd:", "file:", "append:", "truncate:"].iter().any(|start| value.starts_with(start))
        || value == "fd"
}

#[cfg(test)]
mod tests {
    use super::super::unit_values::ignored;

    // Values with the results of `systemd-analyze verify`.
    #[rustfmt::skip]
    const IGNORED: &[&str] = &[
        "Environment=FOO", "Environment=A=b c", "Environment=A=b \"c d\"", "Environment=A='b\" c", "Environment=1A=b",
        "Environment=A-B=c", "Environment=A.B=c", "Environment==c", "Environment=A=b\\q", "Environment=A=\\$HOME",
        "Environment=A=b # comment", "Environment=A= b", "Environment=export A=b", "Environment=A=b ; C=d",
        "Environment=A=%i b", "LimitNOFILE=many", "LimitNOFILE=unlimited", "LimitNOFILE=64k", "LimitNOFILE=-1",
        "LimitNOFILE=65536 # x", "LimitNOFILE=65536:1024", "LimitNOFILE=5:", "LimitNOFILE=:5", "LimitNOFILE=65,536",
        "LimitNOFILE=1048576.0", "LimitCORE=unlimited", "LimitCORE=10 MB", "LimitCORE=10m", "LimitCORE=10MB",
        "LimitCORE=M", "LimitMEMLOCK=8GiB", "LimitCPU=soon", "LimitNICE=x", "LimitRTPRIO=x", "LimitRTTIME=x",
        "PrivateTmp=ture", "PrivateTmp=enabled", "ProtectSystem=ful", "ProtectHome=readonly", "PrivateNetwork=x",
        "SendSIGKILL=x", "MemoryAccounting=x", "Nice=high", "Nice=99", "OOMScoreAdjust=x", "OOMScoreAdjust=9999",
        "StandardOutput=console", "StandardOutput=/var/log/x", "StandardOutput=Journal", "StandardError=stdout",
        "StandardInput=foo", "Type=oneshoot", "Restart=yes", "Restart=on_failure", "RestartSec=fast", "TimeoutSec=never",
        "RemainAfterExit=maybe", "RemainAfterExit=\"yes\"",
    ];

    #[rustfmt::skip]
    const VALID: &[&str] = &[
        "Environment=", "Environment=A=", "Environment=\"A=b c\"", "Environment=A=\"b c\"", "Environment=A=b\\x41",
        "Environment=A=${B}", "Environment=${A}", "Environment=$A", "Environment=%n=b", "Environment=%E",
        "Environment=A=b, B=c", "Environment=\"A\"=b", "Environment=A=b;B=c", "Environment=A=b\\tc",
        "Environment=A=b\\'c d=e", "Environment='A=b' 'B=c'", "Environment=A=%i", "Environment={{ env }}",
        "Environment=\"A=--x=y -z\" B=\"\" 'C=it is \"d\"'", "Environment=A=http://b:1/?c=d&e", "LimitNOFILE=infinity",
        "LimitNOFILE=65536:infinity", "LimitNOFILE=0x10", "LimitNOFILE=+5", "LimitNOFILE=%i", "LimitCORE=10M",
        "LimitCORE=1.5G", "LimitCORE=1G 500M", "LimitCORE=0", "LimitCPU=5min", "LimitNICE=+5", "LimitNICE=-5",
        "LimitRTPRIO=99", "LimitRTTIME=5ms", "PrivateTmp=true", "PrivateTmp=", "ProtectSystem=full", "ProtectHome=tmpfs",
        "Nice=5", "Nice=-5", "Nice=+5", "OOMScoreAdjust=-999", "StandardOutput=journal+console", "StandardOutput=syslog",
        "StandardOutput=file:/a", "StandardOutput=append:/a", "StandardOutput=fd:x", "StandardInput=null",
        "Restart=${RESTART}", "TimeoutStartSec=0",
    ];

    #[test]
    fn only_what_systemd_ignores_is_reported() {
        for (settings, is_ignored) in [(IGNORED, true), (VALID, false)] {
            for setting in settings {
                let (key, value) = setting.split_once('=').unwrap();
                assert_eq!(ignored("Service", key, value).is_some(), is_ignored, "{setting}");
            }
        }
    }
}
