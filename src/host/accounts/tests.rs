use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::deadline::Deadline;
use crate::host::crash_markers;
use cloud_config::plan::Account;
use cloud_config::text::secret::Secret;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
# comment:x:1:1::/:/bin/sh
broken line
+nis::::::
core:x:500:501:CoreOS Admin:/home/core:/bin/bash
1000:x:4000:4001::/home/digits:/bin/sh
";

const GROUP: &str = "root:x:0:
core:x:501:
docker:x:233:core
2000:x:5000:
broken
";

const SHADOW: &str = "root:*:1:0:99999:7:::\ncore:$6$salt$hash:1:0:99999:7:::\n";

/// A root whose `/etc` has these files.
pub(super) fn tree_with(files: &[(&str, &str)]) -> (TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    for (name, text) in files {
        fs::write(dir.path().join("etc").join(name), text).unwrap();
    }
    let root = Root::open(dir.path()).unwrap();
    (dir, root)
}

fn tree() -> (TempDir, Root) {
    tree_with(&[("passwd", PASSWD), ("group", GROUP), ("shadow", SHADOW)])
}

fn name(text: &str) -> Option<Principal> {
    Some(text).map(|text| Principal::Name(text.into()))
}

fn account(name: &str) -> Account {
    Account { name: name.into(), create_home: true, ..Account::default() }
}

#[test]
fn users_and_groups_of_a_tree_are_its_own() {
    let (_dir, root) = tree();
    let accounts = Accounts::new(&root);
    let core = accounts.user("core").unwrap().unwrap();
    assert_eq!((core.uid, core.gid, core.home.as_path()), (500, 501, Path::new("/home/core")));
    assert_eq!(accounts.user_by_id(500).unwrap().unwrap().name, "core");
    assert_eq!(accounts.user("daemon").unwrap(), None);
    assert_eq!(accounts.user("# comment").unwrap(), None);
    assert_eq!(accounts.group("docker").unwrap(), Some(233));
    assert_eq!(accounts.group("broken").unwrap(), None);
    assert!(accounts.has_group("233").unwrap() && accounts.has_group("2000").unwrap());
    assert!(!accounts.has_group("234").unwrap() && !accounts.has_group("").unwrap());
}

#[test]
fn a_tree_without_databases_has_no_users() {
    let (dir, root) = tree();
    fs::remove_dir_all(dir.path().join("etc")).unwrap();
    assert_eq!(Accounts::new(&root).user("root").unwrap(), None);
    assert_eq!(Accounts::new(&root).group("root").unwrap(), None);
}

#[test]
fn the_system_is_asked_about_itself() {
    let root = Root::open(Path::new("/")).unwrap();
    let accounts = Accounts::new(&root);
    assert_eq!(accounts.user("root").unwrap().unwrap().uid, 0);
    assert_eq!(accounts.user_by_id(0).unwrap().unwrap().name, "root");
    assert_eq!(accounts.group("root").unwrap(), Some(0));
    assert_eq!(accounts.user("no such user").unwrap(), None);
    assert_eq!(accounts.user("zero\0byte").unwrap(), None);
    assert!(accounts.has_group("0").unwrap());
}

#[test]
fn owners_are_found_as_chown_does() {
    let (_dir, root) = tree();
    let accounts = Accounts::new(&root);
    let owner = |user, group, login_group| Owner { user, group, login_group };
    let table = [
        (Owner::ROOT, (0, 0)),
        (owner(name("core"), None, false), (500, 0)),
        (owner(name("core"), None, true), (500, 501)),
        (owner(name("core"), name("docker"), false), (500, 233)),
        (owner(None, name("docker"), false), (0, 233)),
        (owner(None, None, true), (0, 0)),
        // Digits are a name if a user or group has that name, or else an ID.
        (owner(name("1000"), name("2000"), false), (4000, 5000)),
        (owner(name("1001"), name("2001"), false), (1001, 2001)),
        (owner(name("+1000"), name("+2000"), false), (1000, 2000)),
        (owner(Some(Principal::Id(1000)), Some(Principal::Id(2000)), false), (1000, 2000)),
        (owner(Some(Principal::Id(500)), None, true), (500, 501)),
    ];
    for (owner, numbers) in table {
        assert_eq!(accounts.resolve(&owner).unwrap(), numbers, "{owner}");
    }
}

