//! Every file of `examples/`, as people would try it.

use std::fs;
use std::path::PathBuf;

use crate::testbed::{Machine, Suite};

/// The addresses that a platform would provide.
const ENVIRONMENT: [(&str, &str); 2] = [("COREOS_PRIVATE_IPV4", "10.1.2.3"), ("COREOS_PUBLIC_IPV4", "203.0.113.9")];

/// A check or two of the effects of each example.
const LOOKS: [(&str, &str); 12] = [
    (
        "addresses.yml",
        "grep -q 'private = 10.1.2.3:7000' /etc/node.conf && [ $(uname -n) = node-1 ] && getent hosts node-1",
    ),
    ("binary-files.yml", "head -c 4 /opt/example/dot.png | grep -aq PNG && /opt/bin/unpacked"),
    ("data-disk.yml", "systemctl is-enabled var-lib-data.mount && ! systemctl is-failed data-disk-now.service"),
    (
        "docker-proxy.yml",
        "systemctl show -p Environment docker.service | grep -q HTTPS_PROXY && systemctl is-active docker.service",
    ),
    (
        "first-boot.sh",
        "for i in $(seq 200); do [ -s /var/lib/machine-facts/facts ] && break; sleep 0.05; done; \
                       [ $(stat -c %a /var/lib/machine-facts/secret) = 600 ] && grep -q name: /var/lib/machine-facts/facts",
    ),
    (
        "legacy-cluster.yml",
        "grep -q FLANNELD_IFACE=10.1.2.3 /run/flannel/options.env && systemctl is-active etcd2.service fleet.service",
    ),
    ("network.yml", "[ $(ls /etc/systemd/network | wc -l) = 4 ] && systemctl is-active systemd-networkd.service"),
    (
        "timer.yml",
        "systemctl is-active keep-etc.timer && systemctl start keep-etc.service && ls /var/backups/etc/etc-*.tar.gz",
    ),
    (
        "updates.yml",
        "grep -qx GROUP=beta /etc/coreos/update.conf && systemctl is-active locksmithd.service update-engine.service",
    ),
    (
        "users-and-keys.yml",
        "id -nG ada | grep -qw sudo && [ $(stat -c %U:%G:%a /var/lib/ci/build.env) = ci:ci:600 ] && \
                            grep -q ada@example.com /home/ada/.ssh/authorized_keys",
    ),
    (
        "web-server.yml",
        "systemctl is-enabled web.socket && exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && \
                        timeout 10 cat <&3 | grep -q 'It works'",
    ),
    ("README.md", ""),
];

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn try_out(m: &Machine, text: &str, looks: &str) {
    let run = |flags: &[&str]| m.apply_with(text, flags, &ENVIRONMENT);
    let before = m.untouched(|| {
        let validated = run(&["--validate"]);
        // Deprecated keys are reported; an example may have no other findings.
        let findings: Vec<_> = validated.stdout.lines().filter(|line| !line.contains("[deprecated]")).collect();
        assert!(findings.is_empty() && validated.code == 0, "{findings:?}");
        run(&["--dry-run"]).ok()
    });
    assert!(before.stdout.contains("\n+ ") || text.starts_with("#!"), "it would change nothing");
    run(&[]).ok();
    m.run(&["bash", "-c", looks]).ok();
    // A script that still runs would be left alone, and a script may write its own files.
    if text.starts_with("#!") {
        m.sh("sleep 0.3");
        run(&[]).ok();
    } else {
        m.untouched(|| run(&[]).ok());
        assert!(!run(&["--dry-run"]).ok().stdout.contains("\n+ "), "it would change something again");
    }
    m.run(&["bash", "-c", looks]).ok();
    assert_eq!(m.sh("systemctl list-units --failed --no-legend --plain"), "");
}

pub fn cases(suite: &mut Suite) {
    suite.plain("each_has_a_case", || {
        for entry in fs::read_dir(directory()).expect("there are examples").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(LOOKS.iter().any(|(known, _)| *known == name), "{name} is not looked at");
        }
    });
    for (name, looks) in LOOKS.into_iter().filter(|(name, _)| *name != "README.md") {
        suite.fresh(name, move |m| {
            let text = fs::read_to_string(directory().join(name)).expect("the example is there");
            try_out(m, &text, looks);
        });
    }
}
