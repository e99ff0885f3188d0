//! Units that systemd refuses to load because of their settings: "bad unit file setting".
//!
//! Each check corresponds to one of systemd's own; `refused::units_that_systemd_refuses_are_reported` compares them.

use super::command_line::{CommandLineFault, commands, has_odd_specifier};
use super::exec_values;
use super::lines::Block;
use super::unit_file::{Setting, Survey};
use super::unit_values::{self, NO_UNIT, RESTARTS, TYPES, is_unit};
use crate::diagnostic::{Finding, Span, rules};
use crate::yaml::describe_lookalike_in_command;

/// The largest number of lines that are reported per file.
const LINES_MAX: usize = 20;

/// A file of a unit, with its survey.
pub(super) struct UnitText<'a> {
    /// The description of the file, such as `the content of unit a.service`.
    pub what: String,
    /// The name of the unit, printable.
    pub unit: String,
    pub survey: &'a Survey<'a>,
    pub span: Option<Span>,
}

/// Reports the settings of `file` because of which systemd rejects the unit, whatever its other files contain.
pub(super) fn report_fatal(file: &UnitText<'_>, text: &str, findings: &mut Vec<Finding>) {
    let commands = file.survey.settings.iter().filter(|setting| setting.key.starts_with("Exec"));
    let odd = commands.filter(|setting| !setting.value.is_ascii());
    let odd = odd.filter_map(|setting| Some((setting, describe_lookalike_in_command(&setting.value)?)));
    findings.extend(odd.take(LINES_MAX).map(|(setting, character)| {
        let message =
            format!("line {} of {}: {}= contains {character}; applied anyway", setting.line, file.what, setting.key);
        let block = Block::new(text, file.span);
        block.finding(&rules::ODD_CHARACTER, setting.line, message).help("replace it with the ordinary character")
    }));
    let mut found = file.survey.settings.iter().filter_map(|setting| Some((setting, fatal(setting)?)));
    for (setting, (fault, help)) in found.by_ref().take(LINES_MAX - 1) {
        findings.push(bad_setting(file, setting, fault, text).help(help));
    }
    if let Some((setting, (fault, help))) = found.next() {
        let more = match found.count() {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        findings.push(bad_setting(file, setting, &format!("{fault}{more}"), text).help(help));
    }
}

/// Reports the settings of `file` whose lines systemd ignores. With `is_alone`, the configuration has no content for
/// the unit. Then times and addresses are also reported here, because the existing unit has others.
pub(super) fn report_ignored(file: &UnitText<'_>, is_alone: bool, text: &str, findings: &mut Vec<Finding>) {
    let fault = |setting: &Setting<'_>| {
        let (section, key, value) = (setting.section, setting.key, &*setting.value);
        let unparsable = is_alone.then(|| unit_values::unparsable(section, key, value)).flatten();
        unit_values::ignored(section, key, value).or(unparsable.map(|(fault, help)| (fault, help.to_owned())))
    };
    let found = file.survey.settings.iter().filter_map(|setting| Some((setting, fault(setting)?)));
    findings.extend(
        found
            .take(LINES_MAX)
            .map(|(setting, (fault, help))| ignored(file, setting.line, setting.key, fault, &help, text)),
    );
}

fn ignored(file: &UnitText<'_>, line: usize, key: &str, fault: &str, help: &str, text: &str) -> Finding {
    let ignored = match fault {
        NO_UNIT | exec_values::NO_ASSIGNMENT | exec_values::NO_NAME => "the word is",
        exec_values::OPEN_QUOTE | exec_values::BAD_ESCAPE => "the rest of the line is",
        _ => "line",
    };
    let message = format!("line {line} of {}: {key}= {fault}; {ignored} ignored by systemd", file.what);
    Block::new(text, file.span).finding(&rules::ODD_UNIT_LINE, line, message).help(help)
}

