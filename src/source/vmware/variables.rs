//! The meaning of guest variables, whatever source they come from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Result, anyhow, bail};

use crate::http::Url;
use cloud_config::network::{Format, NetworkData};
use cloud_config::text::{decode, printable};
use cloud_config::user_data::{self, USER_DATA_MAX};

use crate::source::{Context, MetaData, url};

/// The largest number of entries of a list of variables.
const LIST_MAX: usize = 1000;

/// Guest variables, named without the prefix `guestinfo.`.
pub trait Variables {
    /// Returns the value of a variable; `None` if it is not set.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Returns the names of all variables; empty if the source cannot list them.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the full names of non-empty properties that lack the prefix `guestinfo.` or have it in another case.
    fn misnamed(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads the host name, the addresses and the network description.
pub fn meta_data(variables: &dyn Variables, cx: &Context<'_>) -> MetaData {
    let mut reader = VariableReader { variables, meta: MetaData::default(), network: BTreeMap::new(), failed: false };
    let hostname = reader.text("hostname");
    reader.meta.take_hostname(&hostname);
    reader.report_misnamed();
    reader.list(|n| format!("dns.server.{n}"));
    reader.list(|n| format!("dns.domain.{n}"));
    for n in 0.. {
        if n == LIST_MAX {
            reader.report_cut_list(&format!("interface.{n}.name"));
            break;
        }
        if !reader.interface(n) || reader.failed {
            break;
        }
    }
    // A warning names each variable that is not used.
    for name in variables.names() {
        if (name.starts_with("interface.") || name.starts_with("dns.")) && !reader.network.contains_key(&name) {
            reader.network_value(name);
        }
    }
    let mut meta = reader.meta;
    if cx.setup.network == Some(Format::Vmware) {
        meta.network = Some(NetworkData::Vmware(reader.network));
    }
    meta
}

struct VariableReader<'a> {
    variables: &'a dyn Variables,
    meta: MetaData,
    /// The variables of the network description.
    network: BTreeMap<String, String>,
    /// True if reading a variable has failed; no more variables are requested then.
    failed: bool,
}

impl VariableReader<'_> {
    /// Returns the value of a variable; empty if it is not set.
    fn text(&mut self, name: &str) -> String {
        if self.failed {
            return String::new();
        }
        match self.variables.get(name) {
            Ok(value) => value.map(|value| String::from_utf8_lossy(&value).trim().to_owned()).unwrap_or_default(),
            Err(error) => {
                self.failed = true;
                self.meta.fail(format!("{error:#}"));
                String::new()
            }
        }
    }

    /// Reports misnamed properties that would give access.
    fn report_misnamed(&mut self) {
        for name in self.variables.misnamed() {
            match &*letters(&name) {
                "hostname" if self.meta.hostname.is_none() => {
                    let name = printable(&name);
                    self.meta.unread_hostname =
                        Some(format!("found the property {name}, which must be named guestinfo.hostname"));
                }
                "publickeys" | "sshauthorizedkeys" => {
                    let name = printable(&name);
                    self.meta.fail(format!(
                        "found the property {name}, which is unsupported: list SSH keys in the user-data"
                    ));
                }
                _ => {}
            }
        }
    }

    /// Returns the value of a variable, and adds it to the network description.
    fn network_value(&mut self, name: String) -> String {
        let value = self.text(&name);
        if !value.is_empty() {
            self.network.insert(name, value.clone());
        }
        value
    }

    /// Adds the variables of a list to the network description, up to the first one that is not set.
    fn list(&mut self, name: impl Fn(usize) -> String) {
        for n in 0..LIST_MAX {
            if self.network_value(name(n)).is_empty() {
                return;
            }
        }
        self.report_cut_list(&name(LIST_MAX));
    }

    /// Records a failure if the list has more entries: if `name` is set.
    fn report_cut_list(&mut self, name: &str) {
        if !self.text(name).is_empty() {
            self.meta.fail(format!("guestinfo.{name}: more than {LIST_MAX} entries; the rest is skipped"));
        }
    }

    /// Reads the interface with the index `n`. Returns true if it exists.
    fn interface(&mut self, n: usize) -> bool {
        let mut found = false;
        for field in ["name", "mac", "dhcp"] {
            found |= !self.network_value(format!("interface.{n}.{field}")).is_empty();
        }
        // The role says how the addresses are used. It is not part of the network description.
        let role = self.text(&format!("interface.{n}.role"));
        for m in 0.. {
            let name = format!("interface.{n}.ip.{m}.address");
            if m == LIST_MAX {
                self.report_cut_list(&name);
                break;
            }
            let address = self.network_value(name.clone());
            if address.is_empty() {
                break;
            }
            found = true;
            self.address(&name, &address, &role);
        }
        if found && !matches!(role.as_str(), "" | "public" | "private") {
            let has_address = self.network.contains_key(&format!("interface.{n}.ip.0.address"));
            if has_address {
                self.meta
                    .fail(format!("guestinfo.interface.{n}.role is neither public nor private; addresses ignored"));
            }
        }
        for r in 0.. {
            if r == LIST_MAX {
                self.report_cut_list(&format!("interface.{n}.route.{r}.gateway"));
                break;
            }
            let gateway = self.network_value(format!("interface.{n}.route.{r}.gateway"));
            let destination = self.network_value(format!("interface.{n}.route.{r}.destination"));
            if gateway.is_empty() && destination.is_empty() {
                break;
            }
            found = true;
        }
        found
    }

