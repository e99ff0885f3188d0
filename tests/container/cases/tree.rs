//! `--root DIR`, and `--dry-run` without root.

use super::keys::key;
use super::users::HASH;
use crate::testbed::{Machine, Suite};

const TREE: &str = "/mnt/tree";

/// A tree of its own: what this machine was made of, and nothing of what happens to it.
fn tree(m: &Machine) {
    m.sh("mount -t tmpfs tmpfs /mnt; mkdir /mnt/upper /mnt/work /mnt/tree; \
          mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/tree");
}

/// Every file of the tree that is no other's, with its identity and times.
fn written(m: &Machine) -> String {
    m.sh("cd /mnt/upper; find . -printf '%p %y %i %m %U:%G %s %T+ %C+ %l\\n' | sort")
}

fn inside(path: &str) -> String {
    format!("{TREE}{path}")
}

const UNITS: &str = r"
coreos:
  oem: {id: treed}
  update: {reboot_strategy: off, group: beta}
  etcd2: {name: treed}
  units:
    - name: treed.service
      enable: true
      command: start
      content: |
        [Service]
        ExecStart=/bin/sleep infinity
        [Install]
        WantedBy=multi-user.target
    - {name: docker.service, mask: true}
    - name: 10-treed.network
      content: '[Match]'
";