/// Returns the reason why systemd rejects a unit because of this setting alone, and the remedy.
fn fatal(setting: &Setting<'_>) -> Option<(&'static str, &'static str)> {
    let value = &*setting.value;
    let is_raw = !value.is_empty() && !["{{", "{%", "<%"].iter().any(|mark| value.contains(mark));
    match setting.key {
        key if key.starts_with("Exec") => commands(value).err().map(|fault| match fault {
            CommandLineFault::Relative => {
                ("has a command that is neither a name nor an absolute path", "write the absolute path of the command")
            }
            CommandLineFault::Variable => (
                "has a command that begins with a variable, which systemd does not replace there",
                "write the absolute path of the command, or run it with /bin/sh -c",
            ),
            CommandLineFault::Characters => (
                "has a command with a backslash, a quote or a control character",
                "write the path of the command as it is",
            ),
            CommandLineFault::Directory => ("has a command that ends with a slash", "write the path of the command"),
            CommandLineFault::Empty => ("has no command", "write the absolute path of the command"),
            CommandLineFault::Specifier => SPECIFIER,
            CommandLineFault::Quote => {
                ("has an unclosed quote", "close the quote, or write \\x27 for ' and \\x22 for \"")
            }
        }),
        "User" | "Group" | "SocketUser" | "SocketGroup" | "WorkingDirectory" | "RootDirectory" | "RootImage"
            if is_raw && !value.starts_with('-') && has_odd_specifier(value) =>
        {
            Some(SPECIFIER)
        }
        "User" | "Group" | "SocketUser" | "SocketGroup" if is_raw && !is_account(value) => {
            Some(("is not a user or group name", "write a name or a number"))
        }
        "DynamicUser" if is_raw && !value.contains('%') && !unit_values::is_boolean(value) => {
            Some(("is not a boolean", "write `yes` or `no`"))
        }
        "SupplementaryGroups" if is_raw && !value.split_whitespace().all(is_account) => {
            Some(("has a word that is not a group name", "write names or numbers separated by spaces"))
        }
        "WorkingDirectory" | "RootDirectory" | "RootImage"
            if is_raw && !value.starts_with('-') && value.split('/').any(|part| part == "..") =>
        {
            Some(("has a `..` in its path", "write the path without it"))
        }
        "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias" | "Also"
            if is_raw && setting.section == "Install" && !value.split_whitespace().all(is_unit) =>
        {
            let help = "write full unit names, such as multi-user.target, separated by spaces and without a comment";
            Some((NO_UNIT, help))
        }
        "WorkingDirectory" if is_raw && !value.starts_with(['/', '%', '-', '~']) => {
            Some(("is not an absolute path", "write an absolute path, or ~ for the home of the user"))
        }
        "RootDirectory" | "RootImage" if is_raw && !value.starts_with(['/', '%', '-']) => {
            Some(("is not an absolute path", "write an absolute path"))
        }
        _ => None,
    }
}

/// The consequence of most faults.
const REFUSED: &str = "systemd refuses the unit";

const SPECIFIER: (&str, &str) =
    ("has a `%` that does not begin a specifier of systemd", "write `%%` for a percent sign");

/// Returns true if systemd may accept `value` as a user or group.
fn is_account(value: &str) -> bool {
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().is_ok_and(|id: u32| id != 0xffff && id != u32::MAX);
    }
    value.contains('%') || !value.contains([':', '/'])
}

/// Creates the finding for one setting. systemd reads the settings in `[Install]` only when the unit is enabled.
fn bad_setting(file: &UnitText<'_>, setting: &Setting<'_>, fault: &str, text: &str) -> Finding {
    let not_enabled = format!("unit {} cannot be enabled", file.unit);
    let is_install = setting.section == "Install";
    let consequence = if is_install { &*not_enabled } else { REFUSED };
    let finding = bad(file, setting.line, &format!("{}= {fault}; {consequence}", setting.key), text);
    if is_install { finding.not_enabled(&file.unit) } else { finding }
}

