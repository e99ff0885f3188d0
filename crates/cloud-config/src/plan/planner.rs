//! Makes a plan from a configuration. All ordering rules are here (docs/applying.md#the-order).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::file_tree::{Clash, FileTree};
use super::paths::ClaimedPaths;
use super::{Account, FileSpec, Hostname, KeyImport, KeySet, Reload, Step, UnitCommand, UnitPath, UnitScope};
use super::{files, names, script, sections, units, users};
use crate::config::{CloudConfig, ssh_key};
use crate::diagnostic::{Finding, Findings, Span, rules};
use crate::text::printable;

/// A step and its position in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The step.
    #[serde(flatten)]
    pub step: Step,
    /// The position of its item.
    #[serde(skip)]
    pub span: Option<Span>,
}

/// The subject of an item of a configuration, for messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub enum Item {
    /// A file, by its path as written, or by the path of its item.
    File(String),
    /// A user.
    User(String),
    /// A unit.
    Unit(String),
    /// A drop-in of a unit.
    DropIn {
        /// The unit, which is neither enabled nor started without the drop-in.
        unit: String,
        /// The drop-in, by its name or by the path of its item.
        name: String,
    },
    /// The command of a unit, whose files are written anyway.
    Command(String),
    /// The import of keys from a URL, for a user who is created anyway.
    Import(String),
    /// A section, such as `coreos.update`.
    Section(Cow<'static, str>),
    /// All of a part except its host name and SSH keys.
    Rest,
    /// All of a part that has neither a host name nor SSH keys.
    All,
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(name) => write!(f, "file {name}"),
            Self::User(name) => write!(f, "user {name}"),
            Self::Unit(name) => write!(f, "unit {name}"),
            Self::DropIn { unit, name } => write!(f, "drop-in {name} of unit {unit}"),
            Self::Command(name) => write!(f, "command of unit {name}"),
            Self::Import(name) => write!(f, "import of keys of user {name}"),
            Self::Section(name) => write!(f, "section {name}"),
            Self::Rest => f.write_str("everything except the host name and the SSH keys of core"),
            Self::All => f.write_str("everything"),
        }
    }
}

/// An item that is skipped because of an error, which a finding reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The item.
    #[serde(flatten)]
    pub item: Item,
    /// The position of the item.
    #[serde(skip)]
    pub span: Option<Span>,
    /// True if the item is valid except that one of its secrets is redacted.
    #[serde(skip)]
    pub redacted: bool,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why =
            if self.redacted { ", of which a secret is redacted: --print-config --show-secrets prints it" } else { "" };
        write!(f, "{}{why}", self.item)
    }
}

/// The plan of one part: its steps, and the items that are skipped.
#[derive(Debug, Default)]
pub struct Plan {
    /// The steps in order.
    pub steps: Vec<Planned>,
    /// The skipped items.
    pub refused: Vec<Refused>,
    /// The findings of the part.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// Returns true if an item of the part is skipped, for which `--strict` rejects the part (docs/applying.md).
    pub fn is_partial(&self) -> bool {
        !self.refused.is_empty() || self.findings.iter().any(Finding::is_error)
    }
}

/// The facts about the machine that a plan depends on.
#[derive(Debug, Default)]
pub struct Facts {
    /// The current host name, or the one that the run will set.
    pub hostname: String,
    /// The files that sections add lines to (see [`facts_wanted`]), or the error of reading them.
    pub files: BTreeMap<&'static str, Result<BaseFile, String>>,
    /// The directories in [`wanted_directories`](super::wanted_directories) that are on a read-only file system.
    pub read_only: BTreeSet<PathBuf>,
}

/// A file of the machine that a section adds lines to.
#[derive(Clone, Debug, Default)]
pub struct BaseFile {
    /// The content.
    pub content: Vec<u8>,
    /// The permissions. The planned file gets no more than these, because the content can be secret.
    pub mode: u32,
}

/// Returns the files of the machine that planning `config` needs.
pub fn facts_wanted(config: &CloudConfig) -> Vec<&'static str> {
    let mut wanted = Vec::new();
    if config.manage_etc_hosts.value.is_some() {
        wanted.push(sections::HOSTS);
    }
    if config.coreos.update.value.is_some() {
        wanted.extend([sections::UPDATE_CONF, sections::UPDATE_CONF_DEFAULT]);
    }
    wanted
}

