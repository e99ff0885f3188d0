//! What a hostile or broken surrounding must not bring about.

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

    suite.fresh("a_file_that_is_too_large_costs_itself_alone", |m| {
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
        m.sh("mkdir -m 1777 /srv/open; mkdir /srv/open/scripts; chown core:core /srv/open/scripts");
        let script = "#!/bin/sh\ntouch /run/attack-ran\n";
        m.apply_with(script, &["--workspace=/srv/open"], &[]).fails().says(&["belongs to another user"]);
        assert_eq!(m.sh("ls -A /srv/open/scripts"), "");
    });
}