/// Reports an alias of another type than the unit `unit`, which makes enabling it fail.
pub(super) fn report_alias(file: &UnitText<'_>, unit: &str, text: &str) -> Option<Finding> {
    let kind = unit.rsplit_once('.')?.1;
    let is_other = |word: &str| {
        !word.contains('%') && is_unit(word) && word.rsplit_once('.').is_some_and(|(_, suffix)| suffix != kind)
    };
    let aliases =
        || file.survey.settings.iter().filter(|setting| setting.section == "Install" && setting.key == "Alias");
    let setting = aliases().find(|setting| setting.value.split_whitespace().any(is_other))?;
    let message = format!(
        "line {} of {}: Alias= has a different unit type; unit {} cannot be enabled",
        setting.line, file.what, file.unit
    );
    let finding = Block::new(text, file.span).finding(&rules::BAD_UNIT_SETTING, setting.line, message);
    Some(finding.help(format!("write an alias that ends with `.{kind}`")).not_enabled(&file.unit))
}

fn bad(file: &UnitText<'_>, line: usize, fault: &str, text: &str) -> Finding {
    let message = format!("line {line} of {}: {fault}", file.what);
    Block::new(text, file.span).finding(&rules::BAD_UNIT_SETTING, line, message)
}

/// A value that systemd cannot parse: its file and line, its key, the fault and the remedy.
type Unparsable<'a> = ((usize, usize), &'a str, (&'static str, &'static str));

/// The settings of all files of a unit, in the order in which systemd reads them.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
struct State<'a> {
    kind: Option<&'a str>,
    /// The file and line of each command; a line with several commands is listed several times.
    starts: Vec<(usize, usize)>,
    stops: usize,
    has_bus_name: bool,
    has_success_action: bool,
    remains: bool,
    restart: Option<(&'a str, usize, usize)>,
    /// The number of assignments of `What=`.
    mounts: usize,
    triggers: usize,
    listens: usize,
    /// A socket setting that accepts no connections.
    silent: Option<(usize, usize)>,
    accepts: bool,
    service: Option<(usize, usize)>,
    paths: usize,
    /// The times and addresses that systemd cannot parse and therefore ignores.
    unparsable: Vec<Unparsable<'a>>,
}

impl<'a> State<'a> {
    fn of(files: &'a [UnitText<'a>]) -> Self {
        let mut state = Self::default();
        for (file, text) in files.iter().enumerate() {
            for setting in &text.survey.settings {
                state.assign(file, setting);
            }
        }
        state
    }

    fn assign(&mut self, file: usize, setting: &'a Setting<'a>) {
        let (line, value) = (setting.line, &*setting.value);
        let is_set = !value.is_empty();
        match (setting.section, setting.key) {
            ("Unit", "SuccessAction") => self.has_success_action = ACTIONS.contains(&value),
            ("Service", "Type") if TYPES.contains(&value) => self.kind = Some(value),
            ("Service", "BusName") => self.has_bus_name = is_set,
            ("Service", "RemainAfterExit") => self.remains = is_yes(value),
            ("Service", "Restart") if RESTARTS.contains(&value) => self.restart = Some((value, file, line)),
            ("Service", "ExecStart") if is_set => {
                // An invalid command is reported separately.
                let count = commands(value).unwrap_or(1).min(2);
                self.starts.extend(std::iter::repeat_n((file, line), count));
            }
            ("Service", "ExecStart") => self.starts.clear(),
            ("Service", "ExecStop") if is_set => self.stops += commands(value).unwrap_or(1),
            ("Service", "ExecStop") => self.stops = 0,
            ("Mount", "What") => self.mounts = usize::from(is_set),
            ("Timer", "OnClockChange" | "OnTimezoneChange") => self.triggers += usize::from(is_yes(value)),
            ("Timer" | "Socket", key) if self.is_unparsable(file, setting, key) => {}
            // An empty value of any of these keys resets all of them.
            ("Timer", key) if unit_values::is_known("Timer", key) => {}
            ("Timer", _) => self.triggers = if is_set { self.triggers + 1 } else { 0 },
            ("Socket", "Accept") => self.accepts = is_yes(value),
            ("Socket", "Service") => self.service = is_set.then_some((file, line)),
            ("Socket", key) if key.starts_with("Listen") => {
                if !is_set {
                    (self.listens, self.silent) = (0, None);
                    return;
                }
                let is_path = value.starts_with(['/', '%']) || value.contains("{{");
                if matches!(key, "ListenFIFO" | "ListenSpecial" | "ListenMessageQueue") && !is_path {
                    return;
                }
                self.listens += 1;
                if !matches!(key, "ListenStream" | "ListenSequentialPacket") {
                    self.silent = Some((file, line));
                }
            }
            ("Path", _) if !is_set => self.paths = 0,
            ("Path", _) => {
                let is_normal = !value.split('/').any(|part| part == "..");
                self.paths += usize::from(value.starts_with(['/', '%']) && is_normal || value.contains("{{"));
            }
            _ => {}
        }
    }
}