#[test]
fn unknown_owners_are_distinct_from_other_errors() {
    let (_dir, root) = tree();
    let accounts = Accounts::new(&root);
    let unknown = |user, group, login_group| {
        let error = accounts.resolve(&Owner { user, group, login_group }).unwrap_err();
        error.downcast_ref::<UnknownPrincipal>().unwrap().clone()
    };
    assert_eq!(unknown(name("nobody"), None, false), UnknownPrincipal::User("nobody".into()));
    assert_eq!(unknown(None, name("wheel"), false), UnknownPrincipal::Group("wheel".into()));
    assert_eq!(unknown(name("77"), None, true), UnknownPrincipal::User("77".into()));
    // For the system, this ID means "do not change".
    assert_eq!(unknown(name("4294967295"), None, false).to_string(), "user 4294967295 does not exist");
    assert_eq!(unknown(name(""), None, false), UnknownPrincipal::User(String::new()));
}

#[test]
fn a_dry_run_compares_passwords_and_checks_groups() {
    let (_dir, root) = tree();
    let accounts = Accounts::new(&root);
    let hash = |text: &str| Some(Secret::new(text.to_owned()));
    assert!(accounts.would_ensure(&account("new")).unwrap());
    assert!(!accounts.would_ensure(&account("core")).unwrap());
    assert!(!accounts.would_ensure(&Account { passwd: hash("$6$salt$hash"), ..account("core") }).unwrap());
    assert!(!accounts.would_ensure(&Account { passwd: hash(""), ..account("core") }).unwrap());
    assert!(accounts.would_ensure(&Account { passwd: hash("$6$salt$other"), ..account("core") }).unwrap());
    let lacks = |account: &Account| {
        let error = accounts.would_ensure(account).unwrap_err();
        error.downcast_ref::<PartialAccount>().unwrap().to_string()
    };
    let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        lacks(&Account { groups: groups(&["wheel", "docker"]), ..account("new") }),
        "account created without group wheel: it does not exist"
    );
    assert_eq!(
        lacks(&Account { groups: groups(&["wheel", "kvm"]), primary_group: Some("x".into()), ..account("new") }),
        "account created without primary group x: it does not exist; groups wheel, kvm: they do not exist"
    );
}

#[test]
fn the_group_of_a_new_users_own_name_is_created_with_it() {
    let (dir, root) = tree();
    fs::write(dir.path().join("etc/login.defs"), "USERGROUPS_ENAB yes\n").unwrap();
    let accounts = Accounts::new(&root);
    for (primary, groups) in [(Some("new"), vec![]), (None, vec!["new".to_owned()])] {
        let account = Account { primary_group: primary.map(str::to_owned), groups, ..account("new") };
        assert!(accounts.would_ensure(&account).unwrap(), "{account:?}");
    }
    let none = Account { primary_group: Some("new".into()), no_user_group: true, ..account("new") };
    assert!(accounts.would_ensure(&none).is_err());
}

#[test]
fn a_shell_that_is_no_program_is_known_beforehand() {
    let (dir, root) = tree();
    let accounts = Accounts::new(&root);
    let shell = |shell: &str| accounts.would_ensure(&Account { shell: Some(shell.into()), ..account("new") });
    assert!(shell("/bin/zsh").unwrap(), "nothing is known of a tree without programs");
    fs::create_dir(dir.path().join("bin")).unwrap();
    let error = shell("/bin/zsh").unwrap_err();
    assert_eq!(
        error.downcast_ref::<PartialAccount>().unwrap().to_string(),
        "account created without shell /bin/zsh: it does not exist"
    );
    assert!(shell("/usr/bin/git-shell").unwrap() && shell("/sbin/nologin").unwrap());
    fs::write(dir.path().join("bin/sh"), "").unwrap();
    for (path, fault) in [("/bin", "is a directory"), ("/bin/sh", "is not executable")] {
        let error = shell(path).unwrap_err();
        let message = format!("account created without shell {path}: it {fault}");
        assert_eq!(error.downcast_ref::<PartialAccount>().unwrap().to_string(), message);
    }
}