fn config() -> String {
    format!(
        r"#cloud-config
hostname: treed
manage_etc_hosts: localhost
ssh_authorized_keys: ['{key}']
users:
- {{name: treeuser, groups: [docker], passwd: '{HASH}', ssh_authorized_keys: ['{key}']}}
write_files:
- {{path: /srv/treed/a, content: a, owner: 'treeuser:'}}
- {{path: /srv/out/b, content: b}}
{UNITS}",
        key = key("tree")
    )
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("a_root_that_is_named_from_where_we_are_is_that_folder", |m| {
        tree(m);
        // The machine has a unit of this name, too, which is none of the tree's business.
        let unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
        m.put("/etc/systemd/system/near.service", unit);
        m.put("/root/near.yml", "#cloud-config\ncoreos: {units: [{name: near.service, enable: true}]}\n");
        let link = "/etc/systemd/system/multi-user.target.wants/near.service";
        for (folder, root) in [(TREE, "."), ("/mnt", "tree"), (TREE, "../tree")] {
            m.sh(&format!("rm -f {}", inside(link)));
            m.sh(&format!("cd {folder} && coreos-cloudinit --root={root} --from-file=/root/near.yml"));
            assert!(m.link(&inside(link)).is_some(), "{root}");
            m.absent(link);
        }
    });

    suite.fresh("a_unit_that_is_half_enabled_in_a_tree_is_a_failure", |m| {
        tree(m);
        let unit = "[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\nAlias=al.service\\n";
        m.put(
            "/root/half.yml",
            format!("#cloud-config\ncoreos: {{units: [{{name: half.service, enable: true, content: \"{unit}\"}}]}}\n"),
        );
        let blocked = inside("/etc/systemd/system/multi-user.target.wants/half.service");
        m.sh(&format!("mkdir -p {blocked}"));
        let run = || m.program(&["--from-file=/root/half.yml", "--root", TREE]).run();
        for _ in 0..2 {
            run().fails().says(&["failed to enable half.service"]);
        }
        m.sh(&format!("rmdir {blocked}"));
        run().ok();
        assert!(m.link(&blocked).is_some());
        run().ok().says(&["0 done"]);
    });

    suite.fresh("everything_goes_to_the_tree_and_nothing_to_the_machine", |m| {
        tree(m);
        m.sh(&format!("ln -s /srv/target {TREE}/srv/out; mkdir {TREE}/srv/target"));
        m.untouched(|| {
            let run = m.apply_with(&config(), &["--root", TREE], &[("COREOS_PUBLIC_IPV4", "192.0.2.1")]).ok();
            run.says(&["skipped: start treed.service", "the tree is not running"]);
        });
        assert_eq!(m.sh("uname -n"), "bed");
        m.absent("/run/flannel");
        assert_eq!(m.text(&inside("/etc/hostname")), "treed\n");
        assert!(m.text(&inside("/etc/hosts")).contains("127.0.0.1 treed"));
        assert!(m.text(&inside("/etc/environment")).contains("COREOS_PUBLIC_IPV4=192.0.2.1\n"));
        m.is_file(
            &inside("/home/core/.ssh/authorized_keys.d/coreos-cloudinit"),
            &format!("{}\n", key("tree")),
            0o600,
            (500, 500),
        );
        let passwd = m.text(&inside("/etc/passwd"));
        let line = passwd.lines().find(|line| line.starts_with("treeuser:")).expect("the user was made");
        let id = |field| line.split(':').nth(field).unwrap().parse::<u32>().unwrap();
        assert!(m.text(&inside("/etc/shadow")).contains(&format!("treeuser:{HASH}:")));
        assert!(
            m.text(&inside("/etc/group")).lines().any(|line| line.starts_with("docker:") && line.ends_with("treeuser"))
        );
        m.is_file(&inside("/srv/treed/a"), "a", 0o644, (id(2), id(3)));
        assert!(m.exists(&inside("/home/treeuser/.ssh/authorized_keys")));
        // A link of the tree leads within the tree.
        assert_eq!(m.text(&inside("/srv/target/b")), "b");
        m.absent("/srv/target");
        assert!(m.text(&inside("/etc/oem-release")).starts_with("ID=treed\n"));
        assert!(m.text(&inside("/etc/coreos/update.conf")).contains("REBOOT_STRATEGY=off\n"));
        assert!(m.exists(&inside("/etc/systemd/system/treed.service")));
        assert_eq!(
            m.link(&inside("/etc/systemd/system/multi-user.target.wants/treed.service"))
                .map(|link| link.ends_with("treed.service")),
            Some(true)
        );
        assert_eq!(m.link(&inside("/etc/systemd/system/docker.service")).as_deref(), Some("/dev/null"));
        assert!(m.exists(&inside("/etc/systemd/network/10-treed.network")));
        assert_eq!(m.property("treed.service", "LoadState"), "not-found");
        assert_eq!(m.property("etcd2.service", "Environment"), "");
        assert_eq!(m.active("locksmithd.service"), "inactive");
    });

    suite.fresh("a_second_run_leaves_the_tree_alone", |m| {
        tree(m);
        m.apply_with(&config(), &["--root", TREE], &[]).ok();
        let before = written(m);
        m.apply_with(&config(), &["--root", TREE], &[]).ok();
        assert_eq!(written(m), before);
        let plan = m.apply_with(&config(), &["--root", TREE, "--dry-run"], &[]).ok().stdout;
        assert!(!plan.contains("\n+ "), "{plan}");
        assert_eq!(written(m), before);
    });

    suite.fresh("users_and_groups_are_those_of_the_tree", |m| {
        tree(m);
        // What is written to in the tree is its own from then on.
        m.sh("cd /mnt/tree/etc; touch passwd shadow; sed -i '/^rkt:/d' group gshadow; useradd hostonly; groupadd hostgroup");
        let config = "users: [{name: a, groups: rkt}, {name: b, groups: docker}]\n\
                      write_files: [{path: /srv/u/1, owner: hostonly}, {path: /srv/u/2, owner: ':hostgroup'}, {path: /srv/u/3, owner: core}]";
        m.apply_with(config, &["--root", TREE], &[]).fails().says(&["group rkt does not exist", "hostonly does not exist", "hostgroup does not exist"]);
        assert!(m.text(&inside("/etc/passwd")).contains("\na:"));
        assert_eq!(m.names(&inside("/srv/u")), ["3"]);
        assert!(m.text(&inside("/etc/passwd")).contains("\nb:"));
        assert!(!m.text("/etc/passwd").contains("\nb:"));
    });

    suite.fresh("a_script_is_kept_and_not_run", |m| {
        tree(m);
        m.untouched(|| {
            m.apply_with("#!/bin/sh\ntouch /root/ran\n", &["--root", TREE], &[]).ok().says(&["skipped", "not running"]);
        });
        assert_eq!(m.names(&inside("/var/lib/coreos-cloudinit/scripts")).len(), 2);
        assert_eq!(m.sh("systemctl list-units --all --no-legend 'coreos-cloudinit-*'"), "");
    });

    suite.fresh("links_of_a_tree_never_lead_out_of_it", |m| {
        m.sh("mkdir -p /mnt/bare/etc /mnt/victim; ln -s ../../../../mnt/victim /mnt/bare/up; ln -s /mnt/victim /mnt/bare/abs; \
              ln -s /etc/hostname /mnt/bare/etc/hostname");
        let config = "hostname: bare\nwrite_files: [{path: /up/a, content: a}, {path: /abs/b, content: b}, {path: /plain/c, content: c}]";
        let run = m.apply_with(config, &["--root=/mnt/bare"], &[]);
        assert!(run.code <= 1);
        assert_eq!(m.names("/mnt/victim"), [""; 0]);
        assert_eq!(m.text("/etc/hostname"), "bed\n");
        assert_eq!(m.text("/mnt/bare/etc/hostname"), "bare\n");
        assert_eq!(m.text("/mnt/bare/plain/c"), "c");
    });

    suite.shared("a_root_that_is_none_fails", |m| {
        m.untouched(|| m.apply_with("hostname: x", &["--root=/nosuch"], &[]).fails().says(&["/nosuch"]));
        m.untouched(|| m.apply_with("hostname: x", &["--root=/etc/hostname"], &[]).fails());
    });

    suite.fresh("a_rehearsal_needs_no_root_and_changes_nothing", |m| {
        m.put("/tmp/config", config());
        let rehearse = |flags: &[&str]| {
            let mut argv = vec!["setpriv", "--reuid=500", "--regid=500", "--clear-groups", "coreos-cloudinit"];
            argv.extend(["--from-file=/tmp/config", "--dry-run"]);
            argv.extend(flags);
            m.run(&argv)
        };
        m.untouched(|| {
            rehearse(&[]).ok().says(&[
                "+ set host name treed",
                "+ ensure user treeuser",
                "+ write /srv/treed/a",
                "> start treed.service",
            ]);
            rehearse(&["--format=json"]).ok();
        });
        m.absent("/run/coreos-cloudinit");
        assert_eq!(m.sh("uname -n"), "bed");
        m.untouched(|| m.apply_with(&config(), &["--dry-run"], &[]).ok().says(&["+ write /srv/treed/a"]));
        m.absent("/run/coreos-cloudinit");
        assert!(m.journal().is_empty(), "a rehearsal is none of the journal's business");
        // Applied, nothing is left to do but what is done every time.
        m.apply(&config()).ok();
        let again = m.apply_with(&config(), &["--dry-run"], &[]).ok().stdout;
        assert!(!again.lines().skip(1).any(|line| line.starts_with('+')), "{again}");
        assert!(again.contains("= write /srv/treed/a"), "{again}");
    });

    suite.shared("a_rehearsal_says_what_is_refused", |m| {
        m.untouched(|| {
            m.apply_with("write_files: [{path: /srv/r, encoding: rot13}, {path: /srv/s}]", &["--dry-run"], &[])
                .fails()
                .says(&["! refused: file /srv/r", "+ write /srv/s"]);
        });
    });
}
