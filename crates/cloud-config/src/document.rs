//! Parses a part of the user-data and plans it: the calls of all modules in order.

mod consequences;
mod further;
mod skipped;

pub(crate) use self::consequences::correct_rejected;

use std::collections::HashSet;

use crate::address_tokens::{Address, Addresses, substitute};
use crate::config::ssh_key;
use crate::config::{self, CloudConfig};
use crate::diagnostic::{Finding, Span, rules, shorten};
use crate::lint;
use crate::network::NetworkData;
use crate::network::{self, Conversion};
use crate::plan::{self, Access, Facts, Item, Plan, Refused};
use crate::user_data::{Completeness, ContentKind, Part, lossy_text};
use crate::yaml::by_line::{self, ByLine};
use crate::yaml::key_items;
use crate::yaml::missing_space::{self, MissingSpace, Repaired};
use crate::yaml::{self, Cut, Headless};

/// A parsed part, with everything in it that is valid.
pub struct Document {
    /// The part, with its source text.
    pub part: Part,
    /// The script with its tokens replaced; empty if the part is not a script.
    pub script: String,
    /// The configuration; empty if the part is not a cloud-config.
    pub config: CloudConfig,
    /// The converted network description; empty if the part is not one.
    pub network: Conversion,
    /// The YAML of the configuration; empty if the part is not a cloud-config.
    pub parsed: yaml::ParsedYaml,
    /// The findings of the part before it is planned.
    pub findings: Vec<Finding>,
    /// True if the part is incomplete or cannot be parsed to its end. Then only its host name and SSH keys are applied.
    pub access_only: bool,
    /// The host name and the keys of `core` in the part.
    pub access: Access,
    /// The kinds of addresses that have a stand-in. Findings name them by their tokens.
    stand_ins: Vec<Address>,
}

/// The character in place of the missing rest of a truncated text. YAML does not allow it, so parsing ends there.
const BREAK: char = '\u{1}';

impl Document {
    fn new(part: Part) -> Self {
        Self {
            findings: part.findings.clone(),
            access_only: part.extent != Completeness::Whole,
            part,
            script: String::new(),
            config: CloudConfig::default(),
            network: Conversion::default(),
            parsed: yaml::ParsedYaml::default(),
            access: Access::default(),
            stand_ins: Vec::new(),
        }
    }
}

/// Converts the network description of a platform to files of systemd-networkd (docs/network.md).
pub fn read_network(data: NetworkData) -> Document {
    let name = format!("network configuration ({})", data.format().name());
    let (text, network) = match data {
        // Only these two formats have findings with positions.
        NetworkData::Debian(bytes) => {
            let conversion = network::debian::convert(&bytes);
            (lossy_text(bytes), conversion)
        }
        NetworkData::NetworkConfig(bytes) => {
            let text = lossy_text(bytes);
            let conversion = network::network_config::convert(&text);
            (text, conversion)
        }
        NetworkData::Packet(bytes) => (String::new(), network::packet::convert(&bytes)),
        NetworkData::Vmware(variables) => (String::new(), network::vmware::convert(&variables)),
        NetworkData::DigitalOcean(bytes) => (String::new(), network::digitalocean::convert(&bytes)),
        NetworkData::OpenStack(bytes) => (String::new(), network::openstack::convert(&bytes)),
    };
    let findings = network.findings.clone();
    let part = Part { name, form: ContentKind::Network, extent: Completeness::Whole, text, findings };
    Document { network, ..Document::new(part) }
}