#[test]
fn a_home_that_cannot_be_created_is_known_beforehand() {
    let (dir, root) = tree();
    fs::create_dir_all(dir.path().join("srv/there")).unwrap();
    let accounts = Accounts::new(&root);
    let home = |home: &str| accounts.would_ensure(&Account { home: Some(home.into()), ..account("new") });
    for path in ["/etc/passwd", "/etc/passwd/new"] {
        let error = home(path).unwrap_err();
        assert_eq!(
            error.downcast_ref::<PartialAccount>().unwrap().to_string(),
            format!("account created without home directory {path}: it is not a directory, or below a file")
        );
    }
    assert!(home("/srv/there").unwrap() && home("/srv/new/ada").unwrap());
    let no_home = Account { home: Some("/etc/passwd".into()), create_home: false, ..account("new") };
    assert!(accounts.would_ensure(&no_home).unwrap());
}

#[test]
fn names_that_no_tool_takes_are_known_beforehand() {
    let (_dir, root) = tree();
    for name in ["1001", "+ada", "ada,bob", "ada lovelace", &"a".repeat(33)] {
        assert!(Accounts::new(&root).would_ensure(&account(name)).unwrap_err().is::<InvalidName>(), "{name}");
    }
}

#[test]
fn a_field_with_a_separator_is_refused() {
    let (_dir, root) = tree();
    let accounts = Accounts::new(&root);
    for hash in ["x\nroot:y", "x:y", "x\0"] {
        let account = Account { passwd: Some(Secret::new(hash.into())), ..account("core") };
        let error = accounts.ensure(&account, Deadline::after(Duration::from_secs(5))).unwrap_err();
        assert!(!format!("{error:#}").contains(hash));
    }
    assert!(accounts.would_ensure(&account("a:b")).is_err());
    assert!(accounts.would_ensure(&account("")).is_err());
}

#[test]
fn a_missing_group_does_not_prevent_the_account() {
    let (dir, root) = tree();
    let account =
        Account { primary_group: Some("wheel".into()), groups: vec!["docker".into(), "kvm".into()], ..account("new") };
    let account = Account { create_home: false, ..account };
    let error = Accounts::new(&root).ensure(&account, Deadline::after(Duration::from_secs(5))).unwrap_err();
    let wanted = "created user new, but group kvm does not exist (ignored), primary group wheel does not exist (default \
                  primary group used)";
    assert_eq!(format!("{error:#}"), wanted);
    let text = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
    assert!(text("etc/group").contains("docker:x:233:core,new\n"));
    assert!(text("etc/passwd").contains("\nnew:x:4001:"), "{}", text("etc/passwd"));
}

#[test]
fn a_missing_group_of_an_existing_account_is_an_error() {
    let (_dir, root) = tree();
    let accounts = Accounts::new(&root);
    let passwd = Some(Secret::new("$6$salt$other".to_owned()));
    let groups = vec!["kvm".into(), "docker".into()];
    let account = Account { groups, primary_group: Some("wheel".into()), passwd, ..account("core") };
    let faults = "group kvm does not exist (ignored), primary group wheel does not exist (not changed)".to_owned();
    let error = accounts.would_ensure(&account).unwrap_err();
    assert_eq!(error.downcast_ref::<PartialAccount>().unwrap().to_string(), faults);
    let error = accounts.ensure(&account, Deadline::after(Duration::from_secs(5))).unwrap_err();
    assert_eq!(format!("{error:#}"), format!("user core: {faults}"));
    let shadow = accounts.database("/etc/shadow").unwrap();
    assert!(shadow.contains("core:$6$salt$other:"), "the password is set all the same");
    let user = accounts.user("core").unwrap().unwrap();
    assert!(!accounts.differences(&account, &user).unwrap().iter().any(|field| field.contains("kvm")));
}

