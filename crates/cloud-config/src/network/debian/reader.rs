//! The options of a stanza, and their effect on its interface.

use std::collections::HashMap;

use ipnet::IpNet;

use crate::diagnostic::{Findings, Rule, Span, rules};
use crate::text::suggest;

use super::super::ENTRIES_MAX;
use super::super::address;
use super::super::bond::OptionFault;
use super::super::interface::Dhcp;
use super::super::names::{Domain, Mac, Name, display_name, mtu};
use super::description::{Description, extend};
use super::route::{Command, command};
use super::stanza::{Method, Stanza, StanzaOption};

/// Options that are often misspelled.
const OPTIONS: &[&str] = &["address", "netmask", "gateway", "dns-nameservers", "dns-search", "hwaddress", "mtu"];
/// The remedy for an invalid address.
const ADDRESS: &str = "write `address 192.0.2.10/24`, or the address and a `netmask` on a line of its own";
/// The remedy for an invalid gateway.
const GATEWAY: &str = "write `gateway 192.0.2.1`, one address without a length";
/// The remedy for an invalid mask.
const NETMASK: &str = "write `netmask 255.255.255.0`, or `address 192.0.2.10/24` without it";
/// The remedy for an invalid hardware address.
const HWADDRESS: &str = "write `hwaddress ether 00:00:5e:00:53:01`";
/// The remedy for an invalid interface name.
const NAME: &str = "use at most 15 letters, digits and `._-+@`";
/// The remedy for an invalid route.
const ROUTE: &str = "write `post-up route add -net NETWORK netmask MASK gw GATEWAY`";

/// The reason why a stanza is refused.
pub struct Refusal {
    /// The position of the fault.
    pub span: Span,
    /// The problem.
    pub why: String,
    /// The remedy.
    pub help: &'static str,
}

/// Parses a stanza. An invalid option that the interface needs refuses the stanza.
pub fn read(stanza: &Stanza, findings: &mut Findings) -> Result<Description, Refusal> {
    let mut reader = Reader::new(stanza, findings, Description { span: Some(stanza.span), ..Description::default() });
    match (stanza.method, stanza.family.as_str()) {
        (Method::Dhcp, "inet") => reader.new.dhcp = Dhcp::V4,
        (Method::Dhcp, "inet6") => reader.new.dhcp = Dhcp::V6,
        (Method::Dhcp, _) => reader.new.dhcp = Dhcp::Both,
        (Method::Auto, _) => reader.new.accept_ra = true,
        (Method::Static, _) => reader.new.addresses = addresses(stanza)?,
        (Method::Manual | Method::Loopback, _) => {}
    }
    for entry in &stanza.entries {
        reader.option(entry).map_err(|(why, help)| Refusal { span: entry.span, why, help })?;
    }
    Ok(reader.new)
}

/// Returns true for an option that applies to all interfaces of the file if it is in a `loopback` stanza.
pub fn is_for_all(entry: &StanzaOption) -> bool {
    matches!(entry.key.as_str(), "dns-nameservers" | "dns-nameserver" | "dns-search" | "dns-domain")
}

/// Parses the name servers and domains in a `loopback` stanza, which apply to all interfaces of the file.
pub fn read_for_all(stanza: &Stanza, findings: &mut Findings) -> Description {
    let mut reader = Reader::new(stanza, findings, Description::default());
    for entry in stanza.entries.iter().filter(|entry| is_for_all(entry)) {
        if entry.key.starts_with("dns-nameserver") {
            let servers = reader.words(entry, address::host);
            extend(&mut reader.new.dns, servers);
        } else {
            let domains = reader.words(entry, Domain::new);
            extend(&mut reader.new.domains, domains);
        }
        reader.new.span = reader.new.span.or(Some(entry.span));
    }
    reader.new
}

/// Returns the interfaces that carry the interface of a stanza, according to its name and options.
pub fn carriers(stanza: &Stanza) -> Vec<Name> {
    let is_named = |entry: &&StanzaOption| matches!(entry.key.as_str(), "bond-slaves" | "vlan-raw-device");
    let named = stanza.entries.iter().filter(is_named).flat_map(|entry| entry.value.split_whitespace());
    let base = stanza.name.as_str().rsplit_once('.').map(|(base, _)| base);
    named.chain(base).take(ENTRIES_MAX).filter_map(|name| Name::new(name).ok()).collect()
}

