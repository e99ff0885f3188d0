//! What must never be seen: in the output, in the journal, on a command line, in a file that others read.

use super::keys::key;
use super::users::spied;
use crate::testbed::{PROGRAM_INSIDE, Suite};

const CANARY: &str = "canary";

/// A configuration whose every secret holds the canary, and whose every mistake is near one.
fn config() -> String {
    let body = key("canary-key");
    let body = body.split(' ').nth(1).expect("a key has a body");
    format!(
        r"#cloud-config
ssh_authorized_keys: ['ssh-ed25519 {body} x', 'no key but a canary']
users:
  - {{name: a, passwd: '$6$canary$canary'}}
  - {{name: b, passwd: 'canary:x'}}
  - {{name: c, passwd: [canary]}}
write_files:
  - {{path: /etc/s1, content: canary}}
  - {{path: /etc/s2, content: canary, encoding: b64}}
  - {{path: /etc/s3, content: [canary]}}
  - {{path: /etc/s4, content: canary, permissions: canary}}
  - {{path: /etc/s5, content: canary, owner: nosuchuser}}
coreos:
  fleet: {{etcd_password: canary, etcd_username: [canary]}}
  units:
    - {{name: s.service, content: canary}}
    - {{name: t.service, content: '[Service]', drop_ins: [{{name: a.conf, content: canary}}]}}
"
    )
}

pub fn cases(suite: &mut Suite) {
    suite.boot("nothing_secret_is_shown_logged_or_on_a_command_line", spied(), |m| {
        let body = key("canary-key").split(' ').nth(1).expect("a key has a body").to_owned();
        m.put("/tmp/secret", config());
        let broken = config() + "  - {canary: [canary\n\tcanary: canary\n";
        m.put("/tmp/broken", broken);
        for source in ["--from-file=/tmp/secret", "--from-file=/tmp/broken"] {
            for flags in [
                &[source][..],
                &[source, "-v"],
                &[source, "--dry-run"],
                &[source, "--dry-run", "--format=json"],
                &[source, "--validate"],
            ] {
                m.program(flags).run().fails().hides(&[CANARY, &body]);
            }
            m.service(&[source, "-v"]).hides(&[CANARY, &body]);
        }
        let calls = m.text("/tmp/spied");
        assert!(!calls.contains(CANARY), "{calls}");
        let record = m.sh("cat /run/coreos-cloudinit/*; /usr/bin/coreos-cloudinit --status --format=json");
        assert!(!record.contains(CANARY), "{record}");
        // systemd's own log of our units is read too: nothing of ours put it there.
        let journal = m.whole_journal();
        assert!(!journal.contains(CANARY) && !journal.contains(&body), "the journal holds a secret");
    });

    suite.fresh("no_process_shows_a_secret_while_it_runs", |m| {
        let users = (0..12).fold(String::new(), |text, n| text + &format!("- {{name: u{n}, passwd: '$6$canary$c'}}\n"));
        m.put("/tmp/many", format!("#cloud-config\nusers:\n{users}"));
        let watch = "while [ ! -e /tmp/end ]; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c '[c]anary'; done | sort -u";
        let watcher = m.start(&["sh", "-c", watch]);
        m.run(&[PROGRAM_INSIDE, "--from-file=/tmp/many"]).ok();
        m.put("/tmp/end", "");
        let seen = watcher.finish(std::time::Duration::from_secs(30)).stdout;
        assert_eq!(seen.trim(), "0");
        assert_eq!(m.shadow("u11").as_deref(), Some("$6$canary$c"));
    });
}
