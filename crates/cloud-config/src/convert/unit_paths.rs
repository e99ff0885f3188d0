//! The paths of unit files and drop-ins.

use crate::plan::{Planned, Step};

/// The rest of the path of a unit's file, and true if it is in `/run`.
pub(super) fn below<'p>(path: &'p str, kind: &str) -> Option<(&'p str, bool)> {
    let rest = path.strip_prefix("/etc/systemd/").map(|rest| (rest, false));
    let (rest, runtime) = rest.or_else(|| path.strip_prefix("/run/systemd/").map(|rest| (rest, true)))?;
    Some((rest.strip_prefix(kind)?.strip_prefix('/')?, runtime))
}

/// Returns true for a path that systemd or networkd reads units from.
pub(super) fn is_unit_path(path: &str) -> bool {
    ["system", "network"].into_iter().any(|kind| below(path, kind).is_some())
}

/// Returns true for a file or a drop-in of a unit that the conversion may generate.
pub(super) fn is_of_generated(path: &str) -> bool {
    let name = below(path, "system").and_then(|(rest, _)| rest.split('/').next()).unwrap_or_default();
    is_generated(name.strip_suffix(".d").unwrap_or(name))
}

/// Returns true for the name of a unit that the conversion may generate.
pub(super) fn is_generated(name: &str) -> bool {
    let Some(name) = name.strip_prefix("cloud-config-").and_then(|name| name.strip_suffix(".service")) else {
        return false;
    };
    matches!(name, "addresses" | "commands") || name.starts_with("keys-") || name.starts_with("script-")
}

/// Returns the unit whose file a step writes.
pub(super) fn file_of(planned: &Planned) -> Option<&str> {
    let Step::WriteFile(file) = &planned.step else { return None };
    below(file.path.to_str()?, "system").map(|(rest, _)| rest).filter(|name| !name.contains('/'))
}

/// The name of the file of a unit: that of its template for an instance.
pub(super) fn template_of(name: &str) -> String {
    match name.split_once('@') {
        Some((template, instance)) => {
            let suffix = instance.rsplit_once('.').map_or("", |(_, suffix)| suffix);
            format!("{template}@.{suffix}")
        }
        None => name.to_owned(),
    }
}
