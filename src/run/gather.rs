//! Reads the source: the meta-data of the platform, and the parts of the user-data (docs/applying.md#the-order).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{RunContext, fail};
use crate::cli::{Mode, Options};
use crate::contain::contain;
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::source::choose::broken;
use crate::source::{self, Context, Datasource, MetaData, Policy, Setup};
use cloud_config::address_tokens::{Address, Addresses};
use cloud_config::config::ssh_key;
use cloud_config::convert::StandIns;
use cloud_config::diagnostic::{Severity, rules};
use cloud_config::document::{self, Document};
use cloud_config::plan::names;
use cloud_config::run_plan::{Inputs, METADATA, Metadata};
use cloud_config::user_data::{self, ContentKind, Part};

/// The time limit for choosing and reading the source (docs/applying.md).
const SOURCE_LIMIT: Duration = Duration::from_secs(300);

/// The selected source with its meta-data; its user-data is not read yet.
pub(super) struct SelectedSource {
    /// `None` if no source is available.
    source: Option<(Arc<dyn Datasource>, Setup)>,
    /// The remaining time for reading.
    left: Duration,
    addresses: Addresses,
    metadata: Metadata,
    /// The failure to read a host name. It counts only if the user-data sets no host name.
    unread_hostname: Option<String>,
    /// True if a part of the metadata could not be read.
    is_metadata_incomplete: bool,
    /// The requested network description, converted to files.
    pub network: Option<Document>,
}