/// Returns the addresses of a stanza. An address without a prefix length has the last mask before the next address; if
/// there is none, the last mask before the address.
fn addresses(stanza: &Stanza) -> Result<Vec<IpNet>, Refusal> {
    // Each mask, and each address with the index of its mask: addresses side by side share one.
    let mut masks = vec![None];
    let mut found: Vec<(&StanzaOption, usize)> = Vec::new();
    let mut is_masked = false;
    for entry in &stanza.entries {
        match entry.key.as_str() {
            "address" => {
                if is_masked {
                    masks.extend_from_within(masks.len() - 1..);
                    is_masked = false;
                }
                found.push((entry, masks.len() - 1));
            }
            "netmask" => {
                masks.pop();
                masks.push(Some(entry));
                is_masked = !found.is_empty();
            }
            _ => {}
        }
    }
    if found.is_empty() {
        // Misspellings such as `address:` or `adress`.
        let meant = stanza.entries.iter().find(|entry| suggest::is_close(&entry.key, &["address"]));
        let why = meant.map_or_else(
            || "`static` without `address`".to_owned(),
            |entry| format!("`static` without `address`, but with unknown option `{}`", display_name(&entry.key)),
        );
        return Err(Refusal { span: meant.map_or(stanza.span, |entry| entry.span), why, help: ADDRESS });
    }
    let read = |(entry, mask): (&StanzaOption, usize)| {
        let mask: Option<&StanzaOption> = masks[mask];
        address::interface(&entry.value, mask.map(|mask| mask.value.as_str())).ok_or_else(|| {
            // The address is valid with another mask, so the mask is the fault.
            match mask.filter(|_| address::interface(&entry.value, Some("1")).is_some()) {
                Some(mask) => {
                    Refusal { span: mask.span, why: "`netmask` is not a network mask".to_owned(), help: NETMASK }
                }
                None => Refusal {
                    span: entry.span,
                    why: "`address` is not a host address with a prefix length".to_owned(),
                    help: ADDRESS,
                },
            }
        })
    };
    found.into_iter().map(read).collect()
}

/// Returns the remedy for a value with a comment, or with commas between its words.
fn separator_help(value: &str) -> Option<&'static str> {
    if value.split_whitespace().any(|word| word.starts_with('#')) {
        Some("begin the comment on a line of its own")
    } else if value.contains(',') {
        Some("separate words with spaces alone")
    } else {
        None
    }
}

struct Reader<'a> {
    stanza: &'a Stanza,
    findings: &'a mut Findings,
    new: Description,
    /// The values of the options of which only one is used.
    kept: HashMap<&'a str, &'a str>,
}

impl<'a> Reader<'a> {
    fn new(stanza: &'a Stanza, findings: &'a mut Findings, new: Description) -> Self {
        Self { stanza, findings, new, kept: HashMap::new() }
    }

    /// Reports an option that is repeated with another value. Returns true if the option is repeated.
    fn is_repeated(&mut self, entry: &'a StanzaOption) -> bool {
        let key = if entry.key == "dns-nameserver" { "dns-nameservers" } else { entry.key.as_str() };
        let before = self.kept.insert(key, &entry.value);
        if before.is_some_and(|before| before != entry.value) {
            self.report(&rules::UNCONVERTED, entry, "is given twice; the last one is used");
        }
        before.is_some()
    }

    fn report(&mut self, rule: &'static Rule, entry: &StanzaOption, message: &str) {
        let key = display_name(&entry.key);
        self.findings.report(rule, Some(entry.span), self.stanza.name.as_str(), format!("`{key}` {message}"));
    }

