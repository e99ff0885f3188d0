//! Address tokens such as `$public_ipv4`, which are replaced by the machine's addresses
//! (docs/cloud-config.md#address-tokens).

use core::net::IpAddr;
use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::diagnostic::{Finding, Findings, Span, rules};

/// The kinds of addresses that tokens stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// `$private_ipv4`.
    PrivateV4,
    /// `$private_ipv6`.
    PrivateV6,
    /// `$public_ipv4`.
    PublicV4,
    /// `$public_ipv6`.
    PublicV6,
}

impl Address {
    /// All kinds, in the order of their variables.
    pub const ALL: [Self; 4] = [Self::PrivateV4, Self::PrivateV6, Self::PublicV4, Self::PublicV6];

    /// Returns the token without its `$`.
    pub const fn token(self) -> &'static str {
        match self {
            Self::PrivateV4 => "private_ipv4",
            Self::PrivateV6 => "private_ipv6",
            Self::PublicV4 => "public_ipv4",
            Self::PublicV6 => "public_ipv6",
        }
    }

    /// Returns the name of the variable in the environment and in `/etc/environment`.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::PrivateV4 => "COREOS_PRIVATE_IPV4",
            Self::PrivateV6 => "COREOS_PRIVATE_IPV6",
            Self::PublicV4 => "COREOS_PUBLIC_IPV4",
            Self::PublicV6 => "COREOS_PUBLIC_IPV6",
        }
    }

    /// Returns an address from a documentation range, for checks that must not depend on the machine that runs them.
    pub const fn stand_in(self) -> &'static str {
        match self {
            Self::PrivateV4 => "192.0.2.1",
            Self::PrivateV6 => "2001:db8::1",
            Self::PublicV4 => "192.0.2.2",
            Self::PublicV6 => "2001:db8::2",
        }
    }

    /// Returns true if `address` has the family of this kind.
    const fn accepts(self, address: IpAddr) -> bool {
        match self {
            Self::PrivateV4 | Self::PublicV4 => address.is_ipv4(),
            Self::PrivateV6 | Self::PublicV6 => address.is_ipv6(),
        }
    }
}

/// The known addresses of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(BTreeMap<Address, String>);

impl Addresses {
    /// Sets the address of a kind, unless it is already known.
    ///
    /// Returns false if `text` is not an address of the family of the kind. The text can then be anything, so it is not
    /// printed. Empty text means that the address is unknown, which is not an error.
    pub fn insert(&mut self, kind: Address, text: &str) -> bool {
        let text = text.trim();
        if text.is_empty() || self.0.contains_key(&kind) {
            return true;
        }
        let valid = text.parse().is_ok_and(|address| kind.accepts(address));
        if valid {
            self.0.insert(kind, text.to_owned());
        }
        valid
    }

    /// Returns the address of a kind.
    pub fn get(&self, kind: Address) -> Option<&str> {
        self.0.get(&kind).map(String::as_str)
    }

    /// Returns the kinds of addresses with a stand-in here whose token, but not whose stand-in, is in `text`.
    pub fn stand_ins_in(&self, text: &str) -> Vec<Address> {
        let is_used = |kind: &Address| {
            let is_token = |dollar: usize| text[dollar + 1..].starts_with(kind.token());
            self.get(*kind) == Some(kind.stand_in())
                && text.match_indices('$').any(|(dollar, _)| is_token(dollar))
                && !text.contains(kind.stand_in())
        };
        Address::ALL.into_iter().filter(is_used).collect()
    }

    /// Returns the known addresses by their variables, for `/etc/environment`.
    pub fn variables(&self) -> BTreeMap<&'static str, String> {
        self.0.iter().map(|(kind, text)| (kind.variable(), text.clone())).collect()
    }
}

/// A text with replaced tokens, and the mapping to positions in the source text.
pub struct Substituted<'a> {
    /// The text to parse.
    pub text: Cow<'a, str>,
    /// The findings about the tokens.
    pub findings: Vec<Finding>,
    /// The replacements in order, each with its range in `text` and in the source text.
    edits: Vec<(Span, Span)>,
}

impl Substituted<'_> {
    /// Returns the position of a byte in the source text. All bytes of a replacement have the position of their token.
    pub fn origin(&self, offset: usize) -> usize {
        let before = self.edits.partition_point(|(here, _)| here.start <= offset);
        let Some((here, there)) = before.checked_sub(1).map(|last| self.edits[last]) else { return offset };
        if offset < here.end { there.start } else { offset - here.end + there.end }
    }
}