    /// Reads an address with a prefix length. If its interface has a role, it is also an address of the machine.
    fn address(&mut self, name: &str, address: &str, role: &str) {
        let Some(found) = cidr(address) else {
            return self.meta.fail(format!(
                "guestinfo.{name} is not an address with a prefix length, such as 192.0.2.1/24; ignored"
            ));
        };
        match role {
            "public" => self.meta.addresses.take(found, true),
            "private" => self.meta.addresses.take(found, false),
            _ => {}
        }
    }
}

/// Parses `ADDRESS/PREFIX`, and returns the address.
fn cidr(text: &str) -> Option<IpAddr> {
    let (address, prefix) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix: u8 = prefix.bytes().all(|byte| byte.is_ascii_digit()).then(|| prefix.parse().ok())??;
    (prefix <= if address.is_ipv4() { 32 } else { 128 }).then_some(address)
}

/// Returns the user-data: the content of the first variable, of four, that is set.
pub fn user_data(variables: &dyn Variables, cx: &Context<'_>) -> Result<Vec<u8>> {
    for name in ["ignition.config.data", "coreos.config.data"] {
        let Some(data) = variables.get(name)?.filter(|data| !data.is_empty()) else { continue };
        let encoding = variables.get(&format!("{name}.encoding"))?.unwrap_or_default();
        let encoding = String::from_utf8_lossy(&encoding).trim().to_owned();
        if encoding.is_empty()
            && let Some(found) = user_data::encoding(&data)
        {
            bail!(
                "failed to decode guestinfo.{name}: it is encoded, and guestinfo.{name}.encoding is not set; \
                 set that to `{found}`"
            );
        }
        if encoding.is_empty() && user_data::has_lost_lines(&data) {
            bail!(
                "failed to read guestinfo.{name}: it is one line, without the line breaks that an attribute of XML loses; \
                 set it in base64, and guestinfo.{name}.encoding to `base64`"
            );
        }
        let suggestion = decode::suggest(&data, &encoding);
        return decode::decode(data, &encoding, USER_DATA_MAX as u64, &mut { decode::MEMBERS_MAX }).map_err(|error| {
            let help = match error {
                decode::DecodeError::Encoding => decode::advise(&encoding),
                _ => suggestion,
            };
            let known = || format!("encodings are {}", decode::NAMES.join(", "));
            let help =
                help.map_or_else(known, |help| help.replace("`encoding", &format!("`guestinfo.{name}.encoding")));
            anyhow!("failed to decode guestinfo.{name}: {error}; {help}")
        });
    }
    for name in ["ignition.config.url", "coreos.config.url"] {
        let Some(address) = variables.get(name)?.filter(|address| !address.is_empty()) else { continue };
        let address = String::from_utf8_lossy(&address);
        let address = match Url::parse(&address) {
            Ok(address) => address,
            Err(error) => bail!("failed to fetch the URL of guestinfo.{name}: {error}"),
        };
        log::info!("guestinfo.{name} names {address}");
        return url::fetch_user_data(&address, cx);
    }
    for name in UNREAD {
        if variables.get(name)?.is_some_and(|data| !data.is_empty()) {
            bail!(
                "failed to read the user-data: guestinfo.{name} is set, which is unsupported; set guestinfo.coreos.config.data, \
                 and guestinfo.coreos.config.data.encoding where it is encoded"
            );
        }
    }
    for name in variables.misnamed() {
        let wanted = match &*letters(&name) {
            "userdata" | "coreosconfigdata" | "coreosconfig" | "flatcarconfigdata" => "coreos.config.data",
            "coreosconfigurl" | "flatcarconfigurl" => "coreos.config.url",
            "ignitionconfigdata" | "ignitionconfig" => "ignition.config.data",
            "ignitionconfigurl" => "ignition.config.url",
            _ => continue,
        };
        let encoding = if wanted.ends_with("data") {
            format!("; if it is encoded, also set guestinfo.{wanted}.encoding")
        } else {
            String::new()
        };
        bail!(
            "failed to read the user-data: found the property {}, which must be named guestinfo.{wanted}{encoding}",
            printable(&name)
        );
    }
    Ok(Vec::new())
}

/// Returns the letters and digits of a name in lower case, without the prefix `guestinfo.`.
fn letters(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("guestinfo.").unwrap_or(&name);
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The variables in which other programs expect user-data.
const UNREAD: [&str; 8] = [
    "userdata",
    "user-data",
    "user_data",
    "coreos.config",
    "ignition.config",
    "flatcar.config.data",
    "flatcar.config.url",
    "flatcar.config",
];
