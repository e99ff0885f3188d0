//! The host name.

use crate::testbed::{Machine, Suite};

/// Checks that the machine is called so: in the file, by the kernel, by hostnamed.
#[track_caller]
fn is_called(m: &Machine, name: &str) {
    let seen = [m.text("/etc/hostname").trim_end().to_owned(), m.sh("uname -n"), m.sh("hostnamectl --static")];
    assert_eq!(seen, [name, name, name]);
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("the_host_name_is_set_as_given", |m| {
        m.apply("hostname: node-1.Example.com").ok();
        is_called(m, "node-1.Example.com");
        m.untouched(|| m.apply("hostname: node-1.Example.com").ok().says(&["0 done, 1 unchanged"]));
        // Behind our back, the one or the other.
        m.sh("hostname other");
        m.apply("hostname: node-1.Example.com").ok();
        is_called(m, "node-1.Example.com");
        m.sh("echo other > /etc/hostname");
        m.apply("hostname: node-1.Example.com").ok();
        is_called(m, "node-1.Example.com");
    });

    suite.fresh("long_names_are_cut", |m| {
        let label = "a".repeat(60);
        m.apply(&format!("hostname: {label}.example.com")).ok().says(&["long-hostname"]);
        is_called(m, &label);
        m.apply(&format!("hostname: {}", "b".repeat(70))).ok().says(&["long-hostname"]);
        is_called(m, &"b".repeat(63));
        let longest = format!("{}.example", "c".repeat(56));
        m.apply(&format!("hostname: {longest}")).ok().hides(&["long-hostname"]);
        is_called(m, &longest);
        m.apply_with("hostname: short.example.com", &["--short-hostname"], &[]).ok();
        is_called(m, "short");
        // Numbers are text, too.
        m.apply("hostname: 1.10").ok();
        is_called(m, "1.10");
    });

    suite.fresh("a_name_that_cannot_be_fails_and_the_rest_goes_on", |m| {
        for name in ["'not valid'", "'-'", "\"a\\nb\"", "a_b/c", "[a]", "a..b", "'äö'"] {
            let run = m.apply(&format!("hostname: {name}\nwrite_files: [{{path: /srv/x, content: x}}]"));
            assert_eq!(run.code, 1, "{name}");
            assert_eq!(m.text("/srv/x"), "x");
            is_called(m, "bed");
            m.sh("rm /srv/x");
        }
        m.apply("hostname: ''").ok();
        m.apply("hostname:").ok();
        is_called(m, "bed");
    });

    suite.fresh("a_name_that_could_not_be_written_is_written_by_the_next_run", |m| {
        m.sh("mount --bind /etc /etc; mount -o remount,bind,ro /etc");
        m.apply("hostname: later").fails().says(&["failed to set the host name later"]);
        m.sh("umount /etc");
        // hostnamed of Debian 11 still runs, and takes the name for written.
        m.apply("hostname: later").ok();
        is_called(m, "later");
    });

    suite.fresh("without_hostnamed_it_is_set_all_the_same", |m| {
        m.sh("systemctl mask --now --runtime systemd-hostnamed.service dbus-org.freedesktop.hostname1.service");
        m.apply("hostname: alone").ok();
        assert_eq!((m.text("/etc/hostname"), m.sh("uname -n")), ("alone\n".into(), "alone".into()));
        assert_eq!((m.mode("/etc/hostname"), m.owner("/etc/hostname")), (0o644, (0, 0)));
        m.untouched(|| m.apply("hostname: alone").ok());
    });
}
