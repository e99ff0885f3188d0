//! The files and units that sections write (docs/cloud-config.md, docs/cloud-config.md#options-of-services).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::planner::{BaseFile, Item, Planner, path, redacted_secret};
use super::units::unit_file;
use super::{
    FileSpec, Owner, UNIT_ENVIRONMENT_HEADER, UNIT_ENVIRONMENTS, UnitCommand, UnitPath, names, text_files, window,
};
use crate::config::Verb;
use crate::config::options::{KnownValues, OptionType, OptionValue, Options, Service};
use crate::config::{CloudConfig, CoreOs, Oem, REBOOT_STRATEGIES, Update};
use crate::diagnostic::{Finding, Span, rules};
use crate::text::secret::{Secret, is_partly_redacted, redact_url};
use crate::yaml::Field;

pub(super) const HOSTS: &str = "/etc/hosts";
pub(super) const UPDATE_CONF: &str = "/etc/coreos/update.conf";
pub(super) const UPDATE_CONF_DEFAULT: &str = "/usr/share/coreos/update.conf";
const OEM_RELEASE: &str = "/etc/oem-release";
const FLANNEL_OPTIONS: &str = "/run/flannel/options.env";

/// Plans the files of sections, in the order of a run (docs/applying.md#the-order).
pub(super) fn plan(planner: &mut Planner<'_>, config: &CloudConfig) {
    plan_oem(planner, &config.coreos.oem);
    plan_update(planner, &config.coreos.update);
    plan_hosts(planner, &config.manage_etc_hosts);
    plan_flannel(planner, &config.coreos.flannel);
}

/// Plans the units of sections, in the order of a run (docs/applying.md#the-order).
pub(super) fn plan_services(planner: &mut Planner<'_>, coreos: &CoreOs) {
    plan_service(planner, "etcd.service", &coreos.etcd);
    plan_service(planner, "etcd2.service", &coreos.etcd2);
    plan_service(planner, "fleet.service", &coreos.fleet);
    plan_service(planner, "locksmithd.service", &coreos.locksmith);
    plan_update_units(planner, &coreos.update);
}

fn root_file(path: &str, content: Vec<u8>, mode: u32) -> FileSpec {
    FileSpec { path: path.into(), content: Secret::new(content), mode, owner: Owner::ROOT, unit: None, needs: None }
}

/// Plans the file of a section, or refuses the section if the path cannot be a file.
fn section_file(planner: &mut Planner<'_>, section: &'static str, file: FileSpec, span: Option<Span>) {
    match planner.claim(&file.path, span) {
        Ok(()) => planner.file(file, span),
        Err(finding) => planner.refuse_for(Item::Section(section.into()), span, finding),
    }
}

/// Returns the text of a field without the line break at its end, and true if it is on one line.
fn as_line(field: &Field<String>) -> Option<(&str, bool)> {
    let text = field.filled()?.trim_end_matches(['\n', '\r']);
    Some((text, !text.chars().any(char::is_control))).filter(|_| !text.is_empty())
}

fn is_line(field: &Field<String>) -> bool {
    matches!(as_line(field), Some((_, true)))
}

/// Returns the text of a field if it is on one line; reports and skips any other text.
fn line<'a>(planner: &mut Planner<'_>, field: &'a Field<String>, key: &str) -> Option<&'a str> {
    let (text, whole) = as_line(field)?;
    if !whole {
        let message = format!("{key} contains a line break or control character; not applied");
        planner.report(Finding::new(&rules::BAD_TEXT, field.span, message));
        return None;
    }
    Some(text)
}

/// Refuses a section and returns true if one of its texts is redacted. Each text comes with its key and position.
fn refuse_redacted<'a>(
    planner: &mut Planner<'_>,
    section: &str,
    span: Option<Span>,
    mut texts: impl Iterator<Item = (&'a str, Option<Span>, &'a str)>,
) -> bool {
    let Some((key, at, _)) = texts.find(|(.., text)| is_partly_redacted(text)) else { return false };
    planner.refuse_for(
        Item::Section(section.to_owned().into()),
        span,
        redacted_secret(at, &format!("{section}.{key}"), "section not applied"),
    );
    true
}

