//! Findings about a configuration, and the table of their rules.
//!
//! A finding is plain data: the problem, its severity and its position. It never contains a secret, the content of a
//! file, or the text of a line that could not be parsed.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;

use serde::Serialize;

/// A range of bytes in the source text of a part, before tokens were replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// Creates the range from `start` to `end`, without `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Information; the exit code of `--validate` stays 0.
    Note,
    /// A probable mistake that is applied anyway.
    Warning,
    /// An item is skipped because of it, and the run exits 1.
    Error,
}

impl Severity {
    /// Returns the word before the message: `error`, `warning`, `note`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding. Its ID never changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable ID, such as `unknown-key`.
    pub id: &'static str,
    /// The severity of all findings of this kind.
    pub severity: Severity,
    /// The meaning, in a sentence.
    pub summary: &'static str,
}

/// A problem of a configuration, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The problem, without any secret.
    pub message: String,
    /// The subject of a message that does not name it: the path of the key where it is known, or else these words.
    pub subject: Option<Box<Subject>>,
    /// The remedy, if there is one.
    pub help: Option<String>,
    /// The position in the part.
    pub span: Option<Span>,
    /// The number of further findings of this rule that were counted but not kept; see [`Findings`].
    pub more: usize,
    /// The length of the message without its end that says that an SSH key is set; see [`Finding::sets_key`].
    pub(crate) problem_len: Option<NonZeroUsize>,
    /// The unit that systemd cannot enable or start because of the problem.
    pub blocked: Option<Box<BlockedUnit>>,
    /// The line of the value at `span`. It orders findings at one position.
    pub(crate) line: usize,
}

/// The words for the subject of a message, boxed to keep findings small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(pub String);

/// A unit that systemd cannot enable or start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedUnit {
    /// The name of the unit, printable.
    pub unit: String,
    /// The action that fails.
    pub action: UnitAction,
}

/// The consequence for a user that is written inside of the item of another user.
pub(crate) const SEPARATE_USER: &str = "applied as a separate user";

/// An action on a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitAction {
    /// The unit cannot be enabled.
    Enable,
    /// The unit cannot be started.
    Start,
}

impl Finding {
    /// Creates a finding of `rule` at `span`.
    pub fn new(rule: &'static Rule, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            subject: None,
            help: None,
            span: span.into(),
            more: 0,
            problem_len: None,
            blocked: None,
            line: 0,
        }
    }

    /// Adds a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Puts the path of the key before the message, or `words` if it is unknown.
    #[must_use]
    pub(crate) fn about_path(mut self, words: impl Into<String>) -> Self {
        self.subject = Some(Box::new(Subject(words.into())));
        self
    }

    /// Adds the unit, printable, that systemd cannot enable for this reason.
    #[must_use]
    pub(crate) fn not_enabled(self, unit: &str) -> Self {
        self.blocks(UnitAction::Enable, unit)
    }

    /// Adds the unit, printable, that systemd cannot start because of the problem.
    #[must_use]
    pub(crate) fn not_started(self, unit: &str) -> Self {
        self.blocks(UnitAction::Start, unit)
    }

    fn blocks(mut self, action: UnitAction, unit: &str) -> Self {
        self.blocked = Some(Box::new(BlockedUnit { unit: unit.to_owned(), action }));
        self
    }

    /// Adds the claim that an SSH key is set to the message. It is corrected later if the document is broken.
    #[must_use]
    pub(crate) fn sets_key(mut self, claim: &str) -> Self {
        self.problem_len = NonZeroUsize::new(self.message.len());
        self.message = format!("{}; {claim}", self.message);
        self
    }

    /// Replaces the claim of [`Self::sets_key`], if there is one, with another consequence.
    pub(crate) fn replace_key_claim(&mut self, consequence: &str) {
        if let Some(length) = self.problem_len.take() {
            self.message.truncate(length.get());
            self.message = format!("{}; {consequence}", self.message);
        }
    }

    /// Returns true if the item is applied in a corrected form: SSH keys that are set, or a user that lacked its `- `.
    pub fn is_corrected(&self) -> bool {
        self.problem_len.is_some() || self.message.ends_with(SEPARATE_USER)
    }

    /// Returns the severity.
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// Returns true if an item is skipped because of the finding.
    pub fn is_error(&self) -> bool {
        self.rule.severity == Severity::Error
    }
}

