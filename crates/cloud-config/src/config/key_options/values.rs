//! The values of options before an SSH key, as OpenSSH 9.2 accepts them. sshd ignores a key with any other value.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

use super::is_named;

/// TCP services that sshd accepts as a port. sshd looks them up in `/etc/services`; any other service must be written
/// as a number.
const SERVICES: [&str; 36] = [
    "amqp",
    "auth",
    "cvspullserver",
    "domain",
    "ftp",
    "ftp-data",
    "ftps",
    "git",
    "gopher",
    "http",
    "https",
    "imap",
    "imap2",
    "imaps",
    "ipp",
    "irc",
    "kerberos",
    "ldap",
    "ldaps",
    "mysql",
    "nfs",
    "nntp",
    "ntp",
    "pop3",
    "pop3s",
    "postgresql",
    "redis",
    "rsync",
    "smtp",
    "ssh",
    "submission",
    "submissions",
    "sunrpc",
    "svn",
    "telnet",
    "whois",
];

/// The largest number of a tunnel device.
const TUNNEL_MAX: u32 = 0x7fff_fffd;

/// Returns the text between the double quotes of `value`, in which `\"` stands for a quote.
pub fn inner(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    // A quote after a backslash does not end the value.
    if inner.ends_with('\\') || inner.replace("\\\"", "").contains('"') {
        return None;
    }
    Some(if inner.contains('\\') { inner.replace("\\\"", "\"").into() } else { inner.into() })
}

/// Returns true if sshd accepts `value`, with its quotes, for the option `name`.
pub fn is_valid(name: &str, value: &str) -> bool {
    let Some(value) = inner(value) else { return false };
    let is = |other| is_named(name, other);
    if is("expiry-time") {
        is_time(&value)
    } else if is("permitopen") {
        is_address(&value)
    } else if is("permitlisten") {
        is_address(&value) || (!value.contains(':') && is_port(&value))
    } else if is("tunnel") {
        is_named(&value, "any") || (is_number(&value) && value.parse::<u32>().is_ok_and(|it| it <= TUNNEL_MAX))
    } else if is("environment") {
        let name = value.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    } else if is("from") {
        is_from(&value)
    } else {
        true
    }
}

/// Describes the form of the option `name` that sshd accepts.
pub fn form(name: &str) -> &'static str {
    match name {
        "expiry-time" => "`expiry-time=\"YYYYMMDD\"` or `expiry-time=\"YYYYMMDDHHMM\"`, with `Z` behind it for UTC",
        "permitopen" => "`permitopen=\"HOST:PORT\"`, and one such option for each address",
        "permitlisten" => {
            "`permitlisten=\"PORT\"` or `permitlisten=\"HOST:PORT\"`, and one such option for each address"
        }
        "tunnel" => "`tunnel=\"NUMBER\"`, the number of the device",
        "environment" => "`environment=\"NAME=VALUE\"`, with a name of letters, digits and `_`",
        "from" => "`from=\"ADDRESS,ADDRESS\"`, with networks such as 10.0.0.0/8, whose bits behind the prefix are 0",
        "command" => "`command=\"COMMAND\"`, once",
        _ => "`NAME=\"VALUE\"`, with the value in double quotes",
    }
}

/// Removes the blanks around the addresses in `value`, which has quotes.
pub fn without_blanks(value: &str) -> String {
    let inner = value.trim_matches('"').split(',').map(str::trim).collect::<Vec<_>>();
    format!("\"{}\"", inner.join(","))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns true for a date, or a date and a time, since 1970.
fn is_time(text: &str) -> bool {
    let strip = |end: &str| {
        let (time, suffix) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
        is_named(suffix, end).then_some(time)
    };
    let time = strip("Z").or_else(|| strip("UTC")).unwrap_or(text);
    let field = |at: usize| time.get(at..at + 2).and_then(|digits| digits.parse::<u8>().ok()).unwrap_or_default();
    let year = time.get(..4).and_then(|digits| digits.parse::<u16>().ok()).unwrap_or_default();
    matches!(time.len(), 8 | 12 | 14)
        && is_number(time)
        && year >= 1970
        && (1..=12).contains(&field(4))
        && (1..=31).contains(&field(6))
        && field(8) <= 23
        && field(10) <= 59
        && field(12) <= 61
}

/// Returns true for a host and a port. sshd does not check the name of the host.
fn is_address(text: &str) -> bool {
    let behind = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(_, rest)| rest).filter(|rest| rest.starts_with([':', '/'])),
        None => text.find([':', '/']).map(|at| &text[at..]),
    };
    behind.is_some_and(|behind| is_port(&behind[1..]))
}