#[test]
fn a_group_of_the_users_name_is_not_joined_unasked() {
    let (dir, root) = tree();
    fs::write(dir.path().join("etc/login.defs"), "USERGROUPS_ENAB yes\n").unwrap();
    let accounts = Accounts::new(&root);
    let soon = || Deadline::after(Duration::from_secs(5));
    let wanted = Account { create_home: false, ..account("docker") };
    assert!(accounts.would_ensure(&wanted).unwrap_err().is::<PartialAccount>());
    let error = accounts.ensure(&wanted, soon()).unwrap_err();
    assert!(format!("{error:#}").contains("created user docker, but group docker already exists"), "{error:#}");
    assert_eq!(accounts.user("docker").unwrap().unwrap().gid, 100);
    let asked = Account { groups: vec!["1000".into()], create_home: false, ..account("1000x") };
    fs::write(dir.path().join("etc/group"), format!("{GROUP}1000x:x:7000:\n1000:x:7001:\n")).unwrap();
    assert!(accounts.would_ensure(&asked).is_err());
    let asked = Account { groups: vec!["1000x".into()], ..asked };
    assert!(accounts.would_ensure(&asked).unwrap());
    assert_eq!(accounts.ensure(&asked, soon()).unwrap(), crate::outcome::StepResult::Done);
    assert_eq!(accounts.user("1000x").unwrap().unwrap().gid, 7000);
}

#[test]
fn an_interrupted_creation_is_completed() {
    let (dir, root) = tree();
    let at = |path: &str| dir.path().join(path);
    let text = |path: &str| fs::read_to_string(at(path)).unwrap();
    let accounts = Accounts::new(&root);
    let soon = || Deadline::after(Duration::from_secs(5));
    let own = fs::metadata(dir.path()).unwrap();
    let (uid, gid) = (std::os::unix::fs::MetadataExt::uid(&own), 777);
    let wanted = Account { groups: vec!["docker".into()], create_home: false, ..account("new") };
    fs::write(at("etc/passwd"), format!("{PASSWD}new:x:{uid}:{gid}::/home/new:/bin/sh\n")).unwrap();
    // Without a marker it is an account like any other.
    assert_eq!(accounts.ensure(&wanted, soon()).unwrap(), crate::outcome::StepResult::Unchanged);
    crash_markers::account::set(&root, "new");
    assert!(accounts.would_ensure(&wanted).unwrap());
    assert_eq!(accounts.ensure(&wanted, soon()).unwrap(), crate::outcome::StepResult::Done);
    assert!(text("etc/shadow").starts_with(SHADOW) && text("etc/shadow").contains("\nnew:*:"));
    assert!(text("etc/group").contains("\nnew:x:777:\n") && text("etc/group").contains("docker:x:233:core,new\n"));
    assert!(!crash_markers::account::is_left(&root, "new") && !accounts.would_ensure(&wanted).unwrap());
    // Existing accounts are unchanged, and unknown values are reported.
    let before = (text("etc/passwd"), text("etc/group"), text("etc/shadow"));
    crash_markers::account::set(&root, "core");
    let wanted = Account { groups: vec!["2000".into()], create_home: false, ..account("core") };
    let error = accounts.ensure(&wanted, soon()).unwrap_err();
    assert!(format!("{error:#}").contains("usermod -a -G 2000 core"), "{error:#}");
    let wanted = Account { groups: vec!["docker".into()], ..wanted };
    assert_eq!(accounts.ensure(&wanted, soon()).unwrap(), crate::outcome::StepResult::Unchanged);
    assert!(!crash_markers::account::is_left(&root, "core"));
    assert_eq!((text("etc/passwd"), text("etc/group"), text("etc/shadow")), before);
}

#[test]
fn an_account_that_is_as_it_should_be_is_left_alone() {
    let (_dir, root) = tree();
    let account = Account { passwd: Some(Secret::new("$6$salt$hash".into())), ..account("core") };
    let change = Accounts::new(&root).ensure(&account, Deadline::after(Duration::from_secs(5))).unwrap();
    assert_eq!(change, crate::outcome::StepResult::Unchanged);
}