/// Selects the source and reads its meta-data; failures are recorded in the outcome.
pub(super) fn find(
    options: &Options,
    context: &RunContext<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> SelectedSource {
    let limit = Deadline::after(deadline.longest_wait().min(SOURCE_LIMIT));
    let mut found = SelectedSource {
        source: None,
        left: Duration::ZERO,
        addresses: Addresses::default(),
        metadata: Metadata::default(),
        unread_hostname: None,
        is_metadata_incomplete: false,
        network: None,
    };
    // Only applying waits for a source, which may become available during the boot. The other modes are used by hand,
    // where a missing source is probably a typo.
    let policy = Policy::waiting(options.mode == Mode::Apply);
    let setup =
        Setup { network: options.network, ignore_platform: options.ignore_platform, ..Setup::new(policy, limit) };
    let cx = Context { setup: &setup, stop: context.stop };
    match source::choose(options.sources.candidates(), &cx) {
        Ok(source) => {
            outcome.source = source.name();
            // Metadata gets only a part of the remaining time, so that the user-data can still be read.
            let setup_of_metadata = Setup { deadline: Deadline::after(limit.longest_wait()), ..setup.clone() };
            let meta = contain(|| source.meta_data(&Context { setup: &setup_of_metadata, ..cx }));
            found.take(meta.unwrap_or_else(|| MetaData::failed(broken(&source.name()))), options, outcome);
            found.source = Some((source, setup));
        }
        Err(error) => fail(outcome, error.to_string()),
    }
    if options.mode != Mode::Convert {
        found.read_environment(context.variable);
    }
    found.left = limit.remaining();
    found
}

impl SelectedSource {
    fn take(&mut self, meta: MetaData, options: &Options, outcome: &mut Outcome) {
        self.is_metadata_incomplete = !meta.failures.is_empty() || meta.unread_hostname.is_some();
        self.unread_hostname = meta.unread_hostname;
        meta.failures.into_iter().for_each(|failure| fail(outcome, failure));
        let known = meta.addresses;
        let texts = [
            (Address::PublicV4, known.public_v4.map(|address| address.to_string())),
            (Address::PrivateV4, known.private_v4.map(|address| address.to_string())),
            (Address::PublicV6, known.public_v6.map(|address| address.to_string())),
            (Address::PrivateV6, known.private_v6.map(|address| address.to_string())),
        ];
        for (kind, text) in texts {
            self.addresses.insert(kind, &text.unwrap_or_default());
        }
        let mut findings = Vec::new();
        match meta.hostname.map(|name| names::hostname(&name, options.short_hostname, None)) {
            Some(Ok((hostname, finding))) => {
                self.metadata.hostname = Some(hostname);
                findings.extend(finding);
            }
            Some(Err(finding)) => findings.push(finding),
            None => {}
        }
        let mut keys = ssh_key::Keys::default();
        for entry in &meta.ssh_keys {
            ssh_key::collect(entry, None, &mut keys, &mut findings);
        }
        self.metadata.keys = keys.into_list();
        let mut counted: Vec<(Severity, String)> = Vec::new();
        let mut times: HashMap<String, usize> = HashMap::new();
        for finding in findings {
            let count = times.entry(finding.message.clone()).or_default();
            *count += 1;
            if *count == 1 {
                counted.push((finding.severity(), finding.message));
            }
        }
        for (severity, message) in counted {
            let again = match times.get(&message) {
                Some(count) if *count > 1 => format!(" ({count} times)"),
                _ => String::new(),
            };
            let message = format!("{METADATA}: {message}{again}");
            match severity {
                Severity::Error => fail(outcome, message),
                Severity::Warning => log::warn!("{message}"),
                Severity::Note => log::info!("{message}"),
            }
        }
        let network = meta.network.map(document::read_network);
        let is_disabled = network.as_ref().is_some_and(|document| document.network.is_disabled);
        match (network.filter(|document| !document.network.is_empty()), options.network) {
            (None, _) if is_disabled => {
                log::info!(
                    "{}: network configuration disabled (`config: disabled`); nothing converted",
                    outcome.source
                );
            }
            (Some(document), _) => self.network = Some(document),
            (None, Some(format)) => {
                log::info!(
                    "{}: no network configuration in the format {}; nothing converted",
                    outcome.source,
                    format.name()
                );
            }
            (None, None) => {}
        }
    }

    /// Adds the addresses of the environment that the platform does not provide (docs/cloud-config.md#address-tokens).
    fn read_environment(&mut self, variable: &dyn Fn(&str) -> Option<String>) {
        for kind in Address::ALL {
            let known = variable(kind.variable()).is_none_or(|text| self.addresses.insert(kind, &text));
            if !known {
                log::warn!("{}: not an address of its family; ignored", kind.variable());
            }
        }
    }

    /// Reads the user-data; a failure is recorded in the outcome.
    pub fn read(
        mut self,
        options: &Options,
        context: &RunContext<'_>,
        deadline: Deadline,
        outcome: &mut Outcome,
    ) -> Inputs {
        let unread_hostname = self.unread_hostname.take();
        let inputs = self.read_parts(options, context, deadline, outcome);
        match unread_hostname {
            Some(failure) if inputs.documents.iter().any(|document| document.access.hostname.is_some()) => {
                log::warn!("{failure}; host name of the user-data used");
            }
            Some(failure) => fail(outcome, failure),
            None => {}
        }
        inputs
    }

    /// Fetches the user-data and splits it; a failure is recorded in the outcome.
    fn parts(&mut self, context: &RunContext<'_>, deadline: Deadline, outcome: &mut Outcome) -> Vec<Part> {
        let Some((source, setup)) = self.source.take() else { return Vec::new() };
        let setup = Setup { deadline: Deadline::after(deadline.longest_wait().min(self.left)), ..setup };
        let bytes = contain(|| source.user_data(&Context { setup: &setup, stop: context.stop }));
        let bytes = match bytes.unwrap_or_else(|| Err(anyhow::Error::msg(broken(&source.name())))) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("{error:#}");
                // User-data and metadata may come from the same document, with the same failure.
                if !outcome.failures.contains(&message) {
                    fail(outcome, message);
                }
                return Vec::new();
            }
        };
        let parts = user_data::split(&source.name(), bytes);
        if parts.iter().all(|part| part.form == ContentKind::Empty) {
            log::info!("{}: the user-data is empty", source.name());
        }
        parts
    }

    /// Reads the user-data for a conversion. Tokens get the given addresses; unknown addresses get stand-ins.
    pub fn read_for_conversion(
        mut self,
        given: &Addresses,
        options: &Options,
        context: &RunContext<'_>,
        deadline: Deadline,
        outcome: &mut Outcome,
    ) -> (Inputs, StandIns) {
        let parts = self.parts(context, deadline, outcome);
        let read = |part, addresses: &Addresses| document::read(part, addresses, options.short_hostname);
        let (documents, stand_ins) = StandIns::read(given, &parts, read);
        (Inputs { documents, metadata: self.metadata, ..Inputs::default() }, stand_ins)
    }

    fn read_parts(
        mut self,
        options: &Options,
        context: &RunContext<'_>,
        deadline: Deadline,
        outcome: &mut Outcome,
    ) -> Inputs {
        let parts = self.parts(context, deadline, outcome);
        announce(&parts);
        let Self { addresses, metadata, is_metadata_incomplete, .. } = self;
        let mut inputs = Inputs { addresses, metadata, ..Inputs::default() };
        if options.mode == Mode::Validate {
            // The conversion is for another machine, so the addresses of this machine are not used.
            for kind in Address::ALL {
                inputs.addresses.insert(kind, kind.stand_in());
            }
        }
        for part in parts {
            let mut document = document::read(part, &inputs.addresses, options.short_hostname);
            if is_metadata_incomplete && options.mode != Mode::Validate {
                restrict_without_address(&mut document, outcome);
            }
            inputs.documents.push(document);
        }
        inputs
    }
}

/// Reduces a part to its access steps if it uses an address that the unreadable metadata would have provided. Without
/// the address, the other steps could have any effect (docs/applying.md#the-order). SSH keys are still applied, and the
/// host name unless it contains the address.
fn restrict_without_address(document: &mut Document, outcome: &mut Outcome) {
    let unknown: Vec<_> = document.findings.iter().filter(|finding| finding.rule == &rules::UNKNOWN_ADDRESS).collect();
    if unknown.is_empty() {
        return;
    }
    document.access.hostname.take_if(|(_, span)| {
        unknown.iter().filter_map(|finding| finding.span).any(|at| span.start <= at.start && at.end <= span.end)
    });
    document.restrict_to_access();
    let name = &document.part.name;
    fail(
        outcome,
        format!(
            "{name}: failed to read the metadata for its address tokens; only the host name and SSH keys are applied"
        ),
    );
}

/// Logs the parts if there are several, and the parts that this program leaves to others.
fn announce(parts: &[Part]) {
    for part in parts {
        match part.form {
            ContentKind::Ignition => {
                log::info!("{}: Ignition configuration; skipped", part.name);
            }
            form if parts.len() > 1 => log::info!("{}: {}", part.name, form.description()),
            _ => {}
        }
    }
}
