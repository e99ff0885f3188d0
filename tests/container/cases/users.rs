//! `users`: accounts.

use super::keys::key;
use crate::testbed::{Boot, Machine, Suite};

/// `mkpasswd --method=sha-512 secret`, as people have them.
const HASH: &str = "$6$5s2u6/jR$un0AvWnqilcgaNB3Mkxd5yYv6mTlWfOoCYHZmfi3LDKVltj.E8XNKEcwWm.6NfS0GlqyoFhaGEuyRn6mPLPWe/";

/// What the account database says of a user, without name, password and numbers.
#[track_caller]
fn entry(m: &Machine, user: &str) -> [String; 3] {
    let fields = m.passwd(user).unwrap_or_else(|| panic!("there is no user {user}"));
    [fields[4].clone(), fields[5].clone(), fields[6].clone()]
}

/// Wrappers of the tools that make accounts, which note down how they were called.
pub fn spied() -> Boot {
    let mut boot = Boot::default();
    for tool in ["useradd", "usermod", "groupadd", "chpasswd"] {
        let script = format!("#!/bin/sh\necho {tool} \"$*\" >> /tmp/spied\nexec /usr/lib/spied/{tool} \"$@\"\n");
        boot = boot.copy_file(&format!("/usr/sbin/{tool}"), &format!("/usr/lib/spied/{tool}"));
        boot = boot.file_mode(&format!("/usr/sbin/{tool}"), script, 0o755);
    }
    boot
}

