//! `coreos.units` (docs/cloud-config.md#coreosunits).

use std::path::{Path, PathBuf};

use super::names::{self, UnitReader};
use super::planner::{Item, Planner, numbered, path, redacted_secret};
use super::{FileSpec, Owner, Step, UnitCommand, UnitPath, UnitScope};
use crate::config::Verb;
use crate::config::{DropIn, Unit};
use crate::diagnostic::{Finding, Span, rules};
use crate::text::secret::{Secret, is_redacted};
use crate::text::{printable, suggest};
use crate::yaml::Field;

/// Directories of systemd's units, in the order in which they override each other.
const DIRECTORIES: [&str; 6] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/etc/systemd/system.control",
];

pub(super) fn plan(planner: &mut Planner<'_>, list: &[Field<Unit>]) {
    for (index, field) in list.iter().enumerate() {
        match field.get() {
            Some(unit) => plan_one(planner, unit, field.span, index),
            None if field.bad => planner.refuse(Item::Unit(numbered("coreos.units", index)), field.span),
            None => nameless(planner, field.span, index),
        }
    }
}

fn nameless(planner: &mut Planner<'_>, span: Option<Span>, index: usize) {
    let finding = Finding::new(&rules::MISSING_KEY, span, "no `name`; unit skipped")
        .about_path("coreos.units")
        .help("give it a `name` with its suffix, such as `NAME.service`");
    planner.refuse_for(Item::Unit(numbered("coreos.units", index)), span, finding);
}

fn plan_one(planner: &mut Planner<'_>, unit: &Unit, span: Option<Span>, index: usize) {
    let name = match unit.name.filled() {
        Some(name) => name,
        None if unit.name.bad => {
            return planner.refuse(Item::Unit(numbered("coreos.units", index)), span);
        }
        None => return nameless(planner, span, index),
    };
    if let Some((of, file)) = names::drop_in(name) {
        return plan_named_drop_in(planner, unit, (of, file), span);
    }
    let item = || Item::Unit(printable(name));
    let path_fault = || Some((names::file_name_fault(name)?.to_owned(), names::path_help(name)));
    let directory_fault = names::directory_fault(name).map(|(fault, help)| (fault, Some(help)));
    if let Some((fault, help)) = directory_fault.or_else(path_fault) {
        let message = format!("invalid unit name: {fault}; unit skipped");
        let mut finding = Finding::new(&rules::BAD_UNIT_NAME, unit.name.span, message);
        finding.help = help;
        return planner.refuse_for(item(), span, finding);
    }
    if unit.content.bad || unit.mask.bad || unit.runtime.bad {
        return planner.refuse(item(), span);
    }
    if unit.content.get().is_some_and(|content| is_redacted(content.expose())) {
        return planner.refuse_for(
            item(),
            span,
            redacted_secret(unit.content.span, &format!("the content of unit {name}"), "unit skipped"),
        );
    }
    let reader = names::reader(name);
    // A request that such a unit cannot have is reported with its name.
    if reader != UnitReader::Unknown || !is_requested(unit) {
        report_odd_name(planner, name, reader, unit.name.span);
    }
    let runtime = unit.runtime.value.unwrap_or_default();
    let directory = directory(reader, runtime);
    let place = UnitPath { unit: name.to_owned(), path: path(&[&directory, name]) };

    let content = unit.content.get().map(Secret::expose).filter(|content| !content.is_empty());
    let mask = unit.mask.value.unwrap_or_default();
    if (content.is_some() || mask)
        && let Err(finding) = planner.claim(&place.path, unit.name.span)
    {
        return planner.refuse_for(item(), span, finding);
    }
    if content.is_some() || mask {
        planner.note_duplicate(&place.path, unit.name.span);
    }
    if let Some(content) = content {
        planner.file(unit_file(place.path.clone(), content, 0o644, name), span);
    }
    for (index, drop_in) in unit.drop_ins.iter().enumerate() {
        plan_drop_in(planner, name, &directory, drop_in, index);
    }
    if mask {
        planner.paths.mask(place, span);
    } else if runtime {
        planner.paths.unmask(place, span);
    }
    if reader == UnitReader::Networkd {
        planner.networkd(span);
    } else {
        planner.unit(name);
    }
    if reader == UnitReader::Unknown && is_requested(unit) {
        refuse_requests(planner, unit, name, span);
    } else if unit.enable.value == Some(true) && reader == UnitReader::Systemd {
        planner.enable(UnitScope { unit: name.to_owned(), runtime }, span);
    }
    plan_command(planner, unit, name, reader);
}

