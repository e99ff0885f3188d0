//! The flags, in one table: the parser, both helps, the man page and the completions are made of it.

use crate::source::{Entry, TABLE};

/// A group of flags, as the help shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlagGroup {
    Sources,
    Behaviour,
    Checking,
    Output,
}

impl FlagGroup {
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Sources => "Sources",
            Self::Behaviour => "Behaviour",
            Self::Checking => "Checking",
            Self::Output => "Output",
        }
    }
}

/// One flag.
#[derive(Clone, Copy)]
pub(super) struct Flag {
    pub name: &'static str,
    /// The name of the value; `None` for a switch.
    pub value: Option<&'static str>,
    pub group: FlagGroup,
    /// The description, in one line.
    pub help: &'static str,
    /// The additional text of `--help` and the man page.
    pub more: &'static str,
}

impl Flag {
    const fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }
}

const fn flag(name: &'static str, value: &'static str, group: FlagGroup, help: &'static str) -> Flag {
    Flag { name, value: Some(value), group, help, more: "" }
}

const fn switch(name: &'static str, group: FlagGroup, help: &'static str) -> Flag {
    Flag { name, value: None, group, help, more: "" }
}

use FlagGroup::{Behaviour, Checking, Output, Sources};

/// The flags besides those that name a source.
const FLAGS: &[Flag] = &[
    flag("oem", "NAME", Sources, "Set the flags of a platform")
        .more("Flags beside it that it sets as well have no effect."),
    flag("convert-netconf", "FORMAT", Behaviour, "Set the network up as the source says").more(
        "Files of networkd are written to /run/systemd/network, and networkd is restarted if they changed, before the \
         user-data is fetched.",
    ),
    flag("workspace", "DIR", Behaviour, "Keep scripts in DIR")
        .more(
        "Always below --root. The default is /var/lib/coreos-cloudinit. Every directory on the way must belong to root \
         and must not be writable by other users.",
    ),
    flag("ssh-key-name", "NAME", Behaviour, "Name of the set of SSH keys").more(
        "A user's authorized_keys is made of all sets in ~/.ssh/authorized_keys.d. A run replaces its own, \
         which is coreos-cloudinit if nothing is said.",
    ),
    switch("ignore-failure", Behaviour, "Exit with 0 in spite of failures"),
    flag("root", "DIR", Behaviour, "Apply to the tree in DIR instead of /").more(
        "Such as an image that is being built, or the disk of a machine that nobody can get into. Units are enabled and \
         masked there; nothing is started. Neither DIR nor a directory on the way may belong to another user or be \
         writable by one.",
    ),
    switch("strict", Behaviour, "Apply all of a part, or nothing of it").more(
        "Without it, what is wrong costs itself and what needs it, and all the rest is applied.",
    ),
    flag("job-timeout", "SEC", Behaviour, "Longest wait for one unit job [default: 300]")
        .more("A job that takes longer is left to systemd, with a warning."),
    flag("deadline", "SEC", Behaviour, "Longest wait for everything [default: 540]").more(
        "No single wait uses more than 75% of the remaining time, so the host name and SSH keys are always set.",
    ),
    switch("short-hostname", Behaviour, "Cut host names at the first dot"),
    switch("validate", Checking, "Report what is wrong with the user-data")
        .more("Needs no root and changes nothing. Exits 1 if there are errors or warnings."),
    switch("dry-run", Checking, "Print what would be done").more(
        "Needs no root and changes nothing. Each step is marked with what it would change here, and files that every user \
         may read with the number of changed lines; see --show-diff.",
    ),
    switch("print-config", Checking, "Print the configuration as it is understood").more(
        "Needs no root and changes nothing. Secrets are redacted.",
    ),
    flag("explain", "RULE", Checking, "Explain a rule of the findings")
        .more("RULE is the name in brackets at the end of a finding, such as unknown-key. Needs no source and no root."),
    switch("schema", Checking, "Print a JSON Schema of the cloud-config, for editors")
        .more("Needs no source and no root."),
    switch("status", Checking, "Show what the runs since the boot did").more("Needs root."),
    switch("show-secrets", Output, "With --print-config: print secrets, too"),
    switch("show-diff", Output, "With --dry-run: print changed lines of files").more(
        "The contents of files are printed, to a pipe and as JSON as well; secrets in them are redacted only as far as they \
         are recognized. Without it, lines are printed to a terminal, and elsewhere only their number.",
    ),
    flag("format", "FORMAT", Output, "Print as text or as json [default: text]")
        .more("Applies to --dry-run, --validate, --print-config and --status."),
];

/// All flags, in the order of the help: the table of the sources has one for each.
pub(super) fn table() -> impl Iterator<Item = Flag> {
    let source =
        |entry: &Entry| Flag { name: entry.flag, value: entry.value, group: Sources, help: entry.help, more: "" };
    TABLE.iter().map(source).chain(FLAGS.iter().copied())
}