fn plan_oem(planner: &mut Planner<'_>, field: &Field<Oem>) {
    let Some(oem) = field.get() else { return };
    let Some(id) = line(planner, &oem.id, "coreos.oem.id") else { return };
    let urls = [("home_url", &oem.home_url), ("bug_report_url", &oem.bug_report_url)];
    let urls = urls.into_iter().map(|(key, url)| (key, url.span, url.text()));
    if refuse_redacted(planner, "coreos.oem", field.span, urls) {
        return;
    }
    let version = line(planner, &oem.version_id, "coreos.oem.version_id").unwrap_or_default();
    let name = line(planner, &oem.name, "coreos.oem.name").unwrap_or_default();
    let home = line(planner, &oem.home_url, "coreos.oem.home_url").unwrap_or_default();
    let bugs = line(planner, &oem.bug_report_url, "coreos.oem.bug_report_url").unwrap_or_default();
    let content = format!(
        "ID={}\nVERSION_ID={}\nNAME={}\nHOME_URL={}\nBUG_REPORT_URL={}\n",
        text_files::plain_release(id),
        text_files::plain_release(version),
        text_files::quote(name),
        text_files::quote(home),
        text_files::quote(bugs),
    );
    planner.note_duplicate(Path::new(OEM_RELEASE), field.span);
    section_file(planner, "coreos.oem", root_file(OEM_RELEASE, content.into_bytes(), 0o644), field.span);
}

/// Returns the reboot strategy to write, if a valid one is set; `Err` refuses the section.
fn strategy(update: &Update) -> Result<Option<(&'static str, Option<&'static str>)>, ()> {
    match update.reboot_strategy.filled() {
        None => Ok(None),
        Some(text) => {
            let known = REBOOT_STRATEGIES.into_iter().find(|word| *word == text).ok_or(())?;
            Ok(Some(match known {
                "best-effort" => (known, Some("the strategy `best-effort` is outdated; applied anyway")),
                "false" => (
                    "off",
                    Some(
                        "the strategy `false` is a boolean, to which YAML tools convert `off`; applied anyway, as `off`",
                    ),
                ),
                _ => (known, None),
            }))
        }
    }
}

fn plan_update(planner: &mut Planner<'_>, field: &Field<Update>) {
    let Some(update) = field.get() else { return };
    let section = Item::Section("coreos.update".into());
    let Ok(strategy) = strategy(update) else {
        let help = names::suggest_from(update.reboot_strategy.text(), &["etcd-lock", "reboot", "off"]);
        let finding = Finding::new(
            &rules::BAD_STRATEGY,
            update.reboot_strategy.span,
            "coreos.update: unknown reboot strategy; section not applied",
        );
        let finding = finding.help(help);
        return planner.refuse_for(section, field.span, finding);
    };
    let server = [("server", update.server.span, update.server.text())];
    if refuse_redacted(planner, "coreos.update", field.span, server.into_iter()) {
        return;
    }
    if let Some((_, Some(odd))) = strategy {
        planner.report(Finding::new(&rules::ODD_STRATEGY, update.reboot_strategy.span, odd));
    }
    let strategy = strategy.map(|(written, _)| written);
    let group = line(planner, &update.group, "coreos.update.group");
    let server = line(planner, &update.server, "coreos.update.server");
    let settings = [("REBOOT_STRATEGY", strategy), ("GROUP", group), ("SERVER", server)];
    let settings: BTreeMap<_, _> =
        settings.into_iter().filter_map(|(key, value)| Some((key, value?.to_owned()))).collect();
    if settings.is_empty() {
        return;
    }
    match base(planner, UPDATE_CONF, &[UPDATE_CONF, UPDATE_CONF_DEFAULT]) {
        Ok(old) => {
            let content = text_files::set_variables(&old.content, &settings);
            section_file(planner, "coreos.update", root_file(UPDATE_CONF, content, 0o644 & old.mode), field.span);
        }
        Err(why) => {
            let finding = Finding::new(&rules::UNREADABLE, field.span, why);
            planner.refuse_for(section, field.span, finding);
        }
    }
}

/// Returns the content to add lines to: the file that the part writes, otherwise the first existing file, otherwise an
/// empty file.
fn base(planner: &Planner<'_>, target: &str, places: &[&str]) -> Result<BaseFile, String> {
    if let Some(content) = planner.paths.content(Path::new(target)) {
        return Ok(BaseFile { content: content.to_vec(), mode: 0o644 });
    }
    let found = places.iter().find_map(|place| planner.facts.files.get(place));
    found.cloned().unwrap_or(Ok(BaseFile { content: Vec::new(), mode: 0o644 }))
}

