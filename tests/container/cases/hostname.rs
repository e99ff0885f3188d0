//! The host name.

use crate::testbed::{Machine, Suite};

fn names(m: &Machine) -> (String, String, String) {
    (m.sh("hostname"), m.text("/etc/hostname").trim().to_owned(), m.sh("hostnamectl --static"))
}

#[track_caller]
fn is(m: &Machine, name: &str) {
    assert_eq!(names(m), (name.to_owned(), name.to_owned(), name.to_owned()));
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("a_name_is_set_as_given", |m| {
        m.apply("hostname: core-1.example.com").ok();
        is(m, "core-1.example.com");
        m.untouched(|| m.apply("hostname: core-1.example.com").ok());
        m.apply_with("hostname: core-2.example.com", &["--short-hostname"], &[]).ok();
        is(m, "core-2");
    });

    suite.fresh("a_long_name_is_cut_at_the_first_dot_or_at_63", |m| {
        let long = "a".repeat(40);
        m.apply(&format!("hostname: {long}.{long}.example.com")).ok().says(&["long-hostname"]);
        is(m, &long);
        m.apply(&format!("hostname: {}", "b".repeat(80))).ok().says(&["long-hostname"]);
        is(m, &"b".repeat(63));
    });

    suite.fresh("the_empty_name_is_never_set", |m| {
        m.apply("hostname: ''").ok();
        m.apply("hostname:").ok();
        is(m, "bed");
    });

    suite.fresh("an_invalid_name_fails_and_the_rest_goes_on", |m| {
        m.apply("hostname: 'a b/c'\nwrite_files: [{path: /etc/x, content: x}]").fails().says(&["bad-hostname"]);
        is(m, "bed");
        assert_eq!(m.text("/etc/x"), "x");
    });

    suite.fresh("it_is_set_without_hostnamed_too", |m| {
        m.sh("systemctl mask --now systemd-hostnamed.service");
        m.apply("hostname: without").ok();
        assert_eq!(m.sh("hostname"), "without");
        m.is_file("/etc/hostname", "without\n", 0o644, (0, 0));
    });
}