/// Replaces the tokens of `text`. A token of an unknown address is replaced by nothing, with a finding
/// (docs/cloud-config.md#address-tokens).
pub fn substitute<'a>(text: &'a str, addresses: &Addresses) -> Substituted<'a> {
    let mut result = Substituted { text: Cow::Borrowed(text), findings: Vec::new(), edits: Vec::new() };
    let mut findings = Findings::default();
    let mut out = String::new();
    let mut copied = 0;
    for (dollar, kind) in tokens(text) {
        if out.is_empty() && copied == 0 {
            out.reserve(text.len());
        }
        let end = dollar + 1 + kind.token().len();
        let is_escaped = text[copied..dollar].ends_with('\\');
        let there = Span::new(dollar - usize::from(is_escaped), end);
        out.push_str(&text[copied..there.start]);
        copied = end;
        let start = out.len();
        let token = &text[dollar..end];
        if is_escaped {
            out.push_str(token);
        } else {
            if let Some(address) = addresses.get(kind) {
                out.push_str(address);
            } else {
                findings.add(&rules::UNKNOWN_ADDRESS, || {
                    let message = format!("unknown address for {token}; applied anyway, as an empty string");
                    let help = format!("set {} in the environment, or write the address itself", kind.variable());
                    Finding::new(&rules::UNKNOWN_ADDRESS, there, message).help(help)
                });
            }
            if text[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                findings.add(&rules::TOKEN_BOUNDARY, || {
                    let message = format!("{token} is directly followed by a letter, a digit or `_`; applied anyway");
                    let help = format!("put a space or another separator after {token}, unless the address and the text belong together");
                    Finding::new(&rules::TOKEN_BOUNDARY, there, message).help(help)
                });
            }
        }
        result.edits.push((Span::new(start, out.len()), there));
    }
    if copied > 0 {
        out.push_str(&text[copied..]);
        result.text = Cow::Owned(out);
    }
    result.findings = findings.into_list();
    result
}

/// Escapes every token of `text`, so that replacing tokens gives `text` again.
pub fn escape(text: &str) -> Cow<'_, str> {
    let mut escaped = String::new();
    let mut copied = 0;
    for (dollar, _) in tokens(text) {
        escaped.push_str(&text[copied..dollar]);
        escaped.push('\\');
        copied = dollar;
    }
    if escaped.is_empty() {
        return Cow::Borrowed(text);
    }
    escaped.push_str(&text[copied..]);
    Cow::Owned(escaped)
}

/// Returns the tokens of `text`: the position of each dollar sign, and the kind of address.
fn tokens(text: &str) -> impl Iterator<Item = (usize, Address)> {
    text.match_indices('$').filter_map(|(dollar, _)| {
        let behind = &text[dollar + 1..];
        Address::ALL.into_iter().find(|kind| behind.starts_with(kind.token())).map(|kind| (dollar, kind))
    })
}

