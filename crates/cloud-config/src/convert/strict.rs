//! The rules by which `butane --strict` and Ignition refuse a configuration as a whole, and files that cannot be written.
//!
//! The tests hold the converter to them: what it writes has no fault.

use std::collections::HashSet;

use super::model::{Config, Unit};
use super::unit_text::{is_installable, unit_text_fault};
use crate::text::printable;
use crate::text::secret::Secret;

/// The suffixes of units. Files of networkd are files, not units.
const SUFFIXES: [&str; 12] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "snapshot",
    "slice",
    "scope",
];

/// The directory in which Ignition writes units.
const UNITS: &str = "/etc/systemd/system";

/// Returns the faults of a configuration, in the order of its sections. They name users, paths and units, and no secrets.
pub fn faults(config: &Config) -> Vec<String> {
    let mut faults = Faults::default();
    faults.users(config);
    faults.paths(config);
    faults.units(config);
    faults.list
}

#[derive(Default)]
struct Faults {
    list: Vec<String>,
}

impl Faults {
    fn push(&mut self, kind: &str, name: &str, problem: &str) {
        self.list.push(format!("{kind} {}: {problem}", printable(name)));
    }

    fn users(&mut self, config: &Config) {
        let mut names = HashSet::new();
        for user in &config.users {
            if user.name.is_empty() {
                self.push("user", "?", "no name");
            }
            if !names.insert(&user.name) {
                self.push("user", &user.name, "duplicate user");
            }
            if has_duplicate(&user.ssh_authorized_keys) {
                self.push("user", &user.name, "duplicate SSH key");
            }
            if user.no_create_home && !user.ssh_authorized_keys.is_empty() {
                self.push("user", &user.name, "SSH keys without a home directory");
            }
            if has_duplicate(&user.groups) {
                self.push("user", &user.name, "duplicate group");
            }
        }
    }

    fn paths(&mut self, config: &Config) {
        let of_units: HashSet<_> = config.units.iter().flat_map(unit_paths).collect();
        let links: HashSet<_> = config.links.iter().map(|link| link.path.as_str()).collect();
        let files = config.files.iter().map(|file| ("file", file.path.as_str()));
        let regular = config.files.iter().map(|file| file.path.as_str());
        let regular: HashSet<_> = regular.chain(of_units.iter().map(String::as_str)).collect();
        let is_below =
            |path: &str, set: &HashSet<&str>| path.match_indices('/').any(|(end, _)| set.contains(&path[..end]));
        let mut paths = HashSet::new();
        for (kind, path) in files.chain(config.links.iter().map(|link| ("link", link.path.as_str()))) {
            if !is_clean(path) {
                self.push(kind, path, "path is not absolute and clean");
            }
            if !paths.insert(path) {
                self.push(kind, path, "duplicate path");
            }
            if of_units.contains(path) {
                self.push(kind, path, "path of a unit or drop-in with contents");
            }
            if is_below(path, &links) {
                self.push(kind, path, "path below a link");
            }
            if is_below(path, &regular) {
                self.push(kind, path, "path below a file");
            }
        }
        for path in config.units.iter().flat_map(unit_paths).filter(|path| is_below(path, &regular)) {
            self.push("unit", &path, "path below a file");
        }
        for file in config.files.iter().filter(|file| file.mode > 0o777) {
            self.push("file", &file.path, "mode above 0777");
        }
        for link in config.links.iter().filter(|link| link.target.is_empty()) {
            self.push("link", &link.path, "no target");
        }
    }

    fn units(&mut self, config: &Config) {
        let mut names = HashSet::new();
        for unit in &config.units {
            if !names.insert(&unit.name) {
                self.push("unit", &unit.name, "duplicate unit");
            }
            let (_, suffix) = unit.name.rsplit_once('.').unwrap_or_default();
            if !SUFFIXES.contains(&suffix) || unit.name.contains('/') {
                self.push("unit", &unit.name, "invalid name");
            }
            // An empty text counts as no contents.
            if let Some(text) = unit.contents.as_ref().map(Secret::expose).filter(|text| !text.is_empty()) {
                if let Some(fault) = unit_text_fault(text) {
                    self.push("unit", &unit.name, fault);
                }
                if unit.enabled && !is_installable(text) {
                    self.push("unit", &unit.name, "enabled without an option in [Install]");
                }
            }
            let mut drop_ins = HashSet::new();
            for drop_in in &unit.drop_ins {
                let name = format!("{}.d/{}", unit.name, drop_in.name);
                if !drop_ins.insert(&drop_in.name) {
                    self.push("drop-in", &name, "duplicate drop-in");
                }
                let (_, suffix) = drop_in.name.rsplit_once('.').unwrap_or_default();
                if suffix != "conf" || drop_in.name.contains('/') {
                    self.push("drop-in", &name, "invalid name");
                }
                if let Some(fault) = unit_text_fault(drop_in.contents.expose()) {
                    self.push("drop-in", &name, fault);
                }
            }
        }
    }
}

/// The paths of a unit's file and of its drop-ins, of those with contents.
fn unit_paths(unit: &Unit) -> impl Iterator<Item = String> {
    let path = format!("{UNITS}/{}", unit.name);
    let has_contents = unit.contents.as_ref().is_some_and(|text| !text.expose().is_empty());
    let drop_ins = unit.drop_ins.iter().filter(|drop_in| !drop_in.contents.expose().is_empty());
    let drop_ins: Vec<_> = drop_ins.map(|drop_in| format!("{path}.d/{}", drop_in.name)).collect();
    has_contents.then_some(path).into_iter().chain(drop_ins)
}