/// Returns true if `unit` is to be enabled, or has a valid command.
fn is_requested(unit: &Unit) -> bool {
    unit.enable.value == Some(true) || verb(unit).is_some()
}

/// The command of `unit`, if it is valid.
fn verb(unit: &Unit) -> Option<Verb> {
    let text = unit.command.filled()?;
    Verb::ALL.into_iter().find(|verb| verb.as_str() == text)
}

/// Refuses the requests for a unit of an unknown type, which are `enable`, a command or both.
fn refuse_requests(planner: &mut Planner<'_>, unit: &Unit, name: &str, span: Option<Span>) {
    let (consequence, at) = match (unit.enable.value == Some(true), verb(unit)) {
        (true, Some(_)) => ("not enabled, command skipped", unit.enable.span),
        (true, None) => ("not enabled", unit.enable.span),
        (false, _) => ("command skipped", unit.command.span),
    };
    let shown = printable(name);
    let message = format!("unit {shown}: unknown unit type; {consequence}");
    let help = suffix_help(&shown).unwrap_or_else(|| "give its `name` a suffix, such as `.service`".to_owned());
    let finding = Finding::new(&rules::BAD_COMMAND, at, message).help(help);
    let at = if unit.enable.value == Some(true) { span } else { unit.command.span };
    planner.refuse_for(Item::Command(name.to_owned()), at, finding);
    if unit.enable.value == Some(true) && verb(unit).is_some() {
        planner.refuse(Item::Command(name.to_owned()), unit.command.span);
    }
}

/// The remedy for the printable name of a unit of an unknown type; `None` for a suffix that resembles no known one.
fn suffix_help(shown: &str) -> Option<String> {
    let Some((stem, suffix)) = shown.rsplit_once('.') else {
        return Some(format!("write `{shown}.service` for a service"));
    };
    let meant = names::closest_suffixes(suffix).into_iter().map(|suffix| format!("{stem}.{suffix}"));
    suggest::question(&meant.collect::<Vec<_>>())
}

/// Reports the name of a unit that neither systemd nor networkd reads, and that is written anyway.
fn report_odd_name(planner: &mut Planner<'_>, name: &str, reader: UnitReader, span: Option<Span>) {
    if reader == UnitReader::Unknown {
        let message = format!("unit {name}: unknown unit type; applied anyway");
        let mut finding = Finding::new(&rules::ODD_UNIT_NAME, span, message);
        // A file with another suffix may be for another program.
        finding.help = suffix_help(&printable(name)).or_else(|| Some("write a suffix such as `.service`".to_owned()));
        planner.report(finding);
    } else if reader == UnitReader::Systemd && !names::is_unit_name(name) {
        let message =
            format!("unit {}: the name contains an invalid character; unit ignored by systemd", printable(name));
        let help = "use letters, digits and :-_.\\@; systemd-escape converts a path to a unit name";
        let finding = Finding::new(&rules::ODD_UNIT_NAME, span, message).help(help);
        planner.report(finding.not_started(&printable(name)));
    } else if names::is_odd_slice(name) {
        let message = format!("unit {}: invalid slice name; systemd refuses the unit", printable(name));
        let help = "a `-` separates a slice from its parent: a-b.slice is in a.slice; slice names have no `@`";
        let finding = Finding::new(&rules::ODD_UNIT_NAME, span, message).help(help);
        planner.report(finding.not_started(&printable(name)));
    }
}