/// Returns the first unescaped token in `bytes`, without its dollar sign.
pub fn first_token(bytes: &[u8]) -> Option<&'static str> {
    let dollars = bytes.iter().enumerate().filter(|(at, byte)| **byte == b'$' && !bytes[..*at].ends_with(b"\\"));
    let mut words = dollars.map(|(at, _)| &bytes[at + 1..]);
    words.find_map(|word| Address::ALL.iter().map(|kind| kind.token()).find(|token| word.starts_with(token.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::MOST_OF_A_RULE;

    proptest::proptest! {
        /// Compares with one pattern over the whole text, which is too slow for real use.
        #[test]
        fn tokens_are_those_of_a_pattern_over_the_whole_text(text in r"((\\\\)?\\\\?\$?(public_ipv4|private_ipv4|public_ipv5|\$|x)){0,8}") {
            let pattern = regex::Regex::new(r"(\\?)\$((?:private|public)_ipv[46])").unwrap();
            let expected = pattern.replace_all(&text, |found: &regex::Captures<'_>| {
                let kind = Address::ALL.into_iter().find(|kind| *kind.token() == found[2]).unwrap();
                if found[1].is_empty() { known().get(kind).unwrap_or_default().to_owned() } else { format!("${}", &found[2]) }
            });
            proptest::prop_assert_eq!(&substitute(&text, &known()).text, &expected);
        }
    }

    fn known() -> Addresses {
        let mut addresses = Addresses::default();
        assert!(addresses.insert(Address::PublicV4, "203.0.113.9"));
        assert!(addresses.insert(Address::PrivateV4, "10.9.8.7"));
        addresses
    }

    #[test]
    fn what_is_escaped_is_replaced_by_itself() {
        for text in [
            "",
            "a",
            "$public_ipv4",
            r"\$public_ipv4",
            r"\\$public_ipv4x",
            "$private_ipv6$public_ipv6",
            "${public_ipv4}",
        ] {
            assert_eq!(replaced(&escape(text)), text);
        }
        assert!(substitute(&escape("$public_ipv4x"), &Addresses::default()).findings.is_empty());
    }

    fn replaced(text: &str) -> String {
        substitute(text, &known()).text.into_owned()
    }

    #[test]
    fn tokens_become_addresses() {
        assert_eq!(replaced("a $public_ipv4:80 b"), "a 203.0.113.9:80 b");
        assert_eq!(replaced("$public_ipv4$private_ipv4"), "203.0.113.910.9.8.7", "adjacent tokens are both replaced");
        assert_eq!(replaced("$public_ipv4x"), "203.0.113.9x", "there is no word boundary");
        assert_eq!(replaced("a$public_ipv6b"), "ab", "an unknown one becomes nothing");
        assert_eq!(
            replaced("${public_ipv4} $public_ipv5 $PUBLIC_IPV4 $"),
            "${public_ipv4} $public_ipv5 $PUBLIC_IPV4 $"
        );
    }

    #[test]
    fn a_million_unknown_tokens_do_not_cost_a_million_findings() {
        let text = "$public_ipv4 ".repeat(100_000);
        let result = substitute(&text, &Addresses::default());
        assert_eq!((result.text.len(), result.findings.len()), (100_000, MOST_OF_A_RULE + 1));
    }

    #[test]
    fn a_backslash_escapes() {
        assert_eq!(replaced(r"\$public_ipv4"), "$public_ipv4");
        assert_eq!(replaced(r"\\$public_ipv4"), r"\$public_ipv4");
        assert_eq!(replaced(r"\$public_ipv4$public_ipv4"), "$public_ipv4203.0.113.9");
        assert_eq!(replaced(r"\n$public_ipv4"), r"\n203.0.113.9");
    }

    #[test]
    fn a_text_without_tokens_is_not_copied() {
        let addresses = known();
        assert!(matches!(substitute("nothing here", &addresses).text, Cow::Borrowed(_)));
    }

    #[test]
    fn stand_ins_are_known_by_their_tokens() {
        let mut addresses = Addresses::default();
        for kind in Address::ALL {
            assert!(addresses.insert(kind, kind.stand_in()));
        }
        assert_eq!(addresses.stand_ins_in("a: $private_ipv4\n"), [Address::PrivateV4]);
        assert_eq!(addresses.stand_ins_in("a: $private_ipv4\nb: 192.0.2.1\n"), []);
        assert_eq!(known().stand_ins_in("a: $private_ipv4\n"), []);
    }

    #[test]
    fn only_addresses_of_the_family_count() {
        let mut addresses = Addresses::default();
        assert!(!addresses.insert(Address::PublicV4, "fe80::1"));
        assert!(!addresses.insert(Address::PublicV4, "1.2.3.4\nA=b"));
        assert!(!addresses.insert(Address::PrivateV6, "10.0.0.1"));
        assert!(addresses.insert(Address::PrivateV6, ""), "empty is unknown, not wrong");
        assert!(addresses.insert(Address::PrivateV6, " 2001:db8::1\n"));
        assert!(addresses.insert(Address::PrivateV6, "2001:db8::2"), "the first stays");
        assert_eq!(addresses.variables(), BTreeMap::from([("COREOS_PRIVATE_IPV6", "2001:db8::1".to_owned())]));
    }

    #[test]
    fn findings_have_the_authors_positions() {
        let text = "é $public_ipv4 $public_ipv6\n$private_ipv6y";
        let result = substitute(text, &known());
        let found: Vec<_> =
            result.findings.iter().map(|f| (f.rule.id, &text[f.span.unwrap().start..f.span.unwrap().end])).collect();
        assert_eq!(
            found,
            [
                ("unknown-address", "$public_ipv6"),
                ("unknown-address", "$private_ipv6"),
                ("token-boundary", "$private_ipv6"),
            ]
        );
    }

    #[test]
    fn every_position_leads_back() {
        let text = r"é $public_ipv4 x \$public_ipv4 $public_ipv6z";
        let result = substitute(text, &known());
        for word in ["é", " x", "z"] {
            let here = result.text.find(word).unwrap();
            assert_eq!(result.origin(here), text.find(word).unwrap(), "{word}");
        }
        let inside = result.text.find("113").unwrap();
        assert_eq!(result.origin(inside), text.find("$public_ipv4").unwrap());
        assert_eq!(result.origin(result.text.len()), text.len());
    }
}