/// Collects findings in order. Each rule is reported once per position, because aliases can lead to a position many
/// times. Of each rule, one finding more than will be printed is kept, and the others are counted; see [`shorten`].
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    places: HashSet<(&'static str, Span)>,
    /// The number of kept findings of each rule, and the index of the last one.
    kept: HashMap<&'static str, (usize, usize)>,
}

impl Findings {
    /// Adds a finding, unless one of the same rule has the same position.
    pub fn push(&mut self, finding: Finding) {
        self.push_with(finding.rule, finding.span, || finding);
    }

    /// Adds a finding as [`Self::push`] does, but builds it only if it is kept.
    pub fn push_with(&mut self, rule: &'static Rule, span: Option<Span>, finding: impl FnOnce() -> Finding) {
        if span.is_none_or(|span| self.places.insert((rule.id, span))) {
            self.add(rule, finding);
        }
    }

    /// Adds a finding at a new position, but builds it only if it is kept.
    pub fn add(&mut self, rule: &'static Rule, finding: impl FnOnce() -> Finding) {
        let (count, last) = self.kept.entry(rule.id).or_default();
        if *count > MOST_OF_A_RULE {
            self.list[*last].more += 1;
            return;
        }
        (*count, *last) = (*count + 1, self.list.len());
        self.list.push(finding());
    }

    /// Returns true if a further finding of `rule` would only be counted, so that its message need not be built.
    pub fn is_full(&self, rule: &'static Rule) -> bool {
        self.kept.get(rule.id).is_some_and(|(count, _)| *count > MOST_OF_A_RULE)
    }

    /// Returns the kept findings.
    pub fn into_list(self) -> Vec<Finding> {
        self.list
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

/// The largest number of findings of one rule that are printed for a part: one for each entry of the longest list.
pub const MOST_OF_A_RULE: usize = 10_000;

/// Keeps the first [`MOST_OF_A_RULE`] findings of each rule. The next one becomes a line with the number of the others.
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
            (finding.subject, finding.help) = (None, None);
        }
        *shown <= MOST_OF_A_RULE + 1
    });
    for finding in findings.iter_mut().filter(|finding| finding.message.is_empty()) {
        let more = counts.get(finding.rule.id).map_or(0, |(_, all)| all - MOST_OF_A_RULE);
        finding.message = format!("{more} more findings of this rule; not shown");
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
            /// All rules, in the order of the documentation.
            pub static ALL: &[&Rule] = &[$(&$name),*];
        }
    };
}

