//! Invalid and suspicious paths of `write_files`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::normalize;
use super::planner::display_path;
use crate::config::CloudConfig;
use crate::diagnostic::{Finding, Span, rules};

/// The directories of the operating system image.
const IMAGE: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
/// The mount point of the OEM partition, which is below the image and writable.
const OEM: &str = "/usr/share/oem";

/// Directories that every machine has. None of them is a file, so paths below them are valid.
pub const DIRECTORIES: [&str; 23] = [
    "/bin",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/etc/ssh",
    "/etc/systemd",
    "/etc/systemd/network",
    "/etc/systemd/system",
    "/home",
    "/lib",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
];

/// Files that every machine has. A home directory cannot replace them, and no path can be below them.
pub const FILES: [&str; 26] = [
    "/bin/bash",
    "/bin/false",
    "/bin/sh",
    "/bin/true",
    "/etc/environment",
    "/etc/fstab",
    "/etc/group",
    "/etc/gshadow",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/profile",
    "/etc/resolv.conf",
    "/etc/shadow",
    "/etc/shells",
    "/etc/ssh/sshd_config",
    "/etc/subgid",
    "/etc/subuid",
    "/etc/sudoers",
    "/sbin/nologin",
    "/usr/lib/os-release",
    "/usr/sbin/nologin",
];

/// Returns true for a file that every machine has, or a path below one.
pub(super) fn is_in_file(path: &str) -> bool {
    let path = normalize(path);
    path.is_some_and(|path| FILES.iter().any(|file| has_prefix(&path, file) && path.starts_with(file)))
}

/// Returns true for a path in the operating system image.
pub(super) fn is_of_image(path: &str) -> bool {
    normalize(path).is_some_and(|path| image_directory(&path).is_some())
}

/// Returns the directory of `path`, if it belongs to the operating system image.
fn image_directory(path: &Path) -> Option<&Path> {
    if !IMAGE.iter().any(|image| has_prefix(path, image)) {
        return None;
    }
    let directory = path.parent()?;
    let inside = IMAGE.iter().any(|image| directory.starts_with(image)) && !directory.starts_with(OEM);
    inside.then_some(directory)
}

/// Returns true if the text of `path` begins with `prefix`.
fn has_prefix(path: &Path, prefix: &str) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(prefix.as_bytes())
}

/// Returns the directories of the image that `config` writes files into.
pub fn wanted_directories(config: &CloudConfig) -> BTreeSet<PathBuf> {
    let written = config.write_files.iter().filter_map(|file| file.get()?.path.filled());
    // Most paths are not in the image, so they are filtered before they are normalized.
    let paths = written.filter(|path| IMAGE.iter().any(|image| path.contains(&image[1..]))).filter_map(normalize);
    paths.filter_map(|path| image_directory(&path).map(Path::to_owned)).collect()
}

/// Checks the path of a file; an error refuses the file. `read_only` are the directories on read-only file systems.
pub(super) fn check_place(
    path: &Path,
    read_only: &BTreeSet<PathBuf>,
    span: Option<Span>,
) -> Result<Option<Finding>, Finding> {
    let place = display_path(path);
    // Comparing the text is enough for these, and faster than comparing components.
    if DIRECTORIES.iter().any(|directory| path.as_os_str() == *directory) {
        let finding = Finding::new(&rules::BAD_PATH, span, format!("{place} is a directory; file skipped"));
        return Err(finding.help("add the name of the file"));
    }
    if let Some(directory) = image_directory(path) {
        let help = "put it below /etc, /opt or /var";
        if read_only.contains(directory) {
            let message = format!("{place} is on a read-only file system; file skipped");
            return Err(Finding::new(&rules::READ_ONLY_USR, span, message).help(help));
        }
        let message = format!("{place} is below /usr, which is read-only on CoreOS and Flatcar; applied anyway");
        return Ok(Some(Finding::new(&rules::USR_PATH, span, message).help(help)));
    }
    if !["/proc", "/sys", "/dev"].iter().any(|top| has_prefix(path, top)) {
        return Ok(None);
    }
    let (why, help) = if path.starts_with("/proc/sys") {
        ("is below /proc or /sys", "put kernel settings into a file in /etc/sysctl.d")
    } else if path.starts_with("/proc") || path.starts_with("/sys") {
        ("is below /proc or /sys", "write to it from a unit or a script, or use /etc/tmpfiles.d")
    } else if path.starts_with("/dev") && !path.starts_with("/dev/shm") {
        ("is below /dev", "put the file below /etc, /opt or /var; a unit or a script can write to a device")
    } else {
        return Ok(None);
    };
    Err(Finding::new(&rules::ODD_PATH, span, format!("{place} {why}; file skipped")).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_directories_in_files_and_in_the_image_are_known() {
        for path in ["/etc/passwd", "/etc//passwd", "/etc/passwd/", "/etc/passwd/ada", "/bin/sh", "/etc/x/../hosts"] {
            assert!(is_in_file(path), "{path}");
        }
        for path in ["/etc/passwd2", "/etc", "/home/etc/passwd", "/bin/shx"] {
            assert!(!is_in_file(path), "{path}");
        }
        for path in ["/usr/ada", "/usr/local/ada", "/bin/ada"] {
            assert!(is_of_image(path), "{path}");
        }
        for path in ["/usr", "/usr/share/oem/x", "/usrlocal/x", "/home/usr/x"] {
            assert!(!is_of_image(path), "{path}");
        }
    }

    fn looked_at(path: &str) -> Option<&'static str> {
        let read_only = BTreeSet::from(["/usr/bin".into()]);
        match check_place(Path::new(path), &read_only, None) {
            Ok(finding) => finding.map(|finding| finding.rule.id),
            Err(finding) => Some(finding.rule.id),
        }
    }

    #[test]
    fn places_that_are_hardly_meant() {
        for (path, rule) in [
            ("/usr/bin/x", Some("read-only-usr")),
            ("/usr/bin/x/y", Some("usr-path")),
            ("/usr/local/bin/x", Some("usr-path")),
            ("/bin/x", Some("usr-path")),
            ("/lib64/x", Some("usr-path")),
            ("/usr/share/oem/cloud-config.yml", None),
            ("/usrlocal/x", None),
            ("/binx", None),
            ("/usr", Some("bad-path")),
            ("/etc", Some("bad-path")),
            ("/proc/sys/vm/swappiness", Some("odd-path")),
            ("/sys/power/state", Some("odd-path")),
            ("/sys/x", Some("odd-path")),
            ("/proc/x", Some("odd-path")),
            ("/dev/null", Some("odd-path")),
            ("/dev/x", Some("odd-path")),
            ("/dev/disk/by-id/x", Some("odd-path")),
            ("/dev/shmx", Some("odd-path")),
            ("/dev/shm", Some("bad-path")),
            ("/dev/shm/x", None),
            ("/devx", None),
            ("/procx", None),
            ("/sysx/y", None),
            ("/srv/dev/null", None),
            ("/run/x", None),
            ("/etc/x", None),
        ] {
            assert_eq!(looked_at(path), rule, "{path}");
        }
    }
}