impl<'a> State<'a> {
    /// Records a value that systemd cannot parse. Returns true if it is one.
    fn is_unparsable(&mut self, file: usize, setting: &'a Setting<'a>, key: &'a str) -> bool {
        let fault = unit_values::unparsable(setting.section, key, &setting.value);
        if let Some(fault) = fault {
            self.unparsable.push(((file, setting.line), key, fault));
        }
        fault.is_some()
    }
}

/// The actions at the end of a unit that have an effect.
const ACTIONS: [&str; 15] = [
    "reboot",
    "reboot-force",
    "reboot-immediate",
    "poweroff",
    "poweroff-force",
    "poweroff-immediate",
    "exit",
    "exit-force",
    "soft-reboot",
    "soft-reboot-force",
    "kexec",
    "kexec-force",
    "halt",
    "halt-force",
    "halt-immediate",
];
fn is_yes(value: &str) -> bool {
    ["1", "yes", "y", "true", "t", "on"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

/// Reports the reasons why systemd rejects the unit `name` with all its files. The first file is its content.
pub(super) fn report_whole(name: &str, shown: &str, files: &[UnitText<'_>], text: &str, findings: &mut Vec<Finding>) {
    let Some(content) = files.first() else { return };
    let state = State::of(files);
    let lacks = |fault: &str, help: &str| {
        let message = format!("unit {shown} has no {fault}; systemd refuses the unit");
        Finding::new(&rules::MISSING_UNIT_SETTING, content.span, message).help(help)
    };
    let at = |(file, line): (usize, usize), fault: &str| {
        let file = files.get(file).unwrap_or(content);
        bad(file, line, &format!("{fault}; {REFUSED}"), text)
    };
    let lacks_all = match name.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("timer") => state.triggers == 0,
        Some("socket") => state.listens == 0,
        _ => false,
    };
    // If the unit also has a valid value, systemd ignores this line and loads the unit.
    findings.extend(state.unparsable.iter().take(LINES_MAX).map(|((file, line), key, (fault, help))| {
        if lacks_all {
            return at((*file, *line), &format!("{key}= {fault}")).help(*help);
        }
        ignored(files.get(*file).unwrap_or(content), *line, key, fault, help, text)
    }));
    match name.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("service") => service(&state, shown, content, at, findings),
        Some("mount") if is_of_kernel(name) => {
            let message =
                format!("unit {shown} mounts over a file system that systemd mounts itself; systemd refuses the unit");
            findings.push(Finding::new(&rules::BAD_UNIT_SETTING, content.span, message).help("mount it elsewhere"));
        }
        Some("mount") if state.mounts == 0 => {
            findings.push(lacks("What= in [Mount]", "add what is mounted, such as What=/dev/disk/by-label/DATA"));
        }
        Some("timer") if lacks_all && state.unparsable.is_empty() => {
            findings.push(lacks("time in [Timer]", "add a time, such as OnCalendar=daily or OnBootSec=5min"));
        }
        Some("path") if state.paths == 0 => {
            findings.push(lacks("absolute path in [Path]", "add what is watched, such as PathExists=/run/file"));
        }
        Some("socket") if lacks_all && state.unparsable.is_empty() => {
            findings.push(lacks("address in [Socket]", "add an address, such as ListenStream=8080"));
        }
        Some("socket") if state.accepts && !lacks_all => {
            let silent = state.silent.map(|place| (place, "Accept=yes needs a socket type that accepts connections"));
            let service = state.service.map(|place| (place, "Service= cannot be given with Accept=yes"));
            findings.extend(silent.or(service).map(|(place, fault)| at(place, fault).help("remove Accept=yes")));
        }
        _ => {}
    }
}

/// Returns true for the mount unit of a file system of the kernel, which systemd mounts before it reads units.
fn is_of_kernel(name: &str) -> bool {
    let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
    matches!(name, "proc" | "sys" | "dev" | "dev-shm" | "dev-pts" | "run" | "sys-kernel-security" | "sys-fs-cgroup")
        || matches!(name, "sys-fs-bpf" | "sys-fs-pstore" | "sys-firmware-efi-efivars")
        || name.starts_with("sys-fs-cgroup-")
}

fn service(
    state: &State<'_>,
    shown: &str,
    content: &UnitText<'_>,
    at: impl Fn((usize, usize), &str) -> Finding,
    findings: &mut Vec<Finding>,
) {
    let default = if state.has_bus_name { "dbus" } else { "simple" };
    let kind = state.kind.unwrap_or(if state.starts.is_empty() { "oneshot" } else { default });
    let nothing = if !state.starts.is_empty() {
        None
    } else if state.stops == 0 && !state.has_success_action {
        Some("nothing to run")
    } else if kind != "oneshot" {
        Some("no ExecStart=, which only a service of Type=oneshot may lack")
    } else if !state.has_success_action && !state.remains {
        Some("neither ExecStart= nor RemainAfterExit=yes")
    } else {
        None
    };
    if let Some(nothing) = nothing {
        let message = format!("unit {shown} has {nothing}; systemd refuses the unit");
        let help = "add ExecStart= to the section [Service], or change an existing unit with drop_ins";
        findings.push(Finding::new(&rules::NO_EXEC_START, content.span, message).help(help));
    }
    if let Some(second) = state.starts.get(1).filter(|_| kind != "oneshot") {
        let fault = "a second command in ExecStart= needs Type=oneshot";
        let help = "keep one of them, move the other to ExecStartPre=, or write an empty ExecStart= before it";
        findings.push(at(*second, fault).help(help));
    }
    if let Some((restart @ ("always" | "on-success"), file, line)) = state.restart.filter(|_| kind == "oneshot") {
        let fault = format!("Restart={restart} cannot be given with Type=oneshot");
        findings.push(at((file, line), &fault).help("write Restart=on-failure, or remove Type=oneshot"));
    }
    if kind == "dbus" && !state.has_bus_name {
        let message = format!("unit {shown} has Type=dbus and no BusName=; systemd refuses the unit");
        let finding = Finding::new(&rules::MISSING_UNIT_SETTING, content.span, message);
        findings.push(finding.help("add BusName=, or remove Type=dbus"));
    }
}

#[cfg(test)]
mod tests {
    use crate::address_tokens::Addresses;
    use crate::{document, user_data};

    #[test]
    fn a_unit_that_cannot_be_enabled_is_named() {
        for setting in ["WantedBy=multi user.target", "Alias=b.socket"] {
            let text = format!(
                "#cloud-config\ncoreos:\n  units:\n  - name: a.service\n    enable: true\n    drop-ins:\n    \
                 - name: b.conf\n      content: |\n        [Install]\n        {setting}\n"
            );
            let part = user_data::split("x", text.into_bytes()).remove(0);
            let findings = document::read(part, &Addresses::default(), false).findings;
            let found = findings.iter().find(|finding| finding.rule.id == "bad-unit-setting").unwrap();
            assert!(found.message.ends_with("; unit a.service cannot be enabled"), "{}", found.message);
        }
    }
}