fn is_port(text: &str) -> bool {
    let number = text.trim_start();
    text == "*"
        || SERVICES.contains(&text)
        || (is_number(number) && number.parse::<u16>().is_ok_and(|number| number > 0))
}

/// Returns true for a list that allows at least one address. One empty or invalid network makes sshd reject the whole
/// list.
fn is_from(list: &str) -> bool {
    let is_sound = |entry: &str| {
        let entry = entry.strip_prefix('!').unwrap_or(entry);
        !entry.is_empty() && entry.trim() == entry && !is_invalid_network(entry)
    };
    let can_match = |entry: &str| !entry.starts_with('!') && !entry.contains(char::is_whitespace);
    list.split(',').all(is_sound) && list.split(',').any(can_match)
}

/// Returns true for an address whose prefix length is too large, or that has bits set after the prefix.
fn is_invalid_network(entry: &str) -> bool {
    let Some((address, prefix)) = entry.split_once('/') else { return false };
    // sshd reads an entry without a numeric prefix length as a host name.
    let number = Some(prefix).filter(|prefix| is_number(prefix)).and_then(|prefix| prefix.parse::<u32>().ok());
    let Some(prefix) = number.filter(|prefix| *prefix <= 128) else { return false };
    if let Ok(address) = address.parse::<Ipv4Addr>() {
        prefix > 32 || u32::from(address).checked_shl(prefix).unwrap_or_default() != 0
    } else if let Ok(address) = address.parse::<Ipv6Addr>() {
        u128::from(address).checked_shl(prefix).unwrap_or_default() != 0
    } else {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn values_are_those_that_openssh_accepts() {
        for (name, valid, invalid) in [
            (
                "expiry-time",
                &[
                    "20300101",
                    "203001010000",
                    "20300101000000",
                    "20300101Z",
                    "20300101utc",
                    "20300231",
                    "20300101235960",
                    "99991231",
                ][..],
                &[
                    "",
                    "notadate",
                    "20301301",
                    "2030-01-01",
                    "203001",
                    "19690101",
                    "203001012460",
                    "20300101235962",
                    "é",
                ][..],
            ),
            (
                "permitopen",
                &["x:80", "x:ssh", "x:*", "*:*", "x/80", ":80", "[::1]:80", "x: 80"],
                &["", "x", "80", "x:foo", "x:0", "x:70000", "::1:80", "x:80,y:80", "[::1:80", "x:"],
            ),
            ("permitlisten", &["80", "ssh", "x:80", "*", "[::1]:80"], &["", "x", "0", "x:y", "80,81"]),
            ("tunnel", &["any", "ANY", "0", "2147483645"], &["", "abc", "tun0", "-1", "2147483646", "99999999999"]),
            ("environment", &["1bad=x", "A=x y", "A_B=", "A=\\\"x\\\""], &["", "1bad", "A-B=x"]),
            (
                "from",
                &[
                    "127.0.0.1",
                    "127.0.0.0/8",
                    "127.0.0.1/x,127.0.0.1",
                    "!10.0.0.1,*",
                    "127.*",
                    "10.0.0.300",
                    "0.0.0.0/0,::/0",
                    "fd00::/8,10.0.0.5/32",
                    "*.example.com,!bad.example.com",
                    "10.0.0.0/999,*",
                ],
                &[
                    "",
                    "127.0.0.1,",
                    "127.0.0.1,,10.0.0.0/8",
                    "127.0.0.1/8",
                    "10.0.0.1/8,127.0.0.1",
                    "127.0.0.1/33",
                    "::1/33,127.0.0.1",
                    "!10.0.0.1",
                    "!",
                    "127.0.0.1 ",
                    "10.0.0.1 127.0.0.1",
                    "10.0.0.1, 127.0.0.1",
                ],
            ),
            ("command", &["", "a b"], &["a\\\\"]),
        ] {
            for value in valid {
                assert!(is_valid(name, &format!("\"{value}\"")), "{name}={value}");
                assert!(!is_valid(name, value), "{name}={value} without quotes");
            }
            for value in invalid {
                assert!(!is_valid(name, &format!("\"{value}\"")), "{name}={value}");
            }
        }
    }
}