/// Parses a part: replaces tokens, parses YAML, reads the types. `short_hostname` cuts host names at the first dot.
pub fn read(part: Part, addresses: &Addresses, short_hostname: bool) -> Document {
    let mut document = Document::new(part);
    document.stand_ins = addresses.stand_ins_in(&document.part.text);
    match document.part.form {
        ContentKind::CloudConfig => read_document(&mut document, addresses, short_hostname),
        ContentKind::Script => {
            let substituted = substitute(document.part.complete_text(), addresses);
            document.findings.extend_from_slice(&substituted.findings);
            document.script = substituted.text.into_owned();
            document.findings.extend(windows_line_ends(document.part.complete_text()));
            if let (None, finding) = plan::script::script(&document.script, first_line(&document.part.text)) {
                document.access_only = true;
                document.findings.extend(finding);
            }
        }
        // Parts of these kinds are not parsed, so their tokens are not replaced.
        ContentKind::Ignition
        | ContentKind::Multipart
        | ContentKind::Empty
        | ContentKind::Unknown
        | ContentKind::Skipped
        | ContentKind::Network
        | ContentKind::Unreadable => {}
    }
    document
}

/// Reports Windows line ends in a script: its interpreter treats the carriage return as part of each line.
fn windows_line_ends(text: &str) -> Option<Finding> {
    let line = text.split('\n').next()?;
    // If all line ends are carriage returns, the whole script is its first line.
    let first = if line.len() == text.len() { text.split_once('\r')?.0 } else { line.strip_suffix('\r')? };
    let message =
        "the script has Windows line endings, which its interpreter reads as part of each line; applied anyway";
    let finding = Finding::new(&rules::SCRIPT_LINE_ENDS, Some(Span::new(0, first.len())), message);
    Some(finding.help("save it with Unix line endings"))
}

