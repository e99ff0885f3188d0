//! The log while sources are probed and read.

use std::sync::{Mutex, Once};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::server::{Answer, Server, body, status};
use super::{fetch, setup, source};

/// Keeps every line that the program logs in this test; those of libraries are not let through (see below).
struct Keeper(Mutex<Vec<(Level, String)>>);

static KEEPER: Keeper = Keeper(Mutex::new(Vec::new()));

impl Log for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cloudinit")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push((record.level(), record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&KEEPER).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
}

fn lines() -> Vec<(Level, String)> {
    KEEPER.0.lock().unwrap().clone()
}

#[test]
fn a_deprecated_flag_is_reported_when_it_is_used() {
    listen();
    let warnings = || lines().into_iter().filter(|(_, line)| line.contains("deprecated")).collect::<Vec<_>>();
    drop(source("from-ec2-metadata", "http://169.254.169.254/"));
    assert_eq!(warnings(), []);
    drop(source("from-metadata-service", ""));
    let line = "--from-metadata-service is deprecated; use --from-ec2-metadata=http://169.254.169.254/";
    assert_eq!(warnings(), [(Level::Warn, line.to_owned())]);
}

#[test]
fn no_line_has_credentials_tokens_or_queries() {
    listen();
    // Whatever is asked fails at first; the token is no longer taken after some questions.
    let server = Server::start(|number, asked| match (asked.method.as_str(), number) {
        ("PUT", _) => body(format!("unsaid-token-{number}")),
        (_, 3 | 7) => status(401),
        (_, 1 | 5) => status(500),
        (_, 9) => Answer::Reset(Vec::new()),
        _ => body("unsaid-body"),
    });
    let base = server.url.replace("://", "://me:unsaid-password@");
    for flag in ["from-ec2-metadata", "from-gce-metadata", "from-digitalocean-metadata", "from-packet-metadata"] {
        let found = fetch(vec![source(flag, &base)], &setup());
        assert!(!format!("{:?}", found.map(|(name, meta, _)| (name, meta.failures))).contains("unsaid"), "{flag}");
    }
    drop(fetch(vec![source("from-url", format!("{base}/a?key=unsaid-query#unsaid"))], &setup()));
    let (server, lines) = (server.url.trim_start_matches("http://"), lines());
    assert!(lines.iter().any(|(_, line)| line.contains(server)), "something is said of it: {lines:?}");
    let leaks: Vec<_> = lines.iter().filter(|(_, line)| line.contains("unsaid") || line.contains("bWU6")).collect();
    assert!(leaks.is_empty(), "{leaks:?}");
}

/// A library's log lines have complete URLs.
#[test]
fn no_library_writes_to_the_log() {
    let server = Server::sequence(vec![status(500), status(404)]);
    let url = format!("{}/a?key=unsaid-query", server.url.replace("://", "://me:unsaid-password@"));
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
    let output = program.args(["-v", "--validate", "--from-url", &url]).output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(printed.contains(&format!("{}/a?…", server.url)) && printed.contains("500"), "{printed}");
    assert!(!printed.contains("unsaid") && !printed.contains("bWU6") && !printed.contains("GET http"), "{printed}");
}