rules! {
    SYNTAX = "syntax", Error, "The part is not valid YAML from here on; only the host name and the SSH keys of `core` are applied.";
    LIMIT = "limit", Error, "The document exceeds a limit; only the host name and SSH keys before this position are applied.";
    NOT_UTF8 = "not-utf8", Error, "A part that is not valid UTF-8; only the host name and SSH keys before the first invalid byte are applied, and a script is not run.";
    UNKNOWN_FORM = "unknown-form", Error, "The user-data has an unknown format; not applied.";
    UNKNOWN_TAG = "unknown-tag", Error, "A value with an unsupported tag, such as `!Ref`; value not applied.";
    UNKNOWN_PART = "unknown-part", Warning, "A part of a multipart message with an unknown format; part skipped.";
    BAD_PART = "bad-part", Error, "A part of a multipart message that does not match its headers or does not decode; part skipped.";
    BAD_GZIP = "bad-gzip", Error, "Compressed data that is truncated or corrupt; the user-data or the part is not applied.";
    BAD_MIME = "bad-mime", Error, "An invalid multipart message: no boundary, an invalid header line, or content outside of the boundaries; not applied, except for the host name and SSH keys of parts that can be found.";
    ODD_MULTIPART = "odd-multipart", Warning, "A multipart type other than `multipart/mixed`; applied anyway, as `multipart/mixed`.";
    LEADING_BLANK_LINE = "leading-blank-line", Warning, "A blank line before the headers or the first line of a part; line ignored.";
    DUPLICATE_HEADER = "duplicate-header", Warning, "A header that is given twice; the second one is ignored.";
    TRUNCATED = "truncated", Error, "A multipart message without its final boundary; only the host name and SSH keys are applied.";
    MORE_DOCUMENTS = "more-documents", Warning, "A second YAML document in a part; document ignored.";
    LOST_DOCUMENT = "lost-document", Error, "A second YAML document with a host name, users or SSH keys; document not applied.";
    STRAY_CONTENT = "stray-content", Error, "Content after the end of the document; not applied.";
    UNKNOWN_KEY = "unknown-key", Warning, "An unknown key; key ignored.";
    FOREIGN_KEY = "foreign-key", Note, "A key of another program that requests nothing here; key ignored.";
    DEFAULT_USER = "default-user", Note, "The default user of cloud-init in `users`; item ignored.";
    MISSPELLED_KEY = "misspelled-key", Error, "A misspelled key; its file, unit or drop-in is skipped. For a user, a section, the host name or SSH keys, only that key is not applied.";
    UNSUPPORTED_KEY = "unsupported-key", Error, "A key that asks to keep an existing file; file skipped.";
    DETACHED_KEY = "detached-key", Error, "A key outside of its item or section, or an unknown key above a host name, users or SSH keys; a file or unit is skipped, unambiguous SSH keys of a user are set, anything else is not applied.";
    MISPLACED_KEY = "misplaced-key", Warning, "A key in the wrong section; key ignored.";
    DUPLICATE_KEY = "duplicate-key", Warning, "A key that is given twice; the earlier one is ignored.";
    TWO_SPELLINGS = "two-spellings", Warning, "A key that is given with `-` and with `_`; the earlier one is ignored.";
    NOTHING_THERE = "nothing-there", Note, "A key without a value, or an empty list item; ignored.";
    LOOKALIKE_CHARACTER = "lookalike-character", Error, "A character that looks like a space, a line break, a quote or a YAML indicator; the value is not applied, or only the host name and SSH keys are applied.";
    ODD_CHARACTER = "odd-character", Warning, "A look-alike character in a path, an interpreter line or a command; applied anyway.";
    MISSING_SPACE = "missing-space", Error, "A `-` or `:` without a space after it, which YAML reads as plain text; only SSH keys are applied.";
    MISSING_DASH = "missing-dash", Error, "The first key of an item without its `- `; files, units and drop-ins are skipped, users are split in two.";
    BAD_KEY = "bad-key", Error, "A key that is not a string; key ignored.";
    BAD_MERGE = "bad-merge", Error, "A `<<` merge of a value that is not a mapping; merge ignored.";
    WRONG_TYPE = "wrong-type", Error, "A value of the wrong type; the field is not applied, or its item is skipped where that is safer.";
    TEXT_FOR_LIST = "text-for-list", Warning, "A string in place of a list; applied anyway, as a list with one item.";
    QUOTED_BOOLEAN = "quoted-boolean", Warning, "A boolean in quotes; applied anyway, as a boolean.";
    QUOTED_NUMBER = "quoted-number", Warning, "A number in quotes; applied anyway, as a number.";
    DEPRECATED = "deprecated", Note, "A deprecated section, option or form; applied anyway.";
    OBSOLETE = "obsolete", Warning, "An option that the service no longer supports; applied anyway.";
    MISSING_KEY = "missing-key", Error, "An item without a required key; item skipped.";
    NAMELESS_USER = "nameless-user", Warning, "A user without a name; user skipped.";
    INCOMPLETE_DROP_IN = "incomplete-drop-in", Warning, "A drop-in without a name or without content; drop-in skipped.";
    DUPLICATE_ITEM = "duplicate-item", Warning, "Two items with the same path or name; the earlier file or the later host name is ignored, or only the SSH keys of the later user are applied.";
    SCRIPT_LINE_ENDS = "script-line-ends", Warning, "A script with Windows line endings; applied anyway.";
    BAD_HEADER = "bad-header", Error, "A misspelled `#cloud-config` line; only the host name and SSH keys are applied.";
    BAD_INTERPRETER = "bad-interpreter", Error, "A script whose interpreter is not an absolute path, or whose line breaks are lost; script not run.";
    ODD_INTERPRETER = "odd-interpreter", Warning, "A script without an interpreter, or with a relative path to a shell; applied anyway, with `/bin/bash`.";
    FOLDED_NAME = "folded-name", Error, "A name or path that spans several lines, before a missing key; item skipped, or field not applied.";
    BAD_PATH = "bad-path", Error, "An invalid path; file skipped.";
    PATH_BELOW_FILE = "path-below-file", Error, "A path above or below the path of another file; file skipped.";
    READ_ONLY_USR = "read-only-usr", Error, "A path below `/usr`, which is read-only on this machine; file skipped.";
    USR_PATH = "usr-path", Warning, "A path below `/usr`, which is read-only on `CoreOS` and Flatcar; applied anyway.";
    ODD_PATH = "odd-path", Error, "A path below `/dev`, `/proc` or `/sys`; file skipped.";
    RELATIVE_PATH = "relative-path", Warning, "A relative path; applied anyway, as relative to `/`.";
    SLASH_PATH = "slash-path", Warning, "A path that ends with a slash, like that of a directory; file applied anyway.";
    BAD_PERMISSIONS = "bad-permissions", Error, "Permissions that are not an octal number; file skipped.";
    ODD_PERMISSIONS = "odd-permissions", Warning, "Permissions with an unusual value; applied anyway.";
    DECIMAL_PERMISSIONS = "decimal-permissions", Warning, "Permissions that are an octal mode written in decimal; applied anyway, as decimal.";
    BAD_OWNER = "bad-owner", Error, "An invalid owner; file skipped.";
    BAD_ENCODING = "bad-encoding", Error, "An unknown encoding; file skipped.";
    STILL_COMPRESSED = "still-compressed", Warning, "Content that is still gzip after decoding, for a file without a matching extension; applied anyway, compressed.";
    BAD_CONTENT = "bad-content", Error, "Content that does not decode completely; file skipped.";
    FOLDED_CONTENT = "folded-content", Warning, "Content whose lines YAML joins or reads as comments; applied anyway.";
    LITERAL_ESCAPE = "literal-escape", Note, "A `\\n` outside of double quotes, which is a backslash and an `n`; applied anyway.";
    SWALLOWED_KEY = "swallowed-key", Error, "Keys of an item that are indented too far and become part of its content; item skipped.";
    KEY_IN_CONTENT = "key-in-content", Warning, "A line of content that looks like a key of its item; applied anyway.";
    LOST_CONTENT = "lost-content", Error, "Content that ends early because a line is not indented; item skipped.";
    BAD_USER = "bad-user", Error, "An invalid field of a user; field not applied, or user skipped if the name is invalid.";
    EXISTING_USER = "existing-user", Note, "Fields of a user that exists on most machines; fields not applied there.";
    KEYS_WITHOUT_HOME = "keys-without-home", Error, "SSH keys of a user without a home directory; keys not set.";
    ODD_USER_NAME = "odd-user-name", Warning, "A user or group name that many systems reject; applied anyway.";
    ODD_PASSWORD = "odd-password", Warning, "A password that is not a complete hash, which no password matches; applied anyway.";
    EMPTY_PASSWORD = "empty-password", Warning, "An empty password, which does not allow logins; not applied.";
    WEAK_HASH = "weak-hash", Warning, "A password hash of a broken type; applied anyway.";
    BAD_GECOS = "bad-gecos", Error, "A comment that the account database cannot store; comment not applied.";
    BAD_KEY_OPTIONS = "bad-key-options", Error, "Text before an SSH key that sshd does not accept as options; the key is set with corrected options, with `restrict` for an unknown option, or without a label, and is skipped where the text may restrict it in another way.";
    BAD_SSH_KEY = "bad-ssh-key", Warning, "An invalid SSH key; line skipped.";
    NO_VALID_KEY = "no-valid-key", Error, "A list of SSH keys without a valid key; keys not set.";
    JOINED_KEYS = "joined-keys", Error, "SSH keys without a `- ` between them, which YAML joins into one string; all of them are set.";
    KEY_QUOTES = "key-quotes", Error, "An SSH key with missing or nested quotes, which YAML does not read as a string; the key is set.";
    PRIVATE_KEY = "private-key", Warning, "A private key in place of a public one; key skipped.";
    WEAK_SSH_KEY = "weak-ssh-key", Warning, "A weak SSH key, which sshd may reject; applied anyway.";
    ODD_SSH_KEY = "odd-ssh-key", Note, "An SSH key of an unknown type; applied anyway.";
    BAD_IMPORT = "bad-import", Error, "An invalid key import; import skipped.";
    PLAIN_HTTP = "plain-http", Warning, "A key import over plain HTTP, where an attacker on the network can replace the keys; keys applied anyway.";
    BAD_HOSTNAME = "bad-hostname", Error, "An invalid host name; not set.";
    LONG_HOSTNAME = "long-hostname", Warning, "A host name of more than 64 characters; applied anyway, truncated.";
    TRAILING_DOT = "trailing-dot", Warning, "A host name that ends with a dot; applied anyway, without the dot.";
    UNDERSCORE_HOSTNAME = "underscore-hostname", Warning, "A host name with an underscore, which newer versions of systemd reject; applied anyway.";
    ODD_HOSTNAME = "odd-hostname", Note, "A valid but unusual host name; applied anyway.";
    BAD_UNIT_NAME = "bad-unit-name", Error, "An invalid unit name; unit skipped.";
    ODD_UNIT_NAME = "odd-unit-name", Warning, "A unit name that neither systemd nor networkd accepts; unit written, but ignored by systemd.";
    MOUNT_NAME = "mount-name", Warning, "A mount or swap unit whose name does not match its path, which systemd refuses; unit applied anyway.";
    ODD_UNIT_LINE = "odd-unit-line", Warning, "A line of a unit that systemd ignores; unit applied anyway.";
    ODD_UNIT_SECTION = "odd-unit-section", Warning, "A section that units of this type do not have, which systemd ignores; unit applied anyway.";
    NO_INSTALL = "no-install", Warning, "An enabled unit without an `[Install]` section; `enable` ignored by systemd.";
    NO_DEFAULT_INSTANCE = "no-default-instance", Warning, "An enabled template unit without a default instance; not enabled.";
    BAD_UNIT_SETTING = "bad-unit-setting", Warning, "A setting with which systemd refuses to load or enable the unit; unit applied anyway.";
    MISSING_UNIT_SETTING = "missing-unit-setting", Warning, "A unit without a required setting, which systemd refuses; unit applied anyway.";
    NO_EXEC_START = "no-exec-start", Warning, "A service without a command to run, which systemd refuses; unit applied anyway.";
    MASKED_UNIT = "masked-unit", Warning, "A masked unit with content, drop-ins, `enable` or a start command; a start command fails, the rest is ignored by systemd.";
    BAD_DROP_IN_NAME = "bad-drop-in-name", Error, "An invalid drop-in name; drop-in skipped.";
    ODD_DROP_IN_NAME = "odd-drop-in-name", Warning, "A drop-in name that does not end in `.conf`; drop-in ignored by systemd.";
    BAD_COMMAND = "bad-command", Error, "An unknown command, or one that does not fit the unit; command skipped.";
    NETWORK_COMMAND = "network-command", Warning, "A command on a network unit; command ignored.";
    BAD_STRATEGY = "bad-strategy", Error, "An unknown reboot strategy; section not applied.";
    ODD_STRATEGY = "odd-strategy", Warning, "A reboot strategy that is outdated or a boolean; applied anyway.";
    BAD_ETC_HOSTS = "bad-etc-hosts", Error, "A value of `manage_etc_hosts` other than `localhost`; not applied.";
    BAD_TEXT = "bad-text", Error, "A string with a line break or control character; field not applied.";
    ODD_OPTION = "odd-option", Warning, "An option with an unknown value; applied anyway.";
    ODD_DISCOVERY = "odd-discovery", Warning, "An unusable discovery URL; applied anyway.";
    UNKNOWN_ADDRESS = "unknown-address", Warning, "An address token without a known address; applied anyway, as an empty string.";
    TOKEN_BOUNDARY = "token-boundary", Warning, "An address token directly followed by a letter or digit; applied anyway.";
    UNKNOWN_TOKEN = "unknown-token", Warning, "An unknown address token; ignored.";
    LITERAL_TOKEN = "literal-token", Note, "An address token that is escaped, encoded, or written as a shell variable; not replaced.";
    YAML_TYPED_TEXT = "yaml-typed-text", Note, "A string without quotes that YAML 1.1 reads as another type; applied anyway, as the string.";
    REDACTED_SECRET = "masked-secret", Note, "A placeholder that `--print-config` printed in place of a secret; item skipped.";
    UNREADABLE = "unreadable", Error, "A file on this machine that a section extends cannot be read; section not applied.";
    BAD_NETWORK = "bad-network", Error, "An invalid network description; the invalid part is not converted.";
    BAD_STANZA = "bad-stanza", Error, "An invalid stanza of an interfaces file; stanza skipped.";
    BAD_INTERFACE = "bad-interface", Error, "An invalid interface; interface skipped.";
    BAD_NETWORK_VALUE = "bad-network-value", Error, "An invalid address, route, name server or option of an interface; value skipped.";
    UNCONVERTED = "unconverted", Warning, "An unknown or unsupported part of a network description; ignored.";
    ODD_INTERFACE = "odd-interface", Warning, "An interface with an unusual description; converted anyway.";
    TEMPLATE = "template", Warning, "A template expression or placeholder that was not rendered; applied anyway.";
    CONVERSION = "conversion", Note, "A difference between a run of this program and one of Ignition that holds for every configuration.";
    GENERATED_HELPER = "generated-helper", Note, "An item that Ignition cannot apply; a generated file does it at each boot.";
    CHANGED_MEANING = "changed-meaning", Warning, "An item that is converted, but works differently.";
    NOT_CONVERTED = "not-converted", Error, "An item that the result of a conversion lacks.";
}

#[cfg(test)]
mod tests {
    use super::{Finding, Findings, MOST_OF_A_RULE, Span, rules, shorten};
    use std::collections::HashSet;

    fn at(rule: &'static super::Rule, place: usize) -> Finding {
        Finding::new(rule, Span::new(place, place + 1), format!("at {place}")).help("write something else")
    }

    #[test]
    fn a_position_has_each_rule_once() {
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
        assert_eq!(last.message, "7 more findings of this rule; not shown");
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
        assert!(findings[MOST_OF_A_RULE + 1].message.starts_with("8 more findings"), "{:?}", findings.last());
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