fn read_document(document: &mut Document, addresses: &Addresses, short_hostname: bool) {
    let substituted = substitute(document.part.complete_text(), addresses);
    document.findings.extend_from_slice(&substituted.findings);
    let origin = |offset| substituted.origin(offset);
    let (mut repaired_access, mut cuts) = (None, Vec::new());
    let mut parsed = match document.part.extent {
        Completeness::Whole | Completeness::Access => {
            cuts = yaml::cuts(&substituted.text);
            document.findings.extend(cuts.iter().map(|cut| cut.finding(origin(cut.at))));
            let (parsed, access) = parse_repaired(&mut document.findings, &substituted.text, &cuts, &origin);
            repaired_access = access;
            parsed
        }
        Completeness::Before(_) => yaml::parse(&format!("{}{BREAK}", substituted.text), origin),
    };
    further::report_lost(&mut parsed, document.part.complete_text());
    let split = config::split_users(&mut parsed);
    let (mut config, mut findings) = yaml::read_advised::<CloudConfig>(&parsed, config::KEY_FACTS);
    if repaired_access.is_some() && parsed.root.as_ref().is_some_and(|root| root.text().is_some()) {
        // The missing space makes the whole document one string, about which other findings would be wrong.
        findings.clear();
    }
    findings.extend(split);
    findings.extend(config::refuse_repeated(&mut config, &mut parsed));
    config::accept_default_user(&mut config, &parsed, &mut findings);
    let repaired_keys = config::repair_keys(&mut config, &document.part.text, &mut findings);
    findings.extend(repaired_keys);
    findings.extend(config::refuse_folded(&mut config, &document.part.text));
    let mut refusals = config::refuse_misspelled(&mut config, &parsed);
    refusals.extend(config::refuse_detached(&mut config, &parsed));
    refusals.extend(config::refuse_broken_content(&mut config, &parsed, &document.part.text));
    let cut_at: Vec<_> = cuts.iter().map(|cut| origin(cut.at)).collect();
    config::refuse_cut_content(&mut config, &cut_at);
    let mut lints = lint::lint(&config, &parsed, &document.part.text);
    remove_refused(&mut lints, &refusals);
    remove_refused(&mut parsed.findings, &refusals);
    findings.extend(refusals);
    let is_almost_header = document.findings.iter().any(|finding| finding.rule == &rules::BAD_HEADER);
    if !is_almost_header && let Some(finding) = script_after_all(document.part.complete_text(), &parsed) {
        // The text is a script, so an error of the YAML parser would be misleading.
        parsed.error = Some(finding);
        for noise in [&mut parsed.findings, &mut findings, &mut lints] {
            noise.clear();
        }
    }
    let misread = yaml::misread(&parsed, document.part.complete_text(), config::KEY_FACTS.kind);
    let is_misread = !misread.is_empty();
    if is_misread {
        document.access_only = true;
        parsed.error.take_if(|error| *error.rule == rules::SYNTAX);
        parsed.findings.retain(|finding| *finding.rule != rules::STRAY_CONTENT);
        lints.retain(|lint| *lint.rule != rules::NOTHING_THERE);
        for list in [&mut parsed.findings, &mut findings, &mut lints] {
            remove_misread(list, &misread);
        }
        document.findings.extend(misread);
    }
    let expressions: Vec<_> = template_positions(&document.findings).chain(template_positions(&lints)).collect();
    // Below the header of a template, expressions were already searched everywhere.
    let known: HashSet<_> = template_positions(&document.findings).map(|span| span.start).collect();
    lints.retain(|lint| *lint.rule != rules::TEMPLATE || lint.span.is_none_or(|span| !known.contains(&span.start)));
    point_to_templates(
        &document.part.text,
        expressions,
        parsed.error.iter_mut().chain(&mut parsed.findings).chain(&mut findings),
    );
    let is_syntax = parsed.error.as_ref().filter(|error| *error.rule == rules::SYNTAX);
    let error_at = is_syntax.and_then(|error| error.span).map(|span| offset_of(&substituted.text, span.start, &origin));
    let is_template = is_syntax.and_then(|error| error.span).is_some_and(|span| {
        let mut positions = template_positions(&document.findings).chain(template_positions(&lints));
        is_cause(&document.part.text, &mut positions, span.start)
    });
    let is_needed = error_at.is_some_and(|at| is_template || by_line::is_needed(&substituted.text, at));
    let is_cut = matches!(document.part.extent, Completeness::Before(_));
    let by_line = (!is_cut && (is_misread || error_at.is_some())).then(|| {
        let text = &substituted.text;
        let text = if is_misread || is_needed { text } else { yaml::readable(text, &by_line::gives_access) };
        let mut found = by_line::read(text, &ssh_key::is_key, &origin);
        found.remove_quoted(&parsed);
        found
    });
    if let Completeness::Before(end) = document.part.extent {
        remove_behind(&mut parsed, end);
    }
    document.access_only |= parsed.error.is_some();
    document.findings.append(&mut parsed.findings);
    document.findings.extend(parsed.error.take());
    document.findings.extend(findings);
    document.findings.extend(lints);
    document.parsed = parsed;
    // Of a broken document, only the host name and SSH keys are used.
    if let Some(mut repaired) = repaired_access {
        repair_again(document, &mut repaired);
        config = repaired;
    }
    if let Some(found) = &by_line {
        add_by_line(&mut config, found);
    }
    document.access = plan::access(&config, short_hostname);
    if document.access_only {
        consequences::name_access(&mut document.findings, &document.access, &config, by_line.as_ref());
        document.restrict_to_access();
    }
    document.findings.append(&mut document.access.findings);
    document.config = config;
}

/// Removes the findings about keys and lines because of which `refusals` refuse their items: each is reported once.
fn remove_refused(findings: &mut Vec<Finding>, refusals: &[Finding]) {
    let positions: HashSet<_> = refusals.iter().filter_map(|found| Some(found.span?.start)).collect();
    let about_them = [
        &rules::UNKNOWN_KEY,
        &rules::MISPLACED_KEY,
        &rules::DETACHED_KEY,
        &rules::MISSING_SPACE,
        &rules::ODD_UNIT_LINE,
        &rules::DUPLICATE_KEY,
        &rules::TWO_SPELLINGS,
    ];
    let is_known = |finding: &Finding| finding.span.is_some_and(|span| positions.contains(&span.start));
    findings.retain(|finding| !(about_them.contains(&finding.rule) && is_known(finding)));
}

/// Repairs the keys of a document that was parsed again with its missing spaces, and reports only new findings.
fn repair_again(document: &mut Document, config: &mut CloudConfig) {
    let found = config::repair_keys(config, &document.part.text, &mut document.findings);
    let known: HashSet<_> = document.findings.iter().map(|finding| finding.span).collect();
    document.findings.extend(found.into_iter().filter(|finding| !known.contains(&finding.span)));
}

