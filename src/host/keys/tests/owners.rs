//! Directories and files in a home that root owns, and objects in the place of `authorized_keys`.

use super::*;

/// Sets the mode of an object in the home that root owns.
fn mode(machine: &Machine, path: &str, mode: u32) {
    fs::set_permissions(machine.home(path), fs::Permissions::from_mode(mode)).unwrap();
}

fn status(machine: &Machine, path: &str) -> (u32, u32, u32) {
    let status = fs::symlink_metadata(machine.home(path)).unwrap();
    (status.uid(), status.gid(), status.mode() & 0o7777)
}

#[test]
fn a_directory_of_root_stays_roots_and_the_user_can_read_the_keys() {
    if !root_only() {
        return;
    }
    for with_sets in [false, true] {
        let machine = Machine::new();
        fs::create_dir(machine.home(".ssh")).unwrap();
        mode(&machine, ".ssh", 0o755);
        fs::write(machine.home(".ssh/authorized_keys"), "ssh-rsa ROOT\n").unwrap();
        mode(&machine, ".ssh/authorized_keys", 0o644);
        if with_sets {
            fs::create_dir(machine.home(".ssh/authorized_keys.d")).unwrap();
            mode(&machine, ".ssh/authorized_keys.d", 0o755);
        }
        assert_eq!(machine.authorize("set", &["ssh-rsa A"]).unwrap(), Done);
        assert_eq!(machine.read(".ssh/authorized_keys"), format!("{HEADER}ssh-rsa ROOT\nssh-rsa A\n"));
        assert_eq!(status(&machine, ".ssh"), (0, 0, 0o755));
        assert_eq!(status(&machine, ".ssh/authorized_keys.d"), (0, 0, 0o755));
        for file in ["authorized_keys", "authorized_keys.d/set", "authorized_keys.d/old_authorized_keys"] {
            assert_eq!(status(&machine, &format!(".ssh/{file}")), (0, 4242, 0o640), "{file}");
        }
        assert_eq!(machine.authorize("set", &["ssh-rsa A"]).unwrap(), Unchanged);
        assert_eq!(machine.authorize("set", &["ssh-rsa B"]).unwrap(), Done);
        assert_eq!(machine.read(".ssh/authorized_keys"), format!("{HEADER}ssh-rsa ROOT\nssh-rsa B\n"));
        assert_eq!(machine.names(".ssh"), ["authorized_keys", "authorized_keys.d"]);
    }
}

#[test]
fn a_directory_that_is_closed_to_the_user_or_open_to_other_users_is_refused() {
    if !root_only() {
        return;
    }
    for (path, mode_there, problem) in [
        (".ssh", 0o700, "user core cannot enter it"),
        (".ssh", 0o750, "user core cannot enter it"),
        (".ssh", 0o775, "other users can write to it"),
        (".ssh", 0o1777, "other users can write to it"),
        (".ssh/authorized_keys.d", 0o700, "user core cannot enter it"),
    ] {
        for inside in ["", "authorized_keys", "secret"] {
            let machine = Machine::new();
            if path != ".ssh" {
                machine.directory(".ssh", 0o700);
            }
            fs::create_dir(machine.home(path)).unwrap();
            if !inside.is_empty() {
                fs::write(machine.home(path).join(inside), "secret").unwrap();
            }
            mode(&machine, path, mode_there);
            let error = machine.error("set", &["ssh-rsa A"]);
            assert!(error.contains(problem) && error.contains("chown -R core: ~core/.ssh"), "{error}");
            assert_eq!(status(&machine, path), (0, 0, mode_there));
            assert!(machine.names(path).iter().all(|name| name == inside), "{:?}", machine.names(path));
        }
    }
}

#[test]
fn a_directory_of_a_third_user_is_refused() {
    if !root_only() {
        return;
    }
    let machine = Machine::new();
    machine.directory(".ssh", 0o755);
    chown(machine.home(".ssh"), Some(4343), None).unwrap();
    assert!(machine.error("set", &["ssh-rsa A"]).contains("~/.ssh belongs to another user (uid 4343)"));
}

#[test]
fn a_lock_of_root_is_taken_and_stays_roots() {
    if !root_only() {
        return;
    }
    let machine = Machine::new();
    fs::write(machine.home(".authorized_keys.d.lock"), "a secret").unwrap();
    mode(&machine, ".authorized_keys.d.lock", 0o600);
    assert_eq!(machine.authorize("set", &["ssh-rsa A"]).unwrap(), Done);
    assert_eq!(status(&machine, ".authorized_keys.d.lock"), (0, 0, 0o600));
    assert_eq!(machine.read(".authorized_keys.d.lock"), "a secret");
    let other = fs::File::open(machine.home(".authorized_keys.d.lock")).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    let set = set_of("core", "set", &["ssh-rsa B"]);
    let error = authorize(&machine.root, Accounts::new(&machine.root), &set, Deadline::after(Duration::ZERO));
    assert!(format!("{:#}", error.unwrap_err()).contains("has held the lock"));
}