/// Plans an entry with the name `UNIT.d/FILE.conf`: OEM images wrote drop-ins like this before `drop_ins` was added.
fn plan_named_drop_in(planner: &mut Planner<'_>, entry: &Unit, (unit, file): (&str, &str), span: Option<Span>) {
    let message = format!(
        "unit {} is a drop-in of {}; applied anyway, as a drop-in",
        printable(entry.name.text()),
        printable(unit)
    );
    let help = format!("write it as an item `name: {}` in the `drop_ins` of unit {}", printable(file), printable(unit));
    planner.report(Finding::new(&rules::DEPRECATED, entry.name.span, message).help(help));
    let reader = names::reader(unit);
    report_odd_name(planner, unit, reader, entry.name.span);
    let refuse = |planner: &mut Planner<'_>, key: &str, span: Option<Span>| {
        let message =
            format!("drop-in {}: `{key}` is not a key of drop-ins; key ignored", printable(entry.name.text()));
        let help = format!("write it in the item of unit {}", printable(unit));
        let finding = Finding::new(&rules::BAD_COMMAND, span, message).help(help);
        planner.refuse_for(Item::Command(printable(entry.name.text())), span, finding);
    };
    for (key, is_set, span) in [
        ("command", entry.command.bad || entry.command.filled().is_some(), entry.command.span),
        ("enable", entry.enable.bad || entry.enable.value == Some(true), entry.enable.span),
        ("mask", entry.mask.bad || entry.mask.value == Some(true), entry.mask.span),
        ("drop_ins", !entry.drop_ins.is_empty(), entry.drop_ins.first().and_then(|field| field.span)),
    ] {
        if is_set {
            refuse(planner, key, span.or(entry.name.span));
        }
    }
    let item = || Item::DropIn { unit: unit.to_owned(), name: printable(file) };
    if entry.content.bad || entry.runtime.bad {
        return planner.refuse(item(), span);
    }
    let Some(content) = entry.content.get().map(Secret::expose).filter(|content| !content.is_empty()) else {
        return incomplete(planner, unit, span, "content");
    };
    let directory = directory(reader, entry.runtime.value.unwrap_or_default());
    place_drop_in(planner, unit, &directory, (file, entry.name.span), (content, entry.content.span), span);
    if reader == UnitReader::Networkd {
        planner.networkd(span);
    } else {
        planner.unit(unit);
    }
}

fn plan_drop_in(planner: &mut Planner<'_>, unit: &str, directory: &str, field: &Field<DropIn>, index: usize) {
    let Some(drop_in) = field.get().filter(|drop_in| !drop_in.name.bad && !drop_in.content.bad) else {
        // A missing drop-in is incomplete; one of the wrong type has a finding already.
        if field.get().is_none() && !field.bad {
            incomplete(planner, unit, field.span, "a name and content");
        } else {
            let name = field.get().and_then(|drop_in| drop_in.name.filled());
            let name = name.map_or_else(|| numbered("drop_ins", index), printable);
            planner.refuse(Item::DropIn { unit: unit.to_owned(), name }, field.span);
        }
        return;
    };
    let content = drop_in.content.get().map(Secret::expose).filter(|content| !content.is_empty());
    let (Some(name), Some(content)) = (drop_in.name.filled(), content) else {
        let lacks = match (drop_in.name.filled(), content) {
            (None, None) => "a name and content",
            (None, _) => "a name",
            _ => "content",
        };
        return incomplete(planner, unit, field.span, lacks);
    };
    if let Some(fault) = names::file_name_fault(name) {
        let message = format!("drop-in of {}: invalid name: {fault}; drop-in skipped", printable(unit));
        let mut finding = Finding::new(&rules::BAD_DROP_IN_NAME, drop_in.name.span, message);
        let file = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if file != name && names::file_name_fault(file).is_none() {
            finding = finding.help(format!("remove the directory: `name: {}`", printable(file)));
        } else {
            finding = finding.help("write a file name that ends in `.conf`, such as `10-local.conf`");
        }
        let item = Item::DropIn { unit: unit.to_owned(), name: printable(name) };
        return planner.refuse_for(item, field.span, finding);
    }
    place_drop_in(planner, unit, directory, (name, drop_in.name.span), (content, drop_in.content.span), field.span);
}

