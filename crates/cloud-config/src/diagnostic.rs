//! Findings about a configuration, and the table of their rules.
//!
//! A finding is plain data: the problem, its severity and its place. It never holds a
//! secret, the content of a file, or the text of a line that could not be understood.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

/// A range of bytes in a part, as its author wrote it (before tokens were replaced).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to, and without, `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; `--validate` stays clean.
    Note,
    /// Probably not what was meant; it is applied all the same.
    Warning,
    /// Something is left out because of it: the run ends with exit code 1.
    Error,
}

impl Severity {
    /// The word that stands before the message: `error`, `warning`, `note`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One kind of finding: its name, which never changes, and how bad it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// A stable name, e.g. `unknown-key`.
    pub id: &'static str,
    /// How bad a finding of this kind is.
    pub severity: Severity,
    /// The meaning, in a sentence.
    pub summary: &'static str,
}

/// A problem of a configuration, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The problem, without any secret.
    pub message: String,
    /// The remedy, if there is one.
    pub help: Option<String>,
    /// Where in the part it is.
    pub span: Option<Span>,
    /// The number of further findings of this rule that were only counted; see [`Findings`].
    pub more: usize,
    /// The length of the message without its claim that an SSH key is set; see [`Finding::sets_key`].
    pub(crate) problem_len: Option<usize>,
    /// The unit that systemd cannot enable or start for this reason.
    pub blocked: Option<Box<BlockedUnit>>,
}

/// A unit that systemd cannot enable or start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedUnit {
    /// The name of the unit, printable.
    pub unit: String,
    /// The action that fails.
    pub action: UnitAction,
}

/// An action on a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitAction {
    /// Enable it.
    Enable,
    /// Start it.
    Start,
}

impl Finding {
    /// A finding of `rule` at `span`.
    pub fn new(rule: &'static Rule, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { rule, message: message.into(), help: None, span: span.into(), more: 0, problem_len: None, blocked: None }
    }

    /// Adds a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the unit, printable, that systemd cannot enable for this reason.
    #[must_use]
    pub(crate) fn not_enabled(self, unit: &str) -> Self {
        self.blocks(UnitAction::Enable, unit)
    }

    /// Adds the unit, printable, that systemd cannot start for this reason.
    #[must_use]
    pub(crate) fn not_started(self, unit: &str) -> Self {
        self.blocks(UnitAction::Start, unit)
    }

    fn blocks(mut self, action: UnitAction, unit: &str) -> Self {
        self.blocked = Some(Box::new(BlockedUnit { unit: unit.to_owned(), action }));
        self
    }

    /// Adds the consequence that an SSH key is set, which is corrected if the document turns out to be broken.
    #[must_use]
    pub(crate) fn sets_key(mut self, claim: &str) -> Self {
        self.problem_len = Some(self.message.len());
        self.message = format!("{}; {claim}", self.message);
        self
    }

