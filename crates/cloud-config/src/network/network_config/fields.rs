//! Reads the values of a mapping: only a value that is invalid is skipped.

use core::net::IpAddr;

use crate::diagnostic::{Findings, Rule, Span, rules};
use crate::text::suggest;
use crate::yaml::Node;

use super::super::bond::OptionFault;
use super::super::names::{Domain, Mac, Name, display_name, mtu, number};
use super::super::{ENTRIES_MAX, NAMES_MAX, address};

/// A mapping of the description, with its subject in findings.
pub struct Fields<'a> {
    node: &'a Node,
    /// The name of the interface or the entry.
    pub subject: String,
}

impl<'a> Fields<'a> {
    /// The fields of a node; `None` if it is not a mapping.
    pub fn new(node: &'a Node, subject: impl Into<String>) -> Option<Self> {
        node.entries().map(|_| Self { node, subject: subject.into() })
    }

    /// The range of the mapping.
    pub const fn span(&self) -> Span {
        self.node.span
    }

    /// The keys and values that are not null.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
        let entries = self.node.entries().unwrap_or_default().iter();
        entries.map(|entry| (&*entry.key, &*entry.value)).filter(|(_, value)| !value.is_null())
    }

    /// The value of a key that is not null.
    pub fn node(&self, key: &str) -> Option<&'a Node> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The scalar of a key that is not empty.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.node(key).and_then(Node::text).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Adds a finding about the value of a key, or about the mapping if the key is missing.
    pub fn report(&self, rule: &'static Rule, key: &str, message: impl AsRef<str>, findings: &mut Findings) {
        let span = self.node(key).map_or(self.node.span, |value| value.span);
        findings.report(rule, Some(span), &self.subject, message);
    }

    fn invalid(&self, key: &str, consequence: &str, findings: &mut Findings) {
        self.report(&rules::BAD_NETWORK_VALUE, key, format!("invalid `{key}`; {consequence}"), findings);
    }

    /// The boolean of a key.
    pub fn boolean(&self, key: &str, findings: &mut Findings) -> Option<bool> {
        let value = match self.node(key)?.text().unwrap_or_default().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        };
        if value.is_none() {
            self.invalid(key, "ignored", findings);
        }
        value
    }

    /// The number of a key.
    pub fn number(&self, key: &str, findings: &mut Findings) -> Option<u32> {
        self.node(key)?;
        let number = self.text(key).and_then(number);
        if number.is_none() {
            self.invalid(key, "ignored", findings);
        }
        number
    }

    /// The `mtu`.
    pub fn mtu(&self, findings: &mut Findings) -> Option<u32> {
        self.node("mtu")?;
        let mtu = self.text("mtu").and_then(mtu);
        if mtu.is_none() {
            self.invalid("mtu", "ignored", findings);
        }
        mtu
    }

    /// The hardware address of a key.
    ///
    /// # Errors
    ///
    /// The value is not a hardware address.
    pub fn mac(&self, key: &str) -> Result<Option<Mac>, String> {
        if self.node(key).is_none() {
            return Ok(None);
        }
        let mac = self.text(key).and_then(Mac::new);
        mac.map(Some).ok_or_else(|| format!("invalid hardware address in `{key}`"))
    }

    /// The mapping of a key.
    pub fn mapping(&self, key: &str, findings: &mut Findings) -> Option<Self> {
        let fields = Self::new(self.node(key)?, self.subject.clone());
        if fields.is_none() {
            self.report(&rules::BAD_NETWORK_VALUE, key, format!("`{key}` is not a mapping; skipped"), findings);
        }
        fields
    }

    /// The items of a list.
    pub fn list(&self, key: &str, findings: &mut Findings) -> &'a [std::rc::Rc<Node>] {
        let Some(node) = self.node(key) else { return &[] };
        let Some(items) = node.items() else {
            self.report(&rules::BAD_NETWORK_VALUE, key, format!("`{key}` is not a list; skipped"), findings);
            return &[];
        };
        if items.len() > ENTRIES_MAX {
            let message = format!("more than {ENTRIES_MAX} entries in `{key}`; the rest is skipped");
            self.report(&rules::BAD_NETWORK_VALUE, key, message, findings);
        }
        &items[..items.len().min(ENTRIES_MAX)]
    }

    /// The items of a list that are mappings.
    pub fn mappings(&self, key: &str, findings: &mut Findings) -> Vec<Self> {
        let mut mappings = Vec::new();
        for (at, item) in self.list(key, findings).iter().enumerate() {
            if let Some(fields) = Self::new(item, self.subject.clone()) {
                mappings.push(fields);
            } else {
                let message = format!("`{key}[{at}]` is not a mapping; skipped");
                findings.report(&rules::BAD_NETWORK_VALUE, Some(item.span), &self.subject, message);
            }
        }
        mappings
    }

    /// The words of a key: a list of scalars, or one with blanks or commas between the words.
    pub fn words(&self, key: &str, findings: &mut Findings) -> Vec<(&'a str, Span)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        if let Some(text) = node.text() {
            let words = text.split([' ', ',', '\t', '\n']).filter(|word| !word.is_empty());
            return words.take(ENTRIES_MAX).map(|word| (word, node.span)).collect();
        }
        let items = self.list(key, findings).iter();
        items.map(|item| (item.text().unwrap_or_default().trim(), item.span)).collect()
    }

    /// The addresses of name servers of a key.
    pub fn servers(&self, key: &str, findings: &mut Findings) -> Vec<IpAddr> {
        self.each(key, "name server", address::host, findings)
    }

    /// The search domains of a key.
    pub fn domains(&self, key: &str, findings: &mut Findings) -> Vec<Domain> {
        self.each(key, "domain", Domain::new, findings)
    }

    /// The names of interfaces of a key, as written.
    pub fn names(&self, key: &str, findings: &mut Findings) -> Vec<(String, Span)> {
        self.words(key, findings).into_iter().map(|(name, span)| (name.to_owned(), span)).collect()
    }

    /// Each word of a key as `read` reads it; `what` is a word in messages.
    fn each<T>(&self, key: &str, what: &str, read: impl Fn(&str) -> Option<T>, findings: &mut Findings) -> Vec<T> {
        let mut values = Vec::new();
        for (word, span) in self.words(key, findings) {
            let message = match read(word) {
                Some(_) if values.len() == NAMES_MAX => {
                    format!("more than {NAMES_MAX} {what}s in `{key}`; the rest is skipped")
                }
                Some(value) => {
                    values.push(value);
                    continue;
                }
                None => format!("invalid {what} in `{key}`; {what} skipped"),
            };
            findings.report(&rules::BAD_NETWORK_VALUE, Some(span), &self.subject, message);
            if values.len() == NAMES_MAX {
                break;
            }
        }
        values
    }

    /// Reports an option of a bond or bridge that is not set.
    pub fn report_option(&self, set: Result<(), OptionFault>, key: &str, findings: &mut Findings) {
        let (rule, what) = match set {
            Ok(()) => return,
            Err(OptionFault::Unknown) => (&rules::UNCONVERTED, "is unsupported; ignored"),
            Err(OptionFault::Value) => (&rules::BAD_NETWORK_VALUE, "has an invalid value; skipped"),
        };
        self.report(rule, key, format!("option `{}` {what}", display_name(key)), findings);
    }

    /// Reports the keys that are neither read nor harmless.
    pub fn report_unknown(&self, read: &[&'static str], harmless: &[&str], findings: &mut Findings) {
        for entry in self.node.entries().unwrap_or_default() {
            let is_known = read.contains(&&*entry.key) || harmless.contains(&&*entry.key);
            let is_empty = entry.value.is_null()
                || entry.value.items().is_some_and(<[_]>::is_empty)
                || entry.value.entries().is_some_and(<[_]>::is_empty)
                || entry.value.text() == Some("");
            if is_known || is_empty {
                continue;
            }
            let message = format!("unknown key `{}`; ignored", display_name(&entry.key));
            match suggest::help(&entry.key, read.iter().copied()) {
                Some(help) => {
                    findings.suggest(&rules::UNCONVERTED, entry.key_span, &self.subject, message, &help);
                }
                None => findings.report(&rules::UNCONVERTED, Some(entry.key_span), &self.subject, message),
            }
        }
    }
}

/// The value of an option of a bond or bridge: a scalar, or the words of a list.
pub fn option_text(value: &Node) -> String {
    let words: Vec<_> = value.items().unwrap_or_default().iter().filter_map(|item| item.text()).collect();
    value.text().map_or_else(|| words.join(" "), str::to_owned)
}

/// A name of an interface.
///
/// # Errors
///
/// It is invalid; the text says why.
pub fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|why| format!("invalid name: {why}"))
}