/// The plan of a part while it is being built.
pub(super) struct Planner<'a> {
    pub facts: &'a Facts,
    pub findings: Findings,
    pub refused: Vec<Refused>,
    users: Vec<Planned>,
    pub paths: ClaimedPaths,
    tree: FileTree,
    enables: Vec<Planned>,
    removals: Vec<Planned>,
    commands: Vec<Planned>,
    /// The systemd units in the part, in order, and the same names as a set.
    unit_names: Vec<String>,
    known_units: HashSet<String>,
    networkd: Option<Span>,
}

/// Plans a cloud-config part (docs/cloud-config.md, docs/cloud-config.md#coreosunits), without its host name and the
/// keys of `core`, which are set before all parts (docs/applying.md#the-order).
pub fn plan(config: &CloudConfig, facts: &Facts, key_set: &str) -> Plan {
    let mut planner = Planner {
        facts,
        findings: Findings::default(),
        refused: Vec::new(),
        users: Vec::new(),
        paths: ClaimedPaths::default(),
        tree: FileTree::default(),
        enables: Vec::new(),
        removals: Vec::new(),
        commands: Vec::new(),
        unit_names: Vec::new(),
        known_units: HashSet::new(),
        networkd: None,
    };
    users::plan(&mut planner, &config.users, key_set);
    files::plan(&mut planner, &config.write_files);
    sections::plan(&mut planner, config);
    units::plan(&mut planner, &config.coreos.units);
    sections::plan_services(&mut planner, &config.coreos);
    planner.finish()
}

/// Plans a script part; `first_line` is the position of its interpreter line.
pub fn plan_script(text: &str, first_line: Span) -> Plan {
    let (script, finding) = script::script(text, first_line);
    let mut plan = Plan { findings: finding.into_iter().collect(), ..Plan::default() };
    match script {
        Some(script) => plan.steps.push(Planned { step: Step::RunScript(script), span: None }),
        None => plan.refused.push(Refused { item: Item::All, span: Some(first_line), redacted: false }),
    }
    plan
}

impl Planner<'_> {
    pub fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Refuses `item` because of a finding that was already reported.
    pub fn refuse(&mut self, item: Item, span: Option<Span>) {
        self.refused.push(Refused { item, span, redacted: false });
    }

    /// Refuses `item` because of `finding`.
    pub fn refuse_for(&mut self, item: Item, span: Option<Span>, finding: Finding) {
        let redacted = finding.rule == &rules::REDACTED_SECRET;
        self.report(finding);
        self.refused.push(Refused { item, span, redacted });
    }

    pub fn user(&mut self, account: Account, span: Option<Span>) {
        self.users.push(Planned { step: Step::EnsureUser(account), span });
    }

    pub fn keys(&mut self, user: &str, set: &str, keys: Vec<String>, span: Option<Span>) {
        if !keys.is_empty() {
            let set = KeySet { user: user.to_owned(), set: set.to_owned(), keys };
            self.users.push(Planned { step: Step::AuthorizeKeys(set), span });
        }
    }

    pub fn import(&mut self, import: KeyImport, span: Option<Span>) {
        self.users.push(Planned { step: Step::ImportKeys(import), span });
    }

    /// Adds the file `path`, whose position is `span`. Returns an error if the path is, or has to be, a directory of
    /// another file.
    pub fn claim(&mut self, path: &Path, span: Option<Span>) -> Result<(), Finding> {
        self.tree.claim(path).map_err(|clash| {
            let path = display_path(path);
            let message = match clash {
                Clash::Below(file) => {
                    format!("{path} is below {}, which is a file in this part; file skipped", display_path(&file))
                }
                Clash::Above(file) => {
                    format!("{path} is the directory of {}; file skipped", display_path(&file))
                }
            };
            Finding::new(&rules::PATH_BELOW_FILE, span, message).help("give one of them another path")
        })
    }

    /// Reports a path that is written twice.
    pub fn note_duplicate(&mut self, path: &Path, span: Option<Span>) {
        if self.paths.has_file(path) {
            let message = format!("{} is written twice; the earlier one is ignored", display_path(path));
            self.report(Finding::new(&rules::DUPLICATE_ITEM, span, message));
        }
    }

    pub fn file(&mut self, file: FileSpec, span: Option<Span>) {
        self.paths.write(file, span);
    }

    /// Records a systemd unit of the part.
    pub fn unit(&mut self, name: &str) {
        if self.known_units.insert(name.to_owned()) {
            self.unit_names.push(name.to_owned());
        }
    }

    /// Records that a file of networkd may change.
    pub fn networkd(&mut self, span: Option<Span>) {
        self.networkd = self.networkd.or(span).or(Some(Span::default()));
    }

    pub fn enable(&mut self, scope: UnitScope, span: Option<Span>) {
        self.enables.push(Planned { step: Step::EnableUnit(scope), span });
    }

    /// Plans to remove the environment file of a unit once systemd no longer uses it.
    pub fn remove_environment(&mut self, place: UnitPath, span: Option<Span>) {
        self.removals.push(Planned { step: Step::RemoveEnvironment(place), span });
    }

    pub fn command(&mut self, command: UnitCommand, span: Option<Span>) {
        self.commands.push(Planned { step: Step::UnitCommand(command), span });
    }

    fn finish(self) -> Plan {
        let mut steps = self.users;
        let (mut unit_names, mut known) = (self.unit_names, self.known_units);
        for planned in self.paths.into_steps() {
            // `write_files` may also contain the file of a unit.
            if let Some(unit) = units::unit_of(&planned.step)
                && known.insert(unit.clone())
            {
                unit_names.push(unit);
            }
            steps.push(planned);
        }
        steps.extend(self.enables);
        if !unit_names.is_empty() {
            steps.push(Planned { step: Step::ReloadDaemon(Reload { units: unit_names }), span: None });
        }
        steps.extend(self.removals);
        if let Some(span) = self.networkd {
            steps.push(Planned { step: Step::RestartNetworkd, span: Some(span) });
        }
        steps.extend(self.commands);
        Plan { steps, refused: self.refused, findings: self.findings.into_list() }
    }
}