    /// Replaces the claim that an SSH key is set, if there is one.
    pub(crate) fn replace_key_claim(&mut self, consequence: &str) {
        if let Some(length) = self.problem_len.take() {
            self.message.truncate(length);
            self.message = format!("{}; {consequence}", self.message);
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// Returns true if something is skipped because of it.
    pub fn is_error(&self) -> bool {
        self.rule.severity == Severity::Error
    }
}

/// Findings, in the order in which they are made. A place has each rule once: through aliases a place can be met many
/// times. Of each rule, one more than is shown is kept, and the rest is counted; see [`shorten`].
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    places: HashSet<(&'static str, Span)>,
    /// The number of kept findings of each rule, and the index of the last.
    kept: HashMap<&'static str, (usize, usize)>,
}

impl Findings {
    /// Adds a finding, unless its place has one of its rule already.
    pub fn push(&mut self, finding: Finding) {
        self.push_with(finding.rule, finding.span, || finding);
    }

    /// Adds a finding of `rule` at `span` as [`Self::push`] does; it is built only if it is kept.
    pub fn push_with(&mut self, rule: &'static Rule, span: Option<Span>, finding: impl FnOnce() -> Finding) {
        if span.is_none_or(|span| self.places.insert((rule.id, span))) {
            self.add(rule, finding);
        }
    }

    /// Adds a finding whose place was not met before; it is built only if it is kept.
    pub fn add(&mut self, rule: &'static Rule, finding: impl FnOnce() -> Finding) {
        let (count, last) = self.kept.entry(rule.id).or_default();
        if *count > MOST_OF_A_RULE {
            self.list[*last].more += 1;
            return;
        }
        (*count, *last) = (*count + 1, self.list.len());
        self.list.push(finding());
    }

    /// Returns true if a further finding of `rule` would only be counted, so that its words need not be found.
    pub fn is_full(&self, rule: &'static Rule) -> bool {
        self.kept.get(rule.id).is_some_and(|(count, _)| *count > MOST_OF_A_RULE)
    }

    /// The kept findings.
    pub fn into_list(self) -> Vec<Finding> {
        self.list
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

/// The number of findings of one rule that are shown of a part: one for each entry of the longest list.
pub const MOST_OF_A_RULE: usize = 10_000;

/// Keeps the first [`MOST_OF_A_RULE`] of each rule; the next one becomes a line that says how many there are more.
pub fn shorten(findings: &mut Vec<Finding>) {
    if findings.len() <= MOST_OF_A_RULE {
        return;
    }
    let mut counts: HashMap<&'static str, (usize, usize)> = HashMap::new();
    findings.retain_mut(|finding| {
        let (shown, all) = counts.entry(finding.rule.id).or_default();
        (*shown, *all) = (*shown + 1, *all + 1 + finding.more);
        if *shown == MOST_OF_A_RULE + 1 {
            finding.message.clear();
            finding.help = None;
        }
        *shown <= MOST_OF_A_RULE + 1
    });
    for finding in findings.iter_mut().filter(|finding| finding.message.is_empty()) {
        let more = counts.get(finding.rule.id).map_or(0, |(_, all)| all - MOST_OF_A_RULE);
        finding.message = format!("there are {more} more of this kind from here on, which are not shown");
    }
}

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $summary:literal;)*) => {
        /// Every kind of finding, one constant each.
        pub mod rules {
            use super::{Rule, Severity};
            $(
                #[doc = $summary]
                pub static $name: Rule = Rule { id: $id, severity: Severity::$severity, summary: $summary };
            )*
            /// All of them, in the order of the documentation.
            pub static ALL: &[&Rule] = &[$(&$name),*];
        }
    };
}

rules! {
    SYNTAX = "syntax", Error, "The part is not valid YAML from here on; only the host name and SSH keys of `core` are applied.";
    LIMIT = "limit", Error, "The document exceeds a limit; only the host name and SSH keys before this place are applied.";
    NOT_UTF8 = "not-utf8", Error, "The part is not UTF-8 text.";
    UNKNOWN_FORM = "unknown-form", Error, "The user-data is none of the forms this program knows.";
    UNKNOWN_TAG = "unknown-tag", Error, "A value with a tag of another program, such as `!Ref`, which is not evaluated; the value is not applied.";
    UNKNOWN_PART = "unknown-part", Warning, "A part of a multipart that is none of the forms this program knows; it is skipped.";
    BAD_PART = "bad-part", Error, "A part of a multipart that is not what its headers say, or does not decode; it is left out.";
    BAD_GZIP = "bad-gzip", Error, "Compressed user-data, or a part, that does not decompress to its end; it is left out.";
    BAD_MIME = "bad-mime", Error, "A multipart without a boundary, with an invalid header line, or with a part outside of its boundaries; only the host name and SSH keys are applied, where they can be read.";
    ODD_MULTIPART = "odd-multipart", Warning, "A multipart of another kind than `multipart/mixed`; it is read as if it were that.";
    LEADING_BLANK_LINE = "leading-blank-line", Warning, "A blank line before the headers or the first line of a part of a multipart; it is ignored.";
    DUPLICATE_HEADER = "duplicate-header", Warning, "A header of a multipart, or of a part of it, that is given twice; the first one counts.";
    TRUNCATED = "truncated", Error, "A multipart without its final boundary; only the host name and SSH keys are applied.";
    MORE_DOCUMENTS = "more-documents", Warning, "Only the first YAML document of a part is read.";
    LOST_DOCUMENT = "lost-document", Error, "A further YAML document with a host name, users or SSH keys, which is not read.";
    STRAY_CONTENT = "stray-content", Error, "Content that is no part of the document, which ended above it; it is not read.";
    UNKNOWN_KEY = "unknown-key", Warning, "A key that this program does not know; it is ignored.";
    FOREIGN_KEY = "foreign-key", Note, "A key of another program that changes nothing here; it is ignored.";
    DEFAULT_USER = "default-user", Note, "The default user of cloud-init in `users`; it is ignored.";
    MISSPELLED_KEY = "misspelled-key", Error, "An unknown key in place of a known one that is absent; its file, unit or drop-in is skipped, its user is not.";
    UNSUPPORTED_KEY = "unsupported-key", Error, "A key that asks to keep an existing file, which would be replaced; the file is skipped.";
    DETACHED_KEY = "detached-key", Error, "A key outside of its item or section, or an unknown key with a host name, users or SSH keys below it; a file or unit is skipped, SSH keys of a user are set where they can only belong to that user, anything else is not applied.";
    MISPLACED_KEY = "misplaced-key", Warning, "A key that belongs somewhere else; here it is ignored.";
    DUPLICATE_KEY = "duplicate-key", Warning, "A key that is given twice; the last one counts.";
    TWO_SPELLINGS = "two-spellings", Warning, "A key that is given in both spellings, with `-` and with `_`; the last one counts.";
    NOTHING_THERE = "nothing-there", Note, "A key with nothing under it, or an empty item of a list.";
    LOOKALIKE_CHARACTER = "lookalike-character", Error, "A character that looks like a blank, a line break, a quote or a YAML indicator but is another one; the value is skipped, or only the host name and SSH keys are applied.";
    ODD_CHARACTER = "odd-character", Warning, "A character in a path, an interpreter line or a command that looks like another one.";
    MISSING_SPACE = "missing-space", Error, "A `-` or `:` without a space after it, so that YAML reads plain text; only SSH keys are set.";
    MISSING_DASH = "missing-dash", Error, "A key that begins another item without its `- `; files, units and drop-ins are skipped, users are read as two.";
    BAD_KEY = "bad-key", Error, "A key that is not plain text; it is ignored with its value.";
    BAD_MERGE = "bad-merge", Error, "A `<<` merge of something that is no mapping; it is ignored.";
    WRONG_TYPE = "wrong-type", Error, "A value of the wrong type; the field is left out, or its item where that could do harm.";
    TEXT_FOR_LIST = "text-for-list", Warning, "One text where a list is wanted; it is read as a list of one.";
    QUOTED_BOOLEAN = "quoted-boolean", Warning, "A truth value in quotes; it is read as if it had none.";
    QUOTED_NUMBER = "quoted-number", Warning, "A number in quotes; it is read as if it had none.";
    DEPRECATED = "deprecated", Note, "Something that works as it always did, and has been replaced.";
    OBSOLETE = "obsolete", Warning, "An option that its service does not know.";
    MISSING_KEY = "missing-key", Error, "An item lacks what it cannot be without; it is left out.";
    NAMELESS_USER = "nameless-user", Warning, "A user without a name; the entry is skipped.";
    INCOMPLETE_DROP_IN = "incomplete-drop-in", Warning, "A drop-in without a name or without content; it is skipped.";
    DUPLICATE_ITEM = "duplicate-item", Warning, "Two items of the same path or name; the last one counts.";
    SCRIPT_LINE_ENDS = "script-line-ends", Warning, "A script with Windows line ends, which its interpreter reads as part of the line.";
    BAD_HEADER = "bad-header", Error, "A first line that is almost `#cloud-config`; only the host name and SSH keys are applied.";
    BAD_INTERPRETER = "bad-interpreter", Error, "A script whose interpreter is not an absolute path, or whose line breaks are lost; the script is not run.";
    ODD_INTERPRETER = "odd-interpreter", Warning, "A script with a shell as its interpreter that is not an absolute path; it is run with `/bin/bash`.";
    FOLDED_NAME = "folded-name", Error, "A name or a path over several lines, after which a key is missing; its item is refused.";
    BAD_PATH = "bad-path", Error, "A path that cannot be a file; the file is refused.";
    PATH_BELOW_FILE = "path-below-file", Error, "A path below another file's path, or above it; it is left out, since nothing is both a file and a folder.";
    READ_ONLY_USR = "read-only-usr", Error, "A path below `/usr`, which is read-only on this machine; the file is refused.";
    USR_PATH = "usr-path", Warning, "A path below `/usr`, which is read-only on `CoreOS` and Flatcar.";
    ODD_PATH = "odd-path", Error, "A path below `/dev`, `/proc` or `/sys`, where no file can be put; file skipped.";
    RELATIVE_PATH = "relative-path", Warning, "A relative path; it is taken beneath the root.";
    SLASH_PATH = "slash-path", Warning, "A path that ends with a slash, as that of a directory; a file is written there.";
    BAD_PERMISSIONS = "bad-permissions", Error, "Permissions that are no octal number; the file is refused.";
    ODD_PERMISSIONS = "odd-permissions", Warning, "Permissions that are probably not what was meant.";
    DECIMAL_PERMISSIONS = "decimal-permissions", Warning, "Permissions that are an octal mode written in decimal.";
    BAD_OWNER = "bad-owner", Error, "An owner that cannot be one; the file is refused.";
    BAD_ENCODING = "bad-encoding", Error, "An encoding this program does not know; the file is refused.";
    STILL_COMPRESSED = "still-compressed", Warning, "Content that is still gzip after decoding, for a file without a matching extension; it is written compressed.";
    BAD_CONTENT = "bad-content", Error, "Content that does not decode completely; the file is refused.";
    FOLDED_CONTENT = "folded-content", Warning, "Content whose lines YAML joins or takes for comments; it is written all the same.";
    LITERAL_ESCAPE = "literal-escape", Note, "A backslash and `n` in text without double quotes; they are two characters, and no line break.";
    SWALLOWED_KEY = "swallowed-key", Error, "Keys of an item that are indented too far, so that they become part of its content; item skipped.";
    KEY_IN_CONTENT = "key-in-content", Warning, "A line of content that looks like a key of its item; it is written all the same.";
    LOST_CONTENT = "lost-content", Error, "Content that ends above a line which is not indented as far as its text; the item is skipped.";
    BAD_USER = "bad-user", Error, "A field of a user that cannot be applied; for an invalid name, the user is skipped.";
    EXISTING_USER = "existing-user", Note, "Fields of a user that exists on every machine; they are not changed.";
    KEYS_WITHOUT_HOME = "keys-without-home", Error, "SSH keys of a user without a home directory, which are not set.";
    ODD_USER_NAME = "odd-user-name", Warning, "A name of a user or of a group that many systems refuse.";
    ODD_PASSWORD = "odd-password", Warning, "A password that is no hash, or not a whole one; no password matches it.";
    EMPTY_PASSWORD = "empty-password", Warning, "An empty password, which is none: it does not let anybody in.";
    WEAK_HASH = "weak-hash", Warning, "A password whose hash is of a kind that can be broken.";
    BAD_GECOS = "bad-gecos", Error, "A comment that the account database cannot store; it is left out.";
    BAD_KEY_OPTIONS = "bad-key-options", Error, "Text before an SSH key that sshd does not accept as options; the key is set with the options corrected, with `restrict` in place of an unknown one, or without a label, and is skipped where the text may restrict it in another way.";
    BAD_SSH_KEY = "bad-ssh-key", Warning, "A line that is no SSH public key; it is left out.";
    NO_VALID_KEY = "no-valid-key", Error, "A list of SSH keys without any valid key; SSH keys are not set.";
    JOINED_KEYS = "joined-keys", Error, "SSH keys without a `- ` between them, which YAML joins to one text; all of them are set.";
    KEY_QUOTES = "key-quotes", Error, "An SSH key that YAML does not read as text for want of quotes, or for nested ones; the key is set.";
    PRIVATE_KEY = "private-key", Warning, "A private key where a public one is wanted; it is left out.";
    WEAK_SSH_KEY = "weak-ssh-key", Warning, "A key that is too weak, and that sshd may not take.";
    ODD_SSH_KEY = "odd-ssh-key", Note, "A key of a type that this program does not know.";
    BAD_IMPORT = "bad-import", Error, "A key import that cannot be asked for; it is left out.";
    PLAIN_HTTP = "plain-http", Warning, "Keys are imported without encryption: who sits on the way can put in their own.";
    BAD_HOSTNAME = "bad-hostname", Error, "A name that cannot be a host name; it is not set.";
    LONG_HOSTNAME = "long-hostname", Warning, "A host name of more than 64 characters; it is cut.";
    TRAILING_DOT = "trailing-dot", Warning, "A host name that ends with a dot; it is set without it.";
    UNDERSCORE_HOSTNAME = "underscore-hostname", Warning, "A host name with an underscore, which newer systemds refuse.";
    ODD_HOSTNAME = "odd-hostname", Note, "A host name that is legal and unusual.";
    BAD_UNIT_NAME = "bad-unit-name", Error, "A name that cannot be a unit's; the unit is refused.";
    ODD_UNIT_NAME = "odd-unit-name", Warning, "A unit's name that neither systemd nor networkd takes.";
    MOUNT_NAME = "mount-name", Warning, "A mount or swap whose name is not that of its path; systemd refuses it.";
    ODD_UNIT_LINE = "odd-unit-line", Warning, "A line of a unit's file that systemd does not understand.";
    ODD_UNIT_SECTION = "odd-unit-section", Warning, "A section that a unit's file of this type does not have; systemd ignores it.";
    NO_INSTALL = "no-install", Warning, "A unit that is enabled and has no section `[Install]`, without which enabling it does nothing.";
    NO_DEFAULT_INSTANCE = "no-default-instance", Warning, "A template that is enabled and has no default instance; enabling it fails.";
    BAD_UNIT_SETTING = "bad-unit-setting", Warning, "A setting for which systemd refuses the unit, or to enable it.";
    MISSING_UNIT_SETTING = "missing-unit-setting", Warning, "A unit without a setting that its type needs; systemd refuses it.";
    NO_EXEC_START = "no-exec-start", Warning, "A service without anything to run; systemd refuses it.";
    MASKED_UNIT = "masked-unit", Warning, "A unit that is masked, and placed, enabled or started all the same.";
    BAD_DROP_IN_NAME = "bad-drop-in-name", Error, "A name that cannot be a drop-in's; the drop-in is refused.";
    ODD_DROP_IN_NAME = "odd-drop-in-name", Warning, "A drop-in whose name does not end in `.conf`; systemd ignores it.";
    BAD_COMMAND = "bad-command", Error, "A unit command this program does not know, or that cannot be given to this unit; it is left out.";
    NETWORK_COMMAND = "network-command", Warning, "A command on a network unit; it is ignored.";
    BAD_STRATEGY = "bad-strategy", Error, "A reboot strategy this program does not know; the section is refused.";
    ODD_STRATEGY = "odd-strategy", Warning, "A reboot strategy that is probably not what was meant.";
    BAD_ETC_HOSTS = "bad-etc-hosts", Error, "A value of `manage_etc_hosts` other than `localhost`; it is refused.";
    BAD_TEXT = "bad-text", Error, "Text with a line break or control character where none can be; the field is left out.";
    ODD_OPTION = "odd-option", Warning, "An option whose value is not one it is known to take; it is written all the same.";
    ODD_DISCOVERY = "odd-discovery", Warning, "A discovery URL with which machines cannot find each other; it is written all the same.";
    UNKNOWN_ADDRESS = "unknown-address", Warning, "An address token for which no address is known; it is replaced by nothing.";
    TOKEN_BOUNDARY = "token-boundary", Warning, "An address token that runs into the next word.";
    UNKNOWN_TOKEN = "unknown-token", Warning, "A word that is almost an address token; it is not replaced.";
    LITERAL_TOKEN = "literal-token", Note, "An address token that is escaped, encoded, or written as a shell's variable; it is not replaced.";
    YAML_TYPED_TEXT = "yaml-typed-text", Note, "Text without quotes that other readers of YAML take for something else.";
    MASKED_SECRET = "masked-secret", Note, "A mask where `--print-config` hid a secret; its item is refused until the real one stands there.";
    UNREADABLE = "unreadable", Error, "A file of this machine that a section adds to cannot be read; the section is left out.";
    BAD_NETWORK = "bad-network", Error, "A network description that is not what it should be; it is left out, as far as it goes.";
    BAD_STANZA = "bad-stanza", Error, "A stanza of an interfaces file that cannot be read; it is refused.";
    BAD_INTERFACE = "bad-interface", Error, "An interface that cannot be set up as it is described; it is left out.";
    BAD_NETWORK_VALUE = "bad-network-value", Error, "An address, route, name server or option of an interface that cannot be one; it is left out.";
    UNCONVERTED = "unconverted", Warning, "A part of a network description that is unknown, or has no counterpart in the files of networkd; it is ignored.";
    ODD_INTERFACE = "odd-interface", Warning, "An interface that is probably not described as it was meant; it is set up all the same.";
    TEMPLATE = "template", Warning, "A template expression or a placeholder that has not been replaced.";
}

#[cfg(test)]
mod tests {
    use super::{Finding, Findings, MOST_OF_A_RULE, Span, rules, shorten};
    use std::collections::HashSet;