/// Removes the findings at positions that `misread` reports: a key with a lookalike character is unknown for it alone.
fn remove_misread(findings: &mut Vec<Finding>, misread: &[Finding]) {
    findings.retain(|finding| {
        let Some(this) = finding.span else { return true };
        let ends_before = |other: &Finding| other.span.is_none_or(|other| other.end < this.start);
        let other = misread.get(misread.partition_point(ends_before)).and_then(|other| other.span);
        other.is_none_or(|other| other.start > this.end)
    });
}

/// Removes the findings after the byte `end`, where the part is truncated. The truncation itself is reported elsewhere.
fn remove_behind(parsed: &mut yaml::ParsedYaml, end: usize) {
    let is_behind = |finding: &Finding| finding.span.is_none_or(|span| span.start >= end);
    parsed.error.take_if(|error| is_behind(error));
    parsed.findings.retain(|finding| !is_behind(finding));
    for span in parsed.findings.iter_mut().chain(&mut parsed.error).filter_map(|f| f.span.as_mut()) {
        span.end = span.end.min(end);
    }
}

/// Adds the host name and SSH keys in `found` that `config` does not have.
fn add_by_line(config: &mut CloudConfig, found: &ByLine) {
    if config.hostname.value.is_none() {
        config.hostname = found.hostname.clone();
    }
    if found.keys.is_empty() {
        return;
    }
    // YAML may have joined items into strings that are not keys.
    config.ssh_authorized_keys.retain(|field| field.text().lines().any(|line| ssh_key::is_key(line.trim())));
    let known: HashSet<_> = config.ssh_authorized_keys.iter().map(|field| field.text().to_owned()).collect();
    let new = found.keys.iter().filter(|key| !known.contains(key.text()));
    config.ssh_authorized_keys.extend(new.cloned());
}

/// Returns true if one of the template expressions at `positions` may be the reason why YAML parsing ends at `at`: it
/// is terminated, and begins on that line or up to three lines above. An unterminated expression may mean that the text
/// is truncated.
fn is_cause(text: &str, positions: &mut dyn Iterator<Item = Span>, at: usize) -> bool {
    let Some((above, rest)) = text.split_at_checked(at) else { return false };
    let end = at + rest.find('\n').unwrap_or(rest.len());
    let start = above.rmatch_indices('\n').nth(3).map_or(0, |(newline, _)| newline + 1);
    positions.filter(|position| (start..end).contains(&position.start)).any(|position| {
        // Below the header of a template, the position covers only the beginning of the expression.
        let expression = &text.as_bytes()[position.start..end.min(position.start + 200)];
        let line = expression.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.windows(2).any(|pair| matches!(pair, [_, b'}'] | b"%>"))
    })
}

/// Returns the positions of template expressions in `findings`.
fn template_positions(findings: &[Finding]) -> impl Iterator<Item = Span> {
    findings.iter().filter(|finding| *finding.rule == rules::TEMPLATE).filter_map(|finding| finding.span)
}

/// Replaces the help of errors on a line with a template expression: rendering the template comes first.
fn point_to_templates<'a>(text: &str, mut positions: Vec<Span>, findings: impl Iterator<Item = &'a mut Finding>) {
    if positions.is_empty() {
        return;
    }
    positions.sort_unstable();
    // The number is limited, because each finding searches for the end of its line, and all may be on one long line.
    for finding in findings.filter(|finding| finding.is_error()).take(100) {
        let Some(span) = finding.span else { continue };
        let end = text.get(span.start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| span.start + at);
        // The last expression that begins before the end of the line.
        let last = positions[..positions.partition_point(|position| position.start < end)].last();
        let is_there = |position: &&Span| {
            position.end >= span.start
                || text.get(position.end..span.start).is_some_and(|between| !between.contains('\n'))
        };
        if last.is_some_and(|position| is_there(&position)) {
            finding.help = Some(lint::TEMPLATE_HELP.to_owned());
        }
    }
}

