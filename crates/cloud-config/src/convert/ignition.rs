//! Writes a configuration as Ignition: JSON for a machine.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use super::model::{self, Config};
use crate::plan::Principal;

/// The version of the specification, which is also that of both variants of Butane.
pub const VERSION: &str = "3.4.0";

/// Writes a configuration, indented.
pub fn write(config: &Config) -> String {
    // Serialization fails only for keys that are not strings, and all keys are strings here.
    let mut text = serde_json::to_string_pretty(&Document::new(config)).unwrap_or_default();
    text.push('\n');
    text
}

/// Returns a configuration as a value, for callers that add to it or write it without blanks.
pub fn value(config: &Config) -> serde_json::Value {
    serde_json::to_value(Document::new(config)).unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'a> {
    ignition: Ignition,
    #[serde(skip_serializing_if = "Option::is_none")]
    passwd: Option<Passwd<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage: Option<Storage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    systemd: Option<Systemd<'a>>,
}

#[derive(Serialize)]
struct Ignition {
    version: &'static str,
}

#[derive(Serialize)]
struct Passwd<'a> {
    users: Vec<User<'a>>,
}

#[derive(Serialize)]
struct Storage<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link<'a>>,
}

#[derive(Serialize)]
struct Systemd<'a> {
    units: Vec<Unit<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the format")]
struct User<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "is_empty")]
    ssh_authorized_keys: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    gecos: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    no_create_home: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_group: Option<&'a str>,
    #[serde(skip_serializing_if = "is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "is_false")]
    no_user_group: bool,
    #[serde(skip_serializing_if = "is_false")]
    no_log_init: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    shell: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    system: bool,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
    overwrite: bool,
    mode: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Owner<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Owner<'a>>,
    contents: Contents,
}

/// An object with one field, `id` or `name`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Owner<'a> {
    Id(u32),
    Name(&'a str),
}

#[derive(Serialize)]
struct Contents {
    source: String,
}

#[derive(Serialize)]
struct Link<'a> {
    path: &'a str,
    overwrite: bool,
    target: &'a str,
}

#[derive(Serialize)]
struct Unit<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    enabled: bool,
    #[serde(skip_serializing_if = "is_false")]
    mask: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    contents: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropins: Vec<DropIn<'a>>,
}

#[derive(Serialize)]
struct DropIn<'a> {
    name: &'a str,
    contents: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_empty(list: &[String]) -> bool {
    list.is_empty()
}

impl<'a> Document<'a> {
    fn new(config: &'a Config) -> Self {
        let Config { users, files, links, units } = config;
        let has_storage = !(files.is_empty() && links.is_empty());
        Self {
            ignition: Ignition { version: VERSION },
            passwd: (!users.is_empty()).then(|| Passwd { users: users.iter().map(User::new).collect() }),
            storage: has_storage.then(|| Storage {
                files: files.iter().map(File::new).collect(),
                links: links.iter().map(Link::new).collect(),
            }),
            systemd: (!units.is_empty()).then(|| Systemd { units: units.iter().map(Unit::new).collect() }),
        }
    }
}

impl<'a> User<'a> {
    fn new(user: &'a model::User) -> Self {
        Self {
            name: &user.name,
            password_hash: user.password_hash.as_ref().map(|hash| hash.expose().as_str()),
            ssh_authorized_keys: &user.ssh_authorized_keys,
            gecos: user.gecos.as_deref(),
            home_dir: user.home_dir.as_deref(),
            no_create_home: user.no_create_home,
            primary_group: user.primary_group.as_deref(),
            groups: &user.groups,
            no_user_group: user.no_user_group,
            no_log_init: user.no_log_init,
            shell: user.shell.as_deref(),
            system: user.system,
        }
    }
}

impl<'a> File<'a> {
    fn new(file: &'a model::File) -> Self {
        Self {
            path: &file.path,
            overwrite: true,
            mode: file.mode,
            user: file.user.as_ref().map(Owner::new),
            group: file.group.as_ref().map(Owner::new),
            contents: Contents { source: data_url(file.contents.expose()) },
        }
    }
}

impl<'a> Owner<'a> {
    fn new(principal: &'a Principal) -> Self {
        match principal {
            Principal::Id(id) => Self::Id(*id),
            Principal::Name(name) => Self::Name(name),
        }
    }
}

impl<'a> Link<'a> {
    fn new(link: &'a model::Link) -> Self {
        Self { path: &link.path, overwrite: true, target: &link.target }
    }
}

impl<'a> Unit<'a> {
    fn new(unit: &'a model::Unit) -> Self {
        let drop_in = |drop_in: &'a model::DropIn| DropIn { name: &drop_in.name, contents: drop_in.contents.expose() };
        Self {
            name: &unit.name,
            enabled: unit.enabled,
            mask: unit.mask,
            contents: unit.contents.as_ref().map(|text| text.expose().as_str()),
            dropins: unit.drop_ins.iter().map(drop_in).collect(),
        }
    }
}

/// The shorter of the two forms of a `data:` URL: escaped text or base64.
fn data_url(bytes: &[u8]) -> String {
    const ESCAPED: &str = "data:,";
    const ENCODED: &str = "data:;base64,";
    let escaped: usize = bytes.iter().map(|byte| if is_unreserved(*byte) { 1 } else { 3 }).sum();
    if ESCAPED.len() + escaped > ENCODED.len() + bytes.len().div_ceil(3) * 4 {
        return format!("{ENCODED}{}", BASE64_STANDARD.encode(bytes));
    }
    let mut url = String::with_capacity(ESCAPED.len() + escaped);
    url.push_str(ESCAPED);
    for byte in bytes {
        if is_unreserved(*byte) {
            url.push(char::from(*byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

/// Returns true for the characters that stand for themselves in every part of a URL (RFC 2396, 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::data_url;

    #[test]
    fn contents_are_a_url_of_the_shorter_form() {
        for (bytes, url) in [
            (&b""[..], "data:,"),
            (b"web\n", "data:,web%0A"),
            (b"a-_.!~*'()z", "data:,a-_.!~*'()z"),
            (b"50% a+b", "data:,50%25%20a%2Bb"),
            ("é".as_bytes(), "data:,%C3%A9"),
            ("\u{3b1}\u{3b2}\u{3b3}\u{3b4}".as_bytes(), "data:;base64,zrHOss6zzrQ="),
            (b"\0\xff", "data:,%00%FF"),
            (b"\0\xff\xfe\xfd\xfc\xfb", "data:;base64,AP/+/fz7"),
            (b"#!/bin/sh\n/////////\n", "data:;base64,IyEvYmluL3NoCi8vLy8vLy8vLwo="),
        ] {
            assert_eq!(data_url(bytes), url);
        }
    }
}
