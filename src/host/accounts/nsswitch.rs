//! The name services of `/etc/nsswitch.conf`.

use std::collections::BTreeSet;

/// The name services of users and groups that read `/etc/passwd` and `/etc/group`.
const FILES: [&str; 2] = ["files", "compat"];

/// Returns the services for the database `name` in the text of `nsswitch.conf(5)`.
pub(super) fn services(text: &str, name: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name)?.trim_start().strip_prefix(':'));
    let line = line.unwrap_or("files").split('#').next().unwrap_or_default();
    // The words in brackets are actions, such as `[NOTFOUND=return]`.
    let mut services = Vec::new();
    let mut inside = false;
    for word in line.split_whitespace() {
        inside |= word.starts_with('[');
        if !inside {
            services.push(word.to_owned());
        }
        inside &= !word.ends_with(']');
    }
    services
}

/// Returns the warning of a build that cannot load name services; `None` if the files are the only service.
pub(super) fn unread_services(text: &str) -> Option<String> {
    let services: BTreeSet<_> = ["passwd", "group"].into_iter().flat_map(|name| services(text, name)).collect();
    let unread: Vec<_> = services.into_iter().filter(|service| !FILES.contains(&service.as_str())).collect();
    (!unread.is_empty()).then(|| {
        format!(
            "users and groups: this static build reads only /etc/passwd, /etc/group and a running nscd; {} in \
             /etc/nsswitch.conf ignored",
            unread.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_without_their_actions() {
        for (text, wanted) in [
            ("# group: no\npasswd: files\ngroup:          files [SUCCESS=merge] systemd # x\n", "files systemd"),
            ("group: files [ NOTFOUND=return SUCCESS=merge ] sss\n", "files sss"),
            ("group : files sss\n", "files sss"),
            ("passwd: files\n", "files"),
            ("", "files"),
        ] {
            assert_eq!(services(text, "group").join(" "), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_static_build_names_the_services_that_it_does_not_read() {
        let text = "passwd: files usrfiles sss\ngroup: files [SUCCESS=merge] systemd\nhosts: files dns\n";
        assert_eq!(
            unread_services(text).unwrap(),
            "users and groups: this static build reads only /etc/passwd, /etc/group and a running nscd; sss, systemd, \
             usrfiles in /etc/nsswitch.conf ignored"
        );
        assert_eq!(unread_services("passwd: files\ngroup: compat\n"), None);
        assert_eq!(unread_services(""), None);
    }
}
