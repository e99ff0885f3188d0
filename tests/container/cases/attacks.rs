//! Hostile or broken surroundings, which must do no harm.

use std::time::Duration;

use crate::testbed::Suite;
use crate::testbed::machine::wait_for;

pub fn cases(suite: &mut Suite) {
    suite.shared("only_results_that_are_lost_change_the_exit_code", |m| {
        for (line, code) in [
            ("coreos-cloudinit --help > /dev/full 2> /dev/null", "1"),
            ("coreos-cloudinit --version > /dev/full", "1"),
            ("coreos-cloudinit 2> /dev/full", "2"),
            ("coreos-cloudinit --help >&- 2>&-", "0"),
        ] {
            assert_eq!(m.sh(&format!("{line}; echo $?")), code, "{line}");
        }
    });

    suite.fresh("a_file_that_is_too_large_is_skipped_alone", |m| {
        let content = "x".repeat(5000);
        let config = format!(
            "#cloud-config\nwrite_files:\n- {{path: /opt/large, content: {content}}}\n- {{path: /opt/small, content: s}}\n"
        );
        m.put("/tmp/attack", &config);
        // One block of 512 bytes: less than the file needs.
        m.run(&["sh", "-c", "ulimit -f 1; exec coreos-cloudinit --from-file=/tmp/attack"]).exits(1);
        m.absent("/opt/large");
        m.is_file("/opt/small", "s", 0o644, (0, 0));
        assert_eq!(m.sh("find /opt -name '.*'"), "");
    });

    suite.fresh("a_deadline_at_the_end_of_time_is_one", |m| {
        // This machine's clock began with the host's; 10 s before it ends, nothing can be added to it.
        let line = "up=$(cut -d. -f1 /proc/uptime); printf '#cloud-config\\nhostname: late\\n' > /tmp/attack; \
                    exec coreos-cloudinit --from-file=/tmp/attack --deadline=$((9223372036854775807 - up - 10))";
        m.run(&["sh", "-c", line]).ok();
        assert_eq!(m.sh("hostname"), "late");
    });

    suite.fresh("a_workspace_named_like_a_variable_is_one", |m| {
        m.apply_with("#!/bin/sh\ntouch /run/attack-ran\n", &["--workspace=/srv/a$HOME-${X}"], &[]).ok();
        assert!(wait_for(Duration::from_secs(10), || m.exists("/run/attack-ran")));
    });

    suite.fresh("no_script_is_kept_where_another_user_can_replace_it", |m| {
        m.sh("useradd --create-home mary; install -d -o mary /srv/hers /srv/hers/below; chown root: /srv/hers/below; \
              install -d -m 775 /srv/group; install -d -m 777 /srv/all; install -d -m 1777 /srv/sticky; mkdir /srv/real; \
              ln -s /srv/real /srv/sticky/link; ln -s /srv/real /srv/hers/link; ln -s /srv/hers /srv/link; ln -s /srv/real /srv/good; \
              mkdir -m 700 /srv/acl; install -d -o mary /srv/sticky/taken/scripts; chown root: /srv/sticky/taken; \
              install -d -o mary /srv/sticky/scripts; mkdir -m 700 /srv/open; install -d -m 777 /srv/open/scripts");
        super::tree::grant(m, "/srv/acl", "mary");
        m.put("/tmp/script", "#!/bin/sh\ntouch /run/attack-ran\n");
        let run = |place: &str| m.program(&["--from-file=/tmp/script", "--workspace", place]).run();
        let foreign = "belongs to another user (uid";
        let shared = "is writable by other users";
        let link = "not following the link";
        for (place, why) in [
            ("/home/mary", foreign),
            ("/home/mary/new", foreign),
            ("/srv/hers/below", foreign),
            ("/srv/hers/below/new/er", foreign),
            ("/srv/hers/link", foreign),
            ("/srv/link/below", foreign),
            ("/srv/sticky", foreign),
            ("/srv/sticky/taken", foreign),
            ("/srv/group", shared),
            ("/srv/group/new", shared),
            ("/srv/all/new", shared),
            ("/srv/acl", shared),
            ("/srv/open", shared),
            ("/srv/sticky/link", link),
        ] {
            let keeps = format!("failed to store the script in {place}/scripts: ");
            m.untouched(|| run(place).exits(1).says(&[&keeps, why]));
            m.program(&["--from-file=/tmp/script", "--dry-run", "--workspace", place]).run().says(&[&keeps, why]);
        }
        m.absent("/run/attack-ran");
        for place in ["/srv/sticky/new", "/srv/good", "/srv/new/er"] {
            run(place).ok();
            assert!(wait_for(Duration::from_secs(10), || m.exists("/run/attack-ran")), "{place}");
            assert_eq!(m.mode(&format!("{place}/scripts")), 0o700);
            m.sh("rm /run/attack-ran");
        }
    });
}
