//! Scripts: a file and a unit that runs it at each boot, as a run does.

use std::path::Path;

use super::addresses::AT_BOOT;
use super::files::GENERATED;
use super::model::Unit;
use super::{Converter, quote};
use crate::diagnostic::Span;
use crate::plan::{Owner, Script};
use crate::text::printable;
use crate::text::secret::Secret;

/// Interpreters that Flatcar and Fedora CoreOS have.
const INTERPRETERS: [&str; 6] = ["/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash", "/usr/bin/env", "/bin/env"];

impl Converter<'_> {
    pub(super) fn script(&mut self, script: &Script, span: Option<Span>) {
        let subject = "script";
        let text = String::from_utf8_lossy(script.content.expose()).into_owned();
        let argument = script.argument.as_ref().map(Secret::expose);
        if argument.is_some_and(|argument| self.stand_ins.is_in(argument)) || self.stand_ins.is_in(&script.interpreter)
        {
            return self.lost(span, subject, "the interpreter line contains an address token", None);
        }
        let is_known = INTERPRETERS.contains(&script.interpreter.as_str());
        if !is_known || argument.is_some_and(|argument| script.interpreter.ends_with("/env") && !is_shell(argument)) {
            let difference = if is_known {
                format!("the image may not have the interpreter that {} runs", script.interpreter)
            } else {
                format!("the image may not have the interpreter {}", printable(&script.interpreter))
            };
            self.changed(
                span,
                subject,
                &difference,
                Some("neither Flatcar nor Fedora CoreOS has Python or Perl; use bash"),
            );
        }
        let id = &script.id;
        if !self.scripts.insert(id.clone()) {
            return self.note(span, subject, "an earlier part is the same script; it runs once");
        }
        self.report_missing(&text, subject, span);
        let has_tokens = self.stand_ins.is_in(&text);
        let reads_template = self.addresses.is_named_in(&text);
        let reads_environment = self.reads_addresses_of_environment(&text);
        if reads_environment {
            self.addresses.merge_environment(&text);
            let means = "the addresses in /etc/environment are written by cloud-config-addresses.service";
            self.generated(span, subject, means, None);
        }
        let mut file = if has_tokens {
            let target = format!("/run/cloud-config/scripts/{id}");
            let note = self.generated(span, subject, AT_BOOT, None);
            self.template(&target, &text, 0o700, &Owner::ROOT, note);
            target
        } else {
            let target = format!("{GENERATED}/scripts/{id}");
            self.plain_file(Path::new(&target), text.into_bytes(), 0o700, Vec::new());
            target
        };
        let after = if has_tokens || reads_environment || reads_template {
            let unit = super::addresses::UNIT;
            format!("Wants={unit}\nAfter=network-online.target {unit}\n")
        } else {
            "After=network-online.target\n".to_owned()
        };
        let interpreter = script.interpreter.as_str();
        let words = match argument.map(String::as_str) {
            None => vec![interpreter, &file],
            Some(argument) if is_public(interpreter, argument) => vec![interpreter, argument, &file],
            Some(argument) => {
                let launcher = format!("{GENERATED}/scripts/{id}.start");
                let words = [interpreter, argument, &file].map(quote::shell);
                let text = format!("#!/bin/sh\nexec {}\n", words.join(" "));
                let note = "Starts the script with the argument of its interpreter line, which may be secret.";
                self.plain_file(Path::new(&launcher), text.into_bytes(), 0o700, vec![note.to_owned()]);
                file = launcher;
                vec!["/bin/sh", &file]
            }
        };
        let words: Vec<_> = words.into_iter().map(quote::argument).collect();
        let contents = format!(
            "[Unit]\nDescription=Script of the user-data\nWants=network-online.target\n{after}\n\
             [Service]\nType=exec\nRemainAfterExit=yes\nExecStart={}\n\n[Install]\nWantedBy=multi-user.target\n",
            words.join(" ")
        );
        self.units.generated.push(Unit {
            name: format!("cloud-config-script-{id}.service"),
            enabled: true,
            contents: Some(Secret::new(contents)),
            notes: vec![
                "Runs at each boot; for the first boot only, add `ConditionFirstBoot=yes` to [Unit].".to_owned(),
            ],
            ..Unit::default()
        });
    }
}

/// Returns true for the argument of an interpreter line that every user may read: letters of options, or the program
/// that `env` runs.
fn is_public(interpreter: &str, argument: &str) -> bool {
    let is_program = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match argument.strip_prefix('-') {
        Some(options) => options.bytes().all(|byte| byte.is_ascii_alphabetic()),
        None => interpreter.ends_with("/env") && argument.bytes().all(is_program),
    }
}

/// Returns true if `env` runs a shell that images have.
fn is_shell(argument: &str) -> bool {
    matches!(argument.split_whitespace().next(), Some("sh" | "bash"))
}
