//! Sources that are files: as their platforms lay them out, and as they should not be.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use cloud_config::network::{Format, NetworkData};
use cloudinit::source::{Availability, Candidate, Context, Places, Setup};
use tempfile::TempDir;

use super::server::{Server, body};
use super::{meta_data, meta_data_with, setup, source, user_data};

/// A directory with these files.
pub fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        put(directory.path(), path, text);
    }
    directory
}

fn put(directory: &Path, path: &str, text: &str) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn pipe(path: &Path) {
    let status = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(status.success());
}

pub fn probe(candidate: &Candidate, setup: &Setup) -> Availability {
    candidate.source.probe(&Context { setup, stop: &|| false })
}

fn drive(directory: &Path) -> Candidate {
    source("from-configdrive", directory)
}

const META: &str = "openstack/latest/meta_data.json";
const USER: &str = "openstack/latest/user_data";

#[test]
fn a_config_drive_has_meta_data_and_user_data() {
    let drive_directory = directory(&[
        (
            META,
            r#"{"hostname": "web", "public_keys": {"b": "k2", "a": "k1\n"}, "network_config":
            {"content_path": "/content/0000"}, "meta": {"x": 1}}"#,
        ),
        (USER, "#cloud-config\n"),
        ("openstack/content/0000", "auto eth0\n"),
        ("openstack/latest/network_data.json", "{\"links\": []}"),
    ]);
    let (setup, drive) = (setup(), drive(drive_directory.path()));
    assert_eq!(probe(&drive, &setup), Availability::Here);
    let meta = meta_data(&*drive.source, &setup);
    assert_eq!((meta.hostname.as_deref(), meta.network), (Some("web"), None));
    assert_eq!(meta.ssh_keys, ["k1", "k2"]);
    assert!(meta.failures.is_empty());
    assert_eq!(user_data(&*drive.source, &setup).unwrap(), "#cloud-config\n");
    assert_eq!(drive.source.name(), drive_directory.path().join(USER).display().to_string());
    for (format, wanted) in [
        (Format::Debian, Some(NetworkData::Debian(b"auto eth0\n".to_vec()))),
        (Format::OpenStack, Some(NetworkData::OpenStack(b"{\"links\": []}".to_vec()))),
        (Format::Packet, None),
    ] {
        let network = meta_data_with(&*drive.source, &setup, Some(format)).network;
        assert_eq!(network.as_ref().map(NetworkData::format), wanted.as_ref().map(|_| format));
        assert!(network == wanted);
    }
}