#[test]
fn a_closed_home_gets_a_directory_of_the_user() {
    if !root_only() {
        return;
    }
    // Nothing there; an empty directory of an interrupted run; a directory with a file in it.
    for (there, inside, refused) in [(false, "", false), (true, "", false), (true, "id_rsa", true)] {
        let machine = Machine::new();
        if there {
            fs::create_dir(machine.home(".ssh")).unwrap();
            mode(&machine, ".ssh", 0o700);
        }
        if !inside.is_empty() {
            fs::write(machine.home(".ssh").join(inside), "secret").unwrap();
        }
        chown(machine.home(""), Some(0), Some(0)).unwrap();
        let result = machine.authorize("set", &["ssh-rsa A"]);
        assert_eq!(result.is_err(), refused, "{result:?}");
        assert_eq!(status(&machine, ".ssh").0, if refused { 0 } else { machine.uid });
        if !refused {
            assert_eq!(status(&machine, ".ssh/authorized_keys").0, machine.uid);
            assert_eq!(status(&machine, ".authorized_keys.d.lock").0, machine.uid);
            assert_eq!(machine.authorize("set", &["ssh-rsa A"]).unwrap(), Unchanged);
        }
    }
}

#[test]
fn a_file_of_root_that_the_user_cannot_read_is_kept() {
    if !root_only() {
        return;
    }
    let machine = Machine::new();
    machine.sets();
    fs::write(machine.home(".ssh/authorized_keys"), "ssh-rsa SECRET\n").unwrap();
    mode(&machine, ".ssh/authorized_keys", 0o600);
    assert_eq!(machine.authorize("set", &["ssh-rsa A"]).unwrap(), Done);
    assert_eq!(machine.read(".ssh/authorized_keys"), format!("{HEADER}ssh-rsa A\n"));
    assert_eq!(status(&machine, ".ssh/authorized_keys.old"), (0, 0, 0o600));
    assert_eq!(machine.read(".ssh/authorized_keys.old"), "ssh-rsa SECRET\n");
}

#[test]
fn a_kept_file_gets_a_free_name() {
    let machine = Machine::new();
    machine.sets();
    machine.file(".ssh/authorized_keys.old", "kept by the user");
    for number in 1..3 {
        let _ = fs::remove_file(machine.home(".ssh/authorized_keys"));
        symlink(format!("elsewhere{number}"), machine.home(".ssh/authorized_keys")).unwrap();
        if machine.uid == 4242 {
            std::os::unix::fs::lchown(machine.home(".ssh/authorized_keys"), Some(4242), None).unwrap();
        }
        assert_eq!(machine.authorize("set", &["ssh-rsa A"]).unwrap(), Done);
        let kept = fs::read_link(machine.home(&format!(".ssh/authorized_keys.old.{number}"))).unwrap();
        assert_eq!(kept, PathBuf::from(format!("elsewhere{number}")));
    }
    assert_eq!(machine.read(".ssh/authorized_keys.old"), "kept by the user");
    // An interrupted run gave it the second name, and no more.
    fs::remove_file(machine.home(".ssh/authorized_keys")).unwrap();
    fs::hard_link(machine.home(".ssh/authorized_keys.old.1"), machine.home(".ssh/authorized_keys")).unwrap();
    assert_eq!(machine.authorize("set", &["ssh-rsa A"]).unwrap(), Done);
    assert!(!machine.home(".ssh/authorized_keys.old.3").exists());
    assert_eq!(machine.read(".ssh/authorized_keys"), format!("{HEADER}ssh-rsa A\n"));
}

#[test]
fn fifos_and_directories_are_kept_too() {
    for is_fifo in [true, false] {
        let machine = Machine::new();
        machine.sets();
        if is_fifo {
            mkfifoat(CWD, machine.home(".ssh/authorized_keys"), Mode::RWXU).unwrap();
            machine.own(".ssh/authorized_keys");
        } else {
            machine.directory(".ssh/authorized_keys", 0o700);
            machine.file(".ssh/authorized_keys/inside", "kept");
        }
        assert_eq!(machine.authorize("set", &["ssh-rsa A"]).unwrap(), Done);
        assert_eq!(machine.read(".ssh/authorized_keys"), format!("{HEADER}ssh-rsa A\n"));
        assert_eq!(fs::symlink_metadata(machine.home(".ssh/authorized_keys.old")).unwrap().is_dir(), !is_fifo);
    }
}

#[test]
fn where_all_names_are_taken_nothing_is_replaced() {
    let machine = Machine::new();
    machine.sets();
    machine.file(".ssh/authorized_keys.old", "");
    for number in 1..100 {
        machine.file(&format!(".ssh/authorized_keys.old.{number}"), "");
    }
    symlink("elsewhere", machine.home(".ssh/authorized_keys")).unwrap();
    assert!(machine.error("set", &["ssh-rsa A"]).contains("are taken"));
    assert!(fs::read_link(machine.home(".ssh/authorized_keys")).is_ok());
    assert!(machine.names(".ssh").iter().all(|name| !name.contains("cci")));
}

#[test]
fn a_directory_of_sets_that_its_user_fills_takes_bounded_time() {
    let machine = Machine::new();
    machine.sets();
    for number in 0..10_001 {
        fs::write(machine.home(&format!(".ssh/authorized_keys.d/.{number}")), "").unwrap();
    }
    assert!(machine.error("set", &["ssh-rsa A"]).contains("too many files"));
}