fn plan_update_units(planner: &mut Planner<'_>, field: &Field<Update>) {
    let Some(update) = field.get() else { return };
    // The units of a refused section are also refused.
    let section = Item::Section("coreos.update".into());
    if planner.refused.iter().any(|refused| refused.item == section) {
        return;
    }
    let strategy = strategy(update).ok().flatten();
    let command = |planner: &mut Planner<'_>, unit: &str, verb: Verb, span: Option<Span>| {
        planner.unit(unit);
        planner.command(UnitCommand { unit: unit.to_owned(), verb }, span);
    };
    if let Some((strategy, _)) = strategy {
        let span = update.reboot_strategy.span;
        let unit = "locksmithd.service";
        let place = UnitPath { unit: unit.to_owned(), path: path(&["/run/systemd/system", unit]) };
        if strategy == "off" {
            planner.paths.mask(place, span);
            command(planner, unit, Verb::Stop, span);
        } else {
            planner.paths.unmask(place, span);
            command(planner, unit, Verb::Restart, span);
        }
    }
    if let Some(span) = [&update.group, &update.server].iter().find(|f| is_line(f)).map(|f| f.span) {
        command(planner, "update-engine.service", Verb::Restart, span);
    }
}

fn plan_hosts(planner: &mut Planner<'_>, field: &Field<String>) {
    let section = Item::Section("manage_etc_hosts".into());
    let Some(value) = field.filled() else {
        if field.bad {
            planner.refuse(section, field.span);
        }
        return;
    };
    if matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "off") {
        // In cloud-init, this value leaves the file unchanged. So does a missing key here.
        let message = "`manage_etc_hosts: false` requests nothing; key ignored";
        return planner.report(Finding::new(&rules::FOREIGN_KEY, field.span, message));
    }
    if value != "localhost" {
        let finding =
            Finding::new(&rules::BAD_ETC_HOSTS, field.span, "`manage_etc_hosts` is not `localhost`; not applied")
                .help("write `manage_etc_hosts: localhost`, or remove the key");
        return planner.refuse_for(section, field.span, finding);
    }
    match base(planner, HOSTS, &[HOSTS]) {
        Ok(old) => {
            let content = text_files::etc_hosts(&old.content, &planner.facts.hostname);
            section_file(planner, "manage_etc_hosts", root_file(HOSTS, content, 0o644 & old.mode), field.span);
        }
        Err(why) => {
            let finding = Finding::new(&rules::UNREADABLE, field.span, why);
            planner.refuse_for(section, field.span, finding);
        }
    }
}

/// An environment variable of a service.
struct Assignment {
    variable: String,
    value: String,
    /// True if only root may read the value.
    secret: bool,
}

/// Returns the environment variables of a service.
fn assignments<S: Service>(planner: &mut Planner<'_>, options: &Options<S>) -> Vec<Assignment> {
    let mut out = Vec::new();
    let passwords: Vec<_> = options.set.iter().filter(|(option, _)| option.secret).map(|(_, field)| field).collect();
    for (option, field) in &options.set {
        let Some(value) = field.get().filter(|value| !value.is_unset()) else { continue };
        let key = format!("coreos.{}.{}", S::TABLE.section, option.name);
        if let (Some(known), OptionValue::Text(text)) = (option.known, value)
            && let Some(wanted) = odd(known, text)
        {
            let message = format!("{key} is not {wanted}; applied anyway");
            planner.report(Finding::new(&rules::ODD_OPTION, field.span, message));
        }
        if option.kind == OptionType::Text && matches!(value, OptionValue::Text(text) if text.contains('\0')) {
            let message = format!("{key} contains a NUL character; not applied");
            planner.report(Finding::new(&rules::BAD_TEXT, field.span, message));
            continue;
        }
        // A password is secret everywhere, also in a URL or as the value of another option.
        let is_password = passwords.iter().any(|field| field.get() == Some(value));
        let secret = option.secret || is_password || matches!(value, OptionValue::Text(text) if has_secret(text));
        out.push(Assignment { variable: S::TABLE.variable(option), value: value.to_string(), secret });
    }
    out
}

/// Returns true if a URL in `text` has, or may have, credentials, a query, a fragment or path parameters.
fn has_secret(text: &str) -> bool {
    redact_url(text) != text
}

/// Returns the expected form if `text` has another one.
fn odd(known: KnownValues, text: &str) -> Option<String> {
    match known {
        KnownValues::Words(words) => (!words.contains(&text)).then(|| format!("one of {}", words.join(", "))),
        KnownValues::WindowStart => (!window::is_start(text)).then(|| "a time such as 04:00 or Thu 04:00".to_owned()),
        KnownValues::Duration => (!window::is_duration(text)).then(|| "a duration such as 1h30m".to_owned()),
    }
}