/// The host name and SSH keys of a part, which are set before all other steps (docs/applying.md).
#[derive(Default)]
pub struct Access {
    /// The host name to set, with its position.
    pub hostname: Option<(Hostname, Span)>,
    /// The SSH keys of `core`, in order, without duplicates.
    pub keys: Vec<String>,
    /// The findings about the host name and the keys.
    pub findings: Vec<Finding>,
    /// The position of the list of keys.
    pub span: Option<Span>,
}

impl Access {
    /// Returns true if there is neither a host name nor a key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hostname.is_none() && self.keys.is_empty()
    }
}

/// The default user of CoreOS, whose SSH keys are set first.
pub const CORE: &str = "core";

/// Collects the host name and SSH keys of `config`, even if it has errors. `short` cuts host names at the first dot.
pub fn access(config: &CloudConfig, short: bool) -> Access {
    let (mut access, mut findings) = (Access::default(), Findings::default());
    if let (Some(name), Some(span)) = (config.hostname.filled(), config.hostname.span) {
        match names::hostname(name, short, Some(span)) {
            Ok((hostname, finding)) => {
                access.hostname = Some((hostname, span));
                findings.extend(finding);
            }
            Err(finding) => findings.push(finding),
        }
    }
    let core = config.users.iter().filter_map(|user| user.get()).filter(|user| user.name.text() == CORE);
    let lists = std::iter::once(&config.ssh_authorized_keys).chain(core.map(|user| &user.ssh_authorized_keys));
    let mut keys = ssh_key::Keys::default();
    for list in lists {
        ssh_key::collect_list(CORE, list, &mut keys, &mut findings);
        let first = list.iter().find(|entry| entry.filled().is_some());
        access.span = access.span.or(first.and_then(|entry| entry.span));
    }
    access.keys = keys.into_list();
    access.findings = findings.into_list();
    access
}

/// Reports a redacted secret in place of `what`, with the consequence.
pub(super) fn redacted_secret(span: Option<Span>, what: &str, consequence: &str) -> Finding {
    Finding::new(&rules::REDACTED_SECRET, span, format!("{what} is a placeholder for a secret; {consequence}"))
        .help("write the secret in its place, or print the original configuration with `--print-config --show-secrets`")
}

/// Returns the label of an item without a name: its path, such as `write_files[2]`.
pub(super) fn numbered(list: &str, index: usize) -> String {
    format!("{list}[{index}]")
}

/// Formats a path for messages, on one line.
pub(super) fn display_path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// Joins `parts` to an absolute path.
pub(super) fn path(parts: &[&str]) -> PathBuf {
    parts.iter().collect()
}
