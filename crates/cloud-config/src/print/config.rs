//! Prints a parsed configuration: the keys that are set and not skipped, in their documented spelling.
//!
//! The row of a key in the table of fields selects how it is printed. Types whose keys depend on each other are
//! destructured without `..`, so that a new key does not compile without a line here.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::omitted::{Omitted, OmittedKind};
use super::redactor::Redactor;
use super::tree::{PrintedMapping, PrintedTree};
use crate::config::fields::{DROP_IN, FILE, FieldInfo, Mapping, OEM, Show, UPDATE, USER};
use crate::config::options::{OptionValue, Options, Service};
use crate::config::ssh_key;
use crate::config::{CloudConfig, CoreOs, DropIn, FieldValue, Fields, File, Unit, User};
use crate::diagnostic::{Span, rules};
use crate::plan::{Access, CORE, is_group_name, names};
use crate::text::secret::Secret;
use crate::yaml::Field;

/// The settings of printing one configuration.
pub(super) struct Printer<'a> {
    omitted: Omitted<'a>,
    redactor: &'a Redactor,
    /// The passwords and the values of secret options.
    secrets: HashSet<&'a str>,
}

/// Returns the host name and the SSH keys, the only parts of a broken document that are applied.
pub(super) fn access(config: &CloudConfig, access: &Access) -> PrintedMapping {
    let mut out = PrintedMapping::default();
    out.text("hostname", access.hostname.as_ref().map(|_| config.hostname.text()));
    out.list("ssh_authorized_keys", access.keys.iter().map(|key| text(key)));
    out
}

impl<'a> Printer<'a> {
    /// Creates a printer of `config` without the `omitted` items.
    pub fn new(config: &'a CloudConfig, omitted: Omitted<'a>, redactor: &'a Redactor) -> Self {
        let CoreOs { units: _, update: _, oem: _, etcd, etcd2, fleet, locksmith, flannel } = &config.coreos;
        let users = config.users.iter().filter_map(Field::get).filter_map(|user| user.passwd.get());
        let mut secrets: HashSet<_> = users.map(|hash| hash.expose().as_str()).collect();
        secrets.extend(secret_options(etcd).chain(secret_options(etcd2)).chain(secret_options(fleet)));
        secrets.extend(secret_options(locksmith).chain(secret_options(flannel)));
        Self { omitted, redactor, secrets }
    }

    /// Prints everything except the host name and the SSH keys of `core`, which are already in `out`.
    pub fn config(&self, config: &CloudConfig, mut out: PrintedMapping) -> PrintedMapping {
        let CloudConfig { ssh_authorized_keys: _, hostname: _, users, write_files, manage_etc_hosts, coreos } = config;
        out.list("users", users.iter().filter_map(|user| self.user(user)));
        out.list("write_files", write_files.iter().filter_map(|file| self.file(file)));
        let hosts = manage_etc_hosts.filled().filter(|_| !self.omitted.section("manage_etc_hosts"));
        out.text("manage_etc_hosts", hosts);
        out.section("coreos", self.coreos(coreos));
        out
    }

    /// Returns true if the field of `row` is skipped because of an error about the value at `span`.
    fn is_omitted(&self, row: &FieldInfo, span: Option<Span>) -> bool {
        row.left_out_for.is_some_and(|rule| self.omitted.field(rule, span))
    }