fn has_duplicate(items: &[String]) -> bool {
    let mut seen = HashSet::new();
    !items.iter().all(|item| seen.insert(item))
}

/// Returns true for an absolute path without `.`, `..` and needless slashes.
fn is_clean(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|name| !matches!(name, "" | "." | "..")))
}

#[cfg(test)]
mod tests {
    use super::faults;
    use crate::convert::model::{Config, DropIn, File, Link, Unit, User};
    use crate::text::secret::Secret;

    fn file(path: &str) -> File {
        File {
            path: path.to_owned(),
            contents: Secret::new(Vec::new()),
            mode: 0o644,
            user: None,
            group: None,
            notes: Vec::new(),
        }
    }

    fn link(path: &str) -> Link {
        Link { path: path.to_owned(), target: "/dev/null".to_owned(), notes: Vec::new() }
    }

    fn unit(name: &str, contents: Option<&str>) -> Unit {
        let contents = contents.map(|text| Secret::new(text.to_owned()));
        Unit { name: name.to_owned(), contents, ..Unit::default() }
    }

    fn drop_in(name: &str, contents: &str) -> DropIn {
        DropIn { name: name.to_owned(), contents: Secret::new(contents.to_owned()) }
    }

    #[test]
    fn a_valid_configuration_has_no_fault() {
        let user = User {
            name: "core".to_owned(),
            ssh_authorized_keys: vec!["a".to_owned(), "b".to_owned()],
            groups: vec!["a".to_owned(), "b".to_owned()],
            ..User::default()
        };
        let mut image_unit = unit("docker.service", None);
        image_unit.enabled = true;
        image_unit.drop_ins = vec![drop_in("10.conf", "[Service]\nEnvironment=a\n"), drop_in("20.conf", "")];
        let mut own_unit = unit("a@.service", Some("[Install]\nWantedBy=a.target\n"));
        own_unit.enabled = true;
        let config = Config {
            users: vec![User { name: "root".to_owned(), ..User::default() }, user],
            files: vec![
                file("/a"),
                file("/ab/c"),
                file("/lin"),
                file("/etc/systemd/system/docker.service"),
                file("/etc/systemd/system/docker.service.d/20.conf"),
            ],
            links: vec![link("/link"), link("/links/a")],
            units: vec![image_unit, own_unit, unit("empty.service", Some(""))],
        };
        assert_eq!(faults(&config), [""; 0]);
        assert_eq!(faults(&Config::default()), [""; 0]);
    }

    #[test]
    fn each_rule_is_held() {
        let user = |name: &str, keys: &[&str], groups: &[&str]| User {
            name: name.to_owned(),
            ssh_authorized_keys: keys.iter().map(|&key| key.to_owned()).collect(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            ..User::default()
        };
        let mut homeless = user("c", &["k"], &[]);
        homeless.no_create_home = true;
        let users = vec![
            homeless,
            user("a", &["k", "l", "k"], &[]),
            user("b", &[], &["g", "g"]),
            user("a", &[], &[]),
            user("", &[], &[]),
        ];
        let mut set_id = file("/mode");
        set_id.mode = 0o4755;
        let mut paths = ["a", "/a/../b", "/a/", "/a//b", "/./a", "/a"].map(file).to_vec();
        paths.extend([file("/a"), set_id, file("/link/a"), file("/etc/systemd/system/a.service")]);
        paths.push(file("/etc/systemd/system/b.service/x"));
        let mut no_target = link("/link");
        no_target.target.clear();
        let links = vec![link("/a"), no_target, link("/link/b"), link("/etc/systemd/system/b.service.d/10.conf")];
        let mut enabled = unit("a.service", Some("[Service]\nExecStart=/a\n"));
        enabled.enabled = true;
        let mut with_drop_ins = unit("b.service", Some("[Service"));
        with_drop_ins.drop_ins = vec![drop_in("10.conf", "[Unit]\nwords\n"), drop_in("10.conf", ""), drop_in("20", "")];
        let units =
            vec![enabled, with_drop_ins, unit("b.service", None), unit("a.network", None), unit("a/b.service", None)];
        let config = Config { users, files: paths, links, units };
        assert_eq!(
            faults(&config),
            [
                "user c: SSH keys without a home directory",
                "user a: duplicate SSH key",
                "user b: duplicate group",
                "user a: duplicate user",
                "user ?: no name",
                "file a: path is not absolute and clean",
                "file /a/../b: path is not absolute and clean",
                "file /a/../b: path below a link",
                "file /a/../b: path below a file",
                "file /a/: path is not absolute and clean",
                "file /a/: path below a link",
                "file /a/: path below a file",
                "file /a//b: path is not absolute and clean",
                "file /a//b: path below a link",
                "file /a//b: path below a file",
                "file /./a: path is not absolute and clean",
                "file /a: duplicate path",
                "file /link/a: path below a link",
                "file /etc/systemd/system/a.service: path of a unit or drop-in with contents",
                "file /etc/systemd/system/b.service/x: path below a file",
                "link /a: duplicate path",
                "link /link/b: path below a link",
                "link /etc/systemd/system/b.service.d/10.conf: path of a unit or drop-in with contents",
                "file /mode: mode above 0777",
                "link /link: no target",
                "unit a.service: enabled without an option in [Install]",
                "unit b.service: section header without `]`",
                "drop-in b.service.d/10.conf: line without `=` in a section",
                "drop-in b.service.d/10.conf: duplicate drop-in",
                "drop-in b.service.d/20: invalid name",
                "unit b.service: duplicate unit",
                "unit a.network: invalid name",
                "unit a/b.service: invalid name",
            ]
        );
    }
}