fn place_drop_in(
    planner: &mut Planner<'_>,
    unit: &str,
    directory: &str,
    (name, name_span): (&str, Option<Span>),
    (content, content_span): (&str, Option<Span>),
    span: Option<Span>,
) {
    if is_redacted(content) {
        let what = format!("the content of drop-in {name} of unit {unit}");
        let finding = redacted_secret(content_span, &what, "drop-in skipped");
        let item = Item::DropIn { unit: unit.to_owned(), name: printable(name) };
        return planner.refuse_for(item, span, finding);
    }
    if Path::new(name).extension().is_none_or(|extension| extension != "conf") {
        let message = format!("drop-in {name} of {unit}: the name does not end in .conf; drop-in ignored by systemd");
        planner.report(Finding::new(&rules::ODD_DROP_IN_NAME, name_span, message).help("add the suffix `.conf`"));
    }
    let place = path(&[directory, &format!("{unit}.d"), name]);
    if let Err(finding) = planner.claim(&place, name_span) {
        let item = Item::DropIn { unit: unit.to_owned(), name: printable(name) };
        return planner.refuse_for(item, span, finding);
    }
    planner.note_duplicate(&place, name_span);
    planner.file(unit_file(place, content, 0o644, unit), span);
}

fn incomplete(planner: &mut Planner<'_>, unit: &str, span: Option<Span>, lacks: &str) {
    let message = format!("drop-in of {unit} without {lacks}; drop-in skipped");
    let help = "give it a `name` that ends in `.conf`, and `content`";
    planner.report(Finding::new(&rules::INCOMPLETE_DROP_IN, span, message).help(help));
}

fn plan_command(planner: &mut Planner<'_>, unit: &Unit, name: &str, reader: UnitReader) {
    let span = unit.command.span;
    let Some(text) = unit.command.filled() else {
        if unit.command.bad {
            planner.refuse(Item::Command(name.to_owned()), span);
        }
        return;
    };
    let Some(verb) = verb(unit) else {
        let known: Vec<_> = Verb::ALL.iter().map(|verb| verb.as_str()).collect();
        let help = setting(text).unwrap_or_else(|| names::suggest_from(text, &known));
        let finding = Finding::new(&rules::BAD_COMMAND, span, format!("unit {name}: unknown command; command skipped"));
        let finding = finding.help(help);
        return planner.refuse_for(Item::Command(name.to_owned()), span, finding);
    };
    match reader {
        UnitReader::Systemd if names::is_template(name) => {
            let message = format!("unit {name}: systemd cannot {verb} a template; command skipped");
            let finding = Finding::new(&rules::BAD_COMMAND, span, message);
            let help = "give the command to an instance, such as name@1.service";
            planner.refuse_for(Item::Command(name.to_owned()), span, finding.help(help));
        }
        UnitReader::Systemd => planner.command(UnitCommand { unit: name.to_owned(), verb }, span),
        UnitReader::Networkd => {
            let message = format!("unit {name}: networkd is restarted automatically; command ignored");
            planner.report(Finding::new(&rules::NETWORK_COMMAND, span, message).help("remove `command`"));
        }
        // `refuse_requests` has refused it.
        UnitReader::Unknown => {}
    }
}

