//! Accounts whose creation was interrupted: completed where they are listed, never removed or replaced.

use super::keys::key;
use super::users::HASH;
use crate::testbed::trace::Act;
use crate::testbed::{Machine, Suite};

/// The number of runs that are killed, at moments that are spread over the whole run.
const KILLS: usize = 12;

/// Everything of an account that a repair could change: its lines, its files with their owners, modes and contents.
fn everything(m: &Machine, user: &str) -> String {
    m.sh(&format!(
        "grep -H '^{user}:' /etc/passwd /etc/shadow /etc/group /etc/gshadow; id {user}; \
         find /home/{user} -printf '%p %u %g %m %i %s %T@\\n' | sort; find /home/{user} -type f -exec md5sum {{}} + | sort"
    ))
}

/// Marks that the creation of a user was begun, as version 0.1 did.
fn mark(m: &Machine, user: &str, text: &str) {
    m.sh(&format!("ln -s {user}{text} /etc/.useradd-{user}.cci"));
}

fn markers(m: &Machine) -> String {
    m.sh("ls -d /etc/.useradd-* 2>/dev/null || true")
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("an_account_that_was_created_by_hand_stays", |m| {
        for (user, text) in [("bob", ":group:home"), ("eve", ""), ("odd", ":group")] {
            m.sh(&format!(
                "useradd -m -s /bin/bash -G docker -p '{HASH}' {user}; echo mine > /home/{user}/notes; \
                 rm /home/{user}/.profile; chown -R {user}: /home/{user}"
            ));
            mark(m, user, text);
        }
        let all = || ["bob", "eve", "odd"].map(|user| everything(m, user));
        let before = all();
        m.apply("users: [{name: other}]").ok().says(&[
            "user bob: an interrupted run began to create it and the configuration does not list it; not changed",
            "user eve: an interrupted run",
            "user odd: an interrupted run",
        ]);
        assert_eq!((all(), markers(m)), (before.clone(), String::new()));
        m.apply("users: [{name: other}]").ok().hides(&["interrupted run"]);
        mark(m, "bob", ":group:home");
        m.apply("users: [{name: bob}, {name: eve}, {name: odd}]").ok();
        assert_eq!((all(), markers(m)), (before, String::new()));
    });

    suite.fresh("an_account_that_the_run_mentions_otherwise_stays", |m| {
        mark(m, "core", ":group:home");
        m.sh("useradd -m wrong; useradd -m alice; useradd --system -d /home/alice svc; groupadd -g 4000 svcgroup; \
              usermod -a -G svcgroup alice; sleep 1");
        mark(m, "wrong", ":group:home");
        mark(m, "svc", ":group:home");
        let before = ["core", "wrong", "alice"].map(|user| everything(m, user));
        let config = format!(
            "ssh_authorized_keys: ['{}']\nusers: [{{name: wrong, passwd: 'a:b'}}, {{name: svc, homedir: /home/alice}}]",
            key("core")
        );
        m.apply(&config).fails().hides(&["user core: an interrupted", "user wrong: an interrupted"]);
        m.sh("rm -rf /home/core/.ssh /home/core/.authorized_keys.d.lock");
        let after = ["wrong", "alice"].map(|user| everything(m, user));
        assert_eq!(after, [before[1].clone(), before[2].clone()]);
        assert_eq!(m.sh("id -u core"), "500");
        assert_eq!(m.members("svcgroup"), Some(vec!["alice".to_owned()]));
    });

    suite.fresh("files_of_a_user_who_is_logged_in_stay", |m| {
        m.sh("useradd -m mary; echo work > /home/mary/work; chown mary: /home/mary/work");
        mark(m, "mary", ":group:home");
        let mut session = m.start(&["setpriv", "--reuid=mary", "--regid=mary", "--clear-groups", "sleep", "60"]);
        let before = everything(m, "mary");
        m.apply("hostname: bed").ok().says(&["user mary: an interrupted run"]);
        assert_eq!(everything(m, "mary"), before);
        assert!(session.is_running());
        session.signal(nix::sys::signal::Signal::SIGKILL);
    });

    suite.fresh("missing_parts_of_an_account_are_added", |m| {
        let key = key("mary");
        let config = format!("users: [{{name: mary, groups: [docker, sudo], ssh_authorized_keys: ['{key}']}}]");
        m.apply(&config).ok();
        let complete = m.sh("grep -h '^mary:' /etc/passwd /etc/group /etc/gshadow; id mary; ls -A /home/mary");
        // Debian 13 and newer set `HOME_MODE` to 0700.
        let home = m.sh("stat -c '%U %a' /home/mary");
        assert!(matches!(&*home, "mary 755" | "mary 700"), "{home}");
        let lines = |file: &str| format!("sed -i '/^mary:/d' /etc/{file}; ");
        for broken in [
            lines("shadow"),
            lines("group") + &lines("gshadow") + "gpasswd -d mary docker; gpasswd -d mary sudo",
            "rm -rf /home/mary".to_owned(),
            "rm -rf /home/mary; mkdir -m 0 /home/mary".to_owned(),
            lines("shadow") + &lines("group") + &lines("gshadow") + "rm -rf /home/mary",
        ] {
            m.sh(&broken);
            mark(m, "mary", ":group:home");
            m.apply_with(&config, &["--dry-run"], &[]).says(&["+ ensure user mary"]);
            m.apply(&config).ok().says(&["done: ensure user mary"]);
            let now = m.sh("grep -h '^mary:' /etc/passwd /etc/group /etc/gshadow; id mary; ls -A /home/mary");
            assert_eq!((now, m.shadow("mary").as_deref()), (complete.clone(), Some("*")), "{broken}");
            assert_eq!(m.sh("stat -c '%U %a' /home/mary /home/mary/.profile"), format!("{home}\nmary 644"), "{broken}");
            assert!(m.text("/home/mary/.ssh/authorized_keys").contains(&key), "{broken}");
            m.untouched(|| m.apply(&config).ok());
        }
        assert_eq!(markers(m), "");
        assert_eq!(m.sh("ls -A /etc /home | grep -c cci || true"), "0");
    });

    suite.fresh("an_account_that_cannot_be_completed_is_reported_with_a_command", |m| {
        m.sh("useradd mary; groupadd -g 5000 other; sed -i 's/^mary:x:[0-9]*:/mary:x:5001:/' /etc/group");
        m.sh("mkdir -m 755 /home/mary; chown mary:5001 /home/mary; echo x > /home/mary/x");
        mark(m, "mary", ":group:home");
        let config = "users: [{name: mary}]";
        let gid = m.passwd("mary").unwrap()[3].clone();
        let command = format!("groupadd --gid {gid} GROUP");
        m.apply(config).fails().says(&["user mary", &command]);
        m.apply(config).fails().says(&["user mary", &command]);
        m.sh(&format!("groupadd --gid {gid} repaired"));
        m.apply(config).ok();
        m.sh("useradd -N -g other -M pete");
        mark(m, "pete", "");
        let config = "users: [{name: pete, primary_group: other, groups: [docker], no_create_home: true}]";
        m.apply(config)
            .fails()
            .says(&["user pete, whose creation was interrupted, is incomplete", "usermod -a -G docker pete"]);
        assert_eq!(m.members("docker").map(|members| members.contains(&"pete".to_owned())), Some(false));
        m.sh("usermod -a -G docker pete");
        m.apply(config).ok();
        assert_eq!(markers(m), "");
    });

    suite.fresh("an_account_that_another_configuration_lists_is_completed_in_the_same_boot", |m| {
        m.sh("useradd -M mary; sed -i '/^mary:/d' /etc/shadow");
        mark(m, "mary", ":group:home");
        let missing = "not changed (no line in /etc/shadow, no home directory)";
        m.apply("hostname: bed").ok().says(&[missing]);
        m.apply("hostname: bed").ok().hides(&["mary"]);
        m.apply("users: [{name: mary}]").ok();
        assert_eq!((m.shadow("mary").as_deref(), m.sh("stat -c %U /home/mary/.profile")), (Some("*"), "mary".into()));
        assert_eq!(m.sh("ls -A /run/coreos-cloudinit | grep -c useradd || true"), "0");
    });

    suite.fresh("an_unreadable_configuration_does_not_affect_accounts", |m| {
        m.sh("useradd half");
        mark(m, "half", ":group:home");
        m.apply("hostname: bed\nusers: [\"").fails().hides(&["interrupted run"]);
        m.program(&["--from-file=/nowhere", "--deadline=1"]).run().fails();
        assert_ne!(markers(m), "");
    });

    suite.fresh("a_home_that_cannot_be_created_does_not_prevent_the_account", |m| {
        m.sh("mount -t tmpfs -o nr_inodes=1 tmpfs /home");
        let config = format!(
            "users: [{{name: mary, groups: [docker], passwd: '{HASH}'}}, {{name: john, no_create_home: true}}]\n\
             write_files: [{{path: /srv/beside, content: s}}, {{path: /srv/hers, owner: mary}}]"
        );
        m.apply(&config).fails().says(&["created user mary, but failed to create the home directory /home/mary"]);
        assert_eq!((m.shadow("mary").as_deref(), m.sh("stat -c %U /srv/hers")), (Some(HASH), "mary".into()));
        assert!(m.passwd("john").is_some());
        m.absent("/home/mary");
        m.sh("umount /home");
        m.apply(&config).ok();
        assert_eq!(m.sh("stat -c %U /home/mary/.profile"), "mary");
        assert_eq!(markers(m), "");
    });

    suite.fresh("an_account_that_changes_meanwhile_is_left_alone", |m| {
        m.sh("useradd -M mary; sed -i '/^mary:/d' /etc/shadow /etc/group /etc/gshadow");
        mark(m, "mary", ":group:home");
        // An administrator removes the account while the run waits for the lock that every tool takes.
        m.put(
            "/tmp/holder",
            "use Fcntl; open my $f, '>>', '/etc/.pwd.lock'; my $l = pack('ssx4qqix4', F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLKW, $l) or die; \
             open my $s, '>', '/tmp/held'; sleep 3; system q(sed -i '/^mary:/d' /etc/passwd)",
        );
        let holder = m.start(&["perl", "/tmp/holder"]);
        assert!(crate::testbed::machine::wait_for(std::time::Duration::from_secs(10), || m.exists("/tmp/held")));
        let before = m.sh("cat /etc/group /etc/gshadow /etc/shadow");
        let config = format!("users: [{{name: mary, groups: [docker, sudo], ssh_authorized_keys: ['{}']}}]", key("mary"));
        m.apply(&config).fails().says(&["another program changed the account meanwhile"]);
        holder.finish(std::time::Duration::from_secs(20)).ok();
        assert_eq!(m.sh("cat /etc/group /etc/gshadow /etc/shadow"), before);
        m.absent("/home/mary");
    });

    suite.fresh("no_directory_of_root_is_given_away", |m| {
        m.sh("mkdir /srv/empty; mkdir -m 755 /home/ada /home/elsewhere");
        for (user, home) in
            [("svc", "/opt"), ("svd", "/srv/empty"), ("sve", "/etc/sudoers.d"), ("ada", "/home/elsewhere")]
        {
            m.sh(&format!("mkdir -p {home}; useradd -M -d {home} {user}"));
            mark(m, user, ":group:home");
            m.apply(&format!("users: [{{name: {user}, homedir: {home}}}]")).ok();
            assert_eq!(m.sh(&format!("stat -c '%U %a' {home}; ls -A {home}")), "root 755", "{home}");
        }
        m.sh("useradd -M bob; mkdir -m 755 /home/bob");
        mark(m, "bob", ":group:home");
        m.apply("users: [{name: bob}]").ok();
        assert_eq!(m.sh("stat -c '%U %a' /home/bob /home/bob/.profile"), "bob 755\nbob 644");
        // A mount is not a home that useradd made.
        m.sh("useradd -M moe; mkdir /home/moe; mount -t tmpfs none /home/moe");
        mark(m, "moe", ":group:home");
        m.apply("users: [{name: moe}]").ok();
        assert_eq!(m.sh("stat -c %U /home/moe; ls -A /home/moe"), "root");
    });

    suite.fresh("a_group_that_got_the_number_of_the_missing_one_is_not_joined", |m| {
        for name in ["bob", "svc"] {
            m.sh(&format!("useradd -m {name}; rm -rf /home/{name}; sed -i /^{name}:/d /etc/group /etc/gshadow"));
            mark(m, name, "");
            m.sh(&format!("groupadd -g $(id -g {name}) payroll-{name}"));
        }
        let before = ["bob", "svc"].map(|user| everything(m, user));
        let config = "users: [{name: bob}, {name: svc, no_create_home: true}]";
        for _ in 0..2 {
            m.apply(config).fails().says(&[
                "of the account is now that of group payroll-bob (run: groupadd bob, usermod -g bob bob)",
                "of the account is now that of group payroll-svc",
            ]);
            assert_eq!(["bob", "svc"].map(|user| everything(m, user)), before);
            m.absent("/home/bob");
        }
        m.sh("groupadd bob; usermod -g bob bob; groupadd svc; usermod -g svc svc");
        m.apply(config).ok();
        assert_eq!(m.sh("stat -c %U:%G /home/bob"), "bob:bob");
        assert_eq!(markers(m), "");
    });

    suite.fresh("a_shared_directory_of_root_does_not_become_a_home", |m| {
        m.sh("useradd -m bob; rm -rf /home/bob; useradd -m eve; rm -rf /home/eve");
        for name in ["bob", "eve"] {
            mark(m, name, "");
        }
        m.sh("sleep 1; mkdir -p /srv/team; chgrp staff /srv/team; chmod 2775 /srv/team; usermod -d /srv/team bob; \
              install -d -m 0777 /home/eve");
        let before = m.sh("stat -c '%U:%G %a' /srv/team /home/eve");
        m.apply("users: [{name: bob}, {name: eve}]").ok();
        assert_eq!(
            m.sh("stat -c '%U:%G %a' /srv/team /home/eve; ls -A /srv/team /home/eve"),
            before + "\n/home/eve:\n\n/srv/team:"
        );
    });

    suite.fresh("a_full_disk_collects_no_half_made_homes", |m| {
        m.sh("mount -t tmpfs -o size=8k tmpfs /home");
        for _ in 0..3 {
            m.apply("users: [{name: stage}]").fails().says(&["/home/stage"]);
            assert_eq!(m.sh("ls -A /home"), "");
        }
        m.sh("umount /home");
        m.apply("users: [{name: stage}]").ok();
        assert!(m.exists("/home/stage/.profile"));
    });

    suite.fresh("a_user_who_swaps_directories_gets_nothing_of_root", |m| {
        m.sh("useradd -m bob; mkdir -p /home/bob/apps /home/bob/other /etc/skel/.config; echo x > /etc/skel/.config/file; \
              ln -s file /etc/skel/link; mkdir -m 700 /home/bob/secret; echo secret > /home/bob/secret/file; chmod 600 /home/bob/secret/file; \
              chown bob /home/bob/other");
        m.put(
            "/tmp/swap",
            "cd /home/bob; while ! test -e /tmp/over; do for d in apps/.*.cci-*; do n=${d##*/}; \
             mv secret \"$d/.config\" 2>/dev/null; mv apps apps.x; mv other apps; mkdir -p \"apps/$n\"; mv secret \"apps/$n/.config\"; \
             mv apps other; mv apps.x apps; done 2>/dev/null; mv apps apps.x; mv other apps; mv apps other; mv apps.x apps; done",
        );
        let swapper = m.start(&["setpriv", "--reuid=bob", "--regid=bob", "--clear-groups", "sh", "/tmp/swap"]);
        let users: String = (0..20).fold(String::new(), |list, number| {
            list + &format!("- {{name: svc{number}, homedir: /home/bob/apps/svc{number}}}\n")
        });
        m.apply(&format!("users:\n{users}"));
        m.put("/tmp/over", "");
        swapper.finish(std::time::Duration::from_secs(20));
        let gained = m.sh("find /home/bob -name file -size 7c ! -user root; find /home/bob -name secret ! -user root; \
                           find /home/bob -perm -004 -name file -size 7c");
        assert_eq!(gained, "");
    });

    suite.fresh("a_lock_of_an_earlier_boot_does_not_prevent_completion", |m| {
        m.sh("useradd -M mary; sed -i '/^mary:/d' /etc/shadow");
        mark(m, "mary", ":group:home");
        m.sh("printf '1\\0' > /etc/passwd.lock; : > /etc/shadow.lock; touch -d 2001-01-01 /etc/passwd.lock /etc/shadow.lock");
        m.apply("users: [{name: mary}]").ok().says(&["removed /etc/passwd.lock: an earlier boot left it"]);
        assert_eq!(m.shadow("mary").as_deref(), Some("*"));
        m.absent("/etc/shadow.lock");
    });

    suite.fresh("another_user_gets_no_home_that_was_being_filled", |m| {
        m.sh("mkdir -m 755 /home/.mary.cci-0123456789abcdef; mkdir /home/.mary.cci-0123456789abcdef/.ssh; \
              echo key > /home/.mary.cci-0123456789abcdef/.ssh/authorized_keys; chown -R 1000 /home/.mary.cci-0123456789abcdef");
        m.sh("useradd -M -u 1000 mary");
        mark(m, "mary", ":group:home");
        m.apply("users: [{name: mary}]").ok();
        m.absent("/home/mary/.ssh");
        assert!(m.exists("/home/mary/.profile"));
    });

    suite.fresh("a_kill_and_an_administrator_in_between_harm_no_account", |m| {
        let config = |number: usize| {
            format!(
                "#cloud-config\nusers:\n- {{name: user{number}, groups: [docker], passwd: '{HASH}', \
                 ssh_authorized_keys: ['{}']}}\n",
                key("user")
            )
        };
        for number in 0..=KILLS {
            m.put(&format!("/tmp/{number}"), config(number));
        }
        let program = |number: usize| format!("--from-file=/tmp/{number}");
        let whole = m.watch(&["coreos-cloudinit", &program(0)], |_| Act::Go);
        assert_eq!(whole.code, 0, "{}", whole.said);
        for number in 1..=KILLS {
            let (at, user) = (whole.moments * number / (KILLS + 1), format!("user{number}"));
            let mut when = String::new();
            m.watch(&["coreos-cloudinit", &program(number)], |moment| {
                if moment.number == at {
                    when = format!("killed at {moment:?}");
                    return if number % 2 == 0 { Act::KillAll } else { Act::KillCaller };
                }
                Act::Go
            });
            // An administrator finishes by hand, in another way, what the run began.
            m.sh(&format!(
                "sleep 0.2; rm -f /etc/*.lock; getent passwd {user} || {{ groupdel {user} 2>/dev/null; useradd -m {user}; }}; \
                 usermod -p by-hand {user} 2>/dev/null; mkdir -p /home/{user}; echo {number} > /home/{user}/notes; \
                 chown -R {user}: /home/{user} 2>/dev/null; true"
            ));
            let before = m.sh(&format!("grep '^{user}:' /etc/passwd; cat /home/{user}/notes"));
            let seen = |when: &str| {
                let now = m.sh(&format!("grep '^{user}:' /etc/passwd; cat /home/{user}/notes"));
                assert_eq!(now, before, "{when}");
            };
            m.apply("hostname: bed");
            seen(&when);
            // Groups that the administrator left out are an error once.
            m.program(&[&program(number)]).run();
            m.program(&[&program(number)]).run().ok();
            seen(&when);
            assert_eq!(m.shadow(&user).as_deref(), Some(HASH), "{when}");
            assert!(m.text(&format!("/home/{user}/.ssh/authorized_keys")).contains(&key("user")), "{when}");
        }
        assert_eq!(markers(m), "");
    });

    suite.fresh("accounts_of_a_tree_are_those_that_useradd_makes", |m| {
        m.sh("mkdir -p /mnt/a/home /mnt/b/home; cp -a /etc /mnt/a/; echo nested:100000:200 >> /mnt/a/etc/subuid; \
              cp -a /mnt/a/etc /mnt/b/");
        // useradd looks for groups inside of the tree. Before glibc 2.34, that needs a library.
        m.sh("cp --parents /lib/*-linux-gnu/libnss_files* /mnt/a/");
        for (flags, item) in [
            ("-m plain", "name: plain"),
            (
                "-m -c 'A B' -d /srv/deep/home -s /bin/bash -G docker,sudo full",
                "name: full, gecos: A B, homedir: /srv/deep/home, shell: /bin/bash, groups: [docker, sudo]",
            ),
            ("-M -N groupless", "name: groupless, no_create_home: true, no_user_group: true"),
            ("-m -g docker -G sudo given", "name: given, primary_group: docker, groups: sudo"),
            ("-M --system service", "name: service, system: true, no_create_home: true"),
            ("-m --system -G docker service2", "name: service2, system: true, groups: docker"),
            ("-m last", "name: last"),
        ] {
            m.sh(&format!("mkdir -p /mnt/a/srv/deep; useradd --root /mnt/a -p '*' {flags} 2>&1"));
            m.apply_with(&format!("users: [{{{item}}}]"), &["--root=/mnt/b"], &[]).ok();
        }
        // useradd and chpasswd of shadow 4.20 (Debian 14) write no minimum age.
        let minimum =
            r"sed -i -E 's/^((plain|full|groupless|given|last):[^:]*:[0-9]+:):99999/\10:99999/' /mnt/a/etc/shadow";
        m.sh(minimum);
        for file in ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"] {
            assert_eq!(m.text(&format!("/mnt/b/etc/{file}")), m.text(&format!("/mnt/a/etc/{file}")), "{file}");
            let stat = |tree: &str| m.sh(&format!("stat -c '%a %U %G' /mnt/{tree}/etc/{file}"));
            assert_eq!(stat("b"), stat("a"), "{file}");
        }
        let homes = |tree: &str| {
            m.sh(&format!("cd /mnt/{tree}; find home srv -mindepth 1 -printf '%p %m %U %G %y %l\\n' | sort"))
        };
        assert_eq!(homes("b"), homes("a"));
        // A hash, set by both.
        m.sh(&format!("echo 'plain:{HASH}' | chpasswd --root /mnt/a -e"));
        m.sh(minimum);
        m.apply_with(&format!("users: [{{name: plain, passwd: '{HASH}'}}]"), &["--root=/mnt/b"], &[]).ok();
        assert_eq!(m.text("/mnt/b/etc/shadow"), m.text("/mnt/a/etc/shadow"));
        assert_eq!(m.sh("cd /mnt/b/etc; ls -A | grep -E 'lock|cci' || true"), ".pwd.lock");
    });

    suite.fresh("nothing_of_a_tree_is_run_or_loaded", |m| {
        m.sh("mkdir -p /mnt/t/home /mnt/t/usr/sbin /mnt/t/lib/x86_64-linux-gnu; cp -a /etc /mnt/t/; \
              printf '#!/bin/sh\\ntouch /tmp/ran\\n' > /mnt/t/usr/sbin/useradd; chmod 755 /mnt/t/usr/sbin/useradd; \
              cp /mnt/t/usr/sbin/useradd /mnt/t/usr/sbin/chpasswd; \
              sed -i 's/^\\(passwd\\|group\\):.*/\\1: evil files/' /mnt/t/etc/nsswitch.conf");
        m.put("/tmp/config", format!("#cloud-config\nusers: [{{name: mary, groups: docker, passwd: '{HASH}'}}]\n"));
        m.sh("mv /usr/sbin/useradd /usr/sbin/chpasswd /root/");
        m.program(&["--root=/mnt/t", "--from-file=/tmp/config"]).run().ok();
        assert!(m.text("/mnt/t/etc/shadow").contains(&format!("mary:{HASH}:")));
        m.absent("/tmp/ran");
    });
}