#[test]
fn missing_files_of_a_drive_are_empty() {
    let setup = setup();
    let all = Some(Format::Debian);
    for drive_directory in [
        directory(&[(META, "")]),
        directory(&[(META, "{}")]),
        directory(&[(META, r#"{"hostname": "", "public_keys": null, "network_config": {}}"#)]),
        directory(&[
            (META, r#"{"network_config": {"content_path": "content/0"}}"#),
            ("openstack/content/0", ""),
            ("openstack/latest/network_data.json", ""),
        ]),
    ] {
        let drive = drive(drive_directory.path());
        assert_eq!(probe(&drive, &setup), Availability::Here);
        let meta = meta_data_with(&*drive.source, &setup, all);
        assert_eq!((meta.hostname, meta.ssh_keys.len(), meta.network), (None, 0, None));
        assert_eq!(meta.failures, Vec::<String>::new());
        assert_eq!(meta_data_with(&*drive.source, &setup, Some(Format::OpenStack)).network, None);
        assert_eq!(user_data(&*drive.source, &setup).unwrap(), "");
    }
}

#[test]
fn a_fault_of_a_drive_skips_only_its_value() {
    let setup = setup();
    let odd = directory(&[
        (
            META,
            r#"{"hostname": ["hunter2"], "public_keys": {"a": "k1", "b": 7}, "network_config":
            {"content_path": "../../../etc/hostname"}}"#,
        ),
        (USER, "#cloud-config\n"),
    ]);
    let source = drive(odd.path()).source;
    let meta = meta_data_with(&*source, &setup, Some(Format::Debian));
    assert_eq!(meta.ssh_keys, ["k1"]);
    assert_eq!(meta.failures.len(), 3, "{:?}", meta.failures);
    assert!(!meta.failures.concat().contains("hunter2"));
    assert_eq!(meta.network, None, "nothing leads out of the drive");
    assert_eq!(user_data(&*source, &setup).unwrap(), "#cloud-config\n");
    for broken in ["{\"hostname\": \"web\"", "[]", "\u{0}"] {
        let odd = directory(&[(META, broken)]);
        let meta = meta_data(&*drive(odd.path()).source, &setup);
        assert_eq!((meta.hostname, meta.failures.len()), (None, 1), "{broken}");
    }
}

#[test]
fn the_newest_readable_version_is_used_where_there_is_no_latest() {
    let setup = setup();
    let odd = directory(&[
        ("openstack/2012-08-10/user_data", "old"),
        (
            "openstack/2015-10-15/meta_data.json",
            r#"{"hostname": "web", "network_config": {"content_path": "content/0"}}"#,
        ),
        ("openstack/2015-10-15/user_data", "new"),
        ("openstack/2015-10-15/network_data.json", "{}"),
        ("openstack/2017-02-22/vendor_data.json", "{}"),
        ("openstack/2018-08-27/user_data/x", "a directory"),
        ("openstack/2020-10-14", "a file"),
        ("openstack/content/0", "auto eth0\n"),
        ("openstack/9999-99-99x/user_data", "no date"),
    ]);
    symlink("2012-08-11", odd.path().join("openstack/latest")).unwrap();
    let newest = drive(odd.path());
    assert_eq!(probe(&newest, &setup), Availability::Here);
    let path = odd.path().join("openstack/2015-10-15/user_data");
    assert_eq!(newest.source.name(), path.display().to_string());
    let meta = meta_data_with(&*newest.source, &setup, Some(Format::Debian));
    assert_eq!((meta.hostname.as_deref(), meta.failures), (Some("web"), vec![]));
    assert!(meta.network == Some(NetworkData::Debian(b"auto eth0\n".to_vec())));
    let network = meta_data_with(&*newest.source, &setup, Some(Format::OpenStack)).network;
    assert!(network == Some(NetworkData::OpenStack(b"{}".to_vec())));
    assert_eq!(user_data(&*newest.source, &setup).unwrap(), "new");
    fs::remove_file(odd.path().join("openstack/latest")).unwrap();
    put(odd.path(), META, "{}");
    assert_eq!(user_data(&*drive(odd.path()).source, &setup).unwrap(), "", "`latest` has none");
}

#[test]
fn a_network_description_that_is_named_and_missing_is_a_failure() {
    let odd = directory(&[(META, r#"{"hostname": "web", "network_config": {"content_path": "content/9"}}"#)]);
    let source = drive(odd.path()).source;
    let meta = meta_data_with(&*source, &setup(), Some(Format::Debian));
    assert_eq!((meta.hostname.as_deref(), meta.failures.len()), (Some("web"), 1), "{:?}", meta.failures);
    assert_eq!(meta_data(&*source, &setup()).failures, Vec::<String>::new());
}

#[test]
fn user_data_under_another_name_is_an_error_that_names_it() {
    let setup = setup();
    for name in ["user-data", "userdata", "userdata.txt", "user_data.gz", "User-Data"] {
        for version in ["latest", "2018-08-27"] {
            let path = format!("openstack/{version}/{name}");
            for files in
                [&[(&*path, "x")][..], &[(&*path, "x"), (META, "{}"), ("openstack/2018-08-27/meta_data.json", "{}")]]
            {
                if version != "latest" && files.len() > 1 {
                    continue;
                }
                let odd = directory(files);
                let error = user_data(&*drive(odd.path()).source, &setup).unwrap_err();
                assert!(error.contains(&path) && error.contains("must be named user_data"), "{error}");
            }
        }
    }
    let sound = directory(&[(USER, "#cloud-config\n"), ("openstack/latest/user-data", "x")]);
    assert_eq!(user_data(&*drive(sound.path()).source, &setup).unwrap(), "#cloud-config\n");
}

#[test]
fn a_drive_with_another_layout_is_an_error_that_names_it() {
    let setup = setup();
    let found = |names: &str| format!("openstack/DATE; found {names} instead");
    let from = |path: &str| format!("; apply its user-data with --from-file=DRIVE/{path}");
    for (files, wanted) in [
        (&[][..], "the directory is empty".to_owned()),
        (&["ec2/latest/meta-data.json"], found("ec2/")),
        (&["ec2/latest/user-data"], found("ec2/") + &from("ec2/latest/user-data")),
        (&["user-data", "meta-data", "x\u{1b}[1m"], found("meta-data, user-data, x\\u{1b}[1m") + &from("user-data")),
        (&["cloudstack/userdata/user_data.txt"], found("cloudstack/") + &from("cloudstack/userdata/user_data.txt")),
        (&["openstack/content/0000"], found("openstack/content/")),
        (&["openstack/latest/vendor_data.json"], found("openstack/latest/")),
        (&["openstack"], found("openstack")),
        (&["latest/user_data"], found("latest/") + "; put latest into a directory openstack"),
        (&["OpenStack/latest/user_data"], found("OpenStack/") + "; rename OpenStack to openstack"),
        (
            &["config-2/openstack/latest/user_data"],
            found("config-2/") + "; the drive is in DRIVE/config-2: use --from-configdrive=DRIVE/config-2",
        ),
        (&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], found("0, 1, 2, 3, 4, 5, 6, 7")),
    ] {
        let odd = directory(&files.iter().map(|path| (*path, "x")).collect::<Vec<_>>());
        let source = drive(odd.path()).source;
        let error = user_data(&*source, &setup).unwrap_err().replace(&odd.path().display().to_string(), "DRIVE");
        let wanted = wanted.replace(" 7 instead", " 7 instead and 2 more");
        assert!(error.ends_with(&wanted), "{error}");
        assert!(error.starts_with("failed to read config drive DRIVE: "), "{error}");
        assert_eq!(meta_data(&*source, &setup).failures.len(), 1);
    }
}

#[test]
fn validate_reports_the_failures_of_a_run() {
    let user_data = (USER, "#cloud-config\nhostname: web\n");
    let property = |name: &str| {
        format!(
            "<Environment xmlns='http://schemas.dmtf.org/ovf/environment/1' \
             xmlns:e='http://schemas.dmtf.org/ovf/environment/1'><PropertySection>\
             <Property e:key='{name}' e:value='x y'/></PropertySection></Environment>"
        )
    };
    for (flag, path, files, wanted) in [
        ("--from-configdrive", "", vec![("metadata.json", "{}".to_owned())], Some("found metadata.json instead")),
        ("--from-configdrive", "", vec![("ec2/latest/meta-data.json", "{}".to_owned())], Some("found ec2/ instead")),
        (
            "--from-configdrive",
            "",
            vec![("openstack/latest/metadata.json", "{}".to_owned())],
            Some("must be named meta_data.json"),
        ),
        (
            "--from-configdrive",
            "",
            vec![(META, "{\"public_keys\": 3}".to_owned())],
            Some("public_keys is not an object; ignored"),
        ),
        ("--from-configdrive", "", vec![(META, "{\"hostname\": \"a b\"}".to_owned())], Some("host name")),
        ("--from-configdrive", "", vec![(META, "{\"hostname\": \"a\"}".to_owned())], None),
        (
            "--from-waagent",
            "",
            vec![("provisioned", String::new()), ("SharedConfig.xml", "<".to_owned())],
            Some("SharedConfig.xml"),
        ),
        ("--from-vmware-ovf-env", "env", vec![("env", property("hostname"))], Some("must be named guestinfo.hostname")),
        ("--from-vmware-ovf-env", "env", vec![("env", property("public-keys"))], Some("which is unsupported")),
        ("--from-vmware-ovf-env", "env", vec![("env", property("guestinfo.hostname"))], Some("host name")),
        ("--from-vmware-ovf-env", "env", vec![("env", property("guestinfo.x"))], None),
    ] {
        let tree = directory(&[user_data]);
        if wanted.is_some_and(|wanted| wanted.contains("instead")) {
            fs::remove_dir_all(tree.path().join("openstack")).unwrap();
        }
        for (path, text) in &files {
            put(tree.path(), path, text);
        }
        let run = |mode: &str| {
            let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
            let output =
                program.arg(format!("{flag}={}", tree.path().join(path).display())).arg(mode).output().unwrap();
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(i32::from(wanted.is_some())), "{files:?} {mode}: {text}");
            assert!(text.contains(wanted.unwrap_or_default()), "{files:?} {mode}: {text}");
        };
        run("--dry-run");
        run("--validate");
    }
}

#[test]
fn a_misnamed_host_name_beside_one_of_the_user_data_is_no_failure() {
    for (user_data, code, wanted) in [
        ("hostname: web", 0, "must be named guestinfo.hostname; host name of the user-data used"),
        ("ssh_authorized_keys: []", 1, "must be named guestinfo.hostname"),
    ] {
        let properties = format!(
            "<Environment><PropertySection><Property key='hostname' value='db'/>\
             <Property key='guestinfo.coreos.config.data' value='#cloud-config&#10;{user_data}&#10;'/>\
             </PropertySection></Environment>"
        );
        let tree = directory(&[("env", &properties)]);
        for mode in ["--dry-run", "--validate"] {
            let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
            let flag = format!("--from-vmware-ovf-env={}", tree.path().join("env").display());
            let output = program.args([&flag, mode]).output().unwrap();
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(code), "{mode}: {text}");
            assert!(text.contains(wanted), "{mode}: {text}");
        }
    }
}

#[test]
fn an_object_that_is_no_file_is_not_waited_for() {
    let setup = setup();
    let begun = Instant::now();
    let odd = directory(&[("openstack/latest/x", "")]);
    pipe(&odd.path().join(META));
    pipe(&odd.path().join(USER));
    let source = drive(odd.path()).source;
    assert!(meta_data(&*source, &setup).failures[0].ends_with("meta_data.json is not a file"));
    assert!(user_data(&*source, &setup).unwrap_err().ends_with("user_data is not a file"));
    fs::remove_file(odd.path().join(USER)).unwrap();
    fs::create_dir(odd.path().join(USER)).unwrap();
    assert!(user_data(&*source, &setup).unwrap_err().ends_with("is a directory, not a file"));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn links_are_followed_and_size_is_bounded() {
    let setup = setup();
    let odd = directory(&[("openstack/2018-08-27/user_data", "#cloud-config\n")]);
    symlink("2018-08-27", odd.path().join("openstack/latest")).unwrap();
    let source = drive(odd.path()).source;
    assert_eq!(user_data(&*source, &setup).unwrap(), "#cloud-config\n");
    let file = fs::OpenOptions::new().write(true).open(odd.path().join(USER)).unwrap();
    file.set_len(16 << 20).unwrap();
    assert_eq!(user_data(&*source, &setup).unwrap().len(), 16 << 20);
    file.set_len((16 << 20) + 1).unwrap();
    assert!(user_data(&*source, &setup).unwrap_err().contains("more than 16 MiB"));
    symlink("user_data", odd.path().join("openstack/latest/loop")).unwrap();
    symlink("meta_data.json", odd.path().join("openstack/latest/meta_data.json")).unwrap();
    assert_eq!(meta_data(&*source, &setup).failures.len(), 1, "a link to itself");
}

#[test]
fn no_link_leads_out_of_a_drive() {
    let setup = setup();
    let outside = directory(&[("secret", "#cloud-config\n")]);
    let odd = directory(&[(META, r#"{"network_config": {"content_path": "/content/0000"}}"#)]);
    symlink(outside.path().join("secret"), odd.path().join(USER)).unwrap();
    symlink(outside.path(), odd.path().join("openstack/content")).unwrap();
    put(outside.path(), "0000", "auto eth0\n");
    let source = drive(odd.path()).source;
    assert!(user_data(&*source, &setup).unwrap_err().contains("leads out of"));
    let meta = meta_data_with(&*source, &setup, Some(Format::Debian));
    assert!(meta.network.is_none() && meta.failures[0].contains("leads out of"), "{:?}", meta.failures);
}

#[test]
fn directories_are_waited_for() {
    let setup = setup();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("drive");
    let drive = drive(&path);
    assert!(matches!(probe(&drive, &setup), Availability::NotYet(why) if why.ends_with("drive does not exist")));
    fs::write(&path, "").unwrap();
    assert!(matches!(probe(&drive, &setup), Availability::NotYet(why) if why.ends_with("is not a directory")));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(probe(&drive, &setup), Availability::Here);
}

#[test]
fn the_agent_of_azure_marks_its_end() {
    let setup = setup();
    let agent = directory(&[
        (
            "SharedConfig.xml",
            "<SharedConfig><Incarnation instance='me'/><Instances><Instance id='me' \
            address='10.0.0.4'/></Instances></SharedConfig>",
        ),
        ("CustomData", "#cloud-config\n"),
    ]);
    let candidate = source("from-waagent", agent.path());
    assert!(matches!(probe(&candidate, &setup), Availability::NotYet(_)));
    put(agent.path(), "provisioned", "");
    assert_eq!(probe(&candidate, &setup), Availability::Here);
    let meta = meta_data(&*candidate.source, &setup);
    assert_eq!((meta.addresses.private_v4, meta.failures.len()), (Some(Ipv4Addr::new(10, 0, 0, 4)), 0));
    assert_eq!(user_data(&*candidate.source, &setup).unwrap(), "#cloud-config\n");
    put(agent.path(), "CustomData", "I2Nsb3VkLWNvbmZpZwo=");
    assert_eq!(user_data(&*candidate.source, &setup).unwrap(), "#cloud-config\n", "as the agent is told by default");
    put(agent.path(), "SharedConfig.xml", "<hunter2");
    let failures = meta_data(&*candidate.source, &setup).failures;
    assert!(failures[0].contains("SharedConfig.xml") && !failures[0].contains("hunter2"), "{failures:?}");
    for missing in ["SharedConfig.xml", "CustomData"] {
        fs::remove_file(agent.path().join(missing)).unwrap();
    }
    assert!(meta_data(&*candidate.source, &setup).failures.is_empty());
    assert_eq!(user_data(&*candidate.source, &setup).unwrap(), "");
}

#[test]
fn the_kernel_command_line_names_an_address() {
    let server = Server::sequence(vec![body("#cloud-config\n")]);
    let root = directory(&[("proc/cmdline", "")]);
    let setup = Setup { places: Places::beneath(root.path()), ..setup() };
    let candidate = source("from-proc-cmdline", "true");
    for (line, wanted) in [
        ("root=/dev/vda ro\n".to_owned(), None),
        ("cloud-config-url=ftp://host/\n".to_owned(), None),
        (format!("cloud_config_url=http://127.0.0.1:1/ cloud-config-url=\"{}/a\" ro\n", server.url), Some("/a")),
    ] {
        put(root.path(), "proc/cmdline", &line);
        let found = probe(&candidate, &setup);
        assert_eq!(found == Availability::Here, wanted.is_some(), "{found:?}");
        assert_eq!(matches!(found, Availability::Never(_)), wanted.is_none(), "it does not wait");
        let data = user_data(&*candidate.source, &setup);
        assert_eq!(data.is_ok(), wanted.is_some(), "{data:?}");
    }
    assert_eq!(server.paths(), ["GET /a"]);
    fs::remove_file(root.path().join("proc/cmdline")).unwrap();
    assert!(matches!(probe(&candidate, &setup), Availability::Never(_)));
}

#[test]
fn an_address_of_the_command_line_that_has_nothing_is_a_failure() {
    let server = Server::files(&[]);
    let url = server.url.replace("://", "://me:hunter2@");
    let root = directory(&[("proc/cmdline", &format!("cloud-config-url={url}/a?k=hunter2\n"))]);
    let setup = Setup { places: Places::beneath(root.path()), ..setup() };
    let error = user_data(&*source("from-proc-cmdline", "true").source, &setup).unwrap_err();
    assert!(error.contains("404 Not Found") && !error.contains("hunter2"), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("pipe");
    pipe(&path);
    let setup = setup();
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || fs::write(path, "#!/bin/sh\n").unwrap())
    };
    let candidate = source("from-file", &path);
    assert_eq!(probe(&candidate, &setup), Availability::Here);
    assert_eq!(user_data(&*candidate.source, &setup).unwrap(), "#!/bin/sh\n");
    writer.join().unwrap();
    let stopped = candidate.source.user_data(&Context { setup: &setup, stop: &|| true }).unwrap_err();
    assert!(stopped.to_string().contains("failed to read"), "a silent one does not hold up a run that is stopped");
}

#[test]
fn a_file_of_a_drive_that_is_almost_called_right_is_reported() {
    let setup = setup();
    let odd = directory(&[
        ("openstack/latest/metadata.json", r#"{"hostname": "web"}"#),
        ("openstack/latest/network-data.json", "{}"),
        (USER, "#cloud-config\n"),
    ]);
    let source = drive(odd.path()).source;
    let failures = meta_data_with(&*source, &setup, Some(Format::OpenStack)).failures.join("\n");
    for wanted in ["metadata.json, which must be named meta_data.json", "which must be named network_data.json"] {
        assert!(failures.contains(wanted), "{failures}");
    }
    assert_eq!(user_data(&*source, &setup).unwrap(), "#cloud-config\n");
    let alone = directory(&[("openstack/latest/metadata.json", "{}")]);
    let source = drive(alone.path()).source;
    assert!(meta_data(&*source, &setup).failures.concat().contains("must be named meta_data.json"));
}
