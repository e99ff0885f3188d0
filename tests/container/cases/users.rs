//! `users`: accounts.

use super::keys::key;
use crate::testbed::{Boot, Machine, Suite, release};

/// `mkpasswd --method=sha-512 secret`, as people have them.
pub const HASH: &str =
    "$6$5s2u6/jR$un0AvWnqilcgaNB3Mkxd5yYv6mTlWfOoCYHZmfi3LDKVltj.E8XNKEcwWm.6NfS0GlqyoFhaGEuyRn6mPLPWe/";

/// Another one.
const OTHER_HASH: &str = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";

/// Returns the entry of a user in the account database, without name, password and numbers.
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

    suite.shared("every_field_of_a_user_is_applied", |m| {
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
        let differ = "user kept: the account already exists with other values; not changed: gecos, homedir, shell, groups (sudo)";
        m.apply_with(&config, &["--dry-run"], &[]).ok().says(&[differ]);
        m.apply(&config).ok().says(&[differ]);
        assert_eq!((m.passwd("kept"), m.sh("id kept")), before);
        m.apply("users: [{name: kept, gecos: Old, homedir: /srv/old, shell: /bin/bash, groups: docker}]").ok().hides(&["differ"]);
        assert_eq!(m.shadow("kept").as_deref(), Some(HASH));
        m.absent("/srv/new");
        m.apply("users: [{name: kept}]").ok();
        assert_eq!(m.shadow("kept").as_deref(), Some(HASH));
    });

    suite.shared("a_missing_group_of_an_account_that_exists_is_an_error", |m| {
        m.sh("useradd --create-home --groups docker there");
        let key = key("there");
        let config = format!(
            r"
            users:
              - name: there
                groups: [docker, nosuchgroup]
                primary_group: nosuchprimary
                passwd: {HASH}
                ssh_authorized_keys: ['{key}']
            write_files:
              - {{path: /etc/there, owner: there, content: x}}
            "
        );
        let faults =
            "user there: group nosuchgroup does not exist (ignored), primary group nosuchprimary does not exist";
        m.apply_with(&config, &["--dry-run"], &[]).exits(1).says(&["nosuchgroup does not exist"]);
        m.apply(&config).exits(1).says(&[faults]).hides(&["not changed: groups"]);
        assert_eq!(m.shadow("there").as_deref(), Some(HASH));
        assert!(m.text("/home/there/.ssh/authorized_keys").contains(&key));
        assert_eq!(m.sh("stat -c %U /etc/there"), "there");
    });

    suite.shared("a_group_that_does_not_exist_costs_the_group_alone", |m| {
        let key = key("groupless");
        let config = format!(
            r"
            users:
              - name: groupless
                groups: [docker, nosuchgroup]
                ssh_authorized_keys: ['{key}']
              - name: primaryless
                primary_group: nosuchprimary
                groups: [docker]
              - name: grouped
                groups: docker
            write_files:
              - {{path: /etc/groupless, owner: groupless, content: x}}
              - {{path: /etc/grouped, owner: grouped, content: x}}
            "
        );
        m.apply(&config).fails().says(&[
            "created user groupless, but group nosuchgroup does not exist (ignored)",
            "created user primaryless, but primary group nosuchprimary does not exist (default primary group used)",
        ]);
        for user in ["groupless", "primaryless", "grouped"] {
            assert!(m.members("docker").is_some_and(|members| members.contains(&user.to_owned())), "{user}");
        }
        assert_eq!(m.sh("id -gn primaryless"), "primaryless");
        assert!(m.text("/home/groupless/.ssh/authorized_keys").contains(&key));
        assert_eq!(m.sh("stat -c %U /etc/grouped /etc/groupless"), "grouped\ngroupless");
    });

    suite.fresh("a_group_that_only_a_database_of_the_machine_knows_gets_a_line", |m| {
        let databases = "sed -i 's/^group:.*/group: files [SUCCESS=merge] systemd/' /etc/nsswitch.conf";
        // Debian 11 has no user records. There, a group exists while a service with a dynamic user runs.
        let groups = if release::systemd() >= 252 {
            "mkdir -p /etc/userdb; echo '{\"groupName\":\"elsewhere\",\"gid\":987}' > /etc/userdb/elsewhere.group; \
             ln -s elsewhere.group /etc/userdb/987.group; \
             echo '{\"groupName\":\"primary\",\"gid\":986}' > /etc/userdb/primary.group; \
             ln -s primary.group /etc/userdb/986.group"
        } else {
            "for name in elsewhere primary; do \
             systemd-run --quiet --unit=$name --property=DynamicUser=yes --service-type=exec sleep infinity; done"
        };
        m.sh(&format!("set -e; {databases}; {groups}; getent group elsewhere primary"));
        let [elsewhere, primary] =
            ["elsewhere", "primary"].map(|name| m.sh(&format!("getent group {name} | cut -d: -f3")));
        let key = key("ada");
        let config = format!(
            "users: [{{name: ada, groups: [sudo, elsewhere], ssh_authorized_keys: ['{key}']}}, \
                              {{name: eve, primary_group: primary}}]"
        );
        m.apply_with(&config, &["--dry-run"], &[]).ok().says(&["+ ensure user ada"]);
        m.apply(&config).ok();
        assert_eq!(
            m.sh("grep -E '^(elsewhere|primary):' /etc/group"),
            format!("elsewhere:x:{elsewhere}:ada\nprimary:x:{primary}:")
        );
        assert_eq!(m.sh("id -Gn ada | tr ' ' '\\n' | sort | xargs; id -gn eve"), "ada elsewhere sudo\nprimary");
        assert!(m.text("/home/ada/.ssh/authorized_keys").contains(&key));
        m.untouched(|| m.apply(&config).ok());
    });

    suite.fresh("a_field_that_useradd_refuses_does_not_prevent_the_account", |m| {
        let key = key("zoe");
        let config = format!("users: [{{name: zoe, shell: zsh, groups: [docker], ssh_authorized_keys: ['{key}']}}]");
        m.apply(&config).fails().says(&["bad-user", "not applied"]);
        assert_eq!(m.passwd("zoe").map(|fields| fields[6].clone()), Some("/bin/sh".to_owned()));
        assert!(m.text("/home/zoe/.ssh/authorized_keys").contains(&key));
        m.apply(&config).fails().says(&["bad-user"]);
    });

    suite.shared("an_entry_without_a_name_is_skipped", |m| {
        m.apply("users: [{gecos: Nobody}, {name: ''}, {name: named}]").ok().says(&["nameless-user"]);
        assert!(m.passwd("named").is_some());
    });

    suite.shared("a_field_with_a_separator_refuses_the_user", |m| {
        let before = (m.text("/etc/passwd"), m.text("/etc/shadow"));
        let config = r#"
            users:
              - {name: "ev:il"}
              - {name: "ev\nil"}
              - {name: "-evil"}
              - {name: "ev/il"}
            "#;
        m.apply(config).fails().says(&["bad-user"]);
        assert_eq!((m.text("/etc/passwd"), m.text("/etc/shadow")), before);
    });

    suite.shared("a_hash_that_would_be_another_line_is_not_set", |m| {
        let root = m.shadow("root");
        let config = format!(
            r#"
            users:
              - {{name: hashless1, passwd: "a\nroot:b", ssh_authorized_keys: ['{0}']}}
              - {{name: hashless2, passwd: "hashless2:{HASH}"}}
              - {{name: core, passwd: "a\nroot:b"}}
            "#,
            key("hashless")
        );
        let core = m.shadow("core");
        m.apply(&config).fails().says(&["bad-user", "password not set"]);
        for user in ["hashless1", "hashless2"] {
            assert_eq!(m.shadow(user).as_deref(), Some("*"), "{user}");
        }
        assert_eq!((m.shadow("root"), m.shadow("core")), (root, core));
        assert!(m.text("/home/hashless1/.ssh/authorized_keys").contains(&key("hashless")));
    });

    suite.shared("a_field_that_cannot_be_applied_does_not_prevent_the_account", |m| {
        let config = format!(
            "users:\n- {{name: fieldless, shell: '/bin/sh:x', homedir: srv/x, primary_group: 'a:b', \
             groups: ['x:y', docker], ssh_authorized_keys: ['{}']}}\n",
            key("fieldless")
        );
        m.apply(&config).fails().says(&["bad-user", "; not applied", "group skipped"]);
        let account = m.passwd("fieldless").unwrap();
        assert_eq!(account[5], "/home/fieldless", "{account:?}");
        assert!(m.sh("id -nG fieldless").split_whitespace().any(|group| group == "docker"));
        assert!(m.text("/home/fieldless/.ssh/authorized_keys").contains(&key("fieldless")));
        // The next run finds the account, and reports its failures again.
        m.apply(&config).fails().says(&["bad-user"]);
    });

    suite.shared("a_home_that_cannot_be_created_does_not_prevent_the_account", |m| {
        m.sh("mkdir /srv/read-only-homes; mount -t tmpfs -o ro tmpfs /srv/read-only-homes; touch /srv/a-file");
        for (user, home) in
            [("homeless1", "/etc/passwd"), ("homeless2", "/srv/a-file/home"), ("homeless3", "/srv/read-only-homes/x/y")]
        {
            let key = key(user);
            let config = format!("users: [{{name: {user}, homedir: {home}, ssh_authorized_keys: ['{key}']}}]");
            m.apply_with(&config, &["--dry-run"], &[]).fails();
            m.apply(&config).fails().says(&["home directory"]);
            assert_eq!(m.passwd(user).unwrap()[5], format!("/home/{user}"));
            assert!(m.text(&format!("/home/{user}/.ssh/authorized_keys")).contains(&key), "{home}");
        }
        m.sh("umount /srv/read-only-homes");
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

    suite.shared("a_wrong_type_does_not_prevent_the_account", |m| {
        let config = format!(
            "users:\n- {{name: typeless1, passwd: [a], ssh_authorized_keys: ['{0}']}}\n- {{name: typeless2, system: maybe}}\n\
             - {{name: typeless3, shell: {{a: b}}}}\n- {{name: typeless4, primary_group: [a]}}\n\
             - {{name: typeless5, gecos: [a]}}\n",
            key("typeless")
        );
        m.apply(&config).fails().says(&["wrong-type"]);
        for user in ["typeless1", "typeless2", "typeless3", "typeless4", "typeless5"] {
            assert!(m.passwd(user).is_some(), "{user}");
        }
        assert_eq!(m.shadow("typeless1").as_deref(), Some("*"));
        assert!(m.text("/home/typeless1/.ssh/authorized_keys").contains(&key("typeless")));
    });

    suite.shared("a_shell_that_does_not_exist_is_reported", |m| {
        m.apply("users: [{name: shellmissing, shell: /bin/nosuchshell}]").says(&["/bin/nosuchshell"]);
        assert!(m.passwd("shellmissing").is_some());
    });

    suite.fresh("a_common_shell_that_does_not_exist_is_replaced", |m| {
        let key = key("shelly");
        let config = format!("users: [{{name: shelly, shell: /bin/nosuchdir/zsh, ssh_authorized_keys: ['{key}']}}]");
        m.apply_with(&config, &["--dry-run"], &[]).fails().says(&["! ensure user shelly"]);
        m.apply(&config).fails().says(&["shell /bin/nosuchdir/zsh does not exist (default shell used)"]);
        assert!(m.passwd("shelly").is_some_and(|fields| !fields[6].ends_with("zsh")));
        assert!(m.text("/home/shelly/.ssh/authorized_keys").contains(&key));
        m.apply(&config).ok().says(&["not changed: shell"]);
    });

    suite.shared("a_group_of_the_users_own_name_is_created_with_it", |m| {
        m.apply("users: [{name: owngroup, primary_group: owngroup}, {name: ownname, groups: [ownname, docker]}]").ok();
        assert_eq!(m.sh("id -gn owngroup; id -Gn ownname"), "owngroup\nownname docker");
    });

    suite.shared("keys_in_an_item_of_their_own_are_those_of_the_user_above", |m| {
        let (one, two) = (key("detached"), key("joined"));
        let config = format!(
            "users:\n- name: detached\n- ssh_authorized_keys: ['{one}']\n- name: undashed\n  groups: [docker]\n  \
             ssh_authorized_keys: ['{one}']\n  name: joined\n  ssh_authorized_keys: ['{two}']\n"
        );
        m.apply(&config).fails().says(&["detached-key", "missing-dash"]);
        assert!(m.text("/home/detached/.ssh/authorized_keys").contains(&one));
        assert!(m.text("/home/joined/.ssh/authorized_keys").contains(&two));
        assert!(!m.sh("id -nG joined").contains("docker"));
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

    more(suite);
}

/// The less common cases.
fn more(suite: &mut Suite) {
    suite.shared("every_key_is_applied_in_the_other_spelling", |m| {
        let config = format!(
            r"
            users:
              - name: hyphened
                gecos: D
                homedir: /srv/hyphened
                no-create-home: yes
                primary-group: '232'
                no-user-group: on
                no-log-init: true
                system: yes
                shell: /bin/sh
                passwd: {OTHER_HASH}
            "
        );
        m.apply(&config).ok().hides(&["warning"]);
        assert_eq!(entry(m, "hyphened"), ["D", "/srv/hyphened", "/bin/sh"]);
        assert_eq!(m.passwd("hyphened").unwrap()[3], "232");
        assert_eq!(m.shadow("hyphened").as_deref(), Some(OTHER_HASH));
        assert_eq!(m.members("hyphened"), None);
        m.absent("/srv/hyphened");
    });

    suite.shared("a_password_is_set_when_it_is_another_one", |m| {
        let config = |hash: &str| format!("users: [{{name: changing, passwd: '{hash}'}}]");
        m.apply(&config(HASH)).ok();
        m.untouched(|| m.apply(&config(HASH)).ok().says(&["0 done, 1 unchanged"]));
        m.apply(&config(OTHER_HASH)).ok().says(&["done: ensure user changing"]);
        assert_eq!(m.shadow("changing").as_deref(), Some(OTHER_HASH));
        // A password that the administrator set since differs from the configuration.
        m.sh("usermod --password changed-by-hand changing");
        m.apply(&config(OTHER_HASH)).ok();
        assert_eq!(m.shadow("changing").as_deref(), Some(OTHER_HASH));
        m.untouched(|| m.apply("users: [{name: changing, passwd: ''}, {name: changing}]").ok());
    });

    suite.shared("a_locked_password_stays_locked", |m| {
        m.apply("users: [{name: lockedout, passwd: '!'}, {name: emptypass, passwd: ''}]").ok();
        assert_eq!(m.shadow("lockedout").as_deref(), Some("!"));
        // An empty password must not grant access.
        assert_eq!(m.shadow("emptypass").as_deref(), Some("*"));
    });

    suite.shared("files_of_a_user_that_was_refused_are_left_out", |m| {
        let long = "a-name-of-more-than-32-bytes-is-refused";
        m.apply(&format!("users: [{{name: {long}}}]")).fails().says(&["bad-user", "longer than 32 bytes"]);
        let config = "users: [{name: ../refusee}]\nwrite_files: [{path: /srv/refusee, owner: refusee}]";
        m.apply(config).fails().says(&["bad-user", "user refusee does not exist"]);
        assert_eq!(m.passwd("refusee"), None);
        m.absent("/srv/refusee");
    });

    suite.shared("keys_need_a_home", |m| {
        let config = format!(
            "users:\n- {{name: homeless, no_create_home: true, ssh_authorized_keys: ['{0}']}}\n\
             - {{name: homed, ssh_authorized_keys: ['{0}']}}\n",
            key("home")
        );
        m.apply(&config).fails().says(&["/home/homeless does not exist"]);
        assert!(m.passwd("homeless").is_some());
        m.absent("/home/homeless");
        assert!(m.exists("/home/homed/.ssh/authorized_keys"));
    });

    suite.shared("a_home_is_an_absolute_path", |m| {
        m.apply("users: [{name: wanderer, homedir: home/wanderer}, {name: settler, homedir: ''}]")
            .fails()
            .says(&["wanderer"]);
        assert_eq!(entry(m, "wanderer")[1], "/home/wanderer");
        assert_eq!(entry(m, "settler")[1], "/home/settler");
    });

    suite.shared("a_group_of_the_users_name_is_not_joined_unasked", |m| {
        m.sh("groupadd namesake && groupadd askedfor");
        let config = format!(
            "users: [{{name: namesake, ssh_authorized_keys: ['{}']}}, {{name: askedfor, groups: [askedfor]}}]",
            key("namesake")
        );
        m.apply(&config).fails().says(&["group namesake already exists", "primary_group: namesake"]);
        assert!(m.passwd("namesake").is_some());
        assert!(!m.sh("id -nG namesake").contains("namesake"));
        assert!(m.text("/home/namesake/.ssh/authorized_keys").contains(&key("namesake")));
        assert_eq!(m.sh("id -gn askedfor"), "askedfor");
        m.apply("users: [{name: namesake}, {name: askedfor}]").ok();
        m.sh("groupadd joiner");
        m.apply("users: [{name: joiner, primary_group: joiner}]").ok();
        assert_eq!(m.sh("id -gn joiner"), "joiner");
    });

    suite.shared("a_user_that_is_listed_twice_gets_the_keys_of_both", |m| {
        let (one, two) = (key("one"), key("two"));
        let config = format!(
            "users: [{{name: doubled, ssh_authorized_keys: '{one}'}}, {{name: doubled, ssh_authorized_keys: ['{two}']}}]"
        );
        m.apply(&config).ok().says(&["duplicate-item"]);
        assert_eq!(m.text("/home/doubled/.ssh/authorized_keys.d/coreos-cloudinit"), format!("{one}\n{two}\n"));
        m.untouched(|| m.apply(&config).ok());
    });

    suite.shared("other_things_than_users_are_refused", |m| {
        let config = "users:\n- just-a-name\n- [a]\n-\n- {name: [a]}\n- {name: afterwards}\n";
        m.apply(config).fails().says(&[
            "not applied: user users[0]",
            "not applied: user users[1]",
            "not applied: user users[3]",
        ]);
        assert!(m.passwd("afterwards").is_some());
        assert_eq!(m.passwd("just-a-name"), None);
        m.apply("users: {name: afterwards2}").fails().says(&["wrong-type"]);
        m.apply("users:").ok();
    });

    suite.fresh("locks_that_a_power_cut_left_block_no_account", |m| {
        for file in ["passwd", "shadow", "group", "gshadow"] {
            m.sh(&format!("echo 1 > /etc/{file}.lock; touch -d 2001-01-01 /etc/{file}.lock"));
        }
        m.apply(&format!("users: [{{name: unlocked, passwd: '{HASH}'}}]")).ok().says(&["/etc/passwd.lock"]);
        assert_eq!(m.shadow("unlocked").as_deref(), Some(HASH));
    });

    suite.boot("a_tool_that_fails_costs_that_user_alone", spied(), |m| {
        m.sh("printf '#!/bin/sh\\necho no chance >&2\\nexit 3\\n' > /usr/sbin/chpasswd");
        let config = format!(
            "write_files: [{{path: /srv/halfway, owner: halfway}}]\n\
             users: [{{name: halfway, passwd: '{HASH}', ssh_authorized_keys: ['{}']}}, {{name: whole}}]",
            key("halfway")
        );
        m.apply(&config).fails().says(&["created user halfway, but", "no chance"]).hides(&[HASH]);
        assert!(m.passwd("whole").is_some());
        // A user without a password still gets access with a key.
        assert!(m.text("/home/halfway/.ssh/authorized_keys").contains(&key("halfway")));
        assert_eq!(m.sh("stat -c %U /srv/halfway"), "halfway");
        m.sh("cp /usr/lib/spied/chpasswd /usr/sbin/chpasswd");
        m.apply(&config).ok();
        assert_eq!(m.shadow("halfway").as_deref(), Some(HASH));
    });
}
