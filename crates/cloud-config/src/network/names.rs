//! Words of a network description that become part of a unit file. They are checked here, once: a word must not contain
//! a line break, match another interface or name another file.

use std::fmt;

/// The longest name of an interface in the kernel.
const NAME_MAX: usize = 15;
/// The longest domain name, and the longest label in one.
const DOMAIN_MAX: usize = 253;
const LABEL_MAX: usize = 63;
/// The highest VLAN ID.
const VLAN_MAX: u16 = 4094;
/// The largest number of characters of an unknown word in a message.
const SHOWN: usize = 40;

/// The name of an interface: letters, digits and `._-+@`, at most 15 bytes. The kernel allows other characters, but
/// networkd reads some of these as a pattern or not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Creates a name, or returns the reason why `text` is invalid.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'@');
        if text.is_empty() {
            Err("empty")
        } else if text.len() > NAME_MAX {
            Err("longer than 15 bytes")
        } else if !text.bytes().all(fits) {
            Err("contains a character other than letters, digits and `._-+@`")
        } else if !text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_') {
            Err("does not begin with a letter or digit")
        } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
            Err("a number")
        } else if matches!(text, "all" | "default") {
            Err("reserved by the kernel")
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// Creates a name from a constant of this program.
    pub(super) fn own(text: &'static str) -> Self {
        debug_assert!(Self::new(text).is_ok());
        Self(text.to_owned())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pattern of names of interfaces or drivers, as systemd reads it: a name with `*`, `?` and `[…]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The longest pattern, in bytes.
    const MAX: usize = 64;

    /// Creates a pattern. Empty patterns are invalid, and patterns that begin with `!`, which systemd negates.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@*?[]".contains(&byte);
        let is_valid = !text.is_empty() && text.len() <= Self::MAX && text.bytes().all(fits);
        is_valid.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hardware address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// Parses six bytes separated by `:` or `-`. An address of zeros is invalid, because it would match every interface
    /// that has no address.
    pub fn new(text: &str) -> Option<Self> {
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut bytes = [0; 6];
        let mut words = text.split(separator);
        for byte in &mut bytes {
            let word = words.next().filter(|word| word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit()))?;
            *byte = u8::from_str_radix(word, 16).ok()?;
        }
        (words.next().is_none() && bytes != [0; 6]).then_some(Self(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.map(|byte| format!("{byte:02x}"));
        f.write_str(&words.join(":"))
    }
}

/// A domain in which short names are looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain(String);

impl Domain {
    /// Parses a domain: labels of letters, digits, `-` and `_`.
    pub fn new(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let label = |label: &str| !label.is_empty() && label.len() <= LABEL_MAX && label.bytes().all(fits);
        (name.len() <= DOMAIN_MAX && name.split('.').all(label)).then(|| Self(name.to_owned()))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ID of a VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanId(u16);

impl VlanId {
    /// Parses the ID of a VLAN: 0 to 4094.
    pub fn new(text: &str) -> Option<Self> {
        number(text).filter(|id: &u16| *id <= VLAN_MAX).map(Self)
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Parses a number that consists only of digits.
pub fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Parses a maximum packet size in bytes, and checks its range.
pub fn mtu(text: &str) -> Option<u32> {
    number(text).filter(|mtu| (68..=65_536).contains(mtu))
}

/// Formats a word of a description for a message: shortened and printable.
pub fn display_name(text: &str) -> String {
    let cut = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    let visible = text.chars().take(SHOWN).flat_map(char::escape_debug);
    visible.chain(cut.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_one_interface() {
        for good in ["eth0", "enp1s0f0.17", "veth@a", "br-lan", "_x", "0abc", "abcdefghijklmno", "vlan_1", "a+b"] {
            assert_eq!(Name::new(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            ".",
            "..",
            ".x",
            "-x",
            "abcdefghijklmnop",
            "a b",
            "a\nb",
            "a/b",
            "*",
            "eth?",
            "eth[0]",
            "!eth0",
            "eth0:1",
            "%i",
            "é",
            "17",
            "all",
            "default",
            "a\0",
            "a=b",
        ] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_is_one_word() {
        for good in ["eth0", "en*", "enp?s[0-9]*", "virtio_net"] {
            assert_eq!(Pattern::new(good).map(|pattern| pattern.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "!en*", "en* eth*", "a\nb", "a/b", "%i", "\"a", &"a".repeat(65)] {
            assert_eq!(Pattern::new(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn hardware_addresses_are_six_bytes() {
        for (text, shown) in [("04:01:57:D1:9e:02", "04:01:57:d1:9e:02"), ("00-00-5e-00-53-01", "00:00:5e:00:53:01")] {
            assert_eq!(Mac::new(text).map(|mac| mac.to_string()).as_deref(), Some(shown));
        }
        for bad in [
            "",
            "00:00:00:00:00:00",
            "ab:cd:ef:gh:ij",
            "ab:cd:ef:gh:ij:kl",
            "1:2:3:4:5:6",
            "00:00:5e:00:53:01:02",
            "00:00:5e:00-53:01",
            "+1:00:5e:00:53:01",
            "a0:00:02:20:fe:80:00:00:00:00:00:00:ec:0d:9a:03:00:15:e2:c1",
            "test mac",
        ] {
            assert_eq!(Mac::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn domains_are_labels_with_dots_between_them() {
        for (text, shown) in [("example.com.", "example.com"), ("lab", "lab"), ("_dmarc.a-b.c", "_dmarc.a-b.c")] {
            assert_eq!(Domain::new(text).map(|domain| domain.to_string()).as_deref(), Some(shown));
        }
        for bad in ["", ".", "~.", "a..b", "*", "a b", "a\nDNS=6.6.6.6", "%H", &"a".repeat(64), &"a.".repeat(127)] {
            assert_eq!(Domain::new(bad).is_some(), bad.len() == 254, "{bad}");
        }
        assert_eq!(Domain::new(&"a.".repeat(128)), None);
    }

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(VlanId::new("0101").map(|id| id.to_string()).as_deref(), Some("101"));
        assert!(VlanId::new("4094").is_some() && VlanId::new("4095").is_none());
        assert!(["", "+1", "-1", "1 ", "99999999999999999999"].into_iter().all(|bad| VlanId::new(bad).is_none()));
        assert_eq!((mtu("67"), mtu("9000"), mtu("65537")), (None, Some(9000), None));
    }

    #[test]
    fn foreign_words_are_shown_short_and_visible() {
        assert_eq!(display_name("eth0"), "eth0");
        assert_eq!(display_name("a\n\u{202e}b\u{1b}"), "a\\n\\u{202e}b\\u{1b}");
        assert_eq!(display_name(&"é".repeat(41)), format!("{}…", "é".repeat(40)));
    }
}