/// Refuses the section of a service if one of its texts is redacted; see [`refuse_redacted`].
fn refuse_redacted_options<S: Service>(planner: &mut Planner<'_>, field: &Field<Options<S>>) -> bool {
    let texts =
        field.get().into_iter().flat_map(|options| &options.set).filter_map(|(option, field)| match field.get() {
            Some(OptionValue::Text(text)) => Some((option.name, field.span, text.as_str())),
            _ => None,
        });
    refuse_redacted(planner, &format!("coreos.{}", S::TABLE.section), field.span, texts)
}

fn plan_service<S: Service>(planner: &mut Planner<'_>, unit: &str, field: &Field<Options<S>>) {
    let empty = Options::default();
    let Some(options) = field.get().or(field.is_null().then_some(&empty)) else {
        return plan_removal(planner, unit, None);
    };
    if refuse_redacted_options(planner, field) {
        return;
    }
    let assignments = assignments(planner, options);
    if !assignments.is_empty() && !plan_assignments(planner, unit, &assignments, field.span) {
        return;
    }
    plan_removal(planner, unit, field.span);
    planner.paths.unmask(UnitPath { unit: unit.to_owned(), path: path(&["/run/systemd/system", unit]) }, field.span);
    planner.unit(unit);
}

/// The name of the drop-in with the variables of a service.
const DROP_IN: &str = "20-cloudinit.conf";

fn drop_in(unit: &str) -> PathBuf {
    path(&["/run/systemd/system", &format!("{unit}.d"), DROP_IN])
}

/// Plans to remove the environment file of `unit` if the part replaces the drop-in that referred to the file with one
/// that does not.
fn plan_removal(planner: &mut Planner<'_>, unit: &str, span: Option<Span>) {
    let environment = path(&[UNIT_ENVIRONMENTS, unit]);
    let Some(content) = planner.paths.content(&drop_in(unit)) else { return };
    if !String::from_utf8_lossy(content).contains(&*environment.to_string_lossy()) {
        planner.remove_environment(UnitPath { unit: unit.to_owned(), path: environment }, span);
    }
}

/// Plans the drop-in with the variables of `unit`, and the environment file with the secret ones: systemd reveals the
/// variables of a drop-in to every user. Returns false if the drop-in is refused.
fn plan_assignments(planner: &mut Planner<'_>, unit: &str, assignments: &[Assignment], span: Option<Span>) -> bool {
    let (secret, open): (Vec<_>, Vec<_>) = assignments.iter().partition(|assignment| assignment.secret);
    let place = drop_in(unit);
    let environment = path(&[UNIT_ENVIRONMENTS, unit]);
    let mut claimed = planner.claim(&place, span);
    if claimed.is_ok() && !secret.is_empty() {
        claimed = planner.claim(&environment, span);
    }
    if let Err(finding) = claimed {
        planner.refuse_for(Item::DropIn { unit: unit.to_owned(), name: DROP_IN.to_owned() }, span, finding);
        return false;
    }
    planner.note_duplicate(&place, span);
    let mut content = "[Service]\n".to_owned();
    if !secret.is_empty() {
        planner.note_duplicate(&environment, span);
        let lines = secret
            .iter()
            .map(|Assignment { variable, value, .. }| format!("{variable}={}\n", text_files::quote(value)));
        let lines: String = std::iter::once(UNIT_ENVIRONMENT_HEADER.to_owned()).chain(lines).collect();
        planner.file(unit_file(environment.clone(), &lines, 0o600, unit), span);
        // There is no `-` before the path, so that systemd does not start the unit without its secrets.
        content.extend(["EnvironmentFile=", UNIT_ENVIRONMENTS, "/", unit, "\n"]);
    }
    for Assignment { variable, value, .. } in open {
        content.push_str(&text_files::unit_environment(variable, value));
        content.push('\n');
    }
    let needs = (!secret.is_empty()).then_some(environment);
    planner.file(FileSpec { needs, ..unit_file(place, &content, 0o644, unit) }, span);
    true
}

fn plan_flannel<S: Service>(planner: &mut Planner<'_>, field: &Field<Options<S>>) {
    let Some(options) = field.get() else { return };
    if refuse_redacted_options(planner, field) {
        return;
    }
    let assignments = assignments(planner, options);
    if assignments.is_empty() {
        return;
    }
    let lines = assignments
        .iter()
        .map(|Assignment { variable, value, .. }| text_files::environment_line(variable, value) + "\n");
    let mode = if assignments.iter().any(|assignment| assignment.secret) { 0o600 } else { 0o644 };
    let file = root_file(FLANNEL_OPTIONS, lines.collect::<String>().into_bytes(), mode);
    planner.note_duplicate(&file.path, field.span);
    section_file(planner, "coreos.flannel", file, field.span);
}
