//! The page on troubleshooting shows the real messages.

use super::jobs::{unit, units};
use super::keys::key;
use crate::testbed::{Machine, Output, Suite, release};

const PAGE: &str = include_str!("../../../docs/troubleshooting.md");

/// Checks that the program prints this for a configuration, and that the page has it.
#[track_caller]
fn assert_prints(m: &Machine, user_data: &str, flags: &[&str], words: &[&str]) {
    m.put("/tmp/user-data", user_data);
    shown(&m.program(&[&["--from-file=/tmp/user-data"], flags].concat()).run(), words);
}

/// Checks that a run printed this, and that the page has it.
#[track_caller]
fn shown(run: &Output, words: &[&str]) {
    for word in words {
        assert!(run.said().contains(word), "nobody says `{word}`\n{run}");
        assert!(PAGE.contains(word), "the page does not say `{word}`");
    }
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("messages_of_the_page_are_printed", |m| {
        m.sh("mkdir -p /home/core; chown core /home/core");
        let keys = format!("#cloud-config\nssh_authorized_keys: ['{}']\n", key("core"));
        assert_prints(m, &keys, &[], &["done: authorize 1 key of user core"]);
        assert_prints(m, &keys, &[], &[]);
        shown(&m.program(&["--status"]).run(), &["no changes"]);
        shown(&m.program(&["--from-file=/tmp/user-data"]).run(), &["0 done"]);
        m.sh("userdel core; rm -rf /home/core");
        assert_prints(m, &keys, &[], &["failed to authorize keys of user core: user core does not exist"]);
        let cut = "#cloud-config\nssh_authorized_keys: ['ssh-rsa AAAAB3Nza... me']\nrole: web-1\n";
        assert_prints(m, cut, &["--validate"], &["no valid SSH key in", "unknown key"]);
        let one = cut.replace("']", &format!("', '{}']", key("core")));
        assert_prints(m, &one, &["--validate"], &["invalid SSH key; line skipped"]);
        m.sh("groupdel docker");
        let groups = "#cloud-config\nusers: [{name: ada, groups: [docker]}]\n";
        assert_prints(m, groups, &[], &["group docker does not exist (ignored)"]);
        assert_prints(
            m,
            "#cloud-config\nusers: [{name: mary, passwd: secret}]\n",
            &["--validate"],
            &["the password is not a hash"],
        );

        let home = format!(
            "#cloud-config\nusers: [{{name: core, no_create_home: true, ssh_authorized_keys: ['{}']}}]\n",
            key("core")
        );
        assert_prints(m, &home, &[], &["the home directory /home/core does not exist"]);
        let refused = format!("#cloud-config\nusers: [{{name: mary, ssh_authorized_keys: ['{}']}}]\n", key("mary"));
        m.sh(
            "cd /usr/sbin && mv useradd useradd.real && printf '#!/bin/sh\\nexit 1\\n' > useradd && chmod 755 useradd",
        );
        assert_prints(m, &refused, &[], &["dependency failed: authorize 1 key of user mary", "could not be created"]);
        m.sh("mv /usr/sbin/useradd.real /usr/sbin/useradd");
        let deep = format!("#cloud-config\ncoreos: {{ssh_authorized_keys: ['{}']}}\n", key("core"));
        assert_prints(m, &deep, &["--validate"], &["belongs at the top level"]);

        m.sh("install -d -o core /home/core; install -d -m 0700 /home/core/.ssh; touch /home/core/.ssh/id_rsa");
        assert_prints(m, &keys, &[], &["~/.ssh belongs to root, and user core cannot enter it"]);

        assert_prints(m, "#cloud-config\n", &[], &["nothing to do"]);
        let form = "the user-data is a cloud-config without its header";
        assert_prints(m, "hostname: web-1\n", &[], &[form]);
        let broken = "#cloud-config\nwrite_files:\n- path: /etc/d\n  content: a: b\n";
        assert_prints(m, broken, &[], &["not applied: everything"]);
        let named = broken.replace("write_files", "hostname: web-2\nwrite_files");
        assert_prints(m, &named, &[], &["not applied: everything except the host name and the SSH keys of core"]);
        let gone = m.program(&["--from-file=/tmp/nowhere", "--deadline=1"]).run();
        shown(&gone, &["no data source available in time: /tmp/nowhere does not exist", "waiting for a data source"]);

        let hangs = units(&[unit("web.service", "/bin/sleep infinity", "command: start")]);
        let left = "left queued: start web.service: it has not ended within";
        let said_of_it = [left, "still waiting for start web.service"];
        assert_prints(m, &format!("#cloud-config\n{hangs}"), &["--job-timeout=12"], &said_of_it);
        let fails = units(&[unit("job.service", "/bin/false", "command: start")]);
        let failed = "failed to start job.service: failed (result exit-code, status 1); see journalctl -u job.service";
        assert_prints(m, &format!("#cloud-config\n{fails}"), &[], &[failed]);
        m.sh("systemctl stop web.service");
        let ends = units(&[unit("web.service", "/nowhere", "command: start")]).replace("oneshot", "simple");
        assert_prints(m, &format!("#cloud-config\n{ends}"), &[], &["done: start web.service"]);
        m.sh("for i in $(seq 50); do systemctl is-failed -q web.service && exit; sleep 0.1; done; exit 1");
        let missing = "#cloud-config\ncoreos: {units: [{name: nothing.service, command: start}]}\n";
        assert_prints(m, missing, &[], &["nothing.service does not exist"]);
        let bad = "#cloud-config\ncoreos: {units: [{name: job.service, command: start, content: '[Unit]'}]}\n";
        assert_prints(m, bad, &[], &["the unit file of job.service is invalid"]);
        let misspelt = "#cloud-config\ncoreos: {units: [{name: docker.service, command: strat}]}\n";
        assert_prints(m, misspelt, &[], &["unknown command"]);

        let rejected = "#cloud-config\nhostname: web_1\n";
        if release::systemd() < 258 {
            assert_prints(m, rejected, &[], &["failed to set the host name web_1: Invalid static hostname"]);
        } else {
            assert_prints(m, rejected, &[], &["failed to set the host name web_1: Invalid hostname"]);
        }
        assert_prints(m, "#cloud-config\nhostname: web-1\n", &[], &["done: set host name"]);

        let files = |list: &str| format!("#cloud-config\nwrite_files: [{list}]\n");
        let read_only = "is below /usr, which is read-only on CoreOS and Flatcar";
        assert_prints(m, &files("{path: /usr/share/a, content: a}"), &["--validate"], &[read_only]);
        let twice = files("{path: /etc/a, content: a}, {path: /etc/a, content: b}");
        assert_prints(m, &twice, &[], &["/etc/a is written twice; the earlier one is ignored"]);
        let nobodys = files("{path: /etc/b, owner: nobody-here, content: a}");
        assert_prints(m, &nobodys, &[], &["failed to write /etc/b: user nobody-here does not exist"]);
        let bad = files("{path: /etc/c, encoding: base64, content: '!'}");
        assert_prints(m, &bad, &[], &["not applied: file"]);
        let address = "unknown address for $private_ipv4; applied anyway, as an empty string";
        assert_prints(m, &files("{path: /etc/d, content: $private_ipv4}"), &[], &[address]);
    });
}
