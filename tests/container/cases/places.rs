//! `write_files`: the places of files, and obstacles in their way.

use std::fmt::Write as _;

use super::common::{base64, gzip};
use crate::testbed::trace::Act;
use crate::testbed::{Machine, Suite};

const ROOT: (u32, u32) = (0, 0);

/// Returns the names in `directory` that a run should not leave there.
fn left_behind(m: &Machine, directory: &str) -> String {
    m.sh(&format!("find {directory} -name '.*' -o -name '*.tmp*' -o -name '*cloudinit*'"))
}

pub fn cases(suite: &mut Suite) {
    suite.shared("a_bomb_is_refused", |m| {
        let bomb = base64(&gzip(&vec![0; 20 << 20]));
        m.apply(&format!("write_files: [{{path: /srv/bomb, encoding: gz+b64, content: {bomb}}}]"))
            .fails()
            .says(&["/srv/bomb"]);
        m.absent("/srv/bomb");
    });

    suite.shared("users_of_the_same_config_own_files", |m| {
        let config = "users: [{name: filemaker}]\n\
                      write_files:\n\
                      - {path: /srv/made/1, owner: 'filemaker:filemaker', permissions: '0600', content: mine}\n\
                      - {path: /home/filemaker/deep/2, owner: 'filemaker:'}\n";
        m.apply(config).ok();
        let entry = m.passwd("filemaker").unwrap();
        let owner = (entry[2].parse().unwrap(), entry[3].parse().unwrap());
        m.is_file("/srv/made/1", "mine", 0o600, owner);
        assert_eq!(m.owner("/home/filemaker/deep/2"), owner);
        assert_eq!((m.owner("/home/filemaker/deep"), m.mode("/home/filemaker/deep")), (ROOT, 0o755));
    });

    suite.shared("unknown_owners_fail_that_file", |m| {
        let config = "write_files:\n\
                      - {path: /srv/unknown/1, owner: nobody-such}\n\
                      - {path: /srv/unknown/2, owner: 'core:nogroup-such'}\n\
                      - {path: /srv/unknown/3, owner: '65000:'}\n\
                      - {path: /srv/unknown/4, owner: ':'}\n\
                      - {path: /srv/unknown/5, owner: 'a b'}\n\
                      - {path: /srv/unknown/6, owner: [core]}\n\
                      - {path: /srv/unknown/7, owner: '4294967295'}\n\
                      - {path: /srv/unknown/good}\n";
        m.apply(config).fails().says(&["nobody-such does not exist", "nogroup-such does not exist"]);
        assert_eq!(m.names("/srv/unknown"), ["good"]);
    });

    suite.shared("dots_are_resolved_lexically", |m| {
        m.sh("mkdir -p /srv/lexical/far/away; ln -s far/away /srv/lexical/link");
        m.apply("write_files: [{path: /srv/lexical/link/../here, content: x}]").ok();
        assert_eq!(m.text("/srv/lexical/here"), "x");
        m.absent("/srv/lexical/far/here");
    });

    suite.shared("no_path_at_all_is_refused", |m| {
        let config = "write_files:\n- {content: x}\n- {path: /, content: x}\n- {path: '', content: x}\n\
                      - {path: [a], content: x}\n-\n- {path: /srv/pathless, content: good}\n";
        m.apply(config).fails().says(&["not applied: file write_files[0]", "not applied: file write_files[3]"]);
        assert_eq!(m.text("/srv/pathless"), "good");
    });

    suite.fresh("a_file_below_a_read_only_usr_is_refused", |m| {
        m.sh("mount --rbind /usr /usr && mount -o remount,bind,ro /usr");
        let config = "write_files:\n\
                      - {path: /usr/share/new/folder/x, content: x}\n\
                      - {path: /bin/new, content: x}\n\
                      - {path: /srv/writable, content: x}\n";
        m.apply(config).fails().says(&["read-only-usr", "not applied: file /usr/share/new/folder/x", "file /bin/new"]);
        assert_eq!(m.text("/srv/writable"), "x");
        m.apply_with(config, &["--validate"], &[]).fails().says(&["read-only-usr"]).hides(&["usr-path"]);
        // A tree in a directory is examined itself.
        m.sh("mkdir -p /srv/tree/usr/share /srv/tree/bin");
        m.apply_with(config, &["--root=/srv/tree"], &[]).ok().says(&["usr-path"]).hides(&["read-only-usr"]);
        assert_eq!(m.text("/srv/tree/usr/share/new/folder/x"), "x");
    });

    suite.shared("parents_are_0755_whatever_the_umask", |m| {
        m.put("/root/umask", "#cloud-config\nwrite_files: [{path: /srv/umask/a/b/c, permissions: '0666'}]\n");
        m.sh("umask 0077; coreos-cloudinit --from-file=/root/umask");
        for directory in ["/srv/umask", "/srv/umask/a", "/srv/umask/a/b"] {
            assert_eq!((m.mode(directory), m.owner(directory)), (0o755, ROOT), "{directory}");
        }
        assert_eq!(m.mode("/srv/umask/a/b/c"), 0o666);
    });

    suite.shared("an_existing_directory_keeps_its_mode", |m| {
        m.sh("install -d -m 0710 -o 500 -g 232 /srv/kept");
        m.apply("write_files: [{path: /srv/kept/a}]").ok();
        assert_eq!((m.mode("/srv/kept"), m.owner("/srv/kept")), (0o710, (500, 232)));
    });

    suite.shared("links_of_root_on_the_way_are_followed", |m| {
        m.sh("mkdir -p /srv/trusted/real; ln -s real /srv/trusted/rel; ln -s /srv/trusted/real /srv/trusted/abs");
        let config = "write_files: [{path: /srv/trusted/rel/a, content: a}, {path: /srv/trusted/abs/deep/b, content: b},\n\
                      {path: /var/run/trusted-link, content: c}]";
        m.apply(config).ok();
        assert_eq!(m.text("/srv/trusted/real/a"), "a");
        assert_eq!(m.text("/srv/trusted/real/deep/b"), "b");
        assert_eq!(m.text("/run/trusted-link"), "c");
        assert!(m.link("/srv/trusted/rel").is_some());
    });

    suite.shared("links_of_other_users_on_the_way_are_not_followed", |m| {
        m.sh("install -d -o 500 -g 500 /srv/hostile; install -d -m 1777 /srv/hostile-tmp; mkdir /srv/victim");
        m.sh("ln -s /srv/victim /srv/hostile/l; ln -s /srv/victim /srv/hostile-tmp/l; chown -h 500 /srv/hostile/l");
        let config = "write_files:\n\
                      - {path: /srv/hostile/l/a, content: x}\n\
                      - {path: /srv/hostile-tmp/l/a, content: x}\n\
                      - {path: /srv/hostile/good, content: good}\n";
        m.apply(config).fails().says(&["/srv/hostile/l", "/srv/hostile-tmp/l"]);
        assert!(m.names("/srv/victim").is_empty());
        m.is_file("/srv/hostile/good", "good", 0o644, ROOT);
    });

    suite.shared("a_directory_in_the_way_fails_that_file", |m| {
        m.sh("mkdir -p /srv/folder/a/full /srv/folder/b");
        let config = "write_files: [{path: /srv/folder/a}, {path: /srv/folder/b}, {path: /srv/folder/c}]";
        m.apply(config).fails().says(&["failed to write /srv/folder/a", "failed to write /srv/folder/b"]);
        assert_eq!(m.names("/srv/folder"), ["a", "b", "c"]);
        assert_eq!(m.names("/srv/folder/a"), ["full"]);
    });

    suite.fresh("a_file_that_is_added_to_stays_as_secret_as_it_was", |m| {
        let config = "manage_etc_hosts: localhost\ncoreos: {update: {group: beta}}";
        let places = ["/etc/environment", "/etc/hosts", "/etc/coreos/update.conf"];
        m.sh("mkdir -p /etc/coreos");
        for place in places {
            m.sh(&format!("umount {place} 2>/dev/null || true; echo API_KEY=x >{place}; chmod 600 {place}"));
        }
        let apply = || m.apply_with(config, &[], &[("COREOS_PUBLIC_IPV4", "192.0.2.1")]);
        apply();
        for place in places {
            assert_eq!((m.mode(place), m.text(place).contains("API_KEY")), (0o600, true), "{place}");
            // A link of root to a secret.
            m.sh(&format!("mv {place} /root/secret; ln -s /root/secret {place}"));
            apply();
            assert_eq!(m.mode(place) & 0o077, 0, "{place}");
        }
    });

    suite.shared("a_fifo_or_a_device_in_the_way_is_replaced", |m| {
        m.sh("mkdir /srv/odd; mkfifo /srv/odd/fifo; mknod /srv/odd/null c 1 3");
        m.apply("write_files: [{path: /srv/odd/fifo, content: a}, {path: /srv/odd/null, content: b}]").ok();
        m.is_file("/srv/odd/fifo", "a", 0o644, ROOT);
        m.is_file("/srv/odd/null", "b", 0o644, ROOT);
    });

    suite.shared("other_names_of_the_old_file_keep_it", |m| {
        m.sh("mkdir /srv/names; echo old > /srv/names/a; ln /srv/names/a /srv/names/b");
        m.apply("write_files: [{path: /srv/names/a, content: new}]").ok();
        assert_eq!((m.text("/srv/names/a"), m.text("/srv/names/b")), ("new".into(), "old\n".into()));
    });

    suite.shared("a_read_only_place_fails_that_file", |m| {
        m.sh("mkdir /srv/read-only; mount -t tmpfs -o ro tmpfs /srv/read-only");
        let config = "write_files: [{path: /srv/read-only/a, content: x}, {path: /srv/writable, content: good}]";
        m.apply(config).fails().says(&["failed to write /srv/read-only/a", "read-only file system"]);
        m.sh("umount /srv/read-only");
        assert_eq!(m.text("/srv/writable"), "good");
    });

    suite.shared("no_temporary_file_is_left", |m| {
        let config = "write_files: [{path: /srv/clean/a, content: a}, {path: /srv/clean/folder/x, content: b},\n\
                      {path: /srv/clean/folder}, {path: /srv/clean/b, owner: nobody-such}]";
        m.apply(config).fails();
        assert_eq!(left_behind(m, "/srv/clean"), "");
        assert_eq!(m.names("/srv/clean"), ["a", "folder"]);
    });

    suite.fresh("leftovers_of_a_killed_run_are_removed_by_the_next", |m| {
        let mut config = "write_files:\n".to_owned();
        for number in 0..400 {
            let _ = writeln!(config, "- {{path: /srv/killed/{number}, content: {}}}", "x".repeat(4000));
        }
        m.put("/root/killed", format!("#cloud-config\n{config}"));
        m.sh("mkdir /srv/killed; for i in $(seq 0 399); do echo old > /srv/killed/$i; done");
        let mut renames = 0;
        let end = m.watch(&["coreos-cloudinit", "--from-file=/root/killed"], |moment| {
            renames += u32::from(moment.call.starts_with("rename"));
            if renames == 100 { Act::KillAll } else { Act::Go }
        });
        assert_ne!(end.code, 0, "{}", end.said);
        assert_ne!(left_behind(m, "/srv/killed"), "", "it was killed between a temporary name and the rename");
        // Whatever has a file's own name is whole.
        assert_eq!(m.sh("find /srv/killed -name '[0-9]*' ! -size 4000c ! -size 4c"), "");
        // A run that knows nothing of these files.
        m.sh("cp -a /srv/killed /srv/unnoted");
        m.apply("write_files: [{path: /srv/killed-other, content: x}]").ok();
        assert_eq!(left_behind(m, "/srv/killed"), "");
        // As after a power cut: no note knows of these.
        m.apply("write_files: [{path: /srv/unnoted/a-new-one, content: x}]").ok();
        assert_eq!(left_behind(m, "/srv/unnoted"), "");
        assert_eq!(m.sh("ls -A /run/coreos-cloudinit | grep -v json"), "lock");
        m.apply(&config).ok();
        assert_eq!(left_behind(m, "/srv/killed"), "");
        assert_eq!(m.sh("find /srv/killed -size 4000c | wc -l"), "400");
    });

    suite.shared("a_reader_sees_the_old_file_or_the_new_one", |m| {
        m.apply("write_files: [{path: /srv/swap, content: old}]").ok();
        let before = m.stat("/srv/swap").unwrap().st_ino;
        m.apply("write_files: [{path: /srv/swap, content: new}]").ok();
        assert_ne!(m.stat("/srv/swap").unwrap().st_ino, before, "it was not replaced by rename");
    });

    suite.shared("other_modes_refuse_the_file", |m| {
        let config = "write_files:\n\
                      - {path: /srv/no-mode/1, permissions: rw-r--r--}\n\
                      - {path: /srv/no-mode/2, permissions: '0888'}\n\
                      - {path: /srv/no-mode/3, permissions: 999}\n\
                      - {path: /srv/no-mode/4, permissions: '0x1a4'}\n\
                      - {path: /srv/no-mode/5, permissions: '10000'}\n\
                      - {path: /srv/no-mode/6, permissions: [0644]}\n\
                      - {path: /srv/no-mode/7, permissions: -644}\n\
                      - {path: /srv/no-mode/8, permissions: }\n\
                      - {path: /srv/no-mode/fine, permissions: ''}\n";
        m.apply(config).fails().says(&["/srv/no-mode/1", "/srv/no-mode/7"]);
        assert_eq!(m.names("/srv/no-mode"), ["fine"]);
        assert_eq!(m.mode("/srv/no-mode/fine"), 0o644);
    });
}
