//! Addresses in the texts of a unit, and units that the texts depend on.

use super::addresses::{UNIT as ADDRESSES, VARIABLES};
use super::files::ENVIRONMENTS;
use super::pending::{Origin, Pending};
use super::{Converter, platform, quote, unit_tokens};
use crate::address_tokens::Address;
use crate::plan::{ENVIRONMENT, Owner, UNIT_ENVIRONMENTS};
use crate::text::printable;

impl Converter<'_> {
    /// Replaces the tokens in the texts of a unit, and orders it behind the service that knows the addresses.
    pub(super) fn adapt(&mut self, pending: &mut Pending, subject: &str) {
        let name = pending.name.clone();
        // The addresses wait for such a unit, which therefore cannot wait for them.
        let is_early = self.units.order.is_before_addresses(&name);
        let mut needs = Needs::default();
        if let Some(text) = &mut pending.contents {
            self.adapt_text(text, &name, pending.contents_origin, subject, is_early, &mut needs);
        }
        let mut kept = Vec::with_capacity(pending.drop_ins.len());
        for mut drop_in in std::mem::take(&mut pending.drop_ins) {
            let file = format!("{name}.d/{}", drop_in.name);
            let is_changed = self.adapt_text(&mut drop_in.text, &file, drop_in.origin, subject, is_early, &mut needs);
            if !is_changed || !has_no_setting(&drop_in.text) {
                kept.push(drop_in);
            }
        }
        pending.drop_ins = kept;
        self.part = pending.origin.0;
        let (agent, metadata) = platform::agent(self.options.variant);
        let span = pending.origin.1;
        if needs.variables {
            let means = format!("its command lines get addresses from {ADDRESSES} at each boot");
            self.generated(span, subject, &means, None);
            needs.environment_files.push(VARIABLES.to_owned());
        }
        if needs.platform {
            let means = format!("its command lines get addresses from {agent} at each boot");
            let help = format!("the image must have {agent}, without which the unit does not start");
            self.generated(span, subject, &means, Some(&help));
            needs.environment_files.push(metadata.to_owned());
        }
        let needs_service = needs.files || needs.variables;
        if !needs.platform && !needs_service {
            return;
        }
        let mut text = "[Unit]\n".to_owned();
        if needs.platform {
            text.extend(["Requires=", agent, "\nAfter=", agent, "\n"]);
        }
        if needs_service {
            // It fails if one of many files cannot be written, which is not a reason to start nothing.
            text.extend(["Wants=", ADDRESSES, "\nAfter=", ADDRESSES, "\n"]);
        }
        if !needs.environment_files.is_empty() {
            let section = match name.rsplit_once('.').map(|(_, suffix)| suffix) {
                Some("socket") => "Socket",
                Some("mount") => "Mount",
                Some("swap") => "Swap",
                _ => "Service",
            };
            text.extend(["\n[", section, "]\n"]);
            for path in needs.environment_files {
                text.extend(["EnvironmentFile=", &quote::unit_path(&path), "\n"]);
            }
        }
        self.add_generated(pending, "10-cloud-config-addresses.conf", text);
    }

    /// Replaces the tokens in a text of a unit; `file` is its name. Returns true if the text has changed.
    fn adapt_text(
        &mut self,
        text: &mut String,
        file: &str,
        origin: Origin,
        subject: &str,
        is_early: bool,
        needs: &mut Needs,
    ) -> bool {
        let (part, span) = origin;
        self.part = part;
        self.addresses.origin = origin;
        let reads_environment = self.reads_addresses_of_environment(text);
        let reads_file = self.addresses.is_named_in(text);
        if is_early && (reads_environment || reads_file) {
            let reason = format!("it reads a file that {ADDRESSES} writes, and that service waits for this unit");
            self.lost(span, subject, &reason, Some("write the address itself"));
        }
        needs.files |= reads_file && !is_early;
        if reads_environment && !is_early {
            needs.files = true;
            self.addresses.merge_environment(text);
            let means = format!("the addresses in /etc/environment are written by {ADDRESSES}");
            self.generated(span, subject, &means, None);
        }
        self.report_missing(text, subject, span);
        if text.contains(UNIT_ENVIRONMENTS) {
            *text = text.replace(UNIT_ENVIRONMENTS, ENVIRONMENTS);
        }
        if !self.stand_ins.is_in(text) {
            return false;
        }
        let variable = |kind| self.variable(kind).0;
        let variable = (!is_early).then_some(&variable as &dyn Fn(Address) -> String);
        let adapted = unit_tokens::adapt(text, self.stand_ins, variable);
        for kind in adapted.variables.iter().copied() {
            if self.variable(kind).1 {
                needs.platform = true;
            } else {
                needs.variables = true;
                self.addresses.need([kind]);
            }
        }
        for key in &adapted.lost {
            let reason = format!("`{}=` contains an address token; the setting is omitted", printable(key));
            let help = if is_early {
                "the services that know the addresses wait for this unit; write the address itself"
            } else {
                "systemd expands variables in command lines only; write the address itself"
            };
            self.lost(span, subject, &reason, Some(help));
        }
        if adapted.has_token_in_description {
            self.changed(span, subject, "its description shows the token in place of the address", None);
        }
        if !adapted.environment.is_empty() {
            // `EnvironmentFile=` takes patterns.
            let target = format!("/run/cloud-config/env/{}", file.replace(['\\', '*', '?', '['], "_"));
            let means = format!("its variables with addresses are written by {ADDRESSES} at each boot");
            let note = self.generated(span, subject, &means, None);
            let variables = unit_tokens::environment_file(&adapted.environment);
            self.template(&target, &variables, 0o600, &Owner::ROOT, note);
            needs.environment_files.push(target);
            needs.files = true;
        }
        *text = adapted.text;
        true
    }

    /// Returns true if `text` reads `/etc/environment`, which a run would add addresses to.
    pub(super) fn reads_addresses_of_environment(&self, text: &str) -> bool {
        text.contains(ENVIRONMENT) && !self.files.contains(ENVIRONMENT) && !self.addresses.writes(ENVIRONMENT)
    }
}

/// The needs of a unit for addresses.
#[derive(Default)]
struct Needs {
    /// Its command lines name variables of the platform's agent.
    platform: bool,
    /// Its command lines name variables of the generated service.
    variables: bool,
    /// It reads files that the generated service writes.
    files: bool,
    environment_files: Vec<String>,
}

fn has_no_setting(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with(['[', '#', ';']))
}