/// Parses `text` with the missing spaces inserted: before the markers at `cuts`, in items of key lists, and, if the
/// document is broken by one, all that are needed to read the host name and SSH keys. These are the second result.
fn parse_repaired(
    findings: &mut Vec<Finding>,
    text: &str,
    cuts: &[Cut],
    origin: &dyn Fn(usize) -> usize,
) -> (yaml::ParsedYaml, Option<CloudConfig>) {
    let spaces: Vec<_> = cuts.iter().flat_map(|cut| std::iter::repeat_n((cut.at, " "), cut.depth)).collect();
    let indented = Repaired::new(text, &spaces);
    let origin = |offset| origin(indented.origin(offset));
    let text = &indented.text;
    let items = key_items::find(text, &ssh_key::begins_key);
    let finding_of = |missing: &MissingSpace| {
        let item = text[missing.at..].lines().next().unwrap_or_default().trim();
        if ssh_key::is_key(item.trim_matches(['"', '\''])) {
            return missing.finding(origin(missing.at)).sets_key("the key is set");
        }
        missing.finding_with(origin(missing.at), "read as an item of the list")
    };
    findings.extend(items.missing.iter().map(finding_of));
    findings.extend(items.findings(&origin));
    let text = &items.replace(text);
    let repaired = Repaired::new(text, &items.insertions(text));
    let origin = |offset| origin(repaired.origin(offset));
    let mut parsed = yaml::parse(&repaired.text, origin);
    let error = parsed.error.as_ref().filter(|error| *error.rule == rules::SYNTAX).and_then(|error| error.span);
    let text = &repaired.text;
    let at = error.map(|span| offset_of(text, span.start, &origin));
    // A document that consists only of such lines is one string.
    let is_text = parsed.error.is_none() && parsed.root.as_ref().is_some_and(|root| root.text().is_some());
    let found = if is_text {
        missing_space::all(text, &config::is_key).into_iter().next()
    } else {
        at.and_then(|at| missing_space::near(text, at, &config::is_key))
    };
    let Some(found) = found else {
        if let Some(key) = by_line::without_colon(text).filter(|_| is_text) {
            let message = format!("no `:` after `{}`", &text[key.start..key.end]);
            let error = Finding::new(&rules::SYNTAX, Span::new(origin(key.start), origin(key.end)), message);
            parsed.error = Some(error.help("write `KEY: VALUE`"));
            parsed.root = None;
        } else if let Some(key) = at.and_then(|at| key_items::without_dash(text, at, &ssh_key::is_key)) {
            let message = "no `- ` before this SSH key";
            let error = Finding::new(&rules::SYNTAX, Span::new(origin(key.start), origin(key.end)), message);
            parsed.error = Some(error.help("begin each key with `- ` on a line of its own"));
        } else if let Some(lines) = at.and_then(|at| yaml::without_header(text, at)) {
            parsed.error = Some(Headless::finding(Span::new(origin(lines.first), origin(lines.end))));
        } else if let Some(ended) = at.and_then(|at| yaml::ended_by_key(text, at, &config::is_item_key)) {
            let start = origin(ended.line);
            let len = text[ended.line..].chars().next().map_or(0, char::len_utf8);
            parsed.error = Some(ended.finding(text, Span::new(start, start + len)));
        }
        if let Some(error) = &mut parsed.error {
            let at = error.span.map(|span| offset_of(text, span.start, &origin));
            yaml::advise(error, text, at.unwrap_or_default(), &config::is_item_key);
        }
        return (parsed, None);
    };
    let consequence = "only the host name and SSH keys are applied";
    parsed.error = Some(found.finding_with(origin(found.at), consequence));
    let again = Repaired::new(text, &missing_space::spaces(&missing_space::all(text, &config::is_key)));
    let mut access = yaml::parse(&again.text, |offset| origin(again.origin(offset)));
    config::split_users(&mut access);
    (parsed, Some(yaml::read::<CloudConfig>(&access).0))
}

/// Returns the first byte of `text` whose position in the source text is `position` or later.
fn offset_of(text: &str, position: usize, origin: &dyn Fn(usize) -> usize) -> usize {
    let (mut low, mut high) = (0, text.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if origin(middle) < position { low = middle + 1 } else { high = middle }
    }
    low
}