    /// Parses an option. An error is the reason to refuse the stanza, with the remedy.
    fn option(&mut self, entry: &'a StanzaOption) -> Result<(), (String, &'static str)> {
        match entry.key.as_str() {
            "address" | "netmask" | "gateway" | "dns-nameservers" | "dns-nameserver" | "dns-search" | "dns-domain"
            | "post-up"
                if self.stanza.method != Method::Static =>
            {
                self.report(&rules::UNCONVERTED, entry, "is supported with `static` only; ignored");
            }
            "gateway" => {
                if let Some(gateway) = address::host(&entry.value) {
                    let before = self.new.gateways[usize::from(gateway.is_ipv6())].replace(gateway);
                    if before.is_some_and(|before| before != gateway) {
                        self.report(&rules::UNCONVERTED, entry, "is given twice; the last one is used");
                    }
                } else {
                    let message = "`gateway` is not a host address; default route skipped";
                    let help = separator_help(&entry.value).unwrap_or(GATEWAY);
                    self.findings.suggest(
                        &rules::BAD_NETWORK_VALUE,
                        entry.span,
                        self.stanza.name.as_str(),
                        message,
                        help,
                    );
                }
            }
            "dns-nameservers" | "dns-nameserver" => {
                self.is_repeated(entry);
                self.new.dns = self.words(entry, address::host);
            }
            "dns-search" => {
                let domains = self.words(entry, Domain::new);
                if self.is_repeated(entry) {
                    self.new.domains = domains;
                } else {
                    extend(&mut self.new.domains, domains);
                }
            }
            "dns-domain" => {
                let domains = self.words(entry, Domain::new);
                extend(&mut self.new.domains, domains);
            }
            "hwaddress" => self.hardware_address(entry)?,
            "mtu" => {
                self.is_repeated(entry);
                self.new.mtu = mtu(&entry.value);
                if self.new.mtu.is_none() {
                    self.report(&rules::BAD_NETWORK_VALUE, entry, "is not a valid number; skipped");
                }
            }
            "post-up" => match command(&entry.value) {
                Command::Route(route) => self.new.routes.push(route),
                Command::Bad => {
                    let message = "`post-up` has an invalid network or gateway; route skipped";
                    let name = self.stanza.name.as_str();
                    self.findings.suggest(&rules::BAD_NETWORK_VALUE, entry.span, name, message, ROUTE);
                }
                Command::Other => {
                    let message = "`post-up` is an unsupported command; ignored";
                    self.findings.suggest(&rules::UNCONVERTED, entry.span, self.stanza.name.as_str(), message, ROUTE);
                }
            },
            "bond-slaves" => {
                self.is_repeated(entry);
                let is_none = entry.value == "none";
                let read = |word: &str| Name::new(word).ok();
                self.new.slaves = Some(if is_none { Vec::new() } else { self.words(entry, read) });
            }
            "bond-master" => {
                self.is_repeated(entry);
                let name = |word: &str| Name::new(word).ok();
                self.new.master = self.words(entry, name).pop();
            }
            "vlan-raw-device" => {
                self.is_repeated(entry);
                let name = Name::new(&entry.value);
                let name = name.map_err(|why| (format!("invalid interface in `vlan-raw-device`: {why}"), NAME))?;
                self.new.raw_device = Some(name);
            }
            "vlan-id" => {
                self.is_repeated(entry);
                self.new.vlan_id = Some(entry.value.clone());
            }
            // The addresses were parsed before. networkd computes broadcast and network itself, and undoes its own
            // changes.
            "address" | "netmask" | "broadcast" | "network" | "down" | "pre-down" | "post-down" => {}
            key => self.other(key, entry),
        }
        Ok(())
    }

    /// Returns the words of an option that `read` accepts, and reports the others.
    fn words<T>(&mut self, entry: &StanzaOption, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        // Computed once, because a value can be long.
        let help = separator_help(&entry.value);
        for word in entry.value.split_whitespace() {
            match read(word) {
                Some(_) if found.len() == ENTRIES_MAX => {
                    self.report(&rules::BAD_NETWORK_VALUE, entry, "has more than 10000 words; the rest is skipped");
                    break;
                }
                Some(item) => found.push(item),
                None => {
                    let message = format!("`{}` has an invalid word; word skipped", display_name(&entry.key));
                    let name = self.stanza.name.as_str();
                    match help {
                        Some(help) => {
                            self.findings.suggest(&rules::BAD_NETWORK_VALUE, entry.span, name, message, help);
                        }
                        None => self.findings.report(&rules::BAD_NETWORK_VALUE, Some(entry.span), name, message),
                    }
                    if word.starts_with('#') {
                        // The rest of the value is a comment.
                        break;
                    }
                }
            }
        }
        found
    }

    /// Parses an option of a bond, and reports an unknown option.
    fn other(&mut self, key: &str, entry: &StanzaOption) {
        match key.strip_prefix("bond-").map_or(Err(OptionFault::Unknown), |key| self.new.bond.set(key, &entry.value)) {
            Ok(()) => {}
            Err(OptionFault::Unknown) => match suggest::help(&entry.key, OPTIONS.iter().copied()) {
                Some(help) => {
                    let message = format!("unknown option `{}`; ignored", display_name(&entry.key));
                    self.findings.suggest(&rules::UNCONVERTED, entry.span, self.stanza.name.as_str(), message, &help);
                }
                None => self.report(&rules::UNCONVERTED, entry, "is unsupported; ignored"),
            },
            Err(OptionFault::Value) => {
                self.report(&rules::BAD_NETWORK_VALUE, entry, "has an invalid value; skipped");
            }
        }
    }

    /// Parses `hwaddress ether ADDRESS`, or the address alone.
    fn hardware_address(&mut self, entry: &StanzaOption) -> Result<(), (String, &'static str)> {
        let words: Vec<_> = entry.value.split_whitespace().take(3).collect();
        match words[..] {
            ["ether", word] => {
                let mac =
                    Mac::new(word).ok_or_else(|| ("invalid hardware address in `hwaddress`".to_owned(), HWADDRESS))?;
                self.new.mac = Some(mac);
            }
            [word] if Mac::new(word).is_some() => self.new.mac = Mac::new(word),
            _ => self.report(&rules::UNCONVERTED, entry, "is not `ether` and an address; ignored"),
        }
        Ok(())
    }
}
