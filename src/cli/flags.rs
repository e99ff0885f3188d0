//! The table of flags: the source of the parser, `-h`, `--help`, the man page, the completions and the tables of
//! docs/command-line.md.

use crate::source::{Entry, TABLE};

/// A group of flags, as the help shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlagGroup {
    Sources,
    Behavior,
    Checking,
    Conversion,
    Output,
}

impl FlagGroup {
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Sources => "Sources",
            Self::Behavior => "Behavior",
            Self::Checking => "Checking",
            Self::Conversion => "Conversion",
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
    /// The description: imperative, one line of at most 60 columns, the default in brackets.
    pub help: &'static str,
    /// Additional facts for `--help`, the man page and docs/command-line.md.
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

use FlagGroup::{Behavior, Checking, Conversion, Output, Sources};

/// The flags that do not select a source.
const FLAGS: &[Flag] = &[
    flag("oem", "NAME", Sources, "Set the flags of a platform")
        .more("The values of the platform override the same flags on the command line."),
    switch("ignore-platform", Sources, "Query services of other platforms").more(
        "By default, some metadata services are queried at their default URL only if the DMI data or the kernel \
         command line identify the machine as one of their platform.",
    ),
    flag("convert-netconf", "FORMAT", Behavior, "Convert the platform's network configuration").more(
        "Writes networkd files to /run/systemd/network before the user-data is fetched, and restarts systemd-networkd \
         if they changed.",
    ),
    flag("workspace", "DIR", Behavior, "Store scripts in DIR").more(
        "DIR is resolved below --root. Every directory of the path must be owned by root and must not be writable by \
         other users. [default: /var/lib/coreos-cloudinit]",
    ),
    flag("ssh-key-name", "NAME", Behavior, "Write SSH keys to the set NAME").more(
        "The authorized_keys file of a user combines all sets in ~/.ssh/authorized_keys.d. A run replaces only the \
         set NAME. [default: coreos-cloudinit]",
    ),
    switch("ignore-failure", Behavior, "Exit with code 0 even if a run fails")
        .more("Has no effect on --validate, --dry-run, --print-config and --convert-to."),
    flag("root", "DIR", Behavior, "Apply to the tree in DIR [default: /]").more(
        "For an image that is being built, or the disk of another machine. Units are enabled and masked; nothing is \
         started. DIR and the directories above it must not be owned by another user or be writable by other users; \
         a directory above DIR may have the sticky bit, as /tmp has. Any path to the root directory of this machine \
         selects this machine.",
    ),
    switch("strict", Behavior, "Reject a part if an item cannot be applied").more(
        "Not even the host name and SSH keys of a rejected part are applied. By default, invalid items and their \
         dependents are skipped and everything else is applied.",
    ),
    flag("job-timeout", "SEC", Behavior, "Set the timeout of a unit job [default: 300]")
        .more("After the timeout, the job is left to systemd and a warning is logged."),
    flag("deadline", "SEC", Behavior, "Set the time limit of the run [default: 540]")
        .more("No single wait uses more than 75% of the remaining time, so the host name and SSH keys are always set."),
    switch("short-hostname", Behavior, "Cut host names at the first dot"),
    switch("validate", Checking, "Check the user-data and report problems").more(
        "Needs no root privileges and changes nothing. Exits with code 1 if there are errors or warnings, or if the \
         user-data cannot be read.",
    ),
    switch("dry-run", Checking, "Print the steps of a run without applying them").more(
        "Needs no root privileges and changes nothing. Shows the effect of each step on this machine; for changed \
         files that every user can read, also the number of changed lines (see --show-diff). Exits with code 1 if there \
         are errors or a step is known to fail.",
    ),
    switch("exit-code", Checking, "Exit with 3 if a --dry-run finds changes").more(
        "Exits with code 0 if a run would change nothing, 3 if it would change something, and 1 if there are errors, a \
         step is known to fail, or a step cannot be compared, for example without root privileges. Commands of units \
         and scripts, which run each time, do not count as changes, except the start of a unit that is not active.",
    ),
    switch("print-config", Checking, "Print the configuration as parsed")
        .more("Needs no root privileges and changes nothing. Secrets are redacted, unless --show-secrets is given."),
    flag("explain", "RULE", Checking, "Print the documentation of a rule").more(
        "RULE is the name in brackets in a finding, such as unknown-key. Needs no source and no root privileges.",
    ),
    switch("schema", Checking, "Print the JSON Schema of cloud-config, for editors")
        .more("Needs no source and no root privileges."),
    switch("status", Checking, "Print the results of the runs since boot")
        .more("Needs root privileges. The last 32 runs are recorded."),
    flag("convert-to", "FORMAT", Conversion, "Convert to butane, butane-fcos or ignition").more(
        "Prints the configuration to standard output, and what is different or not converted to standard error. Needs no \
         root privileges, reads nothing of this machine and changes nothing. Exits with code 1 if something is not \
         converted; with --strict, nothing is printed then.",
    ),
    flag("platform", "NAME", Conversion, "Set the platform that provides the addresses").more(
        "By default, a generated service looks for the addresses of all known platforms.",
    ),
    flag("addresses", "KIND=IP", Conversion, "Replace address tokens with an address").more(
        "KIND is private_ipv4, private_ipv6, public_ipv4 or public_ipv6. May be given several times. By default, a \
         generated service sets the addresses at each boot.",
    ),
    switch("ordered", Conversion, "Keep the order of unit commands").more(
        "A generated unit runs the commands one after the other at each boot. By default, units are started by systemd.",
    ),
    switch("show-secrets", Output, "Print secrets with --print-config"),
    switch("show-diff", Output, "Print changed lines of files with --dry-run").more(
        "Prints contents of files, also to a pipe and as JSON. Secrets are redacted only as far as they are \
         recognized. By default, changed lines are printed only to a terminal; other outputs get their number.",
    ),
    flag("format", "FORMAT", Output, "Set the output format: text or json [default: text]")
        .more("Applies to --dry-run, --validate, --print-config, --convert-to and --status."),
];

/// All flags, in the order of the help: first one per source, then the others.
pub(super) fn table() -> impl Iterator<Item = Flag> {
    let source = |entry: &Entry| Flag {
        name: entry.flag,
        value: entry.value,
        group: Sources,
        help: entry.help,
        more: entry.more,
    };
    TABLE.iter().map(source).chain(FLAGS.iter().copied())
}