    fn at(rule: &'static super::Rule, place: usize) -> Finding {
        Finding::new(rule, Span::new(place, place + 1), format!("at {place}")).help("write something else")
    }

    #[test]
    fn a_place_has_each_rule_once() {
        let mut findings = Findings::default();
        let nowhere = || Finding::new(&rules::SYNTAX, None, "nowhere");
        findings.extend([at(&rules::SYNTAX, 1), at(&rules::SYNTAX, 1), at(&rules::LIMIT, 1), nowhere(), nowhere()]);
        let ids: Vec<_> = findings.into_list().iter().map(|finding| finding.rule.id).collect();
        assert_eq!(ids, ["syntax", "limit", "syntax", "syntax"]);
    }

    #[test]
    fn findings_past_the_limit_are_counted() {
        let all = |count: usize| {
            let mut findings: Vec<_> = (0..count).map(|place| at(&rules::UNKNOWN_KEY, place)).collect();
            findings.insert(count / 2, at(&rules::SYNTAX, count / 2));
            shorten(&mut findings);
            findings
        };
        assert_eq!(all(MOST_OF_A_RULE).len(), MOST_OF_A_RULE + 1);
        let findings = all(MOST_OF_A_RULE + 7);
        assert_eq!(findings.len(), MOST_OF_A_RULE + 2, "the other rule is reported all the same");
        let last = findings.last().unwrap();
        assert_eq!(last.message, "there are 7 more of this kind from here on, which are not shown");
        assert_eq!((last.span, &last.help), (Some(Span::new(MOST_OF_A_RULE, MOST_OF_A_RULE + 1)), &None));
    }

    #[test]
    fn counted_findings_are_in_the_last_line() {
        let mut gathered = Findings::default();
        gathered.add(&rules::SYNTAX, || at(&rules::SYNTAX, 0));
        for place in 0..MOST_OF_A_RULE + 7 {
            gathered.add(&rules::UNKNOWN_KEY, || at(&rules::UNKNOWN_KEY, place));
        }
        let mut findings = gathered.into_list();
        assert_eq!(findings.len(), MOST_OF_A_RULE + 2);
        findings.push(at(&rules::UNKNOWN_KEY, MOST_OF_A_RULE + 7));
        shorten(&mut findings);
        assert_eq!(findings.len(), MOST_OF_A_RULE + 2);
        assert!(findings[MOST_OF_A_RULE + 1].message.starts_with("there are 8 more"), "{:?}", findings.last());
    }

    #[test]
    fn ids_are_unique_and_spelt_alike() {
        let mut seen = HashSet::new();
        for rule in rules::ALL {
            assert!(seen.insert(rule.id), "{} stands twice", rule.id);
            assert!(rule.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", rule.id);
            assert!(rule.summary.ends_with('.'), "{}", rule.id);
        }
    }
}