pub fn cases(suite: &mut Suite) {
    suite.shared("a_name_is_enough", |m| {
        m.apply("users: [{name: simple}]").ok();
        let shell = m.sh("useradd -D | sed -n s/^SHELL=//p");
        assert_eq!(entry(m, "simple"), ["", "/home/simple", &shell]);
        assert_eq!(m.shadow("simple").as_deref(), Some("*"));
        assert_eq!(m.members("simple"), Some(vec![]));
        assert!(m.passwd("simple").unwrap()[2].parse::<u32>().unwrap() >= 1000);
        assert_eq!(m.sh("stat -c %U:%G /home/simple"), "simple:simple");
        m.absent("/home/simple/.ssh");
    });

    suite.shared("every_field", |m| {
        let config = format!(
            r"
            users:
              - name: full
                gecos: Full Name
                passwd: {HASH}
                homedir: /srv/full-home
                primary-group: fleet
                groups: [docker, sudo]
                no_user_group: yes
                shell: /bin/bash
              - name: machinery
                system: true
                no-create-home: true
                no_log_init: true
                groups: wheel,docker
            "
        );
        m.apply(&config).ok();
        assert_eq!(entry(m, "full"), ["Full Name", "/srv/full-home", "/bin/bash"]);
        assert_eq!(m.shadow("full").as_deref(), Some(HASH));
        assert_eq!(m.sh("id -gn full"), "fleet");
        assert_eq!(m.sh("id -Gn full | tr ' ' '\n' | sort | xargs"), "docker fleet sudo");
        assert_eq!(m.members("full"), None);
        assert!(m.exists("/srv/full-home"));
        m.absent("/home/full");
        assert!(m.passwd("machinery").unwrap()[2].parse::<u32>().unwrap() < 1000);
        assert_eq!(m.sh("id -Gn machinery | tr ' ' '\n' | sort | xargs"), "docker machinery wheel");
        m.absent("/home/machinery");
    });

    suite.shared("an_account_that_exists_keeps_all_but_its_password", |m| {
        m.sh("useradd --comment Old --home-dir /srv/old --shell /bin/bash --groups docker --password '*' kept");
        let before = (m.passwd("kept"), m.sh("id kept"));
        let config = format!(
            r"
            users:
              - name: kept
                gecos: New
                homedir: /srv/new
                shell: /bin/sh
                groups: [sudo]
                passwd: {HASH}
            "
        );
        m.apply(&config).ok();
        assert_eq!((m.passwd("kept"), m.sh("id kept")), before);
        assert_eq!(m.shadow("kept").as_deref(), Some(HASH));
        m.absent("/srv/new");
        m.apply("users: [{name: kept}]").ok();
        assert_eq!(m.shadow("kept").as_deref(), Some(HASH));
    });

    suite.shared("a_group_that_does_not_exist_fails_that_user_and_what_is_theirs", |m| {
        let config = r"
            users:
              - name: groupless
                groups: [docker, nosuchgroup]
                ssh_authorized_keys: [ssh-rsa AAAAB3NzaC1yc2E= a]
              - name: primaryless
                primary_group: nosuchprimary
              - name: grouped
                groups: docker
            write_files:
              - {path: /etc/groupless, owner: groupless, content: x}
              - {path: /etc/grouped, owner: grouped, content: x}
            ";
        m.apply(config).fails().says(&["groupless", "nosuchgroup", "primaryless", "/etc/groupless"]);
        assert_eq!((m.passwd("groupless"), m.passwd("primaryless")), (None, None));
        assert_eq!(m.members("docker").map(|members| members.contains(&"grouped".to_owned())), Some(true));
        m.absent("/etc/groupless");
        m.absent("/home/groupless");
        assert_eq!(m.sh("stat -c %U /etc/grouped"), "grouped");
    });

    suite.shared("an_entry_without_a_name_is_skipped", |m| {
        m.apply("users: [{gecos: Nobody}, {name: ''}, {name: named}]").ok().says(&["nameless-user"]);
        assert!(m.passwd("named").is_some());
    });

    suite.shared("what_would_be_another_line_refuses_the_user", |m| {
        let before = (m.text("/etc/passwd"), m.text("/etc/shadow"));
        let config = r#"
            users:
              - {name: "ev:il"}
              - {name: "ev\nil"}
              - {name: evil1, passwd: "a\nroot:b"}
              - {name: evil2, passwd: "a:b"}
              - {name: "-evil"}
              - {name: "ev/il"}
            "#;
        m.apply(config).fails();
        assert_eq!((m.text("/etc/passwd"), m.text("/etc/shadow")), before);
    });

    suite.shared("one_line_end_after_a_hash_is_no_matter", |m| {
        m.apply(&format!("users:\n- name: trimmed\n  passwd: |\n    {HASH}\n")).ok();
        assert_eq!(m.shadow("trimmed").as_deref(), Some(HASH));
    });

    suite.shared("a_comment_that_cannot_be_stored_is_left_out", |m| {
        m.apply("users: [{name: colon, gecos: 'a:b'}, {name: quoted, gecos: '\"Q\" Name'}]")
            .fails()
            .says(&["bad-gecos"]);
        assert_eq!(entry(m, "colon")[0], "");
        assert_eq!(entry(m, "quoted")[0], "\"Q\" Name");
    });

    suite.shared("a_wrong_type_refuses_the_user_where_it_could_do_harm", |m| {
        let config = r"
            users:
              - {name: harm1, passwd: [a]}
              - {name: harm2, system: maybe}
              - {name: harm3, shell: {a: b}}
              - {name: harm4, primary_group: [a]}
              - {name: harmless, gecos: [a]}
            ";
        m.apply(config).fails().says(&["wrong-type"]);
        for user in ["harm1", "harm2", "harm3", "harm4"] {
            assert_eq!(m.passwd(user), None, "{user}");
        }
        assert_eq!(entry(m, "harmless")[0], "");
    });

    suite.shared("users_come_before_files", |m| {
        m.apply("write_files: [{path: /etc/theirs, owner: 'filer:filer'}]\nusers: [{name: filer}]").ok();
        assert_eq!(m.sh("stat -c %U:%G /etc/theirs"), "filer:filer");
    });

    suite.boot("a_hash_is_on_no_command_line_and_in_no_log", spied(), |m| {
        let config = format!("users: [{{name: hashed, passwd: '{HASH}'}}, {{name: core, passwd: '{HASH}'}}]");
        m.apply_with(&config, &["-v"], &[]).ok().hides(&[HASH, &HASH[..20]]);
        for user in ["hashed", "core"] {
            assert_eq!(m.shadow(user).as_deref(), Some(HASH), "{user}");
        }
        let calls = m.text("/tmp/spied");
        assert!(calls.contains("useradd") && calls.contains("--password *"), "{calls}");
        assert!(calls.contains("chpasswd -e") || calls.contains("chpasswd --encrypted"), "{calls}");
        assert!(!calls.contains("$6$"), "{calls}");
    });

    suite.boot("a_second_run_makes_no_account_again", spied(), |m| {
        let config =
            format!("users: [{{name: hashed, passwd: '{HASH}', groups: [docker], gecos: G}}, {{name: plain}}]");
        m.apply(&config).ok();
        let calls = m.text("/tmp/spied");
        m.untouched(|| m.apply(&config).ok());
        assert_eq!(m.text("/tmp/spied"), calls);
    });

    suite.fresh("core_is_made_where_it_is_missing_and_gets_its_keys", |m| {
        m.sh("userdel --remove core 2>/dev/null");
        let key = key("top");
        m.apply(&format!("ssh_authorized_keys: ['{key}']\nusers: [{{name: core, shell: /bin/bash}}]")).ok();
        assert_eq!(m.text("/home/core/.ssh/authorized_keys.d/coreos-cloudinit"), format!("{key}\n"));
    });
}
