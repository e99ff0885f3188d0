//! `--root DIR`, and `--dry-run` without root.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::keys::key;
use super::users::HASH;
use crate::testbed::machine::wait_for;
use crate::testbed::{Machine, Suite};

const TREE: &str = "/mnt/tree";

/// A tree of its own: a copy of this machine's files, which changes to the machine do not affect.
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

/// Lets `user` write to `path` by an access control list, as `setfacl -m u:USER:rwx` does.
pub fn grant(m: &Machine, path: &str, user: &str) {
    let list = r#"pack("L", 2) . join("", map { pack("SSL", @$_) } [1, 7, -1], [2, 7, $ARGV[0]], [4, 5, -1], [16, 7, -1], [32, 5, -1])"#;
    m.put("/tmp/grant", format!("my $l = {list}; my $n = 'system.posix_acl_access'; my $p = $ARGV[1];\nexit(syscall(188, $p, $n, $l, length($l), 0) == 0 ? 0 : 1);\n"));
    m.sh(&format!("perl /tmp/grant $(id -u {user}) {path}; runuser -u {user} -- test -w {path}"));
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
    suite.fresh("a_relative_root_starts_at_the_working_directory", |m| {
        tree(m);
        // The machine has a unit of this name, too, which does not matter to the tree.
        let unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
        m.put("/etc/systemd/system/near.service", unit);
        m.put("/root/near.yml", "#cloud-config\ncoreos: {units: [{name: near.service, enable: true}]}\n");
        let link = "/etc/systemd/system/multi-user.target.wants/near.service";
        for (directory, root) in [(TREE, "."), ("/mnt", "tree"), (TREE, "../tree")] {
            m.sh(&format!("rm -f {}", inside(link)));
            m.sh(&format!("cd {directory} && coreos-cloudinit --root={root} --from-file=/root/near.yml"));
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

    suite.fresh("a_tree_that_another_user_could_replace_is_refused", |m| {
        m.sh("useradd --create-home mary; install -d -m 700 /srv/ours/etc /home/mary/ours /srv/ours/acl; \
              install -d -o mary /srv/hers /srv/hers/below; install -d -m 775 /srv/shared; install -d -m 1777 /srv/sticky; \
              chown root: /srv/hers/below; mkdir /srv/shared/below /srv/sticky/below; \
              ln -s /srv/ours /srv/sticky/link; ln -s /srv/ours /srv/hers/link; ln -s /srv/hers /srv/link; \
              runuser -u mary -- ln -s / /home/mary/slash; mkdir /srv/acl; chmod 700 /srv/acl");
        grant(m, "/srv/acl", "mary");
        m.put("/tmp/replaced.yml", "#cloud-config\nhostname: replaced\nusers: [{name: replaced}]\n");
        let run = |root: &str| m.program(&["--from-file=/tmp/replaced.yml", "--root", root]).run();
        let foreign = "belongs to another user (uid";
        let shared = "is writable by other users";
        let link = "not following the link";
        m.untouched(|| {
            for (root, why) in [
                ("/home/mary/ours", foreign),
                ("/home/mary/slash", foreign),
                ("/srv/hers", foreign),
                ("/srv/hers/below", foreign),
                ("/srv/hers/link", foreign),
                ("/srv/link", foreign),
                ("/srv/shared", shared),
                ("/srv/shared/below", shared),
                ("/srv/acl", shared),
                ("/srv/sticky", shared),
                ("/tmp", shared),
                ("/srv/sticky/link", link),
            ] {
                run(root).exits(1).says(&["failed to open the root directory", why]);
                m.program(&["--from-file=/tmp/replaced.yml", "--dry-run", "--root", root]).run().exits(1).says(&[why]);
            }
        });
        // In a sticky directory, files of root stay in place.
        m.apply_with("write_files: [{path: /x, content: x}]", &["--root=/srv/sticky/below"], &[]).ok();
        assert_eq!(m.text("/srv/sticky/below/x"), "x");
        assert!(m.passwd("replaced").is_none());
    });

    suite.fresh("accounts_are_not_edited_in_a_directory_of_another_user", |m| {
        m.sh("mkdir -p /srv/tree/etc/skel /srv/tree/home; \
              cp /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/login.defs /srv/tree/etc; \
              echo secret > /srv/tree/etc/skel/.stolen; chmod 600 /srv/tree/etc/skel/.stolen");
        let config = "users: [{name: bob}]";
        // The skeleton alone: the account is created, and nothing is copied.
        m.sh("chown core /srv/tree/etc/skel");
        m.apply_with(config, &["--root=/srv/tree"], &[]).says(&["/etc/skel not copied"]);
        m.absent("/srv/tree/home/bob/.stolen");
        assert!(m.text("/srv/tree/etc/passwd").contains("\nbob:"));
        m.sh("chown core /srv/tree/etc");
        let before = m.sh("find /srv/tree/etc -type f -exec md5sum {} +");
        m.apply_with("users: [{name: eve}]", &["--root=/srv/tree"], &[]).fails().says(&["belongs to another user"]);
        assert_eq!(m.sh("find /srv/tree/etc -type f -exec md5sum {} +"), before);
    });

    suite.fresh("a_tree_that_a_user_swaps_for_the_machine_leaves_the_machine_alone", |m| {
        m.sh("useradd --create-home mary; mkdir -p /home/mary/tree/etc; ln -s / /home/mary/link; \
              cp /etc/passwd /etc/shadow /etc/group /home/mary/tree/etc; chown -hR mary: /home/mary");
        let swap = "perl -e 'my ($x, $y) = (\"/home/mary/tree\", \"/home/mary/link\");
            while (!-e \"/tmp/over\") { syscall(316, -100, $x, -100, $y, 2) == 0 or die $! }'";
        let swapper = m.start(&["setpriv", "--reuid=mary", "--regid=mary", "--clear-groups", "sh", "-c", swap]);
        m.put("/tmp/swapped.yml", "#cloud-config\nusers: [{name: swapped}]\nwrite_files: [{path: /srv/swapped}]\n");
        for _ in 0..20 {
            m.program(&["--from-file=/tmp/swapped.yml", "--root=/home/mary/tree"]).run().exits(1);
        }
        m.put("/tmp/over", "");
        swapper.finish(Duration::from_secs(30)).ok();
        assert!(m.passwd("swapped").is_none());
        m.absent("/srv/swapped");
    });

    suite.fresh("every_path_to_the_root_directory_is_the_machine", |m| {
        m.sh("ln -s / /srv/slash; mkdir /srv/bound; mount --bind / /srv/bound");
        let roots = ["/", "//", "/.", "/usr/..", "/proc/self/root", "/proc/1/root", "/srv/slash", "/srv/bound"];
        for (number, root) in roots.into_iter().enumerate() {
            let config = format!(
                "coreos: {{units: [{{name: spelled{number}.service, command: start, \
                 content: \"[Service]\\nExecStart=/bin/sleep infinity\"}}]}}\nwrite_files: [{{path: /srv/spelled{number}}}]"
            );
            m.apply_with(&config, &["--root", root], &[]).ok().says(&["is the root directory of this machine"]);
            assert_eq!(m.active(&format!("spelled{number}.service")), "active", "{root}");
            assert!(m.exists(&format!("/srv/spelled{number}")), "{root}");
            let records = m.sh("ls /run/coreos-cloudinit | grep -c json");
            assert_eq!(records, (number + 1).to_string(), "{root}: a run of the machine leaves a record");
            if root == "/proc/1/root" {
                continue; // no other user can look there
            }
            let line = format!("runuser -u core -- coreos-cloudinit --from-file=/tmp/user-data --root={root} 2>&1 || true");
            assert!(m.sh(&format!("chmod 644 /tmp/user-data; {line}")).contains("changing this machine needs root privileges"), "{root}");
        }
    });

    suite.fresh("no_user_can_hold_up_a_run_in_a_tree", |m| {
        tree(m);
        let holder = m.start(&["runuser", "-u", "core", "--", "flock", TREE, "sh", "-c", "touch /tmp/held; sleep 30"]);
        assert!(wait_for(Duration::from_secs(10), || m.exists("/tmp/held")));
        let run = m.apply_with("write_files: [{path: /srv/free, content: x}]", &["--root", TREE], &[]).ok();
        assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
        m.absent("/srv/free");
        assert_eq!(m.sh("ls /run/coreos-cloudinit"), "", "the lock of a tree is removed");
        assert_eq!(m.mode("/run/coreos-cloudinit"), 0o700);
        holder.signal(Signal::SIGTERM);
        // Another run waits for the one that holds the lock.
        let id = m.sh(&format!("stat -c %d-%i {TREE}"));
        m.sh(&format!("touch /run/coreos-cloudinit/lock-{id}"));
        let lock = format!("/run/coreos-cloudinit/lock-{id}");
        let holder = m.start(&["flock", &lock, "sh", "-c", "touch /tmp/held-too; sleep 3"]);
        assert!(wait_for(Duration::from_secs(10), || m.exists("/tmp/held-too")));
        let run = m.apply_with("write_files: [{path: /srv/late, content: x}]", &["--root", TREE], &[]).ok();
        assert!(run.took > Duration::from_secs(1), "{:?}", run.took);
        holder.finish(Duration::from_secs(30)).ok();
    });

    suite.fresh("a_user_applies_to_a_tree_of_their_own", |m| {
        m.sh("useradd --create-home mary; runuser -u mary -- mkdir -p /home/mary/tree/etc; \
              runuser -u mary -- cp /etc/passwd /etc/group /home/mary/tree/etc; install -d -m 700 -o mary /run/hers; \
              install -d -m 777 /run/everyones");
        m.put("/tmp/own.yml", "#cloud-config\nwrite_files: [{path: /x, content: x, owner: 'mary:mary'}]\n");
        for variable in ["", "XDG_RUNTIME_DIR=/run/hers", "XDG_RUNTIME_DIR=/run/everyones", "XDG_RUNTIME_DIR=relative"]
        {
            m.sh("rm -f /home/mary/tree/x");
            let line = format!(
                "runuser -u mary -- env {variable} coreos-cloudinit --from-file=/tmp/own.yml --root=/home/mary/tree"
            );
            m.run(&["sh", "-c", &line]);
            assert!(m.exists("/home/mary/tree/x"), "{variable}");
        }
        assert_eq!(m.sh("ls -A /run/hers /run/everyones | grep lock || true"), "");
        m.sh("flock /run/hers/lock-$(stat -c %d-%i /home/mary/tree) true");
        m.apply_with("write_files: [{path: /y}]", &["--root=/home/mary/tree"], &[])
            .exits(1)
            .says(&["belongs to another user"]);
    });

    suite.fresh("a_unit_is_enabled_in_the_tree_that_was_opened", |m| {
        m.sh("mkdir -p /srv/tree/etc/systemd /srv/other/etc/systemd/system; ln -s /srv/other/etc/systemd/system /srv/tree/etc/systemd/system");
        let unit = "[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n";
        let config = format!("coreos: {{units: [{{name: near.service, enable: true, content: \"{unit}\"}}]}}");
        m.put("/srv/other/etc/systemd/system/near.service", "[Install]\nWantedBy=multi-user.target\n");
        m.apply_with(&config, &["--root=/srv/tree"], &[]).fails().says(&["failed to enable near.service", "leads out of the tree"]);
        m.absent("/srv/other/etc/systemd/system/multi-user.target.wants");
        m.sh("rm /srv/tree/etc/systemd/system");
        m.apply_with(&config, &["--root=/srv/tree"], &[]).ok();
        let link = m.link("/srv/tree/etc/systemd/system/multi-user.target.wants/near.service");
        assert_eq!(link.as_deref(), Some("/etc/systemd/system/near.service"));
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
        // Files that are written in the tree are independent of the machine from then on.
        m.sh("cd /mnt/tree/etc; touch passwd shadow; sed -i '/^rkt:/d' group gshadow; useradd hostonly; groupadd hostgroup");
        let config = "users: [{name: a, groups: rkt}, {name: b, groups: docker}]\n\
                      write_files: [{path: /srv/u/1, owner: hostonly}, {path: /srv/u/2, owner: ':hostgroup'}, {path: /srv/u/3, owner: core}]";
        m.apply_with(config, &["--root", TREE], &[]).fails().says(&["group rkt does not exist", "hostonly does not exist", "hostgroup does not exist"]);
        assert!(m.text(&inside("/etc/passwd")).contains("\na:"));
        assert_eq!(m.names(&inside("/srv/u")), ["3"]);
        assert!(m.text(&inside("/etc/passwd")).contains("\nb:"));
        assert!(!m.text("/etc/passwd").contains("\nb:"));
    });

    suite.fresh("a_unit_is_not_enabled_below_a_directory_of_another_user", |m| {
        m.sh("useradd mary; mkdir -p /mnt/owned/etc/systemd/system/multi-user.target.wants; chown mary /mnt/owned/etc/systemd/system");
        let config = "coreos: {units: [{name: x.service, enable: true, content: \"[Service]\\nExecStart=/bin/true\\n\
                      [Install]\\nWantedBy=multi-user.target\\n\"}]}";
        m.apply_with(config, &["--root=/mnt/owned"], &[]).fails().says(&["failed to enable x.service", "belongs to another user"]);
        assert_eq!(m.names("/mnt/owned/etc/systemd/system/multi-user.target.wants"), [""; 0]);
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

    suite.shared("an_invalid_root_fails", |m| {
        m.untouched(|| m.apply_with("hostname: x", &["--root=/nosuch"], &[]).fails().says(&["/nosuch"]));
        m.untouched(|| m.apply_with("hostname: x", &["--root=/etc/hostname"], &[]).fails());
    });

    suite.fresh("a_dry_run_needs_no_root_and_changes_nothing", |m| {
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
        // After a run, only the steps of every run are left to do.
        m.apply(&config()).ok();
        let again = m.apply_with(&config(), &["--dry-run"], &[]).ok().stdout;
        assert!(!again.lines().skip(1).any(|line| line.starts_with('+')), "{again}");
        assert!(again.contains("= write /srv/treed/a"), "{again}");
    });

    suite.shared("a_dry_run_reports_refused_items", |m| {
        m.untouched(|| {
            m.apply_with("write_files: [{path: /srv/r, encoding: rot13}, {path: /srv/s}]", &["--dry-run"], &[])
                .fails()
                .says(&["! not applied: file /srv/r", "+ write /srv/s"]);
        });
    });
}