/// The remedy for a command of systemctl that is a key here.
fn setting(command: &str) -> Option<String> {
    let words = command.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '&' | '+' | '/' | '='));
    let mut words = words.filter(|word| !word.is_empty() && !word.starts_with('-'));
    let first =
        words.find(|word| !matches!(*word, "systemctl" | "sudo" | "usr" | "bin" | "sbin"))?.to_ascii_lowercase();
    if !first.eq_ignore_ascii_case(command)
        && let Some(verb) = Verb::ALL.into_iter().find(|verb| verb.as_str() == first)
    {
        return Some(format!("write `{verb}` alone"));
    }
    let help = match first.as_str() {
        "enable" | "enabled" | "reenable" => Some("write `enable: true`; `command: start` also starts it now"),
        "disable" | "disabled" => Some("remove `enable`; `mask: true` prevents the unit from starting"),
        "mask" | "masked" => Some("write `mask: true`; `command: stop` also stops it now"),
        "unmask" | "unmasked" => Some("remove `mask`, or write `mask: false`"),
        "daemon-reload" => Some("remove it: a daemon-reload runs automatically"),
        _ => None,
    };
    help.map(str::to_owned)
}

/// The directory of a unit's files.
fn directory(reader: UnitReader, runtime: bool) -> String {
    let base = if runtime { "/run" } else { "/etc" };
    let kind = if reader == UnitReader::Networkd { "network" } else { "system" };
    format!("{base}/systemd/{kind}")
}

/// A file that belongs to a unit.
pub(super) fn unit_file(path: PathBuf, content: &str, mode: u32, unit: &str) -> FileSpec {
    FileSpec {
        path,
        content: Secret::new(content.as_bytes().to_vec()),
        mode,
        owner: Owner::ROOT,
        unit: Some(unit.to_owned()),
        needs: None,
    }
}

/// The unit of systemd whose file, drop-in or mask a step changes.
pub fn unit_of(step: &Step) -> Option<String> {
    step.path().and_then(unit_at)
}

/// The systemd unit that a path belongs to, unless its name is invalid, which systemd ignores.
pub fn unit_at(path: &Path) -> Option<String> {
    let rest = DIRECTORIES.iter().find_map(|directory| path.strip_prefix(directory).ok())?;
    let mut parts = rest.iter().map(|part| part.to_str());
    let first = parts.next()??;
    let name = match parts.next() {
        None => first,
        // A link in `UNIT.wants` changes the dependencies of the unit, as its drop-ins do.
        Some(_) => {
            ["d", "wants", "requires", "upholds"].iter().find_map(|kind| first.strip_suffix(kind)?.strip_suffix('.'))?
        }
    };
    names::file_name_fault(name).is_none().then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_unit() {
        for (path, unit) in [
            ("/etc/systemd/system/a.service", Some("a.service")),
            ("/run/systemd/system/a.service.d/10-x.conf", Some("a.service")),
            ("/etc/systemd/system/multi-user.target.wants/a.service", Some("multi-user.target")),
            ("/etc/systemd/system/service.d/10-x.conf", Some("service")),
            ("/etc/systemd/network/a.network", None),
            ("/etc/systemd/system.conf", None),
            ("/etc/hosts", None),
            ("/etc/systemd/system/a.servic\te", None),
            ("/etc/systemd/system/.a.service", None),
            ("/etc/systemd/system/.d/10-x.conf", None),
        ] {
            assert_eq!(unit_at(Path::new(path)).as_deref(), unit, "{path}");
        }
    }

    #[test]
    fn commands_that_are_settings_point_to_their_key() {
        for (command, key) in [
            ("enable", "`enable: true`"),
            ("Enable", "`enable: true`"),
            ("enable --now", "`enable: true`"),
            ("disable", "`enable`"),
            ("mask", "`mask: true`"),
            ("unmask", "`mask`"),
            ("enable:true", "`enable: true`"),
            ("systemctl start", "`start` alone"),
            ("/usr/bin/systemctl --no-block restart a.service", "`restart` alone"),
            ("start;enable", "`start` alone"),
            ("start --no-block", "`start` alone"),
        ] {
            assert!(setting(command).is_some_and(|help| help.contains(key)), "{command}");
        }
        for command in ["strat", "Start", "begin", ""] {
            assert_eq!(setting(command), None, "{command}");
        }
    }
}
