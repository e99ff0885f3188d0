//! CloudSigma's server context, over a line that looks like its own.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cloudinit::source::{Availability, Context, Places, Setup};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

use super::{meta_data, setup, source, user_data};

/// Answers at the other end of the line: it gets the number of the question, and the requested key.
type Answers = Box<dyn Fn(usize, &str) -> Vec<u8> + Send>;

/// A machine with such a line, and with the product name of CloudSigma.
pub fn machine(answers: impl Fn(usize, &str) -> Vec<u8> + Send + 'static) -> (TempDir, Setup) {
    let root = tempfile::tempdir().unwrap();
    let places = Places::beneath(root.path());
    std::fs::create_dir_all(&places.dmi).unwrap();
    std::fs::create_dir_all(places.serial.parent().unwrap()).unwrap();
    std::fs::write(places.dmi.join("product_name"), "CloudSigma Platform\n").unwrap();
    std::fs::create_dir_all(&places.leases).unwrap();
    std::fs::write(places.leases.join("2"), "ADDRESS=203.0.113.9\n").unwrap();
    let setup = Setup { places, ..setup() };
    line(&setup.places.serial, Box::new(answers));
    (root, setup)
}

fn line(path: &Path, answers: Answers) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    std::os::unix::fs::symlink(&name, path).unwrap();
    // The line stays raw while no process has it open.
    let held = File::options().read(true).write(true).open(&name).unwrap();
    let mut master = File::from(master);
    thread::spawn(move || {
        let _held = held;
        let (mut heard, mut asked) = (Vec::new(), 0);
        let mut byte = [0];
        while master.read_exact(&mut byte).is_ok() {
            heard.push(byte[0]);
            if heard.ends_with(b"\n>") {
                let text = String::from_utf8(std::mem::take(&mut heard)).unwrap();
                let key = text.strip_prefix("<\n").and_then(|text| text.strip_suffix("\n>")).unwrap().to_owned();
                // Not all of it comes at once.
                for part in answers(asked, &key).chunks(100) {
                    master.write_all(part).unwrap();
                    thread::sleep(Duration::from_millis(1));
                }
                asked += 1;
            }
        }
    });
}

const CONTEXT: &str = r#"{"name": "web", "meta": {"ssh_public_key": "ssh-ed25519 A me"},
    "nics": [{"ip_v4_conf": {"ip": {"uuid": "203.0.113.9"}}}]}"#;
const META: &str = r#"{"base64_fields": "cloudinit-user-data", "cloudinit-user-data": "I2Nsb3VkLWNvbmZpZwo="}"#;

fn honest(_: usize, key: &str) -> Vec<u8> {
    match key {
        "" => format!("{CONTEXT}\u{4}").into_bytes(),
        "/meta/" => format!("{META}\u{4}").into_bytes(),
        _ => b"\x04".to_vec(),
    }
}

#[test]
fn the_context_is_read_over_the_line() {
    let (_root, setup) = machine(honest);
    let source = source("from-cloudsigma-metadata", "true").source;
    assert_eq!(source.probe(&Context { setup: &setup, stop: &|| false }), Availability::Here);
    let meta = meta_data(&*source, &setup);
    assert_eq!((meta.hostname.as_deref(), meta.failures.as_slice()), (Some("web"), &[][..]));
    assert_eq!(meta.ssh_keys, ["ssh-ed25519 A me"]);
    assert_eq!(meta.addresses.public_v4.unwrap().to_string(), "203.0.113.9");
    assert_eq!(user_data(&*source, &setup).unwrap(), "#cloud-config\n");
}

#[test]
fn it_is_here_on_cloudsigmas_machines_with_a_lease() {
    let (_root, setup) = machine(honest);
    let source = source("from-cloudsigma-metadata", "true").source;
    let probe = || source.probe(&Context { setup: &setup, stop: &|| false });
    std::fs::remove_file(setup.places.leases.join("2")).unwrap();
    assert!(matches!(probe(), Availability::NotYet(_)), "a lease may still come");
    std::fs::remove_dir(&setup.places.leases).unwrap();
    assert!(matches!(probe(), Availability::NotYet(_)));
    std::fs::write(setup.places.dmi.join("product_name"), "Standard PC (CloudSigma)\n").unwrap();
    assert!(matches!(probe(), Availability::Never(_)), "a machine stays what it is");
    std::fs::remove_file(setup.places.dmi.join("product_name")).unwrap();
    assert!(matches!(probe(), Availability::Never(_)));
}

#[test]
fn a_large_answer_arrives_whole() {
    fn large(_: usize, _: &str) -> Vec<u8> {
        let text = "x".repeat(100_000);
        format!("{{\"cloudinit-user-data\": \"{text}\"}}\u{4}").into_bytes()
    }
    let (_root, setup) = machine(large);
    let source = source("from-cloudsigma-metadata", "true").source;
    assert_eq!(user_data(&*source, &setup).unwrap().len(), 100_000);
}

#[test]
fn a_line_that_was_silent_is_asked_again() {
    fn late(asked: usize, key: &str) -> Vec<u8> {
        if asked == 0 { b"{\"name\": \"half".to_vec() } else { honest(asked, key) }
    }
    let (_root, setup) = machine(late);
    let meta = meta_data(&*source("from-cloudsigma-metadata", "true").source, &setup);
    assert_eq!((meta.hostname.as_deref(), meta.failures.as_slice()), (Some("web"), &[][..]));
}

#[test]
fn the_rest_of_an_answer_is_not_taken_for_the_next() {
    fn talkative(_: usize, key: &str) -> Vec<u8> {
        if key.is_empty() { b"{\"name\": \"web\"}\x04 and more".to_vec() } else { honest(0, key) }
    }
    let (_root, setup) = machine(talkative);
    let source = source("from-cloudsigma-metadata", "true").source;
    assert_eq!(meta_data(&*source, &setup).hostname.as_deref(), Some("web"));
    assert_eq!(user_data(&*source, &setup).unwrap(), "#cloud-config\n");
}

#[test]
fn silence_and_nonsense_end_in_time_and_show_nothing() {
    fn silent(_: usize, _: &str) -> Vec<u8> {
        Vec::new()
    }
    fn nonsense(_: usize, _: &str) -> Vec<u8> {
        b"hunter2\x04".to_vec()
    }
    for answers in [silent as fn(usize, &str) -> Vec<u8>, nonsense] {
        let (_root, setup) = machine(answers);
        let source = source("from-cloudsigma-metadata", "true").source;
        let begun = Instant::now();
        let failures = meta_data(&*source, &setup).failures;
        assert_eq!(failures.len(), 1);
        let all = format!("{failures:?} {:?}", user_data(&*source, &setup).unwrap_err());
        assert!(!all.contains("hunter2"), "{all}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_file_that_is_no_serial_line_is_reported() {
    let (_root, setup) = machine(honest);
    let source = source("from-cloudsigma-metadata", "true").source;
    std::fs::remove_file(&setup.places.serial).unwrap();
    let missing = user_data(&*source, &setup).unwrap_err();
    assert!(missing.contains("ttyS1"), "{missing}");
    std::fs::write(&setup.places.serial, "").unwrap();
    assert!(user_data(&*source, &setup).unwrap_err().contains("not a serial port"));
}