/// Reports a script that its headers, or the line above it, declare as a cloud-config. In YAML, its `#!` line is a
/// comment.
fn script_after_all(text: &str, parsed: &yaml::ParsedYaml) -> Option<Finding> {
    let entries = parsed.root.as_ref().and_then(|root| root.entries()).unwrap_or_default();
    let below = text.strip_prefix("#cloud-config").unwrap_or(text);
    let script = below.trim_start();
    if entries.iter().any(|entry| yaml::is_name(&entry.key)) || !script.starts_with("#!") {
        return None;
    }
    let (rule, message, help) = if below.len() < text.len() {
        let is_nothing = script.lines().all(|line| line.trim().is_empty() || line.starts_with('#'));
        if is_nothing {
            return None;
        }
        let message = "script below `#cloud-config`; script not run";
        (&rules::WRONG_TYPE, message, "delete the line above: a script must begin with `#!`")
    } else {
        let message = "its type is that of a cloud-config, but it begins with #! and has no keys; part skipped";
        (&rules::BAD_PART, message, "give a script the type text/x-shellscript")
    };
    let start = text.len() - script.len();
    Some(Finding::new(rule, Span::new(start, start + 2), message).help(help))
}

impl Document {
    /// Restricts the document to the host name and the SSH keys of `core`, and corrects findings that say more is
    /// applied.
    pub fn restrict_to_access(&mut self) {
        self.access_only = true;
        consequences::correct_key_claims(&mut self.findings, &self.part.text, &self.access.keys);
    }

    /// Plans the part. Its SSH keys go to the set `key_set`. The findings of the plan include those of the part, in the
    /// order of their positions.
    pub fn plan(&self, facts: &Facts, key_set: &str) -> Plan {
        let mut plan = match self.part.form {
            ContentKind::CloudConfig if self.access_only => {
                without(if self.access.is_empty() { Item::All } else { Item::Rest })
            }
            ContentKind::CloudConfig => plan::plan(&self.config, facts, key_set),
            ContentKind::Script if self.access_only => without(Item::All),
            ContentKind::Script => plan::plan_script(&self.script, first_line(&self.part.text)),
            ContentKind::Network => plan::plan_network(&self.network),
            // The multipart around the part already reports that the part is skipped.
            ContentKind::Unreadable if self.findings.is_empty() => Plan::default(),
            ContentKind::Unknown | ContentKind::Unreadable => without(Item::All),
            ContentKind::Ignition | ContentKind::Multipart | ContentKind::Empty | ContentKind::Skipped => {
                Plan::default()
            }
        };
        plan.findings.extend_from_slice(&self.findings);
        plan.findings.sort_by_key(|finding| (finding.span, finding.line));
        consequences::name_unknown_tokens(&mut plan.findings, &self.part.text);
        skipped::remove_claims(&mut plan, &self.part.text);
        if self.access_only {
            skipped::remove_of_rest(&mut plan.findings);
        }
        shorten(&mut plan.findings);
        self.name_tokens(&mut plan.findings);
        plan
    }
}

impl Document {
    /// Replaces stand-ins in `findings` by their tokens.
    fn name_tokens(&self, findings: &mut [Finding]) {
        for kind in &self.stand_ins {
            let token = format!("${}", kind.token());
            for words in
                findings.iter_mut().flat_map(|found| std::iter::once(&mut found.message).chain(&mut found.help))
            {
                if words.contains(kind.stand_in()) {
                    *words = words.replace(kind.stand_in(), &token);
                }
            }
        }
    }
}

/// Returns the position of the first line of `text`, without its line end.
fn first_line(text: &str) -> Span {
    Span::new(0, text.split(['\n', '\r']).next().unwrap_or_default().trim_end().len())
}

/// Returns an empty plan that refuses `item`.
fn without(item: Item) -> Plan {
    Plan { refused: vec![Refused { item, span: None, redacted: false }], ..Plan::default() }
}