    /// Returns the text of a field, unless the field is skipped.
    fn text<'b>(&self, row: &FieldInfo, field: &'b Field<String>) -> Option<Cow<'b, str>> {
        let text = field.filled().filter(|_| !self.is_omitted(row, field.span))?;
        Some(if matches!(row.show, Show::Url) { self.redactor.url(text).into() } else { text.into() })
    }

    /// Prints a field as its row specifies.
    fn field(&self, out: &mut PrintedMapping, row: &FieldInfo, value: FieldValue<'_>) {
        match value {
            FieldValue::Text(field) => out.text(row.name, self.text(row, field)),
            FieldValue::Texts(fields) => {
                let texts = fields.iter().filter_map(|field| self.text(row, field));
                out.list(row.name, texts.map(|text| PrintedTree::Text(text.into_owned())));
            }
            FieldValue::Secret(field) => {
                let secret = field.get().filter(|_| !self.is_omitted(row, field.span));
                out.text(row.name, secret.map(|secret| self.redactor.secret(secret.expose())));
            }
            FieldValue::Flag(value) => out.yes(row.name, value),
            // The types of these fields have their own printing functions.
            FieldValue::Content(_) | FieldValue::Section => {}
        }
    }

    /// Prints the fields of a mapping according to their rows.
    fn mapping(&self, mapping: &Mapping, fields: &impl Fields) -> PrintedMapping {
        let mut out = PrintedMapping::default();
        for (key, value) in fields.fields() {
            if let Some(row) = mapping.field(key) {
                self.field(&mut out, row, value);
            }
        }
        out
    }

    fn user(&self, field: &Field<User>) -> Option<PrintedTree> {
        let user = field.get().filter(|_| !self.omitted.item(OmittedKind::User, field.span))?;
        user.name.filled()?;
        let mut out = PrintedMapping::default();
        for (key, value) in user.fields() {
            match (key, value) {
                ("groups", FieldValue::Texts(groups)) => {
                    let groups = groups.iter().flat_map(|field| field.text().split(',').map(str::trim));
                    out.list(key, groups.filter(|group| !group.is_empty() && is_group_name(group)).map(text));
                }
                // All SSH keys of `core` are printed together at the top level, even if its account cannot be created.
                ("ssh_authorized_keys", FieldValue::Texts(_)) if user.name.text() == CORE => {}
                ("ssh_authorized_keys", FieldValue::Texts(list)) => out.list(key, keys(list)),
                _ => USER.field(key).into_iter().for_each(|row| self.field(&mut out, row, value)),
            }
        }
        Some(PrintedTree::PrintedMapping(out))
    }

    fn file(&self, field: &Field<File>) -> Option<PrintedTree> {
        let file = field.get().filter(|_| !self.omitted.item(OmittedKind::File, field.span))?;
        let user = file.owner.text().trim().split(':').next().unwrap_or_default();
        if self.omitted.user(user) {
            return None;
        }
        let encoding = file.encoding.text();
        let (content, encoding) = match file.content.get().map(|content| content.expose().0.as_slice()) {
            None => (String::new(), encoding),
            Some(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => (text.to_owned(), encoding),
                // Binary content is printed in base64, with the key `encoding`.
                Err(_) if encoding.is_empty() => (BASE64.encode(bytes), "base64"),
                Err(_) => (BASE64.encode(bytes), "gzip+base64"),
            },
        };
        let mut out = PrintedMapping::default();
        for (key, value) in file.fields() {
            match key {
                "content" => out.text(key, Some(self.redactor.secret(&content))),
                "encoding" => out.text(key, Some(encoding)),
                _ => FILE.field(key).into_iter().for_each(|row| self.field(&mut out, row, value)),
            }
        }
        Some(PrintedTree::PrintedMapping(out))
    }

    /// Returns true if `text` equals a secret of a service or an account: a YAML alias can use the same value
    /// elsewhere.
    fn is_secret(&self, text: &str) -> bool {
        !text.is_empty() && self.secrets.contains(text)
    }

    fn coreos(&self, coreos: &CoreOs) -> PrintedMapping {
        let CoreOs { units, update, oem, etcd, etcd2, fleet, locksmith, flannel } = coreos;
        let mut out = PrintedMapping::default();
        out.list("units", units.iter().filter_map(|unit| self.unit(unit)));
        if let Some(update) = update.get().filter(|_| !self.omitted.section("coreos.update")) {
            out.section("update", self.mapping(&UPDATE, update));
        }
        if let Some(oem) = oem.get().filter(|_| !self.omitted.section("coreos.oem")) {
            out.section("oem", self.mapping(&OEM, oem));
        }
        self.service(&mut out, etcd);
        self.service(&mut out, etcd2);
        self.service(&mut out, fleet);
        self.service(&mut out, locksmith);
        if let Some(options) = flannel.get().filter(|_| !self.omitted.section("coreos.flannel")) {
            out.section("flannel", self.options(options));
        }
        out
    }

    fn unit(&self, field: &Field<Unit>) -> Option<PrintedTree> {
        let Unit { name, content, drop_ins, enable, mask, runtime, command } =
            field.get().filter(|_| !self.omitted.item(OmittedKind::Unit, field.span))?;
        let name = name.filled()?;
        let left_alone = self.omitted.unit(name);
        let mut out = PrintedMapping::default();
        if names::drop_in(name).is_some() {
            // Of an entry for a drop-in, only these keys have an effect, and without content none has.
            let content = content.get().map(Secret::expose).filter(|content| !content.is_empty())?;
            if self.omitted.item(OmittedKind::DropIn, field.span) {
                return None;
            }
            out.text("name", Some(name));
            out.text("content", Some(self.redactor.secret(content)));
            out.yes("runtime", runtime.value.unwrap_or_default());
            return Some(PrintedTree::PrintedMapping(out));
        }
        out.text("name", Some(name));
        out.text("content", content.get().map(|content| self.redactor.secret(content.expose())));
        out.list("drop_ins", drop_ins.iter().filter_map(|drop_in| self.drop_in(drop_in)));
        out.yes(
            "enable",
            enable.value == Some(true) && !left_alone && !self.omitted.item(OmittedKind::Command, field.span),
        );
        out.yes("mask", mask.value.unwrap_or_default());
        out.yes("runtime", runtime.value.unwrap_or_default());
        let is_done = !left_alone && !self.omitted.item(OmittedKind::Command, command.span);
        out.text("command", command.filled().filter(|_| is_done));
        Some(PrintedTree::PrintedMapping(out))
    }

    fn drop_in(&self, field: &Field<DropIn>) -> Option<PrintedTree> {
        let drop_in = field.get().filter(|_| !self.omitted.item(OmittedKind::DropIn, field.span))?;
        // A drop-in without a name or content has no effect.
        drop_in.content.get().filter(|content| !content.expose().is_empty())?;
        drop_in.name.filled()?;
        Some(PrintedTree::PrintedMapping(self.mapping(&DROP_IN, drop_in)))
    }

    /// Prints the section of a service. An empty section also has an effect: it unmasks the unit.
    fn service<S: Service>(&self, out: &mut PrintedMapping, field: &Field<Options<S>>) {
        // The section stands for a drop-in, which can be refused.
        if self.omitted.item(OmittedKind::DropIn, field.span) {
            return;
        }
        if let Some(options) = field.get() {
            out.set(S::TABLE.section, PrintedTree::PrintedMapping(self.options(options)));
        } else if field.is_null() {
            out.set(S::TABLE.section, PrintedTree::PrintedMapping(PrintedMapping::default()));
        }
    }

    fn options<S: Service>(&self, options: &Options<S>) -> PrintedMapping {
        let mut out = PrintedMapping::default();
        for (option, field) in &options.set {
            let Some(value) = field.get().filter(|value| !value.is_unset()) else { continue };
            if self.omitted.field(&rules::BAD_TEXT, field.span) {
                continue;
            }
            let value = match value {
                OptionValue::Text(text) if option.secret || option.redacted || self.is_secret(text) => {
                    PrintedTree::Text(self.redactor.secret(text))
                }
                OptionValue::Text(text) => PrintedTree::Text(self.redactor.url(text)),
                OptionValue::Int(number) => PrintedTree::Int(*number),
                OptionValue::Float(number) => PrintedTree::Float(*number),
                OptionValue::Bool(value) => PrintedTree::Bool(*value),
            };
            out.set(option.name, value);
        }
        out
    }
}

/// Returns the texts of the secret options in a section.
fn secret_options<S: Service>(section: &Field<Options<S>>) -> impl Iterator<Item = &str> {
    let options = section.get().into_iter().flat_map(|options| &options.set);
    options.filter(|(option, _)| option.secret).filter_map(|(_, field)| match field.get() {
        Some(OptionValue::Text(text)) => Some(text.as_str()),
        _ => None,
    })
}

fn text(text: &str) -> PrintedTree {
    PrintedTree::Text(text.to_owned())
}

/// Returns the valid keys of a list, one by one. An invalid key may be a private key, so it is not printed.
fn keys(list: &[Field<String>]) -> Vec<PrintedTree> {
    let mut keys = ssh_key::Keys::default();
    for entry in list.iter().filter_map(Field::filled) {
        ssh_key::collect(entry, None, &mut keys, &mut Vec::new());
    }
    keys.into_list().into_iter().map(PrintedTree::Text).collect()
}
